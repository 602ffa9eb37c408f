/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's housekeeping: whom to ask when, faster after news and slower in peace. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "peer/peer.h"

#include <errno.h>
#include <string.h>

#define TICK_MIN        (400 * NS_PER_MS)
#define TICK_MAX        (300 * NS_PER_S)
#define PACE_HOP        (20 * NS_PER_MS)
#define NEWS_EVERY      (10 * NS_PER_S)
#define UPDATE_AFTER    (700 * NS_PER_MS)
#define UPDATE_LATEST   (3 * NS_PER_S)
#define SELF_MIN        (300 * NS_PER_MS)
#define SELF_MOVED      (3 * NS_PER_S)
#define SELF_MAX        (300 * NS_PER_S)
#define SNAPSHOT_EVERY  (30 * NS_PER_S)
#define VERIFY_PER_TICK 3
#define VERIFY_ENOUGH   3 /* verified contacts that a bucket needs; the others are a reserve */
#define CLOSE_ENOUGH \
	8 /* as many contacts below a bucket as one exchange tells of: then the siblings know it */

/* The deeper the tree, the longer a question takes and the more hops it costs: asking sooner only piles up. */
static int64_t paced(const struct node *n, int64_t least)
{
	return least + PACE_HOP * n->anchor->tree[0].coords.hops;
}

int kad_new(struct node *n)
{
	struct kad *k = ctx_alloc(n, sizeof(*k));

	if (!k)
		return -ENOMEM;
	n->kad = k;
	k->tick_ns = TICK_MIN;
	k->self_ns = SELF_MIN;
	arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
	    TICK_MIN / 2 + (int64_t)rng_below(&n->cfg.rng, TICK_MIN));
	return 0;
}

void kad_free(struct node *n)
{
	struct kad *k = n->kad;

	if (!k)
		return;
	disarm(n, &k->tick_timer);
	disarm(n, &k->update_timer);
	disarm(n, &k->finger_timer);
	for (unsigned i = 0; i < RPC_MAX; i++)
		disarm(n, &k->rpc[i].timer);
	for (unsigned i = 0; i < LOOKUPS_MAX; i++)
		ctx_free(n, k->lookup[i].cand);
	contacts_clear(n, &k->contacts);
	ctx_free(n, k);
	n->kad = NULL;
}

void kad_hurry(struct node *n, bool direct)
{
	struct kad *k = n->kad;

	/* Hearsay may speed us up only now and then: gossip must not feed on itself. */
	if (!direct && instant_sub(n->now, k->news_at) < NEWS_EVERY)
		return;
	k->news_at = n->now;
	if (k->tick_ns <= 2 * paced(n, TICK_MIN))
		return;
	k->tick_ns = paced(n, TICK_MIN);
	arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
	    (int64_t)rng_below(&n->cfg.rng, (uint64_t)k->tick_ns));
}

void kad_peer_up(struct node *n, struct peer *p)
{
	struct contact *c = contact_find(&n->kad->contacts, &p->id);
	struct contact_info i = {.id = p->id};

	if (!c || !c->verified)
		c = contact_learn(n, &n->kad->contacts, &i, true);
	if (!c)
		return;
	c->neighbour = true;
	c->fails = 0;
	kad_hurry(n, true);
	contact_to_info(c, &i);
	kad_ask(n, KAD_EXQ, &i, NULL, 0);
}

void kad_peer_down(struct node *n, struct peer *p)
{
	struct contact *c = contact_find(&n->kad->contacts, &p->id);

	if (!c || peer_by_id(n, &p->id))
		return;
	c->neighbour = false;
	c->fails = 1;
	/* It may still live behind another path: asking it tells. */
	kad_hurry(n, true);
}

void kad_coords_changed(struct node *n)
{
	struct kad *k = n->kad;

	if (!k)
		return;
	if (!timer_armed(&k->update_timer))
		k->update_first = n->now;
	if (instant_sub(n->now, k->update_first) < UPDATE_LATEST)
		arm(n, &k->update_timer, TIMER_KAD_UPDATE, NULL,
		    UPDATE_AFTER + (int64_t)rng_below(&n->cfg.rng, 300 * NS_PER_MS));
	if (k->self_ns > paced(n, SELF_MOVED))
		k->self_ns = paced(n, SELF_MOVED);
	kad_hurry(n, false);
}

static void update_send(struct node *n)
{
	struct contact *near[KAD_SIBLINGS];
	unsigned k =
	        contact_closest(&n->kad->contacts, &n->cfg.identity->id, true, near, KAD_SIBLINGS);

	for (unsigned i = 0; i < k; i++)
		kad_send(n, KAD_UPDATE, 0, &near[i]->id, near[i]->place, near[i]->ntrees, NULL);
	for (struct contact *c = contact_after(&n->kad->contacts, NULL); c;
	     c = contact_after(&n->kad->contacts, c)) {
		bool done = !c->finger;

		for (unsigned i = 0; i < k; i++)
			done |= near[i] == c;
		if (!done)
			kad_send(n, KAD_UPDATE, 0, &c->id, c->place, c->ntrees, NULL);
	}
}

void kad_grown(struct node *n)
{
	n->kad->self_ns = paced(n, SELF_MIN);
}

