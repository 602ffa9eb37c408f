/* SPDX-License-Identifier: BSD-3-Clause */
/* Noise and bent packets at every input of a node that lives in a network: no crash, no growth, and it still does its work. */
#include "rig.h"

#include <string.h>

#define TAPE 512

/* Events of real workers, taken down as they pass. */
struct tape {
	struct dp_event ev[TAPE];
	uint32_t seen;
	void (*on)(void *arg, const struct dp_event *ev);
	struct sim_node *node;
	unsigned arrived;
};

static struct tape tape;

static void tap(void *arg, const struct dp_event *ev)
{
	if (ev->type == EVT_PACKET && arg == tape.node) {
		struct dp_event *to = &tape.ev[tape.seen++ % TAPE];

		memcpy(to, ev, offsetof(struct dp_event, u.packet.data) + ev->u.packet.len);
	}
	tape.on(arg, ev);
}

static void on_probe(void *arg, uint32_t probe, uint32_t node, const struct node_id *remote,
                     bool at_end, enum mw_drop why)
{
	tape.arrived += remote != NULL;
}

static size_t state_of(const struct sim_node *s)
{
	struct node_stats st;

	node_stats(s->node, &st);
	return st.state_bytes;
}

static void begin(struct net *net, bool plain)
{
	rig_open(net, TOPO_FIVE, 5, 31, plain, 1);
	memset(&tape, 0, sizeof(tape));
	tape.node = &net->node[1];
	tape.on = net->node[1].mw->ops.event;
	net->node[1].mw->ops.event = tap;
	net->hooks = (struct net_hooks){.probe_end = on_probe};
	rig_run(net, 10000);
}

/* Nodes 0 and 4 talk through node 1. */
static void check_works(struct net *net)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 5};

	r.id = net->node[4].identity.id;
	net_request(net, 0, &r);
	rig_run(net, 5000);
	tape.arrived = 0;
	assert_true(net_inject(net, 0, &r.id, 1));
	rig_run(net, 1000);
	assert_true(tape.arrived >= 1);
}

static void test_noise(void **state)
{
	static struct dp_event ev;
	struct net net;
	size_t before;

	begin(&net, false);
	before = state_of(tape.node);
	for (unsigned i = 0; i < 60000; i++) {
		struct dp_packet *p = &ev.u.packet;

		memset(&ev, 0, offsetof(struct dp_event, u.packet.data));
		ev.type = EVT_PACKET;
		p->reason = (uint8_t)rng_below(&net.rng, PUNT_REASONS + 1);
		p->link = (uint16_t)rng_below(&net.rng, 5);
		p->authenticated = (uint8_t)rng_below(&net.rng, 2);
		p->in_label = (uint32_t)rng_u64(&net.rng);
		p->session = (uint32_t)rng_below(&net.rng, 3);
		p->number = (uint8_t)rng_below(&net.rng, 5);
		p->len = (uint16_t)rng_below(&net.rng, 1201);
		rng_fill(&net.rng, p->data, p->len);
		tape.on(tape.node, &ev);
		if (i % 50 == 0)
			rig_run(&net, 1);
	}
	assert_true(state_of(tape.node) < 2 * before + 65536);
	rig_run(&net, 20000);
	check_works(&net);
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

static void bend(struct net *net, struct dp_packet *p)
{
	unsigned n = 1 + (unsigned)rng_below(&net->rng, 4);

	switch (rng_below(&net->rng, 4)) {
	case 0:
		p->len = (uint16_t)rng_below(&net->rng, p->len + 1u);
		break;
	case 1:
		p->reason = (uint8_t)rng_below(&net->rng, PUNT_REASONS);
		break;
	default:
		break;
	}
	while (p->len && n--)
		p->data[rng_below(&net->rng, p->len)] ^= (uint8_t)(1 << rng_below(&net->rng, 8));
}

/* Real packets from a real run, as authentic as they were, with some bits turned. */
static void bent(bool plain)
{
	static struct dp_event ev;
	struct net net;
	size_t most = 0;

	begin(&net, plain);
	check_works(&net);
	assert_true(tape.seen > 50);
	for (unsigned i = 0; i < 60000; i++) {
		uint32_t have = tape.seen < TAPE ? tape.seen : TAPE;

		ev = tape.ev[rng_below(&net.rng, have)];
		bend(&net, &ev.u.packet);
		tape.on(tape.node, &ev);
		if (i % 20 == 0)
			rig_run(&net, 5);
		if (state_of(tape.node) > most)
			most = state_of(tape.node);
	}
	assert_true(most < 4u << 20);
	rig_run(&net, 200000);
	assert_true(state_of(tape.node) < 1u << 20);
	check_works(&net);
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

static void test_bent_plain(void **state)
{
	bent(true);
}

static void test_bent_sealed(void **state)
{
	bent(false);
}

/* Events that name what is not there. */
static void test_strange_events(void **state)
{
	static struct dp_event ev;
	struct lone o;
	struct node_event e = {.type = NODE_WORKER_EVENT, .u.worker = &ev};

	lone_open(&o, 33);
	for (unsigned i = 0; i < 50000; i++) {
		rng_fill(&o.rng, &ev, offsetof(struct dp_event, u.packet.data) + 300);
		ev.type = (uint32_t)rng_below(&o.rng, EVT_TYPES + 1);
		if (ev.type == EVT_PACKET)
			ev.u.packet.len = (uint16_t)rng_below(&o.rng, 300);
		o.n->now.ns += NS_PER_MS;
		node_input(o.n, &e, o.n->now);
		node_tick(o.n, o.n->now);
		lone_drain(&o);
	}
	assert_true(o.n->mem.bytes < 16u << 20);
	lone_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_noise),
	        cmocka_unit_test(test_bent_plain),
	        cmocka_unit_test(test_bent_sealed),
	        cmocka_unit_test(test_strange_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
