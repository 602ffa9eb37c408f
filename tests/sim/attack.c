/* SPDX-License-Identifier: BSD-3-Clause */
/* The judge of an attack. */
#include "attack.h"

#include "anchor/anchor.h"

#include <stdio.h>
#include <string.h>

#define WINDOW_NS       (10 * NS_PER_S)
#define WINDOW_AFTER_NS (5 * NS_PER_S)
#define WINDOW_REST_NS  (NS_PER_S) /* at its end no pair is open any more */
#define STANDING        20
#define FRESH           20
/* A probe that is lost is sent again so often, within 140 ms: a session that was idle may find that its tunnel has just expired. */
#define RESENDS  3
#define LOOKUPS  4
#define GAP_NS   (5 * NS_PER_MS)
#define MOURN_NS (40 * NS_PER_S) /* from deaths to the attack: the others have noticed */

struct siege {
	struct net *net;
	struct judge *judge;
	struct attacker *attacker;
	const struct attack_cfg *cfg;
	struct attack_result *r;
	struct rng_seeded rng_state;
	struct rng rng; /* draws pairs: the same ones with and without the attacker */
	bool *fated;    /* dies in the course of it: no end of a pair */
	bool *honest;   /* alive and not captured */
	bool *verified; /* by node and dead contact: the contact was, or has become, verified */
	uint32_t restarted;
	uint32_t (*standing)[2], nstanding;
	double fresh_done, fresh_all, standing_done, standing_all;
};

void attack_cfg_default(struct attack_cfg *cfg)
{
	*cfg = (struct attack_cfg){
	        .lies = true,
	        .seconds = 600,
	        .after_s = 120,
	        .rate = 100,
	        .min_delivered = NOT_MEASURED,
	        .max_bytes_ratio = NOT_MEASURED,
	        .max_calm_s = NOT_MEASURED,
	};
}

void attack_result_free(struct attack_result *r)
{
	free(r->window);
	r->window = NULL;
	r->nwindows = 0;
}

/* ---- the truth ---- */

/* Fills honest[] and dist[] from src over honest nodes alone. */
static void see(struct siege *s, uint32_t src)
{
	struct net *net = s->net;

	for (uint32_t i = 0; i < net->n; i++)
		s->honest[i] = net->alive[i] && !s->attacker->captured[i];
	graph_bfs(&net->graph, src, s->honest, net->up, s->judge->dist);
}

/* Whether the honest nodes that are not fated would all reach each other without `out` and the fated ones. */
static bool can_spare(struct siege *s, uint32_t out)
{
	struct net *net = s->net;
	uint32_t src = TOPO_FAR;

	for (uint32_t i = 0; i < net->n; i++) {
		s->honest[i] =
		        net->alive[i] && !s->attacker->captured[i] && !s->fated[i] && i != out;
		if (s->honest[i] && src == TOPO_FAR)
			src = i;
	}
	if (src == TOPO_FAR)
		return false;
	graph_bfs(&net->graph, src, s->honest, net->up, s->judge->dist);
	for (uint32_t i = 0; i < net->n; i++)
		if (s->honest[i] && s->judge->dist[i] == TOPO_FAR)
			return false;
	return true;
}

/* An honest pair with a way that no captured node is on. */
static bool draw_pair(struct siege *s, uint32_t *a, uint32_t *b)
{
	const uint32_t n = s->net->n;

	for (unsigned tries = 0; tries < 1000; tries++) {
		*a = (uint32_t)rng_below(&s->rng, n);
		*b = (uint32_t)rng_below(&s->rng, n);
		see(s, *a);
		if (*a != *b && s->honest[*a] && s->honest[*b] && !s->fated[*a] && !s->fated[*b] &&
		    s->judge->dist[*b] != TOPO_FAR)
			return true;
	}
	return false;
}

static const struct tree *tree_of(const struct siege *s, uint32_t node, unsigned t)
{
	return &s->net->node[node].node->anchor->tree[t];
}

