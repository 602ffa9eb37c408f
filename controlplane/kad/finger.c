/* SPDX-License-Identifier: BSD-3-Clause */
/* Fingers: one label path to the nearest contact of every bucket, so that first packets follow tunnels. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "base/assert.h"
#include "table/tunnel.h"

#define PENDING_MAX 4
#define RETRY_NS    (15 * NS_PER_S)
/* A finger costs a label entry at every hop. Contacts farther than this get none: the few packets for them go by coords. */
#define FINGER_HOPS_MAX 24

static bool bucket_served(const struct node *n, const struct contacts *t, unsigned bucket)
{
	uint32_t at, end;

	for (contact_bucket(t, bucket, &at, &end); at < end; at++)
		if (t->v[at]->finger || t->v[at]->neighbour || t->v[at]->finger_pending)
			return true;
	return false;
}

void fingers_fix(struct node *n)
{
	struct kad *k = n->kad;
	struct contact *best = NULL;
	unsigned best_d = 0;

	/* The table is ordered by bucket: when the bucket changes, `best` is the nearest usable contact of the one before. */
	for (struct contact *c = contact_after(n->contacts, NULL);;
	     c = contact_after(n->contacts, c)) {
		unsigned d;

		if (best && (!c || c->bucket != best->bucket)) {
			if (k->fingers_pending < PENDING_MAX &&
			    !bucket_served(n, n->contacts, best->bucket) &&
			    n->news->finger_build(n, best)) {
				best->finger_pending = true;
				k->fingers_pending++;
				COYO_ASSERT(k->fingers_pending <= PENDING_MAX);
			}
			best = NULL;
		}
		if (!c)
			break;
		if (!c->verified || c->fails || instant_before(n->now, c->finger_retry))
			continue;
		d = contact_distance(c);
		if (d <= FINGER_HOPS_MAX && (!best || d < best_d)) {
			best = c;
			best_d = d;
		}
	}
}

/* An attempt ends exactly once, whatever has become of its contact meanwhile: dropped, or dropped and learnt again. */
static void attempt_over(struct node *n, struct contact *c)
{
	COYO_ASSERT(n->kad->fingers_pending > 0);
	n->kad->fingers_pending--;
	if (c)
		c->finger_pending = false;
}

void kad_finger_up(struct node *n, struct lsp *l, const struct node_id *far)
{
	struct contact *c = contact_find(n->contacts, far);

	if (l->role != LSP_INGRESS) {
		if (c && !c->finger)
			c->finger = l;
		return;
	}
	attempt_over(n, c);
	/* A finger of this node replaces one of the far end, which that one keeps or ends. If no contact uses it, because that was
	 * dropped meanwhile or has an earlier one, it would be refreshed for ever. */
	if (c && (!c->finger || c->finger->role != LSP_INGRESS))
		c->finger = l;
	else
		n->news->finger_drop(n, l);
}

void kad_finger_gone(struct node *n, struct lsp *l, const struct node_id *far)
{
	struct contact *c = contact_find(n->contacts, far);

	if (!c || c->finger != l)
		return;
	c->finger = NULL;
	c->finger_retry = instant_add(n->now, NS_PER_S);
	arm(n, &n->kad->finger_timer, TIMER_KAD_FINGERS, NULL,
	    NS_PER_S + (int64_t)rng_below(&n->cfg.rng, 100 * NS_PER_MS));
}

void kad_finger_failed(struct node *n, const struct node_id *far)
{
	struct contact *c = contact_find(n->contacts, far);

	attempt_over(n, c);
	if (c)
		c->finger_retry = instant_add(n->now, RETRY_NS);
}
