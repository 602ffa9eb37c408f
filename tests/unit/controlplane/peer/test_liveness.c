/* SPDX-License-Identifier: BSD-3-Clause */
/* When silence is noticed, whatever the daemon's look at the counters, now and then, says about the time before it. */
#include "rig.h"

#include "peer/peer.h"

#define EDGE 0u
#define STEP 10 /* ms */

static void say(struct net *net, uint32_t type, struct instant since)
{
	struct node_event ev = {.type = type};

	ev.u.link.link = rig_peer(net, EDGE, 0)->link;
	ev.u.link.count = 1;
	ev.u.link.since = since;
	rig_input(net, net->edge[EDGE].node[0], &ev);
}

/* Two nodes, the link between them in use and then silent. */
static struct peer *open_and_cut(struct net *net)
{
	rig_open(net, TOPO_LINE, 2, 1, false, 10);
	for (unsigned i = 0; i < 5; i++) {
		say(net, NODE_LINK_TX, net->now);
		rig_run(net, 100);
	}
	net_edge(net, EDGE, false);
	assert_true(peer_up(rig_peer(net, EDGE, 0)));
	return rig_peer(net, EDGE, 0);
}

/* Milliseconds until p is down. */
static int64_t until_down(struct net *net, struct peer *p)
{
	int64_t ms = 0;

	for (; peer_up(p) && ms < 5000; ms += STEP)
		rig_run(net, STEP);
	return ms;
}

static void test_late_counters(void **state)
{
	/* How long before the cut the counters were looked at, and after it the next time. */
	static const int64_t before_ms[] = {0, 100, 499}, after_ms[] = {1, 100, 300, 500};

	for (unsigned i = 0; i < 3; i++)
		for (unsigned j = 0; j < 4; j++) {
			struct net net;
			struct peer *p = open_and_cut(&net);
			struct instant last = instant_add(net.now, -before_ms[i] * NS_PER_MS);

			rig_run(&net, after_ms[j]);
			say(&net, NODE_LINK_RX, last);
			assert_in_range(after_ms[j] + until_down(&net, p), 400, 1000);
			rig_close(&net);
		}
}

/* Whoever deletes a link, or stops, says so: the neighbour does not find out by silence, and comes up again when it is let. */
static void test_neighbour_is_told(void **state)
{
	for (unsigned i = 0; i < 2; i++) {
		struct node_event ev = {.type = i ? NODE_STOPS : NODE_LINK_DEL};
		struct net net;

		rig_open(&net, TOPO_LINE, 2, 1, i == 1, 10);
		assert_true(peer_up(rig_peer(&net, EDGE, 1)));
		ev.u.link.link = rig_peer(&net, EDGE, 0)->link;
		rig_input(&net, net.edge[EDGE].node[0], &ev);
		for (unsigned ms = 0; ms < 15 && peer_up(rig_peer(&net, EDGE, 1)); ms++)
			rig_run(&net, 1);
		assert_false(peer_up(rig_peer(&net, EDGE, 1)));
		rig_close(&net);
	}
}

/* What a handshake has measured on a busy machine is forgotten when the first hello is answered. */
static void test_hello_measures_better(void **state)
{
	struct net net;
	struct peer *p;

	rig_open(&net, TOPO_LINE, 2, 1, false, 10);
	p = rig_peer(&net, EDGE, 0);
	assert_true(p->rtt_by_hello);
	p->rtt_by_hello = false;
	p->rtt_ns = 300 * NS_PER_MS;
	p->rttvar_ns = 150 * NS_PER_MS;
	rig_run(&net, 10000);
	assert_in_range(p->rtt_ns, 0, 100 * NS_PER_MS);
	rig_close(&net);
}

/* Data counts as a hello: no answer to one is needed while it goes on. */
static void test_data_counts(void **state)
{
	static const int64_t every_ms[] = {20, 100, 200};

	for (unsigned i = 0; i < 3; i++) {
		struct net net;
		struct peer *p = open_and_cut(&net);

		for (int64_t ms = 0; ms < 5000; ms += every_ms[i]) {
			struct instant last = net.now;

			rig_run(&net, every_ms[i]);
			say(&net, NODE_LINK_RX, last);
			assert_true(peer_up(p));
		}
		assert_in_range(until_down(&net, p), 200, 1000);
		rig_close(&net);
	}
}

/* A machine on which every command waits long for its worker: the neighbour is not blamed for that. */
static void test_slow_workers(void **state)
{
	static const int64_t late_ms[] = {200, 700, 2000};

	for (unsigned i = 0; i < 3; i++) {
		struct net net;

		rig_open(&net, TOPO_LINE, 2, 1, false, 10);
		net.cfg.exec_min_ns = net.cfg.exec_max_ns = late_ms[i] * NS_PER_MS;
		for (unsigned s = 0; s < 200; s++) {
			say(&net, NODE_LINK_TX, net.now);
			rig_run(&net, 100);
		}
		for (unsigned side = 0; side < 2; side++) {
			assert_true(peer_up(rig_peer(&net, EDGE, side)));
			assert_int_equal(rig_peer(&net, EDGE, side)->flaps, 0);
		}
		rig_close(&net);
	}
}

