/* SPDX-License-Identifier: BSD-3-Clause */
/* Acceptance of the control plane in virtual time: every node reaches every node, nothing is misdelivered, nothing is left over. */
#include "audit.h"
#include "scenario.h"

#include <string.h>

static unsigned failures;

static void check(bool ok, const char *what, double got)
{
	printf("%s: %s (%g)\n", ok ? "ok" : "FAILED", what, got);
	failures += !ok;
}

static void run(struct scenario_cfg *cfg, struct scenario_result *r)
{
	int err;

	cfg->explain = true;
	err = scenario_run(cfg, r);
	check(err == 0, "the scenario ran", err);
	printf("%s on %s, %u nodes, %u pairs: hops %.2f, stretch %.3f, first %.3f, set-up %.1f ms, "
	       "recovered %.2f s, state %.0f B/node, cold start %.0f B/node, upkeep %.0f B/s/node, "
	       "hellos %.0f B/s/node, "
	       "%llu events, trace %016llx\n",
	       scenario_name(cfg->scenario), topo_name(cfg->topology), r->nodes, r->pairs,
	       r->hops_mean, r->stretch_mean, r->first_stretch_mean, r->setup_ms_mean, r->recover_s,
	       r->state_bytes_per_node, r->cold_bytes_per_node, r->maintenance_bytes_s_per_node,
	       r->hello_bytes_s_per_node, (unsigned long long)r->events,
	       (unsigned long long)r->trace_hash);
}

/* What every scenario owes. */
static void check_sound(const struct scenario_result *r)
{
	check(r->misdelivered == 0, "misdelivered == 0", (double)r->misdelivered);
	check(r->labels_leaked == 0, "labels_leaked == 0", r->labels_leaked);
	check(r->labels_unreachable == 0, "labels_unreachable == 0", r->labels_unreachable);
	check(r->contradictions == 0, "contradictions == 0", r->contradictions);
	check(r->stuck_queries == 0, "stuck_queries == 0", r->stuck_queries);
	check(r->half_built == 0, "half_built == 0", r->half_built);
	check(r->leaked_allocations == 0, "node_free() frees all", (double)r->leaked_allocations);
}

static void cold(enum topo_kind topology, uint32_t nodes, uint32_t pairs)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.topology = topology;
	cfg.nodes = nodes;
	cfg.pairs = pairs;
	cfg.net.hashed_signatures = nodes > 100;
	run(&cfg, &r);
	check(r.pairs > 0, "pairs were judged", r.pairs);
	check(r.delivered_fraction == 1.0, "delivered_fraction == 1.0", r.delivered_fraction);
	check_sound(&r);
}

static void five(void)
{
	cold(TOPO_FIVE, 5, 1000);
}

/* Every link has a round trip of 400 ms, then of 2 s: timers follow what is measured. */
static void slow(void)
{
	static const struct {
		enum topo_kind topology;
		uint32_t nodes;
		int64_t delay_ms;
	} of[] = {{TOPO_FIVE, 5, 200},
	          {TOPO_RING, 12, 200},
	          {TOPO_FIVE, 5, 1000},
	          {TOPO_LINE, 5, 1000},
	          {TOPO_BA, 24, 1000}};

	for (unsigned i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		struct scenario_cfg cfg;
		struct scenario_result r;

		scenario_cfg_default(&cfg);
		cfg.topology = of[i].topology;
		cfg.nodes = of[i].nodes;
		cfg.pairs = 60;
		cfg.net.delay_min_ns = cfg.net.delay_max_ns = of[i].delay_ms * NS_PER_MS;
		run(&cfg, &r);
		check(r.delivered_fraction == 1.0, "delivered_fraction == 1.0",
		      r.delivered_fraction);
		check_sound(&r);
	}
}

static void fifty(void)
{
	cold(TOPO_BA, 50, 50 * 49);
}

static void ring200(void)
{
	cold(TOPO_RING, 200, 500);
}

static void ring500(void)
{
	cold(TOPO_RING, 500, 2000);
}

static void grid500(void)
{
	cold(TOPO_GRID, 500, 2000);
}

static void ba500(void)
{
	cold(TOPO_BA, 500, 2000);
}

static void tree500(void)
{
	cold(TOPO_TREE, 500, 2000);
}

static void line200(void)
{
	cold(TOPO_LINE, 200, 500);
}

/* Longer than a way may be: who is within 255 hops is reached, who is farther away is told to be too far. */
static void long_line(uint32_t nodes, uint32_t pairs, int64_t warm_s)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.topology = TOPO_LINE;
	cfg.nodes = nodes;
	cfg.pairs = pairs;
	cfg.warm_ns = warm_s * NS_PER_S;
	cfg.net.hashed_signatures = true;
	run(&cfg, &r);
	check(r.too_far_fraction > 0, "some pairs are too far apart", r.too_far_fraction);
	check(r.too_far_answered == 1.0, "each of them is told so", r.too_far_answered);
	check(r.delivered_fraction == 1.0, "all others: delivered_fraction == 1.0",
	      r.delivered_fraction);
	check_sound(&r);
}

