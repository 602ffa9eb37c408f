/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of coyo connect. */
#include "libcoyo/tool/connect_args.h"
#include "libcoyo/tool/verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stddef.h>

enum { OPT_TIMEOUT = 256, OPT_JSON };

static const struct option long_options[] = {
        {"timeout", required_argument, NULL, OPT_TIMEOUT},
        {"json", no_argument, NULL, OPT_JSON},
        {NULL, 0, NULL, 0},
};

static const char *read_option(int c, struct connect_args *a)
{
	unsigned long v;

	switch (c) {
	case OPT_JSON:
		a->json = true;
		return NULL;
	case OPT_TIMEOUT:
		if (!verb_number(optarg, CONNECT_SECONDS_MAX, &v) || v == 0)
			return "--timeout takes seconds from 1 to 86400";
		a->timeout_s = (unsigned)v;
		return NULL;
	case 'q':
		if (!verb_number(optarg, CONNECT_SECONDS_MAX, &v))
			return "-q takes seconds from 0 to 86400";
		a->quit_s = (int)v;
		return NULL;
	default:
		return "connect knows no such option, or it lacks its value";
	}
}

int connect_args_read(int argc, char **argv, struct connect_args *out, const char **wrong)
{
	int c;

	*out = (struct connect_args){.quit_s = -1};
	*wrong = NULL;
	optind = 0; /* from the start, whatever was read before */
	while (!*wrong && (c = getopt_long(argc, argv, "+q:", long_options, NULL)) != -1)
		*wrong = read_option(c, out);
	if (!*wrong && argc - optind != 2)
		*wrong = "connect takes NAME PORT";
	if (!*wrong && !verb_port(argv[optind + 1], &out->port))
		*wrong = "the port must be a number from 1 to 65535";
	if (!*wrong)
		out->name = argv[optind];
	return *wrong ? -EINVAL : 0;
}