/* p's tick comes two seconds after it was due. */
static void tick_late(struct net *net, struct peer *p)
{
	rig_kick(net, net->edge[EDGE].node[0]);
	disarm(net->node[net->edge[EDGE].node[0]].node, &p->live_timer);
	p->live_timer.at = instant_add(net->now, -2 * NS_PER_S);
	peer_live_tick(net->node[net->edge[EDGE].node[0]].node, p);
	rig_kick(net, net->edge[EDGE].node[0]);
}

/* Two nodes, of which *n has not heard its neighbour, which is returned, for half a second, nor asked it. */
static struct peer *idle_for_a_while(struct net *net, struct node **n)
{
	struct peer *p;

	rig_open(net, TOPO_LINE, 2, 1, false, 30);
	p = rig_peer(net, EDGE, 0);
	*n = net->node[net->edge[EDGE].node[0]].node;
	while (p->missed || instant_sub(net->now, p->heard) < 500 * NS_PER_MS)
		rig_run(net, STEP);
	return p;
}

/* A neighbour dies behind a link that is not in use, of which silence for seconds says nothing. It is asked as soon as somebody waits for
 * something from it, once, and is given no longer than on a link in use. */
static void test_somebody_waits(void **state)
{
	for (unsigned wait = 0; wait < 3; wait++) {
		struct net net;
		struct peer *p;
		struct node *n;

		p = idle_for_a_while(&net, &n);
		net_edge(&net, EDGE, false);
		assert_int_equal(p->missed, 0);
		if (wait == 2) { /* it owes an answer already, at leisure */
			while (!p->missed)
				rig_run(&net, STEP);
		}
		for (unsigned i = 0; wait && i < 3; i++) {
			rig_kick(&net, net.edge[EDGE].node[0]);
			peer_live_urge(n, p);
			rig_kick(&net, net.edge[EDGE].node[0]);
			assert_int_equal(p->missed, 1);
		}
		assert_int_equal(until_down(&net, p) < 700, wait > 0);
		rig_close(&net);
	}
}

/* Whoever was heard just now lives, and an answer ends the hurry. */
static void test_somebody_waits_for_the_living(void **state)
{
	struct net net;
	struct peer *p;
	struct node *n;

	p = idle_for_a_while(&net, &n);
	rig_kick(&net, net.edge[EDGE].node[0]);
	peer_live_urge(n, p);
	rig_kick(&net, net.edge[EDGE].node[0]);
	assert_true(p->urgent);
	rig_run(&net, 20);
	assert_int_equal(p->missed, 0);
	assert_false(p->urgent);
	peer_live_urge(n, p);
	assert_int_equal(p->missed, 0);
	rig_close(&net);
}

/* The control thread did not run when it should have, at whichever question: the first tick after that decides nothing. */
static void test_late_thread(void **state)
{
	for (unsigned questions = 1; questions <= 3; questions++) {
		struct net net;
		struct peer *p = open_and_cut(&net);
		struct node *there = net.node[net.edge[EDGE].node[1]].node;

		while (p->missed < questions) {
			rig_run(&net, STEP);
			/* The other end is not what this is about. */
			peer_live_start(there, rig_peer(&net, EDGE, 1));
		}
		net_edge(&net, EDGE, true);
		tick_late(&net, p);
		assert_true(peer_up(p));
		rig_run(&net, 3000);
		assert_true(peer_up(p));
		assert_int_equal(p->flaps, 0);
		rig_close(&net);
	}
}

/* One that never runs in time notices in the end. */
static void test_always_late(void **state)
{
	struct net net;
	struct peer *p = open_and_cut(&net);

	for (unsigned i = 0; i < 100 && peer_up(p); i++) {
		tick_late(&net, p);
		rig_run(&net, STEP);
	}
	assert_false(peer_up(p));
	rig_close(&net);
}

/* A neighbour cannot make its link look slow, and this node patient with all others, by echoing hellos of long ago. */
static void test_echo_of_long_ago(void **state)
{
	struct linkmsg_hello m = {.sent_us = 1, .echo_us = 5};
	struct net net;
	struct peer *p;
	int64_t rtt;

	rig_open(&net, TOPO_LINE, 2, 1, false, 30);
	p = rig_peer(&net, EDGE, 0);
	rtt = p->rtt_ns;
	assert_in_range(rtt, 1, 100 * NS_PER_MS);
	for (unsigned i = 0; i < 50; i++) {
		m.echo_us = i % 2 ? 5 : p->echoed_us - 1;
		peer_hello_rx(net.node[net.edge[EDGE].node[0]].node, p, &m);
	}
	assert_int_equal(p->rtt_ns, rtt);
	/* Nor by echoing the newest again and again while it holds back those that follow. */
	m.echo_us = p->echoed_us;
	for (unsigned i = 0; i < 50; i++) {
		p->heard = net.now;
		net.node[net.edge[EDGE].node[0]].node->now.ns += NS_PER_S;
		peer_hello_rx(net.node[net.edge[EDGE].node[0]].node, p, &m);
		assert_true(p->rtt_ns < 10 * NS_PER_S);
	}
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_late_counters),
	        cmocka_unit_test(test_data_counts),
	        cmocka_unit_test(test_hello_measures_better),
	        cmocka_unit_test(test_neighbour_is_told),
	        cmocka_unit_test(test_somebody_waits),
	        cmocka_unit_test(test_somebody_waits_for_the_living),
	        cmocka_unit_test(test_slow_workers),
	        cmocka_unit_test(test_late_thread),
	        cmocka_unit_test(test_always_late),
	        cmocka_unit_test(test_echo_of_long_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
