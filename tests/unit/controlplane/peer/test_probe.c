/* SPDX-License-Identifier: BSD-3-Clause */
/* Links whose way carries less than they are configured for, or less than before, in virtual time. */
#include "rig.h"

#include "peer/peer.h"
#include "lsp/lsp.h"

static void open_way(struct net *net, uint16_t mtu, bool plain)
{
	struct net_cfg cfg;

	net_cfg_default(&cfg);
	cfg.plain = plain;
	cfg.hashed_signatures = true;
	net_init(net, &cfg, TOPO_LINE, 3, false);
	net->edge[1].mtu = mtu;
}

static void data(struct net *net, uint32_t edge, int64_t ms)
{
	for (int64_t t = 0; t < ms; t += 100) {
		for (unsigned side = 0; side < 2; side++)
			for (unsigned tx = 0; tx < 2; tx++) {
				struct node_event ev = {.type = tx ? NODE_LINK_TX : NODE_LINK_RX};

				ev.u.link.link = rig_peer(net, edge, side)->link;
				ev.u.link.count = 1;
				ev.u.link.since = instant_add(net->now, -100 * NS_PER_MS);
				rig_input(net, net->edge[edge].node[side], &ev);
			}
		rig_run(net, 100);
	}
}

static void test_both_ends_find_the_width(void **state)
{
	static const uint16_t width[] = {0, 1200, 1203, 1250, 1320, 1399};

	for (unsigned i = 0; i < 12; i++) {
		uint16_t w = width[i / 2], least = w ? w : i % 2 ? 1500 : 1400;
		struct net net;

		open_way(&net, w, i % 2);
		rig_run(&net, 10000);
		for (unsigned side = 0; side < 2; side++) {
			const struct peer *p = rig_peer(&net, 1, side);

			assert_true(peer_up(p));
			assert_int_equal(p->flaps, 0);
			assert_in_range(p->mtu, least > 1208 ? least - 8 : 1200, least);
		}
		rig_close(&net);
	}
}

/* One that carries less than every link must is refused, with few flaps, and comes up when it carries enough. */
static void test_too_narrow_is_refused(void **state)
{
	for (unsigned plain = 0; plain < 2; plain++) {
		struct net net;
		const struct peer *p;

		open_way(&net, 1190, plain);
		rig_run(&net, 15000);
		p = rig_peer(&net, 1, 0);
		assert_true(p->narrow && !peer_up(p));
		rig_run(&net, 600000);
		assert_true(p->narrow && !peer_up(p));
		assert_true(p->flaps <= 1 && rig_peer(&net, 1, 1)->flaps <= 1);
		assert_true(peer_up(rig_peer(&net, 0, 0)));
		net.edge[1].mtu = 0;
		rig_run(&net, 65000);
		for (unsigned side = 0; side < 2; side++) {
			assert_true(peer_up(rig_peer(&net, 1, side)));
			assert_false(rig_peer(&net, 1, side)->narrow);
			assert_true(rig_peer(&net, 1, side)->mtu >= 1400);
		}
		rig_close(&net);
	}
}

/* It shrinks while data flows: noticed within seconds, and larger packets are found again later. */
static void test_black_hole_is_noticed(void **state)
{
	struct net net;
	const struct peer *p;

	open_way(&net, 0, false);
	rig_run(&net, 10000);
	p = rig_peer(&net, 1, 0);
	assert_int_equal(p->mtu, 1400);
	data(&net, 1, 3000);
	net.edge[1].mtu = 1300;
	data(&net, 1, 6000);
	for (unsigned side = 0; side < 2; side++) {
		assert_in_range(rig_peer(&net, 1, side)->mtu, 1292, 1300);
		assert_int_equal(rig_peer(&net, 1, side)->flaps, 0);
	}
	net.edge[1].mtu = 0;
	rig_run(&net, 700000);
	assert_int_equal(p->mtu, 1400);
	rig_close(&net);
}

/* The path MTU of the session's tunnel between the two ends of the line, as node `at` has it; 0: there is none. */
static unsigned tunnel_mtu(struct net *net, uint32_t at)
{
	for (struct lsp *l = lsp_after(net->node[at].node, NULL); l;
	     l = lsp_after(net->node[at].node, l))
		if (!l->finger && l->state == LSP_UP)
			return l->mtu;
	return 0;
}

/* A tunnel over a link that shrinks: its far ends hear of it, by way of the transit, and hold their packets to it. */
static void test_tunnel_ends_are_told(void **state)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 1};
	struct net net;

	open_way(&net, 0, false);
	rig_run(&net, 10000);
	r.id = net.node[2].identity.id;
	net_request(&net, 0, &r);
	rig_run(&net, 2000);
	assert_int_equal(tunnel_mtu(&net, 0), 1400);
	net.edge[1].mtu = 1250;
	data(&net, 1, 6000);
	rig_run(&net, 1000);
	for (uint32_t at = 0; at < 3; at++)
		assert_in_range(tunnel_mtu(&net, at), 1200, 1250);
	rig_close(&net);
}

/* What a neighbour says of a tunnel is taken only where it lies on the tunnel's way, lowers it, and leaves what every link carries. */
static void test_mtu_messages_are_checked(void **state)
{
	static const uint16_t told[] = {0, 64, 1199, 1401, 65535, 1300};
	struct node_request r = {.type = REQ_CONNECT, .cookie = 1};
	struct net net;
	struct lsp *l;

	open_way(&net, 0, false);
	rig_run(&net, 10000);
	r.id = net.node[2].identity.id;
	net_request(&net, 0, &r);
	rig_run(&net, 2000);
	l = lsp_after(net.node[1].node, NULL);
	while (l && (l->finger || l->role != LSP_TRANSIT))
		l = lsp_after(net.node[1].node, l);
	assert_non_null(l);
	for (unsigned i = 0; i < 6; i++) {
		struct linkmsg_mtu m = {.nonce = l->nonce, .yours = l->rev_in, .mtu = told[i]};

		lsp_mtu_rx(net.node[1].node, l->down, &m);
		assert_int_equal(l->mtu, i < 5 ? 1400 : 1300);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct linkmsg_mtu m = {
		        .nonce = l->nonce + i, .yours = l->rev_in + 1 - i, .mtu = 1250};

		lsp_mtu_rx(net.node[1].node, l->down, &m);
		assert_int_equal(l->mtu, 1300);
	}
	rig_kick(&net, 1);
	rig_run(&net, 1000);
	assert_int_equal(tunnel_mtu(&net, 0), 1300);
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_both_ends_find_the_width),
	        cmocka_unit_test(test_too_narrow_is_refused),
	        cmocka_unit_test(test_black_hole_is_noticed),
	        cmocka_unit_test(test_tunnel_ends_are_told),
	        cmocka_unit_test(test_mtu_messages_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
