/* SPDX-License-Identifier: BSD-3-Clause */
/* Incoming label map of one link as one worker sees it: 2^20 labels, grown by chunks of 256, one reader and writer. */
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

/* One label: all that a packet touches, two to a cache line. op 0: not granted. */
struct ilm_entry {
	uint32_t out;      /* ILM_SWAP: out-label; ILM_SESSION: session index */
	uint16_t out_link; /* ILM_SWAP */
	uint8_t op;        /* enum ilm_op */
	uint8_t pad;
	uint32_t last; /* ILM_TICK_NS units, wraps; valid when packets > 0 */
	uint64_t packets, bytes;
};
_Static_assert(sizeof(struct ilm_entry) == 32, "two entries per cache line");

/* Unit of "last used": a power of two near a millisecond; idle times up to 52 days. */
#define ILM_TICK_BITS 20

struct ilm_chunk {
	struct ilm_entry entry[ILM_CHUNK];
};

/* Memory for chunks; both called from ilm_set() and ilm_del() only. alloc returns zeroed bytes aligned to 64, or NULL. */
struct table_mem {
	void *(*alloc)(void *arg, size_t n);
	void (*free)(void *arg, void *p, size_t n);
	void *arg;
};

/* Zeroed: empty. Reads never allocate. */
struct ilm {
	/* ILM_CHUNKS pointers and then as many uint16_t: entries of each; NULL while empty. */
	struct ilm_chunk **chunk;
	uint32_t entries;
	uint32_t chunks;
};

/* Sets the entry of c->in_label, keeping its counters when there was one. -EINVAL: label reserved or out of range, op not known;
 * -ENOMEM: nothing changed. */
int ilm_set(struct ilm *t, const struct table_mem *mem, const struct cp_ilm *c) COYO_NODISCARD;

/* -ENOENT when there is no such entry. Returns an empty chunk's memory. */
int ilm_del(struct ilm *t, const struct table_mem *mem, uint32_t label);

/* Empties the table and returns all memory. */
void ilm_clear(struct ilm *t, const struct table_mem *mem);

/* The entry, or NULL. label may be any number. */
static inline struct ilm_entry *ilm_get(const struct ilm *t, uint32_t label)
{
	struct ilm_chunk *c;

	if (unlikely_(!t->chunk || label > LABEL_MAX))
		return NULL;
	c = t->chunk[label >> ILM_CHUNK_BITS];
	if (unlikely_(!c))
		return NULL;
	return c->entry[label % ILM_CHUNK].op ? &c->entry[label % ILM_CHUNK] : NULL;
}

/* Brings the entry's line closer. label may be any number. */
static inline void ilm_prefetch(const struct ilm *t, uint32_t label)
{
	const struct ilm_chunk *c;

	if (unlikely_(!t->chunk || label > LABEL_MAX))
		return;
	c = t->chunk[label >> ILM_CHUNK_BITS];
	if (unlikely_(!c))
		return;
	__builtin_prefetch(&c->entry[label % ILM_CHUNK], 1);
}

/* One packet of so many bytes has used the entry. */
static inline void ilm_count(struct ilm_entry *e, uint32_t bytes, struct instant now)
{
	e->packets++;
	e->bytes += bytes;
	e->last = (uint32_t)(now.ns >> ILM_TICK_BITS);
}

/* Time since the last packet, to about a millisecond; -1: none yet. */
static inline int64_t ilm_idle_ns(const struct ilm_entry *e, struct instant now)
{
	if (!e->packets)
		return -1;
	return (int64_t)((uint32_t)(now.ns >> ILM_TICK_BITS) - e->last) << ILM_TICK_BITS;
}
