/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo connect: a stream as standard input and output. */
#include "libcoyo/tool/connect_args.h"
#include "libcoyo/tool/relay.h"
#include "libcoyo/tool/verbs.h"
#include "base/json.h"
#include "program/program.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What failed before the stream stood: for programs as a document on standard output, where nothing of the stream can be yet. */
static int fail(const struct connect_args *args, int status, int err, const char *why)
{
	struct json j = {0};

	if (!args->json)
		return verb_complain(status, why);
	json_object(&j, NULL);
	json_str(&j, "error", why);
	json_str(&j, "code", strerrorname_np(-err));
	json_uint(&j, "port", args->port);
	json_object_end(&j);
	json_line_end(&j);
	if (!j.failed)
		fputs(j.text, stdout);
	json_free(&j);
	return status;
}

/* ---- --timeout ----
 * The call that connects blocks, and begins again after a signal: the time's end ends the program, which makes the daemon give the attempt up.
 * What it says then is written beforehand, as a signal's handler may only call write(). */

static char late[COYO_WHY_MAX * 2];
static int late_fd;

static void on_time(int signal)
{
	size_t done = 0;

	(void)signal;
	while (done < strlen(late)) {
		ssize_t n = write(late_fd, late + done, strlen(late) - done);

		if (n <= 0)
			break;
		done += (size_t)n;
	}
	_exit(PROGRAM_FAILED);
}

static void start_timeout(const struct connect_args *args)
{
	sigset_t set;

	late_fd = args->json ? STDOUT_FILENO : STDERR_FILENO;
	if (args->json)
		snprintf(late, sizeof(late),
		         "{\"error\":\"not connected within %u "
		         "s\",\"code\":\"ETIMEDOUT\",\"port\":%u}\n",
		         args->timeout_s, args->port);
	else
		snprintf(late, sizeof(late),
		         "coyo: not connected to port %u of %.120s within %u s\n", args->port,
		         args->name, args->timeout_s);
	signal(SIGALRM, on_time);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	alarm(args->timeout_s);
}

/* A stream, or -1: it has been told why not, and *status is the program's. */
static int open_stream(const struct connect_args *args, const char *socket, int *status)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO, .scoyo_port = htons(args->port)};
	char why[COYO_WHY_MAX];
	int r;

	if (args->timeout_s)
		start_timeout(args);
	r = coyo_resolve(socket, args->name, to.scoyo_id, why);
	if (r < 0) {
		*status = verb_status_of_name(r);
	} else {
		r = coyo_client_connect(socket, &to, NULL, why);
		*status = verb_status_of(r);
	}
	alarm(0);
	if (r < 0)
		*status = fail(args, *status, r, why);
	return r < 0 ? -1 : r;
}

int verb_connect(int argc, char **argv, const char *socket)
{
	struct connect_args args;
	char why[COYO_WHY_MAX];
	const char *wrong;
	int fd, r, status;

	if (connect_args_read(argc, argv, &args, &wrong) < 0)
		return verb_misuse(wrong);
	fd = open_stream(&args, socket, &status);
	if (fd < 0)
		return status;
	r = relay_run(STDIN_FILENO, STDOUT_FILENO, fd, true, args.quit_s, why);
	close(fd);
	return r < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}
