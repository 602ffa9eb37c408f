/* SPDX-License-Identifier: BSD-3-Clause */
/* How soon a tree is whole again after a transit of the five-node network was killed, and how a node comes by its root's number then. */
#include "rig.h"

#include "anchor/anchor.h"

static struct tree *tree_of(const struct net *net, uint32_t i)
{
	return &net->node[i].node->anchor->tree[0];
}

static uint32_t edge_of(const struct net *net, uint32_t a, uint32_t b)
{
	for (uint32_t e = 0; e < net->graph.m; e++)
		if ((net->edge[e].node[0] == a && net->edge[e].node[1] == b) ||
		    (net->edge[e].node[0] == b && net->edge[e].node[1] == a))
			return e;
	fail_msg("no edge %u-%u", a, b);
	return 0;
}

/* Whether all that live are under one root that lives. */
static bool whole(const struct net *net)
{
	const struct node_id *root = NULL;

	for (uint32_t i = 0; i < net->n; i++) {
		if (!net->alive[i])
			continue;
		if (root && !id_eq(root, &tree_of(net, i)->root))
			return false;
		root = &tree_of(net, i)->root;
	}
	return root && net->alive[net_find(net, root)];
}

/* The node notices that its end of an edge is down. */
static void notices(struct net *net, uint32_t e, uint32_t node)
{
	struct node_event ev = {.type = NODE_LINK_CARRIER};

	ev.u.link.link = net->edge[e].link[net->edge[e].node[1] == node];
	rig_input(net, node, &ev);
}

/* The edge between two transits is cut and healed, the third transit is killed. As soon as its neighbours have noticed, the tree is whole,
 * or, where it was the root, after the time for which a lost root is not believed. */
static void test_whole_as_soon_as_noticed(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct net net;
		uint32_t e, root;
		int64_t ms = 0;

		rig_open(&net, TOPO_FIVE, 5, seed, false, 10);
		e = edge_of(&net, 1, 3);
		rig_run(&net, (int64_t)(seed * 977 % 5000));
		rig_carrier(&net, e, false);
		rig_run(&net, 1400);
		rig_carrier(&net, e, true);
		rig_run(&net, 50);
		root = net_find(&net, &tree_of(&net, 0)->root);
		net_kill(&net, 2);
		rig_run(&net, 600);
		notices(&net, edge_of(&net, 1, 2), 1);
		notices(&net, edge_of(&net, 2, 3), 3);
		for (; !whole(&net); ms += 10)
			rig_run(&net, 10);
		assert_true(ms <= (root == 2 ? 450 : 20));
		rig_close(&net);
	}
}

/* A node whose number is old asks those under the same root, and has the newer one after a round trip. */
static void test_a_newer_number_is_had_for_the_asking(void **state)
{
	struct net net;
	struct root *r, old;
	uint32_t root, i;

	rig_open(&net, TOPO_RING, 6, 3, true, 12);
	root = net_find(&net, &tree_of(&net, 0)->root);
	i = (root + 2) % 6;
	r = roots_find(&tree_of(&net, i)->roots, &tree_of(&net, root)->root);
	old = *r;
	rig_run(&net, 6000);
	assert_true(r->seq.seq > old.seq.seq);
	*r = old;
	anchor_seq_ask(net.node[i].node, 0, &tree_of(&net, root)->root);
	rig_kick(&net, i);
	rig_run(&net, 50);
	r = roots_find(&tree_of(&net, i)->roots, &tree_of(&net, root)->root);
	assert_int_equal(r->seq.seq, tree_of(&net, root)->own.seq);
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_whole_as_soon_as_noticed),
	        cmocka_unit_test(test_a_newer_number_is_had_for_the_asking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
