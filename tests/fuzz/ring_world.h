/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers without threads, whose rings a fuzzer fills and empties, and a small world of numbers for their commands to name. */
#pragma once
#include "dataplane.h"

#define RING_WORKERS  2
#define RING_SESSIONS 8
#define RING_SOCKETS  3

struct loop;

struct ring_world {
	struct dp_cfg cfg;
	struct loop *loop[RING_WORKERS];
	uint64_t seq[RING_WORKERS];
	struct instant now;
	int socket[RING_SOCKETS]; /* as links use them */
	int no_datagrams;         /* open, but no link can use it */
	int sink;                 /* where what leaves ends up */
	uint16_t sink_port;
	uint16_t port; /* of DPDK */
};

/* Ends the process where a worker breaks a promise. */
void require(bool holds, const char *what);

/* Workers without links and sessions; the first call starts DPDK. */
struct ring_world *ring_world_fresh(void);
/* Every link and session has been removed: what they held must have been given back. */
void ring_world_end(struct ring_world *w, bool drained);
/* What a worker does in a turn besides commands. */
void ring_turn(struct ring_world *w, unsigned worker);
/* A labelled packet arrives at a worker on a link. */
void ring_packet(struct ring_world *w, unsigned worker, uint16_t link, const void *data,
                 unsigned len);
