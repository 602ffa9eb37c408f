/* SPDX-License-Identifier: BSD-3-Clause */
/* The attacker and its judge: that it captures, mines and lies as it says, that figures beyond a bound are called so, that a run repeats. */
#include "attack_report.h"
#include "hashsig.h"

#include "anchor/anchor.h"

#include <stdio.h>
#include <string.h>

static unsigned failures;

static void check(bool ok, const char *what, double got)
{
	printf("%s: %s (%g)\n", ok ? "ok" : "FAILED", what, got);
	failures += !ok;
}

static void small(struct scenario_cfg *cfg, enum attack_kind kind)
{
	scenario_cfg_default(cfg);
	cfg->scenario = SCN_ATTACK;
	cfg->topology = TOPO_GRID;
	cfg->nodes = 9;
	cfg->net.plain = cfg->net.hashed_signatures = true;
	cfg->expiry = false;
	cfg->attack.kind = kind;
	cfg->attack.seconds = 20;
	cfg->attack.after_s = 10;
	cfg->attack.rate = 10;
}

/* ---- the attacker ---- */
static void open_net(struct net *net, struct attacker *a, enum topo_kind topology, uint32_t n,
                     bool hashed, double share)
{
	struct net_cfg cfg;

	net_cfg_default(&cfg);
	cfg.plain = true;
	cfg.hashed_signatures = hashed;
	net_init(net, &cfg, topology, n, false);
	attacker_init(a, net, ATTACK_SWALLOW, share, 1);
}

static void capture_leaves_the_others_connected(void)
{
	struct attacker a;
	struct net net;
	uint32_t dist[64], n = 0;
	bool rest[64];

	open_net(&net, &a, TOPO_GRID, 64, true, 0.25);
	for (uint32_t i = 0; i < net.n; i++) {
		rest[i] = !a.captured[i];
		n += a.captured[i];
	}
	check(n == 16 && a.ncaptives == 16, "a quarter of 64 nodes is captured", n);
	check(!a.captured[a.first], "the best honest root is not", a.first);
	graph_bfs(&net.graph, a.first, rest, net.up, dist);
	for (uint32_t i = 0; i < net.n; i++)
		if (rest[i] && dist[i] == TOPO_FAR)
			check(false, "an honest node is cut off", i);
	attacker_free(&a);
	net_free(&net);
	open_net(&net, &a, TOPO_LINE, 5, true, 0.9);
	check(a.ncaptives <= 4, "on a line only ends can go", a.ncaptives);
	attacker_free(&a);
	net_free(&net);
}

static void mined_ids_rank_first_and_sign(bool hashed)
{
	struct linkmsg_seq m = {.seq = 7};
	uint8_t body[9];
	struct attacker a;
	struct mined one, two;
	struct net net;

	open_net(&net, &a, TOPO_GRID, 16, hashed, 0);
	attacker_mine(&a, 0, true, &one);
	attacker_mine(&a, 0, true, &two);
	for (uint32_t i = 0; i < net.n; i++)
		if (anchor_hash(0, &net.node[i].identity.id) <= anchor_hash(0, &one.identity.id))
			check(false, "an honest id ranks before the mined one", i);
	check(!id_eq(&one.identity.id, &two.identity.id), "each is new", 0);
	attacker_sign_seq(&a, &one, &m);
	linkmsg_seq_signed(&m, body);
	check((hashed ? hashsig_verify : sig_verify)(m.key, SEQ_CONTEXT, body, sizeof(body),
	                                             m.sig) == 0,
	      "its signature holds", hashed);
	one.keyed = false;
	attacker_sign_seq(&a, &one, &m);
	check((hashed ? hashsig_verify : sig_verify)(m.key, SEQ_CONTEXT, body, sizeof(body),
	                                             m.sig) != 0,
	      "that of a mere name does not", hashed);
	attacker_free(&a);
	net_free(&net);
}

