/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of tunnels as one node sees them, and the counts and indexes elsewhere that a tunnel's changes affect. */
#include "table/tunnel.h"

#include "base/assert.h"
#include "anchor/anchor.h"
#include "wire/lse.h"

#include <errno.h>

static int order(struct lsp *a, struct lsp *b)
{
	if (a->nonce != b->nonce)
		return a->nonce < b->nonce ? -1 : 1;
	return id_cmp(&a->src, &b->src);
}

static int by_link(const struct peer *p, const struct peer *q, struct lsp *a, struct lsp *b)
{
	return p->link != q->link ? (p->link < q->link ? -1 : 1) : order(a, b);
}

static int order_up(struct lsp *a, struct lsp *b)
{
	return by_link(a->up, b->up, a, b);
}

static int order_down(struct lsp *a, struct lsp *b)
{
	return by_link(a->down, b->down, a, b);
}

RB_GENERATE_INTERNAL(lsp_tree, lsp, node, order, static __attribute__((unused)))
RB_GENERATE_INTERNAL(lsp_ups, lsp, of_up, order_up, static __attribute__((unused)))
RB_GENERATE_INTERNAL(lsp_downs, lsp, of_down, order_down, static __attribute__((unused)))

int64_t lsp_pending_ns(struct node *n)
{
	return n->cfg.connect_timeout_ns + NS_PER_S +
	       3 * peers_slow_ns(n, n->anchor->tree[0].coords.hops + 1u);
}

int lsps_new(struct node *n)
{
	n->lsps = ctx_alloc(n, sizeof(*n->lsps));
	if (!n->lsps)
		return -ENOMEM;
	RB_INIT(&n->lsps->tree);
	RB_INIT(&n->lsps->ups);
	RB_INIT(&n->lsps->downs);
	LIST_INIT(&n->lsps->shortcuts);
	shares_init(&n->lsps->shares);
	fair_init(&n->lsps->setups, n->cfg.setups_max);
	return 0;
}

void lsps_free(struct node *n)
{
	struct lsp *l;

	if (!n->lsps)
		return;
	while ((l = RB_ROOT(&n->lsps->tree)))
		lsp_destroy(n, l);
	ctx_free(n, n->lsps);
	n->lsps = NULL;
}

struct lsp *lsp_find(struct node *n, uint64_t nonce, const struct node_id *src)
{
	struct lsp key = {.nonce = nonce, .src = *src};

	return lsp_tree_RB_FIND(&n->lsps->tree, &key);
}

struct lsp *lsp_after(const struct node *n, struct lsp *l)
{
	return l ? lsp_tree_RB_NEXT(l) : lsp_tree_RB_MINMAX(&n->lsps->tree, RB_NEGINF);
}

struct lsp *lsp_beyond(const struct node *n, uint64_t nonce, const struct node_id *src)
{
	struct lsp key = {.nonce = nonce, .src = *src};
	struct lsp *l = lsp_tree_RB_NFIND(&n->lsps->tree, &key);

	return l && order(l, &key) == 0 ? lsp_tree_RB_NEXT(l) : l;
}

struct lsp *lsp_of_link(const struct node *n, struct peer *p, const struct lsp_name *behind)
{
	struct lsp key = {.up = p, .down = p};
	struct lsp *u, *d;

	if (behind) {
		key.nonce = behind->nonce;
		key.src = behind->src;
	}
	u = lsp_ups_RB_NFIND(&n->lsps->ups, &key);
	d = lsp_downs_RB_NFIND(&n->lsps->downs, &key);
	if (behind && u && order(u, &key) == 0)
		u = lsp_ups_RB_NEXT(u);
	if (behind && d && order(d, &key) == 0)
		d = lsp_downs_RB_NEXT(d);
	u = u && u->up == p ? u : NULL;
	d = d && d->down == p ? d : NULL;
	return !d || (u && order(u, d) < 0) ? u : d;
}

struct lsp *lsp_first(const struct node *n, uint64_t nonce)
{
	struct lsp key = {.nonce = nonce};

	return lsp_tree_RB_NFIND(&n->lsps->tree, &key);
}

struct lsp *lsp_new(struct node *n, uint64_t nonce, const struct node_id *src,
                    const struct node_id *dst, uint8_t role)
{
	struct lsp *l = ctx_alloc(n, sizeof(*l));

	if (!l)
		return NULL;
	l->nonce = nonce;
	l->src = *src;
	l->dst = *dst;
	l->role = role;
	l->state = LSP_PENDING;
	l->worker = -1;
	l->session = CP_SESSION_NONE;
	l->fwd_in = l->fwd_out = l->rev_in = l->rev_out = LABEL_NONE;
	l->born = l->used = n->now;
	l->ahead = (struct lsp_end){.lsp = l, .id = &l->dst, .forward = true};
	l->back = (struct lsp_end){.lsp = l, .id = &l->src};
	if (RB_INSERT(lsp_tree, &n->lsps->tree, l)) {
		ctx_free(n, l);
		return NULL;
	}
	n->lsps->count++;
	n->lsps->pending++;
	n->lsps->transit += role == LSP_TRANSIT;
	arm(n, &l->timer, TIMER_LSP, l, lsp_pending_ns(n));
	return l;
}

