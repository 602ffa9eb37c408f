/* SPDX-License-Identifier: BSD-3-Clause */
/* A link that is removed while it is in use: its neighbour is told, and it goes in the end whatever
 * becomes of its tunnels. */
#include "rig.h"

#include "peer/peer.h"

static void leave(struct net *net, uint32_t edge, unsigned side)
{
	struct node_event ev = {.type = NODE_LINK_LEAVE};

	ev.u.link.link = net->edge[edge].link[side];
	rig_input(net, net->edge[edge].node[side], &ev);
}

/* The neighbour does not wait until hellos are not answered; it goes on calling, as it does for any link that is down. */
static void test_neighbour_is_told(void **state)
{
	for (unsigned plain = 0; plain < 2; plain++) {
		struct net net;

		rig_open(&net, TOPO_LINE, 2, 1, plain, 5);
		assert_true(peer_up(rig_peer(&net, 0, 0)) && peer_up(rig_peer(&net, 0, 1)));
		leave(&net, 0, 0);
		rig_run(&net, 50);
		assert_null(rig_peer(&net, 0, 0));
		assert_false(peer_up(rig_peer(&net, 0, 1)));
		rig_run(&net, 5000);
		assert_false(peer_up(rig_peer(&net, 0, 1)));
		rig_close(&net);
	}
}

static void connect(struct net *net, uint32_t from, uint32_t to)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 1};

	r.id = net->node[to].identity.id;
	net_request(net, from, &r);
	rig_run(net, 1000);
}

/* A tunnel that cannot move, and a neighbour that does not answer, hold the link for 2 s at most. */
static void test_held_for_two_seconds(void **state)
{
	struct net net;

	for (unsigned deaf = 0; deaf < 2; deaf++) {
		rig_open(&net, TOPO_LINE, 2, 2, false, 5);
		connect(&net, 0, 1);
		if (deaf)
			net_edge(&net, 0, false);
		leave(&net, 0, 0);
		rig_run(&net, deaf ? 400 : 1900);
		assert_true(rig_peer(&net, 0, 0)->leaving);
		assert_int_equal(rig_peer(&net, 0, 1)->leaving, !deaf);
		rig_run(&net, deaf ? 1650 : 150);
		assert_null(rig_peer(&net, 0, 0));
		assert_false(peer_up(rig_peer(&net, 0, 1)));
		rig_close(&net);
	}
}

/* The neighbour comes back although the one that was removing the link has gone before it did: leaving ends with the link's going down. */
static void test_remover_restarts(void **state)
{
	struct net net;

	rig_open(&net, TOPO_LINE, 2, 2, false, 5);
	connect(&net, 0, 1);
	leave(&net, 0, 0);
	rig_run(&net, 100);
	assert_true(rig_peer(&net, 0, 1)->leaving);
	net_edge(&net, 0, false);
	rig_run(&net, 4000);
	assert_false(peer_up(rig_peer(&net, 0, 1)) || rig_peer(&net, 0, 1)->leaving);
	rig_close(&net);
}

/* A neighbour that thinks better of it, or never meant it, says hello without the flag: the link takes tunnels again. Who only heard of it does
 * not say so itself; otherwise both would believe each other for ever. */
static void test_leaves_no_more(void **state)
{
	struct net net;
	struct linkmsg_hello m = {.flags = HELLO_FLAG_LEAVING, .mtu = 1400};
	struct peer *p;

	rig_open(&net, TOPO_LINE, 2, 2, false, 5);
	connect(&net, 0, 1);
	p = rig_peer(&net, 0, 0);
	m.epoch = p->remote_epoch;
	m.id = p->id;
	peer_hello_rx(net.node[net.edge[0].node[0]].node, p, &m);
	rig_kick(&net, net.edge[0].node[0]);
	assert_true(p->leaving);
	rig_run(&net, 10000);
	assert_true(peer_up(p));
	assert_false(p->leaving);
	assert_false(rig_peer(&net, 0, 1)->leaving);
	rig_close(&net);
}

/* A link that is not up, and one that both ends remove in the same moment. */
static void test_at_once(void **state)
{
	struct net net;

	rig_open(&net, TOPO_LINE, 2, 3, false, 5);
	leave(&net, 0, 0);
	leave(&net, 0, 1);
	rig_run(&net, 50);
	assert_null(rig_peer(&net, 0, 0));
	assert_null(rig_peer(&net, 0, 1));
	rig_close(&net);
	rig_open(&net, TOPO_LINE, 2, 4, false, 5);
	rig_carrier(&net, 0, false);
	leave(&net, 0, 0);
	rig_run(&net, 10);
	assert_null(rig_peer(&net, 0, 0));
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_neighbour_is_told),
	        cmocka_unit_test(test_held_for_two_seconds),
	        cmocka_unit_test(test_leaves_no_more),
	        cmocka_unit_test(test_remover_restarts),
	        cmocka_unit_test(test_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
