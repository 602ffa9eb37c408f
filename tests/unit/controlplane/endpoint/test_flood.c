/* SPDX-License-Identifier: BSD-3-Clause */
/* Honest set-ups beside hostile ones, in the simulator's network: each hostile one in another name, with a right mac1 and an ephemeral key of
 * its own, as somebody sends who knows the protocol and has time. The rate that counts is what the victim has counted. */
#include "rig.h"

#include "crypto/cookie.h"
#include "endpoint/session.h"
#include "peer/peer.h"
#include "wire/hsmsg.h"
#include "wire/lspmsg.h"
#include "wire/routed.h"

#include <stdio.h>
#include <string.h>

struct ears {
	unsigned connected, failed;
};

static void on_answer(void *arg, uint32_t node, const struct node_answer *a)
{
	struct ears *e = arg;

	e->connected += a->type == ANS_CONNECTED;
	e->failed += a->type == ANS_FAILED;
}

static void ask(struct net *net, uint32_t a, uint32_t b)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 1 + a};

	r.id = net->node[b].identity.id;
	net_request(net, a, &r);
}

/* The number that `at` gives its link to `to`, or LINK_NONE. */
static uint16_t link_between(const struct net *net, uint32_t at, uint32_t to)
{
	for (uint32_t l = 0; l < net->node[at].nlinks; l++) {
		uint32_t e = net->node[at].edge[l];
		const struct sim_edge *x = &net->edge[e / 2];

		if (e != UINT32_MAX && x->node[1 - (e & 1)] == to)
			return (uint16_t)l;
	}
	return LINK_NONE;
}

static size_t envelope(struct net *net, const struct node_id *dst, uint8_t out[LSP_ENVELOPE_MAX])
{
	struct hs_payload p = {.tx_lanes = 1, .caps = HS_CAP_CHACHA};
	uint8_t noise[32 + HS_PAYLOAD_MAX];
	size_t len, total;

	rng_fill(&net->rng, noise, 32);
	len = 32 + hs_payload_write(&p, noise + 32, sizeof(noise) - 32);
	total = hs_envelope_write(noise, len, 192, out, LSP_ENVELOPE_MAX);
	assert_true(total > 0);
	cookie_mac1(dst, out, total - HS_MACS_BYTES, out + total - HS_MACS_BYTES);
	return total;
}

/* A set-up for `victim` comes to `at` by its link from a liar. */
static void lie(struct net *net, uint32_t at, uint16_t link, uint32_t victim)
{
	static struct dp_event ev;
	struct routed_header h = {.next = NEXT_ROUTE, .hop_limit = 60};
	struct route_ext e = {.next = NEXT_SETUP};
	struct setup_msg m = {.mtu = 1280, .hops = 1, .nonce = rng_u64(&net->rng)};
	uint8_t env[LSP_ENVELOPE_MAX];
	struct dp_packet *p = &ev.u.packet;
	struct wr w = wr_init(p->data, CONTROL_PACKET_MAX), head;
	struct miniworker *mw = net->node[at].mw;

	memset(&ev, 0, offsetof(struct dp_event, u.packet.data));
	ev.type = EVT_PACKET;
	p->reason = PUNT_CONTROL;
	p->authenticated = 1;
	p->link = link;
	rng_fill(&net->rng, h.src.b, ID_BYTES);
	h.dst = net->node[victim].identity.id;
	m.envelope = env;
	m.envelope_len = (uint16_t)envelope(net, &h.dst, env);
	m.reverse_label = 16 + (uint32_t)rng_below(&net->rng, 1000000);
	control_stack_write(&w, LABEL_NONE, 255);
	ach_write(&w, ACH_ROUTED);
	head = w;
	routed_header_write(&w, &h);
	route_ext_write(&w, &e);
	setup_write(&w, &m);
	assert_true(wr_ok(&w));
	h.length = (uint16_t)(wr_len(&w) - wr_len(&head) - ROUTED_HEADER_BYTES);
	routed_header_write(&head, &h);
	p->len = (uint16_t)wr_len(&w);
	mw->ops.event(mw->ops.arg, &ev);
}

static uint64_t counted(const struct net *net, uint32_t node, enum counter c)
{
	return net->node[node].node->counters[c];
}

/* While lies come by `link` to `at`, every node but `liar` asks for a session with `victim`. */
static void flood(struct net *net, uint32_t at, uint32_t liar, uint32_t victim, unsigned rate)
{
	uint16_t link = link_between(net, at, liar);
	unsigned asked = 0;
	struct ears ears = {0};
	uint64_t before;
	int64_t began;
	double hostile;

	assert_int_not_equal(link, LINK_NONE);
	net->hooks = (struct net_hooks){.answer = on_answer, .arg = &ears};
	before = counted(net, victim, CTR_SETUP_RX);
	began = net->now.ns;
	for (unsigned ms = 0, next = 0; ms < 8000; ms++) {
		for (unsigned i = 0; i < rate / 1000; i++)
			lie(net, at, link, victim);
		if (ms >= 2000 && ms % 100 == 0 && next < net->n) {
			if (next != victim && next != liar) {
				ask(net, next, victim);
				asked++;
			}
			next++;
		}
		rig_run(net, 1);
	}
	hostile = (double)(counted(net, victim, CTR_SETUP_RX) - before) * 1e9 /
	          (double)(net->now.ns - began);
	printf("%u honest set-ups of %u, beside %.0f/s; puzzles asked %lu, solved %lu; sessions "
	       "%u, "
	       "unproven tunnels %u\n",
	       ears.connected, asked, hostile,
	       (unsigned long)counted(net, victim, CTR_PUZZLE_ASKED),
	       (unsigned long)counted(net, victim, CTR_PUZZLE_SOLVED),
	       net->node[victim].node->sessions->count,
	       net->node[victim].node->sessions->unproven.count);
	assert_true(hostile >= rate * 0.99);
	assert_true(ears.connected * 100 >= asked * 99);
	assert_true(net->node[victim].node->sessions->count <= asked);
	assert_true(net->node[victim].node->sessions->unproven.count <= UNPROVEN_MAX);
	/* When it is over nothing of it is left. */
	rig_run(net, 12000);
	assert_int_equal(net->node[victim].node->sessions->unproven.count, 0);
	net->hooks = (struct net_hooks){0};
}

