/* SPDX-License-Identifier: BSD-3-Clause */
/* Program, acknowledge, announce: a continuation that runs when every worker has executed all commands queued before it. */
#include "core/ticket.h"

#include "base/assert.h"
#include "core/ctx.h"

static bool ready(const struct node *n, const struct ticket *t)
{
	for (unsigned w = 0; w < n->cfg.workers; w++)
		if (n->tickets.acked[w] < t->need[w])
			return false;
	return true;
}

void ticket_wait(struct node *n, struct ticket *t, void (*then)(struct node *, void *), void *owner)
{
	ticket_cancel(n, t);
	for (unsigned w = 0; w < n->cfg.workers; w++)
		t->need[w] = n->tickets.sent[w];
	t->then = then;
	t->owner = owner;
	t->waiting = true;
	TAILQ_INSERT_TAIL(&n->tickets.queue, t, next);
}

void ticket_cancel(struct node *n, struct ticket *t)
{
	if (!t->waiting)
		return;
	TAILQ_REMOVE(&n->tickets.queue, t, next);
	t->waiting = false;
}

void tickets_ack(struct node *n, uint8_t worker, uint64_t seq)
{
	struct ticket *t;

	if (worker >= n->cfg.workers || seq <= n->tickets.acked[worker] ||
	    seq > n->tickets.sent[worker])
		return;
	n->tickets.acked[worker] = seq;
	while ((t = TAILQ_FIRST(&n->tickets.queue)) && ready(n, t)) {
		COYO_ASSERT(t->waiting && t->then);
		TAILQ_REMOVE(&n->tickets.queue, t, next);
		t->waiting = false;
		t->then(n, t->owner);
	}
}
