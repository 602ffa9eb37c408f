/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a routed datagram goes next: greedy by id over contacts and their paths, or by coords along the anchor. */
#include "route/route.h"

#include "base/assert.h"
#include "table/tunnel.h"
#include "wire/lspmsg.h"

#include <limits.h>
#include <string.h>

#define GREEDY_TRIES 4

/* Whether the hop from this node to p is not to be taken: its link is being removed, or the query excludes it. */
static bool forbidden(const struct route_tables *t, const struct peer *p,
                      const struct route_query *q)
{
	uint32_t me = id_tag(t->self), there = id_tag(&p->id);

	if (p->leaving)
		return true;
	for (unsigned i = 0; i < q->nnotvia; i++)
		if ((q->notvia[i][0] == me && q->notvia[i][1] == there) ||
		    (q->notvia[i][1] == me && q->notvia[i][0] == there))
			return true;
	return false;
}

/* Whether earlier attempts were committed to this id and did not reach it: an excluded hop with the same tag at both ends says so. */
static bool avoided(const struct node_id *id, const struct route_query *q)
{
	uint32_t tag = id_tag(id);

	for (unsigned i = 0; i < q->nnotvia; i++)
		if (q->notvia[i][0] == tag && q->notvia[i][1] == tag)
			return true;
	return false;
}

/* What the functions that the anchor asks about a neighbour need to know. */
struct hop_filter {
	const struct route_tables *t;
	const struct route_query *q;
};

static bool usable(const struct peer *p, const void *arg)
{
	const struct hop_filter *m = arg;

	return !forbidden(m->t, p, m->q);
}

/* An up neighbour with this id over a link that is not excluded; NULL: none. */
static struct peer *neighbour(const struct route_tables *t, const struct node_id *id,
                              const struct route_query *q)
{
	struct peer *p = peers_find(t->peers, id);

	while (p && forbidden(t, p, q))
		p = peer_same(p);
	return p;
}

static enum route_result direct(struct peer *p, struct route_step *step)
{
	step->peer = p;
	step->tunnel_label = LABEL_NONE;
	return ROUTE_STEP;
}

/* Whether a set-up goes around excluded hops. It then may move away from its destination, but passes no node twice, which needs its
 * complete record. */
static bool goes_around(const struct route_query *q)
{
	bool excluded = false;

	for (unsigned i = 0; i < q->nnotvia; i++)
		excluded |= q->notvia[i][0] != q->notvia[i][1];
	return q->passed && excluded;
}

static bool not_passed(const struct peer *p, const void *arg)
{
	const struct hop_filter *m = arg;

	for (unsigned i = 0; i < m->q->npassed; i++)
		if (m->q->passed[i] == id_tag(&p->id))
			return false;
	return usable(p, arg);
}

/* The usable neighbour nearest to the coords in ext, and nearer than `limit`, by the places of now; NULL: none. */
static struct peer *nearer(const struct route_tables *t, const struct route_query *q, bool around,
                           unsigned limit, unsigned *d)
{
	const struct hop_filter filter = {t, q};
	const struct route_ext *e = q->ext;

	return anchor_hop(t->peers, e->tree, e->root, &e->coords, limit,
	                  around ? not_passed : usable, &filter, d);
}

/* The same by the places of before. A set-up alone goes by them, since it passes no node twice: what several nodes remember need not fit
 * together. */
