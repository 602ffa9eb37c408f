/* SPDX-License-Identifier: BSD-3-Clause */
/* The scenarios of coyosim. */
#include "scenario.h"
#include "audit.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define PAIR_GAP_NS     (2 * NS_PER_MS)
#define RECOVER_MAX_NS  (120 * NS_PER_S)
#define RETURN_MAX_NS   (400 * NS_PER_S)
#define QUIET_NS        (10 * NS_PER_S)
#define WARM_STEP_NS    (5 * NS_PER_S)
#define EXPIRY_SLACK_NS (20 * NS_PER_S)
#define EXPLAIN_MAX     30 /* pairs named one by one */

static const struct scenario_result not_measured = {
        .too_far_fraction = NOT_MEASURED,
        .delivered_fraction = NOT_MEASURED,
        .too_far_answered = NOT_MEASURED,
        .hops_mean = NOT_MEASURED,
        .hops_p99 = NOT_MEASURED,
        .first_stretch_mean = NOT_MEASURED,
        .stretch_mean = NOT_MEASURED,
        .stretch_p99 = NOT_MEASURED,
        .setup_ms_mean = NOT_MEASURED,
        .setup_ms_p99 = NOT_MEASURED,
        .recover_s = NOT_MEASURED,
        .return_s = NOT_MEASURED,
        .messages_per_lookup = NOT_MEASURED,
        .state_bytes_per_node = NOT_MEASURED,
        .maintenance_bytes_s_per_node = NOT_MEASURED,
        .hello_bytes_s_per_node = NOT_MEASURED,
        .cold_bytes_per_node = NOT_MEASURED,
        .stale_contact_share = NOT_MEASURED,
        .labels_leaked = NOT_MEASURED,
        .stuck_queries = NOT_MEASURED,
        .half_built = NOT_MEASURED,
        .labels_live = NOT_MEASURED,
        .labels_live_max = NOT_MEASURED,
        .labels_unreachable = NOT_MEASURED,
        .contradictions = NOT_MEASURED,
};

static const char *const names[SCN_KINDS] = {"converge", "lookup", "fail",  "cut",
                                             "merge",    "churn",  "flood", "attack"};

const char *scenario_name(unsigned s)
{
	return s < SCN_KINDS ? names[s] : NULL;
}

