/* SPDX-License-Identifier: BSD-3-Clause */
/* Fixed slots on a single-producer single-consumer rte_ring, filled and read in place. */
#pragma once
#include "base/assert.h"
#include "core/dpdk.h"

#include <stdbool.h>

#include <rte_ring_elem.h>
#include <rte_ring_peek_zc.h>

#define RING_SLOTS     1024 /* commands, events: per worker */
#define HANDOVER_SLOTS 1024 /* mbufs: per ordered pair of workers */

/* rte_ring wants the size of a slot to be a multiple of four. */
#define RING_SLOT(type) ((unsigned)((sizeof(type) + 3) & ~(size_t)3))

/* Whether there is nothing to take. A reader asks before it sleeps, behind a fence of its own; rte_ring_empty() would read without atomics. */
static inline bool ring_is_empty(const struct rte_ring *r)
{
	return __atomic_load_n(&r->prod.tail, __ATOMIC_RELAXED) ==
	       __atomic_load_n(&r->cons.tail, __ATOMIC_RELAXED);
}

/* A free slot of so many bytes, or NULL: the ring is full. The reader sees nothing of it before ring_put_end(), which is due before the next
 * slot. */
static inline void *ring_put_begin(struct rte_ring *r, unsigned bytes)
{
	struct rte_ring_zc_data zc;

	return rte_ring_enqueue_zc_burst_elem_start(r, (bytes + 3) & ~3u, 1, &zc, NULL) ? zc.ptr1
	                                                                                : NULL;
}

/* The slot that ring_put_begin() gave is complete: the reader may take it. */
static inline void ring_put_end(struct rte_ring *r)
{
	rte_ring_enqueue_zc_elem_finish(r, 1);
}

/* The oldest slot of so many bytes, or NULL: the ring is empty. The slot stays the reader's until ring_take_end(), which is due before the next
 * one. */
static inline void *ring_take_begin(struct rte_ring *r, unsigned bytes)
{
	struct rte_ring_zc_data zc;

	return rte_ring_dequeue_zc_burst_elem_start(r, (bytes + 3) & ~3u, 1, &zc, NULL) ? zc.ptr1
	                                                                                : NULL;
}

/* The oldest slots of a ring, in the order in which they were put there. */
struct ring_slots {
	uint8_t *at[2]; /* behind the first n slots the others begin anew */
	unsigned n[2], bytes;
};

/* Up to `most` of the oldest slots at once; returns how many. They stay the reader's until ring_take_all_end(), which is due before others are
 * taken. */
static inline unsigned ring_take_all(struct rte_ring *r, unsigned bytes, unsigned most,
                                     struct ring_slots *s)
{
	struct rte_ring_zc_data zc = {0};
	unsigned n;

	s->bytes = (bytes + 3) & ~3u;
	n = rte_ring_dequeue_zc_burst_elem_start(r, s->bytes, most, &zc, NULL);
	s->at[0] = zc.ptr1;
	s->at[1] = zc.ptr2;
	s->n[0] = n < zc.n1 ? n : zc.n1;
	s->n[1] = n - s->n[0];
	return n;
}

/* One of them, by its place. */
static inline void *ring_slot(const struct ring_slots *s, unsigned i)
{
	COYO_ASSERT(i < s->n[0] + s->n[1]);
	return i < s->n[0] ? s->at[0] + (size_t)i * s->bytes
	                   : s->at[1] + (size_t)(i - s->n[0]) * s->bytes;
}

/* All of them are the writer's again. */
static inline void ring_take_all_end(struct rte_ring *r, const struct ring_slots *s)
{
	rte_ring_dequeue_zc_elem_finish(r, s->n[0] + s->n[1]);
}

/* The slot that ring_take_begin() gave is the writer's again. */
static inline void ring_take_end(struct rte_ring *r)
{
	rte_ring_dequeue_zc_elem_finish(r, 1);
}
