/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of coyo listen: with standard input and output, or with a command for each stream. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define LISTEN_PORTS_MAX    64
#define LISTEN_ALLOWED_MAX  1024
#define LISTEN_COMMANDS     64 /* at once where -m does not say */
#define LISTEN_COMMANDS_MAX 65535
#define LISTEN_DRAIN_S      30 /* where -t does not say */
#define LISTEN_DRAIN_MAX_S  86400

struct listen_args {
	uint16_t port[LISTEN_PORTS_MAX];
	unsigned nports;
	bool keep;            /* one stream after another; always with a command, unless `once` */
	bool once;            /* one stream */
	bool retry;           /* listen again where the daemon is not there, or has ended */
	bool verbose;         /* say when each command begins and ends */
	unsigned commands;    /* at once */
	unsigned of_one_peer; /* ... for one peer; 0: as many */
	unsigned drain_s;     /* how long commands may go on when the service ends */
	const char *allowed[LISTEN_ALLOWED_MAX]; /* ids or names; none: everybody */
	unsigned nallowed;
	char **command; /* NULL-terminated; NULL: standard input and output */
};

/* Reads argv, argv[0] being the verb; what it keeps points into argv. 0, or -EINVAL with one sentence in *wrong (static storage). Not for two
 * threads at once (getopt). */
int listen_args_read(int argc, char **argv, struct listen_args *out, const char **wrong);
