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

/* op 0: label not granted. */
struct ilm_entry {
	uint32_t out;      /* ILM_SWAP: out-label; ILM_SESSION: session index */
	uint16_t out_link; /* ILM_SWAP */
	uint8_t op;        /* enum ilm_op */
	uint8_t pad;
	uint32_t twin_label; /* the reverse direction's in-label here, or LABEL_NONE */
	uint16_t twin_link;
	uint16_t pad2;
};
_Static_assert(sizeof(struct ilm_entry) == 16, "four entries per cache line");

struct ilm_use {
	uint64_t packets, bytes;
	struct instant last; /* valid when packets > 0 */
	uint64_t pad;
};

struct ilm_chunk {
	struct ilm_entry entry[ILM_CHUNK];
	struct ilm_use use[ILM_CHUNK];
	uint32_t used;
};

/* Memory for chunks; both called from ilm_set() and ilm_del() only. alloc returns zeroed bytes aligned to 64, or NULL. */
struct table_mem {
	void *(*alloc)(void *arg, size_t n);
	void (*free)(void *arg, void *p, size_t n);
	void *arg;
};

/* Zeroed: empty. Reads never allocate. */
struct ilm {
	struct ilm_chunk **chunk; /* ILM_CHUNKS pointers, or NULL while empty */
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
static inline const struct ilm_entry *ilm_get(const struct ilm *t, uint32_t label)
{
	const struct ilm_chunk *c;

	if (unlikely_(!t->chunk || label > LABEL_MAX))
		return NULL;
	c = t->chunk[label >> ILM_CHUNK_BITS];
	if (unlikely_(!c))
		return NULL;
	return c->entry[label % ILM_CHUNK].op ? &c->entry[label % ILM_CHUNK] : NULL;
}

/* Counters of a label that ilm_get() found. */
static inline struct ilm_use *ilm_use(const struct ilm *t, uint32_t label)
{
	return &t->chunk[label >> ILM_CHUNK_BITS]->use[label % ILM_CHUNK];
}

/* Brings the entry's and its counters' lines closer. label may be any number. */
static inline void ilm_prefetch(const struct ilm *t, uint32_t label)
{
	const struct ilm_chunk *c;

	if (unlikely_(!t->chunk || label > LABEL_MAX))
		return;
	c = t->chunk[label >> ILM_CHUNK_BITS];
	if (unlikely_(!c))
		return;
	__builtin_prefetch(&c->entry[label % ILM_CHUNK]);
	__builtin_prefetch(&c->use[label % ILM_CHUNK], 1);
}

static inline void ilm_count(struct ilm_use *u, uint32_t bytes, struct instant now)
{
	u->packets++;
	u->bytes += bytes;
	u->last = now;
}
