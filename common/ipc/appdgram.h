/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams in the two rings of a slot: records of a header and a payload, so that each comes out as it went in. The producer makes a whole record
 * known at once; the consumer believes no length before it is within what is there. */
#pragma once
#include "ipc/bytering.h"
#include "wire/id.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define APPDGRAM_MOST \
	1902 /* payload of the longest: what a worker's buffer holds (session/datagram.h) */

/* In front of the payload; zeroes follow that up to a multiple of APPDGRAM_ALIGN, so that a header's place is a multiple of it. */
struct appdgram {
	uint32_t len;  /* of the payload, at most APPDGRAM_MOST */
	uint16_t port; /* of the other end: to whom it goes, or whom it is from; never 0 */
	uint16_t zero;
	struct node_id id; /* the other end's */
};
#define APPDGRAM_ALIGN 8u
_Static_assert(sizeof(struct appdgram) == 72 && sizeof(struct appdgram) % APPDGRAM_ALIGN == 0,
               "no byte of it is padding");

/* What a datagram of len bytes takes in a ring. */
static inline uint32_t appdgram_bytes(uint32_t len)
{
	return ((uint32_t)sizeof(struct appdgram) + len + APPDGRAM_ALIGN - 1) &
	       ~(APPDGRAM_ALIGN - 1);
}

/* The n bytes from `at` bytes behind the ring's own index on, as up to two pieces. Within what was found used or free before. */
static inline void appdgram_pieces(struct bytering *r, uint32_t at, uint32_t n, uint8_t *piece[2],
                                   uint32_t len[2])
{
	uint32_t from = (uint32_t)((r->mine + at) & (r->cap - 1));

	piece[0] = r->data + from;
	len[0] = n < r->cap - from ? n : r->cap - from;
	piece[1] = r->data;
	len[1] = n - len[0];
}

/* Producer: n bytes come to stand there; nothing is known to the other side before bytering_commit(). */
static inline void appdgram_put(struct bytering *r, uint32_t at, const void *from, uint32_t n)
{
	uint8_t *piece[2];
	uint32_t len[2];

	appdgram_pieces(r, at, n, piece, len);
	if (len[0])
		memcpy(piece[0], from, len[0]);
	if (len[1])
		memcpy(piece[1], (const uint8_t *)from + len[0], len[1]);
}

/* Consumer: copies n bytes that stand there. The other side may change them at any time: they are read here and not again. */
static inline void appdgram_get(struct bytering *r, uint32_t at, void *to, uint32_t n)
{
	uint8_t *piece[2];
	uint32_t len[2];

	appdgram_pieces(r, at, n, piece, len);
	if (len[0])
		memcpy(to, piece[0], len[0]);
	if (len[1])
		memcpy((uint8_t *)to + len[0], piece[1], len[1]);
	__asm__ volatile("" ::: "memory"); /* the copy is what is looked at from here on */
}

/* Consumer: the header of the oldest of the `used` bytes that bytering_used() found. 1, 0: nothing is there, or -1: what is there cannot be. */
static inline int appdgram_first(struct bytering *r, uint32_t used, struct appdgram *h)
{
	h->len = h->port = 0;
	if (used == 0)
		return 0;
	if (used < sizeof(*h))
		return -1;
	appdgram_get(r, 0, h, sizeof(*h));
	return h->len <= APPDGRAM_MOST && appdgram_bytes(h->len) <= used && h->port != 0 ? 1 : -1;
}

/* ---- how much goes at once ---- */

/* How long a datagram to an id may be, as its session's path is now: the worker writes it, whoever sends looks. By the id's first 8 bytes, so
 * one id may take another's place: then nothing is known of that, and the worker says so when too long a one comes to it. */
#define APPDGRAM_PATHS 64u
struct appdgram_path {
	_Atomic uint64_t key;  /* 0: nobody's */
	_Atomic uint32_t most; /* bytes of payload; 0: not known */
};

/* The key of an id. */
static inline uint64_t appdgram_key(const struct node_id *id)
{
	uint64_t key;

	memcpy(&key, id->b, sizeof(key));
	return key | 1;
}

/* The place of an id. */
static inline struct appdgram_path *appdgram_path(struct appdgram_path paths[APPDGRAM_PATHS],
                                                  const struct node_id *id)
{
	return &paths[id->b[7] % APPDGRAM_PATHS];
}

/* Worker: writes it. In between nothing is known, so that no length is taken for another id's. */
static inline void appdgram_path_set(struct appdgram_path paths[APPDGRAM_PATHS],
                                     const struct node_id *id, uint32_t most)
{
	struct appdgram_path *p = appdgram_path(paths, id);
	uint64_t key = appdgram_key(id);

	if (atomic_load_explicit(&p->key, memory_order_relaxed) == key &&
	    atomic_load_explicit(&p->most, memory_order_relaxed) == most)
		return;
	atomic_store(&p->most, 0);
	atomic_store(&p->key, key);
	atomic_store(&p->most, most);
}

/* Whoever sends: reads it. 0: not known. */
static inline uint32_t appdgram_path_get(struct appdgram_path paths[APPDGRAM_PATHS],
                                         const struct node_id *id)
{
	struct appdgram_path *p = appdgram_path(paths, id);
	uint64_t key = appdgram_key(id);
	uint32_t most = atomic_load(&p->key) == key ? atomic_load(&p->most) : 0;

	return atomic_load(&p->key) == key ? most : 0;
}
