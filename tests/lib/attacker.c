/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks daemons at a rate, as a program of its own that shares nothing with the control plane: attacker WHAT --OPTION VALUE ... */
#include "attack.h"

#include <arpa/inet.h>
#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	void (*run)(struct attack *a);
} attacks[] = {
        {"setups", attack_setups}, {"tunnels", attack_tunnels},   {"first", attack_first},
        {"replay", attack_replay}, {"sessions", attack_sessions},
};

static const struct option longs[] = {
        {"to", 1, NULL, 't'},      {"from", 1, NULL, 'f'},    {"dst", 1, NULL, 'd'},
        {"victim", 1, NULL, 'v'},  {"count", 1, NULL, 'c'},   {"prefixes", 1, NULL, 'p'},
        {"network", 1, NULL, 'n'}, {"seconds", 1, NULL, 's'}, {"rate", 1, NULL, 'r'},
        {"window", 1, NULL, 'w'},  {"answer", 0, NULL, 'a'},  {"wire", 1, NULL, 'W'},
        {NULL, 0, NULL, 0}};

static void usage(const char *what, const char *value)
{
	fprintf(stderr,
	        "attacker: %s %s\n"
	        "usage: attacker setups --to ADDRESS:PORT --dst ID [--rate N] [--count IDS]\n"
	        "       attacker tunnels --to ADDRESS:PORT --dst ID [--rate N] [--count IDS] "
	        "[--window N]\n"
	        "       attacker first --to ADDRESS:PORT --from ADDRESS [--victim ID] [--rate N]\n"
	        "                      [--count SOURCES] [--prefixes N] [--answer]\n"
	        "       attacker sessions --to ADDRESS:PORT --dst ID --count IDS [--window N]\n"
	        "       attacker replay --wire PORT:DAEMON:PORT:DAEMON --from ADDRESS (\"rate N\" "
	        "on stdin)\n"
	        "and everywhere [--network N] [--seconds S]\n",
	        what, value);
	exit(2);
}

static void address(const char *text, struct sockaddr_in *a)
{
	char host[64];
	char *colon;

	snprintf(host, sizeof(host), "%s", text);
	*a = (struct sockaddr_in){.sin_family = AF_INET};
	colon = strchr(host, ':');
	if (colon) {
		a->sin_port = htons((uint16_t)atoi(colon + 1));
		*colon = '\0';
	}
	if (inet_pton(AF_INET, host, &a->sin_addr) != 1)
		usage("this is no address:", text);
}

static void id(const char *text, struct node_id *out)
{
	if (id_parse(text, strlen(text), out) != ID_PARSE_OK)
		usage("this is no id:", text);
}

static void take(struct attack_options *o, int option, const char *value)
{
	switch (option) {
	case 't':
		address(value, &o->to);
		break;
	case 'f':
		address(value, &o->from);
		break;
	case 'd':
		id(value, &o->dst);
		break;
	case 'v':
		id(value, &o->victim);
		break;
	case 'c':
		o->count = (unsigned)atoi(value);
		break;
	case 'p':
		o->prefixes = (unsigned)atoi(value);
		break;
	case 'n':
		o->network = (uint32_t)atoi(value);
		break;
	case 's':
		o->seconds = atof(value);
		break;
	case 'r':
		o->rate = atof(value);
		break;
	case 'w':
		o->window = (unsigned)atoi(value);
		break;
	case 'a':
		o->answer = true;
		break;
	case 'W':
		if (sscanf(value, "%hu:%hu:%hu:%hu", &o->wire[0], &o->wire[1], &o->wire[2],
		           &o->wire[3]) != 4)
			usage("this is no wire:", value);
		break;
	default:
		usage("an option is not known", "");
	}
}

static void random_fill(void *arg, void *out, size_t n)
{
	randombytes_buf(out, n);
}

static void on_signal(int sig)
{
	attack_stop = 1;
}

int main(int argc, char **argv)
{
	static struct attack a = {
	        .o = {.network = 1, .seconds = 10, .rate = 1000, .window = 256, .prefixes = 1},
	        .rng = {.fill = random_fill}};
	uint8_t secret[32];
	int c;

	address("127.0.0.1:6635", &a.o.to);
	address("127.1.0.1", &a.o.from);
	if (argc < 2)
		usage("which attack?", "");
	optind = 2;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
		take(&a.o, c, optarg);
	if (sodium_init() < 0 || a.o.prefixes < 1)
		return 1;
	for (unsigned i = 0; i < ATTACK_POINTS; i++) {
		randombytes_buf(secret, sizeof(secret));
		crypto_scalarmult_base(a.point[i], secret);
	}
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	a.since = attack_now();
	for (unsigned i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++)
		if (strcmp(argv[1], attacks[i].name) == 0) {
			attacks[i].run(&a);
			return 0;
		}
	usage("not an attack:", argv[1]);
}
