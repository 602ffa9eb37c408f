/* SPDX-License-Identifier: BSD-3-Clause */
/* The intrusive min-heap of deadlines. */
#include "base/timer.h"
#include "base/assert.h"

#include <errno.h>
#include <string.h>

#define WAYS 4 /* children of a place */

void timers_init(struct timers *t, void *(*alloc)(void *, size_t), void (*release)(void *, void *),
                 void *arg)
{
	*t = (struct timers){.alloc = alloc, .free = release, .arg = arg};
}

void timers_free(struct timers *t)
{
	t->free(t->arg, t->heap);
	t->heap = NULL;
	t->n = t->cap = 0;
}

static bool earlier(const struct timer_entry *a, const struct timer_entry *b)
{
	return a->at.ns != b->at.ns ? a->at.ns < b->at.ns : a->order < b->order;
}

/* The heap and an armed timer name each other: it was armed in this heap and has not been moved in memory since. */
static bool in_place(const struct timers *t, const struct timer *x)
{
	return x->slot <= t->n && t->heap[x->slot - 1].timer == x &&
	       t->heap[x->slot - 1].at.ns == x->at.ns;
}

static void put(struct timers *t, uint32_t i, struct timer_entry x)
{
	COYO_ASSERT(i < t->n && t->n <= t->cap);
	t->heap[i] = x;
	x.timer->slot = i + 1;
}

static void sift_up(struct timers *t, uint32_t i, struct timer_entry x)
{
	while (i > 0 && earlier(&x, &t->heap[(i - 1) / WAYS])) {
		put(t, i, t->heap[(i - 1) / WAYS]);
		i = (i - 1) / WAYS;
	}
	put(t, i, x);
}

static void sift_down(struct timers *t, uint32_t i, struct timer_entry x)
{
	for (;;) {
		uint32_t first = WAYS * i + 1, c = first;

		if (first >= t->n)
			break;
		for (uint32_t k = first + 1; k < first + WAYS && k < t->n; k++)
			if (earlier(&t->heap[k], &t->heap[c]))
				c = k;
		if (!earlier(&t->heap[c], &x))
			break;
		put(t, i, t->heap[c]);
		i = c;
	}
	put(t, i, x);
}

static int grow(struct timers *t)
{
	uint32_t cap = t->cap ? t->cap * 2 : 32;
	struct timer_entry *heap = t->alloc(t->arg, cap * sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	if (t->n)
		memcpy(heap, t->heap, t->n * sizeof(*heap));
	t->free(t->arg, t->heap);
	t->heap = heap;
	t->cap = cap;
	return 0;
}

int timer_arm(struct timers *t, struct timer *x, struct instant at)
{
	if (!x->slot && t->n == t->cap && grow(t) < 0)
		return -ENOMEM;
	timer_disarm(t, x);
	x->at = at;
	t->n++;
	sift_up(t, t->n - 1, (struct timer_entry){at, t->next_order++, x});
	COYO_ASSERT(in_place(t, x));
	return 0;
}

void timer_disarm(struct timers *t, struct timer *x)
{
	uint32_t i;
	struct timer_entry last;

	if (!x->slot)
		return;
	COYO_ASSERT(in_place(t, x));
	i = x->slot - 1;
	x->slot = 0;
	last = t->heap[--t->n];
	if (last.timer == x)
		return;
	if (i > 0 && earlier(&last, &t->heap[(i - 1) / WAYS]))
		sift_up(t, i, last);
	else
		sift_down(t, i, last);
}

struct instant timers_next(const struct timers *t)
{
	return t->n ? t->heap[0].at : INSTANT_NEVER;
}

struct timer *timers_pop(struct timers *t, struct instant now)
{
	struct timer *x = t->n ? t->heap[0].timer : NULL;

	if (!x || !instant_reached(x->at, now))
		return NULL;
	timer_disarm(t, x);
	return x;
}
