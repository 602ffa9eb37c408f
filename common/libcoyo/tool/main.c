/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo: keys, and streams to 512-bit ids for whoever has a shell. Its options, its verbs, and how they complain. */
#include "libcoyo/tool/verbs.h"
#include "program/program.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
        "usage: coyo [-s SOCKET] VERB ...\n"
        "\n"
        "  coyo keygen [-o FILE]     make a key; FILE is created with mode 0600, never "
        "overwritten\n"
        "  coyo id [--qr] FILE|-     the id of a key file: short, host-name, IPv6 and text form;\n"
        "                            --qr: the text form as a QR code\n"
        "  coyo listen [-k|--once] PORT\n"
        "                            take one stream (-k: one after another) to stdin and stdout\n"
        "  coyo listen [-v] [-m MAX] [--per-peer MAX] [--allow NAME]... [-t SECONDS] [--retry]\n"
        "              [-k|--once] PORT[,PORT...] -- COMMAND [ARG...]\n"
        "                            run COMMAND for every stream, which is its stdin and stdout\n"
        "  coyo connect [--timeout SECONDS] [-q SECONDS] [--json] NAME PORT\n"
        "                            open a stream from stdin and to stdout; NAME: an id, a "
        "name of\n"
        "                            yours, or one of coyod's [names]\n"
        "  coyo names [--json]       your own names, which go before coyod's, and NAME.CONTACT:\n"
        "                            names that a contact of yours vouches for\n"
        "  coyo names add NAME ID    call a node so; remove NAME: no more; show [--qr] ID|NAME:\n"
        "                            what it is called, or its id as a QR code\n"
        "  coyo names export [--as NAME] [--expires DAYS] [-o FILE] [--control SOCKET] [NAME]...\n"
        "                            a list of your names that the daemon's node signs\n"
        "  coyo names import [--contact NAME] FILE|-\n"
        "                            take such a list; forget CONTACT: no more\n"
        "  coyo run [--listen PORT,...|all] [--prefix BYTE] PROGRAM ...\n"
        "                            start a program that knows only IPv6: names of nodes have\n"
        "                            addresses, ports named here are listened to on the network\n"
        "  coyo proxy [OPTION]...    SOCKS5 and HTTP proxy for programs that know one; options:\n"
        "     -l ADDRESS:PORT        listen there (may be given again; default: 127.0.0.1:1080)\n"
        "     --user NAME:FILE       ask for this name, and the password in FILE's first line\n"
        "     --udp-idle SECONDS     how long an association for datagrams may carry nothing\n"
        "     --direct               what is not of this network goes to the ordinary one\n"
        "     --any-address          -l may name an address that is no loopback address\n"
        "  coyo resolver [-l ADDRESS:PORT]... [--prefix BYTE]\n"
        "                            answer DNS for NAME.coyo on loopback addresses (default:\n"
        "                            127.0.0.1:5300), for programs that do not ask libc\n"
        "\n"
        "  -s SOCKET   the daemon's application socket (default: $COYO_SOCKET, else %s)\n"
        "  --help, --version\n"
        "\n"
        "Exit status: 0 both directions ended in order, 1 the reason is on standard error,\n"
        "2 wrong usage, a mistyped id or a name that nobody has, 3 no daemon reached.\n";

static const struct {
	const char *name;
	int (*run)(int argc, char **argv, const char *socket);
} verbs[] = {
        {"keygen", verb_keygen},   {"id", verb_id},
        {"connect", verb_connect}, {"listen", verb_listen},
        {"names", verb_names},     {"run", verb_run},
        {"proxy", verb_proxy},     {"resolver", verb_resolver},
};

static int run(int argc, char **argv)
{
	const char *socket = NULL;
	int at = 1;

	verb_sigpipe = signal(SIGPIPE, SIG_IGN);
	while (at < argc && argv[at][0] == '-' && argv[at][1]) {
		if (strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "-h") == 0) {
			printf(usage, coyo_socket_path(NULL));
			return PROGRAM_DONE;
		}
		if (strcmp(argv[at], "--version") == 0) {
			printf("coyo " COYO_VERSION "\n");
			return PROGRAM_DONE;
		}
		if (strcmp(argv[at], "-s") != 0)
			return verb_misuse("unknown option");
		if (at + 1 == argc)
			return verb_misuse("-s takes the path of the daemon's application socket");
		socket = argv[at + 1];
		at += 2;
	}
	if (at == argc)
		return verb_misuse(
		        "no verb: keygen, id, listen, connect, names, run, proxy or resolver");
	argv += at;
	argc -= at;
	opterr = 0;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(argv[0], verbs[i].name) == 0)
			return verbs[i].run(argc, argv, socket);
	return verb_misuse(
	        "unknown verb: there are keygen, id, listen, connect, names, run, proxy and "
	        "resolver");
}

int main(int argc, char **argv)
{
	if (program_start() < 0)
		return PROGRAM_FAILED;
	return program_end("coyo", run(argc, argv));
}
