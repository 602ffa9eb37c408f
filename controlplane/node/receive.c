/* SPDX-License-Identifier: BSD-3-Clause */
/* Reads a packet from the outside in: finds its link's neighbour, tells link-local from routed, then delivers it, passes it on or drops it
 * at a dead end. */
#include "node/receive.h"

#include "anchor/anchor.h"
#include "core/emit.h"
#include "endpoint/input.h"
#include "endpoint/oam.h"
#include "kad/kad.h"
#include "lsp/lsp.h"
#include "peer/listen.h"
#include "peer/peer.h"
#include "route/route.h"

/* ---- messages to the next neighbour only ---- */

static void link_local(struct node *n, struct peer *p, const struct linkmsg_head *h, struct rd *r,
                       const struct dp_packet *pk)
{
	union {
		struct linkmsg_hello hello;
		struct linkmsg_ann ann;
		struct linkmsg_seq seq;
		struct linkmsg_sample sample;
		struct linkmsg_tear tear;
		struct linkmsg_grant grant;
		struct linkmsg_error error;
		struct linkmsg_probe probe;
		struct linkmsg_mtu mtu;
		struct linkmsg_challenge challenge;
		struct linkmsg_move move;
		struct linkmsg_seen seen;
	} m;

	if (h->type == LINKMSG_HELLO) {
		if (linkmsg_hello_read(r, &m.hello))
			peer_hello_rx(n, p, &m.hello);
		else
			count(n, CTR_MALFORMED);
		return;
	}
	if (h->type == LINKMSG_PROBE) {
		if (linkmsg_probe_read(r, &m.probe))
			peer_probe_rx(n, p, &m.probe);
		else
			count(n, CTR_MALFORMED);
		return;
	}
	/* All other messages need a neighbour that is up: before that it has no labels and no place. */
	if (!peer_up(p)) {
		count(n, CTR_NOT_AUTHENTICATED);
		return;
	}
	if (h->type == LINKMSG_ANN && linkmsg_ann_read(r, &m.ann))
		anchor_ann_rx(n, p, &m.ann);
	else if (h->type == LINKMSG_SEQ && linkmsg_seq_read(r, &m.seq))
		anchor_seq_rx(n, p, &m.seq);
	else if (h->type == LINKMSG_SAMPLE && linkmsg_sample_read(r, &m.sample))
		anchor_sample_rx(n, p, &m.sample);
	else if (h->type == LINKMSG_TEAR && linkmsg_tear_read(r, &m.tear))
		lsp_tear_rx(n, p, &m.tear);
	else if (h->type == LINKMSG_TEAR_ACK && linkmsg_tear_read(r, &m.tear))
		lsp_tear_ack_rx(n, p, &m.tear);
	else if (h->type == LINKMSG_GRANT && linkmsg_grant_read(r, &m.grant))
		lsp_grant_rx(n, p, &m.grant);
	else if (h->type == LINKMSG_ERROR && linkmsg_error_read(r, &m.error))
		lsp_error_rx(n, p, &m.error);
	else if (h->type == LINKMSG_MTU && linkmsg_mtu_read(r, &m.mtu))
		lsp_mtu_rx(n, p, &m.mtu);
	else if (h->type == LINKMSG_MOVE && linkmsg_move_read(r, &m.move))
		lsp_move_rx(n, p, &m.move);
	else if (h->type == LINKMSG_SEEN && linkmsg_seen_read(r, &m.seen))
		sampling_rx(n, p, &m.seen);
	else if (h->type == LINKMSG_CHALLENGE && linkmsg_challenge_read(r, &m.challenge))
		peer_challenge_rx(n, p, &m.challenge, pk);
	else
		count(n, CTR_MALFORMED);
}

/* ---- routed datagrams ---- */

static void dead_end(struct node *n, const struct routed_header *h, uint8_t next, struct rd *body,
                     uint8_t code)
{
	count(n, code == ROUTED_HOP_LIMIT_OUT ? CTR_HOP_LIMIT : CTR_DEAD_END);
	if (next == NEXT_KAD)
		kad_undelivered(n, h, code, body);
}

static void deliver(struct node *n, struct peer *from, const struct routed_header *h, uint8_t next,
                    struct rd *body)
{
	struct error_msg m;

	count(n, CTR_ROUTED_DELIVERED);
	switch (next) {
	case NEXT_KAD:
		kad_rx(n, from, h, body);
		break;
	case NEXT_ERROR:
		if (error_read(body, &m))
			kad_error(n, &m);
		else
			count(n, CTR_MALFORMED);
		break;
	default:
		count(n, CTR_MALFORMED);
		break;
	}
}

/* A refresh has no route extension: it goes along its tunnel to the end. */
static void refresh(struct node *n, const struct routed_header *h, struct lsp *l, bool forward)
{
	struct route_step step;
	struct routed_header on = *h;

	if (!l || !l->finger || !forward || !id_eq(&l->src, &h->src))
		return;
	lsp_refresh_rx(n, l);
	if (l->role == LSP_EGRESS) {
		kad_finger_up(n, l, &l->src);
		return;
	}
	if (on.hop_limit-- > 1 && lsp_onward(l, true, &step.peer, &step.tunnel_label))
		emit_routed(n, step.peer->link, step.tunnel_label, &on, NULL, NULL, 0);
}