/* ---- the judge ---- */
static void every_kind_lies_and_is_judged(void)
{
	for (int k = ATTACK_NONE + 1; k < ATTACK_KINDS; k++) {
		struct scenario_cfg cfg;
		struct scenario_result r;

		small(&cfg, (enum attack_kind)k);
		printf("%s\n", attack_ways[k].name);
		check(attack_kind(attack_ways[k].name) == k, "it is found by its name", k);
		check(scenario_run(&cfg, &r) == 0, "the scenario ran", k);
		check(r.attack.lies > 0, "lies were told", (double)r.attack.lies);
		check(r.attack.base_delivered_mean > 0.99, "without it nearly all is delivered",
		      r.attack.base_delivered_mean);
		check(r.attack.bytes_ratio > 0, "its cost is measured", r.attack.bytes_ratio);
		check(r.attack.nwindows == 4, "two windows in it, two after it", r.attack.nwindows);
		scenario_result_free(&r);
	}
	check(attack_kind("root") < 0, "another name is no kind", 0);
}

/* A net without attackers is calm at once, and one that swallows everything is noticed. */
static void the_judge_can_say_both(void)
{
	struct scenario_cfg cfg;
	struct scenario_result r;

	small(&cfg, ATTACK_SWALLOW);
	check(scenario_run(&cfg, &r) == 0, "the scenario ran", 0);
	check(r.attack.delivered_mean < 0.99 && r.attack.delivered_min <= r.attack.delivered_mean,
	      "what a transit swallows is not delivered", r.attack.delivered_mean);
	scenario_result_free(&r);
	cfg.attack.lies = false;
	cfg.attack.seconds = 10;
	check(scenario_run(&cfg, &r) == 0, "the scenario ran", 0);
	check(r.attack.lies == 0, "nothing was swallowed", (double)r.attack.lies);
	check(r.attack.delivered_mean == 1.0 && r.attack.calm_s == 0,
	      "all is delivered and calm without the attacker", r.attack.calm_s);
	check(r.attack.roots == 1 && r.attack.followed == 0, "under one honest root",
	      r.attack.roots);
	scenario_result_free(&r);
}

static void bounds_are_judged(void)
{
	static const struct scenario_result good = {.attack = {.lies = 1,
	                                                       .delivered_mean = 0.99,
	                                                       .bytes_ratio = 2,
	                                                       .calm_s = 60,
	                                                       .admitted = NOT_MEASURED}};
	struct scenario_result r = good;
	struct attack_cfg cfg;

	attack_cfg_default(&cfg);
	r.attack.lies = 0;
	check(attack_beyond(&cfg, &r) == 0, "without bounds nothing is beyond", 0);
	r = good;
	cfg.min_delivered = 0.99;
	cfg.max_bytes_ratio = 2;
	cfg.max_calm_s = 60;
	check(attack_beyond(&cfg, &r) == 0, "at its bounds it holds", 0);
	r.attack.delivered_mean = 0.989;
	check(attack_beyond(&cfg, &r) == 1, "too little delivered", r.attack.delivered_mean);
	r = good;
	r.attack.bytes_ratio = 2.01;
	check(attack_beyond(&cfg, &r) == 1, "too many bytes", r.attack.bytes_ratio);
	r = good;
	r.attack.calm_s = NOT_MEASURED;
	check(attack_beyond(&cfg, &r) == 1, "never calm", r.attack.calm_s);
	r.attack.calm_s = 61;
	check(attack_beyond(&cfg, &r) == 1, "calm too late", r.attack.calm_s);
	r = good;
	r.attack.admitted = 1;
	r.misdelivered = 1;
	r.labels_leaked = 1;
	r.attack.lies = 0;
	check(attack_beyond(&cfg, &r) == 4, "admitted, misdelivered, leaked, no lie told", 4);
}

static uint64_t hash_of(uint64_t seed)
{
	struct scenario_cfg cfg;
	struct scenario_result r;
	uint64_t hash;

	small(&cfg, ATTACK_ROOT_FLAP);
	cfg.net.seed = seed;
	check(scenario_run(&cfg, &r) == 0, "the scenario ran", 0);
	hash = r.trace_hash;
	scenario_result_free(&r);
	return hash;
}

static void the_same_seed_is_the_same_attack(void)
{
	uint64_t one = hash_of(7);

	check(one == hash_of(7), "the same seed gives the same trace", 0);
	check(one != hash_of(8), "another seed gives another trace", 0);
}

int main(void)
{
	capture_leaves_the_others_connected();
	mined_ids_rank_first_and_sign(true);
	mined_ids_rank_first_and_sign(false);
	every_kind_lies_and_is_judged();
	the_judge_can_say_both();
	bounds_are_judged();
	the_same_seed_is_the_same_attack();
	printf("%u failed\n", failures);
	return failures != 0;
}
