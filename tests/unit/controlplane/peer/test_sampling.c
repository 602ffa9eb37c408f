/* SPDX-License-Identifier: BSD-3-Clause */
/* What left in runs is asked about over the wire, and runs are turned off and on again; the test is both nodes' worker. */
#include "rig.h"

#include "peer/peer.h"

#include <string.h>

#define INDEX 77 /* of the lane */

static struct net net;
static uint64_t first; /* counter of the next sample */

static void open_link(void)
{
	rig_open(&net, TOPO_LINE, 2, 5, false, 5);
	assert_true(peer_up(rig_peer(&net, 0, 0)) && peer_up(rig_peer(&net, 0, 1)));
	first = 1000;
}

static void tell(unsigned side, const struct dp_event *e)
{
	struct node_event ev = {.type = NODE_WORKER_EVENT, .u.worker = e};

	rig_input(&net, net.edge[0].node[side], &ev);
}

/* Ten datagrams leave in a run, or instead of one; of them so many bits come. */
static void sample(uint64_t came)
{
	struct dp_event e = {.type = EVT_LINK_RUN};

	e.u.run_link = rig_peer(&net, 0, 0)->link;
	tell(0, &e);
	rig_run(&net, 51);
	assert_int_equal(rig_peer(&net, 0, 0)->sampling.step, SAMPLING_TAKEN);
	e = (struct dp_event){.type = EVT_LINK_SAMPLE};
	e.u.sample = (struct dp_link_sample){.link = rig_peer(&net, 0, 0)->link,
	                                     .index = INDEX,
	                                     .first = first,
	                                     .sent = {0x3ff},
	                                     .member = {0x3ff}};
	tell(0, &e);
	rig_run(&net, 60);
	assert_int_equal(rig_peer(&net, 0, 0)->sampling.step, SAMPLING_ASKED);
	e = (struct dp_event){.type = EVT_LANE_SEEN};
	e.u.lane_seen = (struct dp_lane_seen){
	        .link = rig_peer(&net, 0, 1)->link, .index = INDEX, .first = first, .seen = {came}};
	tell(1, &e);
	rig_run(&net, 15);
	assert_int_not_equal(rig_peer(&net, 0, 0)->sampling.step, SAMPLING_ASKED);
	first += 300;
}

static uint8_t state_of(void)
{
	return rig_peer(&net, 0, 0)->sampling.runs.state;
}

static void test_runs_go_off_and_come_back(void **state)
{
	struct instant began;

	open_link();
	began = net.now;
	sample(0x001); /* only the first */
	assert_int_equal(state_of(), RUNS_TRIAL);
	/* The worker knows at once, and the next sample may begin. */
	assert_int_equal(rig_peer(&net, 0, 0)->sampling.step, SAMPLING_WAITED);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(state_of(), RUNS_TRIAL);
		sample(0x3ff);
		rig_run(&net, 30);
	}
	assert_int_equal(state_of(), RUNS_OFF);
	assert_true(instant_sub(net.now, began) < 2 * NS_PER_S);
	rig_run(&net, 9800);
	assert_int_equal(state_of(), RUNS_OFF);
	rig_run(&net, 200);
	assert_int_equal(state_of(), RUNS_RETRY);
	for (unsigned i = 0; i < 7; i++) {
		if (state_of() == RUNS_RETRY)
			sample(0x3ff);
		if (state_of() == RUNS_RETRY)
			rig_run(&net, 30);
	}
	assert_int_equal(state_of(), RUNS_ON);
	assert_int_equal(rig_peer(&net, 0, 0)->sampling.step, SAMPLING_WAITED);
	rig_close(&net);
}

/* Answers that are missing, old, or not to this question decide nothing. */
static void test_nothing_is_concluded_from_silence(void **state)
{
	struct linkmsg_seen m = {.answer = true, .index = INDEX, .first = 5};
	struct dp_event e = {.type = EVT_LINK_RUN};
	struct peer *p;

	open_link();
	p = rig_peer(&net, 0, 0);
	e.u.run_link = p->link;
	sampling_rx(net.node[net.edge[0].node[0]].node, p, &m); /* nothing was asked */
	for (unsigned i = 0; i < 20; i++) {
		tell(0, &e);
		rig_run(&net, 51);
		if (i % 2) { /* else the worker does not answer */
			struct dp_event s = {.type = EVT_LINK_SAMPLE};

			s.u.sample = (struct dp_link_sample){.link = p->link,
			                                     .index = INDEX,
			                                     .sent = {0x3ff},
			                                     .member = {0x3ff}};
			tell(0, &s);
			rig_run(&net, 60);
			assert_int_equal(p->sampling.step, SAMPLING_ASKED);
			sampling_rx(net.node[net.edge[0].node[0]].node, p, &m);
		}
		rig_run(&net, 2000);
		assert_int_equal(p->sampling.step, SAMPLING_WAITED);
		assert_int_equal(state_of(), RUNS_ON);
	}
	assert_int_equal(p->sampling.runs.together.sent, 0);
	rig_close(&net);
}

/* What the neighbour's window has passed counts neither way; and the link may go at any step. */
static void test_unknown_is_not_lost(void **state)
{
	struct dp_event e;

	open_link();
	for (unsigned i = 0; i < 5; i++) {
		e = (struct dp_event){.type = EVT_LINK_RUN};
		e.u.run_link = rig_peer(&net, 0, 0)->link;
		tell(0, &e);
		rig_run(&net, 51);
		e = (struct dp_event){.type = EVT_LINK_SAMPLE};
		e.u.sample = (struct dp_link_sample){.link = rig_peer(&net, 0, 0)->link,
		                                     .index = INDEX,
		                                     .sent = {~0ull, ~0ull},
		                                     .member = {~0ull, ~0ull}};
		tell(0, &e);
		rig_run(&net, 60);
		e = (struct dp_event){.type = EVT_LANE_SEEN};
		e.u.lane_seen = (struct dp_lane_seen){
		        .link = rig_peer(&net, 0, 1)->link, .index = INDEX, .unknown = 100};
		e.u.lane_seen.seen[1] = ~0ull << 36;
		tell(1, &e);
		rig_run(&net, 300);
		assert_int_equal(rig_peer(&net, 0, 0)->sampling.runs.together.lost, 0);
		assert_in_range(rig_peer(&net, 0, 0)->sampling.runs.together.sent, 28, 76);
	}
	e = (struct dp_event){.type = EVT_LINK_RUN};
	e.u.run_link = rig_peer(&net, 0, 0)->link;
	tell(0, &e);
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_runs_go_off_and_come_back),
	        cmocka_unit_test(test_nothing_is_concluded_from_silence),
	        cmocka_unit_test(test_unknown_is_not_lost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
