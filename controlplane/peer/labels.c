/* SPDX-License-Identifier: BSD-3-Clause */
/* One link's label space: the labels this node grants to the neighbour, random in chunks of 256, quarantined when freed. */
#include "peer/labels.h"

#include "base/assert.h"
#include "wire/lse.h"

#include <errno.h>
#include <string.h>

#define TRIES 32 /* chunks tried at random before a new one is made */

/* Index of the first chunk whose number is >= number. */
static unsigned chunk_at(const struct labels *l, unsigned number)
{
	unsigned lo = 0, hi = l->nchunks;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (l->chunk[mid]->number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct label_slot *slot_of(const struct labels *l, uint32_t label)
{
	unsigned number = label / LABEL_CHUNK, i = chunk_at(l, number);

	if (i == l->nchunks || l->chunk[i]->number != number)
		return NULL;
	return &l->chunk[i]->slot[label % LABEL_CHUNK];
}

static struct label_chunk *chunk_add(struct node *n, struct labels *l)
{
	unsigned number, i;
	struct label_chunk *c;

	if (l->nchunks == LABEL_CHUNKS)
		return NULL;
	if (l->nchunks == l->cap) {
		unsigned cap = l->cap ? l->cap * 2u : 4;
		struct label_chunk **v = ctx_alloc(n, cap * sizeof(*v));

		if (!v)
			return NULL;
		if (l->nchunks)
			memcpy(v, l->chunk, l->nchunks * sizeof(*v));
		ctx_free(n, l->chunk);
		l->chunk = v;
		l->cap = (uint16_t)cap;
	}
	do {
		number = (unsigned)rng_below(&n->cfg.rng, LABEL_CHUNKS);
		i = chunk_at(l, number);
	} while (i < l->nchunks && l->chunk[i]->number == number);
	c = ctx_alloc(n, sizeof(*c));
	if (!c)
		return NULL;
	c->number = (uint16_t)number;
	memmove(&l->chunk[i + 1], &l->chunk[i], (l->nchunks - i) * sizeof(l->chunk[0]));
	l->chunk[i] = c;
	l->nchunks++;
	return c;
}

/* Whether a slot is free, after its quarantine has ended if that is due. */
static bool usable(struct node *n, struct labels *l, struct label_chunk *c, struct label_slot *s)
{
	if (s->state == LABEL_QUARANTINE && instant_reached(s->free_at, n->now)) {
		COYO_ASSERT(c->used > 0 && l->quarantined > 0);
		s->state = LABEL_FREE;
		c->used--;
		l->quarantined--;
	}
	return s->state == LABEL_FREE;
}

/* A free label of chunk c, from a random place on. */
static bool pick(struct node *n, struct labels *l, struct label_chunk *c, int worker,
                 uint32_t *label)
{
	unsigned start = (unsigned)rng_below(&n->cfg.rng, LABEL_CHUNK);

	for (unsigned i = 0; i < LABEL_CHUNK; i++) {
		unsigned k = (start + i) % LABEL_CHUNK;
		uint32_t v = (uint32_t)c->number * LABEL_CHUNK + k;

		if (v <= LABEL_RESERVED_MAX ||
		    (worker >= 0 && cp_index_worker(v, n->cfg.workers) != worker))
			continue;
		if (usable(n, l, c, &c->slot[k])) {
			*label = v;
			return true;
		}
	}
	return false;
}

int labels_alloc(struct node *n, struct labels *l, void *owner, int worker, uint32_t *label)
{
	struct label_chunk *c;
	struct label_slot *s;

	if (l->granted >= n->cfg.labels_per_link_max) {
		count(n, CTR_LABEL_QUOTA);
		return -ENOSPC;
	}
	for (unsigned t = 0; t < TRIES && t < l->nchunks; t++) {
		c = l->chunk[rng_below(&n->cfg.rng, l->nchunks)];
		if (c->used < LABEL_CHUNK && pick(n, l, c, worker, label))
			goto found;
	}
	for (;;) {
		c = chunk_add(n, l);
		if (!c)
			return l->nchunks == LABEL_CHUNKS ? -ENOSPC : -ENOMEM;
		if (pick(n, l, c, worker, label))
			break;
	}
found:
	s = &c->slot[*label % LABEL_CHUNK];
	COYO_ASSERT(s->state == LABEL_FREE && c->used < LABEL_CHUNK);
	COYO_ASSERT(worker < 0 || cp_index_worker(*label, n->cfg.workers) == worker);
	*s = (struct label_slot){.owner = owner, .state = LABEL_GRANTED};
	c->used++;
	l->granted++;
	return 0;
}

void *labels_owner(const struct labels *l, uint32_t label)
{
	struct label_slot *s = slot_of(l, label);

	return s && s->state == LABEL_GRANTED ? s->owner : NULL;
}

void labels_free(struct node *n, struct labels *l, uint32_t label)
{
	struct label_slot *s = slot_of(l, label);

	if (!s || s->state != LABEL_GRANTED)
		return;
	COYO_ASSERT(l->granted > 0);
	s->owner = NULL;
	s->state = LABEL_QUARANTINE;
	s->free_at = instant_add(n->now, n->cfg.label_quarantine_ns);
	l->granted--;
	l->quarantined++;
}

void labels_reset(struct node *n, struct labels *l)
{
	for (unsigned i = 0; i < l->nchunks; i++)
		ctx_free(n, l->chunk[i]);
	ctx_free(n, l->chunk);
	*l = (struct labels){0};
}

bool labels_next(const struct labels *l, uint32_t *label, const struct label_slot **slot)
{
	for (unsigned i = chunk_at(l, *label / LABEL_CHUNK); i < l->nchunks; i++) {
		uint32_t base = (uint32_t)l->chunk[i]->number * LABEL_CHUNK;
		unsigned k = *label > base ? *label - base : 0;

		if (l->chunk[i]->used == 0)
			continue;
		for (; k < LABEL_CHUNK; k++) {
			if (l->chunk[i]->slot[k].state == LABEL_FREE)
				continue;
			*label = base + k;
			*slot = &l->chunk[i]->slot[k];
			return true;
		}
	}
	return false;
}
