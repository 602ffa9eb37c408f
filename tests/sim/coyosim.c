/* SPDX-License-Identifier: BSD-3-Clause */
/* coyosim: runs one scenario on a simulated network of the real control plane and prints what was measured. */
#include "base/json.h"
#include "attack_report.h"
#include "scenario.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char help[] =
        "usage: coyosim SCENARIO [OPTION...]\n"
        "Runs nodes of the real control plane in virtual time and judges from outside what was "
        "delivered.\n"
        "\n"
        "Scenarios:\n"
        "  converge   cold start, then one connection attempt for each sampled pair\n"
        "  lookup     lookups of ids between sampled pairs\n"
        "  fail       tunnels stand, --kill of the nodes dies silently, the rest must recover\n"
        "  cut        an edge in use is cut and put back: the tunnel moves over and returns\n"
        "  merge      two converged islands are joined by one edge (--topology islands)\n"
        "  churn      nodes live --churn-s seconds on average and come back\n"
        "  flood      one node asks for tunnels to ids nobody has while the others connect\n"
        "  attack     some nodes are in one hostile hand (--attack) for a stated time; the same "
        "run\n"
        "             without them goes before, to compare with\n"
        "\n"
        "Options:\n"
        "  --topology T    full, line, ring, grid, tree, ba, ws, geometric, as, islands or five "
        "[ba]\n"
        "  --nodes N       how many nodes [100]\n"
        "  --seed S        same seed, same run, same trace_hash [1]\n"
        "  --pairs P       pairs to judge; all ordered pairs when there are fewer [1000]\n"
        "  --kill F        share of nodes that die (fail) [0.1]\n"
        "  --churn-s M     mean life of a node in seconds (churn) [60]\n"
        "  --again-s S     the bridge is cut again for so many seconds (merge) [0: it is not]\n"
        "  --loss F        share of frames that every edge loses [0]\n"
        "  --delay-ms A-B  range an edge's one-way delay is drawn from [1-5]\n"
        "  --warm-s S      virtual seconds before pairs are judged [by topology]\n"
        "  --paths D       disjoint paths of a lookup; this version has one, so 1 is all it takes\n"
        "  --no-crypto     signatures are keyed hashes: for thousands of nodes\n"
        "  --plain         plain Ethernet links: no link handshakes\n"
        "  --no-expiry     do not wait until tunnels have expired (labels_leaked is then null)\n"
        "  --explain       failed pairs and leaked labels on stderr\n"
        "  --log           the nodes' log lines on stderr\n"
        "  --json          one JSON document; fractions in 0..1, null: not measured in this "
        "scenario\n"
        "  --help          this text\n"
        "\n"
        "Options of attack:\n"
        "  --attack KIND   root-number, root-phantom, root-stall, root-flap, root-equivocate,\n"
        "                  root-old, sinkhole, swallow or record-replay\n"
        "  --colluders F   share of nodes that are captured, one at least [0]\n"
        "  --attack-s S    from its beginning to its end [600]\n"
        "  --after-s S     how long the network is watched afterwards [120]\n"
        "  --rate R        lies a second of each captured node and link (root-phantom) [100]\n"
        "  --min-delivered F, --max-bytes-ratio R, --calm-s S\n"
        "                  bounds; status 1 when one does not hold, or anything is misdelivered,\n"
        "                  leaked, or admitted though dead\n";

enum option_id {
	OPT_TOPOLOGY = 256,
	OPT_NODES,
	OPT_SEED,
	OPT_PAIRS,
	OPT_KILL,
	OPT_CHURN,
	OPT_AGAIN,
	OPT_LOSS,
	OPT_DELAY,
	OPT_WARM,
	OPT_PATHS,
	OPT_ATTACK, /* from here to OPT_CALM: options of attack alone */
	OPT_COLLUDERS,
	OPT_ATTACK_S,
	OPT_AFTER_S,
	OPT_RATE,
	OPT_MIN_DELIVERED,
	OPT_MAX_BYTES_RATIO,
	OPT_CALM,
	OPT_NO_CRYPTO,
	OPT_PLAIN,
	OPT_NO_EXPIRY,
	OPT_EXPLAIN,
	OPT_LOG,
	OPT_JSON,
	OPT_HELP,
};

