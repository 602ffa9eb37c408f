/* SPDX-License-Identifier: BSD-3-Clause */
/* A program that serves one stream. posix_spawn() and not fork(): what keeps the program from being run is told here, not in a child. */
#include "libcoyo/tool/command.h"
#include "base/assert.h"
#include "wire/id.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DEFAULT_SEARCH "/usr/local/bin:/usr/bin:/bin"

/* 0 where path is a file that may be run; -errno, -EISDIR among them. */
static int runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return access(path, X_OK) < 0 ? -errno : 0;
}

/* The first folder of the list that has it, as the shell looks: one that may not be run is only told of where no other can. */
static int search_for(const char *name, const char *search, char out[COMMAND_PATH_MAX])
{
	int seen = -ENOENT;
	struct stat st;

	for (const char *p = search;; p++) {
		int n = (int)strcspn(p, ":"), r;

		/* An empty entry is the current folder (POSIX). */
		r = snprintf(out, COMMAND_PATH_MAX, "%.*s%s%s", n, p, n ? "/" : "./", name);
		r = r < COMMAND_PATH_MAX ? runnable(out) : -ENAMETOOLONG;
		if (r == 0)
			return 0;
		/* It is there and may not be run; what a folder that cannot be looked into has, nobody knows. */
		if (r == -EACCES && stat(out, &st) == 0)
			seen = r;
		p += n;
		if (!*p)
			return seen;
	}
}

/* Whether a script's first line names an interpreter that is there. *bad gets its name. Anything but a script passes. */
static int check_interpreter(const char *path, char bad[128])
{
	char line[130];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	char *p;

	/* A program that may be run and not read is well. */
	if (fd < 0)
		return 0;
	n = read(fd, line, sizeof(line) - 1);
	close(fd);
	if (n < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	line[n] = '\0';
	p = line + 2 + strspn(line + 2, " \t");
	p[strcspn(p, " \t\n")] = '\0';
	snprintf(bad, 128, "%s", p);
	return runnable(p);
}

static int cannot(char why[COYO_WHY_MAX], int err, const char *name, const char *reason)
{
	snprintf(why, COYO_WHY_MAX, "cannot run %.100s: %s", name, reason);
	return err;
}

int command_find(const char *name, const char *search, char out[COMMAND_PATH_MAX],
                 char why[COYO_WHY_MAX])
{
	char bad[128], reason[200];
	int r;

	if (!*name)
		return cannot(why, -ENOENT, "``", "the command has no name");
	if (strlen(name) >= COMMAND_PATH_MAX)
		return cannot(why, -ENAMETOOLONG, name, strerror(ENAMETOOLONG));
	if (strchr(name, '/')) {
		strcpy(out, name);
		r = runnable(out);
	} else {
		r = search_for(name, search ? search : DEFAULT_SEARCH, out);
		if (r == -ENOENT)
			return cannot(why, r, name,
			              "no folder of $PATH has a program of that name: install it, "
			              "or name it with its folder");
	}
	if (r == -EISDIR)
		return cannot(why, r, name, "it is a folder");
	if (r == -EACCES)
		return cannot(why, r, name, "it may not be run: see `chmod +x`");
	if (r < 0)
		return cannot(why, r, name, strerror(-r));
	r = check_interpreter(out, bad);
	if (r == 0)
		return 0;
	snprintf(reason, sizeof(reason), "its first line names the interpreter %.60s: %s", bad,
	         strerror(-r));
	return cannot(why, r, name, reason);
}

/* ---- environment ---- */

static bool is_ours(const char *entry)
{
	static const char *const names[] = {
	        "COYO_PEER=", "COYO_PEER_SHORT=", "COYO_PEER_PORT=", "COYO_PORT=", "COYO_LOCAL="};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strncmp(entry, names[i], strlen(names[i])) == 0)
			return true;
	return false;
}

#define OURS_MAX 5

/* The strings, one behind the other; out[i] points at each. Returns how many. */
static size_t write_ours(const struct command_ends *ends, char *text, size_t cap, char **out)
{
	char peer[ID_TEXT_LEN + 1], brief[ID_SHORT_LEN + 1], local[ID_TEXT_LEN + 1] = "";
	struct node_id id;
	size_t at = 0, n = 0;
	int k;

	memcpy(id.b, ends->peer.scoyo_id, ID_BYTES);
	id_to_text(&id, peer);
	id_to_short(&id, brief);
	if (ends->local.scoyo_family == AF_COYO) {
		memcpy(id.b, ends->local.scoyo_id, ID_BYTES);
		id_to_text(&id, local);
	}
	k = snprintf(
	        text, cap,
	        "COYO_PEER=%s%cCOYO_PEER_SHORT=%s%cCOYO_PEER_PORT=%u%cCOYO_PORT=%u%cCOYO_LOCAL=%s",
	        peer, 0, brief, 0, ntohs(ends->peer.scoyo_port), 0, ntohs(ends->local.scoyo_port),
	        0, local);
	COYO_ASSERT(k > 0 && (size_t)k < cap);
	while (n < (*local ? OURS_MAX : OURS_MAX - 1)) {
		out[n++] = text + at;
		at += strlen(text + at) + 1;
	}
	return n;
}

char **command_environment(char *const *base, const struct command_ends *ends)
{
	const size_t text_max = (size_t)OURS_MAX * 32 + 2 * (ID_TEXT_LEN + 1);
	size_t n = 0, kept = 0;
	char **env;

	while (base[n])
		n++;
	env = malloc((n + OURS_MAX + 1) * sizeof(*env) + text_max);
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++)
		if (!is_ours(base[i]))
			env[kept++] = base[i];
	kept += write_ours(ends, (char *)(env + n + OURS_MAX + 1), text_max, env + kept);
	env[kept] = NULL;
	return env;
}

/* ---- start and end ---- */

static int prepare(posix_spawn_file_actions_t *files, posix_spawnattr_t *attr, int stream)
{
	const short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP;
	sigset_t none, fresh;
	int r;

	sigemptyset(&none);
	sigemptyset(&fresh);
	/* Ignored here, which a program would inherit. What our own parent ignores (nohup) stays ignored. */
	sigaddset(&fresh, SIGPIPE);
	r = posix_spawnattr_setflags(attr, flags);
	r = r ? r : posix_spawnattr_setsigmask(attr, &none);
	r = r ? r : posix_spawnattr_setsigdefault(attr, &fresh);
	r = r ? r : posix_spawnattr_setpgroup(attr, 0);
	r = r ? r : posix_spawn_file_actions_adddup2(files, stream, STDIN_FILENO);
	r = r ? r : posix_spawn_file_actions_adddup2(files, stream, STDOUT_FILENO);
	/* Descriptors that our own parent left open are none of its business either. */
	r = r ? r : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
	return r;
}

pid_t command_start(const char *path, char *const *argv, char *const *environment, int stream)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	pid_t pid = -1;
	int r;

	r = posix_spawnattr_init(&attr);
	if (r)
		return -r;
	r = posix_spawn_file_actions_init(&files);
	if (r) {
		posix_spawnattr_destroy(&attr);
		return -r;
	}
	r = prepare(&files, &attr, stream);
	if (r == 0)
		r = posix_spawn(&pid, path, &files, &attr, argv, environment);
	posix_spawn_file_actions_destroy(&files);
	posix_spawnattr_destroy(&attr);
	return r ? -r : pid;
}

void command_ended(int status, char *out, size_t cap)
{
	if (WIFSIGNALED(status))
		snprintf(out, cap, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(out, cap, "status %d", WEXITSTATUS(status));
}
