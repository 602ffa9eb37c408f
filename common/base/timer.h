/* SPDX-License-Identifier: BSD-3-Clause */
/* Deadlines of a pure machine: an intrusive 4-ary min-heap of timers, earliest first, ties in arming order. */
#pragma once
#include "base/cc.h"
#include "base/time.h"

#include <stdbool.h>
#include <stdint.h>

struct timer {
	struct instant at;
	uint32_t slot; /* place in the heap + 1; 0: not armed */
	uint16_t kind; /* owner's choice: what to do when it fires */
	void *owner;   /* whose timer this is */
};

/* A place of the heap. It holds all that is compared, so that moving it touches its timer only to write the timer's new slot. */
struct timer_entry {
	struct instant at;
	uint64_t order; /* arming order, breaks ties so that runs are reproducible */
	struct timer *timer;
};

struct timers {
	struct timer_entry *heap;
	uint32_t n, cap;
	uint64_t next_order;
	void *(*alloc)(void *arg, size_t n);
	void (*free)(void *arg, void *p);
	void *arg;
};

/* An empty heap. alloc (uninitialised bytes, aligned for any object, NULL when there are none) and release (of what alloc gave, or NULL)
 * are called with arg and must work as long as the heap is used. Nothing is allocated yet; timers_free() is due at the end. */
void timers_init(struct timers *t, void *(*alloc)(void *, size_t), void (*release)(void *, void *),
                 void *arg);
/* Returns the heap's memory. Timers that are armed are not told: they must not be passed to timer_arm() or timer_disarm() afterwards. */
void timers_free(struct timers *t);

/* Arms or re-arms. -ENOMEM leaves the timer as it was. */
int timer_arm(struct timers *t, struct timer *x, struct instant at);
void timer_disarm(struct timers *t, struct timer *x);

/* True from timer_arm() until timer_disarm(), or until timers_pop() returns the timer. */
static inline bool timer_armed(const struct timer *x)
{
	return x->slot != 0;
}

/* The earliest deadline, or never. */
struct instant timers_next(const struct timers *t);

/* Removes and returns the earliest timer that is due at now, or NULL. */
struct timer *timers_pop(struct timers *t, struct instant now);
