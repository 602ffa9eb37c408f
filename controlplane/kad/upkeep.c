/* SPDX-License-Identifier: BSD-3-Clause */
/* Housekeeping: verifies contacts known from others only, keeps up with siblings, looks into empty buckets; less often while nothing
 * changes. */
#include "kad/kad.h"

#include "anchor/anchor.h"

#include <string.h>

#define TICK_MAX (300 * NS_PER_S)
/* The trees count as at rest when this node's place has not changed for so long; a tick waits for that at most CALM_WAITS times. */
#define CALM           (300 * NS_PER_MS)
#define CALM_WAITS     6
#define REFRESH_MAX    (600 * NS_PER_S)
#define ASKED_LATELY   (5 * NS_PER_S)
#define SNAPSHOT_EVERY (30 * NS_PER_S)
#define VERIFY_AT_ONCE 3
#define VERIFY_ENOUGH  3 /* verified contacts that a bucket needs; the others are a reserve */
/* With so many contacts closer than a bucket, as many as one exchange names, the siblings know of any node in that bucket. */
#define CLOSE_ENOUGH 8

/* Begins an exchange with a contact: it gets this node's record and is asked for news. Nothing where no way to it is known. */
static void exchange(struct node *n, const struct contact *c)
{
	struct contact_info i;

	if (c->ntrees == 0 && !c->neighbour && !c->finger)
		return;
	contact_to_info(c, &i);
	kad_ask(n, KAD_EXQ, &i, NULL, 0);
}

static bool just_asked(const struct node *n, const struct contact *c)
{
	return c->asked.ns && instant_sub(n->now, c->asked) < ASKED_LATELY;
}

static bool good(const struct contact *c)
{
	return c->verified && !c->fails;
}

/* Asks the closest contacts that are not verified. Each answer names closer ones, so that this finds the siblings as a lookup of this
 * node's own id would. Returns how many were asked. */
static unsigned verify_siblings(struct node *n)
{
	struct contact *near[KAD_SIBLINGS];
	unsigned m = contact_closest(n->contacts, &n->cfg.identity->id, false, near, KAD_SIBLINGS);
	unsigned done = 0;

	for (unsigned i = 0; i < m && done < VERIFY_AT_ONCE; i++)
		if (!good(near[i]) && !just_asked(n, near[i])) {
			exchange(n, near[i]);
			done++;
		}
	return done;
}

/* Of a bucket's contacts that are not verified and were not just asked, the nearest along the tree. *have: how many of the bucket are
 * good or may prove so when they answer. */
static struct contact *nearest_unverified(struct node *n, uint32_t at, uint32_t end, unsigned *have)
{
	struct contacts *t = n->contacts;
	struct contact *best = NULL;
	unsigned best_d = 0;

	*have = 0;
	for (; at < end; at++) {
		struct contact *c = t->v[at];
		unsigned d;

		if (good(c)) {
			++*have;
		} else if (!just_asked(n, c)) {
			d = contact_claimed(n->contacts, c);
			if (!best || d < best_d) {
				best = c;
				best_d = d;
			}
		} else {
			++*have; /* its answer may be under way */
		}
	}
	return best;
}

/* In each bucket with fewer than `enough` good contacts, asks the nearest unverified one. Returns how many were asked. */
static unsigned verify_buckets(struct node *n, unsigned enough, unsigned at_most)
{
	struct contacts *t = n->contacts;
	unsigned done = 0;

	for (uint32_t at = 0, end; at < t->count && done < at_most; at = end) {
		struct contact *c;
		unsigned have;

		for (end = at + 1; end < t->count && t->v[end]->bucket == t->v[at]->bucket; end++)
			;
		c = nearest_unverified(n, at, end, &have);
		if (c && have < enough) {
			exchange(n, c);
			done++;
		}
	}
	return done;
}

