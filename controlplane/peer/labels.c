/* SPDX-License-Identifier: BSD-3-Clause */
/* One link's label space: the labels this node grants to the neighbour, random in chunks of 256, quarantined when freed. */
#include "peer/labels.h"

#include "base/assert.h"
#include "wire/lse.h"

#include <errno.h>
#include <string.h>

/* Labels that one allocation takes out of quarantine at most. More than one, so that the queues get shorter even if each allocation takes
 * one label. */
#define RELEASES 2

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

static struct label_chunk *chunk_of(const struct labels *l, uint32_t label)
{
	unsigned number = label / LABEL_CHUNK, i = chunk_at(l, number);

	return i < l->nchunks && l->chunk[i]->number == number ? l->chunk[i] : NULL;
}

static struct label_slot *slot_of(const struct labels *l, uint32_t label)
{
	struct label_chunk *c = chunk_of(l, label);

	return c ? &c->slot[label % LABEL_CHUNK] : NULL;
}

/* ---- which labels may be granted now ---- */
static bool bit_is_set(const struct label_chunk *c, unsigned k)
{
	return c->free[k / 64] >> k % 64 & 1;
}

/* A label may be granted from now on: its chunk is open in its class. */
static void make_available(struct labels *l, struct label_chunk *c, unsigned k, unsigned workers)
{
	uint8_t class = cp_index_worker((uint32_t)c->number * LABEL_CHUNK + k, workers);
	struct label_share *s = &c->share[class];
	struct label_class *q = &l->class[class];

	COYO_ASSERT(!bit_is_set(c, k) && c->slot[k].state == LABEL_FREE);
	c->free[k / 64] |= UINT64_C(1) << k % 64;
	if (s->free++ > 0)
		return;
	COYO_ASSERT(q->nopen < l->nchunks);
	s->at = q->nopen;
	q->open[q->nopen++] = c;
}

/* The opposite: the chunk is taken out of its class's open ones if this was the last label of the class in it. */
static void make_unavailable(struct labels *l, struct label_chunk *c, unsigned k, unsigned class)
{
	struct label_share *s = &c->share[class];
	struct label_class *q = &l->class[class];

	COYO_ASSERT(bit_is_set(c, k) && s->free > 0);
	c->free[k / 64] &= ~(UINT64_C(1) << k % 64);
	if (--s->free > 0)
		return;
	COYO_ASSERT(s->at < q->nopen && q->open[s->at] == c);
	q->open[s->at] = q->open[--q->nopen];
	q->open[s->at]->share[class].at = s->at;
}

/* Ends the oldest quarantine of a class, if that is due. */
static bool release_one(struct node *n, struct labels *l, unsigned class)
{
	struct label_class *q = &l->class[class];
	struct label_chunk *c;
	struct label_slot *s;
	unsigned k;

	if (q->queued == 0)
		return false;
	c = chunk_of(l, q->first);
	k = q->first % LABEL_CHUNK;
	COYO_ASSERT(c && c->slot[k].state == LABEL_QUARANTINE);
	s = &c->slot[k];
	if (!instant_reached(s->free_at, n->now))
		return false;
	COYO_ASSERT(c->used > 0 && l->quarantined > 0);
	q->first = s->next;
	q->queued--;
	c->used--;
	l->quarantined--;
	*s = (struct label_slot){.state = LABEL_FREE};
	make_available(l, c, k, n->cfg.workers);
	return true;
}

/* ---- chunks ---- */
/* Room for twice as many chunks, here and in every class. */
static bool grow(struct node *n, struct labels *l)
{
	unsigned cap = l->cap ? l->cap * 2u : 4, lists = 1u + n->cfg.workers;
	struct label_chunk **v = ctx_alloc(n, lists * cap * sizeof(struct label_chunk *));

	if (!v)
		return false;
	if (l->nchunks)
		memcpy(v, l->chunk, l->nchunks * sizeof(struct label_chunk *));
	for (unsigned w = 0; w < n->cfg.workers; w++) {
		struct label_class *q = &l->class[w];

		if (q->nopen)
			memcpy(v + (w + 1) * cap, q->open, q->nopen * sizeof(struct label_chunk *));
		q->open = v + (w + 1) * cap;
	}
	ctx_free(n, l->chunk); /* the classes' lists are in the same memory */
	l->chunk = v;
	l->cap = (uint16_t)cap;
	return true;
}

/* The number of a random chunk that does not exist yet. */
static unsigned unused_number(struct node *n, const struct labels *l)
{
	unsigned nth = (unsigned)rng_below(&n->cfg.rng, LABEL_CHUNKS - l->nchunks);
	unsigned lo = 0, hi = l->nchunks;

	/* Below the chunk with index i, number - i numbers are unused. */
	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (l->chunk[mid]->number - mid <= nth)
			lo = mid + 1;
		else
			hi = mid;
	}
	return nth + lo;
}

/* Makes another chunk. 0, -ENOSPC: all exist; -ENOMEM. */
static int chunk_add(struct node *n, struct labels *l)
{
	unsigned number, i, first;
	struct label_chunk *c;

	if (l->nchunks == LABEL_CHUNKS)
		return -ENOSPC;
	if (l->nchunks == l->cap && !grow(n, l))
		return -ENOMEM;
	c = ctx_alloc(n, sizeof(*c));
	if (!c)
		return -ENOMEM;
	number = unused_number(n, l);
	i = chunk_at(l, number);
	COYO_ASSERT(number < LABEL_CHUNKS && (i == l->nchunks || l->chunk[i]->number != number));
	c->number = (uint16_t)number;
	memmove(&l->chunk[i + 1], &l->chunk[i], (l->nchunks - i) * sizeof(struct label_chunk *));
	l->chunk[i] = c;
	l->nchunks++;
	first = number == 0 ? LABEL_RESERVED_MAX + 1 : 0;
	for (unsigned k = first; k < LABEL_CHUNK; k++)
		make_available(l, c, k, n->cfg.workers);
	return 0;
}

