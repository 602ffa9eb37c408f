/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a routed datagram goes next: greedy by id over contacts and their paths, or by coords along the anchor. */
#include "core/route.h"

#include "anchor/anchor.h"
#include "kad/kad.h"
#include "lsp/lsp.h"
#include "peer/peer.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define GREEDY_TRIES 4

static bool forbidden(struct node *n, const struct peer *p, const struct route_query *q)
{
	uint32_t me = id_tag(&n->cfg.identity->id), there = id_tag(&p->id);

	for (unsigned i = 0; i < q->nnotvia; i++)
		if ((q->notvia[i][0] == me && q->notvia[i][1] == there) ||
		    (q->notvia[i][1] == me && q->notvia[i][0] == there))
			return true;
	return false;
}

/* A pair of the same tag twice names a node that earlier attempts headed for and did not reach. */
static bool avoided(const struct node_id *id, const struct route_query *q)
{
	uint32_t tag = id_tag(id);

	for (unsigned i = 0; i < q->nnotvia; i++)
		if (q->notvia[i][0] == tag && q->notvia[i][1] == tag)
			return true;
	return false;
}

static bool usable(struct node *n, struct peer *p, const void *arg)
{
	return !forbidden(n, p, arg);
}

static struct peer *neighbour(struct node *n, const struct node_id *id, const struct route_query *q)
{
	struct peer *p;

	TAILQ_FOREACH (p, &n->peers->list, next)
		if (peer_up(p) && id_eq(&p->id, id) && !forbidden(n, p, q))
			return p;
	return NULL;
}

static enum route_result direct(struct peer *p, struct route_step *step)
{
	step->peer = p;
	step->tunnel_label = LABEL_NONE;
	return ROUTE_STEP;
}

/* A set-up that is told of hops to leave out, and whose record is complete, does not pass a node twice: it may have to go away from
 * its destination to get around. */
static bool goes_around(const struct route_query *q)
{
	bool excluded = false;

	for (unsigned i = 0; i < q->nnotvia; i++)
		excluded |= q->notvia[i][0] != q->notvia[i][1];
	return q->passed && excluded;
}

static bool fresh(struct node *n, struct peer *p, const void *arg)
{
	const struct route_query *q = arg;

	for (unsigned i = 0; i < q->npassed; i++)
		if (q->passed[i] == id_tag(&p->id))
			return false;
	return !forbidden(n, p, q);
}

/* One hop along the anchor to the coords in ext; the distance left must fall strictly. A way that is longer than the hops left
 * (a large ring is a tree with two long arms) is left downwards, until a link across shows one that is short enough: the depth
 * rises strictly until then. */
static enum route_result by_coords(struct node *n, const struct route_query *q,
                                   struct route_step *step)
{
	struct route_ext *e = q->ext;
	bool around = goes_around(q), bound = e->mode == ROUTE_COORDS;
	bool (*may)(struct node *, struct peer *, const void *) = around ? fresh : usable;
	unsigned own = anchor_own_distance(n, e->tree, e->root, &e->coords), d;
	unsigned limit = own < e->distance ? own : e->distance;
	struct peer *p;

	if (own != UINT_MAX && own > q->hops && e->distance == UINT16_MAX) {
		p = anchor_hop(n, e->tree, e->root, &e->coords, q->hops, may, q, &d);
		if (!p && (p = anchor_down(n, e->tree, may, q)))
			return direct(p, step);
	} else {
		p = anchor_hop(n, e->tree, e->root, &e->coords, limit, may, q, &d);
	}
	bound |= e->flags & ROUTE_FLAG_COMMITTED && id_eq(&e->committed, q->dst);
	if (!p && around && bound && own != UINT_MAX)
		p = anchor_hop(n, e->tree, e->root, &e->coords, UINT_MAX, may, q, &d);
	else if (p)
		e->distance = (uint16_t)d;
	return p ? direct(p, step) : ROUTE_DEAD_END;
}

/* Aims ext at coords of a contact, if they can be compared with ours. */
static bool aim(struct node *n, struct route_ext *e, const struct place *places, unsigned nplaces)
{
	unsigned tree, d;

	if (!anchor_distance(n, places, nplaces, &tree, &d))
		return false;
	e->tree = (uint8_t)tree;
	e->root = places[tree].root;
	e->coords = places[tree].coords;
	e->distance = UINT16_MAX;
	e->flags |= ROUTE_FLAG_WAYPOINT;
	return true;
}

static void unaim(struct route_ext *e)
{
	e->flags &= (uint8_t)~ROUTE_FLAG_WAYPOINT;
	e->coords.len = e->coords.hops = 0;
	e->distance = 0;
}

/* The tunnel to a contact, as a step; false when none stands or the first hop is excluded. */
static bool along_finger(struct node *n, const struct route_query *q, const struct contact *c,
                         struct route_step *step)
{
	struct lsp *l = c->finger;
	bool forward = l && l->role == LSP_INGRESS;

	return l && l->state == LSP_UP && (forward || l->committed) &&
	       lsp_onward(l, forward, &step->peer, &step->tunnel_label) &&
	       !forbidden(n, step->peer, q);
}

struct end_search {
	struct node *n;
	const struct route_query *q;
	const struct node_id *than; /* only what is closer counts */
	const struct lsp_end *found;
};

static bool end_fits(void *arg, const struct lsp_end *e)
{
	struct end_search *s = arg;
	const struct node_id *id = end_id(e);
	struct peer *p;
	uint32_t label;

	if (id_cmp_dist(s->q->dst, id, s->than) >= 0)
		return true;
	if (avoided(id, s->q) || !lsp_onward(e->lsp, e->forward, &p, &label) ||
	    forbidden(s->n, p, s->q))
		return false;
	s->found = e;
	return true;
}

