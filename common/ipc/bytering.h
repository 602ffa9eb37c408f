/* SPDX-License-Identifier: BSD-3-Clause */
/* One direction of a stream between two threads or processes: a single-producer single-consumer ring of bytes. Each side keeps
 * its own index and everything it relies on privately; of the other side's shared word it believes nothing but a difference
 * that lies within the ring, so that a hostile neighbour can at worst garble the bytes it was free to write anyway. */
#pragma once
#include "base/assert.h"
#include "base/cc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What both sides can reach. head: bytes ever written (producer writes it); tail: bytes ever read (consumer writes it). */
struct bytering_shared {
	_Atomic uint64_t head COYO_ALIGNED(COYO_CACHELINE);
	_Atomic uint64_t tail COYO_ALIGNED(COYO_CACHELINE);
};

/* One side's view. Private to it. */
struct bytering {
	struct bytering_shared *shared;
	uint8_t *data;
	uint64_t mine;   /* own index: head for the producer, tail for the consumer */
	uint64_t theirs; /* the other side's index when last looked at and found plausible */
	uint32_t cap;    /* bytes, a power of two */
	bool broken; /* the other side's index was impossible: this direction moves no byte any more */
};

/* cap must be a power of two. Both indices start at 0: bytering_shared_init() once, then one view for each side. */
static inline void bytering_shared_init(struct bytering_shared *s)
{
	atomic_init(&s->head, 0);
	atomic_init(&s->tail, 0);
}

/* One side's view of a new ring: s as bytering_shared_init() left it, data of cap bytes (a power of two, at most 2^31). Both stay the
 * caller's and must stay in place as long as the view is used. cap comes from this side alone, never from memory the other side writes. */
static inline void bytering_view(struct bytering *r, struct bytering_shared *s, void *data,
                                 uint32_t cap)
{
	COYO_ASSERT(cap && !(cap & (cap - 1)));
	*r = (struct bytering){.shared = s, .data = data, .cap = cap};
}

/* ---- producer ---- */

/* Bytes that can be written now. */
static inline uint32_t bytering_room(struct bytering *r)
{
	uint64_t tail = atomic_load_explicit(&r->shared->tail, memory_order_acquire);

	/* A tail that goes back, or ahead of what was written, is a lie. */
	if (unlikely_(tail - r->theirs > r->mine - r->theirs))
		r->broken = true;
	if (unlikely_(r->broken))
		return 0;
	r->theirs = tail;
	return r->cap - (uint32_t)(r->mine - tail);
}

/* The contiguous free piece at the write position; 0: full or broken. */
static inline uint32_t bytering_reserve(struct bytering *r, void **piece)
{
	uint32_t room = bytering_room(r), at = (uint32_t)(r->mine & (r->cap - 1));

	*piece = r->data + at;
	return room < r->cap - at ? room : r->cap - at;
}

/* Free bytes as up to two pieces, for readv(). Returns how many pieces. */
static inline unsigned bytering_reserve2(struct bytering *r, void *piece[2], size_t len[2])
{
	uint32_t room = bytering_room(r), at = (uint32_t)(r->mine & (r->cap - 1));
	uint32_t first = room < r->cap - at ? room : r->cap - at;

	piece[0] = r->data + at;
	len[0] = first;
	piece[1] = r->data;
	len[1] = room - first;
	return room == 0 ? 0 : len[1] ? 2 : 1;
}

/* Publishes n bytes, n <= what was reserved. */
static inline void bytering_commit(struct bytering *r, size_t n)
{
	COYO_ASSERT(n <= r->cap - (r->mine - r->theirs)); /* this side's words alone */
	r->mine += n;
	atomic_store_explicit(&r->shared->head, r->mine, memory_order_release);
}

/* ---- consumer ---- */

/* Bytes that wait to be read. */
static inline uint32_t bytering_used(struct bytering *r)
{
	uint64_t head = atomic_load_explicit(&r->shared->head, memory_order_acquire);

	/* More than the ring holds, or less than was there before, is a lie. */
	if (unlikely_(head - r->mine > r->cap || head - r->mine < r->theirs - r->mine))
		r->broken = true;
	if (unlikely_(r->broken))
		return 0;
	r->theirs = head;
	return (uint32_t)(head - r->mine);
}

/* The contiguous piece at the read position; 0: empty or broken. */
static inline uint32_t bytering_peek(struct bytering *r, const void **piece)
{
	uint32_t used = bytering_used(r), at = (uint32_t)(r->mine & (r->cap - 1));

	*piece = r->data + at;
	return used < r->cap - at ? used : r->cap - at;
}

/* Waiting bytes as up to two pieces, for writev(). Returns how many pieces. */
static inline unsigned bytering_peek2(struct bytering *r, void *piece[2], size_t len[2])
{
	uint32_t used = bytering_used(r), at = (uint32_t)(r->mine & (r->cap - 1));
	uint32_t first = used < r->cap - at ? used : r->cap - at;

	piece[0] = r->data + at;
	len[0] = first;
	piece[1] = r->data;
	len[1] = used - first;
	return used == 0 ? 0 : len[1] ? 2 : 1;
}

/* Gives n bytes back, n <= what was peeked at. */
static inline void bytering_consume(struct bytering *r, size_t n)
{
	COYO_ASSERT(n <= r->theirs - r->mine); /* this side's words alone */
	r->mine += n;
	atomic_store_explicit(&r->shared->tail, r->mine, memory_order_release);
}