static const struct option options[] = {
        {"topology", required_argument, NULL, OPT_TOPOLOGY},
        {"nodes", required_argument, NULL, OPT_NODES},
        {"seed", required_argument, NULL, OPT_SEED},
        {"pairs", required_argument, NULL, OPT_PAIRS},
        {"kill", required_argument, NULL, OPT_KILL},
        {"churn-s", required_argument, NULL, OPT_CHURN},
        {"again-s", required_argument, NULL, OPT_AGAIN},
        {"loss", required_argument, NULL, OPT_LOSS},
        {"delay-ms", required_argument, NULL, OPT_DELAY},
        {"warm-s", required_argument, NULL, OPT_WARM},
        {"paths", required_argument, NULL, OPT_PATHS},
        {"attack", required_argument, NULL, OPT_ATTACK},
        {"colluders", required_argument, NULL, OPT_COLLUDERS},
        {"attack-s", required_argument, NULL, OPT_ATTACK_S},
        {"after-s", required_argument, NULL, OPT_AFTER_S},
        {"rate", required_argument, NULL, OPT_RATE},
        {"min-delivered", required_argument, NULL, OPT_MIN_DELIVERED},
        {"max-bytes-ratio", required_argument, NULL, OPT_MAX_BYTES_RATIO},
        {"calm-s", required_argument, NULL, OPT_CALM},
        {"no-crypto", no_argument, NULL, OPT_NO_CRYPTO},
        {"plain", no_argument, NULL, OPT_PLAIN},
        {"no-expiry", no_argument, NULL, OPT_NO_EXPIRY},
        {"explain", no_argument, NULL, OPT_EXPLAIN},
        {"log", no_argument, NULL, OPT_LOG},
        {"json", no_argument, NULL, OPT_JSON},
        {"help", no_argument, NULL, OPT_HELP},
        {NULL, 0, NULL, 0},
};

/* The whole of text as a number in [low, high]. */
static bool number(const char *text, double low, double high, double *out)
{
	char *end;

	errno = 0;
	*out = strtod(text, &end);
	return end != text && *end == 0 && errno == 0 && *out >= low && *out <= high;
}

static bool delays(const char *text, struct net_cfg *net)
{
	double a, b;
	int used = 0;

	if (sscanf(text, "%lf-%lf%n", &a, &b, &used) != 2 || text[used] != 0 || !(a > 0) ||
	    !(b >= a) || b > 10000)
		return false;
	net->delay_min_ns = (int64_t)(a * 1e6);
	net->delay_max_ns = (int64_t)(b * 1e6);
	return true;
}

/* True when the value of an option of attack is one. */
static bool take_attack(int o, const char *text, struct attack_cfg *cfg)
{
	int k;

	switch (o) {
	case OPT_ATTACK:
		k = attack_kind(text);
		cfg->kind = (enum attack_kind)(k < 0 ? 0 : k);
		return k > ATTACK_NONE;
	case OPT_COLLUDERS:
		return number(text, 0, 0.9, &cfg->colluders);
	case OPT_ATTACK_S:
		return number(text, 10, 1e5, &cfg->seconds);
	case OPT_AFTER_S:
		return number(text, 5, 1e5, &cfg->after_s);
	case OPT_RATE:
		return number(text, 0.1, 1e5, &cfg->rate);
	case OPT_MIN_DELIVERED:
		return number(text, 0, 1, &cfg->min_delivered);
	case OPT_MAX_BYTES_RATIO:
		return number(text, 0, 1e6, &cfg->max_bytes_ratio);
	default:
		return number(text, 0, 1e5, &cfg->max_calm_s);
	}
}

