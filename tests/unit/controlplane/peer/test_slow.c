/* SPDX-License-Identifier: BSD-3-Clause */
/* Links whose round trip is long, or becomes long while they are up, in virtual time. */
#include "rig.h"

#include "peer/peer.h"

#define EDGE 0u

static void open_slow(struct net *net, int64_t rtt_ms, bool plain, uint64_t seed, double loss)
{
	struct net_cfg cfg;

	net_cfg_default(&cfg);
	cfg.seed = seed;
	cfg.plain = plain;
	cfg.hashed_signatures = true;
	cfg.loss = loss;
	cfg.delay_min_ns = cfg.delay_max_ns = rtt_ms * NS_PER_MS / 2;
	net_init(net, &cfg, TOPO_LINE, 2, false);
}

static void check_steady(struct net *net, unsigned flaps)
{
	for (unsigned side = 0; side < 2; side++) {
		assert_true(peer_up(rig_peer(net, EDGE, side)));
		assert_true(rig_peer(net, EDGE, side)->flaps <= flaps);
	}
}

/* Data from both sides, as the daemon's look at the counters tells it. */
static void data(struct net *net, int64_t ms)
{
	for (int64_t t = 0; t < ms; t += 100) {
		for (unsigned side = 0; side < 2; side++)
			for (unsigned tx = 0; tx < 2; tx++) {
				struct node_event ev = {.type = tx ? NODE_LINK_TX : NODE_LINK_RX};

				ev.u.link.link = rig_peer(net, EDGE, side)->link;
				ev.u.link.count = 1;
				ev.u.link.since = instant_add(net->now, -100 * NS_PER_MS);
				rig_input(net, net->edge[EDGE].node[side], &ev);
			}
		rig_run(net, 100);
	}
}

/* Keeps the link in use, so that silence is noticed soon, without anything that would break the silence. */
static void in_use(struct net *net, int64_t ms)
{
	for (int64_t t = 0; t < ms; t += 100) {
		for (unsigned side = 0; side < 2; side++) {
			struct node_event ev = {.type = NODE_LINK_TX};

			ev.u.link.link = rig_peer(net, EDGE, side)->link;
			ev.u.link.count = 1;
			rig_input(net, net->edge[EDGE].node[side], &ev);
		}
		rig_run(net, 100);
	}
}

static void test_comes_up_and_stays_up(void **state)
{
	static const int64_t rtt_ms[] = {1, 60, 400, 900, 1500, 2000};

	for (unsigned i = 0; i < 12; i++)
		for (uint64_t seed = 1; seed <= 3; seed++) {
			int64_t rtt = rtt_ms[i / 2];
			struct net net;

			open_slow(&net, rtt, i % 2, seed, 0);
			rig_run(&net, 3000 + 4 * rtt);
			check_steady(&net, 0);
			in_use(&net, 300000);
			check_steady(&net, 0);
			rig_run(&net, 300000);
			check_steady(&net, 0);
			assert_in_range(rig_peer(&net, EDGE, 0)->rtt_ns, rtt * NS_PER_MS,
			                (rtt + 15) * NS_PER_MS);
			rig_close(&net);
		}
}

/* The first measurement is the handshake's: no hello needs to come back before the wait for it is right. */
static void test_first_sample_is_the_handshake(void **state)
{
	struct net net;

	open_slow(&net, 1000, false, 1, 0);
	while (!net.node[0].node || !net.node[1].node)
		rig_run(&net, 1);
	rig_run(&net, 1);
	for (unsigned ms = 0; ms < 20000; ms += 10) {
		rig_run(&net, 10);
		for (unsigned side = 0; side < 2; side++)
			if (peer_up(rig_peer(&net, EDGE, side)))
				assert_true(rig_peer(&net, EDGE, side)->rtt_ns >= NS_PER_S);
	}
	check_steady(&net, 0);
	rig_close(&net);
}

/* A lossy link of 2 s: a lost answer is not a lost neighbour, and a lost handshake message is followed by others. */
static void test_loss_on_a_long_way(void **state)
{
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct net net;

		open_slow(&net, 2000, false, seed, 0.02);
		rig_run(&net, 60000);
		check_steady(&net, 0);
		in_use(&net, 540000);
		check_steady(&net, 1);
		rig_close(&net);
	}
}

/* From 5 ms to 0.8 s and to 2 s, at once, in each state that a live link can be in. */
static void test_becomes_slow(void **state)
{
	static void (*const use[])(struct net *, int64_t) = {data, in_use, rig_run};

	for (unsigned i = 0; i < 3; i++)
		for (int64_t after = 0; after < 400; after += 20) {
			struct net net;

			open_slow(&net, 5, false, 1, 0);
			rig_run(&net, 10000);
			use[i](&net, 5000);
			rig_run(&net, after);
			net.edge[EDGE].delay_ns = 400 * NS_PER_MS;
			use[i](&net, 30000);
			check_steady(&net, 0);
			net.edge[EDGE].delay_ns = 1000 * NS_PER_MS;
			use[i](&net, 30000);
			check_steady(&net, 0);
			assert_true(rig_peer(&net, EDGE, 0)->rtt_ns > 1200 * NS_PER_MS);
			rig_close(&net);
		}
}

/* A silence of a second is a link that is down, as far as anybody can know; but it comes back with the round trip it has now. Whether
 * it goes down once or twice until then depends on when the hellos before were sent, and so on the seed. */
static void test_two_seconds_at_once(void **state)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct net net;

		open_slow(&net, 5, false, seed, 0);
		rig_run(&net, 10000);
		net.edge[EDGE].delay_ns = NS_PER_S;
		in_use(&net, 20000);
		check_steady(&net, 2);
		in_use(&net, 100000);
		check_steady(&net, 2);
		rig_close(&net);
	}
}

/* One answer that took long does not make a short link slow to notice that it is cut. */
static void test_one_late_answer(void **state)
{
	struct net net;
	int64_t ms = 0;

	open_slow(&net, 2, false, 1, 0);
	rig_run(&net, 10000);
	in_use(&net, 3000);
	for (unsigned side = 0; side < 2; side++)
		peer_rtt_sample(rig_peer(&net, EDGE, side), 350 * NS_PER_MS);
	net_edge(&net, EDGE, false);
	for (; peer_up(rig_peer(&net, EDGE, 0)); ms += 10)
		rig_run(&net, 10);
	assert_in_range(ms, 400, 1000);
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_comes_up_and_stays_up),
	        cmocka_unit_test(test_first_sample_is_the_handshake),
	        cmocka_unit_test(test_loss_on_a_long_way),
	        cmocka_unit_test(test_becomes_slow),
	        cmocka_unit_test(test_two_seconds_at_once),
	        cmocka_unit_test(test_one_late_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
