/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of coyo listen. */
#include "libcoyo/tool/listen_args.h"
#include "libcoyo/tool/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define AS_TEXT2(x) #x
#define AS_TEXT(x)  AS_TEXT2(x)

enum { OPT_ONCE = 256, OPT_RETRY, OPT_ALLOW, OPT_PER_PEER };

static const struct option long_options[] = {
        {"once", no_argument, NULL, OPT_ONCE},
        {"retry", no_argument, NULL, OPT_RETRY},
        {"allow", required_argument, NULL, OPT_ALLOW},
        {"per-peer", required_argument, NULL, OPT_PER_PEER},
        {NULL, 0, NULL, 0},
};

/* One or more ports with commas between, none twice. */
static const char *read_ports(const char *text, struct listen_args *a)
{
	char one[8];

	for (const char *p = text;; p++) {
		size_t n = strcspn(p, ",");

		if (a->nports == LISTEN_PORTS_MAX)
			return "listen takes at most " AS_TEXT(LISTEN_PORTS_MAX) " ports";
		if (n >= sizeof(one))
			return "listen takes a PORT from 1 to 65535";
		memcpy(one, p, n);
		one[n] = '\0';
		if (!verb_port(one, &a->port[a->nports]))
			return "listen takes a PORT from 1 to 65535";
		for (unsigned i = 0; i < a->nports; i++)
			if (a->port[i] == a->port[a->nports])
				return "a port is named twice";
		a->nports++;
		p += n;
		if (!*p)
			return NULL;
	}
}

/* The number of an option, from least to most. */
static bool number(unsigned long least, unsigned long most, unsigned *out)
{
	unsigned long v;

	if (!verb_number(optarg, most, &v) || v < least)
		return false;
	*out = (unsigned)v;
	return true;
}

/* *of_commands: the option says something of commands. */
static const char *read_option(int c, struct listen_args *a, bool *of_commands)
{
	*of_commands = true;
	switch (c) {
	case 'k':
		a->keep = true;
		*of_commands = false;
		return NULL;
	case OPT_ONCE:
		a->once = true;
		*of_commands = false;
		return NULL;
	case 'v':
		a->verbose = true;
		return NULL;
	case OPT_RETRY:
		a->retry = true;
		return NULL;
	case 'm':
		return number(1, LISTEN_COMMANDS_MAX, &a->commands)
		               ? NULL
		               : "-m takes a number from 1 to " AS_TEXT(LISTEN_COMMANDS_MAX);
	case OPT_PER_PEER:
		return number(1, LISTEN_COMMANDS_MAX, &a->of_one_peer)
		               ? NULL
		               : "--per-peer takes a number from 1 to " AS_TEXT(
		                         LISTEN_COMMANDS_MAX);
	case 't':
		return number(0, LISTEN_DRAIN_MAX_S, &a->drain_s)
		               ? NULL
		               : "-t takes seconds from 0 to " AS_TEXT(LISTEN_DRAIN_MAX_S);
	case OPT_ALLOW:
		if (a->nallowed == LISTEN_ALLOWED_MAX)
			return "listen takes at most " AS_TEXT(LISTEN_ALLOWED_MAX) " --allow";
		a->allowed[a->nallowed++] = optarg;
		return NULL;
	default:
		return "listen knows no such option, or it lacks its value";
	}
}

/* What stands behind the options: PORT, or PORT -- COMMAND [ARG...]. */
static const char *read_rest(int argc, char **argv, struct listen_args *a)
{
	if (optind == argc)
		return "listen takes a PORT from 1 to 65535";
	if (argc - optind > 1 && strcmp(argv[optind + 1], "--") != 0)
		return "listen takes PORT, and a command only behind `--`: coyo listen PORT -- "
		       "COMMAND";
	if (argc - optind == 2)
		return "there is no command behind `--`";
	if (argc - optind > 2)
		a->command = argv + optind + 2;
	return read_ports(argv[optind], a);
}

int listen_args_read(int argc, char **argv, struct listen_args *out, const char **wrong)
{
	bool any_of_commands = false, of_commands;
	int c;

	*out = (struct listen_args){.commands = LISTEN_COMMANDS, .drain_s = LISTEN_DRAIN_S};
	*wrong = NULL;
	optind = 0; /* from the start, whatever was read before */
	while (!*wrong && (c = getopt_long(argc, argv, "+km:t:v", long_options, NULL)) != -1) {
		*wrong = read_option(c, out, &of_commands);
		any_of_commands |= of_commands;
	}
	if (!*wrong)
		*wrong = read_rest(argc, argv, out);
	if (!*wrong && out->keep && out->once)
		*wrong = "-k and --once contradict each other";
	if (!*wrong && !out->command && any_of_commands)
		*wrong =
		        "-m, -t, -v, --allow, --per-peer and --retry are for commands: coyo listen "
		        "PORT -- COMMAND";
	if (!*wrong && !out->command && out->nports > 1)
		*wrong = "several ports need a command: coyo listen PORT,PORT -- COMMAND";
	if (out->command)
		out->keep = !out->once;
	return *wrong ? -EINVAL : 0;
}
