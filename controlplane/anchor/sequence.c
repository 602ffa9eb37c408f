/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence messages: a root shows by numbers it signs that it is alive. What a root's number is, its own signed message says and nobody
 * else. */
#include "anchor/anchor.h"

#include "base/assert.h"
#include <string.h>

#define SEQ_DEAD     (16 * NS_PER_S)
#define SEQ_DEAD_HOP (30 * NS_PER_MS)
#define SEQ_MISSED   (13 * NS_PER_S) /* who loses the root now lost it by its silence */
#define SEQ_LATE     (8 * NS_PER_S)  /* one is missing: the neighbours are asked */

static void seq_send(struct node *n, struct peer *p, const struct linkmsg_seq *m)
{
	uint8_t buf[160];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_seq_write(&w, m);
	COYO_ASSERT(wr_ok(&w));
	peer_send_local(n, p, buf, wr_len(&w));
}

/* Numbers are taken from the clock, so that they go on rising over a restart. */
static void own_sign(struct node *n, unsigned t)
{
	struct tree *tr = &n->anchor->tree[t];
	struct linkmsg_seq *m = &tr->own;
	uint8_t body[9];

	m->tree = (uint8_t)t;
	m->seq = max_u64(m->seq + 1, (uint64_t)n->now.ns);
	memcpy(m->key, n->cfg.identity->ed_public, sizeof(m->key));
	linkmsg_seq_signed(m, body);
	n->ops->sign(n->cfg.identity, SEQ_CONTEXT, body, sizeof(body), m->sig);
	tr->own_at = n->now;
}

const struct linkmsg_seq *anchor_seq(struct node *n, unsigned t)
{
	struct tree *tr = &n->anchor->tree[t];
	const struct root *r;

	if (tr->parent) {
		r = roots_find(&tr->roots, &tr->root);
		COYO_ASSERT(r);
		return &r->seq;
	}
	if (tr->own.seq == 0 || instant_sub(n->now, tr->own_at) >= SEQ_EVERY)
		own_sign(n, t);
	return &tr->own;
}

bool anchor_seq_wanted(const struct node *n, const struct peer *p, unsigned t)
{
	const struct node_id *root = &n->anchor->tree[t].root;

	return !id_eq(&p->told_root[t], root) || !p->ann_valid || t >= p->ann->ntrees ||
	       !id_eq(&p->ann->tree[t].root, root);
}

/* Gives the newest message of this node's root to its children in that tree, and to neighbours under another root: they may want this
 * one next. Not to where it came from. */
static void seq_spread(struct node *n, unsigned t, const struct peer *from)
{
	const struct linkmsg_seq *m = anchor_seq(n, t);
	struct peer *p;

	TAILQ_FOREACH (p, &n->peers->list, next)
		if (p != from && peer_up(p) &&
		    (anchor_is_child(p, t) || anchor_seq_wanted(n, p, t)))
			seq_send(n, p, m);
}

void anchor_seq_ask(struct node *n, unsigned t, const struct node_id *root)
{
	const struct root *r = roots_find(&n->anchor->tree[t].roots, root);
	struct peer *p;

	if (!r)
		return;
	TAILQ_FOREACH (p, &n->peers->list, next)
		if (peer_up(p) && p->ann_valid && t < p->ann->ntrees &&
		    id_eq(&p->ann->tree[t].root, root))
			seq_send(n, p, &r->seq);
}

/* Whether it carries its root's signature. More than its share of what this node verifies no neighbour is given. */
static bool is_signed(struct node *n, struct peer *p, const struct linkmsg_seq *m)
{
	uint8_t body[9];

	if (!fair_take(&n->anchor->seqs, &p->seq_share, n->now)) {
		count(n, CTR_SEQ_RATE);
		return false;
	}
	linkmsg_seq_signed(m, body);
	if (n->ops->verify(m->key, SEQ_CONTEXT, body, sizeof(body), m->sig) == 0)
		return true;
	count(n, CTR_SEQ_BAD);
	return false;
}

/* Somebody has a message of this node's own, from before a restart or from a twin: the next one must be newer. */
static void own_seen(struct node *n, struct peer *p, const struct linkmsg_seq *m)
{
	struct tree *tr = &n->anchor->tree[m->tree];

	if (m->seq <= tr->own.seq || m->seq >= ROOT_SEQ_MAX || !is_signed(n, p, m))
		return;
	tr->own.seq = m->seq;
	if (!anchor_own_met(n, 1))
		return;
	own_sign(n, m->tree);
	seq_send(n, p, &tr->own);
	if (!tr->parent)
		seq_spread(n, m->tree, NULL);
}

