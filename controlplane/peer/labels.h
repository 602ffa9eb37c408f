/* SPDX-License-Identifier: BSD-3-Clause */
/* One link's label space: the labels this node grants to the neighbour, random in chunks of 256, quarantined when freed. */
#pragma once
#include "core/ctx.h"

#define LABEL_CHUNK  256
#define LABEL_CHUNKS (1u << 12)

enum label_state { LABEL_FREE = 0, LABEL_GRANTED, LABEL_QUARANTINE };

struct label_slot {
	void *owner;            /* who holds it; NULL in quarantine */
	struct instant free_at; /* LABEL_QUARANTINE: usable again from then on */
	uint8_t state;          /* enum label_state */
};

struct label_chunk {
	uint16_t number;
	uint16_t used; /* slots not LABEL_FREE */
	struct label_slot slot[LABEL_CHUNK];
};

/* Chunks sorted by number. Zeroed: empty. */
struct labels {
	struct label_chunk **chunk;
	uint16_t nchunks, cap;
	uint32_t granted, quarantined;
};

/* Grants a random label to `owner`: one whose owner worker is `worker` (cp_index_worker()), or any for worker < 0. -ENOSPC: the quota is
 * used up; -ENOMEM. */
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
