/* SPDX-License-Identifier: BSD-3-Clause */
/* Which neighbour is this node's parent in each tree: choice with feasibility, hold-down and damped improvement. */
#include "anchor/anchor.h"

#include "base/assert.h"

#define YOUNG_ROOT   (5 * NS_PER_S)
#define SWITCH_EVERY (10 * NS_PER_S)
#define HOLD_BASE    (300 * NS_PER_MS)
#define HOLD_HOP     (20 * NS_PER_MS)
#define UNFOLLOWED   (10 * NS_PER_S)

/* Whether p says that it is a root itself. */
static bool is_root(const struct peer *p, unsigned t)
{
	return id_eq(&p->ann->tree[t].root, &p->id);
}

void anchor_root_told(struct node *n, struct peer *p, unsigned t)
{
	struct root *r = t < n->cfg.trees && is_root(p, t)
	                         ? roots_find(&n->anchor->tree[t].roots, &p->id)
	                         : NULL;

	if (r)
		root_back(r, n->now);
}

/* Whether this node is a root that has had no child for a while: it holds off a root that the others follow, or they hold off this node. */
static bool unfollowed(const struct node *n, const struct tree *tr)
{
	return !tr->parent && instant_sub(n->now, tr->followed_at) >= UNFOLLOWED;
}

/* Whether p may be the parent in tree t at all. */
static bool eligible(struct node *n, unsigned t, const struct peer *p)
{
	const struct tree *tr = &n->anchor->tree[t];
	const struct ann_tree *a;
	const struct root *r;

	if (!peer_up(p) || !p->ann_valid || t >= p->ann->ntrees)
		return false;
	a = &p->ann->tree[t];
	if (a->is_parent || a->port == 0)
		return false;
	if (id_eq(&a->root, &n->cfg.identity->id) || a->coords.hops >= COORDS_HOPS_MAX - 1)
		return false;
	r = anchor_root_good(n, t, &a->root, a->coords.hops + 1u);
	if (!r)
		return false;
	if (is_root(p, t) && root_shunned(r, n->now) && p != tr->parent && !unfollowed(n, tr))
		return false;
	if (root_held(r, n->now) && !unfollowed(n, tr) &&
	    !(tr->despite_held && id_eq(&a->root, &tr->root)))
		return false;
	/* Under the same root, whoever is below me cannot be my parent. */
	return !(tr->parent && p != tr->parent && id_eq(&a->root, &tr->root) &&
	         coords_below(&a->coords, &tr->coords));
}

/* Hops the node would have below p; tree 1 avoids tree 0's parent. A link that flapped is the last choice for a time, but still
 * a choice: a node whose only link flapped must not be cut off. */
static unsigned cost(const struct node *n, unsigned t, const struct peer *p)
{
	bool flapped =
	        p != n->anchor->tree[t].parent && instant_before(n->now, p->parent_not_before);

	return p->ann->tree[t].coords.hops + 1u +
	       (t > 0 && n->anchor->tree[0].parent == p ? 2 : 0) + (flapped ? COORDS_HOPS_MAX : 0);
}

/* The eligible neighbour with the best root, and among those of that root the one with the lowest cost. */
static struct peer *best_of(struct node *n, unsigned t)
{
	struct peer *p, *best = NULL;

	TAILQ_FOREACH (p, &n->peers->list, next) {
		if (!eligible(n, t, p))
			continue;
		if (!best || p->ann_hash[t] < best->ann_hash[t] ||
		    (p->ann_hash[t] == best->ann_hash[t] && cost(n, t, p) < cost(n, t, best)))
			best = p;
	}
	return best;
}

/* The best feasible parent: one under `root` with fewer than len hops to it, this node's own distance, so that it cannot be below this
 * node. */
static struct peer *feasible(struct node *n, unsigned t, const struct node_id *root, unsigned len)
{
	struct peer *p, *best = NULL;

	TAILQ_FOREACH (p, &n->peers->list, next)
		if (eligible(n, t, p) && id_eq(&p->ann->tree[t].root, root) &&
		    p->ann->tree[t].coords.hops < len &&
		    (!best || cost(n, t, p) < cost(n, t, best)))
			best = p;
	return best;
}

