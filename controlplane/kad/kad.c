/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's housekeeping: whom to ask when, more often after changes and less often while nothing changes. */
#include "kad/kad.h"

#include "anchor/anchor.h"
#include "base/assert.h"
#include "peer/peer.h"

#include <errno.h>
#include <string.h>

#define PACE_HOP      (20 * NS_PER_MS)
#define NEWS_EVERY    (10 * NS_PER_S)
#define UPDATE_AFTER  (700 * NS_PER_MS)
#define UPDATE_LATEST (3 * NS_PER_S)
/* While this node's place does not stay for UPDATE_CALM: the first updates are sent so soon, each later one after twice the time, up to 16 times. */
#define UPDATE_CALM    (20 * NS_PER_S)
#define UPDATES_PROMPT 4
#define UPDATES_MAX    (UPDATES_PROMPT + 4)
#define STRANGER_MIN   (300 * NS_PER_MS)
#define STRANGER_MAX   (20 * NS_PER_S)

int64_t kad_paced(const struct node *n, int64_t least)
{
	return least + PACE_HOP * anchor_depth(n->anchor);
}

int kad_new(struct node *n)
{
	struct kad *k = ctx_alloc(n, sizeof(*k));

	if (!k)
		return -ENOMEM;
	n->kad = k;
	trust_init(&k->trust, &n->cfg.rng);
	k->tick_ns = KAD_TICK_MIN;
	k->stranger_ns = STRANGER_MIN;
	k->refresh_ns = KAD_REFRESH_MIN;
	arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
	    KAD_TICK_MIN / 2 + (int64_t)rng_below(&n->cfg.rng, KAD_TICK_MIN));
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
	trust_wipe(&k->trust);
	ctx_free(n, k);
	n->kad = NULL;
}

void kad_speed_up(struct node *n, bool direct)
{
	struct kad *k = n->kad;

	/* Faster exchanges produce more reports by others, so these may speed up this node only now and then: otherwise nodes would
	 * keep each other at the shortest interval. */
	if (!direct && instant_sub(n->now, k->news_at) < NEWS_EVERY)
		return;
	k->news_at = n->now;
	if (k->tick_ns <= 2 * kad_paced(n, KAD_TICK_MIN))
		return;
	k->tick_ns = kad_paced(n, KAD_TICK_MIN);
	arm(n, &k->tick_timer, TIMER_KAD_TICK, NULL,
	    (int64_t)rng_below(&n->cfg.rng, (uint64_t)k->tick_ns));
}

void kad_peer_up(struct node *n, struct peer *p)
{
	struct contact *c = contact_find(n->contacts, &p->id);
	struct contact_info i = {.id = p->id};

	kad_neighbours(n); /* the link's neighbour may have been another before */
	if (!c || !c->verified)
		c = contact_learn(n->contacts, n->now, &i, 1);
	if (!c)
		return;
	c->neighbour = true;
	c->fails = 0;
	kad_speed_up(n, true);
	contact_to_info(c, &i);
	kad_ask(n, KAD_EXQ, &i, NULL, 0);
}

void kad_neighbours(struct node *n)
{
	bool left = false;

	for (struct contact *c = contact_after(n->contacts, NULL); c;
	     c = contact_after(n->contacts, c)) {
		bool was = c->neighbour;

		c->neighbour = peer_by_id(n, &c->id) != NULL;
		if (!was || c->neighbour)
			continue;
		/* Other paths may still reach it: with one failure counted, the next tick asks it again. */
		c->fails = 1;
		left = true;
	}
	if (left)
		kad_speed_up(n, true);
}

/* All contacts are looked at, since the id that the link had when it came up need not be the one that it has now. */
void kad_peer_down(struct node *n, struct peer *p)
{
	kad_neighbours(n);
}

/* How often the wait for an update is doubled. A root that comes and goes moves this node each time, and half of what is said then were updates. */
static unsigned update_doubled(const struct kad *k)
{
	return k->updates > UPDATES_PROMPT ? k->updates - UPDATES_PROMPT : 0;
}

void kad_coords_changed(struct node *n)
{
	struct kad *k = n->kad;

	if (!k)
		return;
	if (instant_sub(n->now, k->changed_at) >= UPDATE_CALM)
		k->updates = 0;
	k->changed_at = n->now;
	if (!timer_armed(&k->update_timer))
		k->update_first = n->now;
	if (instant_sub(n->now, k->update_first) < UPDATE_LATEST << update_doubled(k))
		arm(n, &k->update_timer, TIMER_KAD_UPDATE, NULL,
		    (UPDATE_AFTER << update_doubled(k)) +
		            (int64_t)rng_below(&n->cfg.rng, 300 * NS_PER_MS));
	kad_speed_up(n, false);
}

/* Whether c has not been sent this node's current record. */
static bool lacks_record(const struct node *n, const struct contact *c)
{
	return instant_before(c->told, n->anchor->record_at);
}

static void update_send(struct node *n)
{
	struct kad *kad = n->kad;
	struct contact *near[KAD_SIBLINGS];
	unsigned k = contact_closest(n->contacts, &n->cfg.identity->id, true, near, KAD_SIBLINGS);

	if (kad->updates < UPDATES_MAX)
		kad->updates++;
	for (unsigned i = 0; i < k; i++)
		if (lacks_record(n, near[i]))
			kad_tell(n, near[i]);
	for (struct contact *c = contact_after(n->contacts, NULL); c;
	     c = contact_after(n->contacts, c))
		if (c->finger && lacks_record(n, c))
			kad_tell(n, c);
}

void kad_grown(struct node *n)
{
	struct kad *k = n->kad;

	COYO_ASSERT(k->tick_ns >= KAD_TICK_MIN);
	k->stranger_ns = kad_paced(n, STRANGER_MIN);
	k->refresh_ns = kad_paced(n, KAD_REFRESH_MIN);
	kad_speed_up(n, false);
}

void kad_hint(struct node *n, const struct contact_info *c)
{
	struct kad *k = n->kad;

	if (id_eq(&c->id, &n->cfg.identity->id) || contact_learn(n->contacts, n->now, c, 0))
		return;
	if (anchor_out_of_reach(n->anchor, c->place, c->ntrees) || k->stranger_ns > STRANGER_MAX ||
	    instant_sub(n->now, k->stranger_at) < k->stranger_ns)
		return;
	k->stranger_at = n->now;
	k->stranger_ns *= 2;
	kad_ask(n, KAD_EXQ, c, NULL, 0);
}

void kad_timer(struct node *n, struct timer *t)
{
	switch (t->kind) {
	case TIMER_KAD_TICK:
		upkeep_tick(n);
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
