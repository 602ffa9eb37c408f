/* SPDX-License-Identifier: BSD-3-Clause */
/* The way back of a set-up: each hop grants the label of the way forth, programs both directions, and only then answers on. */
#include "lsp/lsp.h"

#include "base/assert.h"
#include "core/emit.h"
#include "wire/lse.h"

#include <errno.h>
#include <string.h>

#define SHORTCUT_WAIT (400 * NS_PER_MS)

static int keep_reply(struct node *n, struct lsp *l, const struct reply_msg *m)
{
	if (!l->reply)
		l->reply = ctx_alloc(n, sizeof(*l->reply));
	if (!l->reply)
		return -ENOMEM;
	l->reply->m = *m;
	if (m->envelope_len)
		memcpy(l->reply->envelope, m->envelope, m->envelope_len);
	l->reply->m.envelope = l->reply->envelope;
	return 0;
}

/* Every worker has both directions: tells the upstream neighbour its label, in the reply. */
static void announce(struct node *n, void *owner)
{
	struct lsp *l = owner;
	struct routed_header h = {
	        .next = NEXT_REPLY, .hop_limit = ROUTED_HOP_LIMIT, .src = l->dst, .dst = l->src};
	struct reply_msg *m = &l->reply->m;
	uint8_t body[LSP_ENVELOPE_MAX + 64];
	struct wr w = wr_init(body, sizeof(body));

	COYO_ASSERT(l->fwd_in != LABEL_NONE && l->role != LSP_INGRESS);
	m->forward_label = l->fwd_in;
	reply_write(&w, m);
	if (wr_ok(&w))
		emit_routed(n, l->up->link, LABEL_NONE, &h, NULL, body, wr_len(&w));
	lsp_forget_build(n, l);
	lsp_mark_up(n, l);
}

/* Grants the upstream neighbour its label, programs the workers, and sends it the reply when they have acknowledged. */
static void reply_onward(struct node *n, struct lsp *l)
{
	if (!l->up || labels_alloc(n, &l->up->labels, l, l->role == LSP_EGRESS ? l->worker : -1,
	                           &l->fwd_in) != 0) {
		l->fwd_in = LABEL_NONE;
		if (l->role == LSP_TRANSIT)
			lsp_send_error(n, l, SETUP_NO_LABEL, 0, 0);
		lsp_close(n, l, TEAR_NO_STATE, NULL);
		return;
	}
	lsp_program(n, l, announce);
}

static void grant_send(struct node *n, struct peer *p, uint8_t step, uint64_t nonce,
                       const struct node_id *src, uint32_t label)
{
	struct linkmsg_grant g = {.step = step, .nonce = nonce, .source = *src, .label = label};
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));

	linkmsg_grant_write(&w, &g);
	peer_send_local(n, p, buf, wr_len(&w));
}

/* A neighbour, other than the one that sent us the set-up, that the set-up passed earlier: the earliest. NULL: none. */
static struct peer *earlier_neighbour(struct node *n, const struct lsp *l)
{
	struct peer *p;

	for (unsigned i = 0; i + 1 < l->nrecord; i++)
		TAILQ_FOREACH (p, &n->peers->list, next)
			if (peer_up(p) && !p->leaving && !p->missed && p != l->up && p != l->down &&
			    id_tag(&p->id) == l->record[i])
				return p;
	return NULL;
}

/* As reply_onward(), but if an earlier node of the set-up's way is a neighbour too, asks it for a label first, to leave out the
 * hops between. */
static void try_shortcut(struct node *n, struct lsp *l)
{
	struct peer *p = earlier_neighbour(n, l);

	if (!p) {
		reply_onward(n, l);
		return;
	}
	lsp_set_state(n, l, LSP_SHORTCUT);
	lsp_set_shortcut(n, l, p);
	arm(n, &l->timer, TIMER_LSP, l, SHORTCUT_WAIT + (p->rtt_ns > 0 ? 2 * p->rtt_ns : 0));
	grant_send(n, p, 0, l->nonce, &l->src, 0);
}