/* A neighbour that is a root has several links to this node: what came by one of them it is told by the others. It has said the same there, unless
 * two machines use its key. */
static void tell_twins(struct node *n, const struct peer *from, const struct linkmsg_seq *m)
{
	struct peer *p;

	for (p = peer_by_id(n, &from->id); p; p = peer_same(p))
		if (p != from)
			seq_send(n, p, m);
}

void anchor_seq_rx(struct node *n, struct peer *p, const struct linkmsg_seq *m)
{
	struct tree *tr = &n->anchor->tree[m->tree];
	struct node_id id;
	uint64_t rank;

	if (m->tree >= n->cfg.trees)
		return;
	identity_id_of_key(m->key, &id);
	if (id_eq(&id, &n->cfg.identity->id)) {
		own_seen(n, p, m);
		return;
	}
	rank = anchor_hash(m->tree, &id);
	switch (roots_judge(&tr->roots, &id, rank, m, p->cfg.io.link, &tr->root, n->now)) {
	case ROOTS_NEWER:
		if (!is_signed(n, p, m))
			return;
		roots_put(&tr->roots, &id, rank, m, p->cfg.io.link, &tr->root, n->now);
		if (id_eq(&id, &p->id))
			tell_twins(n, p, m);
		if (id_eq(&id, &tr->root))
			seq_spread(n, m->tree, p);
		else
			anchor_reselect(n);
		break;
	case ROOTS_OLDER:
		if (fair_take(&n->anchor->seqs, &p->seq_share, n->now))
			seq_send(n, p, &roots_find(&tr->roots, &id)->seq);
		break;
	case ROOTS_TWO:
		if (!is_signed(n, p, m))
			return;
		root_strike(roots_find(&tr->roots, &id), ROOT_EQUIVOCATES, n->now);
		anchor_reselect(n);
		break;
	default:
		break;
	}
}

const struct root *anchor_root_good(struct node *n, unsigned t, const struct node_id *root,
                                    unsigned hops)
{
	const struct root *r = roots_find(&n->anchor->tree[t].roots, root);

	return r && !r->silent &&
	                       instant_sub(n->now, r->seq_at) <
	                               SEQ_DEAD + SEQ_DEAD_HOP * (int64_t)hops
	               ? r
	               : NULL;
}

void anchor_root_left(struct node *n, unsigned t)
{
	const struct tree *tr = &n->anchor->tree[t];
	struct root *r = roots_find(&n->anchor->tree[t].roots, &tr->root);

	COYO_ASSERT(r);
	/* Whoever is above this node noticed the silence first. All must count it, or some hold the root off and others do not. */
	if (instant_sub(n->now, r->seq_at) >= SEQ_MISSED + SEQ_DEAD_HOP * (int64_t)tr->coords.hops)
		root_strike(r, ROOT_STALLS, n->now);
	else if (id_eq(&tr->parent->id, &tr->root))
		root_lost(r, n->now);
}

static bool has_child(const struct node *n, unsigned t)
{
	const struct peer *p;

	TAILQ_FOREACH (p, &n->peers->list, next)
		if (anchor_is_child(p, t))
			return true;
	return false;
}

void anchor_seq_tick(struct node *n)
{
	for (unsigned t = 0; t < n->cfg.trees; t++) {
		struct tree *tr = &n->anchor->tree[t];
		struct root *r;

		if (!tr->parent) {
			own_sign(n, t);
			seq_spread(n, t, NULL);
			if (has_child(n, t))
				tr->followed_at = n->now;
			else
				anchor_reselect(n);
			continue;
		}
		r = roots_find(&tr->roots, &tr->root);
		COYO_ASSERT(r);
		if (!anchor_root_good(n, t, &tr->root, tr->coords.hops)) {
			anchor_reselect(n);
		} else if (instant_sub(n->now, r->seq_at) >=
		           SEQ_LATE + SEQ_DEAD_HOP * (int64_t)tr->coords.hops) {
			anchor_seq_ask(n, t, &tr->root);
		}
	}
}
