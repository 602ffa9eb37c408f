/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of coyo connect. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define CONNECT_SECONDS_MAX 86400

struct connect_args {
	const char *name; /* an id, or what coyo_resolve() knows */
	uint16_t port;
	unsigned timeout_s; /* until it is connected; 0: as long as the daemon tries */
	int quit_s; /* how long standard input may go on when the stream has ended; -1: to its end */
	bool json;  /* a failed connect is told as a document */
};

/* Reads argv, argv[0] being the verb; what it keeps points into argv. 0, or -EINVAL with one sentence in *wrong (static storage). Not for two
 * threads at once (getopt). */
int connect_args_read(int argc, char **argv, struct connect_args *out, const char **wrong);
