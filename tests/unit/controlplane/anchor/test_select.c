/* SPDX-License-Identifier: BSD-3-Clause */
/* Parent choice: no loops while links come and go, one root afterwards, and none that is dead. */
#include "rig.h"

#include "anchor/anchor.h"

static struct anchor *anchor_of(const struct net *net, uint32_t i)
{
	return net->node[i].node->anchor;
}

/* Whether parents lead from every node to one without a parent. */
static bool loop_free(const struct net *net)
{
	for (uint32_t i = 0; i < net->n; i++) {
		uint32_t at = i, steps = 0;

		while (net->node[at].node && anchor_of(net, at)->tree[0].parent) {
			at = net_find(net, &anchor_of(net, at)->tree[0].parent->id);
			assert_int_not_equal(at, UINT32_MAX);
			if (++steps >= net->n)
				return false;
		}
	}
	return true;
}

/* Runs in steps; no loop may last longer than `most` ms. */
struct watch {
	int64_t most, since; /* -1: no loop */
};

static void watch_run(struct watch *w, struct net *net, int64_t ms)
{
	for (int64_t end = net->now.ns + ms * NS_PER_MS; net->now.ns < end;) {
		rig_run(net, 10);
		if (loop_free(net))
			w->since = -1;
		else if (w->since < 0)
			w->since = net->now.ns;
		assert_true(w->since < 0 || net->now.ns - w->since <= w->most * NS_PER_MS);
	}
}

/* Every live node is under the live root of lowest rank, one hop below its parent. */
static void check_settled(const struct net *net)
{
	const struct node_id *best = NULL;
	uint64_t rank = UINT64_MAX;

	for (uint32_t i = 0; i < net->n; i++)
		if (net->alive[i] && anchor_hash(0, &net->node[i].identity.id) < rank) {
			best = &net->node[i].identity.id;
			rank = anchor_hash(0, best);
		}
	for (uint32_t i = 0; i < net->n; i++) {
		const struct tree *t;
		uint32_t up;

		if (!net->alive[i])
			continue;
		t = &anchor_of(net, i)->tree[0];
		assert_true(id_eq(&t->root, best));
		if (!t->parent) {
			assert_true(id_eq(&net->node[i].identity.id, best));
			assert_int_equal(t->coords.hops, 0);
			continue;
		}
		up = net_find(net, &t->parent->id);
		assert_true(net->alive[up]);
		assert_int_equal(t->coords.hops, anchor_of(net, up)->tree[0].coords.hops + 1);
	}
}

/* silent: nobody is told that an edge is down. Then news is lost on it, so that a loop may form and stays until the silence is
 * noticed; else only what is under way can be out of date. */
static void flaps(enum topo_kind kind, uint32_t n, uint64_t seed, bool silent)
{
	struct net net;
	int64_t back[256] = {0};
	struct watch w = {.since = -1, .most = silent ? 4000 : 200};

	rig_open(&net, kind, n, seed, true, 10);
	check_settled(&net);
	assert_true(net.graph.m < 256);
	for (unsigned step = 0; step < 150; step++) {
		uint32_t e = (uint32_t)rng_below(&net.rng, net.graph.m);

		if (net.up[e] && rng_below(&net.rng, 3) == 0) {
			silent ? net_edge(&net, e, false) : rig_carrier(&net, e, false);
			back[e] = net.now.ns + (int64_t)rng_below(&net.rng, 8 * NS_PER_S);
		}
		for (e = 0; e < net.graph.m; e++)
			if (!net.up[e] && back[e] <= net.now.ns)
				silent ? net_edge(&net, e, true) : rig_carrier(&net, e, true);
		watch_run(&w, &net, 100);
	}
	for (uint32_t e = 0; e < net.graph.m; e++)
		silent ? net_edge(&net, e, true) : rig_carrier(&net, e, true);
	/* Links that flapped may have to wait a minute before they lead to a parent. */
	rig_run(&net, 150000);
	check_settled(&net);
	rig_close(&net);
}

static void test_flaps(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		flaps(TOPO_BA, 30, seed, false);
		flaps(TOPO_GRID, 25, seed, false);
		flaps(TOPO_RING, 20, seed, false);
	}
}

static void test_silent_flaps(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		flaps(TOPO_BA, 30, seed, true);
		flaps(TOPO_GRID, 25, seed, true);
		flaps(TOPO_RING, 20, seed, true);
	}
}

/* A link that flapped is avoided, but whoever has no other way comes back over it at once. */
static void test_only_link_flaps(void **state)
{
	struct net net;

	rig_open(&net, TOPO_LINE, 5, 4, true, 10);
	check_settled(&net);
	for (unsigned i = 0; i < 5; i++) {
		rig_carrier(&net, 1, false);
		rig_run(&net, 1500);
		rig_carrier(&net, 1, true);
		rig_run(&net, 1500);
		check_settled(&net);
	}
	rig_close(&net);
}

static void test_root_dies(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct net net;
		struct watch w = {.since = -1, .most = 200};
		uint32_t root;

		rig_open(&net, TOPO_GRID, 36, seed, true, 15);
		check_settled(&net);
		root = net_find(&net, &anchor_of(&net, 0)->tree[0].root);
		net_kill(&net, root);
		watch_run(&w, &net, 20000);
		rig_run(&net, 5000);
		check_settled(&net);
		rig_close(&net);
	}
}

