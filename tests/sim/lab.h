/* SPDX-License-Identifier: BSD-3-Clause */
/* One flow over the simulated network with losses named by their place in the stream, and the times of what happened to them. */
#pragma once
#include "tcpnet.h"

#define LAB_NAMED 64

/* Loses the first `times` transmissions of every data segment that begins in [from, to) of the stream. */
struct lab_named {
	uint64_t from, to;
	unsigned times, lost;
	int64_t lost_at,
	        again_at; /* first loss, first transmission after it of anything in the range */
};

struct lab {
	struct tcpnet n;
	struct tcpnet_flow f;
	struct lab_named named[LAB_NAMED];
	unsigned nnamed;
	/* How often each record of the range was sent is counted by segment start. */
	struct {
		uint64_t at;
		unsigned times;
	} seen[4096];
	unsigned nseen;
	/* What a step found, see lab_run(). */
	unsigned recoveries;
	int64_t recovery_from, recovery_ns; /* of the last one */
	uint64_t cwnd_before, ssthresh_after, cwnd_after;
	bool in_recovery;
};

/* The usual path of these tests: 100 Mbit/s, 40 ms there and back, room for two bandwidth-delay products. */
extern const struct tcpnet_path lab_path;

/* A network with one flow of `total` bytes that begins at once; cfg NULL: 4 MB windows. */
void lab_open(struct lab *l, uint64_t seed, const struct tcpnet_path *p, const struct tcp_cfg *cfg,
              uint64_t total);
void lab_close(struct lab *l);
struct lab_named *lab_lose(struct lab *l, uint64_t from, uint64_t to, unsigned times);

/* Runs for d ns or until the flow is complete, watching recoveries. True: complete. */
bool lab_run(struct lab *l, int64_t d);
/* Runs until `bytes` arrived. */
void lab_until(struct lab *l, uint64_t bytes);

static inline double lab_rtt_ns(const struct lab *l)
{
	return (double)(l->n.path[0].delay_ns + l->n.path[1].delay_ns);
}
