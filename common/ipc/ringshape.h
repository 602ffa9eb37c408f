/* SPDX-License-Identifier: BSD-3-Clause */
/* What a ring of bytes is, and where each of them lies: in a fixed ring at its index modulo the ring's size, in an elastic one as its shape says. */
#pragma once
#include "base/assert.h"
#include "base/cc.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What both sides can reach. head: bytes ever written (producer writes it); tail: bytes ever read (consumer writes it). shape, of an elastic
 * ring: the producer's, written before the head of the bytes that it is true for; see bytering_elastic(). */
struct bytering_shared {
	_Atomic uint64_t head COYO_ALIGNED(COYO_CACHELINE);
	_Atomic uint64_t shape;
	_Atomic uint64_t tail COYO_ALIGNED(COYO_CACHELINE);
};

#define BYTERING_FIRST 1024u  /* bytes: what an elastic ring begins with, a power of two */
#define BYTERING_SMALL 16384u /* up to here it doubles wherever it would wrap */

/* One side's view. Private to it. */
struct bytering {
	struct bytering_shared *shared;
	uint8_t *data;
	uint64_t mine;   /* own index: head for the producer, tail for the consumer */
	uint64_t theirs; /* the other side's index when last looked at and found plausible */
	uint64_t shape;  /* as the shared word; 0: a fixed ring, or one as it begins */
	uint32_t cap;    /* bytes, a power of two */
	uint32_t most;   /* elastic: how large it may become; 0: fixed */
	uint8_t *first;  /* elastic: where its first bytes lie */
	bool tight;      /* elastic, the producer's: it was full since it began last */
	bool wide; /* ... and is to have at least BYTERING_SMALL bytes, so that much of it lies in one piece */
	bool broken; /* the other side's index was impossible: this direction moves no byte any more */
};

/* cap must be a power of two. Both indices start at 0: bytering_shared_init() once, then one view for each side. */
static inline void bytering_shared_init(struct bytering_shared *s)
{
	atomic_init(&s->head, 0);
	atomic_init(&s->shape, 0);
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

/* The same of a ring that is only as large as its use needs, so that a stream that says little touches little memory, always the same, and one
 * whose consumer is behind has all of `most` (a power of two, >= BYTERING_FIRST). Its first BYTERING_FIRST bytes lie at `first`, those behind
 * them at their place in data, whose own first ones are never used.
 *
 * The producer alone decides. Whenever the ring is empty it begins anew at its first byte. Where it comes to its end while bytes lie unread it
 * doubles, unless the consumer is close behind. Both only in moments in which no unread byte changes its place, so that a consumer that has
 * read a head and reads the shape after it finds each byte where it lies. A shape that lies makes it read other bytes of the ring. */
static inline void bytering_elastic(struct bytering *r, struct bytering_shared *s, void *first,
                                    void *data, uint32_t most)
{
	COYO_ASSERT(most >= BYTERING_FIRST && !(most & (most - 1)));
	*r = (struct bytering){
	        .shared = s, .data = data, .cap = BYTERING_FIRST, .most = most, .first = first};
}

/* Of a shape: the index at which the ring began last. */
static inline uint64_t bytering_base(uint64_t shape)
{
	return shape >> 8;
}
/* Of a shape: how often the ring has doubled. */
static inline uint32_t bytering_doubled(uint64_t shape)
{
	return (uint32_t)(shape & 255);
}

/* Where the byte with that index lies; *n, at most that many bytes from there on, becomes what lies in one piece. */
static inline uint8_t *bytering_at(const struct bytering *r, uint64_t index, uint32_t *n)
{
	uint32_t at = (uint32_t)((index - bytering_base(r->shape)) & (r->cap - 1)), end = r->cap;
	uint8_t *data = r->data;

	if (r->most && at < BYTERING_FIRST) {
		data = r->first;
		end = BYTERING_FIRST;
	}
	if (*n > end - at)
		*n = end - at;
	return data + at;
}

/* n bytes from this index on as up to two pieces, which are fewer bytes where they would be three. Returns how many pieces. */
static inline unsigned bytering_pieces(const struct bytering *r, uint32_t n, void *piece[2],
                                       size_t len[2])
{
	uint32_t first = n, second;

	piece[0] = bytering_at(r, r->mine, &first);
	len[0] = first;
	second = n - first;
	piece[1] = bytering_at(r, r->mine + first, &second);
	len[1] = second;
	return n == 0 ? 0 : second ? 2 : 1;
}

/* The producer's new shape, which its next head makes known. */
static inline void bytering_take_shape(struct bytering *r, uint64_t shape)
{
	r->shape = shape;
	r->cap = BYTERING_FIRST << bytering_doubled(shape);
	atomic_store_explicit(&r->shared->shape, shape, memory_order_relaxed);
}

/* Whether the producer of an elastic ring doubles it now: head is the producer's index, and unread how many bytes before it wait. */
static inline bool bytering_doubles(const struct bytering *r, uint64_t head, uint32_t unread)
{
	uint64_t since = ((head << 8) - (r->shape & ~UINT64_C(255))) >> 8;

	return since >= r->cap && (since & (r->cap - 1)) == 0 && r->cap < r->most &&
	       (r->cap < BYTERING_SMALL || unread > r->cap / 4);
}

/* An elastic ring begins anew where it is empty, and doubles where it is at its end with a consumer far behind. Both sides' indices are as they
 * were looked at last. */
static inline void bytering_fit(struct bytering *r)
{
	uint64_t base;
	uint32_t unread = (uint32_t)(r->mine - r->theirs), doubled = bytering_doubled(r->shape);

	if (unread == 0) {
		if (r->tight && r->cap < r->most)
			doubled++;
		while (r->wide && BYTERING_FIRST << doubled < BYTERING_SMALL &&
		       BYTERING_FIRST << doubled < r->most)
			doubled++;
		r->tight = false;
		/* One that is not small any more leaves its first bytes out, behind which the others do not follow. */
		base = r->mine - (BYTERING_FIRST << doubled < BYTERING_SMALL ? 0 : BYTERING_FIRST);
	} else if (bytering_doubles(r, r->mine, unread)) {
		base = r->mine - r->cap;
		doubled++;
	} else {
		return;
	}
	if (r->shape != (base << 8 | doubled))
		bytering_take_shape(r, base << 8 | doubled);
}

/* The producer's shape, after its head was read. */
static inline void bytering_learn_shape(struct bytering *r)
{
	uint64_t shape = atomic_load_explicit(&r->shared->shape, memory_order_relaxed);

	if (likely_(shape == r->shape))
		return;
	if (unlikely_(bytering_doubled(shape) > 31 ||
	              (uint64_t)BYTERING_FIRST << bytering_doubled(shape) > r->most)) {
		r->broken = true;
		return;
	}
	r->shape = shape;
	r->cap = BYTERING_FIRST << bytering_doubled(shape);
}