/* A lost parent whose place no other neighbour offers makes a node its own root, and it waits before it believes in the old one. */
static void test_detach_and_hold(void **state)
{
	struct net net;
	uint32_t root, child = 0, e = 0;
	struct tree *t;

	rig_open(&net, TOPO_LINE, 6, 2, true, 15);
	root = net_find(&net, &anchor_of(&net, 0)->tree[0].root);
	for (uint32_t i = 0; i < net.graph.m; i++)
		for (unsigned side = 0; side < 2; side++)
			if (net.edge[i].node[side] == root)
				child = net.edge[e = i].node[!side];
	t = &anchor_of(&net, child)->tree[0];
	assert_non_null(t->parent);
	net_edge(&net, e, false);
	for (unsigned i = 0; i < 600 && t->parent; i++)
		rig_run(&net, 10);
	assert_null(t->parent);
	assert_true(id_eq(&t->root, &net.node[child].identity.id));
	assert_true(t->has_old);
	assert_true(instant_before(net.now, t->hold));
	net_edge(&net, e, true);
	rig_run(&net, 20000);
	check_settled(&net);
	rig_close(&net);
}

/* In a chain everybody offers its only other neighbour the same port: no place takes more than a few bytes, however long the chain is,
 * and also after it was cut and joined again. */
static void test_chain_of_few_bytes(void **state)
{
	struct net net;

	rig_open(&net, TOPO_LINE, 60, 12, true, 20);
	for (unsigned round = 0; round < 2; round++) {
		unsigned depth = 0;

		check_settled(&net);
		for (uint32_t i = 0; i < net.n; i++) {
			const struct coords *c = &anchor_of(&net, i)->tree[0].coords;

			assert_true(c->len <= 5 && c->coded == c->hops);
			depth = c->hops > depth ? c->hops : depth;
		}
		assert_true(depth >= net.n / 2);
		rig_carrier(&net, net.graph.m / 3, false);
		rig_run(&net, 5000);
		rig_carrier(&net, net.graph.m / 3, true);
		rig_run(&net, 150000);
	}
	rig_close(&net);
}

/* A root that all others hold off stays alone for ten seconds, then joins theirs; when the time is over, nothing moves again. */
static void test_a_root_that_nobody_follows(void **state)
{
	struct net net;
	struct node_id held;
	uint32_t root;

	rig_open(&net, TOPO_GRID, 16, 5, true, 15);
	held = anchor_of(&net, 0)->tree[0].root;
	root = net_find(&net, &held);
	for (uint32_t i = 0; i < net.n; i++)
		if (i != root) {
			root_strike(roots_find(&anchor_of(&net, i)->tree[0].roots, &held),
			            ROOT_EQUIVOCATES, net.now);
			anchor_reselect(net.node[i].node);
			rig_kick(&net, i);
		}
	rig_run(&net, 5000);
	assert_null(anchor_of(&net, root)->tree[0].parent);
	for (unsigned s = 0; s < 60; s++) {
		rig_run(&net, 1000);
		if (s < 12)
			continue;
		assert_non_null(anchor_of(&net, root)->tree[0].parent);
		for (uint32_t i = 0; i < net.n; i++)
			assert_true(id_eq(&anchor_of(&net, i)->tree[0].root,
			                  &anchor_of(&net, root)->tree[0].root));
	}
	assert_true(loop_free(&net));
	rig_close(&net);
}

/* But for one node. */
static bool one_tree(const struct net *net, const struct node *but)
{
	for (uint32_t i = 1; i < net->n; i++)
		if (net->node[i].node != but &&
		    !id_eq(&anchor_of(net, i)->tree[0].root, &anchor_of(net, 0)->tree[0].root))
			return false;
	return true;
}

/* For ten minutes the best root signs nothing for 26 s, then goes on for 10 s, again and again, and joins no other. It is left and joined again
 * a few times, all but a few seconds the others are one tree, and a minute after the end all are. */
static void test_a_root_that_stalls_for_ten_minutes(void **state)
{
	struct net net;
	struct node *n;
	struct node_id before;
	unsigned moves = 0, parted = 0;

	rig_open(&net, TOPO_GRID, 25, 6, true, 15);
	n = net.node[net_find(&net, &anchor_of(&net, 0)->tree[0].root)].node;
	before = anchor_of(&net, 0)->tree[0].root;
	for (unsigned s = 0; s < 600; s++) {
		n->anchor->tree[0].followed_at = net.now;
		if (s % 36 < 26)
			disarm(n, &n->anchor->seq_timer);
		else if (!timer_armed(&n->anchor->seq_timer))
			arm(n, &n->anchor->seq_timer, TIMER_ANCHOR_SEQ, NULL, 1);
		rig_run(&net, 1000);
		moves += !id_eq(&before, &anchor_of(&net, 0)->tree[0].root);
		before = anchor_of(&net, 0)->tree[0].root;
		parted += !one_tree(&net, n);
	}
	assert_in_range(moves, 4, 14);
	assert_true(parted <= 15);
	if (!timer_armed(&n->anchor->seq_timer))
		arm(n, &n->anchor->seq_timer, TIMER_ANCHOR_SEQ, NULL, 1);
	rig_run(&net, 60000);
	for (unsigned s = 0; s < 60; s++) {
		assert_true(one_tree(&net, NULL));
		rig_run(&net, 1000);
	}
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_flaps),
	        cmocka_unit_test(test_silent_flaps),
	        cmocka_unit_test(test_only_link_flaps),
	        cmocka_unit_test(test_root_dies),
	        cmocka_unit_test(test_detach_and_hold),
	        cmocka_unit_test(test_a_root_that_nobody_follows),
	        cmocka_unit_test(test_a_root_that_stalls_for_ten_minutes),
	        cmocka_unit_test(test_chain_of_few_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
