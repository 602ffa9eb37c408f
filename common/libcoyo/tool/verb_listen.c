/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo listen: a stream as standard input and output, or a command for each. */
#include "libcoyo/tool/listen_args.h"
#include "libcoyo/tool/relay.h"
#include "libcoyo/tool/serve.h"
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <stdlib.h>
#include <unistd.h>

/* With standard input and output. */
static int pipe_streams(const struct listen_args *args, const char *socket)
{
	char why[COYO_WHY_MAX];
	int status = PROGRAM_DONE;
	int listener = coyo_client_listen(socket, args->port[0], 0, why);

	if (listener < 0)
		return verb_complain_of(listener, why);
	do {
		int fd = coyo_client_accept(listener, NULL, why), r;

		if (fd < 0) {
			status = verb_complain(PROGRAM_FAILED, why);
			break;
		}
		if (!args->keep) {
			close(listener);
			listener = -1;
		}
		r = relay_run(STDIN_FILENO, STDOUT_FILENO, fd, !args->keep, -1, why);
		close(fd);
		/* With -k a stream that failed is reported and does not end the service. */
		if (r < 0)
			status = verb_complain(PROGRAM_FAILED, why);
	} while (args->keep);
	if (listener >= 0)
		close(listener);
	return status;
}

int verb_listen(int argc, char **argv, const char *socket)
{
	struct listen_args *args = malloc(sizeof(*args));
	const char *wrong;
	int status;

	if (!args)
		return verb_complain(PROGRAM_FAILED, "out of memory");
	if (listen_args_read(argc, argv, args, &wrong) < 0)
		status = verb_misuse(wrong);
	else
		status = args->command ? serve_run(args, socket) : pipe_streams(args, socket);
	free(args);
	return status;
}
