/* SPDX-License-Identifier: BSD-3-Clause */
/* A daemon is started anew while both ends of its link begin handshakes, at any moment, also beside replays of all that was said before. */
#include "rig.h"

#include "peer/peer.h"

#include <stdlib.h>
#include <string.h>

#define KEPT  64
#define EVERY (7 * NS_PER_MS) /* a replay to each end */
#define EDGE  1               /* both ends of it dial */

static bool many;

/* Handshake frames that have arrived over the edge, by who got them. */
struct tape {
	struct net *net;
	struct frame *kept[2][KEPT];
	unsigned n[2];
};

static struct frame *record(void *arg, uint32_t node, uint16_t link, struct frame *f, bool out)
{
	struct tape *t = arg;
	const struct sim_edge *e = &t->net->edge[EDGE];
	unsigned to = node == e->node[1];
	struct frame **slot;

	if (out || !f->raw || node != e->node[to] || link != e->link[to])
		return f;
	slot = &t->kept[to][t->n[to]++ % KEPT];
	free(*slot);
	*slot = frame_new(f->len);
	memcpy((*slot)->data, f->data, f->len);
	return f;
}

/* One of the frames for this end once more, from an address of the attacker's. */
static void replay(struct tape *t, unsigned to)
{
	const struct sim_edge *e = &t->net->edge[EDGE];
	struct sim_node *s = &t->net->node[e->node[to]];
	unsigned have = t->n[to] < KEPT ? t->n[to] : KEPT;
	const struct frame *old;
	struct frame *f;

	if (!have || !s->node)
		return;
	old = t->kept[to][rng_below(&t->net->rng, have)];
	f = frame_new(old->len);
	memcpy(f->data, old->data, old->len);
	f->raw = 1;
	f->family = 4;
	f->port = 99;
	be32_store(f->addr, 0xc0000201);
	mw_receive(s->mw, e->link[to], f, t->net->now);
}

static void run(struct tape *t, bool replays, int64_t ns)
{
	int64_t until = t->net->now.ns + ns;

	while (replays && t->net->now.ns + EVERY < until) {
		net_run(t->net, t->net->now.ns + EVERY);
		replay(t, 0);
		replay(t, 1);
	}
	net_run(t->net, until);
}

/* Control threads that are slow, and workers: keys every second, so that one is often due. */
static void open_slow(struct net *net, struct tape *t, uint64_t seed)
{
	static const int64_t exec_ms[] = {1, 20, 100};
	struct net_cfg cfg;

	net_cfg_default(&cfg);
	cfg.seed = seed;
	cfg.hashed_signatures = true;
	cfg.delay_min_ns = 50 * NS_PER_US;
	cfg.delay_max_ns = (seed % 4 == 0 ? 40 : (int64_t)(seed % 4)) * NS_PER_MS;
	cfg.exec_max_ns = exec_ms[seed % 3] * NS_PER_MS;
	cfg.ack_ns = (int64_t)(seed % 5) * 5 * NS_PER_MS;
	net_init(net, &cfg, TOPO_LINE, 3, false);
	net->tap = (struct net_tap){record, t};
	net_run(net, 2 * NS_PER_S);
	for (uint32_t i = 0; i < 3; i++)
		net->node[i].node->cfg.rekey_ns = NS_PER_S;
}

static void close_slow(struct net *net, struct tape *t)
{
	for (unsigned i = 0; i < 2 * KEPT; i++)
		free(t->kept[i / KEPT][i % KEPT]);
	rig_close(net);
}

/* The end that has not noticed asks for new keys: what it says, the other cannot read any more. */
static void ask(struct net *net, unsigned side)
{
	uint32_t at = net->edge[EDGE].node[side];

	peer_handshake_start(net->node[at].node, rig_peer(net, EDGE, side));
	rig_kick(net, at);
}

/* Begins one end anew soon enough that the other, which asks for new keys within a few round trips of it, has not noticed. */
static void begin_anew(struct tape *t, unsigned side, bool replays)
{
	struct net *net = t->net;
	uint32_t at = net->edge[EDGE].node[side];
	int64_t span = 2 * (net->edge[EDGE].delay_ns + net->cfg.exec_max_ns + net->cfg.ack_ns);
	int64_t asks = (int64_t)rng_below(&net->rng, (uint64_t)span);
	bool first = rng_below(&net->rng, 2);

	net_kill(net, at);
	run(t, replays, (int64_t)rng_below(&net->rng, 200 * NS_PER_MS));
	if (first) {
		ask(net, !side);
		run(t, replays, asks);
	}
	net_start(net, at);
	net->node[at].node->cfg.rekey_ns = NS_PER_S;
	if (!first) {
		run(t, replays, asks);
		ask(net, !side);
	}
}

/* Whether the link has come up once at the end that began anew, gone down once at the other, and is up. */
static bool once(uint64_t seed, bool replays)
{
	struct net net;
	struct tape t = {.net = &net};
	unsigned side = seed / 2 % 2;
	const struct peer *anew, *other;
	bool good;

	open_slow(&net, &t, seed);
	run(&t, false, 2 * NS_PER_S + (int64_t)rng_below(&net.rng, NS_PER_S));
	begin_anew(&t, side, replays);
	run(&t, replays, 4 * NS_PER_S);
	anew = rig_peer(&net, EDGE, side);
	other = rig_peer(&net, EDGE, !side);
	good = peer_up(anew) && peer_up(other) && anew->flaps == 0 && other->flaps <= 1;
	if (!good)
		print_message("seed %lu: %u and %u flaps\n", (unsigned long)seed, anew->flaps,
		              other->flaps);
	close_slow(&net, &t);
	return good;
}

/* Messages of XX and of IK alike come once more at every point of a rekey, also between its answer and the first packet under the new keys: the link
 * goes on with them as if nothing had come. */
static void test_rekeys_beside_replays(void **state)
{
	for (uint64_t seed = 1; seed <= (many ? 300 : 20); seed++) {
		struct net net;
		struct tape t = {.net = &net};

		open_slow(&net, &t, seed);
		ask(&net, 0);
		for (unsigned ms = 0; ms < 12000; ms++) {
			net_run(&net, net.now.ns + NS_PER_MS);
			if (rig_peer(&net, EDGE, ms % 2)->own.active ||
			    rig_peer(&net, EDGE, !(ms % 2))->grant[0].rx.count || ms % 50 == 0)
				replay(&t, rng_below(&net.rng, 2));
		}
		for (unsigned side = 0; side < 2; side++) {
			const struct peer *p = rig_peer(&net, EDGE, side);

			assert_true(peer_up(p));
			assert_int_equal(p->flaps, 0);
			assert_in_range(p->rekeys, 6, 40);
		}
		close_slow(&net, &t);
	}
}

static void all(unsigned seeds, bool replays)
{
	unsigned bad = 0;

	for (uint64_t seed = 1; seed <= seeds; seed++)
		bad += !once(seed, replays);
	assert_int_equal(bad, 0);
}

static void test_restart_while_both_dial(void **state)
{
	all(many ? 10000 : 400, false);
}

static void test_restart_beside_replays(void **state)
{
	all(many ? 1000 : 100, true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_restart_while_both_dial),
	        cmocka_unit_test(test_restart_beside_replays),
	        cmocka_unit_test(test_rekeys_beside_replays),
	};

	many = argc > 1 && strcmp(argv[1], "long") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
