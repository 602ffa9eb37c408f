/* SPDX-License-Identifier: BSD-3-Clause */
/* The set-up on its way to the destination: each hop grants the label of the way back, remembers where the set-up came from, and passes
 * it on. */
#include "lsp/lsp.h"

#include "base/assert.h"
#include "core/emit.h"
#include "wire/lse.h"

#include <errno.h>
#include <string.h>

/* Bytes around a set-up's body in a control packet: label stack, channel header, routed header, route extension without its coords. */
#define AROUND (12 + ACH_BYTES + ROUTED_HEADER_BYTES + 96)

void lsp_send_error(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from, uint32_t tag_to)
{
	struct linkmsg_error m = {.code = code,
	                          .nonce = l->nonce,
	                          .source = l->src,
	                          .tag_from = tag_from,
	                          .tag_to = tag_to};
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));

	if (!l->up || !peer_up(l->up))
		return;
	linkmsg_error_write(&w, &m);
	peer_send_local(n, l->up, buf, wr_len(&w));
}

/* Grants the reverse label on the next hop's link and sends. */
static int pass_on(struct node *n, struct lsp *l, const struct route_step *step,
                   const struct routed_header *h, const struct route_ext *e, struct setup_msg *m)
{
	uint8_t body[CONTROL_PACKET_MAX];
	struct wr w;
	size_t room = sizeof(body) - AROUND - e->coords.len;
	int r;

	lsp_drop_down(n, l);
	r = labels_alloc(n, &step->peer->labels, l, l->role == LSP_INGRESS ? l->worker : -1,
	                 &l->rev_in);
	if (r != 0) {
		l->rev_in = LABEL_NONE;
		return r;
	}
	COYO_ASSERT(l->state == LSP_PENDING);
	lsp_set_down(n, l, step->peer);
	m->reverse_label = l->rev_in;
	if (step->peer->mtu < m->mtu)
		m->mtu = step->peer->mtu;
	l->mtu = m->mtu;
	/* The record of nodes passed is optional: it is left out when the packet would be too long. */
	w = wr_init(body, room);
	setup_write(&w, m);
	if (!wr_ok(&w)) {
		m->nrecord = 0;
		m->flags |= SETUP_FLAG_OVERFLOW;
		w = wr_init(body, room);
		setup_write(&w, m);
	}
	if (!wr_ok(&w)) {
		count(n, CTR_TOO_BIG);
		return -EMSGSIZE;
	}
	if (!l->finger)
		peer_live_urge(n, step->peer);
	return emit_routed(n, step->peer->link, step->tunnel_label, h, e, body, wr_len(&w));
}

int lsp_build(struct node *n, const struct lsp_request *q, struct lsp **out)
{
	struct routed_header h = {.next = NEXT_SETUP, .hop_limit = ROUTED_HOP_LIMIT, .dst = q->dst};
	struct setup_msg m = {.flags = q->flags,
	                      .mtu = UINT16_MAX,
	                      .hops = 1,
	                      .nrecord = 1,
	                      .envelope = q->envelope,
	                      .envelope_len = q->envelope_len,
	                      .nnotvia = q->nnotvia};
	struct route_ext e;
	struct route_step step;
	struct route_query rq = {.dst = &q->dst,
	                         .ext = &e,
	                         .hops = ROUTED_HOP_LIMIT,
	                         .notvia = q->notvia,
	                         .nnotvia = q->nnotvia,
	                         .passed = m.record,
	                         .npassed = 1};
	const struct route_tables tables = route_tables(n);
	struct lsp *l;
	int r;

	m.record[0] = id_tag(&n->cfg.identity->id);
	route_ext_begin(&tables, &e, NEXT_SETUP, q->places, q->nplaces);
	if (route_next(&tables, &rq, &step) != ROUTE_STEP &&
	    (!q->astray || route_astray(&tables, &rq, &step) != ROUTE_STEP))
		return -EHOSTUNREACH;
	l = lsp_new(n, q->nonce ? q->nonce : rng_u64(&n->cfg.rng), &n->cfg.identity->id, &q->dst,
	            LSP_INGRESS);
	if (!l)
		return -ENOMEM;
	l->session = q->session;
	l->worker = q->worker;
	l->setup_flags = q->flags;
	l->finger = q->flags & SETUP_FLAG_FINGER;
	h.src = l->src;
	m.nonce = l->nonce;
	memcpy(m.notvia, q->notvia, sizeof(m.notvia));
	r = pass_on(n, l, &step, &h, &e, &m);
	if (r != 0) {
		lsp_destroy(n, l);
		return r;
	}
	*out = l;
	return 0;
}