static void ingress_up(struct node *n, void *owner)
{
	struct lsp *l = owner;
	struct lsp_reply *r = l->reply;

	COYO_ASSERT(r && l->role == LSP_INGRESS);
	l->reply = NULL;
	lsp_forget_build(n, l);
	lsp_mark_up(n, l);
	n->news->lsp_up(n, l, &r->m);
	ctx_free(n, r);
}

int lsp_accept(struct node *n, struct lsp *l, uint32_t session, int16_t worker,
               const uint8_t *envelope, size_t len)
{
	struct reply_msg m = {.flags = l->setup_flags,
	                      .mtu = l->mtu,
	                      .nonce = l->nonce,
	                      .hops_first = l->hops_first,
	                      .hops = 1,
	                      .envelope = envelope,
	                      .envelope_len = (uint16_t)len};

	if (len > LSP_ENVELOPE_MAX)
		return -EMSGSIZE;
	l->session = session;
	l->worker = worker;
	if (keep_reply(n, l, &m) != 0)
		return -ENOMEM;
	l->hops = l->hops_first;
	try_shortcut(n, l);
	return 0;
}

void lsp_refuse(struct node *n, struct lsp *l, uint8_t code)
{
	lsp_send_error(n, l, code, 0, id_tag(&n->cfg.identity->id));
	lsp_destroy(n, l);
}

/* ---- short-cuts ---- */

void lsp_shortcut_timeout(struct node *n, struct lsp *l)
{
	lsp_set_shortcut(n, l, NULL);
	arm(n, &l->timer, TIMER_LSP, l, lsp_pending_ns(n));
	reply_onward(n, l);
}

void lsp_grant_rx(struct node *n, struct peer *from, const struct linkmsg_grant *m)
{
	struct lsp *l = lsp_find(n, m->nonce, &m->source);

	if (l)
		l->punted++;
	if (m->step == 0) {
		uint32_t label;

		if (!l || l->state != LSP_PENDING || l->role == LSP_EGRESS || l->up == from ||
		    labels_alloc(n, &from->labels, l, l->role == LSP_INGRESS ? l->worker : -1,
		                 &label) != 0) {
			grant_send(n, from, 2, m->nonce, &m->source, 0);
			return;
		}
		lsp_drop_down(n, l);
		lsp_set_down(n, l, from);
		l->rev_in = label;
		if (from->mtu < l->mtu)
			l->mtu = from->mtu;
		grant_send(n, from, 1, m->nonce, &m->source, label);
		return;
	}
	if (!l || l->state != LSP_SHORTCUT || l->short_up != from)
		return;
	if (m->step == 1 && m->label > LABEL_RESERVED_MAX && m->label <= LABEL_MAX) {
		count(n, CTR_SHORTCUT);
		lsp_set_up(n, l, from);
		l->rev_out = m->label;
	}
	lsp_shortcut_timeout(n, l);
}

void lsp_reply_rx(struct node *n, struct peer *from, const struct routed_header *h, struct rd *body)
{
	struct reply_msg m;
	struct lsp *l;

	if (!reply_read(body, &m) || m.forward_label <= LABEL_RESERVED_MAX ||
	    m.forward_label > LABEL_MAX || m.envelope_len > LSP_ENVELOPE_MAX) {
		count(n, CTR_MALFORMED);
		return;
	}
	l = lsp_find(n, m.nonce, &h->dst);
	if (!l || l->state != LSP_PENDING || l->role == LSP_EGRESS || l->down != from ||
	    !id_eq(&l->dst, &h->src)) {
		count(n, CTR_REPLY_STALE);
		return;
	}
	l->punted++;
	l->fwd_out = m.forward_label;
	if (from->mtu < m.mtu)
		m.mtu = from->mtu;
	l->mtu = m.mtu;
	l->hops_first = m.hops_first;
	if (keep_reply(n, l, &m) != 0) {
		lsp_close(n, l, TEAR_NO_STATE, NULL);
		return;
	}
	if (l->role == LSP_INGRESS) {
		l->hops = m.hops;
		lsp_program(n, l, ingress_up);
		return;
	}
	if (l->reply->m.hops < UINT8_MAX)
		l->reply->m.hops++;
	try_shortcut(n, l);
}
