/* SPDX-License-Identifier: BSD-3-Clause */
/* Housekeeping: hearsay is verified, siblings are kept, empty buckets are looked into; ever more seldom in peace. */
#include "kad/kad.h"

#include "anchor/anchor.h"

#include <string.h>

#define TICK_MAX (300 * NS_PER_S)
#define CALM   \
	(300 * \
	 NS_PER_MS) /* the trees are at rest when this node's place has not changed for so long */
#define CALM_WAITS     6
#define REFRESH_MAX    (600 * NS_PER_S)
#define ASKED_LATELY   (5 * NS_PER_S)
#define SNAPSHOT_EVERY (30 * NS_PER_S)
#define VERIFY_AT_ONCE 3
#define VERIFY_ENOUGH  3 /* verified contacts that a bucket needs; the others are a reserve */
#define CLOSE_ENOUGH \
	8 /* as many contacts below a bucket as one exchange tells of: then the siblings know it */

void kad_exchange(struct node *n, const struct contact *c)
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

/* The closest ids heard of must be known at first hand: each answer tells of closer ones, as a lookup of our own id would. */
static unsigned verify_siblings(struct node *n)
{
	struct contact *near[KAD_SIBLINGS];
	unsigned m = contact_closest(n->contacts, &n->cfg.identity->id, false, near, KAD_SIBLINGS);
	unsigned done = 0;

	for (unsigned i = 0; i < m && done < VERIFY_AT_ONCE; i++)
		if (!good(near[i]) && !just_asked(n, near[i])) {
			kad_exchange(n, near[i]);
			done++;
		}
	return done;
}

/* The nearest along the tree of a bucket's hearsay; *have: how many of the bucket are good. */
static struct contact *nearest_hearsay(struct node *n, uint32_t at, uint32_t end, unsigned *have)
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
			d = contact_distance(n->contacts, c);
			if (!best || d < best_d) {
				best = c;
				best_d = d;
			}
		} else {
			++*have; /* it may well be */
		}
	}
	return best;
}

/* Buckets with fewer than `enough` verified contacts have their nearest hearsay asked. */
static unsigned verify_buckets(struct node *n, unsigned enough, unsigned at_most)
{
	struct contacts *t = n->contacts;
	unsigned done = 0;

	for (uint32_t at = 0, end; at < t->count && done < at_most; at = end) {
		struct contact *c;
		unsigned have;

		for (end = at + 1; end < t->count && t->v[end]->bucket == t->v[at]->bucket; end++)
			;
		c = nearest_hearsay(n, at, end, &have);
		if (c && have < enough) {
			kad_exchange(n, c);
			done++;
		}
	}
	return done;
}

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
		kad_exchange(n, c);
}

static void random_exchange(struct node *n)
{
	struct contacts *t = n->contacts;
	struct contact *c;

	if (t->count == 0)
		return;
	c = t->v[rng_below(&n->cfg.rng, t->count)];
	if (!just_asked(n, c))
		kad_exchange(n, c);
}

/* A random id in one empty bucket, unless so few ids are closer than it that exchanges with siblings tell of it. */
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
	unsigned owed;

	/* While places change under way, what is asked and told now is stale before it arrives. */
	if (instant_sub(n->now, n->anchor->record_at) < CALM && k->waits++ < CALM_WAITS) {
		arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
		    CALM + (int64_t)rng_below(&n->cfg.rng, CALM / 2));
		return;
	}
	k->waits = 0;
	k->ticks++;
	owed = verify_siblings(n);
	owed += verify_buckets(n, 1, VERIFY_AT_ONCE);
	if (owed == 0) {
		verify_buckets(n, VERIFY_ENOUGH, 1);
		sibling_exchange(n);
		if (k->ticks % 2 == 0)
			random_exchange(n);
		look_into_empty(n);
	}
	if (k->ticks > 3)
		fingers_fix(n);
	snapshot(n);
	/* What is known by hearsay only is asked without delay; peace makes the pace slower. */
	if (owed == 0)
		k->tick_ns = k->tick_ns * 2 < TICK_MAX ? k->tick_ns * 2 : TICK_MAX;
	arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
	    k->tick_ns - (int64_t)rng_below(&n->cfg.rng, (uint64_t)k->tick_ns / 4));
}
