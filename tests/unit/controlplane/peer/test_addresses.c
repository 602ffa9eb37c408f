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
	/* A datagram that came before its socket was asked to tell names no interface. */
	from.local_if = 0;
	from.local_addr[3] = 2;
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

/* This machine may have lost the own address that the neighbour asked: a link that stays down is tried from whichever the kernel chooses, by
 * turns. */
static void test_own_address_that_is_gone(void **state)
{
	struct hs_source from = {.family = 4, .local_addr = {10, 0, 0, 1}, .local_if = 3};
	struct net net;
	struct peer *p;
	unsigned asked = 0, free_choice = 0;

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	memcpy(from.addr, p->cfg.io.remote_addr, sizeof(from.addr));
	from.addr_port = p->cfg.io.remote_port;
	peer_address_use(net.node[net.edge[0].node[0]].node, p, &from);
	rig_kick(&net, net.edge[0].node[0]);
	net_edge(&net, 0, false);
	for (unsigned i = 0; i < 120; i++) {
		rig_run(&net, 100);
		if (peer_up(p))
			continue;
		asked += p->cfg.io.local_if == 3 && p->cfg.io.local_addr[0] == 10;
		free_choice += p->cfg.io.local_if == 0 && p->cfg.io.local_addr[0] == 0;
	}
	assert_true(asked > 20 && free_choice > 20);
	rig_close(&net);
}

/* ---- several addresses are configured ---- */

static struct node_addr far(unsigned i)
{
	return (struct node_addr){
	        .family = 4, .port = (uint16_t)(100 + i), .addr = {192, 0, 2, (uint8_t)i}};
}

/* p's neighbour may be where it is and, before and after that, at `more` addresses where nobody is. */
static struct node_ends ends_of(const struct peer *p, unsigned before, unsigned after)
{
	struct node_ends e = {0};

	for (unsigned i = 0; i < before + 1 + after; i++) {
		struct node_addr *a = &e.v[e.n++];

		*a = far(i);
		if (i != before)
			continue;
		*a = (struct node_addr){.family = p->cfg.io.family, .port = p->cfg.io.remote_port};
		memcpy(a->addr, p->cfg.io.remote_addr, sizeof(a->addr));
	}
	return e;
}

/* A link that is up stays where it is when its list changes; one that is down tries a new address at once; the answer of the neighbour counts
 * wherever in the list it stands. */
static void test_a_list_changes_while_the_link_runs(void **state)
{
	struct net net;
	struct peer *p;
	struct node *n;
	struct node_ends e;

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	n = net.node[net.edge[0].node[0]].node;
	e = ends_of(p, 1, 1);
	peer_addresses_set(n, p, &e);
	rig_kick(&net, net.edge[0].node[0]);
	rig_run(&net, 3000);
	assert_true(peer_up(p) && p->flaps == 0 && sends_to(p, e.v[1].addr));
	net_edge(&net, 0, false);
	rig_run(&net, 20000);
	assert_false(peer_up(p));
	e.v[1].port++;
	peer_addresses_set(n, p, &e);
	assert_true(p->cfg.io.remote_port == e.v[1].port && p->hs_tries <= 1);
	rig_kick(&net, net.edge[0].node[0]);
	e.n = 0;
	peer_addresses_set(n, p, &e);
	assert_false(p->cfg.initiate);
	rig_close(&net);
}