/* Each self-lookup that brought nothing new makes the next one wait longer. */
void kad_self_done(struct node *n)
{
	struct kad *k = n->kad;

	k->self_running = false;
	if (k->contacts.news == k->self_news)
		k->self_ns = k->self_ns * 3 < SELF_MAX ? k->self_ns * 3 : SELF_MAX;
}

void kad_hint(struct node *n, const struct contact_info *c)
{
	struct kad *k = n->kad;

	if (id_eq(&c->id, &n->cfg.identity->id))
		return;
	contact_learn(n, &k->contacts, c, false);
	if (k->self_running || (k->self_at.ns && instant_sub(n->now, k->self_at) < k->self_ns))
		return;
	k->self_running = true;
	k->self_at = n->now;
	k->self_news = k->contacts.news;
	if (lookup_start(n, LOOKUP_SELF, 0, &n->cfg.identity->id, c) != 0)
		k->self_running = false;
}

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
	return c->asked.ns && instant_sub(n->now, c->asked) < 5 * NS_PER_S;
}

/* Hearsay becomes contacts by asking: buckets that have no verified one first. */
static void verify_some(struct node *n)
{
	struct contacts *t = &n->kad->contacts;
	uint8_t have[ID_BITS] = {0};
	unsigned done = 0;

	for (struct contact *c = contact_after(t, NULL); c; c = contact_after(t, c))
		if (c->verified && !c->fails && have[c->bucket] < 0xff)
			have[c->bucket]++;
	for (unsigned enough = 1; enough <= VERIFY_ENOUGH && done < VERIFY_PER_TICK; enough += 2)
		for (struct contact *c = contact_after(t, NULL); c && done < VERIFY_PER_TICK;
		     c = contact_after(t, c)) {
			if ((c->verified && !c->fails) || have[c->bucket] >= enough ||
			    just_asked(n, c))
				continue;
			exchange(n, c);
			have[c->bucket]++;
			done++;
		}
}

static void sibling_exchange(struct node *n)
{
	struct kad *k = n->kad;
	struct contact *near[KAD_SIBLINGS], *c = NULL;
	unsigned fast = k->tick_ns <= 2 * paced(n, TICK_MIN) ? 4 : KAD_SIBLINGS;
	unsigned m = contact_closest(&k->contacts, &n->cfg.identity->id, false, near, fast);

	for (unsigned i = 0; i < m; i++)
		if (!just_asked(n, near[i]) && (!c || instant_before(near[i]->asked, c->asked)))
			c = near[i];
	if (c)
		exchange(n, c);
}

static void random_exchange(struct node *n)
{
	struct contacts *t = &n->kad->contacts;
	struct contact *c;

	if (t->count == 0)
		return;
	c = t->v[rng_below(&n->cfg.rng, t->count)];
	if (!just_asked(n, c))
		exchange(n, c);
}

/* A random id in one empty bucket, unless so few ids are closer than it that exchanges with siblings tell of it. */
static void look_into_empty(struct node *n)
{
	struct kad *k = n->kad;
	unsigned lowest = ID_BITS, below = 0, b;
	struct node_id target;

	while (lowest > 0 && below < CLOSE_ENOUGH)
		below += k->contacts.fill[--lowest];
	for (unsigned i = 0; i < lowest; i++) {
		b = (k->refresh_bucket + i) % lowest;
		if (k->contacts.fill[b])
			continue;
		k->refresh_bucket = (uint16_t)(b + 1);
		rng_fill(&n->cfg.rng, target.b, ID_BYTES);
		for (unsigned bit = 0; bit <= b; bit++) {
			uint8_t mask = (uint8_t)(0x80 >> bit % 8),
			        mine = n->cfg.identity->id.b[bit / 8] & mask;

			target.b[bit / 8] = (uint8_t)((target.b[bit / 8] & ~mask) |
			                              (bit == b ? mine ^ mask : mine));
		}
		lookup_start(n, LOOKUP_REFRESH, 0, &target, NULL);
		return;
	}
}

static void tick(struct node *n)
{
	struct kad *k = n->kad;

	k->ticks++;
	sibling_exchange(n);
	verify_some(n);
	if (k->ticks % 2 == 0)
		random_exchange(n);
	look_into_empty(n);
	if (k->ticks > 3)
		fingers_fix(n);
	if (k->snapshot_changes && instant_sub(n->now, k->snapshot_at) > SNAPSHOT_EVERY) {
		k->snapshot_at = n->now;
		k->snapshot_changes = 0;
		out_snapshot(n);
	}
	k->tick_ns = k->tick_ns * 3 / 2 < TICK_MAX ? k->tick_ns * 3 / 2 : TICK_MAX;
	arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
	    k->tick_ns - (int64_t)rng_below(&n->cfg.rng, (uint64_t)k->tick_ns / 4));
}

void kad_timer(struct node *n, struct timer *t)
{
	switch (t->kind) {
	case TIMER_KAD_TICK:
		tick(n);
		break;
	case TIMER_KAD_RPC:
		kad_rpc_timeout(n, t->owner);
		break;
	case TIMER_KAD_UPDATE:
		update_send(n);
		break;
	case TIMER_KAD_FINGERS:
		fingers_fix(n);
		break;
	default:
		break;
	}
}