/* True when the option's value is one. */
static bool take_value(int o, const char *text, struct scenario_cfg *cfg)
{
	double v;
	int k;

	switch (o) {
	case OPT_TOPOLOGY:
		k = topo_kind(text);
		cfg->topology = (enum topo_kind)(k < 0 ? 0 : k);
		return k >= 0;
	case OPT_NODES:
		cfg->nodes = number(text, 2, 1 << 20, &v) ? (uint32_t)v : 0;
		return cfg->nodes != 0;
	case OPT_SEED:
		if (!number(text, 0, 9e15, &v))
			return false;
		cfg->net.seed = (uint64_t)v;
		return true;
	case OPT_PAIRS:
		cfg->pairs = number(text, 1, 1e7, &v) ? (uint32_t)v : 0;
		return cfg->pairs != 0;
	case OPT_KILL:
		return number(text, 0, 0.9, &cfg->kill);
	case OPT_CHURN:
		return number(text, 1, 1e6, &cfg->churn_s);
	case OPT_AGAIN:
		return number(text, 0, 1e6, &cfg->again_s);
	case OPT_LOSS:
		return number(text, 0, 0.9, &cfg->net.loss);
	case OPT_DELAY:
		return delays(text, &cfg->net);
	case OPT_WARM:
		if (!number(text, 1, 1e5, &v))
			return false;
		cfg->warm_ns = (int64_t)(v * 1e9);
		return true;
	case OPT_PATHS:
		return number(text, 1, 1, &v); /* scripts may say so; more are not built */
	default:
		cfg->attack_given = true;
		return take_attack(o, text, &cfg->attack);
	}
}

/* -1: go on; else the exit status. */
static int read_options(int argc, char **argv, struct scenario_cfg *cfg, bool *json)
{
	int o, index = 0;

	while ((o = getopt_long(argc, argv, "h", options, &index)) != -1) {
		switch (o) {
		case OPT_NO_CRYPTO:
			cfg->net.hashed_signatures = true;
			break;
		case OPT_PLAIN:
			cfg->net.plain = true;
			break;
		case OPT_NO_EXPIRY:
			cfg->expiry = false;
			break;
		case OPT_EXPLAIN:
			cfg->explain = true;
			break;
		case OPT_LOG:
			cfg->net.verbose = true;
			break;
		case OPT_JSON:
			*json = true;
			break;
		case 'h':
		case OPT_HELP:
			fputs(help, stdout);
			return 0;
		case '?':
			fputs("coyosim: see coyosim --help\n", stderr);
			return 2;
		default:
			if (!take_value(o, optarg, cfg)) {
				fprintf(stderr,
				        "coyosim: --%s cannot be '%s', see coyosim --help\n",
				        options[index].name, optarg);
				return 2;
			}
		}
	}
	return -1;
}

static void put(struct json *j, const char *key, double v)
{
	if (v < 0)
		json_null(j, key);
	else
		json_double(j, key, v);
}

static void print_json(const struct scenario_cfg *cfg, const struct scenario_result *r, double wall)
{
	struct json j = {0};
	char hash[20];

	json_object(&j, NULL);
	json_str(&j, "scenario", scenario_name(cfg->scenario));
	json_str(&j, "topology", topo_name(cfg->topology));
	json_uint(&j, "seed", cfg->net.seed);
	json_uint(&j, "nodes", r->nodes);
	json_uint(&j, "pairs", r->pairs);
	put(&j, "too_far_fraction", r->too_far_fraction);
	put(&j, "too_far_answered", r->too_far_answered);
	put(&j, "delivered_fraction", r->delivered_fraction);
	put(&j, "hops_mean", r->hops_mean);
	put(&j, "hops_p99", r->hops_p99);
	put(&j, "first_stretch_mean", r->first_stretch_mean);
	put(&j, "stretch_mean", r->stretch_mean);
	put(&j, "stretch_p99", r->stretch_p99);
	put(&j, "setup_ms_mean", r->setup_ms_mean);
	put(&j, "setup_ms_p99", r->setup_ms_p99);
	put(&j, "recover_s", r->recover_s);
	put(&j, "return_s", r->return_s);
	put(&j, "messages_per_lookup", r->messages_per_lookup);
	put(&j, "state_bytes_per_node", r->state_bytes_per_node);
	put(&j, "maintenance_bytes_s_per_node", r->maintenance_bytes_s_per_node);
	put(&j, "hello_bytes_s_per_node", r->hello_bytes_s_per_node);
	put(&j, "cold_bytes_per_node", r->cold_bytes_per_node);
	put(&j, "stale_contact_share", r->stale_contact_share);
	put(&j, "labels_leaked", r->labels_leaked);
	put(&j, "labels_live", r->labels_live);
	put(&j, "labels_live_max", r->labels_live_max);
	put(&j, "labels_unreachable", r->labels_unreachable);
	put(&j, "contradictions", r->contradictions);
	put(&j, "stuck_queries", r->stuck_queries);
	put(&j, "half_built", r->half_built);
	json_uint(&j, "misdelivered", r->misdelivered);
	json_uint(&j, "leaked_allocations", r->leaked_allocations);
	snprintf(hash, sizeof(hash), "%016" PRIx64, r->trace_hash);
	json_str(&j, "trace_hash", hash);
	json_uint(&j, "events", r->events);
	json_double(&j, "virtual_s", r->virtual_s);
	json_double(&j, "wall_s", wall);
	if (cfg->scenario == SCN_ATTACK)
		attack_json(&j, &cfg->attack, &r->attack);
	json_object_end(&j);
	puts(j.text);
	json_free(&j);
}