void lsp_forget_build(struct node *n, struct lsp *l)
{
	ctx_free(n, l->reply);
	ctx_free(n, l->record);
	l->reply = NULL;
	l->record = NULL;
	l->nrecord = 0;
}

void lsp_set_up(struct node *n, struct lsp *l, struct peer *p)
{
	struct lsp *same = NULL;

	shares_give(n, l);
	if (l->up)
		RB_REMOVE(lsp_ups, &n->lsps->ups, l);
	l->up = p;
	if (p)
		same = RB_INSERT(lsp_ups, &n->lsps->ups, l);
	COYO_ASSERT(!same);
	if (p && l->state <= LSP_UP && l->role != LSP_INGRESS)
		shares_take(n, l);
}

void lsp_set_down(struct node *n, struct lsp *l, struct peer *p)
{
	struct lsp *same = NULL;

	if (l->down)
		RB_REMOVE(lsp_downs, &n->lsps->downs, l);
	l->down = p;
	if (p)
		same = RB_INSERT(lsp_downs, &n->lsps->downs, l);
	COYO_ASSERT(!same);
}

void lsp_set_shortcut(struct node *n, struct lsp *l, struct peer *p)
{
	if (l->short_up)
		LIST_REMOVE(l, of_shortcuts);
	l->short_up = p;
	if (p)
		LIST_INSERT_HEAD(&n->lsps->shortcuts, l, of_shortcuts);
}

static bool counts_as_use(const struct lsp *l)
{
	return l->state == LSP_UP && !l->finger;
}

void lsp_set_state(struct node *n, struct lsp *l, enum lsp_state state)
{
	bool was = counts_as_use(l), pending = l->state < LSP_UP, stood = l->state <= LSP_UP;
	int step;

	COYO_ASSERT(state >= l->state); /* a tunnel never goes back */
	if (state > LSP_UP)
		shares_give(n, l);
	else if (pending && state == LSP_UP)
		shares_stand(l);
	l->state = (uint8_t)state;
	if (state > LSP_UP) {
		if (stood && l->role != LSP_TRANSIT && !l->finger)
			n->news->lsp_over(n, l);
		ends_remove(n->ends, &l->ahead);
		ends_remove(n->ends, &l->back);
	}
	if (pending && state >= LSP_UP) {
		COYO_ASSERT(n->lsps->pending > 0);
		n->lsps->pending--;
	}
	step = (int)counts_as_use(l) - (int)was;
	if (l->up && step)
		peer_tunnels(n, l->up, step);
	if (l->down && step)
		peer_tunnels(n, l->down, step);
}

bool lsp_room(const struct node *n, const struct peer *p, const struct node_id *src,
              struct lsp **victim)
{
	const struct shares *s = &n->lsps->shares;

	*victim = NULL;
	if (s->held < n->cfg.tunnels_max)
		return true;
	*victim = shares_victim(s, p->link, src);
	return *victim != NULL;
}

void lsp_destroy(struct node *n, struct lsp *l)
{
	lsp_set_state(n, l, LSP_REMOVING);
	disarm(n, &l->timer);
	ticket_cancel(n, &l->ticket);
	if (l->up && l->fwd_in != LABEL_NONE)
		labels_free(n, &l->up->labels, l->fwd_in);
	if (l->down && l->rev_in != LABEL_NONE)
		labels_free(n, &l->down->labels, l->rev_in);
	lsp_set_up(n, l, NULL);
	lsp_set_down(n, l, NULL);
	lsp_set_shortcut(n, l, NULL);
	lsp_forget_build(n, l);
	COYO_ASSERT(!l->ahead.in && !l->back.in && n->lsps->count > 0);
	RB_REMOVE(lsp_tree, &n->lsps->tree, l);
	n->lsps->count--;
	n->lsps->transit -= l->role == LSP_TRANSIT;
	ctx_free(n, l);
}

struct lsp *lsp_by_label(struct node *n, struct peer *p, uint32_t label, bool *forward)
{
	struct lsp *l = labels_owner(&p->labels, label);

	if (!l)
		return NULL;
	*forward = l->up == p && l->fwd_in == label;
	COYO_ASSERT(*forward || (l->down == p && l->rev_in == label));
	return l;
}

bool lsp_onward(const struct lsp *l, bool forward, struct peer **peer, uint32_t *label)
{
	*peer = forward ? l->down : l->up;
	*label = forward ? l->fwd_out : l->rev_out;
	return *peer && *label != LABEL_NONE;
}

void lsp_drop_down(struct node *n, struct lsp *l)
{
	if (l->down && l->rev_in != LABEL_NONE)
		labels_free(n, &l->down->labels, l->rev_in);
	lsp_set_down(n, l, NULL);
	l->rev_in = LABEL_NONE;
}