int scenario_find(const char *name)
{
	for (int i = 0; i < SCN_KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

void scenario_cfg_default(struct scenario_cfg *cfg)
{
	*cfg = (struct scenario_cfg){.topology = TOPO_BA,
	                             .nodes = 100,
	                             .pairs = 1000,
	                             .kill = 0.1,
	                             .churn_s = 60,
	                             .expiry = true};
	net_cfg_default(&cfg->net);
	attack_cfg_default(&cfg->attack);
}

struct run {
	const struct scenario_cfg *cfg;
	struct scenario_result *r;
	struct net net;
	struct judge judge;
	bool churning;
	uint32_t explained;
	uint32_t flooder; /* its own attempts do not count */
	struct attacker attacker;
};

/* ---- figures ---- */
static int by_value(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static double mean(const double *v, uint32_t n)
{
	double sum = 0;

	for (uint32_t i = 0; i < n; i++)
		sum += v[i];
	return n ? sum / n : NOT_MEASURED;
}

static double p99(double *v, uint32_t n)
{
	if (n == 0)
		return NOT_MEASURED;
	qsort(v, n, sizeof(*v), by_value);
	return v[(uint32_t)ceil(0.99 * n) - 1];
}

/* Who knows a node: what a lookup for it has to find. */
static void explain_node(struct run *x, uint32_t who)
{
	uint32_t known = 0, verified = 0, near = 0;
	struct node_contact_view c;
	struct node_stats st;

	for (uint32_t i = 0; i < x->net.n; i++) {
		struct node_cursor it = {0};

		while (x->net.node[i].node &&
		       node_view_contact(x->net.node[i].node, &it, x->net.now, &c))
			if (id_eq(&c.id, &x->net.node[who].identity.id)) {
				known++;
				verified += c.verified && !c.fails;
				near += c.neighbour;
			}
	}
	if (!x->net.node[who].node)
		return;
	node_stats(x->net.node[who].node, &st);
	fprintf(stderr,
	        "  node %u: %u contacts (%u stale), depth %u under root %u; known to %u, verified "
	        "by "
	        "%u, neighbour of %u\n",
	        who, st.contacts, st.contacts_stale, st.depth[0], net_find(&x->net, &st.root[0]),
	        known, verified, near);
}

static void explain_pair(struct run *x, const struct pair *p)
{
	char a[ID_SHORT_LEN + 1], b[ID_SHORT_LEN + 1], what[96];

	if (++x->explained > EXPLAIN_MAX)
		return;
	if (p->state == PAIR_ASKED)
		snprintf(what, sizeof(what), "no answer");
	else if (p->state == PAIR_PROBING)
		snprintf(what, sizeof(what), "the tunnel stands, its probe is still under way");
	else if (p->err)
		snprintf(what, sizeof(what), "refused: %s", strerror(p->err));
	else
		snprintf(what, sizeof(what), "probe lost at node %u", p->stopped);
	id_to_short(&x->net.node[p->a].identity.id, a);
	id_to_short(&x->net.node[p->b].identity.id, b);
	fprintf(stderr,
	        "not delivered: %u (%s) -> %u (%s), %u hops apart, last tried at %.3f s: %s\n",
	        p->a, a, p->b, b, p->distance, (double)p->tried_at / 1e9, what);
	explain_node(x, p->a);
	explain_node(x, p->b);
}

/* The pair is too far apart, and its source was told so. */
static bool told_too_far(const struct pair *p)
{
	return p->too_far && p->state == PAIR_FAILED && p->err == EMULTIHOP;
}

/* Delivery and lengths over pairs from .. npairs. */
static void report_pairs(struct run *x, uint32_t from)
{
	struct judge *j = &x->judge;
	struct scenario_result *r = x->r;
	uint32_t n = j->npairs - from, done = 0, far = 0, told = 0;
	double *v = mem_new((4 * (size_t)n + 1) * sizeof(*v));
	double *hops = v, *first = v + n, *stretch = v + 2 * n, *setup = v + 3 * n;

	for (uint32_t i = from; i < j->npairs; i++) {
		const struct pair *p = &j->pair[i];

		if (p->state != PAIR_DONE) {
			far += p->too_far;
			told += told_too_far(p);
			if (x->cfg->explain && !told_too_far(p))
				explain_pair(x, p);
			continue;
		}
		hops[done] = p->hops;
		first[done] = p->distance ? (double)p->first / p->distance : 1;
		stretch[done] = p->distance ? (double)p->hops / p->distance : 1;
		setup[done++] = (double)p->setup_ns / 1e6;
	}
	r->pairs = n;
	r->too_far_fraction = n ? (double)far / n : 0;
	r->too_far_answered = far ? (double)told / far : NOT_MEASURED;
	r->delivered_fraction = n > far ? (double)done / (n - far) : n ? 1 : 0;
	r->hops_mean = mean(hops, done);
	r->hops_p99 = p99(hops, done);
	r->first_stretch_mean = mean(first, done);
	r->stretch_mean = mean(stretch, done);
	r->stretch_p99 = p99(stretch, done);
	r->setup_ms_mean = mean(setup, done);
	r->setup_ms_p99 = p99(setup, done);
	r->misdelivered = j->misdelivered;
	if (x->cfg->explain)
		for (int w = 0; w < MW_DROPS; w++)
			if (j->why[w])
				fprintf(stderr, "probes stopped, %s: %llu\n", mw_drop_name(w),
				        (unsigned long long)j->why[w]);
	free(v);
}

/* Seconds from `since` to the last delivery of pairs from .. npairs, or not measured when one is missing. */
static double all_done_s(const struct judge *j, uint32_t from, int64_t since)
{
	int64_t last = since;

	for (uint32_t i = from; i < j->npairs; i++) {
		if (j->pair[i].too_far)
			continue;
		if (j->pair[i].state != PAIR_DONE)
			return NOT_MEASURED;
		if (j->pair[i].done_at > last)
			last = j->pair[i].done_at;
	}
	return (double)(last - since) / 1e9;
}

/* ---- phases ---- */
static int64_t warm_ns(const struct run *x)
{
	const uint32_t n = x->net.n;
	const enum topo_kind t = x->cfg->topology;
	bool lengthy = t == TOPO_LINE || t == TOPO_RING;

	if (x->cfg->warm_ns)
		return x->cfg->warm_ns;
	return 15 * NS_PER_S + (lengthy ? n * 100 : n * 10) * NS_PER_MS + net_slow_ns(&x->net, 30);
}

static void run_for(struct run *x, int64_t ns)
{
	net_run(&x->net, x->net.now.ns + ns);
}

/* Frames and bytes per second and node by kind of message since `was`. */
static void explain_traffic(const struct run *x, const struct net_sums *was, const char *when,
                            double node_s)
{
	const struct net_sums *s = &x->net.sums;

	fprintf(stderr, "%.1f s, %s:", (double)x->net.now.ns / 1e9, when);
	for (unsigned k = 0; k < TRAFFIC_KINDS; k++)
		if (s->kind_frames[k] != was->kind_frames[k])
			fprintf(stderr, " %s %.2f/%.0f", traffic_name(k),
			        (double)(s->kind_frames[k] - was->kind_frames[k]) / node_s,
			        (double)(s->kind_bytes[k] - was->kind_bytes[k]) / node_s);
	fputs(" (frames/bytes per s and node)\n", stderr);
}

/* Cold start: the time until a few pairs tried again and again are all delivered, then the rest of the warm-up. */
static void warm_up(struct run *x)
{
	struct judge *j = &x->judge;
	uint32_t from = j->npairs;
	bool merge = x->cfg->scenario == SCN_MERGE;

	run_for(x, x->cfg->net.boot_ns + NS_PER_MS);
	if (!merge) {
		judge_sample(j, 32, false);
		j->repeat = true;
		judge_run(j, from, PAIR_GAP_NS, RECOVER_MAX_NS);
		j->repeat = false;
		x->r->recover_s = all_done_s(j, from, 0);
		judge_release(j, from);
	}
	while (x->net.now.ns < warm_ns(x)) {
		struct net_sums was = x->net.sums;
		int64_t left = warm_ns(x) - x->net.now.ns;
		int64_t step = left < WARM_STEP_NS ? left : WARM_STEP_NS;

		run_for(x, step);
		if (x->cfg->explain)
			explain_traffic(x, &was, "warming up",
			                net_alive_count(&x->net) * (double)step / 1e9);
	}
}

/* What the network has cost since `was`, ns ago, as upkeep. */
static void report_upkeep(struct run *x, const struct net_sums *since, int64_t ns)
{
	struct net_sums was = *since;
	double node_s = net_alive_count(&x->net) * (double)ns / 1e9;

	x->r->hello_bytes_s_per_node = (double)(x->net.sums.hello_bytes - was.hello_bytes) / node_s;
	x->r->maintenance_bytes_s_per_node = (double)(x->net.sums.bytes - was.bytes -
	                                              (x->net.sums.hello_bytes - was.hello_bytes)) /
	                                     node_s;
	if (x->cfg->explain)
		explain_traffic(x, &was, "idle", node_s);
}

/* What an idle network costs, over some quiet seconds soon after the start (where there is no later, quieter time). */
static void measure_idle(struct run *x)
{
	struct net_sums was = x->net.sums;

	x->r->cold_bytes_per_node =
	        (double)(was.bytes - was.hello_bytes) / net_alive_count(&x->net);
	run_for(x, QUIET_NS);
	report_upkeep(x, &was, QUIET_NS);
}

/* Fresh pairs, one attempt each. */
static void measure_pairs(struct run *x)
{
	struct judge *j = &x->judge;
	uint32_t from = j->npairs;

	judge_sample(j, x->cfg->pairs, false);
	/* Who floods has used up what it may ask for. */
	for (uint32_t i = from; i < j->npairs;)
		if (j->pair[i].a == x->flooder)
			j->pair[i] = j->pair[--j->npairs];
		else
			i++;
	judge_run(j, from, PAIR_GAP_NS,
	          x->net.now.ns + (int64_t)(j->npairs - from) * PAIR_GAP_NS + 15 * NS_PER_S +
	                  net_slow_ns(&x->net, 60));
	report_pairs(x, from);
	judge_release(j, from);
}

/* Waits until everything idle has expired, then counts what is left. */
static void measure_left(struct run *x)
{
	struct node_cfg cfg;
	struct audit one, two;
	struct audit_sums s;
	uint32_t *queries = mem_new(x->net.n * sizeof(*queries));
	uint32_t *setups = mem_new(x->net.n * sizeof(*setups));
	uint32_t made, asked;
	struct net_sums was;
	int64_t since;

	judge_release(&x->judge, 0);
	audit_sums(&x->net, &s);
	x->r->state_bytes_per_node = s.state_bytes;
	x->r->labels_unreachable = (double)s.labels_unreachable;
	x->r->contradictions = (double)s.contradictions;
	x->r->stale_contact_share = s.contacts ? (double)s.contacts_dead / (double)s.contacts : 0;
	if (x->cfg->expiry) {
		node_cfg_default(&cfg);
		run_for(x, cfg.tunnel_idle_end_ns + cfg.tunnel_idle_transit_ns);
		audit_take(&one, &x->net);
		was = x->net.sums;
		since = x->net.now.ns;
		memset(queries, 0xff, x->net.n * sizeof(*queries));
		memset(setups, 0xff, x->net.n * sizeof(*setups));
		for (int64_t t = 0; t < cfg.tunnel_idle_transit_ns + EXPIRY_SLACK_NS;
		     t += NS_PER_S) {
			run_for(x, NS_PER_S);
			for (uint32_t i = 0; i < x->net.n; i++) {
				if (!x->net.alive[i])
					continue;
				node_pending(x->net.node[i].node, &made, &asked);
				queries[i] = (uint32_t)min_u64(queries[i], asked);
				setups[i] = (uint32_t)min_u64(setups[i], made);
			}
		}
		report_upkeep(x, &was, x->net.now.ns - since);
		audit_take(&two, &x->net);
		x->r->labels_leaked = audit_both(&one, &two);
		if (x->cfg->explain)
			audit_print(&one, &two, &x->net);
		audit_free(&one);
		audit_free(&two);
		x->r->stuck_queries = x->r->half_built = 0;
		for (uint32_t i = 0; i < x->net.n; i++)
			if (x->net.alive[i]) {
				x->r->stuck_queries += queries[i];
				x->r->half_built += setups[i];
			}
		audit_sums(&x->net, &s);
		x->r->labels_live = (double)s.labels_live;
		x->r->labels_unreachable += (double)s.labels_unreachable;
		x->r->contradictions += (double)s.contradictions;
		x->r->labels_live_max = (double)s.labels_max;
	}
	free(queries);
	free(setups);
	x->r->misdelivered = x->judge.misdelivered;
}

/* ---- scenarios ---- */
static void do_lookup(struct run *x)
{
	struct judge *j = &x->judge;
	uint64_t quiet, busy;
	int64_t window;

	window = (int64_t)x->cfg->pairs * 10 * NS_PER_MS + 5 * NS_PER_S;
	quiet = x->net.sums.control_frames - x->net.sums.hello_frames;
	run_for(x, window);
	quiet = x->net.sums.control_frames - x->net.sums.hello_frames - quiet;
	busy = x->net.sums.control_frames - x->net.sums.hello_frames;
	for (uint32_t i = 0; i < x->cfg->pairs; i++) {
		uint32_t a = (uint32_t)rng_below(&x->net.rng, x->net.n);
		uint32_t b = (uint32_t)rng_below(&x->net.rng, x->net.n);

		judge_lookup(j, a, b == a ? (b + 1) % x->net.n : b);
		run_for(x, 10 * NS_PER_MS);
	}
	run_for(x, 5 * NS_PER_S);
	busy = x->net.sums.control_frames - x->net.sums.hello_frames - busy;
	x->r->pairs = j->lookups;
	x->r->delivered_fraction = j->lookups ? (double)j->lookups_exact / j->lookups : 0;
	x->r->messages_per_lookup =
	        j->lookups ? ((double)busy - (double)quiet) / j->lookups : NOT_MEASURED;
	x->r->misdelivered = 0;
}

/* Tunnels stand, a share of the nodes dies silently, the tunnels of the survivors must come back. */
static void do_fail(struct run *x)
{
	struct judge *j = &x->judge;
	uint32_t from = j->npairs, kill = (uint32_t)(x->cfg->kill * x->net.n + 0.5), keep;
	int64_t at;

	judge_sample(j, (uint32_t)min_u64(x->cfg->pairs, 200), false);
	judge_run(j, from, PAIR_GAP_NS, x->net.now.ns + 30 * NS_PER_S);
	at = x->net.now.ns;
	for (uint32_t k = 0; k < kill;) {
		uint32_t i = (uint32_t)rng_below(&x->net.rng, x->net.n);

		if (x->net.alive[i]) {
			net_kill(&x->net, i);
			k++;
		}
	}
	/* Only pairs that still have a way between them count. */
	keep = from;
	for (uint32_t i = from; i < j->npairs; i++) {
		struct pair p = j->pair[i];

		graph_bfs(&x->net.graph, p.a, x->net.alive, x->net.up, j->dist);
		if (!x->net.alive[p.b] || j->dist[p.b] == TOPO_FAR)
			continue;
		p.distance = j->dist[p.b];
		p.state = PAIR_FAILED;
		j->pair[keep++] = p;
	}
	j->npairs = keep;
	j->repeat = j->probe_only = true;
	judge_run(j, from, 0, at + RECOVER_MAX_NS);
	j->repeat = j->probe_only = false;
	x->r->recover_s = all_done_s(j, from, at);
	if (x->r->recover_s < 0 && x->cfg->explain)
		for (uint32_t i = from; i < j->npairs; i++)
			if (j->pair[i].state != PAIR_DONE)
				explain_pair(x, &j->pair[i]);
	run_for(x, 5 * NS_PER_S);
	measure_pairs(x);
}

static uint32_t edge_between(const struct net *net, uint32_t a, uint32_t b)
{
	for (uint32_t k = net->graph.first[a]; k < net->graph.first[a + 1]; k++)
		if (net->graph.to[k] == b)
			return net->graph.via[k];
	return TOPO_NO_EDGE;
}

/* Whether the last probe that arrived passed the edge. */
static bool trail_has(const struct judge *j, uint32_t edge)
{
	for (uint32_t i = 0; i + 1 < j->trail_n; i++)
		if (edge_between(j->net, j->trail[i], j->trail[i + 1]) == edge)
			return true;
	return false;
}

/* Probes the pair until a probe is delivered (and, `edge` given, has passed it). Seconds, or not measured. */
static double until_through(struct run *x, uint32_t pair, uint32_t edge, int64_t limit_ns)
{
	struct judge *j = &x->judge;
	int64_t at = x->net.now.ns;

	while (x->net.now.ns < at + limit_ns) {
		judge_again(j, pair);
		while (j->pair[pair].state == PAIR_PROBING || j->pair[pair].state == PAIR_ASKED)
			run_for(x, 10 * NS_PER_MS);
		if (j->pair[pair].state == PAIR_DONE &&
		    (edge == TOPO_NO_EDGE || trail_has(j, edge)))
			return (double)(x->net.now.ns - at) / 1e9;
		run_for(x, 100 * NS_PER_MS);
	}
	return NOT_MEASURED;
}

/* Cuts an edge in use that has a detour, waits for the tunnel to move, restores it and waits for the way back. */
static int do_cut(struct run *x)
{
	struct judge *j = &x->judge;
	bool five = x->cfg->topology == TOPO_FIVE;

	for (uint32_t tries = 0; tries < 200; tries++) {
		uint32_t pair = j->npairs, edge = TOPO_NO_EDGE, near;

		if (five)
			judge_pair(j, 0, 4);
		else
			judge_sample(j, 1, false);
		judge_run(j, pair, 0, x->net.now.ns + 10 * NS_PER_S);
		if (j->pair[pair].state != PAIR_DONE) {
			if (x->cfg->explain)
				explain_pair(x, &j->pair[pair]);
			return 0; /* reported as not recovered */
		}
		near = j->pair[pair].hops;
		for (uint32_t i = 0; i + 1 < j->trail_n && edge == TOPO_NO_EDGE; i++) {
			edge = edge_between(&x->net, j->trail[i], j->trail[i + 1]);
			net_edge(&x->net, edge, false);
			graph_bfs(&x->net.graph, j->pair[pair].a, x->net.alive, x->net.up, j->dist);
			if (j->dist[j->pair[pair].b] == TOPO_FAR) {
				net_edge(&x->net, edge, true);
				edge = TOPO_NO_EDGE;
			}
		}
		if (edge == TOPO_NO_EDGE)
			continue;
		j->probe_timeout_ns = 200 * NS_PER_MS;
		x->r->recover_s = until_through(x, pair, TOPO_NO_EDGE, RECOVER_MAX_NS);
		x->r->moved = x->r->recover_s >= 0 && !trail_has(j, edge);
		run_for(x, NS_PER_S);
		net_edge(&x->net, edge, true);
		/* Elsewhere than in the small net another path as short may be kept. */
		if (five || j->pair[pair].hops > near)
			x->r->return_s =
			        until_through(x, pair, five ? edge : TOPO_NO_EDGE, RETURN_MAX_NS);
		report_pairs(x, pair);
		return 0;
	}
	return -EINVAL;
}

/* The islands have just been joined: until every pair across the bridge is delivered, s. */
static double joined_s(struct run *x)
{
	struct judge *j = &x->judge;
	uint32_t from = j->npairs;
	int64_t at = x->net.now.ns;

	judge_sample(j, (uint32_t)min_u64(x->cfg->pairs, 200), true);
	j->repeat = true;
	judge_run(j, from, PAIR_GAP_NS, at + RECOVER_MAX_NS);
	j->repeat = false;
	return all_done_s(j, from, at);
}

/* Islands that a bridge joins, and with again_s one that goes and comes back: those on its far side follow a worse root meanwhile. */
static int do_merge(struct run *x)
{
	uint32_t bridge = x->net.graph.bridge;

	if (x->cfg->topology != TOPO_ISLANDS)
		return -EINVAL;
	net_plug(&x->net, bridge);
	x->r->recover_s = joined_s(x);
	run_for(x, 5 * NS_PER_S);
	if (x->cfg->again_s > 0) {
		net_edge(&x->net, bridge, false);
		run_for(x, (int64_t)(x->cfg->again_s * 1e9));
		net_edge(&x->net, bridge, true);
		x->r->return_s = joined_s(x);
	}
	measure_pairs(x);
	return 0;
}

static void churn_next(void *arg, uint32_t node, uint32_t b, struct instant now)
{
	struct run *x = arg;
	double u = ((double)(rng_u64(&x->net.rng) >> 11) + 1) * 0x1p-53, mean_s = x->cfg->churn_s;

	if (!x->churning)
		return;
	if (x->net.alive[node]) {
		net_kill(&x->net, node);
		mean_s /= 4;
	} else {
		net_start(&x->net, node);
	}
	net_call(&x->net, now.ns + (int64_t)(-log(u) * mean_s * 1e9), churn_next, x, node, 0);
}

/* Nodes come and go; a pair counts when both were up for 10 s before and until the end, with a way between. */
static void do_churn(struct run *x)
{
	struct judge *j = &x->judge;
	uint32_t from = j->npairs, keep = from;
	uint32_t rounds = x->cfg->pairs / 10 + 1;

	x->churning = true;
	for (uint32_t i = 0; i < x->net.n; i++) {
		double u = ((double)(rng_u64(&x->net.rng) >> 11) + 1) * 0x1p-53;

		net_call(&x->net, x->net.now.ns + (int64_t)(-log(u) * x->cfg->churn_s * 1e9),
		         churn_next, x, i, 0);
	}
	for (uint32_t k = 0; k < rounds; k++) {
		uint32_t first = j->npairs;
		int64_t at = x->net.now.ns;

		judge_sample(j, 10, false);
		judge_run(j, first, 0, at + 8 * NS_PER_S);
		keep = first;
		for (uint32_t i = first; i < j->npairs; i++) {
			const struct pair *p = &j->pair[i];
			const struct sim_node *a = &x->net.node[p->a], *b = &x->net.node[p->b];

			graph_bfs(&x->net.graph, p->a, x->net.alive, x->net.up, j->dist);
			if (x->net.alive[p->a] && x->net.alive[p->b] &&
			    a->booted_at < at - 10 * NS_PER_S &&
			    b->booted_at < at - 10 * NS_PER_S && j->dist[p->b] != TOPO_FAR)
				j->pair[keep++] = *p;
		}
		j->npairs = keep;
		run_for(x, 500 * NS_PER_MS);
	}
	x->churning = false;
	report_pairs(x, from);
}

/* One node asks for tunnels to ids that nobody has, as fast as it can; the others must not notice. */
static void flood_next(void *arg, uint32_t node, uint32_t left, struct instant now)
{
	struct run *x = arg;
	struct node_request r = {.type = REQ_CONNECT, .cookie = UINT32_MAX >> 1};

	if (x->judge.dead || left == 0)
		return;
	rng_fill(&x->net.rng, &r.id, sizeof(r.id));
	net_request(&x->net, node, &r);
	net_call(&x->net, now.ns + 2 * NS_PER_MS, flood_next, x, node, left - 1);
}

static int scenario_run_one(struct run *x)
{
	switch (x->cfg->scenario) {
	case SCN_LOOKUP:
		do_lookup(x);
		return 0;
	case SCN_FAIL:
		do_fail(x);
		return 0;
	case SCN_CUT:
		return do_cut(x);
	case SCN_MERGE:
		return do_merge(x);
	case SCN_CHURN:
		do_churn(x);
		return 0;
	case SCN_FLOOD:
		x->flooder = (uint32_t)rng_below(&x->net.rng, x->net.n);
		flood_next(x, x->flooder, 10000, x->net.now);
		run_for(x, 2 * NS_PER_S);
		measure_pairs(x);
		return 0;
	case SCN_ATTACK:
		attack_run(&x->net, &x->judge, &x->attacker, &x->cfg->attack, &x->r->attack);
		x->r->delivered_fraction = x->r->attack.delivered_mean;
		x->r->pairs = x->judge.npairs;
		return 0;
	default:
		measure_pairs(x);
		return 0;
	}
}

static int scenario_do(struct run *x)
{
	struct net_sums was = x->net.sums;
	int64_t at = x->net.now.ns;
	int err = scenario_run_one(x);

	if (x->cfg->explain)
		explain_traffic(x, &was, "the scenario",
		                net_alive_count(&x->net) * (double)(x->net.now.ns - at) / 1e9);
	return err;
}

static int run_once(const struct scenario_cfg *cfg, struct scenario_result *r)
{
	struct run x = {.cfg = cfg, .r = r, .flooder = UINT32_MAX};
	int err;

	*r = not_measured;
	net_init(&x.net, &cfg->net, cfg->topology, cfg->nodes, cfg->scenario == SCN_MERGE);
	if (cfg->scenario == SCN_ATTACK)
		attacker_init(&x.attacker, &x.net, cfg->attack.kind, cfg->attack.colluders,
		              cfg->attack.rate);
	judge_init(&x.judge, &x.net);
	x.judge.explain = cfg->explain;
	r->nodes = x.net.n;
	warm_up(&x);
	measure_idle(&x);
	err = scenario_do(&x);
	if (err == 0)
		measure_left(&x);
	r->trace_hash = x.net.trace;
	r->events = x.net.sums.events;
	r->virtual_s = (double)x.net.now.ns / 1e9;
	judge_free(&x.judge);
	if (cfg->scenario == SCN_ATTACK)
		attacker_free(&x.attacker);
	r->leaked_allocations = net_free(&x.net);
	return err;
}

int scenario_run(const struct scenario_cfg *cfg, struct scenario_result *r)
{
	struct scenario_cfg quiet = *cfg;
	struct scenario_result base;
	int err;

	if (cfg->scenario == SCN_MERGE && cfg->topology != TOPO_ISLANDS)
		return -EINVAL;
	if (cfg->scenario != SCN_ATTACK)
		return run_once(cfg, r);
	if (cfg->attack.kind == ATTACK_NONE)
		return -EINVAL;
	quiet.attack.lies = quiet.expiry = false;
	quiet.attack.after_s = 0;
	err = run_once(&quiet, &base);
	if (err == 0)
		err = run_once(cfg, r);
	if (err == 0)
		attack_compare(&r->attack, &base.attack);
	scenario_result_free(&base);
	return err;
}

void scenario_result_free(struct scenario_result *r)
{
	attack_result_free(&r->attack);
}