/* ---- granting ---- */
/* A free slot of a class, the first from a random one on. */
static unsigned pick(struct node *n, const struct label_chunk *c, unsigned class)
{
	unsigned workers = n->cfg.workers, base = (unsigned)c->number * LABEL_CHUNK;
	unsigned own = (workers + class - base % workers) % workers; /* the class's first slot */
	unsigned slots = (LABEL_CHUNK - own + workers - 1) / workers;
	unsigned at = (unsigned)rng_below(&n->cfg.rng, slots);

	COYO_ASSERT(c->share[class].free > 0);
	while (!bit_is_set(c, own + at * workers))
		at = at + 1 < slots ? at + 1 : 0;
	return own + at * workers;
}

/* An open chunk of one of the classes first ... first + classes - 1 (modulo the workers), and that class; NULL: they have none. */
static struct label_chunk *open_chunk(struct node *n, struct labels *l, unsigned first,
                                      unsigned classes, unsigned *class)
{
	for (unsigned i = 0; i < classes; i++) {
		unsigned w = (first + i) % n->cfg.workers;
		const struct label_class *q = &l->class[w];

		for (unsigned r = 0; r < RELEASES && release_one(n, l, w); r++)
			;
		if (q->nopen) {
			*class = w;
			return q->open[rng_below(&n->cfg.rng, q->nopen)];
		}
	}
	return NULL;
}

int labels_alloc(struct node *n, struct labels *l, void *owner, int worker, uint32_t *label)
{
	unsigned workers = n->cfg.workers, classes = worker < 0 ? workers : 1, class, k;
	unsigned first = worker < 0 ? (unsigned)rng_below(&n->cfg.rng, workers) : (unsigned)worker;
	struct label_chunk *c;

	COYO_ASSERT(worker < (int)workers);
	if (l->granted >= n->cfg.labels_per_link_max) {
		count(n, CTR_LABEL_QUOTA);
		return -ENOSPC;
	}
	c = open_chunk(n, l, first, classes, &class);
	if (!c) {
		int err = chunk_add(n, l);

		if (err)
			return err;
		c = open_chunk(n, l, first, classes, &class);
	}
	COYO_ASSERT(c && c->used < LABEL_CHUNK);
	k = pick(n, c, class);
	make_unavailable(l, c, k, class);
	c->slot[k] = (struct label_slot){.owner = owner, .state = LABEL_GRANTED};
	c->used++;
	l->granted++;
	*label = (uint32_t)c->number * LABEL_CHUNK + k;
	COYO_ASSERT(*label > LABEL_RESERVED_MAX);
	COYO_ASSERT(worker < 0 || cp_index_worker(*label, workers) == worker);
	return 0;
}

void *labels_owner(const struct labels *l, uint32_t label)
{
	struct label_slot *s = slot_of(l, label);

	return s && s->state == LABEL_GRANTED ? s->owner : NULL;
}

void labels_free(struct node *n, struct labels *l, uint32_t label)
{
	struct label_class *q = &l->class[cp_index_worker(label, n->cfg.workers)];
	struct label_slot *s = slot_of(l, label), *last;

	if (!s || s->state != LABEL_GRANTED)
		return;
	COYO_ASSERT(l->granted > 0);
	*s = (struct label_slot){.state = LABEL_QUARANTINE, .next = LABEL_NONE};
	s->free_at = instant_add(n->now, n->cfg.label_quarantine_ns);
	if (q->queued == 0) {
		q->first = label;
	} else {
		last = slot_of(l, q->last);
		COYO_ASSERT(last && last->state == LABEL_QUARANTINE);
		last->next = label;
	}
	q->last = label;
	q->queued++;
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

/* ---- audit ---- */
/* Labels that the queue of a class leads to. A queue that is not as long as it says leads to fewer. */
static uint32_t count_queued(const struct labels *l, const struct label_class *q)
{
	uint32_t label = q->first, found = 0;

	for (uint32_t i = 0; i < q->queued; i++) {
		const struct label_slot *s = slot_of(l, label);

		if (!s || s->state != LABEL_QUARANTINE)
			break;
		found++;
		label = s->next;
	}
	return found;
}

/* Labels of a class that its open chunks lead to. */
static uint32_t count_open(const struct label_class *q, unsigned class, unsigned workers)
{
	uint32_t found = 0;

	for (unsigned i = 0; i < q->nopen; i++)
		for (unsigned k = 0; k < LABEL_CHUNK; k++) {
			const struct label_chunk *c = q->open[i];
			uint32_t label = (uint32_t)c->number * LABEL_CHUNK + k;

			found += cp_index_worker(label, workers) == class && bit_is_set(c, k) &&
			         c->slot[k].state == LABEL_FREE;
		}
	return found;
}

uint32_t labels_unreachable(const struct labels *l, unsigned workers)
{
	uint32_t not_granted = 0, found = 0;

	for (unsigned i = 0; i < l->nchunks; i++)
		for (unsigned k = 0; k < LABEL_CHUNK; k++)
			not_granted += (l->chunk[i]->number || k > LABEL_RESERVED_MAX) &&
			               l->chunk[i]->slot[k].state != LABEL_GRANTED;
	for (unsigned w = 0; w < workers; w++)
		found += count_queued(l, &l->class[w]) + count_open(&l->class[w], w, workers);
	return not_granted - found;
}
