/* SPDX-License-Identifier: BSD-3-Clause */
/* The incoming label map of one link as one worker sees it: 2^20 labels in chunks of 256, which are made when they are needed. The worker alone
 * reads and writes it. */
#pragma once
#include "base/cc.h"
#include "base/time.h"
#include "ipc/cpdp.h"
#include "wire/lse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ILM_CHUNK_BITS 8
#define ILM_CHUNK      (1u << ILM_CHUNK_BITS)
#define ILM_CHUNKS     (LABEL_SPACE >> ILM_CHUNK_BITS)

/* One label: everything that a packet with it touches. If op is 0, the label is not granted. */
struct ilm_entry {
	uint32_t out;      /* ILM_SWAP: out-label; ILM_SESSION: session index */
	uint16_t out_link; /* ILM_SWAP */
	uint8_t op;        /* enum ilm_op */
	uint8_t pad;
	/* When the last packet came, in units of 2^ILM_TICK_BITS ns; wraps, and means nothing while packets is 0. */
	uint32_t last;
	/* The chunk's first entry alone, also while its label is not granted: how many labels of the chunk are. */
	uint32_t used;
	uint64_t packets, bytes;
};
_Static_assert(sizeof(struct ilm_entry) == 32, "two entries per cache line");

/* Times of last use count in units of 2^20 ns, about a millisecond, so that idle times of up to 52 days can be told. */
#define ILM_TICK_BITS 20

struct ilm_chunk {
	struct ilm_entry entry[ILM_CHUNK];
};

/* The pointers to all chunks of one map. A link with one label uses eight bytes of them: they are worth pages that take memory when they are
 * written to and not before. */
#define ILM_ROOT_BYTES (ILM_CHUNKS * sizeof(struct ilm_chunk *))

/* Where tables take their memory from. Only the functions that change a table call these two. alloc returns zeroed bytes, aligned to 64, or
 * NULL. */
struct table_mem {
	void *(*alloc)(void *arg, size_t n);
	void (*free)(void *arg, void *p, size_t n);
	void *arg;
};

/* A zeroed map is empty. Reads never allocate. */
struct ilm {
	/* ILM_CHUNKS pointers; NULL while the map is empty. */
	struct ilm_chunk **chunk;
	uint32_t entries;
	uint32_t chunks;
};

/* Sets the entry of c->in_label; one that exists keeps its counters. -EINVAL: the label is reserved or out of range, or the op is not known;
 * -ENOMEM: nothing has changed. */
int ilm_set(struct ilm *t, const struct table_mem *mem, const struct cp_ilm *c) COYO_NODISCARD;

/* Removes the entry of a label, and gives back the memory of a chunk that is empty then. -ENOENT: there is no such entry. */
int ilm_del(struct ilm *t, const struct table_mem *mem, uint32_t label);

/* Empties the map and gives all its memory back. */
void ilm_clear(struct ilm *t, const struct table_mem *mem);

/* Where the entry of a label stands, granted or not, with its cache line on the way; NULL: none is granted near it. label may be any number. For
 * ilm_granted(), before the map changes. */
static inline COYO_PREFETCHES struct ilm_entry *ilm_prefetch(const struct ilm *t, uint32_t label)
{
	struct ilm_chunk *c;

	if (unlikely_(!t->chunk || label > LABEL_MAX))
		return NULL;
	c = t->chunk[label >> ILM_CHUNK_BITS];
	if (unlikely_(!c))
		return NULL;
	__builtin_prefetch(&c->entry[label % ILM_CHUNK], 1);
	return &c->entry[label % ILM_CHUNK];
}

/* What ilm_prefetch() has found, or NULL where the label is not granted. */
static inline struct ilm_entry *ilm_granted(struct ilm_entry *e)
{
	return likely_(e && e->op) ? e : NULL;
}

/* The entry of a label, or NULL. label may be any number. */
static inline struct ilm_entry *ilm_get(const struct ilm *t, uint32_t label)
{
	struct ilm_chunk *c;

	if (unlikely_(!t->chunk || label > LABEL_MAX))
		return NULL;
	c = t->chunk[label >> ILM_CHUNK_BITS];
	return c ? ilm_granted(&c->entry[label % ILM_CHUNK]) : NULL;
}

/* One packet of so many bytes has used the entry. */
static inline void ilm_count(struct ilm_entry *e, uint32_t bytes, struct instant now)
{
	e->packets++;
	e->bytes += bytes;
	e->last = (uint32_t)(now.ns >> ILM_TICK_BITS);
}

/* ns since the last packet, to about a millisecond. -1: there has been none yet. */
static inline int64_t ilm_idle_ns(const struct ilm_entry *e, struct instant now)
{
	if (!e->packets)
		return -1;
	return (int64_t)((uint32_t)(now.ns >> ILM_TICK_BITS) - e->last) << ILM_TICK_BITS;
}
