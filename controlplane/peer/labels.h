/* SPDX-License-Identifier: BSD-3-Clause */
/* One link's label space: the labels this node grants to the neighbour, random in chunks of 256, quarantined when freed.
 *
 * Labels fall into classes by the worker that owns them (cp_index_worker()). Each class knows its chunks with a free label and keeps its
 * freed ones in a queue, the oldest first, so that an allocation looks at one chunk and at the queues' heads only. */
#pragma once
#include "core/ctx.h"

#define LABEL_CHUNK  256
#define LABEL_CHUNKS (1u << 12)

enum label_state { LABEL_FREE = 0, LABEL_GRANTED, LABEL_QUARANTINE };

struct label_slot {
	void *owner;            /* who holds it; NULL in quarantine */
	struct instant free_at; /* LABEL_QUARANTINE: usable again from then on */
	/* LABEL_QUARANTINE: the label of this class that was freed after this one; LABEL_NONE: none was. */
	uint32_t next;
	uint8_t state; /* enum label_state */
};

struct label_chunk {
	uint16_t number;
	uint16_t used;                   /* slots not LABEL_FREE */
	uint64_t free[LABEL_CHUNK / 64]; /* bit k: slot k may be granted now */
	/* By class: how many of these bits are its own, and where the chunk stands among the class's open chunks (if that is not 0). */
	struct label_share {
		uint16_t free, at;
	} share[CPDP_WORKERS_MAX];
	struct label_slot slot[LABEL_CHUNK];
};

struct label_class {
	/* Chunks with a free label of this class, in no order; room for all chunks. */
	struct label_chunk **open;
	uint16_t nopen;
	/* Labels in quarantine: the one freed first and the one freed last, valid while queued is not 0. */
	uint32_t first, last, queued;
};

/* Chunks sorted by number. Zeroed: empty. */
struct labels {
	struct label_chunk **chunk;
	uint16_t nchunks, cap;
	uint32_t granted, quarantined;
	struct label_class class[CPDP_WORKERS_MAX];
};

/* Grants a random label to `owner`: one whose owner worker is `worker` (cp_index_worker()), or any for worker < 0. Its cost does not depend
 * on how many labels there are. -ENOSPC: the quota is used up, or every label of that worker is granted or in quarantine; -ENOMEM. */
int labels_alloc(struct node *n, struct labels *l, void *owner, int worker,
                 uint32_t *label) COYO_NODISCARD;
/* The holder of a granted label, or NULL. */
void *labels_owner(const struct labels *l, uint32_t label);
/* Puts a label into quarantine; one that is not granted is left alone. */
void labels_free(struct node *n, struct labels *l, uint32_t label);
/* Forgets all labels at once, without quarantine: the neighbour does too, as the epoch is new. */
void labels_reset(struct node *n, struct labels *l);
/* The first slot that is not free from *label on, and its label; false: none. */
bool labels_next(const struct labels *l, uint32_t *label, const struct label_slot **slot);
/* For audits: how many labels of the chunks made so far are neither granted nor will ever be granted, since no list leads to them. Always 0,
 * or labels_alloc() and labels_free() are wrong. Looks at every slot. workers: as in the node's configuration. */
uint32_t labels_unreachable(const struct labels *l, unsigned workers);
