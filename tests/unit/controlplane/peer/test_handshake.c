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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_crossing),
	        cmocka_unit_test(test_loss),
	        cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