/* Exchanges with the sibling that was asked longest ago; soon after a change, with one of the closest four. */
static void sibling_exchange(struct node *n)
{
	struct kad *k = n->kad;
	struct contact *near[KAD_SIBLINGS], *c = NULL;
	unsigned fast = k->tick_ns <= 2 * kad_paced(n, KAD_TICK_MIN) ? 4 : KAD_SIBLINGS;
	unsigned m = contact_closest(n->contacts, &n->cfg.identity->id, false, near, fast);

	for (unsigned i = 0; i < m; i++)
		if (!just_asked(n, near[i]) && (!c || instant_before(near[i]->asked, c->asked)))
			c = near[i];
	if (c)
		exchange(n, c);
}

static void random_exchange(struct node *n)
{
	struct contacts *t = n->contacts;
	struct contact *c;

	if (t->count == 0)
		return;
	c = t->v[rng_below(&n->cfg.rng, t->count)];
	if (!just_asked(n, c))
		exchange(n, c);
}

/* Looks up a random id in one empty bucket. Buckets close to this node are left out: exchanges with siblings already cover them. */
static void look_into_empty(struct node *n)
{
	struct kad *k = n->kad;
	unsigned lowest = ID_BITS, below = 0, b;
	struct node_id target;

	if (instant_sub(n->now, k->refresh_at) < k->refresh_ns)
		return;
	while (lowest > 0 && below < CLOSE_ENOUGH)
		below += n->contacts->fill[--lowest];
	for (unsigned i = 0; i < lowest; i++) {
		b = (k->refresh_bucket + i) % lowest;
		if (n->contacts->fill[b])
			continue;
		k->refresh_bucket = (uint16_t)(b + 1);
		k->refresh_at = n->now;
		k->refresh_ns = k->refresh_ns * 2 < REFRESH_MAX ? k->refresh_ns * 2 : REFRESH_MAX;
		rng_fill(&n->cfg.rng, target.b, ID_BYTES);
		for (unsigned bit = 0; bit <= b; bit++) {
			uint8_t mask = (uint8_t)(0x80 >> bit % 8),
			        mine = n->cfg.identity->id.b[bit / 8] & mask;

			target.b[bit / 8] = (uint8_t)((target.b[bit / 8] & ~mask) |
			                              (bit == b ? mine ^ mask : mine));
		}
		lookup_start(n, LOOKUP_REFRESH, 0, &target, NULL, 0);
		return;
	}
}

static void snapshot(struct node *n)
{
	struct kad *k = n->kad;

	if (k->snapshot_changes == 0 || instant_sub(n->now, k->snapshot_at) <= SNAPSHOT_EVERY)
		return;
	k->snapshot_at = n->now;
	k->snapshot_changes = 0;
	out_snapshot(n);
}

void upkeep_tick(struct node *n)
{
	struct kad *k = n->kad;
	unsigned asked;

	/* While the trees change, coords in questions and answers would be out of date before they arrive: wait. */
	if (instant_sub(n->now, n->anchor->record_at) < CALM && k->waits++ < CALM_WAITS) {
		arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
		    CALM + (int64_t)rng_below(&n->cfg.rng, CALM / 2));
		return;
	}
	k->waits = 0;
	k->ticks++;
	kad_neighbours(n);
	asked = verify_siblings(n);
	asked += verify_buckets(n, 1, VERIFY_AT_ONCE);
	if (asked == 0) {
		verify_buckets(n, VERIFY_ENOUGH, 1);
		sibling_exchange(n);
		if (k->ticks % 2 == 0)
			random_exchange(n);
		look_into_empty(n);
	}
	if (k->ticks > 3)
		fingers_fix(n);
	snapshot(n);
	/* While contacts remain to be verified the interval stays short; otherwise it doubles with every tick. */
	if (asked == 0)
		k->tick_ns = k->tick_ns * 2 < TICK_MAX ? k->tick_ns * 2 : TICK_MAX;
	arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
	    k->tick_ns - (int64_t)rng_below(&n->cfg.rng, (uint64_t)k->tick_ns / 4));
}