/* A hash of all honest nodes' places; *one: they all have the same root in each tree. */
static uint64_t places(struct siege *s, bool *one)
{
	uint64_t h = 1;
	uint32_t first = UINT32_MAX;

	*one = true;
	for (uint32_t i = 0; i < s->net->n; i++) {
		if (!s->net->alive[i] || s->attacker->captured[i])
			continue;
		if (first == UINT32_MAX)
			first = i;
		for (unsigned t = 0; t < s->attacker->trees; t++) {
			const struct tree *x = tree_of(s, i, t);

			*one &= id_eq(&x->root, &tree_of(s, first, t)->root);
			h = (h ^ root_tag(&x->root)) * UINT64_C(0x9E3779B97F4A7C15);
			h = (h ^ x->coords.hops) * UINT64_C(0x9E3779B97F4A7C15);
			for (unsigned k = 0; k < x->coords.len; k++)
				h = (h ^ x->coords.b[k]) * UINT64_C(0x9E3779B97F4A7C15);
		}
	}
	return h;
}

/* The share of honest nodes under a root that is no live node. */
static double followed(struct siege *s)
{
	uint32_t n = 0, under = 0;

	for (uint32_t i = 0; i < s->net->n; i++) {
		bool lie = false;

		if (!s->net->alive[i] || s->attacker->captured[i])
			continue;
		for (unsigned t = 0; t < s->attacker->trees; t++) {
			uint32_t root = net_find(s->net, &tree_of(s, i, t)->root);

			lie |= root == UINT32_MAX || !s->net->alive[root];
		}
		n++;
		under += lie;
	}
	return n ? (double)under / n : 0;
}

/* How many roots of tree 0 honest nodes have: more than one, and it has fallen into parts. */
static uint32_t roots(struct siege *s)
{
	const struct node_id **root = mem_new(s->net->n * sizeof(*root));
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->net->n; i++) {
		uint32_t k = 0;

		if (!s->net->alive[i] || s->attacker->captured[i])
			continue;
		while (k < n && !id_eq(root[k], &tree_of(s, i, 0)->root))
			k++;
		if (k == n)
			root[n++] = &tree_of(s, i, 0)->root;
	}
	free(root);
	return n;
}

/* Contacts that are dead and have become verified since it was last called. */
static uint32_t admitted(struct siege *s)
{
	uint32_t found = 0, n = s->net->n;

	for (uint32_t i = 0; i < n; i++) {
		struct node_cursor it = {0};
		struct node_contact_view c;

		while (s->net->node[i].node && !s->attacker->captured[i] &&
		       node_view_contact(s->net->node[i].node, &it, s->net->now, &c)) {
			uint32_t who = net_find(s->net, &c.id);

			if (!c.verified || who == UINT32_MAX || s->net->alive[who] ||
			    s->verified[i * n + who])
				continue;
			s->verified[i * n + who] = true;
			found++;
		}
	}
	return found;
}

static uint64_t bytes(const struct siege *s)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < s->net->n; i++)
		if (!s->attacker->captured[i])
			sum += s->net->node[i].upkeep_bytes;
	return sum;
}

/* ---- windows ---- */
static struct attack_window *window_new(struct siege *s)
{
	struct attack_result *r = s->r;

	r->window = mem_resize(r->window, (r->nwindows + 1) * sizeof(*r->window));
	r->window[r->nwindows] = (struct attack_window){0};
	return &r->window[r->nwindows++];
}

/* Why a pair that counts as not delivered is not. */
static void explain(const struct siege *s, const struct pair *p)
{
	const char *why = p->state == PAIR_ASKED     ? "no answer yet"
	                  : p->state == PAIR_PROBING ? "its probe is lost"
	                  : p->err                   ? strerror(p->err)
	                                             : "its probe was dropped";

	if (s->judge->explain)
		fprintf(stderr, "%.1f s%s: %u -> %u, %u hops apart: %s (node %u)\n",
		        (double)p->tried_at / 1e9, s->cfg->lies ? "" : ", without the attacker",
		        p->a, p->b, p->distance, why, p->stopped);
}

