/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of tunnels, their entries in the workers, and how they end. */
#include "lsp/lsp.h"

#include "wire/lse.h"

#include <errno.h>
#include <string.h>

#define TEAR_RETRY (300 * NS_PER_MS)
#define TEAR_TRIES 4

static int order(struct lsp *a, struct lsp *b)
{
	if (a->nonce != b->nonce)
		return a->nonce < b->nonce ? -1 : 1;
	return id_cmp(&a->src, &b->src);
}

RB_GENERATE_INTERNAL(lsp_tree, lsp, node, order, static __attribute__((unused)))

int64_t lsp_pending_ns(const struct node *n)
{
	return n->cfg.connect_timeout_ns + NS_PER_S;
}

int lsps_new(struct node *n)
{
	n->lsps = ctx_alloc(n, sizeof(*n->lsps));
	if (!n->lsps)
		return -ENOMEM;
	RB_INIT(&n->lsps->tree);
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

static bool counts_as_use(const struct lsp *l)
{
	return l->state == LSP_UP && !l->finger;
}

static void set_state(struct node *n, struct lsp *l, uint8_t state)
{
	bool was = counts_as_use(l), pending = l->state < LSP_UP, stood = l->state <= LSP_UP;
	int step;

	l->state = state;
	if (state > LSP_UP) {
		if (stood && l->role != LSP_TRANSIT && !l->finger)
			n->news->lsp_over(n, l);
		ends_remove(n->ends, &l->ahead);
		ends_remove(n->ends, &l->back);
	}
	if (pending && state >= LSP_UP)
		n->lsps->pending--;
	step = (int)counts_as_use(l) - (int)was;
	if (l->up && step)
		peer_tunnels(n, l->up, step);
	if (l->down && step)
		peer_tunnels(n, l->down, step);
}

/* Frees everything at once; entries must be out of the workers, or the links gone. */
void lsp_destroy(struct node *n, struct lsp *l)
{
	set_state(n, l, LSP_REMOVING);
	disarm(n, &l->timer);
	ticket_cancel(n, &l->ticket);
	if (l->up && l->fwd_in != LABEL_NONE)
		labels_free(n, &l->up->labels, l->fwd_in);
	if (l->down && l->rev_in != LABEL_NONE)
		labels_free(n, &l->down->labels, l->rev_in);
	lsp_forget_build(n, l);
	RB_REMOVE(lsp_tree, &n->lsps->tree, l);
	n->lsps->count--;
	ctx_free(n, l);
}

struct lsp *lsp_by_label(struct node *n, struct peer *p, uint32_t label, bool *forward)
{
	struct lsp *l = labels_owner(&p->labels, label);

	if (!l)
		return NULL;
	*forward = l->up == p && l->fwd_in == label;
	return l;
}

bool lsp_onward(const struct lsp *l, bool forward, struct peer **peer, uint32_t *label)
{
	*peer = forward ? l->down : l->up;
	*label = forward ? l->fwd_out : l->rev_out;
	return *peer && *label != LABEL_NONE;
}

static void ilm(struct node *n, const struct lsp *l, bool forward, bool set)
{
	struct cp_cmd c = {.type = set ? CMD_ILM_SET : CMD_ILM_DEL};
	const struct peer *in = forward ? l->up : l->down, *out = forward ? l->down : l->up;
	uint32_t in_label = forward ? l->fwd_in : l->rev_in;

	if (!in || in_label == LABEL_NONE)
		return;
	c.u.ilm.in_link = in->link;
	c.u.ilm.in_label = in_label;
	c.u.ilm.twin_label = LABEL_NONE;
	c.u.ilm.out_label = LABEL_NONE;
	c.u.ilm.op = l->finger ? ILM_SINK : ILM_SESSION;
	c.u.ilm.session = l->session;
	if (out) {
		c.u.ilm.op = ILM_SWAP;
		c.u.ilm.out_link = out->link;
		c.u.ilm.out_label = forward ? l->fwd_out : l->rev_out;
		c.u.ilm.twin_link = out->link;
		c.u.ilm.twin_label = forward ? l->rev_in : l->fwd_in;
	}
	out_command(n, CPDP_ALL_WORKERS, &c);
}

void lsp_program(struct node *n, struct lsp *l, void (*then)(struct node *, void *))
{
	ilm(n, l, true, true);
	ilm(n, l, false, true);
	l->programmed = true;
	set_state(n, l, LSP_PROGRAM);
	ticket_wait(n, &l->ticket, then, l);
}

/* ---- the end: withdraw, wait for the answers, remove, acknowledge, quarantine ---- */

static void removed(struct node *n, void *owner)
{
	lsp_destroy(n, owner);
}

static void remove_entries(struct node *n, struct lsp *l)
{
	set_state(n, l, LSP_REMOVING);
	disarm(n, &l->timer);
	if (!l->programmed) {
		lsp_destroy(n, l);
		return;
	}
	ilm(n, l, true, false);
	ilm(n, l, false, false);
	ticket_wait(n, &l->ticket, removed, l);
}

static void tear_to(struct node *n, struct lsp *l, struct peer *p, uint32_t yours, uint32_t mine)
{
	struct linkmsg_tear m = {
	        .nonce = l->nonce, .yours = yours, .mine = mine, .reason = l->reason};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_tear_write(&w, LINKMSG_TEAR, &m);
	peer_send_local(n, p, buf, wr_len(&w));
}

static void tears_send(struct node *n, struct lsp *l)
{
	if (l->up_answered && l->down_answered) {
		remove_entries(n, l);
		return;
	}
	if (l->tears++ == TEAR_TRIES) {
		remove_entries(n, l);
		return;
	}
	if (!l->up_answered)
		tear_to(n, l, l->up, l->rev_out, l->fwd_in);
	if (!l->down_answered)
		tear_to(n, l, l->down, l->fwd_out, l->rev_in);
	arm(n, &l->timer, TIMER_LSP_TEAR, l, TEAR_RETRY);
}

static void begin_close(struct node *n, struct lsp *l, uint8_t reason, const struct peer *lost)
{
	set_state(n, l, LSP_CLOSING);
	ticket_cancel(n, &l->ticket);
	lsp_forget_build(n, l);
	l->reason = reason;
	l->up_answered = !l->up || l->up == lost || !peer_up(l->up);
	l->down_answered = !l->down || l->down == lost || !peer_up(l->down);
	tears_send(n, l);
}

void lsp_release(struct node *n, struct lsp *l, uint8_t reason)
{
	if (l->state < LSP_CLOSING)
		begin_close(n, l, reason, NULL);
}

void lsp_close(struct node *n, struct lsp *l, uint8_t reason, const struct peer *lost)
{
	if (l->state >= LSP_CLOSING)
		return;
	if (l->role != LSP_TRANSIT) {
		if (l->state < LSP_UP && l->role == LSP_INGRESS)
			n->news->lsp_failed(n, l, 0, 0, 0);
		else
			n->news->lsp_gone(n, l, reason);
	}
	begin_close(n, l, reason, lost);
}

void lsp_tear_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct lsp *l = NULL;
	struct node_id zero = {{0}};
	struct lsp key = {.nonce = m->nonce, .src = zero};

	count(n, CTR_TEAR_RX);
	/* By nonce, among the tunnels that this neighbour shares. Without a label: our reply to it was lost. */
	for (l = lsp_tree_RB_NFIND(&n->lsps->tree, &key); l && l->nonce == m->nonce;
	     l = lsp_tree_RB_NEXT(l))
		if ((l->up == from && (m->yours == LABEL_NONE || l->fwd_in == LABEL_NONE ||
		                       l->fwd_in == m->yours)) ||
		    (l->down == from && (m->yours == LABEL_NONE || l->rev_in == m->yours)))
			break;
	if (l && l->nonce != m->nonce)
		l = NULL;
	linkmsg_tear_write(&w, LINKMSG_TEAR_ACK, m);
	peer_send_local(n, from, buf, wr_len(&w));
	if (!l) {
		count(n, CTR_TEAR_UNKNOWN);
		return;
	}
	l->punted++;
	if (l->state < LSP_CLOSING) {
		lsp_close(n, l, (uint8_t)m->reason, from);
		return;
	}
	lsp_tear_ack_rx(n, from, m);
}