/* Hostile and honest ones come by the same link: there is no share to tell them apart by. */
static void test_through_a_transit(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		uint32_t transit = UINT32_MAX, liar = UINT32_MAX;
		struct net net;

		rig_open(&net, TOPO_TREE, 36, seed, true, 15);
		for (uint32_t a = 1; a < net.n && liar == UINT32_MAX; a++)
			for (uint32_t b = 1; b < net.n; b++)
				if (link_between(&net, a, 0) != LINK_NONE && b != a &&
				    link_between(&net, a, b) != LINK_NONE) {
					transit = a;
					liar = b;
				}
		assert_int_not_equal(liar, UINT32_MAX);
		flood(&net, transit, liar, 0, 1000);
		rig_close(&net);
	}
}

/* The liar is held to its link's share. */
static void test_from_a_neighbour(void **state)
{
	struct net net;

	rig_open(&net, TOPO_FULL, 36, 5, true, 15);
	flood(&net, 0, 1, 0, 20000);
	rig_close(&net);
}

/* ---- guests ---- */

#define TRANSIT 1u
#define LIAR    2u
#define GUESTS  3u /* nodes from this one on */
#define COMES   (100 * NS_PER_MS)

/* A node that joins in a new name, connects, stays for a second and goes. */
struct guest {
	uint32_t node;
	int64_t came, asked_at; /* asked_at 0: not yet */
	bool done;
};

struct guests {
	struct net *net;
	struct guest g[6];
	unsigned good, failed;
	int64_t most;
};

static void guest_hears(void *arg, uint32_t node, const struct node_answer *a)
{
	struct guests *all = arg;
	struct guest *g = &all->g[node - GUESTS];
	int64_t took = all->net->now.ns - g->asked_at;

	if (node < GUESTS || !g->asked_at || g->done ||
	    (a->type != ANS_CONNECTED && a->type != ANS_FAILED))
		return;
	g->done = true;
	all->good += a->type == ANS_CONNECTED;
	all->failed += a->type == ANS_FAILED;
	all->most = took > all->most ? took : all->most;
}

static bool joined(const struct sim_node *s)
{
	const struct peer *p;

	TAILQ_FOREACH (p, &s->node->peers->list, next)
		if (peer_up(p))
			return true;
	return false;
}

static void guest_step(struct guests *all, struct guest *g)
{
	struct net *net = all->net;
	struct sim_node *s = &net->node[g->node];

	if (!g->came || (g->done && net->now.ns - g->came >= NS_PER_S)) {
		net_kill(net, g->node);
		s->snapshot_len = 0;
		assert_int_equal(identity_generate(&s->identity, &net->rng), 0);
		net_start(net, g->node);
		*g = (struct guest){.node = g->node, .came = net->now.ns};
	} else if (!g->asked_at && net->now.ns - g->came >= COMES && joined(s)) {
		g->asked_at = net->now.ns;
		ask(net, g->node, 0);
	}
}

/* The victim, a liar and six guests around one transit. */
static void star(struct net *net, uint64_t seed)
{
	rig_open(net, TOPO_FULL, GUESTS + 6, seed, false, 0);
	for (uint32_t e = 0; e < net->graph.m; e++)
		net_edge(net, e,
		         net->edge[e].node[0] == TRANSIT || net->edge[e].node[1] == TRANSIT);
	rig_run(net, 15000);
}

/* Each guest that comes gets its session at once, though the trees have other roots all the time because of guests that were roots and left, so that
 * what a newcomer is told of the victim's place is of no use to it; beside lies also though a puzzle is asked of it. */
static void guests(uint64_t seed, bool lies)
{
	struct guests all = {0};
	struct net net;
	uint16_t link;

	star(&net, seed);
	all.net = &net;
	link = link_between(&net, TRANSIT, LIAR);
	net.hooks = (struct net_hooks){.answer = guest_hears, .arg = &all};
	for (unsigned ms = 0; ms < 40000; ms++) {
		if (lies)
			lie(&net, TRANSIT, link, 0);
		for (unsigned i = 0; ms >= 2000 && i < 6; i++) {
			all.g[i].node = GUESTS + i;
			if (ms >= 2000 + 300 * i)
				guest_step(&all, &all.g[i]);
		}
		rig_run(&net, 1);
	}
	printf("%u guests connected, %u did not, %.3f s at most; puzzles asked %lu, solved %lu\n",
	       all.good, all.failed, (double)all.most / 1e9,
	       (unsigned long)counted(&net, 0, CTR_PUZZLE_ASKED),
	       (unsigned long)counted(&net, 0, CTR_PUZZLE_SOLVED));
	assert_int_equal(all.failed, 0);
	assert_in_range(all.good, 60, 300);
	assert_in_range(all.most, 1, NS_PER_S / 2);
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

static void test_guests_come_and_go(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		guests(seed, false);
}

static void test_guests_beside_lies(void **state)
{
	for (uint64_t seed = 1; seed <= 3; seed++)
		guests(seed, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_through_a_transit),
	        cmocka_unit_test(test_from_a_neighbour),
	        cmocka_unit_test(test_guests_come_and_go),
	        cmocka_unit_test(test_guests_beside_lies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
