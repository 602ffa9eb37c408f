/* SPDX-License-Identifier: BSD-3-Clause */
/* Link handshakes that cross, at the start and at each rekey, and links that lose frames. */
#include "rig.h"

#include "peer/peer.h"

static void check_up(struct net *net, unsigned flaps_max)
{
	for (uint32_t e = 0; e < net->graph.m; e++)
		for (unsigned side = 0; side < 2; side++) {
			const struct peer *p = rig_peer(net, e, side);

			assert_true(peer_up(p));
			assert_true(p->flaps <= flaps_max);
			assert_true(instant_sub(net->now, p->keyed_at) <
			            net->node[0].node->cfg.key_reject_ns);
			assert_true(
			        id_eq(&p->id, &net->node[net->edge[e].node[!side]].identity.id));
		}
}

/* Both ends of odd edges dial; all boot in one instant and the ways are of one length, so that every message crosses its like. */
static void test_crossing(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct net_cfg cfg;
		struct net net;

		net_cfg_default(&cfg);
		cfg.seed = seed;
		cfg.boot_ns = 0;
		cfg.delay_max_ns = cfg.delay_min_ns = 3 * NS_PER_MS;
		cfg.exec_max_ns = cfg.exec_min_ns;
		net_init(&net, &cfg, TOPO_FIVE, 5, false);
		net_run(&net, NS_PER_S);
		check_up(&net, 0);
		net_run(&net, 500 * NS_PER_S);
		check_up(&net, 0);
		for (uint32_t e = 0; e < net.graph.m; e++)
			for (unsigned side = 0; side < 2; side++)
				assert_in_range(rig_peer(&net, e, side)->rekeys, 3, 5);
		rig_close(&net);
	}
}

static void test_loss(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct net_cfg cfg;
		struct net net;

		net_cfg_default(&cfg);
		cfg.seed = seed;
		cfg.loss = 0.05;
		net_init(&net, &cfg, TOPO_FIVE, 5, false);
		net_run(&net, 600 * NS_PER_S);
		net.cfg.loss = 0;
		net_run(&net, 615 * NS_PER_S);
		check_up(&net, 40);
		rig_close(&net);
	}
}

/* A neighbour that starts anew is met again, and what it had been granted is void. One that dials is met at once; one that only
 * answers (it does not know where we are) when its silence is noticed. */
static void restart(unsigned side, int64_t ms)
{
	struct net net;
	struct peer *p;
	uint32_t label, epoch;
	int owner;

	rig_open(&net, TOPO_FIVE, 5, 3, false, 20);
	p = rig_peer(&net, 0, !side);
	assert_int_equal(rig_peer(&net, 0, side)->cfg.initiate, side == 0);
	assert_int_equal(labels_alloc(net.node[net.edge[0].node[!side]].node, &p->labels, &owner,
	                              -1, &label),
	                 0);
	epoch = p->remote_epoch;
	net_kill(&net, net.edge[0].node[side]);
	net_start(&net, net.edge[0].node[side]);
	rig_run(&net, ms);
	assert_true(peer_up(p));
	assert_int_equal(p->flaps, 1);
	assert_int_not_equal(p->remote_epoch, epoch);
	assert_null(labels_owner(&p->labels, label));
	rig_run(&net, 10000);
	check_up(&net, 1);
	rig_close(&net);
}

static void test_restart(void **state)
{
	restart(0, 1000);
	restart(1, 5000);
}

/* A neighbour that starts anew while ours, whose id is lower, renews keys: it cannot read our message, and nothing says so (the refusal is lost,
 * or held back since many replays are refused). Its own handshake is not kept waiting for an answer to ours. */
static void test_restart_beside_a_rekey(void **state)
{
	unsigned seen = 0;

	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct net net;
		struct peer *p;
		uint32_t epoch, at, dials;

		rig_open(&net, TOPO_LINE, 2, seed, false, 10);
		p = rig_peer(&net, 0, 1);
		dials = net.edge[0].node[0];
		at = net.edge[0].node[1];
		seen += id_cmp(&net.node[at].identity.id, &net.node[dials].identity.id) < 0;
		epoch = p->remote_epoch;
		net_kill(&net, dials);
		peer_handshake_start(net.node[at].node, p);
		rig_kick(&net, at);
		rig_run(&net, 10);
		assert_true(p->own.active && p->own.ik);
		net_start(&net, dials);
		rig_run(&net, 200);
		assert_true(peer_up(p));
		assert_int_not_equal(p->remote_epoch, epoch);
		rig_run(&net, 10000);
		check_up(&net, 1);
		rig_close(&net);
	}
	assert_true(seen > 0 && seen < 6);
}

