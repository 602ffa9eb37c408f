/* SPDX-License-Identifier: BSD-3-Clause */
/* A neighbour that is seen at another address than it is known at: asked there before packets go there. */
#include "rig.h"

#include "peer/peer.h"

static const uint8_t elsewhere[16] = {203, 0, 113, 9};

static void pair_open(struct net *net)
{
	rig_open(net, TOPO_LINE, 2, 3, false, 10);
	for (unsigned side = 0; side < 2; side++)
		assert_true(peer_up(rig_peer(net, 0, side)));
}

static bool sends_to(const struct peer *p, const uint8_t addr[16])
{
	return memcmp(p->cfg.io.remote_addr, addr, 4) == 0;
}

/* Packets that really come from there, from a neighbour that answers there: they go there from then on, without a flap. */
static void test_a_neighbour_moves(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct net net;
		struct peer *p;
		uint8_t at[16] = {10, 99, 0, 7};

		pair_open(&net);
		p = rig_peer(&net, 0, !side);
		net.node[net.edge[0].node[side]].mw->addr = be32_load(at);
		rig_run(&net, 6000);
		assert_true(sends_to(p, at));
		assert_true(peer_up(p) && p->flaps == 0);
		rig_close(&net);
	}
}

/* One authentic packet that somebody sends on from his own address moves nothing, also where he hands our question on: the answer
 * comes from where the neighbour is. Nor does it keep the neighbour from moving later. */
static void test_a_redirected_packet_moves_nothing(void **state)
{
	struct net net;
	struct peer *p;
	uint8_t before[16];

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	memcpy(before, p->cfg.io.remote_addr, 16);
	for (unsigned i = 0; i < 20; i++) {
		peer_learnt(net.node[net.edge[0].node[0]].node, p, 4, elsewhere,
		            (uint16_t)(77 + i));
		rig_kick(&net, net.edge[0].node[0]);
		rig_run(&net, i * 100);
		assert_true(sends_to(p, before));
	}
	rig_run(&net, 3000);
	assert_true(sends_to(p, before) && !p->at.asked.family && !timer_armed(&p->address_timer));
	assert_true(peer_up(p) && p->flaps == 0);
	rig_close(&net);
}

/* Answers that were not asked for. */
static void test_foreign_answers(void **state)
{
	struct dp_packet pk = {.family = 4, .addr_port = 77};
	struct net net;
	struct node *n;
	struct peer *p;
	uint8_t before[16];

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	n = net.node[net.edge[0].node[0]].node;
	memcpy(before, p->cfg.io.remote_addr, 16);
	memcpy(pk.addr, elsewhere, 16);
	peer_challenge_rx(n, p, &(struct linkmsg_challenge){.answer = true}, &pk);
	assert_true(sends_to(p, before));
	peer_learnt(n, p, 4, elsewhere, 77);
	peer_challenge_rx(
	        n, p, &(struct linkmsg_challenge){.answer = true, .nonce = p->at.nonce + 1}, &pk);
	pk.addr_port = 78;
	peer_challenge_rx(n, p, &(struct linkmsg_challenge){.answer = true, .nonce = p->at.nonce},
	                  &pk);
	assert_true(sends_to(p, before));
	pk.addr_port = 77;
	peer_challenge_rx(n, p, &(struct linkmsg_challenge){.answer = true, .nonce = p->at.nonce},
	                  &pk);
	assert_true(sends_to(p, elsewhere));
	rig_close(&net);
}

/* While the link is down, what is configured and what was learnt are tried in turn, as long as it takes. */
static void test_configured_and_learnt_in_turn(void **state)
{
	struct net net;
	struct peer *p;
	struct node *n;
	struct hs_source from = {.family = 4, .addr_port = 77};
	uint8_t configured[16];
	unsigned at_configured = 0, at_learnt = 0;

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	n = net.node[net.edge[0].node[0]].node;
	memcpy(configured, p->cfg.io.remote_addr, 16);
	assert_true(p->cfg.initiate);
	memcpy(from.addr, elsewhere, sizeof(from.addr));
	peer_address_use(n, p, &from);
	rig_kick(&net, net.edge[0].node[0]);
	net_edge(&net, 0, false);
	for (unsigned i = 0; i < 120; i++) {
		rig_run(&net, 100);
		if (peer_up(p))
			continue;
		at_configured += sends_to(p, configured);
		at_learnt += sends_to(p, elsewhere);
	}
	assert_true(at_configured > 20 && at_learnt > 20);
	rig_close(&net);
}

/* Packets leave from the own address that the neighbour asked last, and from none of before: of another family they could not be sent. */
static void test_own_address_follows(void **state)
{
	struct hs_source from = {
	        .family = 4, .addr_port = 77, .local_addr = {10, 0, 0, 1}, .local_if = 3};
	struct dp_packet pk = {.family = 6,
	                       .addr_port = 77,
	                       .addr = {0xfd, 9},
	                       .local_addr = {0xfd, 1},
	                       .local_if = 4};
	struct net net;
	struct node *n;
	struct peer *p;

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	n = net.node[net.edge[0].node[0]].node;
	peer_address_use(n, p, &from);
	assert_memory_equal(p->cfg.io.local_addr, from.local_addr, 16);
	for (unsigned i = 0; i < 2; i++) {
		peer_learnt(n, p, 6, pk.addr, 77);
		peer_challenge_rx(n, p,
		                  &(struct linkmsg_challenge){.answer = true, .nonce = p->at.nonce},
		                  &pk);
		assert_int_equal(p->cfg.io.family, 6);
		assert_memory_equal(p->cfg.io.local_addr, pk.local_addr, 16);
		assert_int_equal(p->cfg.io.local_if, pk.local_if);
		memset(pk.local_addr, 0, sizeof(pk.local_addr));
		pk.local_if = 0;
		pk.addr[2]++;
	}
	rig_close(&net);
}

/* This machine may have lost the own address that the neighbour asked: a link that stays down is tried from whichever the kernel chooses. */
static void test_own_address_that_is_gone(void **state)
{
	struct hs_source from = {.family = 4, .local_addr = {10, 0, 0, 1}, .local_if = 3};
	struct net net;
	struct peer *p;

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	memcpy(from.addr, p->cfg.io.remote_addr, sizeof(from.addr));
	from.addr_port = p->cfg.io.remote_port;
	peer_address_use(net.node[net.edge[0].node[0]].node, p, &from);
	rig_kick(&net, net.edge[0].node[0]);
	net_edge(&net, 0, false);
	rig_run(&net, 12000);
	assert_false(peer_up(p));
	assert_int_equal(p->cfg.io.local_if, 0);
	assert_int_equal(p->cfg.io.local_addr[0], 0);
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_neighbour_moves),
	        cmocka_unit_test(test_a_redirected_packet_moves_nothing),
	        cmocka_unit_test(test_foreign_answers),
	        cmocka_unit_test(test_configured_and_learnt_in_turn),
	        cmocka_unit_test(test_own_address_follows),
	        cmocka_unit_test(test_own_address_that_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
