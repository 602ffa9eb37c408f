/* SPDX-License-Identifier: BSD-3-Clause */
/* One node: puts the parts together, and hands events down to them. */
#include "node/node.h"

#include "base/assert.h"
#include "anchor/anchor.h"
#include "core/ctx.h"
#include "endpoint/build.h"
#include "endpoint/direct.h"
#include "endpoint/input.h"
#include "endpoint/request.h"
#include "endpoint/resolve.h"
#include "kad/kad.h"
#include "lsp/lsp.h"
#include "node/news.h"
#include "node/receive.h"
#include "peer/listen.h"
#include "peer/peer.h"
#include "table/table.h"

#include <errno.h>
#include <string.h>

static int parts_new(struct node *n)
{
	int r = peers_new(n);

	if (r == 0)
		r = anchor_new(n);
	if (r == 0)
		r = tables_new(n);
	if (r == 0)
		r = kad_new(n);
	if (r == 0)
		r = sessions_new(n);
	if (r == 0)
		r = requests_new(n);
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
	requests_free(n);
	kad_free(n);
	tables_free(n);
	anchor_free(n);
	peers_free(n);
	ctx_destroy(n);
}

/* What a worker says about datagrams in runs on this link. */
static void sampled(struct node *n, uint16_t link, const struct dp_event *ev)
{
	struct peer *p = peer_by_link(n, link);

	if (p)
		sampling_event(n, p, ev);
}

static void worker_event(struct node *n, const struct dp_event *ev)
{
	struct peer *p;

	switch (ev->type) {
	case EVT_PACKET:
		receive(n, &ev->u.packet);
		break;
	case EVT_WANT:
		if (ev->u.want.direct)
			session_want_direct(n, &ev->u.want.remote);
		else
			(void)session_want(n, &ev->u.want.remote);
		break;
	case EVT_RESOLVE:
		resolve_asked(n, ev->worker, ev->u.want.asker, &ev->u.want.remote);
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
	case EVT_TUNNEL_TOO_BIG:
		p = peer_by_link(n, ev->u.tunnel_too_big.link);
		if (p && peer_up(p))
			lsp_too_big(n, p, ev->u.tunnel_too_big.label);
		break;
	case EVT_LINK_TOO_BIG:
		p = peer_by_link(n, ev->u.too_big.link);
		if (p)
			peer_too_big(n, p, ev->u.too_big.size);
		break;
	case EVT_LINK_RUN:
		sampled(n, ev->u.run_link, ev);
		break;
	case EVT_LINK_SAMPLE:
		sampled(n, ev->u.sample.link, ev);
		break;
	case EVT_LANE_SEEN:
		sampled(n, ev->u.lane_seen.link, ev);
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

static void listen_id(struct node *n, const struct node_event *ev)
{
	struct listener *l = listener_by_link(n, ev->u.listen_id.link);
	int r = 0;

	if (l && ev->u.listen_id.allow)
		r = listener_allow(n, l, ev->u.listen_id.id);
	else if (l)
		r = listener_deny(n, l, ev->u.listen_id.id);
	if (r != 0)
		out_log(n, 3, "listener %s has no room for one more id", l->name);
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

static void link_ends(struct node *n, const struct node_event *ev)
{
	struct peer *p = peer_by_link(n, ev->u.ends.link);

	if (p)
		peer_addresses_set(n, p, ev->u.ends.ends);
}

void node_input(struct node *n, const struct node_event *ev, struct instant now)
{
	n->now = now;
	switch (ev->type) {
	case NODE_LINK_ADD:
		if (peer_add(n, ev->u.link_add) != 0)
			out_log(n, 3, "link %s could not be added", ev->u.link_add->name);
		break;
	case NODE_LINK_ENDS:
		link_ends(n, ev);
		break;
	case NODE_LISTEN_SET:
		if (listener_set(n, ev->u.listen_set) != 0)
			out_log(n, 3, "listener %s could not be added or changed",
			        ev->u.listen_set->name);
		break;
	case NODE_LISTEN_ID:
		listen_id(n, ev);
		break;
	case NODE_LINK_LEAVE:
		peer_leave(n, ev->u.link.link);
		listener_leave(n, ev->u.link.link);
		break;
	case NODE_LINK_DEL:
		peer_del(n, ev->u.link.link);
		listener_del(n, ev->u.link.link);
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
			request_begin(n, ev->u.request);
		break;
	case NODE_STOPS:
		peers_say_goodbye(n);
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
	static void (*const wake[PARTS])(struct node *, struct timer *) = {
	        [PART_PEER] = peer_timer,       [PART_ANCHOR] = anchor_timer,
	        [PART_KAD] = kad_timer,         [PART_LSP] = lsp_timer,
	        [PART_SESSION] = session_timer, [PART_REQUEST] = request_timer,
	};
	struct timer *t;

	n->now = now;
	while ((t = timers_pop(&n->timers, now))) {
		COYO_ASSERT(timer_part(t) < PARTS);
		wake[timer_part(t)](n, t);
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