static struct peer *nearer_before(const struct route_tables *t, const struct route_query *q,
                                  unsigned limit, unsigned *d)
{
	const struct hop_filter filter = {t, q};
	const struct route_ext *e = q->ext;

	return q->passed ? former_hop(t->peers, t->now, e->tree, e->root, &e->coords, limit,
	                              not_passed, &filter, d)
	                 : NULL;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* One hop along the tree towards the coords in ext; the distance left must fall with each hop. If the way along the tree is longer than
 * the hops left, as between the two long arms of a ring, the datagram goes down the tree until a link across leads to a way that is
 * short enough; the depth rises with each hop until then, so that it cannot loop. */
static enum route_result by_coords(const struct route_tables *t, const struct route_query *q,
                                   struct route_step *step)
{
	struct route_ext *e = q->ext;
	bool around = goes_around(q), bound = e->mode == ROUTE_COORDS;
	const struct hop_filter filter = {t, q};
	unsigned own = anchor_own_distance(t->anchor, e->tree, e->root, &e->coords), d;
	unsigned before = former_own_distance(t->anchor, t->now, e->tree, e->root, &e->coords);
	struct peer *p;

	if (own != UINT_MAX && own > q->hops && e->distance == UINT16_MAX) {
		p = nearer(t, q, around, q->hops, &d);
		if (!p &&
		    (p = anchor_down(t->peers, e->tree, around ? not_passed : usable, &filter)))
			return direct(p, step);
	} else {
		p = nearer(t, q, around, least(own, e->distance), &d);
	}
	if (!p)
		p = nearer_before(t, q, least(before, e->distance), &d);
	if (p) {
		e->distance = (uint16_t)d;
		return direct(p, step);
	}
	bound |= e->flags & ROUTE_FLAG_COMMITTED && id_eq(&e->committed, q->dst);
	if (around && bound)
		p = nearer(t, q, true, UINT_MAX, &d);
	if (!p && around && bound)
		p = nearer_before(t, q, UINT_MAX, &d);
	return p ? direct(p, step) : ROUTE_DEAD_END;
}

/* Whether a place can be compared with that of a neighbour, now or before. */
static bool known_next_door(const struct route_tables *t, unsigned tree, const struct place *at)
{
	unsigned d;

	return anchor_hop(t->peers, tree, at->root, &at->coords, UINT_MAX, NULL, NULL, &d) ||
	       former_hop(t->peers, t->now, tree, at->root, &at->coords, UINT_MAX, NULL, NULL, &d);
}

/* The tree by whose place in `places` a datagram can be led: the nearest by our own places, else one that neighbours know. False: none. */
static bool comparable(const struct route_tables *t, const struct place *places, unsigned nplaces,
                       unsigned *tree)
{
	unsigned d;

	if (anchor_distance(t->anchor, places, nplaces, tree, &d))
		return true;
	for (*tree = 0; *tree < nplaces && *tree < t->anchor->trees; ++*tree)
		if (known_next_door(t, *tree, &places[*tree]))
			return true;
	return false;
}

/* Makes these coords the datagram's waypoint. False: they can be compared with no place here, as the root is another. */
static bool steer_by_coords(const struct route_tables *t, struct route_ext *e,
                            const struct place *places, unsigned nplaces)
{
	unsigned tree;

	if (!comparable(t, places, nplaces, &tree))
		return false;
	COYO_ASSERT(tree < nplaces && tree < t->anchor->trees);
	e->tree = (uint8_t)tree;
	e->root = places[tree].root;
	e->coords = places[tree].coords;
	e->distance = UINT16_MAX;
	e->flags |= ROUTE_FLAG_WAYPOINT;
	return true;
}

static void stop_steering(struct route_ext *e)
{
	e->flags &= (uint8_t)~ROUTE_FLAG_WAYPOINT;
	coords_clear(&e->coords);
	e->distance = 0;
}

/* The tunnel to a contact, as a step; false when none stands or the first hop is excluded. */
static bool along_finger(const struct route_tables *t, const struct route_query *q,
                         const struct contact *c, struct route_step *step)
{
	struct lsp *l = c->finger;
	bool forward = l && l->role == LSP_INGRESS;

	return l && l->state == LSP_UP && (forward || l->committed) &&
	       lsp_onward(l, forward, &step->peer, &step->tunnel_label) &&
	       !forbidden(t, step->peer, q);
}

struct end_search {
	const struct route_tables *t;
	const struct route_query *q;
	const struct node_id *than; /* only ends closer than this id are of use */
	const struct lsp_end *found;
};

/* Stops the search, either with a usable end found or because all further ends are too far. */
static bool end_fits(void *arg, const struct lsp_end *e)
{
	struct end_search *s = arg;
	const struct node_id *id = e->id;
	struct peer *p;
	uint32_t label;

	if (id_cmp_dist(s->q->dst, id, s->than) >= 0)
		return true;
	if (avoided(id, s->q) || !lsp_onward(e->lsp, e->forward, &p, &label) ||
	    forbidden(s->t, p, s->q))
		return false;
	s->found = e;
	return true;
}

/* Of all tunnels that pass or begin here, the usable end closest to the destination, if strictly closer than `than`; NULL: none. */
static const struct lsp_end *closest_end(const struct route_tables *t, const struct route_query *q,
                                         const struct node_id *than)
{
	struct end_search s = {.t = t, .q = q, .than = than};

	ends_closest(t->ends, q->dst, end_fits, &s);
	return s.found;
}

/* Commits to the far end of a tunnel and goes along it. */
static enum route_result commit_end(const struct route_query *q, const struct lsp_end *end,
                                    struct route_step *step)
{
	q->ext->committed = *end->id;
	q->ext->flags |= ROUTE_FLAG_COMMITTED;
	stop_steering(q->ext);
	lsp_onward(end->lsp, end->forward, &step->peer, &step->tunnel_label);
	return ROUTE_STEP;
}

/* Commits to contact c, if there is a way to it from here. The caller offers only contacts strictly closer than any committed to before,
 * so that the datagram cannot loop. */
static bool commit(const struct route_tables *t, const struct route_query *q, struct contact *c,
                   struct route_step *step)
{
	struct route_ext *e = q->ext;
	struct route_ext before = *e;
	struct peer *p = neighbour(t, &c->id, q);

	e->committed = c->id;
	e->flags |= ROUTE_FLAG_COMMITTED;
	stop_steering(e);
	if (p) {
		direct(p, step);
		return true;
	}
	if (along_finger(t, q, c, step))
		return true;
	if (steer_by_coords(t, e, c->place, c->ntrees) && by_coords(t, q, step) == ROUTE_STEP)
		return true;
	*e = before;
	return false;
}

/* Nothing closer is known here: follows the tunnel or the commitment with which the datagram came. */
static enum route_result stay_committed(const struct route_tables *t, const struct route_query *q,
                                        struct route_step *step)
{
	struct peer *p;

	if (q->tunnel &&
	    lsp_onward(q->tunnel, q->tunnel_forward, &step->peer, &step->tunnel_label) &&
	    !forbidden(t, step->peer, q))
		return ROUTE_STEP;
	if (!(q->ext->flags & ROUTE_FLAG_COMMITTED))
		return ROUTE_DEAD_END;
	p = neighbour(t, &q->ext->committed, q);
	if (p)
		return direct(p, step);
	if (q->ext->flags & ROUTE_FLAG_WAYPOINT)
		return by_coords(t, q, step);
	return ROUTE_DEAD_END;
}

static enum route_result greedy(const struct route_tables *t, const struct route_query *q,
                                struct route_step *step)
{
	struct node_id than = *t->self;
	struct contact *near[GREEDY_TRIES], *exact = contact_find(t->contacts, q->dst);
	unsigned k = contact_closest(t->contacts, q->dst, true, near, GREEDY_TRIES);
	const struct lsp_end *end;

	if ((q->ext->flags & ROUTE_FLAG_COMMITTED) &&
	    id_cmp_dist(q->dst, &q->ext->committed, &than) < 0)
		than = q->ext->committed;
	end = closest_end(t, q, &than);
	if (end && id_eq(end->id, q->dst))
		return commit_end(q, end, step);
	/* The destination itself is tried even if it owes an answer: a dead end is cheaper than a walk from contact to contact. */
	if (exact && !avoided(&exact->id, q) && commit(t, q, exact, step))
		return ROUTE_STEP;
	/* The closest contact may be out of reach from here: then try the next, as long as it is closer than the commitment. */
	for (unsigned i = 0; i < k && id_cmp_dist(q->dst, &near[i]->id, &than) < 0; i++) {
		if (end && id_cmp_dist(q->dst, end->id, &near[i]->id) <= 0)
			break;
		if (!avoided(&near[i]->id, q) && commit(t, q, near[i], step))
			return ROUTE_STEP;
	}
	return end ? commit_end(q, end, step) : stay_committed(t, q, step);
}

enum route_result route_next(const struct route_tables *t, const struct route_query *q,
                             struct route_step *step)
{
	struct route_ext *e = q->ext;
	struct peer *p;

	COYO_ASSERT(q->dst && e && q->nnotvia <= SETUP_NOTVIA_MAX);
	if (id_eq(q->dst, t->self))
		return ROUTE_HERE;
	p = neighbour(t, q->dst, q);
	if (p)
		return direct(p, step);
	if (e->mode == ROUTE_COORDS) {
		if (by_coords(t, q, step) == ROUTE_STEP)
			return ROUTE_STEP;
		if (e->flags & ROUTE_FLAG_FELL_BACK)
			return ROUTE_DEAD_END;
		/* The coords are out of date; nodes from here on may know the id itself. */
		e->mode = ROUTE_GREEDY;
		e->flags = ROUTE_FLAG_FELL_BACK;
		stop_steering(e);
	}
	return greedy(t, q, step);
}

void route_ext_begin(const struct route_tables *t, struct route_ext *e, uint8_t next,
                     const struct place *places, unsigned nplaces)
{
	memset(e, 0, offsetof(struct route_ext, coords));
	coords_clear(&e->coords);
	e->next = next;
	e->mode = ROUTE_GREEDY;
	if (nplaces && steer_by_coords(t, e, places, nplaces)) {
		e->mode = ROUTE_COORDS;
		e->flags = ROUTE_FLAG_WAYPOINT;
	}
}

enum route_result route_astray(const struct route_tables *t, const struct route_query *q,
                               struct route_step *step)
{
	struct peer *p, *best = NULL;

	TAILQ_FOREACH (p, &t->peers->list, next)
		if (peer_up(p) && !forbidden(t, p, q) &&
		    (!best || id_cmp_dist(q->dst, &p->id, &best->id) < 0))
			best = p;
	if (!best)
		return ROUTE_DEAD_END;
	q->ext->committed = best->id;
	q->ext->flags |= ROUTE_FLAG_COMMITTED;
	q->ext->mode = ROUTE_GREEDY;
	stop_steering(q->ext);
	return direct(best, step);
}

enum route_result route_first(const struct route_tables *t, const struct node_id *dst,
                              const struct place *places, unsigned nplaces, uint8_t next,
                              struct route_ext *e, struct route_step *step)
{
	const struct route_query q = {.dst = dst, .ext = e, .hops = ROUTED_HOP_LIMIT};
	struct contact *c = contact_find(t->contacts, dst);

	route_ext_begin(t, e, next, places, nplaces);
	if (c && !c->neighbour && along_finger(t, &q, c, step)) {
		e->mode = ROUTE_GREEDY;
		e->flags = ROUTE_FLAG_COMMITTED;
		e->committed = *dst;
		stop_steering(e);
		return ROUTE_STEP;
	}
	return route_next(t, &q, step);
}