/* Of all tunnels that pass or begin here the one whose end is closest, and strictly closer than `than`; NULL: none. */
static const struct lsp_end *closest_end(struct node *n, const struct route_query *q,
                                         const struct node_id *than)
{
	struct end_search s = {.n = n, .q = q, .than = than};

	ends_closest(&n->lsps->ends, q->dst, end_fits, &s);
	return s.found;
}

static enum route_result commit_end(const struct route_query *q, const struct lsp_end *end,
                                    struct route_step *step)
{
	q->ext->committed = *end_id(end);
	q->ext->flags |= ROUTE_FLAG_COMMITTED;
	unaim(q->ext);
	lsp_onward(end->lsp, end->forward, &step->peer, &step->tunnel_label);
	return ROUTE_STEP;
}

/* Commits to a contact that is strictly closer than anything committed to before: loop-free. */
static bool commit(struct node *n, const struct route_query *q, struct contact *c,
                   struct route_step *step)
{
	struct route_ext *e = q->ext;
	struct route_ext before = *e;
	struct peer *p = neighbour(n, &c->id, q);

	e->committed = c->id;
	e->flags |= ROUTE_FLAG_COMMITTED;
	unaim(e);
	if (p) {
		direct(p, step);
		return true;
	}
	if (along_finger(n, q, c, step))
		return true;
	if (aim(n, e, c->place, c->ntrees) && by_coords(n, q, step) == ROUTE_STEP)
		return true;
	*e = before;
	return false;
}

static enum route_result keep_course(struct node *n, const struct route_query *q,
                                     struct route_step *step)
{
	struct peer *p;

	if (q->tunnel &&
	    lsp_onward(q->tunnel, q->tunnel_forward, &step->peer, &step->tunnel_label) &&
	    !forbidden(n, step->peer, q))
		return ROUTE_STEP;
	if (!(q->ext->flags & ROUTE_FLAG_COMMITTED))
		return ROUTE_DEAD_END;
	p = neighbour(n, &q->ext->committed, q);
	if (p)
		return direct(p, step);
	if (q->ext->flags & ROUTE_FLAG_WAYPOINT)
		return by_coords(n, q, step);
	return ROUTE_DEAD_END;
}

static enum route_result greedy(struct node *n, const struct route_query *q,
                                struct route_step *step)
{
	struct node_id than = n->cfg.identity->id;
	struct contact *near[GREEDY_TRIES], *exact = contact_find(&n->kad->contacts, q->dst);
	unsigned k = contact_closest(&n->kad->contacts, q->dst, true, near, GREEDY_TRIES);
	const struct lsp_end *end;

	if ((q->ext->flags & ROUTE_FLAG_COMMITTED) &&
	    id_cmp_dist(q->dst, &q->ext->committed, &than) < 0)
		than = q->ext->committed;
	end = closest_end(n, q, &than);
	if (end && id_eq(end_id(end), q->dst))
		return commit_end(q, end, step);
	/* The destination itself, even if it owes an answer: being wrong costs a dead end, not knowing costs the walk. */
	if (exact && !avoided(&exact->id, q) && commit(n, q, exact, step))
		return ROUTE_STEP;
	/* The closest may be out of reach from here: then the next best that still beats the commitment. */
	for (unsigned i = 0; i < k && id_cmp_dist(q->dst, &near[i]->id, &than) < 0; i++) {
		if (end && id_cmp_dist(q->dst, end_id(end), &near[i]->id) <= 0)
			break;
		if (!avoided(&near[i]->id, q) && commit(n, q, near[i], step))
			return ROUTE_STEP;
	}
	return end ? commit_end(q, end, step) : keep_course(n, q, step);
}

enum route_result route_next(struct node *n, const struct route_query *q, struct route_step *step)
{
	struct route_ext *e = q->ext;
	struct peer *p;

	if (id_eq(q->dst, &n->cfg.identity->id))
		return ROUTE_HERE;
	p = neighbour(n, q->dst, q);
	if (p)
		return direct(p, step);
	if (e->mode == ROUTE_COORDS) {
		if (by_coords(n, q, step) == ROUTE_STEP)
			return ROUTE_STEP;
		if (e->flags & ROUTE_FLAG_FELL_BACK)
			return ROUTE_DEAD_END;
		/* Coords went stale under way: greed may still know. */
		e->mode = ROUTE_GREEDY;
		e->flags = ROUTE_FLAG_FELL_BACK;
		unaim(e);
	}
	return greedy(n, q, step);
}

void route_ext_begin(struct node *n, struct route_ext *e, uint8_t next, const struct place *places,
                     unsigned nplaces)
{
	memset(e, 0, offsetof(struct route_ext, coords));
	e->coords.len = e->coords.hops = 0;
	e->next = next;
	e->mode = ROUTE_GREEDY;
	if (nplaces && aim(n, e, places, nplaces)) {
		e->mode = ROUTE_COORDS;
		e->flags = ROUTE_FLAG_WAYPOINT;
	}
}

enum route_result route_first(struct node *n, const struct node_id *dst, const struct place *places,
                              unsigned nplaces, uint8_t next, struct route_ext *e,
                              struct route_step *step)
{
	const struct route_query q = {.dst = dst, .ext = e, .hops = ROUTED_HOP_LIMIT};
	struct contact *c = contact_find(&n->kad->contacts, dst);

	route_ext_begin(n, e, next, places, nplaces);
	if (c && !c->neighbour && along_finger(n, &q, c, step)) {
		e->mode = ROUTE_GREEDY;
		e->flags = ROUTE_FLAG_COMMITTED;
		e->committed = *dst;
		unaim(e);
		return ROUTE_STEP;
	}
	return route_next(n, &q, step);
}