static void keep_record(struct node *n, struct lsp *l, const struct setup_msg *m)
{
	ctx_free(n, l->record);
	l->record = NULL;
	l->nrecord = 0;
	if (m->nrecord == 0)
		return;
	l->record = ctx_alloc(n, m->nrecord * sizeof(l->record[0]));
	if (!l->record)
		return;
	memcpy(l->record, m->record, m->nrecord * sizeof(l->record[0]));
	l->nrecord = m->nrecord;
}

/* Where the set-up came from, and the label of the way back there. */
static void arrival(struct node *n, struct lsp *l, struct peer *from, const struct setup_msg *m)
{
	lsp_set_up(n, l, from);
	l->rev_out = m->reverse_label;
	l->hops_first = m->hops;
	l->mtu = m->mtu < from->mtu ? m->mtu : from->mtu;
	keep_record(n, l, m);
}

/* A set-up has come by a second time. If this node is still in its record, the loop that began here is cut off: the tunnel keeps the
 * way by which the set-up first arrived. If not, an earlier node has cut off a loop with the first visit in it: the tunnel takes the way
 * by which the set-up arrived now. False: the loop cannot be cut, since the record is incomplete or this node is the source. */
static bool erase_loop(struct node *n, struct peer *from, struct lsp *l, struct setup_msg *m)
{
	uint32_t me = id_tag(&n->cfg.identity->id);

	count(n, CTR_SETUP_LOOP);
	for (unsigned i = 0; i < m->nrecord; i++)
		if (m->record[i] == me) {
			m->nrecord = (uint8_t)i;
			return true;
		}
	if (l->role == LSP_INGRESS || m->flags & SETUP_FLAG_OVERFLOW)
		return false;
	arrival(n, l, from, m);
	return true;
}

/* Whether this is the set-up that made l, said once more by a neighbour that lies: one that came round would bring another label. To pass it on
 * would grant another label of the way back, of which the destination, which has heard the first, would learn nothing. */
static bool is_copy(const struct peer *from, const struct lsp *l, const struct setup_msg *m)
{
	return from == l->up && m->reverse_label == l->rev_out;
}

/* Refuses a set-up for which there is no state here, with one message to the neighbour that sent it. */
static void refuse(struct node *n, struct peer *from, const struct routed_header *h,
                   const struct setup_msg *m, uint8_t code)
{
	struct linkmsg_error e = {.code = code,
	                          .nonce = m->nonce,
	                          .source = h->src,
	                          .tag_from = id_tag(&from->id),
	                          .tag_to = id_tag(&n->cfg.identity->id)};
	uint8_t buf[128];
	struct wr w = wr_init(buf, sizeof(buf));

	count(n, CTR_SETUP_REFUSED);
	linkmsg_error_write(&w, &e);
	peer_send_local(n, from, buf, wr_len(&w));
}

/* Makes the tunnel of a set-up from `from`. here: this node is its destination. NULL: no memory. */
static struct lsp *arrive(struct node *n, struct peer *from, const struct routed_header *h,
                          const struct setup_msg *m, bool here)
{
	struct lsp *l = lsp_new(n, m->nonce, &h->src, &h->dst, here ? LSP_EGRESS : LSP_TRANSIT);

	if (!l)
		return NULL;
	l->punted = 1;
	l->setup_flags = m->flags;
	l->finger = m->flags & SETUP_FLAG_FINGER;
	arrival(n, l, from, m);
	return l;
}

/* Where as many tunnels stand as this node has memory for, one that holds more than its share gives way. False: there is none. */
static bool make_room(struct node *n, struct peer *from, const struct routed_header *h)
{
	struct lsp *victim;

	if (!lsp_room(n, from, &h->src, &victim)) {
		count(n, CTR_TUNNEL_SHARE);
		return false;
	}
	if (victim) {
		count(n, CTR_TUNNEL_EVICTED);
		lsp_close(n, victim, TEAR_NO_ROOM, NULL);
	}
	return true;
}

/* Tells the source where the set-up came to its dead end. If the set-up was committed to a node on the way, names that node, so that the
 * next attempt commits to another; if it was going around excluded hops, or by the place of its destination, names the hop to here, so that
 * it is excluded, too. far: the way
 * exists but has too many hops. */