/* Judges pairs for ns. */
static struct attack_window *judge_window(struct siege *s, int64_t ns)
{
	struct judge *j = s->judge;
	int64_t at = s->net->now.ns;
	uint32_t from = j->npairs, fresh, a, b, done = 0;
	struct attack_window *w;

	for (uint32_t i = 0; i < s->nstanding; i++)
		judge_pair(j, s->standing[i][0], s->standing[i][1]);
	fresh = j->npairs;
	for (unsigned i = 0; i < FRESH && draw_pair(s, &a, &b); i++)
		judge_pair(j, a, b);
	judge_run(j, from, GAP_NS, at + ns - WINDOW_REST_NS);
	for (uint32_t i = from; i < j->npairs; i++) {
		bool ok = j->pair[i].state == PAIR_DONE;

		done += ok;
		if (!ok)
			explain(s, &j->pair[i]);
		*(i < fresh ? &s->standing_done : &s->fresh_done) += ok;
	}
	s->standing_all += fresh - from;
	s->fresh_all += j->npairs - fresh;
	judge_release(j, fresh);
	for (unsigned i = 0; s->verified && i < LOOKUPS; i++)
		judge_lookup(j, (uint32_t)rng_below(&s->rng, s->net->n),
		             (uint32_t)rng_below(&s->rng, s->net->n));
	net_run(s->net, at + ns);
	w = window_new(s);
	w->at_s = (double)(at - s->attacker->began.ns) / 1e9;
	w->delivered = j->npairs > from ? (double)done / (j->npairs - from) : 1;
	w->followed = followed(s);
	w->roots = roots(s);
	if (s->verified)
		s->r->admitted += admitted(s);
	return w;
}

/* ---- what happens to honest nodes in both runs ---- */
static void choose_fated(struct siege *s)
{
	const struct attack_way *way = &attack_ways[s->cfg->kind];
	uint32_t want = way->kills_some ? s->net->n / 10 + 1 : 0;

	s->restarted = UINT32_MAX;
	if (way->kills_first)
		s->fated[s->attacker->first] = true;
	for (unsigned tries = 0; want > 0 && tries < 1000; tries++) {
		uint32_t i = (uint32_t)rng_below(&s->rng, s->net->n);

		if (!s->attacker->captured[i] && !s->fated[i] && can_spare(s, i)) {
			s->fated[i] = true;
			want--;
		}
	}
	for (uint32_t k = 0; way->restarts && k < s->net->n; k++)
		for (uint32_t l = s->net->graph.first[k]; l < s->net->graph.first[k + 1]; l++)
			if (s->net->graph.to[l] == s->attacker->captive[0].node && !s->fated[k] &&
			    !s->attacker->captured[k] && can_spare(s, k))
				s->restarted = k;
	if (s->restarted != UINT32_MAX)
		s->fated[s->restarted] = true;
}

static void kill_fated(struct siege *s)
{
	const struct attack_way *way = &attack_ways[s->cfg->kind];

	for (uint32_t i = 0; i < s->net->n; i++)
		if (s->fated[i] && i != s->restarted)
			net_kill(s->net, i);
	if (way->kills_first || way->kills_some)
		net_run(s->net, s->net->now.ns + MOURN_NS);
	if (!way->kills_some)
		return;
	s->verified = mem_new((size_t)s->net->n * s->net->n * sizeof(*s->verified));
	admitted(s);
	s->r->admitted = 0;
}

/* It forgets everything, and is an end of pairs again from the next window on. */
static void restart(struct siege *s)
{
	if (s->restarted == UINT32_MAX)
		return;
	net_kill(s->net, s->restarted);
	s->net->node[s->restarted].snapshot_len = 0;
	net_start(s->net, s->restarted);
}

/* ---- the course of it ---- */
static void stand_up(struct siege *s)
{
	struct judge *j = s->judge;
	uint32_t from = j->npairs, a, b;

	for (unsigned i = 0; i < STANDING && draw_pair(s, &a, &b); i++) {
		s->standing[s->nstanding][0] = a;
		s->standing[s->nstanding++][1] = b;
		judge_pair(j, a, b);
	}
	judge_run(j, from, GAP_NS, s->net->now.ns + WINDOW_NS);
}