static void line320(void)
{
	long_line(320, 300, 0);
}

static void fail200(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.scenario = SCN_FAIL;
	cfg.nodes = 200;
	cfg.pairs = 500;
	cfg.net.hashed_signatures = true;
	run(&cfg, &r);
	check(r.recover_s >= 0 && r.recover_s < 30, "every surviving pair is back within 30 s",
	      r.recover_s);
	check(r.delivered_fraction == 1.0, "new pairs after the repair: delivered_fraction == 1.0",
	      r.delivered_fraction);
	check_sound(&r);
}

static void cut5(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.scenario = SCN_CUT;
	cfg.topology = TOPO_FIVE;
	run(&cfg, &r);
	check(r.recover_s >= 0 && r.recover_s < 10, "the tunnel is back within 10 s", r.recover_s);
	check(r.moved, "over the other path", r.moved);
	check(r.return_s >= 0, "and returns once the edge is back", r.return_s);
	check_sound(&r);
}

static void merge200(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.scenario = SCN_MERGE;
	cfg.topology = TOPO_ISLANDS;
	cfg.nodes = 200;
	cfg.pairs = 500;
	cfg.net.hashed_signatures = true;
	run(&cfg, &r);
	check(r.recover_s >= 0 && r.recover_s < 30, "pairs across the bridge within 30 s",
	      r.recover_s);
	check(r.delivered_fraction == 1.0, "delivered_fraction == 1.0", r.delivered_fraction);
	check_sound(&r);
}

/* The bridge goes and comes back: no damping of changes of root may keep an honest network in two parts. */
static void merge20_again(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	/* Seeds 5 and 6: one side of two sessions gives up when the other's new tunnel has just come. */
	for (uint64_t seed = 4; seed <= 6; seed++) {
		scenario_cfg_default(&cfg);
		cfg.scenario = SCN_MERGE;
		cfg.topology = TOPO_ISLANDS;
		cfg.nodes = 20;
		cfg.pairs = 100;
		cfg.again_s = 60;
		cfg.net.seed = seed;
		cfg.net.hashed_signatures = true;
		run(&cfg, &r);
		check(r.return_s >= 0 && r.return_s < 10,
		      "pairs across the bridge within 10 s of its return", r.return_s);
		check(r.delivered_fraction == 1.0, "delivered_fraction == 1.0",
		      r.delivered_fraction);
		check_sound(&r);
	}
}

static void loss50(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.nodes = 50;
	cfg.pairs = 500;
	cfg.net.loss = 0.02;
	run(&cfg, &r);
	check(r.delivered_fraction == 1.0, "2 % of frames lost: delivered_fraction == 1.0",
	      r.delivered_fraction);
	check_sound(&r);
}

static void flood50(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.scenario = SCN_FLOOD;
	cfg.nodes = 50;
	cfg.pairs = 500;
	run(&cfg, &r);
	check(r.delivered_fraction >= 0.99, "under a flood: delivered_fraction >= 0.99",
	      r.delivered_fraction);
	check_sound(&r);
}

static void churn100(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.scenario = SCN_CHURN;
	cfg.nodes = 100;
	cfg.pairs = 200;
	cfg.churn_s = 300;
	cfg.net.hashed_signatures = true;
	run(&cfg, &r);
	check(r.delivered_fraction >= 0.95, "nodes come and go: delivered_fraction >= 0.95",
	      r.delivered_fraction);
	check_sound(&r);
}

/* Long: every topology under several seeds. */
static void seeds(void)
{
	for (unsigned t = 0; t < TOPO_FIVE; t++)
		for (uint64_t seed = 1; seed <= 4; seed++) {
			struct scenario_cfg cfg;
			struct scenario_result r;

			scenario_cfg_default(&cfg);
			cfg.topology = (enum topo_kind)t;
			cfg.nodes = t == TOPO_FULL ? 40 : 120;
			cfg.pairs = 1000;
			cfg.net.seed = seed;
			cfg.net.hashed_signatures = true;
			run(&cfg, &r);
			check(r.delivered_fraction == 1.0, "delivered_fraction == 1.0",
			      r.delivered_fraction);
			check_sound(&r);
		}
}

/* Long: one large network. */
static void ba2000(void)
{
	cold(TOPO_BA, 2000, 4000);
}

static uint64_t hash_of(uint64_t seed)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	scenario_cfg_default(&cfg);
	cfg.nodes = 30;
	cfg.pairs = 100;
	cfg.net.seed = seed;
	cfg.net.loss = 0.02;
	cfg.expiry = false;
	run(&cfg, &r);
	return r.trace_hash;
}

static void trace(void)
{
	uint64_t one = hash_of(7);

	check(one == hash_of(7), "the same seed gives the same trace", 0);
	check(one != hash_of(8), "another seed gives another trace", 0);
}

