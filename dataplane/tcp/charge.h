/* SPDX-License-Identifier: BSD-3-Clause */
/* Who pays for connections that nobody holds: those that wait at a listener, and those that were closed and are not over yet. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct tcp_stack;

/* The caller's. Stacks of several threads may share one; each counts only what it has added itself. */
struct tcp_charge {
	_Atomic uint32_t held; /* connections, and whatever else the caller charges */
	uint32_t most;         /* 0: no limit; written before anything is charged */
};

/* One more, whatever there is already. */
static inline void tcp_charge_add(struct tcp_charge *c)
{
	atomic_fetch_add_explicit(&c->held, 1, memory_order_relaxed);
}

/* One less. Whoever then reads 0 with tcp_charge_held() may free the charge. */
static inline void tcp_charge_release(struct tcp_charge *c)
{
	atomic_fetch_sub_explicit(&c->held, 1, memory_order_release);
}

/* One more, unless that is too many. Threads add at the same time: whoever adds one too many takes it back. */
static inline bool tcp_charge_take(struct tcp_charge *c)
{
	uint32_t before = atomic_fetch_add_explicit(&c->held, 1, memory_order_relaxed);

	if (c->most == 0 || before < c->most)
		return true;
	tcp_charge_release(c);
	return false;
}

/* Whether one more is too many. */
static inline bool tcp_charge_full(const struct tcp_charge *c)
{
	return c->most && atomic_load_explicit(&c->held, memory_order_relaxed) >= c->most;
}

/* How many are charged now. */
static inline uint32_t tcp_charge_held(const struct tcp_charge *c)
{
	return atomic_load_explicit(&c->held, memory_order_acquire);
}

/* Who pays for a connection from now on, whatever its most is, until it is gone or in TIME-WAIT, where it gives way to whoever needs its slot; alive until
 * then. NULL: nobody does any more. Of a listener: who pays for connections that come to it, from the SYN, or the cookie that comes back, until
 * tcp_take_charge(); one beyond the most is dropped and counted as drop_charge. -EBADF: the handle names neither. */
int tcp_set_charge(struct tcp_stack *s, uint32_t conn, struct tcp_charge *charge);
/* The caller pays from now on for what the connection is charged with: nothing is counted down. False: nobody pays for it. */
bool tcp_take_charge(struct tcp_stack *s, uint32_t conn);
