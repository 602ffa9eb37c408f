/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo connect and coyo listen: a stream as standard input and output. */
#include "libcoyo/relay.h"
#include "libcoyo/verbs.h"
#include "program/program.h"

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

int verb_listen(int argc, char **argv, const char *socket)
{
	char why[COYO_WHY_MAX];
	bool keep = false;
	int status = PROGRAM_DONE, listener, c;
	uint16_t port;

	while ((c = getopt(argc, argv, "+k")) != -1) {
		if (c != 'k')
			return verb_misuse("listen takes -k and PORT");
		keep = true;
	}
	if (argc - optind != 1 || !verb_port(argv[optind], &port))
		return verb_misuse("listen takes a PORT from 1 to 65535");
	listener = coyo_client_listen(socket, port, 0, why);
	if (listener < 0)
		return verb_complain_of(listener, why);
	do {
		int fd = coyo_client_accept(listener, NULL, why), r;

		if (fd < 0) {
			status = verb_complain(PROGRAM_FAILED, why);
			break;
		}
		if (!keep) {
			close(listener);
			listener = -1;
		}
		r = relay_run(STDIN_FILENO, STDOUT_FILENO, fd, !keep, why);
		close(fd);
		/* With -k a stream that failed is reported and does not end the service. */
		if (r < 0)
			status = verb_complain(PROGRAM_FAILED, why);
	} while (keep);
	if (listener >= 0)
		close(listener);
	return status;
}
