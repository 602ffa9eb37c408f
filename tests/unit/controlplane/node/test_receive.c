/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that a worker hands to a node: each that is dropped is counted once, by its reason, and a refresh concerns fingers only. */
#include "rig.h"

#include "kad/kad.h"
#include "lsp/lsp.h"
#include "wire/lse.h"

#include <string.h>

static struct dp_event ev;

/* A packet of the neighbour on the one link of node `to`, with an empty body. */
static struct wr packet(struct net *net, unsigned to, uint8_t reason)
{
	memset(&ev, 0, sizeof(ev));
	ev.type = EVT_PACKET;
	ev.u.packet.link = rig_peer(net, 0, to)->link;
	ev.u.packet.reason = reason;
	ev.u.packet.authenticated = 1;
	ev.u.packet.session = UINT32_MAX;
	return wr_init(ev.u.packet.data, CPDP_PACKET_MAX);
}

/* The same with a routed datagram from one id to another. e: the route extension, NULL: none. */
static void routed(struct net *net, unsigned to, uint32_t label, struct routed_header h,
                   const struct route_ext *e)
{
	struct wr w = packet(net, to, PUNT_CONTROL);
	uint8_t ext[128];
	struct wr x = wr_init(ext, sizeof(ext));

	if (e) {
		h.next = NEXT_ROUTE;
		route_ext_write(&x, e);
	}
	h.length = (uint16_t)wr_len(&x);
	control_stack_write(&w, label, TTL_START);
	ach_write(&w, ACH_ROUTED);
	routed_header_write(&w, &h);
	wr_copy(&w, ext, h.length);
	ev.u.packet.len = (uint16_t)wr_len(&w);
}

static void deliver(struct net *net, unsigned to)
{
	const struct node_event in = {.type = NODE_WORKER_EVENT, .u.worker = &ev};

	rig_input(net, net->edge[0].node[to], &in);
}

/* The packet in ev is dropped: counted under c and nowhere else. */
static void check_counted(struct net *net, enum counter c)
{
	struct node *n = net->node[net->edge[0].node[0]].node;
	uint64_t before[CTR_COUNT];

	memcpy(before, n->counters, sizeof(before));
	before[c]++;
	deliver(net, 0);
	assert_memory_equal(before, n->counters, sizeof(before));
}

static void test_dropped_by_reason(void **state)
{
	struct routed_header h = {.next = NEXT_KAD, .hop_limit = 9};
	const struct route_ext e = {.next = NEXT_KAD, .mode = ROUTE_GREEDY};
	struct net net;
	struct wr w;

	rig_open(&net, TOPO_LINE, 2, 5, false, 10);
	packet(&net, 0, PUNT_CONTROL);
	check_counted(&net, CTR_MALFORMED);
	ev.u.packet.authenticated = 0;
	check_counted(&net, CTR_NOT_AUTHENTICATED);
	packet(&net, 0, PUNT_REASONS + 1);
	check_counted(&net, CTR_MALFORMED);
	packet(&net, 0, PUNT_UNKNOWN_LABEL);
	check_counted(&net, CTR_UNKNOWN_LABEL);
	packet(&net, 0, PUNT_HANDSHAKE);
	check_counted(&net, CTR_HS_MALFORMED);
	packet(&net, 0, PUNT_OAM);
	check_counted(&net, CTR_OAM_BAD);
	packet(&net, 0, PUNT_SESSION_HS);
	check_counted(&net, CTR_MALFORMED);
	w = packet(&net, 0, PUNT_CONTROL);
	control_stack_write(&w, LABEL_NONE, 1);
	ach_write(&w, ACH_LINKLOCAL);
	wr_be32(&w, 0xff000000); /* a message of an unknown type */
	ev.u.packet.len = (uint16_t)wr_len(&w);
	check_counted(&net, CTR_MALFORMED);
	/* Without a route extension; along a tunnel that does not exist; out of hops. */
	rng_fill(&net.rng, h.dst.b, ID_BYTES);
	routed(&net, 0, LABEL_NONE, h, NULL);
	check_counted(&net, CTR_MALFORMED);
	h.next = NEXT_REFRESH; /* anything else goes on as if it had come without a tunnel */
	routed(&net, 0, LABEL_MAX, h, NULL);
	check_counted(&net, CTR_UNKNOWN_LABEL);
	h.next = NEXT_ROUTE;
	h.hop_limit = 1;
	routed(&net, 0, LABEL_NONE, h, &e);
	check_counted(&net, CTR_HOP_LIMIT);
	rig_close(&net);
}

/* A refresh along a session's tunnel, which no honest node sends: the tunnel does not become the contact's finger, which nobody would
 * take back when the tunnel ends. */
static void test_refresh_of_session_tunnel(void **state)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 5};
	struct routed_header h = {.next = NEXT_REFRESH, .hop_limit = 9};
	struct contact *c;
	struct node *n;
	struct lsp *l;
	struct net net;

	rig_open(&net, TOPO_LINE, 2, 5, false, 10);
	r.id = net.node[net.edge[0].node[0]].identity.id;
	net_request(&net, net.edge[0].node[1], &r);
	rig_run(&net, 5000);
	n = net.node[net.edge[0].node[0]].node;
	for (l = lsp_after(n, NULL); l; l = lsp_after(n, l))
		if (l->role == LSP_EGRESS && l->state == LSP_UP && !l->finger)
			break;
	assert_non_null(l);
	c = contact_find(n->contacts, &l->src);
	assert_non_null(c);
	assert_null(c->finger);
	h.src = l->src;
	h.dst = l->dst;
	routed(&net, 0, l->fwd_in, h, NULL);
	deliver(&net, 0);
	assert_null(c->finger);
	assert_false(l->committed);
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_dropped_by_reason),
	        cmocka_unit_test(test_refresh_of_session_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
