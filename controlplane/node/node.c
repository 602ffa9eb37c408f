/* SPDX-License-Identifier: BSD-3-Clause */
/* One node: puts the parts together, and hands events down to them. */
#include "node/node.h"

#include "anchor/anchor.h"
#include "core/ctx.h"
#include "core/route.h"
#include "endpoint/oam.h"
#include "endpoint/session.h"
#include "kad/kad.h"
#include "lsp/lsp.h"
#include "node/news.h"
#include "peer/peer.h"

#include <errno.h>
#include <string.h>

static int parts_new(struct node *n)
{
	int r = peers_new(n);

	if (r == 0)
		r = anchor_new(n);
	if (r == 0)
		r = kad_new(n);
	if (r == 0)
		r = lsps_new(n);
	if (r == 0)
		r = sessions_new(n);
	if (r == 0)
		r = oams_new(n);
	return r;
}

struct node *node_new(const struct node_cfg *cfg, struct instant now)
{
	struct node *n;

	if (cfg->workers < 1 || cfg->workers > CPDP_WORKERS_MAX || cfg->trees < 1 ||
	    cfg->trees > RECORD_TREES_MAX || cfg->kad_k < 1 || cfg->kad_k > 64 ||
	    cfg->sessions_max < 1)
		return NULL;
	n = ctx_new(cfg, &node_news, now);
	if (!n)
		return NULL;
	if (parts_new(n) != 0) {
		node_free(n);
		return NULL;
	}
	return n;
}

void node_free(struct node *n)
{
	if (!n)
		return;
	sessions_free(n);
	oams_free(n);
	lsps_free(n);
	kad_free(n);
	anchor_free(n);
	peers_free(n);
	ctx_destroy(n);
}

/* ---- packets from neighbours ---- */

static void local_message(struct node *n, struct peer *p, const struct linkmsg_head *h,
                          struct rd *r)
{
	union {
		struct linkmsg_hello hello;
		struct linkmsg_ann ann;
		struct linkmsg_seq seq;
		struct linkmsg_sample sample;
		struct linkmsg_tear tear;
		struct linkmsg_grant grant;
		struct linkmsg_error error;
	} m;

	if (h->type == LINKMSG_HELLO) {
		if (linkmsg_hello_read(r, &m.hello))
			peer_hello_rx(n, p, &m.hello);
		else
			count(n, CTR_MALFORMED);
		return;
	}
	/* Everything else needs a neighbour that is up: its labels and places mean nothing otherwise. */
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
	else
		count(n, CTR_MALFORMED);
}

static void control_packet(struct node *n, struct peer *p, const struct dp_packet *pk)
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
			local_message(n, p, &h, &body);
		}
	} else if (channel == ACH_ROUTED && peer_up(p)) {
		route_rx(n, p, label, &r);
	} else {
		count(n, peer_up(p) ? CTR_MALFORMED : CTR_NOT_AUTHENTICATED);
	}
}

static void packet(struct node *n, const struct dp_packet *pk)
{
	struct peer *p = peer_by_link(n, pk->link);

	if (!p || p->state == PEER_GONE || pk->len > CPDP_PACKET_MAX)
		return;
	switch (pk->reason) {
	case PUNT_HANDSHAKE:
		peer_handshake_rx(n, p, pk);
		break;
	case PUNT_CONTROL:
		control_packet(n, p, pk);
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

static void worker_event(struct node *n, const struct dp_event *ev)
{
	struct peer *p;

	switch (ev->type) {
	case EVT_PACKET:
		packet(n, &ev->u.packet);
		break;
	case EVT_WANT:
		(void)session_want(n, &ev->u.want.remote);
		break;
	case EVT_LABEL_USE:
		lsp_label_use(n, &ev->u.use);
		break;
	case EVT_SESSION_USED:
		if (ev->u.key.session != SESSION_NONE)
			session_key_used(n, ev->u.key.session, (uint8_t)ev->u.key.index);
		else if ((p = peer_by_link(n, ev->u.key.link)))
			peer_key_used(n, p, ev->u.key.index);
		break;
	case EVT_REKEY:
		if (ev->u.key.session != SESSION_NONE)
			session_rekey_wanted(n, ev->u.key.session);
		else if ((p = peer_by_link(n, ev->u.key.link)) && peer_up(p))
			peer_handshake_start(n, p);
		break;
	case EVT_LINK_LEARNT:
		p = peer_by_link(n, ev->u.learnt.link);
		if (p)
			peer_learnt(n, p, ev->u.learnt.family, ev->u.learnt.addr,
			            ev->u.learnt.port);
		break;
	case EVT_SESSION_IDLE:
		session_idle(n, ev->u.idle.session, ev->u.idle.idle);
		break;
	default:
		break;
	}
}

static void traffic(struct node *n, const struct node_event *ev)
{
	struct peer *p = peer_by_link(n, ev->u.link.link);

	if (!p || ev->u.link.count == 0)
		return;
	if (ev->type == NODE_LINK_RX)
		peer_heard(n, p, ev->u.link.since);
	else
		peer_used(n, p);
}

static void drain(struct node *n, uint32_t cookie)
{
	struct lsp *next;

	n->draining = true;
	for (struct lsp *l = lsp_after(n, NULL); l; l = next) {
		next = lsp_after(n, l);
		if (l->role == LSP_TRANSIT && l->state < LSP_CLOSING)
			lsp_release(n, l, TEAR_ADMIN);
	}
	out_done(n, cookie);
}

void node_input(struct node *n, const struct node_event *ev, struct instant now)
{
	n->now = now;
	switch (ev->type) {
	case NODE_LINK_ADD:
		if (peer_add(n, ev->u.link_add) != 0)
			out_log(n, 3, "link %s could not be added", ev->u.link_add->name);
		break;
	case NODE_LINK_DEL:
		peer_del(n, ev->u.link.link);
		break;
	case NODE_LINK_CARRIER:
		peer_carrier(n, ev->u.link.link, ev->u.link.up);
		break;
	case NODE_LINK_RX:
	case NODE_LINK_TX:
		traffic(n, ev);
		break;
	case NODE_WORKER_EVENT:
		worker_event(n, ev->u.worker);
		break;
	case NODE_WORKER_ACK:
		tickets_ack(n, ev->u.ack.worker, ev->u.ack.seq);
		break;
	case NODE_REQUEST:
		if (ev->u.request->type == REQ_DRAIN)
			drain(n, ev->u.request->cookie);
		else
			oam_request(n, ev->u.request);
		break;
	case NODE_RESTORE:
		kad_restore(n, ev->u.restore.data, ev->u.restore.len);
		break;
	default:
		break;
	}
}

void node_tick(struct node *n, struct instant now)
{
	struct timer *t;

	n->now = now;
	while ((t = timers_pop(&n->timers, now))) {
		if (t->kind <= TIMER_PEER_OLD_KEY)
			peer_timer(n, t);
		else if (t->kind <= TIMER_ANCHOR_SAMPLE)
			anchor_timer(n, t);
		else if (t->kind <= TIMER_KAD_SELF)
			kad_timer(n, t);
		else if (t->kind <= TIMER_LSP_TEAR)
			lsp_timer(n, t);
		else if (t->kind <= TIMER_SESSION_PATH)
			session_timer(n, t);
		else
			oam_timer(n, t);
	}
}

struct instant node_deadline(const struct node *n)
{
	return timers_next(&n->timers);
}

long node_snapshot(const struct node *n, void *buf, size_t cap)
{
	return kad_snapshot(n, buf, cap);
}
