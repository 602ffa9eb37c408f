/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo run: starts a program with the library that puts its connections on the network, after a look at whether that can work. */
#include "libcoyo/preload/shim.h"
#include "libcoyo/tool/run.h"
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIBRARY "libcoyo-preload.so"

static const char usage[] =
        "run takes [-s SOCKET] [--listen PORT,...|all] [--prefix BYTE] PROGRAM ARGUMENTS...";

/* Where the library lies: in a build tree in a folder beside the tool's, else where it is installed. False: nowhere. */
static bool find_library(char path[PATH_MAX])
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash &&
		    (size_t)snprintf(path, PATH_MAX, "%.*s/../preload/" LIBRARY,
		                     (int)(slash - self), self) < PATH_MAX &&
		    access(path, R_OK) == 0)
			return true;
	}
	snprintf(path, PATH_MAX, "%s/" LIBRARY, COYO_LIBDIR);
	return access(path, R_OK) == 0;
}

/* Puts the library before what LD_PRELOAD names already. */
static int set_preload(const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	char *text;
	int r;

	if (!before || !*before)
		return setenv("LD_PRELOAD", library, 1);
	if (asprintf(&text, "%s:%s", library, before) < 0)
		return -1;
	r = setenv("LD_PRELOAD", text, 1);
	free(text);
	return r;
}

/* The memory that all processes of this run share (preload/table.h). Without it the program runs, too: what it starts by exec then knows
 * less. */
static void make_table(void)
{
	int fd = memfd_create("coyo-run", MFD_ALLOW_SEALING), high;
	char text[64];
	struct stat st;

	if (fd < 0)
		return;
	/* Out of the way of the low numbers, which programs count on. */
	high = fcntl(fd, F_DUPFD, 200);
	if (high >= 0) {
		close(fd);
		fd = high;
	}
	if (ftruncate(fd, sizeof(struct table)) < 0 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ||
	    fstat(fd, &st) < 0) {
		close(fd);
		return;
	}
	snprintf(text, sizeof(text), "%d:%llu", fd, (unsigned long long)st.st_ino);
	setenv(TABLE_ENV, text, 1);
}

static bool ports_ok(const char *text)
{
	char one[8];

	if (strcmp(text, "all") == 0)
		return true;
	for (;;) {
		size_t n = strcspn(text, ",");
		uint16_t port;

		if (n >= sizeof(one))
			return false;
		memcpy(one, text, n);
		one[n] = '\0';
		if (!verb_port(one, &port))
			return false;
		if (!text[n])
			return true;
		text += n + 1;
	}
}

/* Sets what the library reads. socket may be relative, and programs change their folder. */
static int set_environment(const char *socket, const char *ports, const char *prefix)
{
	char library[PATH_MAX], absolute[PATH_MAX];

	if (!find_library(library))
		return verb_complain(PROGRAM_FAILED,
		                     LIBRARY " is not installed: it belongs to " COYO_LIBDIR);
	if (strpbrk(library, ": \t"))
		return verb_complain(PROGRAM_FAILED,
		                     "the path of " LIBRARY
		                     " has a space or a colon in it, which LD_PRELOAD cannot name");
	if (!realpath(coyo_socket_path(socket), absolute))
		return verb_complain(PROGRAM_UNREACHED, "the daemon's socket has gone");
	unsetenv(TABLE_ENV);
	make_table();
	if (setenv("COYO_SOCKET", absolute, 1) < 0 ||
	    (ports && setenv(SHIM_LISTEN_ENV, ports, 1) < 0) ||
	    (prefix && setenv(SHIM_PREFIX_ENV, prefix, 1) < 0) || set_preload(library) < 0)
		return verb_complain(PROGRAM_FAILED, "out of memory");
	return PROGRAM_DONE;
}

int verb_run(int argc, char **argv, const char *socket)
{
	static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
	                                        {"prefix", required_argument, NULL, 'p'},
	                                        {0}};
	const char *ports = NULL, *prefix = NULL;
	char why[COYO_WHY_MAX], path[PATH_MAX];
	uint8_t byte;
	int c, r;

	while ((c = getopt_long(argc, argv, "+s:", options, NULL)) != -1) {
		if (c == 's')
			socket = optarg;
		else if (c == 'l' && ports_ok(optarg))
			ports = optarg;
		else if (c == 'p' && verb_prefix(optarg, &byte))
			prefix = optarg;
		else
			return verb_misuse(
			        c == 'l'   ? "--listen takes ports from 1 to 65535 with commas "
			                     "between, or all"
			        : c == 'p' ? "--prefix takes two hexadecimal digits, from 01 to fe"
			                   : usage);
	}
	if (optind == argc)
		return verb_misuse(usage);
	if (run_find(argv[optind], path, why) < 0 || run_check(path, why) < 0)
		return verb_complain(PROGRAM_FAILED, why);
	r = coyo_client_check(socket, why);
	if (r < 0)
		return verb_complain_of(r, why);
	r = set_environment(socket, ports, prefix);
	if (r != PROGRAM_DONE)
		return r;
	/* As our parent had it: a service of systemd ignores it. */
	signal(SIGPIPE, verb_sigpipe);
	execv(path, argv + optind);
	snprintf(why, sizeof(why), "cannot start %.200s: %s", path, strerror(errno));
	return verb_complain(PROGRAM_FAILED, why);
}