/* Where does the next first message go, and how long after the one of before: order and pace of what is tried while nobody answers. */
static void test_order_and_pace_of_tries(void **state)
{
	const unsigned N = 4;
	struct net net;
	struct peer *p;
	struct node *n;
	struct node_ends e;
	uint32_t last = 0;
	struct instant at = {0};
	unsigned tries = 0, now = 0, in_a_minute = 0;

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	n = net.node[net.edge[0].node[0]].node;
	e = ends_of(p, 0, N - 1);
	peer_addresses_set(n, p, &e);
	net_edge(&net, 0, false);
	for (unsigned ms = 0; ms < 180000; ms += 10) {
		int64_t pause;

		rig_run(&net, 10);
		if (peer_up(p) || !p->own.active || p->own.mine == last)
			continue;
		for (unsigned i = 0; i < N; i++)
			if (p->cfg.io.remote_port == e.v[i].port)
				now = i;
		/* The one that has just fallen silent is the last one to be tried. */
		assert_int_equal(now, (tries + 1) % N);
		pause = instant_sub(p->own.born, at);
		if (tries > 0)
			assert_in_range(pause / NS_PER_MS, 240, 1700);
		if (tries > 0 && tries <= N)
			assert_true(pause < 300 * NS_PER_MS); /* the first round is quick */
		if (tries > 4 * N)
			assert_true(pause >= NS_PER_S); /* later ones are not */
		last = p->own.mine;
		at = p->own.born;
		tries++;
		in_a_minute += ms >= 120000;
	}
	assert_in_range(in_a_minute, 40, 60);
	/* It answers again where it always was: back within one round. */
	net_edge(&net, 0, true);
	rig_run(&net, (int)N * 1700);
	assert_true(peer_up(p));
	assert_int_equal(p->cfg.io.remote_port, e.v[0].port);
	rig_close(&net);
}

/* Nobody answers any more where p sends to, the neighbour is at another configured address, and does not know where p is. How long after it
 * noticed is p's link up there, in ms? */
static unsigned moves_within(unsigned side, unsigned at)
{
	const struct hs_source dead = {.family = 4,
	                               .addr = {192, 0, 2, (uint8_t)(1 - at)},
	                               .addr_port = (uint16_t)(101 - at)};
	struct net net;
	struct node_ends e;
	struct peer *p, *q;
	unsigned took;

	pair_open(&net);
	p = rig_peer(&net, 0, side);
	q = rig_peer(&net, 0, !side);
	e = ends_of(p, at, 1 - at);
	peer_addresses_set(net.node[net.edge[0].node[side]].node, p, &e);
	peer_address_use(net.node[net.edge[0].node[side]].node, p, &dead);
	q->cfg.ends.n = 0;
	peer_address_use(net.node[net.edge[0].node[!side]].node, q, &dead);
	rig_kick(&net, net.edge[0].node[0]);
	rig_kick(&net, net.edge[0].node[1]);
	for (took = 0; took < 5000 && p->flaps == 0; took++)
		rig_run(&net, 1);
	assert_true(took > 100);
	for (took = 0; took < 5000 && !peer_up(p); took++)
		rig_run(&net, 1);
	assert_true(peer_up(p) && sends_to(p, e.v[at].addr));
	rig_run(&net, 3000);
	assert_true(peer_up(p) && peer_up(q) && p->flaps == 1);
	rig_close(&net);
	return took;
}

/* One handshake after its silence at the first address was noticed, whichever side has the lower id. */
static void test_the_second_is_used_one_handshake_after_detection(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		unsigned took = moves_within(i & 1, i >> 1);

		print_message("side %u, place %u: %u ms\n", i & 1, i >> 1, took);
		assert_true(took < 100);
	}
}

/* One address belongs to somebody else now who refuses, the others are silent: the operator sees the refusal all the while, is told once, and the
 * refusing one is not asked every time. */
static void test_a_refusal_at_one_of_several(void **state)
{
	struct net net;
	struct peer *p;
	struct node *n;
	struct node_ends e;

	pair_open(&net);
	p = rig_peer(&net, 0, 0);
	n = net.node[net.edge[0].node[0]].node;
	e = ends_of(p, 0, 2);
	peer_addresses_set(n, p, &e);
	net_edge(&net, 0, false);
	rig_run(&net, 8000);
	assert_false(peer_up(p));
	peer_refused(n, p, (struct peer_refusal){.reason = REFUSED_NOT_ACCEPTED});
	p->newest.refused = true;
	for (unsigned i = 0; i < 2; i++) {
		peer_handshake_start(n, p);
		peer_handshake_start(n, p);
		assert_int_equal(p->refusal.reason, i ? 0 : REFUSED_NOT_ACCEPTED);
	}
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
	        cmocka_unit_test(test_a_list_changes_while_the_link_runs),
	        cmocka_unit_test(test_order_and_pace_of_tries),
	        cmocka_unit_test(test_the_second_is_used_one_handshake_after_detection),
	        cmocka_unit_test(test_a_refusal_at_one_of_several),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