/* ---- the judge itself must be able to say no ---- */
struct bench {
	struct net net;
	struct judge judge;
};

static void bench_open(struct bench *b)
{
	struct net_cfg cfg;

	net_cfg_default(&cfg);
	cfg.plain = true;
	net_init(&b->net, &cfg, TOPO_FIVE, 5, false);
	judge_init(&b->judge, &b->net);
	net_run(&b->net, 20 * NS_PER_S);
	judge_pair(&b->judge, 0, 4);
	judge_pair(&b->judge, 0, 3);
	check(judge_run(&b->judge, 0, NS_PER_MS, b->net.now.ns + 10 * NS_PER_S) == 2,
	      "two pairs stand before the damage", 2);
}

static void bench_again(struct bench *b, uint32_t pair)
{
	judge_probe(&b->judge, pair);
	net_run(&b->net, b->net.now.ns + 50 * NS_PER_MS);
}

static const struct mw_session *session(struct bench *b, uint32_t at, uint32_t to)
{
	return mw_session_of(b->net.node[at].mw, &b->net.node[to].identity.id);
}

/* The entry of the next hop that a session's packets meet. */
static struct mw_ilm *next_entry(struct bench *b, uint32_t at, const struct mw_session *s)
{
	uint32_t place = b->net.node[at].edge[s->cfg.out_link] ^ 1;
	uint32_t next = b->net.edge[place / 2].node[place & 1];

	return mw_ilm_find(b->net.node[next].mw, b->net.edge[place / 2].link[place & 1],
	                   s->cfg.out_label);
}

/* Under churn a pair is dropped while its probe is still on the way, and the next pair gets its place. */
static void judge_drops_a_pair(void)
{
	struct bench b;

	bench_open(&b);
	judge_probe(&b.judge, 0);
	b.judge.npairs = 0;
	judge_pair(&b.judge, 0, 3);
	net_run(&b.net, b.net.now.ns + 50 * NS_PER_MS);
	check(b.judge.misdelivered == 0, "a dropped pair's probe has arrived where it was sent",
	      (double)b.judge.misdelivered);
	judge_free(&b.judge);
	net_free(&b.net);
}

static void judge(void)
{
	const struct mw_session *to4, *to3;
	struct mw_ilm *e4, *e3, was;
	struct audit before, after;
	struct bench b;
	struct cp_ilm stray = {.in_link = 0, .in_label = 77777, .op = ILM_SINK};

	bench_open(&b);
	to4 = session(&b, 0, 4);
	to3 = session(&b, 0, 3);
	e4 = to4 ? next_entry(&b, 0, to4) : NULL;
	e3 = to3 ? next_entry(&b, 0, to3) : NULL;
	check(e4 && e3 && e4->op == ILM_SWAP && e3->op == ILM_SWAP, "both pass a transit", 0);
	if (e4 && e3) {
		was = *e4;
		e4->out_label = e3->out_label;
		bench_again(&b, 0);
		check(b.judge.pair[0].state != PAIR_DONE, "a crossed label is not delivered", 0);
		check(b.judge.misdelivered > 0, "and counts as misdelivered",
		      (double)b.judge.misdelivered);
		e4->out_label = was.out_label ^ 1;
		bench_again(&b, 0);
		check(b.judge.pair[0].state != PAIR_DONE, "an unknown label is not delivered", 0);
		*e4 = was;
		bench_again(&b, 0);
		check(b.judge.pair[0].state == PAIR_DONE, "repaired, it is", 0);
		((struct mw_session *)(uintptr_t)to4)->tx.key[5] ^= 1;
		bench_again(&b, 0);
		check(b.judge.pair[0].state != PAIR_DONE, "a wrong key is not delivered", 0);
	}
	audit_take(&before, &b.net);
	mw_ilm_set(&b.net.node[2].mw->link[0], &stray);
	audit_take(&after, &b.net);
	check(after.n == before.n + 1, "a stray entry is found", after.n);
	audit_free(&before);
	audit_free(&after);
	judge_free(&b.judge);
	net_free(&b.net);
	judge_drops_a_pair();
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
        {"slow", slow},         {"five", five},
        {"fifty", fifty},       {"ring200", ring200},
        {"ring500", ring500},   {"grid500", grid500},
        {"ba500", ba500},       {"tree500", tree500},
        {"line200", line200},   {"line320", line320},
        {"fail200", fail200},   {"cut5", cut5},
        {"merge200", merge200}, {"merge20_again", merge20_again},
        {"trace", trace},       {"judge", judge},
        {"loss50", loss50},     {"flood50", flood50},
        {"churn100", churn100}, {"seeds", seeds},
        {"ba2000", ba2000},
};

int main(int argc, char **argv)
{
	for (unsigned i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			printf("%u failed\n", failures);
			return failures != 0;
		}
	fputs("usage: test_sim CASE\n", stderr);
	return 2;
}
