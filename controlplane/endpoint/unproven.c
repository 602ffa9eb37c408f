/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of tunnels whose other end has not proven itself, and which gives way when it is full. */
#include "endpoint/unproven.h"

#include "anchor/anchor.h"
#include "endpoint/session.h"
#include "peer/peer.h"

void unproven_init(struct unprovens *t)
{
	LIST_INIT(&t->links);
	TAILQ_INIT(&t->by_age);
}

static struct unproven_link *link_find(const struct unprovens *t, uint16_t number)
{
	struct unproven_link *k;

	LIST_FOREACH (k, &t->links, next)
		if (k->number == number)
			return k;
	return NULL;
}

static struct unproven_link *link_get(struct node *n, uint16_t number)
{
	struct unprovens *t = &n->sessions->unproven;
	struct unproven_link *k = link_find(t, number);

	if (k)
		return k;
	k = ctx_alloc(n, sizeof(*k));
	if (!k)
		return NULL;
	k->number = number;
	TAILQ_INIT(&k->tunnels);
	LIST_INSERT_HEAD(&t->links, k, next);
	return k;
}

static void link_release(struct node *n, struct unproven_link *k)
{
	if (k->held)
		return;
	LIST_REMOVE(k, next);
	ctx_free(n, k);
}

/* The oldest tunnel of the link that holds most; among equals of the newcomer's own. */
static struct lsp *who_gives_way(const struct unprovens *t, uint16_t number)
{
	struct unproven_link *most = link_find(t, number), *k;

	LIST_FOREACH (k, &t->links, next)
		if (!most || k->held > most->held)
			most = k;
	COYO_ASSERT(most && most->held > 0);
	return TAILQ_FIRST(&most->tunnels)->lsp;
}

/* The third message takes a round trip of the whole path, which may lead over links of seconds. */
static int64_t unproven_life(struct node *n)
{
	return SESSION_HALF_OPEN + 3 * peers_slow_ns(n, n->anchor->tree[0].coords.hops + 1u);
}

struct unproven *unproven_add(struct node *n, struct lsp *l)
{
	struct unprovens *t = &n->sessions->unproven;
	struct unproven_link *k;
	struct unproven *u;

	COYO_ASSERT(l->role == LSP_EGRESS && !l->unproven && l->session == SESSION_NONE);
	if (t->count >= UNPROVEN_MAX) {
		count(n, CTR_SESSION_GAVE_WAY);
		lsp_release(n, who_gives_way(t, l->up->link), TEAR_NO_ROOM);
	}
	k = link_get(n, l->up->link);
	u = k ? ctx_alloc(n, sizeof(*u)) : NULL;
	if (!u) {
		if (k)
			link_release(n, k);
		return NULL;
	}
	u->link = k;
	u->lsp = l;
	u->born = n->now;
	u->serial = ++t->serial;
	k->held++;
	TAILQ_INSERT_TAIL(&k->tunnels, u, of_link);
	TAILQ_INSERT_TAIL(&t->by_age, u, of_age);
	if (t->count++ == 0)
		arm(n, &t->timer, TIMER_SESSION_UNPROVEN, NULL, unproven_life(n));
	l->unproven = u;
	return u;
}

void unproven_drop(struct node *n, struct lsp *l)
{
	struct unproven *u = l->unproven;
	struct unprovens *t;

	if (!u)
		return;
	t = &n->sessions->unproven;
	COYO_ASSERT(u->lsp == l && u->link->held > 0 && t->count > 0);
	TAILQ_REMOVE(&u->link->tunnels, u, of_link);
	TAILQ_REMOVE(&t->by_age, u, of_age);
	u->link->held--;
	link_release(n, u->link);
	if (--t->count == 0)
		disarm(n, &t->timer);
	l->unproven = NULL;
	ctx_free(n, u);
}

uint32_t unproven_of_link(const struct node *n, uint16_t link)
{
	const struct unproven_link *k = link_find(&n->sessions->unproven, link);

	return k ? k->held : 0;
}

void unproven_expire(struct node *n)
{
	int64_t life = unproven_life(n);
	struct unprovens *t = &n->sessions->unproven;
	struct unproven *u;

	while ((u = TAILQ_FIRST(&t->by_age)) && instant_sub(n->now, u->born) >= life) {
		count(n, CTR_SESSION_UNPROVEN);
		lsp_release(n, u->lsp, TEAR_NO_STATE);
	}
	if (u)
		arm(n, &t->timer, TIMER_SESSION_UNPROVEN, NULL,
		    life - instant_sub(n->now, u->born));
}