/* A routed datagram. tunnel_label: the tunnel it came along, LABEL_NONE: none; r: what follows the channel header. */
static void routed(struct node *n, struct peer *from, uint32_t tunnel_label, struct rd *r)
{
	struct routed_header h;
	struct route_ext e;
	struct route_step step;
	struct route_query q = {.ext = &e, .from = from, .dst = &h.dst};
	struct route_tables tables;

	if (!routed_header_read(r, &h)) {
		count(n, CTR_MALFORMED);
		return;
	}
	if (tunnel_label != LABEL_NONE) {
		q.tunnel = lsp_by_label(n, from, tunnel_label, &q.tunnel_forward);
		/* The tunnel has ended here and the neighbour has not heard of it yet: the datagram goes on as if it had come without. */
		if (q.tunnel && q.tunnel->state != LSP_UP)
			q.tunnel = NULL;
		if (q.tunnel)
			q.tunnel->punted++;
		else
			count(n, CTR_UNKNOWN_LABEL);
	}
	if (h.next == NEXT_REPLY) {
		lsp_reply_rx(n, from, &h, r);
		return;
	}
	if (h.next == NEXT_REFRESH) {
		refresh(n, &h, q.tunnel, q.tunnel_forward);
		return;
	}
	if (h.next != NEXT_ROUTE || !route_ext_read(r, &e)) {
		count(n, CTR_MALFORMED);
		return;
	}
	if (q.tunnel)
		q.tunnel->used = n->now;
	if (h.hop_limit <= 1 && !id_eq(&h.dst, &n->cfg.identity->id)) {
		dead_end(n, &h, e.next, r, ROUTED_HOP_LIMIT_OUT);
		return;
	}
	q.hops = h.hop_limit--;
	h.next = e.next;
	if (e.next == NEXT_SETUP) {
		lsp_setup_rx(n, &q, &h, r);
		return;
	}
	tables = route_tables(n);
	switch (route_next(&tables, &q, &step)) {
	case ROUTE_HERE:
		deliver(n, from, &h, e.next, r);
		break;
	case ROUTE_STEP:
		count(n, CTR_ROUTED_FORWARDED);
		emit_routed(n, step.peer->link, step.tunnel_label, &h, &e, r->p, rd_left(r));
		break;
	default:
		if (e.flags & ROUTE_FLAG_COMMITTED)
			kad_suspect(n, &e.committed);
		dead_end(n, &h, e.next, r, ROUTED_DEAD_END);
		break;
	}
}

/* ---- what a worker handed over ---- */

static void control(struct node *n, struct peer *p, const struct dp_packet *pk)
{
	struct rd r = rd_init(pk->data, pk->len), body;
	struct linkmsg_head h;
	uint32_t label;
	uint8_t ttl;
	int channel;

	if (!pk->authenticated) {
		count(n, CTR_NOT_AUTHENTICATED);
		return;
	}
	if (!peer_up(p))
		peer_confirmed(n, p);
	peer_heard(n, p, n->now);
	if (!control_stack_read(&r, &label, &ttl) || (channel = ach_read(&r)) < 0) {
		count(n, CTR_MALFORMED);
		return;
	}
	if (channel == ACH_LINKLOCAL && label == LABEL_NONE) {
		while (rd_left(&r) > 0) {
			if (!linkmsg_next(&r, &h, &body)) {
				count(n, CTR_MALFORMED);
				return;
			}
			link_local(n, p, &h, &body, pk);
		}
	} else if (channel == ACH_ROUTED && peer_up(p)) {
		routed(n, p, label, &r);
	} else {
		count(n, peer_up(p) ? CTR_MALFORMED : CTR_NOT_AUTHENTICATED);
	}
}

void receive(struct node *n, const struct dp_packet *pk)
{
	struct peer *p = peer_by_link(n, pk->link);
	struct listener *l = p ? NULL : listener_by_link(n, pk->link);

	if (l && pk->reason == PUNT_HANDSHAKE && pk->len <= CPDP_PACKET_MAX)
		listener_handshake_rx(n, l, pk);
	if (!p || p->state == PEER_GONE || pk->len > CPDP_PACKET_MAX)
		return;
	switch (pk->reason) {
	case PUNT_HANDSHAKE:
		peer_handshake_rx(n, p, pk);
		break;
	case PUNT_CONTROL:
		control(n, p, pk);
		break;
	case PUNT_TTL:
		oam_ttl_rx(n, pk);
		break;
	case PUNT_SESSION_HS:
		session_handshake_rx(n, pk);
		break;
	case PUNT_OAM:
		oam_rx(n, pk);
		break;
	case PUNT_UNKNOWN_LABEL:
		count(n, CTR_UNKNOWN_LABEL);
		break;
	default:
		count(n, CTR_MALFORMED);
		break;
	}
}
