/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold in a stack between any two calls into it; for the simulator, the fuzzer, scripts and unit tests alike. */
#pragma once
#include "tcp/stack.h"

/* What is remembered of a stack from one check to the next. All zero (but fail and arg) is new. */
struct tcpcheck {
	/* Called with the condition that does not hold, and does not return. NULL: it is printed, and abort(). */
	void (*fail)(void *arg, const char *what);
	void *arg;
	uint32_t conns, chunks;               /* room below */
	uint32_t *handle, *rcv_nxt, *snd_una; /* last seen by connection slot */
	uint8_t *owned;                       /* by chunk */
};

/* Begins with a new stack; memory of an earlier one is kept where it suffices. 0/-1: no memory. */
int tcpcheck_init(struct tcpcheck *k, const struct tcp_stack *s);
void tcpcheck_free(struct tcpcheck *k);

/* Every connection: sequence numbers, timers, limits; the sums of chunks, slots and peers' connections. records: and all records of
 * outstanding segments against the counters; returns how many those were. */
uint32_t tcpcheck_conns(struct tcpcheck *k, const struct tcp_stack *s, bool records);
/* Each chunk that was taken is held by exactly one place, the others are free. */
void tcpcheck_memory(struct tcpcheck *k, const struct tcp_stack *s);

void tcpcheck_show(const struct conn *c);
