/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator's event queue. */
#include "evq.h"
#include "mem.h"

#include <stdlib.h>

void evq_init(struct evq *q)
{
	*q = (struct evq){0};
}

void evq_free(struct evq *q)
{
	free(q->heap);
	*q = (struct evq){0};
}

static bool before(const struct ev *x, const struct ev *y)
{
	return x->at < y->at || (x->at == y->at && x->order < y->order);
}

void evq_push(struct evq *q, struct ev e)
{
	uint32_t i;

	if (q->n == q->cap) {
		q->cap = q->cap ? q->cap * 2 : 1024;
		q->heap = mem_resize(q->heap, q->cap * sizeof(*q->heap));
	}
	e.order = q->next_order++;
	for (i = q->n++; i > 0; i = (i - 1) / 2) {
		struct ev *up = &q->heap[(i - 1) / 2];

		if (before(up, &e))
			break;
		q->heap[i] = *up;
	}
	q->heap[i] = e;
}

bool evq_pop(struct evq *q, int64_t until, struct ev *out)
{
	struct ev last;
	uint32_t i = 0, child;

	if (q->n == 0 || q->heap[0].at > until)
		return false;
	*out = q->heap[0];
	last = q->heap[--q->n];
	for (; (child = 2 * i + 1) < q->n; i = child) {
		if (child + 1 < q->n && before(&q->heap[child + 1], &q->heap[child]))
			child++;
		if (before(&last, &q->heap[child]))
			break;
		q->heap[i] = q->heap[child];
	}
	q->heap[i] = last;
	return true;
}
