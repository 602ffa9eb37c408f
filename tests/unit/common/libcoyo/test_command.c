/* SPDX-License-Identifier: BSD-3-Clause */
/* A program for a stream: found or refused by its reason, told who calls, and started with nothing of ours but the stream. */
#include "base/cc.h"
#include "libcoyo/tool/command.h"
#include "wire/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], path[128], found[COMMAND_PATH_MAX], why[COYO_WHY_MAX];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/command.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/tool", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static void write_tool(const char *text, mode_t mode)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void refused(int err, const char *name, const char *search, const char *says)
{
	assert_int_equal(command_find(name, search, found, why), err);
	assert_non_null(strstr(why, "cannot run"));
	if (!strstr(why, says))
		fail_msg("%s: %s", name, why);
}

static void test_find(void **state)
{
	char search[200];

	(void)state;
	write_tool("#! /bin/sh\nexit 0\n", 0755);
	assert_int_equal(command_find(path, NULL, found, why), 0);
	assert_string_equal(found, path);
	snprintf(search, sizeof(search), "/nowhere:%s:/bin", folder);
	assert_int_equal(command_find("tool", search, found, why), 0);
	assert_string_equal(found, path);
	/* Without $PATH the system's folders are looked through. */
	assert_int_equal(command_find("sh", NULL, found, why), 0);
	refused(-ENOENT, "tool", "/nowhere:/bin", "no folder of $PATH");
	refused(-ENOENT, "/nowhere/tool", "/bin", "No such file");
	refused(-EISDIR, folder, NULL, "is a folder");
	refused(-ENOENT, "", NULL, "no name");
}

static void test_what_may_not_be_run(void **state)
{
	char search[200];

	(void)state;
	write_tool("#!/bin/sh\n", 0644);
	snprintf(search, sizeof(search), "%s:/nowhere", folder);
	refused(-EACCES, path, NULL, "chmod +x");
	refused(-EACCES, "tool", search, "chmod +x");
	write_tool("#!/nowhere/interpreter -x\n", 0755);
	refused(-ENOENT, path, NULL, "interpreter /nowhere/interpreter: No such file");
	write_tool("#!/bin/sh\r\n", 0755);
	refused(-ENOENT, path, NULL, "interpreter /bin/sh\r");
	/* Neither a script nor a program: only the kernel knows. */
	write_tool("no program", 0755);
	assert_int_equal(command_find(path, NULL, found, why), 0);
}

static struct command_ends ends(void)
{
	struct command_ends e = {
	        .peer = {.scoyo_family = AF_COYO, .scoyo_port = htons(40000)},
	        .local = {.scoyo_family = AF_COYO, .scoyo_port = htons(22)},
	};

	memset(e.peer.scoyo_id, 0x5a, COYO_ID_BYTES);
	memset(e.local.scoyo_id, 0xa5, COYO_ID_BYTES);
	return e;
}

/* The value of name, which stands once; NULL: not there. */
static const char *value(char **env, const char *name)
{
	const char *v = NULL;

	for (char **e = env; *e; e++) {
		if (strncmp(*e, name, strlen(name)) != 0 || (*e)[strlen(name)] != '=')
			continue;
		assert_null(v);
		v = *e + strlen(name) + 1;
	}
	return v;
}

static void test_environment(void **state)
{
	char *base[] = {"PATH=/bin",
	                "COYO_PEER=forged",
	                "COYO_PEERS=kept",
	                "COYO_LOCAL=forged",
	                "COYO_SOCKET=/x",
	                "COYO_PORT=1",
	                "A=",
	                NULL};
	struct command_ends e = ends();
	char peer[ID_TEXT_LEN + 1], local[ID_TEXT_LEN + 1];
	struct node_id id;
	char **env;

	(void)state;
	memcpy(id.b, e.peer.scoyo_id, ID_BYTES);
	id_to_text(&id, peer);
	memcpy(id.b, e.local.scoyo_id, ID_BYTES);
	id_to_text(&id, local);
	env = command_environment(base, &e);
	assert_non_null(env);
	assert_string_equal(value(env, "COYO_PEER"), peer);
	assert_int_equal(strlen(value(env, "COYO_PEER_SHORT")), ID_SHORT_LEN);
	assert_memory_equal(value(env, "COYO_PEER_SHORT"), peer, ID_SHORT_LEN);
	assert_string_equal(value(env, "COYO_PEER_PORT"), "40000");
	assert_string_equal(value(env, "COYO_PORT"), "22");
	assert_string_equal(value(env, "COYO_LOCAL"), local);
	assert_string_equal(value(env, "COYO_PEERS"), "kept");
	assert_string_equal(value(env, "COYO_SOCKET"), "/x");
	assert_string_equal(value(env, "A"), "");
	free(env);
	/* A daemon that does not tell its id: what stood there is not left to be believed. */
	e.local.scoyo_family = 0;
	env = command_environment(base, &e);
	assert_non_null(env);
	assert_null(value(env, "COYO_LOCAL"));
	assert_string_equal(value(env, "COYO_PORT"), "22");
	free(env);
	base[0] = NULL;
	env = command_environment(base, &e);
	assert_non_null(env);
	assert_non_null(value(env, "COYO_PEER"));
	free(env);
}

