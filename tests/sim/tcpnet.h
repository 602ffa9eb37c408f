/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP stacks on both sides of one shared link in virtual time: rate, delay, queue, loss random or named, CE marks, reordering,
 * duplicates, corruption; everything from one seed, invariants checked after every event (tcpnet_check_event()). */
#pragma once
#include "tcpcheck.h"
#include "base/rng.h"
#include "tcp/tcp.h"

/* One direction of the link. Probabilities are 0..1; 0 everywhere is a perfect wire. */
struct tcpnet_path {
	double bit_s;         /* 0: infinitely fast */
	int64_t delay_ns;     /* one way */
	uint32_t queue_bytes; /* waiting bytes beyond this are dropped, 0: unlimited */
	uint32_t ecn_bytes;   /* ECN-capable packets behind more than this are marked, 0: never */
	double loss, duplicate, corrupt, reorder;
	int64_t reorder_ns; /* extra delay of a reordered packet, at most */
	int64_t jitter_ns;  /* extra delay of every packet, at most; keeps the order */
	uint32_t mtu;       /* largest segment that passes, 0: any */
	bool down;
};

#define TCPNET_HOSTS 24

struct tcpnet_packet {
	int64_t at;
	uint64_t order;
	uint8_t *bytes;
	uint32_t len;
	uint16_t chain; /* how many bare ACKs in a row caused one another up to this one */
	uint8_t from, to, ecn;
	bool sent; /* false: leaves its host only at `at` (paced) */
	bool damaged;
	uint32_t forged;    /* tcpnet.forged when it was made */
	struct tcp_out out; /* of a packet that has not left */
};

/* Packets under way in order of arrival. */
struct tcpnet_ring {
	struct tcpnet_packet *at;
	uint32_t head, n, cap;
};

/* Called for each packet that reaches the link, before the random impairments; true: lose it. n counts its direction's packets from
 * 0, from is the host. */
typedef bool (*tcpnet_filter)(void *arg, unsigned from, uint64_t n, const struct tcp_out *out,
                              const uint8_t *seg);

struct tcpnet {
	unsigned hosts, left; /* hosts 0..left-1 on one side, the others on the other */
	struct tcp_stack *stack[TCPNET_HOSTS];
	void *mem[TCPNET_HOSTS];
	size_t mem_bytes[TCPNET_HOSTS];
	int64_t extra_ns[TCPNET_HOSTS]; /* more one-way delay to and from this host */
	struct tcpnet_path path[2];     /* path[0]: from the left hosts */
	int64_t now, free_at[2];
	uint64_t sent[2], lost[2], marked[2], bytes[2], retransmits[2], events;
	uint64_t peak_bytes[2]; /* longest queue so far */
	/* Segments given to a stack by others than the hosts: the test counts. Each may be news that lets a row of ACKs begin anew. */
	uint32_t forged;
	struct tcpnet_ring ring[TCPNET_HOSTS];
	int64_t last_at[TCPNET_HOSTS]; /* latest arrival given to a host's packets in order */
	struct tcpnet_packet *heap;    /* packets out of that order */
	unsigned nheap, capheap;
	uint8_t **spare;
	uint32_t nspare, capspare, buf_bytes;
	uint64_t order;
	struct rng_seeded seed;
	struct rng rng;
	tcpnet_filter filter;
	void *filter_arg;
	/* Called for what a host put out, at the time it leaves. */
	void (*tap)(void *arg, unsigned from, const struct tcp_out *out, const uint8_t *seg);
	/* Called for what arrives at a host, before it is given to its stack. */
	void (*heard)(void *arg, unsigned to, const uint8_t *seg, uint32_t len);
	void *tap_arg; /* of both */
	bool trace;
	bool check_all; /* records too after each event, however long it takes */
	int64_t check_credit;
	struct tcpcheck check[TCPNET_HOSTS];
};

/* The handle by which a host knows the i-th host of the other side (0-based). */
#define TCPNET_PEER 3u

/* One host on each side; configurations may differ. Aborts the test on any failure. */
void tcpnet_init(struct tcpnet *n, uint64_t seed, const struct tcp_cfg *a, const struct tcp_cfg *b);
/* left + right hosts, each with its own configuration. */
void tcpnet_init_hosts(struct tcpnet *n, uint64_t seed, unsigned left, unsigned right,
                       const struct tcp_cfg *const cfg[]);
/* The same as tcpnet_init() on a network that was used before: its memory is taken over where it is large enough. n all zero: new. */
void tcpnet_again(struct tcpnet *n, uint64_t seed, const struct tcp_cfg *a,
                  const struct tcp_cfg *b);
void tcpnet_free(struct tcpnet *n);

/* Small stacks with defaults: what most tests want. */
void tcpnet_cfg(struct tcp_cfg *cfg);
/* Room for windows of `bytes`, MSS 1460 (which leaves 1448 of payload beside timestamps). */
void tcpnet_cfg_wide(struct tcp_cfg *cfg, uint32_t bytes);

/* The same impairments both ways. */
void tcpnet_both(struct tcpnet *n, const struct tcpnet_path *p);

static inline unsigned tcpnet_side(const struct tcpnet *n, unsigned host)
{
	return host >= n->left;
}

/* Sends what is ready, then moves to the next thing that happens, at most to `until`. False: nothing happened up to there. */
bool tcpnet_step(struct tcpnet *n, int64_t until);
/* Steps for d ns of virtual time. */
void tcpnet_run(struct tcpnet *n, int64_t d);

/* tcpnet_check.c: fails the test when an invariant does not hold. */
void tcpnet_check(struct tcpnet *n); /* everything */
/* After every event every connection of every host: sequence numbers, timers, limits, sums of memory. The records of outstanding
 * segments as often as they cost no more than 16 for an event (check_all: always); each chunk's owner only in tcpnet_check(). */
void tcpnet_check_event(struct tcpnet *n);

/* Prints every connection. */
void tcpnet_show(const struct tcpnet *n);

/* ---- applications: tcpnet_flow.c -------------------------------------------------------------------------------- */

/* Connects host 0 to host 1's port and accepts; both handles out. */
void tcpnet_pair(struct tcpnet *n, uint16_t port, uint32_t *client, uint32_t *server);

/* Sends total bytes of a position-dependent pattern from -> the other of two hosts and verifies each; returns the virtual time taken,
 * or -1 when the limit passed first. */
int64_t tcpnet_bulk(struct tcpnet *n, unsigned from, uint32_t sender, uint32_t receiver,
                    uint64_t total, int64_t limit_ns);

/* A stream of bytes from host src to host dst. */
struct tcpnet_flow {
	unsigned src, dst;
	uint16_t port;
	int64_t start_at, done_at; /* done_at: all bytes arrived */
	uint64_t total;            /* UINT64_MAX: endless */
	uint32_t tx, rx, listener;
	uint64_t sent, got;
	bool open;
};

/* Runs k flows until that time, or until all are done; flows begin at their start_at. Each byte that arrives is compared. */
void tcpnet_flows(struct tcpnet *n, struct tcpnet_flow *f, unsigned k, int64_t until);
/* One step of that. */
void tcpnet_flows_step(struct tcpnet *n, struct tcpnet_flow *f, unsigned k, int64_t until);
struct tcp_info tcpnet_info(const struct tcpnet *n, const struct tcpnet_flow *f); /* the sender's */

/* len bytes of the pattern from stream position `at`; no more than 64 KiB. */
const uint8_t *tcpnet_pattern(uint64_t at);
#define TCPNET_PATTERN_MAX 65536u
