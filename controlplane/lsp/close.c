/* SPDX-License-Identifier: BSD-3-Clause */
/* How a tunnel ends: withdraw, wait for the answers, remove, acknowledge, quarantine. */
#include "lsp/lsp.h"

#include "base/assert.h"
#include "wire/lse.h"

#define TEAR_RETRY (300 * NS_PER_MS)
#define TEAR_TRIES 4

static void removed(struct node *n, void *owner)
{
	lsp_destroy(n, owner);
}

static void remove_entries(struct node *n, struct lsp *l)
{
	lsp_set_state(n, l, LSP_REMOVING);
	disarm(n, &l->timer);
	COYO_ASSERT(!l->ticket.waiting);
	if (!l->programmed) {
		lsp_destroy(n, l);
		return;
	}
	lsp_entry_remove(n, l, true);
	lsp_entry_remove(n, l, false);
	ticket_wait(n, &l->ticket, removed, l);
}

/* yours: the label that p granted us, mine: the one we granted p. */
static void tear_to(struct node *n, struct lsp *l, struct peer *p, uint32_t yours, uint32_t mine)
{
	struct linkmsg_tear m = {
	        .nonce = l->nonce, .yours = yours, .mine = mine, .reason = l->reason};
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_tear_write(&w, LINKMSG_TEAR, &m);
	peer_send_local(n, p, buf, wr_len(&w));
}

/* How long a neighbour that has not answered yet may take. */
static int64_t tear_retry(const struct lsp *l)
{
	int64_t up = l->up && !l->up_answered && l->up->rtt_ns >= 0 ? peer_answer_wait(l->up) : 0;
	int64_t down = l->down && !l->down_answered && l->down->rtt_ns >= 0
	                       ? peer_answer_wait(l->down)
	                       : 0;
	int64_t wait = up > down ? up : down;

	return wait > TEAR_RETRY ? wait : TEAR_RETRY;
}

/* Sends a tear-down to each side that has not answered yet. Removes the entries when both have, or after TEAR_TRIES. */
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
	arm(n, &l->timer, TIMER_LSP_TEAR, l, tear_retry(l));
}

static void begin_close(struct node *n, struct lsp *l, uint8_t reason, const struct peer *lost)
{
	COYO_ASSERT(l->state < LSP_CLOSING);
	lsp_set_state(n, l, LSP_CLOSING);
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

struct lsp *lsp_of_labels(struct node *n, struct peer *from, uint64_t nonce, uint32_t yours)
{
	struct lsp *l;

	/* The neighbour names no label where our reply, which grants it, was lost. */
	for (l = lsp_first(n, nonce); l && l->nonce == nonce; l = lsp_after(n, l))
		if ((l->up == from &&
		     (yours == LABEL_NONE || l->fwd_in == LABEL_NONE || l->fwd_in == yours)) ||
		    (l->down == from && (yours == LABEL_NONE || l->rev_in == yours)))
			return l;
	return NULL;
}

void lsp_tear_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m)
{
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct lsp *l;

	count(n, CTR_TEAR_RX);
	l = lsp_of_labels(n, from, m->nonce, m->yours);
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

/* from says, or it need not be asked, that l is over on its side. */
static void answered(struct node *n, struct lsp *l, const struct peer *from)
{
	if (l->up == from)
		l->up_answered = true;
	if (l->down == from)
		l->down_answered = true;
	if (l->up_answered && l->down_answered)
		remove_entries(n, l);
}

void lsp_tear_ack_rx(struct node *n, struct peer *from, const struct linkmsg_tear *m)
{
	struct lsp *l;

	for (l = lsp_first(n, m->nonce); l && l->nonce == m->nonce; l = lsp_after(n, l)) {
		if (l->state != LSP_CLOSING || (l->up != from && l->down != from))
			continue;
		answered(n, l, from);
		return;
	}
}

static void link_lost(struct node *n, struct lsp *l, struct peer *p)
{
	if (l->state >= LSP_CLOSING) {
		/* This tunnel, not any of its nonce: another source may have taken the same one. */
		if (l->state == LSP_CLOSING)
			answered(n, l, p);
		return;
	}
	if (l->state == LSP_PENDING && l->down == p && l->role == LSP_TRANSIT)
		lsp_send_error(n, l, SETUP_DEAD_END, id_tag(&n->cfg.identity->id), id_tag(&p->id));
	lsp_close(n, l, TEAR_LINK_DOWN, p);
}

/* The peer may be freed afterwards: no tunnel may point at it. Its labels are not freed here, peer resets them all at once. An entry is
 * removed only where the workers still have it, which they do while the tunnel waits for the neighbour on its other side. */
static void detach_peer(struct node *n, struct lsp *l, struct peer *p)
{
	bool there = l->programmed && l->state != LSP_REMOVING;

	if (l->up == p) {
		if (there)
			lsp_entry_remove(n, l, true);
		lsp_set_up(n, l, NULL);
	}
	if (l->down == p) {
		if (there)
			lsp_entry_remove(n, l, false);
		lsp_set_down(n, l, NULL);
	}
}

/* Calls act for each tunnel of the link, in the order of the table. */
static void each_of_link(struct node *n, struct peer *p,
                         void (*act)(struct node *, struct lsp *, struct peer *))
{
	struct lsp *l = lsp_of_link(n, p, NULL);

	/* act may free any tunnel of the link, so that the next is found by the name of this one. */
	while (l) {
		const struct lsp_name name = {l->nonce, l->src};

		act(n, l, p);
		l = lsp_of_link(n, p, &name);
	}
}

/* The link's labels are void on both sides: no tear-down is sent over it. */
void lsp_peer_down(struct node *n, struct peer *p)
{
	struct lsp *l, *next;

	for (l = LIST_FIRST(&n->lsps->shortcuts); l; l = next) {
		next = LIST_NEXT(l, of_shortcuts);
		if (l->short_up == p)
			lsp_shortcut_timeout(n, l); /* it will not answer */
	}
	each_of_link(n, p, link_lost);
	each_of_link(n, p, detach_peer);
}

/* No reply to the set-up in time. */
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