static void dead_end(struct node *n, struct lsp *l, bool far, const struct route_query *q)
{
	const struct route_ext *e = q->ext;
	uint32_t from = 0, to = 0;

	if (far) {
		lsp_send_error(n, l, SETUP_TOO_FAR, 0, 0);
		return;
	}
	if (e->flags & ROUTE_FLAG_COMMITTED && !id_eq(&e->committed, &l->dst)) {
		from = to = id_tag(&e->committed);
		n->news->unreached(n, &e->committed);
	} else if (l->up &&
	           (q->nnotvia || e->flags & (ROUTE_FLAG_COMMITTED | ROUTE_FLAG_FELL_BACK))) {
		from = id_tag(&l->up->id);
		to = id_tag(&n->cfg.identity->id);
	}
	lsp_send_error(n, l, SETUP_DEAD_END, from, to);
}

/* Passes a set-up on, or fails it. l may be freed. */
static void transit(struct node *n, struct route_query *q, const struct routed_header *h,
                    struct setup_msg *m, struct lsp *l)
{
	const struct route_tables tables = route_tables(n);
	struct route_step step;
	enum route_result r;
	uint32_t me = id_tag(&n->cfg.identity->id);

	if (!(m->flags & SETUP_FLAG_OVERFLOW)) {
		q->passed = m->record;
		q->npassed = m->nrecord;
	}
	r = route_next(&tables, q, &step);
	if (r == ROUTE_STEP && m->nrecord < SETUP_RECORD_MAX)
		m->record[m->nrecord++] = me;
	if (r == ROUTE_STEP && m->hops < UINT8_MAX) {
		m->hops++;
		if (pass_on(n, l, &step, h, q->ext, m) == 0)
			return;
		lsp_send_error(n, l, SETUP_NO_LABEL, me, id_tag(&step.peer->id));
	} else {
		count(n, CTR_DEAD_END);
		dead_end(n, l, r == ROUTE_STEP, q);
	}
	if (l->role == LSP_INGRESS)
		n->news->lsp_failed(n, l, SETUP_DEAD_END, 0, 0);
	lsp_destroy(n, l);
}

void lsp_setup_rx(struct node *n, const struct route_query *q, const struct routed_header *h,
                  struct rd *body)
{
	struct setup_msg m;
	struct route_query rq = *q;
	struct lsp *l;
	bool here = id_eq(&h->dst, &n->cfg.identity->id);

	if (!setup_read(body, &m) || m.reverse_label <= LABEL_RESERVED_MAX ||
	    m.reverse_label > LABEL_MAX || m.envelope_len > LSP_ENVELOPE_MAX || m.hops == 0) {
		count(n, CTR_MALFORMED);
		return;
	}
	count(n, CTR_SETUP_RX);
	rq.notvia = m.notvia;
	rq.nnotvia = m.nnotvia;
	l = lsp_find(n, m.nonce, &h->src);
	if (l) {
		l->punted++;
		if (here || l->state != LSP_PENDING || l->role == LSP_EGRESS ||
		    is_copy(q->from, l, &m))
			return;
		if (erase_loop(n, q->from, l, &m))
			transit(n, &rq, h, &m, l);
		else
			refuse(n, q->from, h, &m, SETUP_TOO_FAR);
		return;
	}
	if (id_eq(&h->src, &n->cfg.identity->id))
		return; /* this node gave up the set-up and destroyed its tunnel */
	if (!bucket_take(&q->from->setup_rate, n->now) ||
	    !fair_take(&n->lsps->setups, &q->from->setup_share, n->now)) {
		count(n, CTR_SETUP_RATE);
		refuse(n, q->from, h, &m, SETUP_BUSY);
		return;
	}
	if (n->draining || (!here && !n->cfg.transit)) {
		refuse(n, q->from, h, &m, n->draining ? SETUP_REFUSED : SETUP_NO_TRANSIT);
		return;
	}
	if (q->from->leaving) {
		refuse(n, q->from, h, &m, SETUP_DEAD_END);
		return;
	}
	if (!make_room(n, q->from, h)) {
		refuse(n, q->from, h, &m, SETUP_BUSY);
		return;
	}
	l = arrive(n, q->from, h, &m, here);
	if (!l) {
		refuse(n, q->from, h, &m, SETUP_BUSY);
		return;
	}
	if (here)
		n->news->lsp_offer(n, l, &m);
	else
		transit(n, &rq, h, &m, l);
}

void lsp_error_rx(struct node *n, struct peer *from, const struct linkmsg_error *m)
{
	struct lsp *l = lsp_find(n, m->nonce, &m->source);

	/* Only the neighbour that the set-up was given to can fail it, and only while it is pending. */
	if (!l || l->down != from || l->state != LSP_PENDING)
		return;
	l->punted++;
	lsp_send_error(n, l, m->code, m->tag_from, m->tag_to);
	if (l->role == LSP_INGRESS)
		n->news->lsp_failed(n, l, m->code, m->tag_from, m->tag_to);
	lsp_destroy(n, l);
}