static void during(struct siege *s)
{
	struct attack_result *r = s->r;
	uint32_t windows = (uint32_t)(s->cfg->seconds * 1e9 / WINDOW_NS + 0.5);
	uint64_t was = bytes(s);
	uint32_t nodes = net_alive_count(s->net) - s->attacker->ncaptives;
	int64_t at = s->net->now.ns;

	r->delivered_min = 1;
	r->followed = 0;
	for (uint32_t i = 0; i < windows || i == 0; i++) {
		struct attack_window *w;
		bool again = i == windows / 2;

		if (again)
			restart(s);
		w = judge_window(s, WINDOW_NS);
		if (w->delivered < r->delivered_min)
			r->delivered_min = w->delivered;
		if (w->followed > r->followed)
			r->followed = w->followed;
		if (w->roots > r->roots)
			r->roots = w->roots;
		if (again && s->restarted != UINT32_MAX)
			s->fated[s->restarted] = false;
	}
	r->delivered_mean = (s->fresh_done + s->standing_done) / (s->fresh_all + s->standing_all);
	r->fresh_mean = s->fresh_all > 0 ? s->fresh_done / s->fresh_all : NOT_MEASURED;
	r->standing_mean = s->standing_all > 0 ? s->standing_done / s->standing_all : NOT_MEASURED;
	r->bytes_s = (double)(bytes(s) - was) / nodes / ((double)(s->net->now.ns - at) / 1e9);
}

static void after(struct siege *s)
{
	int64_t at = s->net->now.ns, last = at;
	uint32_t windows = (uint32_t)(s->cfg->after_s * 1e9 / WINDOW_AFTER_NS + 0.5);
	bool one, calm = true;
	uint64_t was = places(s, &one), now;

	for (uint32_t i = 0; i < windows; i++, was = now) {
		const struct attack_window *w = judge_window(s, WINDOW_AFTER_NS);

		now = places(s, &one);
		calm = one && now == was && w->delivered == 1.0;
		if (!calm)
			last = s->net->now.ns;
	}
	if (windows)
		s->r->calm_s = calm ? (double)(last - at) / 1e9 : NOT_MEASURED;
}

void attack_run(struct net *net, struct judge *j, struct attacker *a, const struct attack_cfg *cfg,
                struct attack_result *r)
{
	struct siege s = {.net = net, .judge = j, .attacker = a, .cfg = cfg, .r = r};
	uint32_t resend = j->resend;

	*r = (struct attack_result){.attackers = a->ncaptives,
	                            .admitted = NOT_MEASURED,
	                            .bytes_ratio = NOT_MEASURED,
	                            .calm_s = NOT_MEASURED,
	                            .base_delivered_mean = NOT_MEASURED,
	                            .base_bytes_s = NOT_MEASURED};
	rng_seeded_init(&s.rng_state, net->cfg.seed ^ UINT64_C(0x5e1ec7));
	s.rng = rng_from_seeded(&s.rng_state);
	s.fated = mem_new(net->n * sizeof(*s.fated));
	s.honest = mem_new(net->n * sizeof(*s.honest));
	s.standing = mem_new(STANDING * sizeof(*s.standing));
	choose_fated(&s);
	attacker_look(a);
	kill_fated(&s);
	stand_up(&s);
	j->probe_only = true; /* a pair whose session stands sends a probe, another one asks */
	j->resend = RESENDS;
	a->began = net->now;
	if (cfg->lies)
		attacker_begin(a);
	during(&s);
	attacker_end(a);
	r->lies = a->lies;
	after(&s);
	j->probe_only = false;
	j->resend = resend;
	free(s.fated);
	free(s.honest);
	free(s.verified);
	free(s.standing);
}

void attack_compare(struct attack_result *r, const struct attack_result *base)
{
	r->base_delivered_mean = base->delivered_mean;
	r->base_bytes_s = base->bytes_s;
	r->bytes_ratio = base->bytes_s > 0 ? r->bytes_s / base->bytes_s : NOT_MEASURED;
}
