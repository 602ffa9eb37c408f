/* SPDX-License-Identifier: BSD-3-Clause */
/* coyod: the stack in a process of its own: arguments, signals, user, sandbox, log on standard error. */
#include "daemon/daemon.h"
#include "daemon/harden.h"
#include "daemon/limits.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "daemon/stack.h"
#include "daemon/startwatch.h"
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_RUNTIME = PROGRAM_FAILED, EXIT_CONFIG = PROGRAM_USAGE };

static const char help[] =
        "usage: coyod -c FILE [--check] [-- EAL OPTIONS]\n"
        "\n"
        "The IPvCoyo router daemon. It stays in the foreground and logs to standard error.\n"
        "\n"
        "  -c, --config FILE   configuration, see coyod.conf(5)\n"
        "      --check         say whether FILE is right and end; nothing is started\n"
        "      --version       print the version\n"
        "  -h, --help          print this\n"
        "  -- EAL OPTIONS      passed on to DPDK as they are\n"
        "\n"
        "SIGTERM, SIGINT: drain for at most 2 s, then stop; a second one stops at once.\n"
        "SIGHUP: read FILE again; links and names change, the rest is named and waits for a "
        "restart.\n"
        "Exit status: 0 stopped as told, 1 could not start or go on, 2 usage or configuration.\n";

struct arguments {
	const char *config;
	bool check;
	char **eal;
	int neal;
};

/* Returns an exit status, or -1 to go on. */
static int arguments_parse(int argc, char **argv, struct arguments *a)
{
	enum { OPT_CHECK = 256, OPT_VERSION };
	static const struct option options[] = {
	        {"config", required_argument, NULL, 'c'},
	        {"check", no_argument, NULL, OPT_CHECK},
	        {"version", no_argument, NULL, OPT_VERSION},
	        {"help", no_argument, NULL, 'h'},
	        {NULL, 0, NULL, 0},
	};
	int o;

	*a = (struct arguments){0};
	while ((o = getopt_long(argc, argv, "+c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			a->config = optarg;
			break;
		case OPT_CHECK:
			a->check = true;
			break;
		case OPT_VERSION:
			puts("coyod " COYOD_VERSION);
			return 0;
		case 'h':
			fputs(help, stdout);
			return 0;
		default:
			fputs("coyod: that option is not understood; `coyod --help` lists them\n",
			      stderr);
			return EXIT_CONFIG;
		}
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0) {
		fprintf(stderr, "coyod: unexpected `%s`; EAL options come after --\n",
		        argv[optind]);
		return EXIT_CONFIG;
	}
	a->eal = argv + optind;
	a->neal = argc - optind;
	if (!a->config) {
		fputs("coyod: no configuration; say `coyod -c FILE` (coyod.conf(5) describes it)\n",
		      stderr);
		return EXIT_CONFIG;
	}
	return -1;
}

/* Everything is open: gives up what is needed no more, then runs. Returns the exit status. */
static int serve(struct daemon *d)
{
	char err[512];
	int rc;

	if (harden_drop(d, err, sizeof(err))) {
		daemon_log(d, LOG_LEVEL_ERROR, "%s", err);
		return EXIT_RUNTIME;
	}
	rc = sandbox_shut((enum sandbox_mode)d->conf.node.sandbox);
	if (rc)
		daemon_log(d, LOG_LEVEL_WARN, "no sandbox: %s",
		           rc == -ENOSYS
		                   ? "this coyod was built without libseccomp, or with a sanitizer"
		                   : strerror(-rc));
	if (d->locked != LOCKED_ALL)
		daemon_log(d, d->locked == LOCKED_KEY ? LOG_LEVEL_INFO : LOG_LEVEL_WARN,
		           "%s could be swapped out: set ulimit -l, or LimitMEMLOCK= of the "
		           "service, to unlimited",
		           d->locked == LOCKED_KEY ? "session keys" : "the secret key");
	return stack_run(d);
}

/* Before any thread: workers inherit the mask, so that signals reach only the loop. */
static void signals_block(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Whoever starts the daemon without standard descriptors must not find its log in the first socket that it opens.
 * syscalls at the start: open close */
static void descriptors_complete(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

static int configure(struct daemon *d, const struct arguments *a)
{
	struct conf_errors e = {.file = a->config};
	int rc = conf_load(&d->conf, a->config, &e);

	harden_begin(d->conf.node.core_dumps);
	d->locked = harden_lock(&d->me);
	/* The files it names are looked at even when it has errors, so that one run tells all. */
	if (stack_configure(d, &e))
		rc = -EINVAL;
	if (e.text)
		fputs(e.text, stderr);
	conf_errors_free(&e);
	return rc;
}

static int start(struct daemon *d, char *err, size_t errcap)
{
	uint32_t uid, gid;
	int rc = harden_user(&d->conf, &uid, &gid, err, errcap);

	return rc ? rc : stack_start(d, err, errcap);
}

static int coyod(int argc, char **argv)
{
	static struct daemon d;
	static struct startwatch watch; /* its thread may outlive this function */
	struct arguments a;
	char err[512] = "";
	int status = arguments_parse(argc, argv, &a);

	if (status >= 0)
		return status;
	descriptors_complete();
	stack_init(&d, STDERR_FILENO);
	d.eal_args = a.eal;
	d.neal_args = a.neal;
	d.takes_signals = true;
	d.cancelled = &watch.asked;
	notify_open(&d.notify);
	if (sodium_init() < 0) {
		fputs("coyod: libsodium finds no source of random numbers; the kernel must have "
		      "getrandom(2) or /dev/urandom\n",
		      stderr);
		return EXIT_RUNTIME;
	}
	if (configure(&d, &a)) {
		(void)stack_end(&d);
		return EXIT_CONFIG;
	}
	if (a.check) {
		uint32_t uid, gid;

		if (stack_check(&d, err, sizeof(err)) ||
		    harden_user(&d.conf, &uid, &gid, err, sizeof(err))) {
			fprintf(stderr, "%s: %s\n", a.config, err);
			(void)stack_end(&d);
			return EXIT_CONFIG;
		}
		printf("%s: right: %u links, %u ports, %u static cross-connects\n", a.config,
		       d.conf.nlinks, d.conf.nports, d.conf.nlsps);
		(void)stack_end(&d);
		return 0;
	}
	signals_block();
	(void)log_start(&d.log); /* without it the log is written at the end */
	limits_raise();
	startwatch_begin(&watch, &d.log, d.conf.node.control, &d.ctl.bound);
	if (start(&d, err, sizeof(err)) == 0) {
		startwatch_end(&watch);
		if (!startwatch_asked(&watch))
			status = serve(&d);
	} else if (!startwatch_asked(&watch)) {
		daemon_log(&d, LOG_LEVEL_ERROR, "%s", err);
		status = EXIT_RUNTIME;
	}
	if (status != EXIT_RUNTIME)
		daemon_log(&d, LOG_LEVEL_INFO, "stopped");
	(void)stack_end(&d);
	startwatch_end(&watch);
	return status < 0 ? 0 : status;
}

int main(int argc, char **argv)
{
	if (program_start() < 0)
		return PROGRAM_FAILED;
	return program_end("coyod", coyod(argc, argv));
}