/* Two nodes whose link has been up for a while. */
static void pair_open(struct net *net, int64_t overlap_ns)
{
	rig_open(net, TOPO_LINE, 2, 5, false, 10);
	for (uint32_t i = 0; i < 2; i++)
		net->node[i].node->cfg.key_overlap_ns = overlap_ns;
	check_up(net, 0);
}

/* Both ends talk all the while: a frame that meets no key is noticed. */
static void talk(struct net *net, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		for (unsigned side = 0; side < 2; side++) {
			uint32_t at = net->edge[0].node[side];

			peer_hello_tx(net->node[at].node, rig_peer(net, 0, side), false);
			rig_kick(net, at);
		}
		rig_run(net, 1);
	}
}

static void first_message(struct net *net, unsigned side)
{
	uint32_t at = net->edge[0].node[side];

	peer_handshake_start(net->node[at].node, rig_peer(net, 0, side));
	rig_kick(net, at);
}

static void check_nothing_lost(const struct net *net)
{
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(net->node[i].mw->drops[MW_DROP_BAD_INDEX], 0);
		assert_int_equal(net->node[i].mw->drops[MW_DROP_BAD_KEY], 0);
	}
}

/* First messages whose answers nobody waits for (lost, late, or a recording played back) leave the link as it is. */
static void test_unanswered_first_messages(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct net net;
		const struct peer *there;
		struct instant keyed_at;

		pair_open(&net, NS_PER_S);
		there = rig_peer(&net, 0, !side);
		keyed_at = there->keyed_at;
		for (unsigned i = 0; i < 8; i++) {
			first_message(&net, side);
			rig_peer(&net, 0, side)->own.active = false;
			talk(&net, 500);
		}
		check_nothing_lost(&net);
		check_up(&net, 0);
		assert_int_equal(there->keyed_at.ns, keyed_at.ns);
		assert_int_equal(there->rekeys, 0);
		/* The next one that is answered counts. */
		first_message(&net, side);
		talk(&net, 100);
		assert_int_equal(there->rekeys, 1);
		assert_true(there->rx_used && rig_peer(&net, 0, side)->rx_used);
		check_nothing_lost(&net);
		rig_close(&net);
	}
}

/* A side that does not get round to the answers before it asks again. */
static void test_impatient_rekey(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct net net;

		pair_open(&net, NS_PER_S);
		for (unsigned i = 0; i < 6; i++) {
			first_message(&net, side);
			talk(&net, 1);
		}
		talk(&net, 3000);
		check_nothing_lost(&net);
		check_up(&net, 0);
		assert_int_equal(rig_peer(&net, 0, 0)->rekeys, 1);
		assert_int_equal(rig_peer(&net, 0, 1)->rekeys, 1);
		rig_close(&net);
	}
}

/* An overlap shorter than the way there and back: the old keys stay until the neighbour is seen to use the new ones. */
static void test_slow_neighbour(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct net net;

		pair_open(&net, 2 * NS_PER_MS);
		net.edge[0].delay_ns = 40 * NS_PER_MS;
		for (unsigned i = 0; i < 5; i++) {
			first_message(&net, side);
			talk(&net, 300);
		}
		check_nothing_lost(&net);
		check_up(&net, 0);
		assert_int_equal(rig_peer(&net, 0, 0)->rekeys, 5);
		assert_int_equal(rig_peer(&net, 0, 1)->rekeys, 5);
		/* Then they go. */
		assert_int_equal(rig_peer(&net, 0, side)->rx_old[0].count, 0);
		assert_int_equal(rig_peer(&net, 0, !side)->rx_old[0].count, 0);
		rig_close(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_crossing),
	        cmocka_unit_test(test_loss),
	        cmocka_unit_test(test_restart),
	        cmocka_unit_test(test_restart_beside_a_rekey),
	        cmocka_unit_test(test_unanswered_first_messages),
	        cmocka_unit_test(test_impatient_rekey),
	        cmocka_unit_test(test_slow_neighbour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