static void row(const char *what, double v, const char *unit)
{
	if (v < 0)
		return;
	printf("%-34s %.6g %s\n", what, v, unit);
}

static void print_text(const struct scenario_cfg *cfg, const struct scenario_result *r, double wall)
{
	printf("%s on %s, %u nodes, seed %" PRIu64 ", %u pairs\n", scenario_name(cfg->scenario),
	       topo_name(cfg->topology), r->nodes, cfg->net.seed, r->pairs);
	if (cfg->scenario == SCN_ATTACK)
		attack_text(&cfg->attack, &r->attack);
	row("delivered", r->delivered_fraction * 100, "%");
	row("misdelivered", (double)r->misdelivered, "probes");
	row("too far", r->too_far_fraction * 100, "%");
	row("of these, told so", r->too_far_answered * 100, "%");
	row("recovered after", r->recover_s, "s");
	row("back on the short path after", r->return_s, "s");
	row("hops, mean", r->hops_mean, "");
	row("hops, 99th percentile", r->hops_p99, "");
	row("first packet's stretch, mean", r->first_stretch_mean, "");
	row("tunnel's stretch, mean", r->stretch_mean, "");
	row("tunnel's stretch, 99th percentile", r->stretch_p99, "");
	row("set-up, mean", r->setup_ms_mean, "ms");
	row("set-up, 99th percentile", r->setup_ms_p99, "ms");
	row("messages per lookup", r->messages_per_lookup, "");
	row("state per node", r->state_bytes_per_node, "bytes");
	row("maintenance per node", r->maintenance_bytes_s_per_node, "bytes/s");
	row("cold start per node", r->cold_bytes_per_node, "bytes");
	row("hellos per node", r->hello_bytes_s_per_node, "bytes/s");
	row("stale contacts", r->stale_contact_share * 100, "%");
	row("labels leaked", r->labels_leaked, "");
	row("labels that nothing can grant", r->labels_unreachable, "");
	row("tables that contradict each other", r->contradictions, "");
	row("stuck queries", r->stuck_queries, "");
	row("half-built tunnels", r->half_built, "");
	printf("trace %016" PRIx64 ", %" PRIu64 " events, %.1f virtual s in %.2f s\n",
	       r->trace_hash, r->events, r->virtual_s, wall);
}

int main(int argc, char **argv)
{
	struct scenario_cfg cfg;
	struct scenario_result r;
	struct timespec a, b;
	bool json = false;
	double wall;
	int err;

	scenario_cfg_default(&cfg);
	err = read_options(argc, argv, &cfg, &json);
	if (err >= 0)
		return err;
	if (optind + 1 != argc || (err = scenario_find(argv[optind])) < 0) {
		fputs("coyosim: name one scenario, see coyosim --help\n", stderr);
		return 2;
	}
	cfg.scenario = (enum scenario)err;
	if (cfg.attack_given && cfg.scenario != SCN_ATTACK) {
		fprintf(stderr, "coyosim: options of attack are not for %s, see coyosim --help\n",
		        scenario_name(cfg.scenario));
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &a);
	err = scenario_run(&cfg, &r);
	clock_gettime(CLOCK_MONOTONIC, &b);
	wall = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	if (err) {
		fprintf(stderr, "coyosim: %s is %s\n", scenario_name(cfg.scenario),
		        cfg.scenario == SCN_ATTACK ? "told which one by --attack KIND"
		        : cfg.scenario == SCN_MERGE
		                ? "for --topology islands"
		                : "not possible on this topology: no edge has a "
		                  "detour");
		return 2;
	}
	if (json)
		print_json(&cfg, &r, wall);
	else
		print_text(&cfg, &r, wall);
	err = cfg.scenario == SCN_ATTACK && attack_beyond(&cfg.attack, &r) ? 1 : 0;
	scenario_result_free(&r);
	return err;
}