void lsp_tear_ack_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m)
{
	struct node_id zero = {{0}};
	struct lsp key = {.nonce = m->nonce, .src = zero}, *l;

	for (l = lsp_tree_RB_NFIND(&n->lsps->tree, &key); l && l->nonce == m->nonce;
	     l = lsp_tree_RB_NEXT(l)) {
		if (l->state != LSP_CLOSING || (l->up != from && l->down != from))
			continue;
		if (l->up == from)
			l->up_answered = true;
		if (l->down == from)
			l->down_answered = true;
		if (l->up_answered && l->down_answered)
			remove_entries(n, l);
		return;
	}
}

/* The link's labels are void on both sides: nothing to withdraw there. */
void lsp_peer_down(struct node *n, struct peer *p)
{
	struct lsp *l, *next;

	for (l = lsp_after(n, NULL); l; l = next) {
		next = lsp_after(n, l);
		if (l->short_up == p)
			l->short_up = NULL;
		if (l->up != p && l->down != p)
			continue;
		if (l->state >= LSP_CLOSING) {
			struct linkmsg_tear m = {.nonce = l->nonce};

			if (l->state == LSP_CLOSING)
				lsp_tear_ack_rx(n, p, &m);
			continue;
		}
		if (l->state == LSP_PENDING && l->down == p && l->role == LSP_TRANSIT)
			lsp_send_error(n, l, SETUP_DEAD_END, id_tag(&n->cfg.identity->id),
			               id_tag(&p->id));
		lsp_close(n, l, TEAR_LINK_DOWN, p);
	}
	/* The peer may go for good: nobody may point at it. Its label space is reset by its owner. */
	for (l = lsp_after(n, NULL); l; l = lsp_after(n, l)) {
		if (l->up == p) {
			ilm(n, l, true, false);
			l->up = NULL;
		}
		if (l->down == p) {
			ilm(n, l, false, false);
			l->down = NULL;
		}
	}
}

/* Nothing came back in time. */
static void timed_out(struct node *n, struct lsp *l)
{
	count(n, CTR_SETUP_TIMEOUT);
	lsp_close(n, l, TEAR_IDLE, NULL);
}

void lsp_timer(struct node *n, struct timer *t)
{
	struct lsp *l = t->owner;

	if (t->kind == TIMER_LSP_TEAR)
		tears_send(n, l);
	else if (l->state == LSP_UP)
		lsp_soft_tick(n, l);
	else if (l->state == LSP_SHORTCUT)
		lsp_shortcut_timeout(n, l);
	else if (l->state < LSP_CLOSING)
		timed_out(n, l);
}

/* The workers hold the entries of an end or a transit: it counts from now on. */
void lsp_mark_up(struct node *n, struct lsp *l)
{
	set_state(n, l, LSP_UP);
	l->up_at = l->used = n->now;
	if (l->role != LSP_EGRESS)
		ends_add(n->ends, &l->ahead);
	lsp_soft_start(n, l);
}
