/* SPDX-License-Identifier: BSD-3-Clause */
/* One key on two machines behind one neighbour: both notice it, and neither undoes for ever what the other says of itself. */
#include "rig.h"

#include "anchor/anchor.h"
#include "peer/peer.h"

#define NEIGHBOUR 1u

static bool noticed(const struct net *net, uint32_t i)
{
	return net->node[i].node->peers->twin_at.ns != 0;
}

static uint64_t upkeep(const struct net *net)
{
	return net->sums.control_bytes - net->sums.hello_bytes;
}

/* Whether the two are roots depends on the seed. */
static void test_behind_one_neighbour(void **state)
{
	unsigned roots = 0;

	for (uint64_t seed = 1; seed <= 12; seed++) {
		uint64_t before, said;
		struct net net;

		rig_open(&net, TOPO_LINE, 3, seed, false, 0);
		net.node[2].identity = net.node[0].identity;
		rig_run(&net, 10000);
		assert_true(noticed(&net, 0) && noticed(&net, 2));
		assert_false(noticed(&net, NEIGHBOUR));
		roots += !net.node[0].node->anchor->tree[0].parent;
		/* The quarrel is damped: what is left is little more than three nodes say to each other in peace, some 100 bytes/s. */
		rig_run(&net, 60000);
		before = upkeep(&net);
		rig_run(&net, 120000);
		said = (upkeep(&net) - before) / 120;
		assert_in_range(said, 10, 300);
		assert_in_range(net.node[0].node->anchor->record_seq, 1, 20);
		rig_close(&net);
	}
	assert_in_range(roots, 1, 11);
}

/* A node that starts anew, and knows no number of its records any more, is no twin of what it was before. */
static void test_starting_anew_is_no_twin(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct net net;

		rig_open(&net, seed % 2 ? TOPO_LINE : TOPO_FULL, 5, seed, false, 20);
		for (unsigned k = 0; k < 4; k++) {
			uint32_t i = (uint32_t)rng_below(&net.rng, net.n);

			net_kill(&net, i);
			net.node[i].snapshot_len = 0;
			rig_run(&net, (int64_t)rng_below(&net.rng, 5000));
			net_start(&net, i);
			rig_run(&net, 40000);
		}
		for (uint32_t i = 0; i < net.n; i++)
			assert_false(noticed(&net, i));
		rig_close(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_behind_one_neighbour),
	        cmocka_unit_test(test_starting_anew_is_no_twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
