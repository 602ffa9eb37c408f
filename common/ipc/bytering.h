/* SPDX-License-Identifier: BSD-3-Clause */
/* One direction of a stream between two threads or processes: a single-producer single-consumer ring of bytes. Each side keeps
 * its own index and everything it relies on privately; of the other side's shared word it believes nothing but a difference
 * that lies within the ring, so that a hostile neighbour can at worst garble the bytes it was free to write anyway. */
#pragma once
#include "ipc/ringshape.h"

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

/* What can be written now, after an elastic ring has taken the shape that suits it. */
static inline uint32_t bytering_make_room(struct bytering *r)
{
	uint32_t room = bytering_room(r);

	if (!r->most || r->broken)
		return room;
	bytering_fit(r);
	room = r->cap - (uint32_t)(r->mine - r->theirs);
	r->tight |= room == 0;
	return room;
}

/* The contiguous free piece at the write position; 0: full or broken. */
static inline uint32_t bytering_reserve(struct bytering *r, void **piece)
{
	uint32_t room = bytering_make_room(r);

	*piece = bytering_at(r, r->mine, &room);
	return room;
}

/* Free bytes as up to two pieces, for readv(). Returns how many pieces. */
static inline unsigned bytering_reserve2(struct bytering *r, void *piece[2], size_t len[2])
{
	return bytering_pieces(r, bytering_make_room(r), piece, len);
}

/* Publishes n bytes, n <= what was reserved. */
static inline void bytering_commit(struct bytering *r, size_t n)
{
	COYO_ASSERT(n <= r->cap - (r->mine - r->theirs)); /* this side's words alone */
	r->mine += n;
	atomic_store_explicit(&r->shared->head, r->mine, memory_order_release);
}

/* What a producer that died in the middle had done is made known, by whoever has its view now. */
static inline void bytering_repair(struct bytering *r)
{
	if (r->most)
		bytering_take_shape(r, r->shape);
	atomic_store_explicit(&r->shared->head, r->mine, memory_order_release);
}

/* ---- consumer ---- */

/* As bytering_repair(), of a consumer. */
static inline void bytering_repair_consumer(struct bytering *r)
{
	if (r->most)
		r->cap = BYTERING_FIRST << bytering_doubled(r->shape);
	atomic_store_explicit(&r->shared->tail, r->mine, memory_order_release);
}

/* Bytes that wait to be read. */
static inline uint32_t bytering_used(struct bytering *r)
{
	uint64_t head = atomic_load_explicit(&r->shared->head, memory_order_acquire);

	if (r->most)
		bytering_learn_shape(r);
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
	uint32_t used = bytering_used(r);

	*piece = bytering_at(r, r->mine, &used);
	return used;
}

/* Waiting bytes as up to two pieces, for writev(). Returns how many pieces. */
static inline unsigned bytering_peek2(struct bytering *r, void *piece[2], size_t len[2])
{
	return bytering_pieces(r, bytering_used(r), piece, len);
}

/* Gives n bytes back, n <= what was peeked at. */
static inline void bytering_consume(struct bytering *r, size_t n)
{
	COYO_ASSERT(n <= r->theirs - r->mine); /* this side's words alone */
	r->mine += n;
	atomic_store_explicit(&r->shared->tail, r->mine, memory_order_release);
}