/* Takes p's root and a place below it. True when this node's place changed. */
static bool adopt(struct node *n, unsigned t, struct peer *p)
{
	struct tree *tr = &n->anchor->tree[t];
	const struct ann_tree *a = &p->ann->tree[t];
	struct coords c = a->coords;
	bool new_root = !id_eq(&tr->root, &a->root), changed;

	COYO_ASSERT(peer_up(p) && p->ann_valid && t < p->ann->ntrees);
	if (!coords_push(&c, a->port))
		return false;
	changed = new_root || tr->parent != p || !coords_eq(&c, &tr->coords);
	if (changed)
		former_left(n, tr);
	if (new_root) {
		tr->despite_held = root_held(roots_find(&tr->roots, &a->root), n->now);
		tr->root = a->root;
		tr->root_hash = p->ann_hash[t];
		tr->root_at = n->now;
	}
	if (tr->parent != p)
		tr->switched = n->now;
	tr->parent = p;
	tr->coords = c;
	tr->has_old = false;
	return changed;
}

/* No parent is left: this node becomes its own root, and for the hold time remembers which root it had. */
static void detach(struct node *n, unsigned t)
{
	struct tree *tr = &n->anchor->tree[t];
	unsigned depth = tr->coords.hops < 200 ? tr->coords.hops : 200;
	int64_t hold = HOLD_BASE + HOLD_HOP * depth;

	COYO_ASSERT(tr->parent);
	former_left(n, tr);
	anchor_root_left(n, t);
	tr->old_root = tr->root;
	tr->old_hash = tr->root_hash;
	tr->old_len = tr->coords.hops;
	tr->has_old = true;
	tr->hold = instant_add(n->now, hold);
	tr->root = n->cfg.identity->id;
	tr->root_hash = n->anchor->self_hash[t];
	tr->root_at = tr->followed_at = n->now;
	tr->parent = NULL;
	coords_clear(&tr->coords);
	arm(n, &n->anchor->hold_timer, TIMER_ANCHOR_HOLD, NULL, hold);
	anchor_seq_ask(n, t, &tr->old_root);
}

/* The neighbour whose root this node, now a root itself, is to join; NULL: none. A root that nobody follows joins a worse one, or
 * one that it holds off. */
static struct peer *join(struct node *n, unsigned t)
{
	struct tree *tr = &n->anchor->tree[t];
	struct peer *best = best_of(n, t);

	if (!best || (best->ann_hash[t] >= tr->root_hash && !unfollowed(n, tr)))
		return NULL;
	if (tr->has_old && instant_before(n->now, tr->hold) && best->ann_hash[t] >= tr->old_hash)
		return feasible(n, t, &tr->old_root, tr->old_len);
	return best;
}

/* Whether `best`, under the same root as the parent, saves enough hops to be worth a change: any for a young root, later a fifth and at
 * least two, and not too often. */
static bool worth_switching(const struct node *n, unsigned t, const struct peer *best)
{
	const struct tree *tr = &n->anchor->tree[t];
	unsigned have = cost(n, t, tr->parent), get = cost(n, t, best);

	if (best == tr->parent || get >= have)
		return false;
	if (instant_sub(n->now, tr->root_at) < YOUNG_ROOT)
		return true;
	return get + 2 <= have && get * 5 <= have * 4 &&
	       instant_sub(n->now, tr->switched) >= SWITCH_EVERY;
}

/* True: the place changed; *lost is set when that was by detaching. */
static bool select_one(struct node *n, unsigned t, bool *lost)
{
	struct tree *tr = &n->anchor->tree[t];
	struct peer *best;

	if (!tr->parent) {
		best = join(n, t);
		return best && adopt(n, t, best);
	}
	best = best_of(n, t);
	if (best && best->ann_hash[t] < tr->root_hash)
		return adopt(n, t, best);
	if (eligible(n, t, tr->parent) && id_eq(&tr->parent->ann->tree[t].root, &tr->root)) {
		if (best && best->ann_hash[t] == tr->root_hash && worth_switching(n, t, best))
			return adopt(n, t, best);
		return adopt(n, t, tr->parent);
	}
	best = feasible(n, t, &tr->root, tr->coords.hops);
	if (best)
		return adopt(n, t, best);
	detach(n, t);
	*lost = true;
	return true;
}

bool anchor_select(struct node *n, bool *lost)
{
	bool changed = false;

	*lost = false;
	for (unsigned t = 0; t < n->cfg.trees; t++)
		changed |= select_one(n, t, lost);
	return changed;
}
