/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo connect and coyo listen: a stream as standard input and output. */
#include "libcoyo/listen_args.h"
#include "libcoyo/relay.h"
#include "libcoyo/serve.h"
#include "libcoyo/verbs.h"
#include "program/program.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int verb_connect(int argc, char **argv, const char *socket)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO};
	char why[COYO_WHY_MAX];
	uint16_t port;
	int fd, r;

	if (argc != 3)
		return verb_misuse("connect takes NAME|ID PORT");
	if (!verb_port(argv[2], &port))
		return verb_misuse("the port must be a number from 1 to 65535");
	r = coyo_resolve(socket, argv[1], to.scoyo_id, why);
	if (r < 0)
		return verb_complain_of_name(r, why);
	to.scoyo_port = htons(port);
	fd = coyo_client_connect(socket, &to, NULL, why);
	if (fd < 0)
		return verb_complain_of(fd, why);
	r = relay_run(STDIN_FILENO, STDOUT_FILENO, fd, true, why);
	close(fd);
	return r < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}

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
		r = relay_run(STDIN_FILENO, STDOUT_FILENO, fd, !args->keep, why);
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