/* Runs a script with one end of a socketpair; what it writes there, and its status. */
static int run_script(const char *script, const char *said, char *out, size_t cap)
{
	char *argv[] = {"sh", "-c", (char *)(uintptr_t)script, NULL},
	     *env[] = {"PATH=/usr/bin:/bin", NULL};
	int fd[2], status;
	size_t n = 0;
	ssize_t k;
	pid_t pid;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
	pid = command_start("/bin/sh", argv, env, fd[1]);
	assert_true(pid > 0);
	assert_int_equal(getpgid(pid), pid);
	close(fd[1]);
	/* A script that reads nothing may have ended already: even nothing at all cannot be written to it then. */
	if (*said)
		assert_int_equal(write(fd[0], said, strlen(said)), strlen(said));
	shutdown(fd[0], SHUT_WR);
	while ((k = read(fd[0], out + n, cap - 1 - n)) > 0)
		n += (size_t)k;
	out[n] = '\0';
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_the_stream_is_input_and_output(void **state)
{
	char out[256];

	(void)state;
	assert_int_equal(run_script("read x; echo \"got $x\"; exit 3", "line\n", out, sizeof(out)),
	                 3 << 8);
	assert_string_equal(out, "got line\n");
}

static void test_nothing_else_is_open(void **state)
{
	int leak = open("/dev/null", O_RDONLY), high;
	char out[256];

	(void)state;
	high = fcntl(leak, F_DUPFD, 200);
	assert_true(leak >= 0 && high >= 200);
	run_script("ls /proc/$$/fd; true", "", out, sizeof(out));
	close(leak);
	close(high);
	/* dash has its script in its arguments, and no descriptor of its own. */
	assert_string_equal(out, "0\n1\n2\n");
}

static void test_signals_are_as_in_a_fresh_program(void **state)
{
	sigset_t all, before;
	char out[512];

	(void)state;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	signal(SIGPIPE, SIG_IGN);
	run_script("grep -E '^Sig(Blk|Ign):' /proc/self/status", "", out, sizeof(out));
	signal(SIGPIPE, SIG_DFL);
	sigprocmask(SIG_SETMASK, &before, NULL);
	assert_non_null(strstr(out, "SigBlk:\t0000000000000000\n"));
	assert_non_null(strstr(out, "SigIgn:\t"));
	assert_int_equal(strtoull(strstr(out, "SigIgn:\t") + 8, NULL, 16) & (1ull << (SIGPIPE - 1)),
	                 0);
}

static void test_what_cannot_be_started(void **state)
{
	char *argv[] = {"tool", NULL}, *env[] = {NULL};

	(void)state;
	write_tool("no program", 0755);
	assert_int_equal(command_start(path, argv, env, STDIN_FILENO), -ENOEXEC);
	unlink(path);
	assert_int_equal(command_start(path, argv, env, STDIN_FILENO), -ENOENT);
	/* No child is left behind. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_how_it_ended(void **state)
{
	char how[64];

	(void)state;
	command_ended(3 << 8, how, sizeof(how));
	assert_string_equal(how, "status 3");
	command_ended(SIGTERM, how, sizeof(how));
	assert_string_equal(how, "signal 15 (Terminated)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_find),
	        cmocka_unit_test(test_what_may_not_be_run),
	        cmocka_unit_test(test_environment),
	        cmocka_unit_test(test_the_stream_is_input_and_output),
	        cmocka_unit_test(test_nothing_else_is_open),
	        cmocka_unit_test(test_signals_are_as_in_a_fresh_program),
	        cmocka_unit_test(test_what_cannot_be_started),
	        cmocka_unit_test(test_how_it_ended),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
