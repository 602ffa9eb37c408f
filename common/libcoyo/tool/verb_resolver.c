/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo resolver: its arguments. */
#include "libcoyo/resolver/resolver.h"
#include "libcoyo/tool/verbs.h"
#include "names/ipv6.h"
#include "program/program.h"

#include <getopt.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_ADDRESS "127.0.0.1:5300"

/* An address to answer on. Names are told to whoever asks, so nobody but this machine may. */
static bool take_address(struct resolver_cfg *cfg, const char *text)
{
	struct sockaddr_storage *at = &cfg->at[cfg->addresses];
	const char *colon = strrchr(text, ':');

	if (cfg->addresses == RESOLVER_ADDRESSES_MAX || !verb_address(text, at) ||
	    strcmp(colon, ":0") == 0 || !verb_is_loopback(at))
		return false;
	cfg->addresses++;
	return true;
}

int verb_resolver(int argc, char **argv, const char *socket)
{
	static const struct option longs[] = {{"prefix", required_argument, NULL, 'p'}, {0}};
	struct resolver_cfg cfg = {.socket = socket, .prefix = NAMES_IPV6_PREFIX};
	char why[COYO_WHY_MAX];
	int c;

	while ((c = getopt_long(argc, argv, "+l:", longs, NULL)) != -1) {
		if (c == 'l' && !take_address(&cfg, optarg))
			return verb_misuse("-l takes a loopback address with its port, as "
			                   "127.0.0.1:5300 or [::1]:5300, at most 8 times");
		if (c == 'p' && !verb_prefix(optarg, &cfg.prefix))
			return verb_misuse("--prefix takes two hexadecimal digits, from 01 to fe");
		if (c != 'l' && c != 'p')
			return verb_misuse("resolver takes -l ADDRESS:PORT and --prefix BYTE");
	}
	if (optind != argc)
		return verb_misuse("resolver takes options only");
	if (cfg.addresses == 0 && !take_address(&cfg, DEFAULT_ADDRESS))
		return verb_misuse("no address to answer on");
	return resolver_run(&cfg, why) < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}
