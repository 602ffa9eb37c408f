/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo: keys, and streams to 512-bit ids through standard input and output. */
#include "libcoyo/keys.h"
#include "libcoyo/relay.h"
#include "program/program.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
        "usage: coyo [-s SOCKET] VERB ...\n"
        "\n"
        "  coyo keygen [-o FILE]     make a key; FILE is created with mode 0600, never "
        "overwritten\n"
        "  coyo id FILE|-            the id of a key file: short, host-name and text form\n"
        "  coyo listen [-k] PORT     take one stream (-k: one after another) to stdin and stdout\n"
        "  coyo connect ID PORT      open a stream from stdin and to stdout\n"
        "\n"
        "  -s SOCKET   the daemon's application socket (default: $COYO_SOCKET, else %s)\n"
        "  --help, --version\n"
        "\n"
        "Exit status: 0 both directions ended in order, 1 the reason is on standard error,\n"
        "2 wrong usage or a mistyped id, 3 no daemon reached.\n";

static int complain(int status, const char *why)
{
	fprintf(stderr, "coyo: %s\n", why);
	return status;
}

static int misuse(const char *what)
{
	fprintf(stderr, "coyo: %s\nTry `coyo --help`.\n", what);
	return PROGRAM_USAGE;
}

/* Of a call that asks the daemon for a stream: err is what it returned. */
static int complain_of(int err, const char *why)
{
	bool unreached = err == -ENOENT || err == -ENOTCONN || err == -EACCES || err == -EPERM ||
	                 err == -ENAMETOOLONG;

	return complain(unreached ? PROGRAM_UNREACHED : PROGRAM_FAILED, why);
}

static bool parse_port(const char *text, uint16_t *port)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text < '0' || *text > '9' || v < 1 || v > 65535)
		return false;
	*port = (uint16_t)v;
	return true;
}

static int cmd_keygen(int argc, char **argv)
{
	const char *path = NULL;
	char why[COYO_WHY_MAX];
	int c;

	while ((c = getopt(argc, argv, "+o:")) != -1) {
		if (c != 'o')
			return misuse("keygen takes -o FILE");
		path = optarg;
	}
	if (optind != argc)
		return misuse("keygen takes -o FILE and nothing else");
	return keys_generate(path, why) < 0 ? complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}

static int cmd_id(int argc, char **argv)
{
	char why[COYO_WHY_MAX];

	if (argc != 2)
		return misuse("id takes one key file, or - for standard input");
	return keys_show(argv[1], why) < 0 ? complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}

static int cmd_connect(int argc, char **argv, const char *socket)
{
	struct sockaddr_coyo to = {.scoyo_family = AF_COYO};
	char why[COYO_WHY_MAX];
	uint16_t port;
	int fd, r;

	if (argc != 3)
		return misuse("connect takes ID PORT");
	if (coyo_parse_id(argv[1], to.scoyo_id, why) < 0)
		return complain(PROGRAM_USAGE, why);
	if (!parse_port(argv[2], &port))
		return misuse("the port must be a number from 1 to 65535");
	to.scoyo_port = htons(port);
	fd = coyo_client_connect(socket, &to, NULL, why);
	if (fd < 0)
		return complain_of(fd, why);
	r = relay_run(STDIN_FILENO, STDOUT_FILENO, fd, true, why);
	close(fd);
	return r < 0 ? complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}

static int cmd_listen(int argc, char **argv, const char *socket)
{
	char why[COYO_WHY_MAX];
	bool keep = false;
	int status = PROGRAM_DONE, listener, c;
	uint16_t port;

	while ((c = getopt(argc, argv, "+k")) != -1) {
		if (c != 'k')
			return misuse("listen takes -k and PORT");
		keep = true;
	}
	if (argc - optind != 1 || !parse_port(argv[optind], &port))
		return misuse("listen takes a PORT from 1 to 65535");
	listener = coyo_client_listen(socket, port, 0, why);
	if (listener < 0)
		return complain_of(listener, why);
	do {
		int fd = coyo_client_accept(listener, NULL, why), r;

		if (fd < 0) {
			status = complain(PROGRAM_FAILED, why);
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
			status = complain(PROGRAM_FAILED, why);
	} while (keep);
	if (listener >= 0)
		close(listener);
	return status;
}

static int run(int argc, char **argv)
{
	const char *socket = NULL, *verb;
	int at = 1;

	signal(SIGPIPE, SIG_IGN);
	while (at < argc && argv[at][0] == '-' && argv[at][1]) {
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
			printf(usage, coyo_socket_path(NULL));
			return PROGRAM_DONE;
		}
		if (strcmp(argv[at], "--version") == 0) {
			printf("coyo " COYO_VERSION "\n");
			return PROGRAM_DONE;
		}
		if (strcmp(argv[at], "-s") != 0 || at + 1 == argc)
			return misuse("unknown option");
		socket = argv[at + 1];
		at += 2;
	}
	if (at == argc)
		return misuse("no verb");
	argv += at;
	argc -= at;
	verb = argv[0];
	opterr = 0;
	if (strcmp(verb, "keygen") == 0)
		return cmd_keygen(argc, argv);
	if (strcmp(verb, "id") == 0)
		return cmd_id(argc, argv);
	if (strcmp(verb, "connect") == 0)
		return cmd_connect(argc, argv, socket);
	if (strcmp(verb, "listen") == 0)
		return cmd_listen(argc, argv, socket);
	return misuse("unknown verb");
}

int main(int argc, char **argv)
{
	if (program_start() < 0)
		return PROGRAM_FAILED;
	return program_end("coyo", run(argc, argv));
}
