/* SPDX-License-Identifier: BSD-3-Clause */
/* Which former places are kept, and distances by them. */
#include "anchor/former.h"

#include "anchor/anchor.h"
#include "base/assert.h"
#include "peer/peer.h"

#include <limits.h>

#define KEPT    (10 * NS_PER_S)
#define SETTLED NS_PER_S

/* A place that was taken at `since` is left now. */
static void keep(struct node *n, struct former *f, const struct node_id *root,
                 const struct coords *coords, struct instant since)
{
	if (instant_before(n->now, f->until) && instant_sub(n->now, since) < SETTLED)
		return;
	f->place.root = root_tag(root);
	f->place.coords = *coords;
	f->until = instant_add(n->now, KEPT);
}

void former_left(struct node *n, struct tree *t)
{
	keep(n, &t->former, &t->root, &t->coords, t->placed_at);
	t->placed_at = n->now;
}

static bool same_place(const struct ann_tree *a, const struct ann_tree *b)
{
	return id_eq(&a->root, &b->root) && coords_eq(&a->coords, &b->coords);
}

/* The last announcement also counts where the link was down meanwhile. */
void former_announced(struct node *n, struct peer *p, const struct linkmsg_ann *m)
{
	COYO_ASSERT(m->ntrees <= RECORD_TREES_MAX);
	for (unsigned t = 0; t < m->ntrees; t++) {
		const struct ann_tree *last =
		        p->ann && t < p->ann->ntrees ? &p->ann->tree[t] : NULL;

		if (last && same_place(last, &m->tree[t]))
			continue;
		if (last && !p->announced.former)
			p->announced.former =
			        ctx_alloc(n, RECORD_TREES_MAX * sizeof(*p->announced.former));
		if (last && p->announced.former)
			keep(n, &p->announced.former[t], &last->root, &last->coords,
			     p->announced.since[t]);
		p->announced.since[t] = n->now;
	}
}

void former_expire(struct node *n, struct peer *p)
{
	if (!p->announced.former)
		return;
	for (unsigned t = 0; t < RECORD_TREES_MAX; t++)
		if (instant_before(n->now, p->announced.former[t].until))
			return;
	ctx_free(n, p->announced.former);
	p->announced.former = NULL;
}

/* Hops from a former place; UINT_MAX: none is kept under this root. */
static unsigned distance_from(const struct former *f, struct instant now, uint64_t root,
                              const struct coords *to)
{
	if (!instant_before(now, f->until) || f->place.root != root)
		return UINT_MAX;
	return coords_distance(&f->place.coords, to);
}

unsigned former_own_distance(const struct anchor *a, struct instant now, unsigned tree,
                             uint64_t root, const struct coords *to)
{
	return tree < a->trees ? distance_from(&a->tree[tree].former, now, root, to) : UINT_MAX;
}

struct peer *former_hop(const struct peers *peers, struct instant now, unsigned tree, uint64_t root,
                        const struct coords *to, unsigned limit,
                        bool (*usable)(const struct peer *p, const void *arg), const void *arg,
                        unsigned *distance)
{
	struct peer *p, *best = NULL;

	COYO_ASSERT(tree < RECORD_TREES_MAX);
	TAILQ_FOREACH (p, &peers->list, next) {
		unsigned d = peer_up(p) && p->announced.former
		                     ? distance_from(&p->announced.former[tree], now, root, to)
		                     : UINT_MAX;

		if (d >= limit || (usable && !usable(p, arg)))
			continue;
		limit = d;
		best = p;
	}
	*distance = limit;
	return best;
}
