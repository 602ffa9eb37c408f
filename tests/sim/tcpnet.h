/* SPDX-License-Identifier: BSD-3-Clause */
/* Two TCP stacks and a network between them in virtual time: rate, delay, queue, loss random or named, reordering, duplicates,
 * corruption; everything from one seed, invariants checked after every event. */
#pragma once
#include "base/rng.h"
#include "tcp/tcp.h"

/* One direction. Probabilities are 0..1; 0 everywhere is a perfect wire. */
struct tcpnet_path {
	double bit_s;         /* 0: infinitely fast */
	int64_t delay_ns;     /* one way */
	uint32_t queue_bytes; /* 0: unlimited */
	double loss, duplicate, corrupt, reorder;
	int64_t reorder_ns; /* extra delay of a reordered packet, at most */
	uint32_t mtu;       /* largest segment that passes, 0: any */
	bool down;
};

struct tcpnet_packet {
	int64_t at;
	uint64_t order;
	unsigned to; /* side it arrives at */
	uint32_t len;
	uint8_t ecn;
	uint8_t *bytes;
};

/* Called for each packet before the random impairments; true: lose it. n counts packets of this direction from 0. */
typedef bool (*tcpnet_filter)(void *arg, unsigned from, uint64_t n, const struct tcp_out *out,
                              const uint8_t *seg);

struct tcpnet {
	struct tcp_stack *stack[2];
	void *mem[2];
	struct tcpnet_path path[2]; /* path[i]: sent by side i */
	int64_t now, free_at[2];
	uint64_t sent[2], lost[2], bytes[2], retransmits[2];
	struct tcpnet_packet *heap;
	unsigned nheap, capheap;
	uint64_t order;
	struct rng_seeded seed;
	struct rng rng;
	tcpnet_filter filter;
	void *filter_arg;
	bool trace;
	uint32_t *rcv_nxt[2]; /* last seen by connection slot, with its handle */
	uint32_t *handle[2];
};

/* The peer handle either side uses for the other. */
#define TCPNET_PEER 3u

/* Configurations may differ. Aborts the test on any failure. */
void tcpnet_init(struct tcpnet *n, uint64_t seed, const struct tcp_cfg *a, const struct tcp_cfg *b);
void tcpnet_free(struct tcpnet *n);

/* Small stacks with defaults: what most tests want. */
void tcpnet_cfg(struct tcp_cfg *cfg);

/* The same impairments both ways. */
void tcpnet_both(struct tcpnet *n, const struct tcpnet_path *p);

/* Sends what is ready, then moves to the next thing that happens, at most to `until`. False: nothing happened up to there. */
bool tcpnet_step(struct tcpnet *n, int64_t until);
/* Steps for d ns of virtual time. */
void tcpnet_run(struct tcpnet *n, int64_t d);

/* Connects side 0 to side 1's port and accepts; both handles out. */
void tcpnet_pair(struct tcpnet *n, uint16_t port, uint32_t *client, uint32_t *server);

/* Fails the test when an invariant does not hold. */
void tcpnet_check(struct tcpnet *n);

/* Sends total bytes of a position-dependent pattern from -> to and verifies each; returns the virtual time taken, or -1 when the
 * limit passed first. */
int64_t tcpnet_bulk(struct tcpnet *n, unsigned from, uint32_t sender, uint32_t receiver,
                    uint64_t total, int64_t limit_ns);
