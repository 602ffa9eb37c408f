/* SPDX-License-Identifier: BSD-3-Clause */
/* The judge: pairs, probes, verdicts. */
#include "judge.h"

#include <string.h>

#define COOKIE_LOOKUP 0x80000000u
#define HOPS_LIMIT    255
#define RESEND_NS     (20 * NS_PER_MS)
#define PROBE_WAIT_NS (3 * NS_PER_S)

static void probe_retry(void *arg, uint32_t pair, uint32_t tries, struct instant now);

/* ---- pairs ---- */
static void pair_end(struct judge *j, struct pair *p, enum pair_state how)
{
	if (p->probe != FRAME_NO_PROBE)
		j->probe[p->probe].live = false;
	p->probe = FRAME_NO_PROBE;
	p->state = (uint8_t)how;
	p->done_at = j->net->now.ns;
	j->open--;
	if (how == PAIR_FAILED && j->repeat && !p->too_far)
		net_call(j->net, j->net->now.ns + j->retry_ns, probe_retry, j,
		         (uint32_t)(p - j->pair), p->tries);
}

static void call_probe(void *arg, uint32_t pair, uint32_t tries, struct instant now)
{
	struct judge *j = arg;

	if (!j->dead && j->pair[pair].tries == tries && j->pair[pair].state == PAIR_ASKED)
		judge_probe(j, pair);
}

/* The probe did not make it: on lossy edges that is no verdict until a few were lost. Each waits twice as long, as whoever sends again
 * does: 5 s in all, the time in which handshakes and commits that were lost are sent again too. */
static void probe_failed(struct judge *j, struct pair *p)
{
	j->probe[p->probe].live = false;
	p->probe = FRAME_NO_PROBE;
	p->err = 0;
	if (p->resent < j->resend) {
		p->state = PAIR_ASKED;
		net_call(j->net, j->net->now.ns + (RESEND_NS << p->resent++), call_probe, j,
		         (uint32_t)(p - j->pair), p->tries);
		return;
	}
	pair_end(j, p, PAIR_FAILED);
}

static void call_ask(void *arg, uint32_t pair, uint32_t tries, struct instant now)
{
	struct judge *j = arg;

	if (j->dead || j->pair[pair].tries != tries)
		return;
	if (j->probe_only)
		judge_again(j, pair);
	else
		judge_ask(j, pair);
}

static void probe_retry(void *arg, uint32_t pair, uint32_t tries, struct instant now)
{
	struct judge *j = arg;

	if (j->dead || j->pair[pair].tries != tries || j->pair[pair].state != PAIR_FAILED)
		return;
	if (j->probe_only)
		judge_again(j, pair);
	else
		judge_ask(j, pair);
}

void judge_again(struct judge *j, uint32_t pair)
{
	const struct sim_node *a = &j->net->node[j->pair[pair].a];

	if (a->node && mw_session_of(a->mw, &j->net->node[j->pair[pair].b].identity.id))
		judge_probe(j, pair);
	else
		judge_ask(j, pair);
}

static void open_pair(struct judge *j, struct pair *p, enum pair_state s)
{
	if (p->state != PAIR_ASKED && p->state != PAIR_PROBING)
		j->open++;
	p->state = (uint8_t)s;
	p->tries++;
	p->tried_at = j->net->now.ns;
}

void judge_ask(struct judge *j, uint32_t pair)
{
	struct pair *p = &j->pair[pair];
	struct node_request r = {.type = REQ_CONNECT, .cookie = pair + 1};

	open_pair(j, p, PAIR_ASKED);
	p->resent = 0;
	p->probe = FRAME_NO_PROBE;
	if (!j->net->alive[p->a]) {
		pair_end(j, p, PAIR_FAILED);
		return;
	}
	r.id = j->net->node[p->b].identity.id;
	j->asked++;
	net_request(j->net, p->a, &r);
}

static void answer_connect(struct judge *j, uint32_t pair, const struct node_answer *a)
{
	struct pair *p = &j->pair[pair];

	if (p->state != PAIR_ASKED)
		return;
	if (a->type == ANS_CONNECTED) {
		p->first = a->hops;
		p->setup_ns = a->setup_ns;
		j->answered++;
		net_call(j->net, j->net->now.ns, call_probe, j, pair, p->tries);
	} else if (a->type == ANS_FAILED) {
		p->err = a->err;
		j->answered++;
		pair_end(j, p, PAIR_FAILED);
	}
}

static void hook_answer(void *arg, uint32_t node, const struct node_answer *a)
{
	struct judge *j = arg;

	if (a->cookie & COOKIE_LOOKUP) {
		j->lookups_exact += a->type == ANS_LOOKUP && a->exact;
		j->lookups_done += a->type == ANS_LOOKUP || a->type == ANS_FAILED;
	} else if (a->cookie > 0 && a->cookie <= j->npairs && j->pair[a->cookie - 1].a == node) {
		answer_connect(j, a->cookie - 1, a);
	}
}

/* ---- probes ---- */
static uint32_t probe_new(struct judge *j, uint32_t pair, bool back)
{
	const struct pair *p = &j->pair[pair];
	struct probe *x;

	if (j->nprobes == j->capprobes) {
		j->capprobes = j->capprobes ? j->capprobes * 2 : 256;
		j->probe = mem_resize(j->probe, j->capprobes * sizeof(*j->probe));
	}
	x = &j->probe[j->nprobes];
	*x = (struct probe){.pair = pair,
	                    .from = back ? p->b : p->a,
	                    .to = back ? p->a : p->b,
	                    .back = back,
	                    .live = true};
	x->trail = mem_new((HOPS_LIMIT + 2) * sizeof(*x->trail));
	x->trail[0] = x->from;
	j->pair[pair].probe = j->nprobes;
	return j->nprobes++;
}

static void probe_close(struct judge *j, uint32_t probe)
{
	j->probe[probe].live = false;
	free(j->probe[probe].trail);
	j->probe[probe].trail = NULL;
}

static void call_timeout(void *arg, uint32_t probe, uint32_t b, struct instant now)
{
	struct judge *j = arg;
	struct pair *p;

	if (j->dead)
		return;
	p = &j->pair[j->probe[probe].pair];
	if (p->state == PAIR_PROBING && p->probe == probe)
		probe_failed(j, p);
	probe_close(j, probe);
}

static void probe_send(struct judge *j, uint32_t pair, bool back)
{
	uint32_t probe = probe_new(j, pair, back);
	const struct probe *x = &j->probe[probe];

	net_call(j->net, j->net->now.ns + j->probe_timeout_ns, call_timeout, j, probe, 0);
	/* Without a session the worker would hold the data and ask; the probe simply times out. */
	net_inject(j->net, x->from, &j->net->node[x->to].identity.id, probe);
}

void judge_probe(struct judge *j, uint32_t pair)
{
	struct pair *p = &j->pair[pair];

	open_pair(j, p, PAIR_PROBING);
	p->probe = FRAME_NO_PROBE;
	probe_send(j, pair, false);
}

static void hook_hop(void *arg, uint32_t probe, uint32_t node)
{
	struct judge *j = arg;
	struct probe *x = &j->probe[probe];

	if (!x->trail)
		return;
	if (x->hops < HOPS_LIMIT + 1)
		x->hops++;
	x->trail[x->hops] = node;
}

static void call_back(void *arg, uint32_t pair, uint32_t tries, struct instant now)
{
	struct judge *j = arg;

	if (!j->dead && j->pair[pair].tries == tries && j->pair[pair].state == PAIR_PROBING)
		probe_send(j, pair, true);
}

static void explain_stray(const struct judge *j, const struct probe *x, uint32_t node)
{
	if (!j->explain)
		return;
	fprintf(stderr, "misdelivered at %.6f s: %s probe of %u -> %u ended at %u (%s), by way of",
	        (double)j->net->now.ns / 1e9, x->back ? "returning" : "first",
	        x->back ? x->to : x->from, x->back ? x->from : x->to, node,
	        x->trail ? "in time" : "late");
	for (uint32_t i = 0; x->trail && i <= x->hops; i++)
		fprintf(stderr, " %u", x->trail[i]);
	fputc('\n', stderr);
}

static void hook_end(void *arg, uint32_t probe, uint32_t node, const struct node_id *remote,
                     bool at_end, enum mw_drop why)
{
	struct judge *j = arg;
	struct probe *x = &j->probe[probe];
	struct pair *p = &j->pair[x->pair];

	if (at_end && node != x->to) {
		j->misdelivered++; /* even where the keys would have saved it */
		explain_stray(j, x, node);
	}
	if (!remote) {
		j->why[why]++;
		p->stopped = node;
		p->stopped = node;
		if (x->live && p->probe == probe && p->state == PAIR_PROBING)
			probe_failed(j, p);
		return;
	}
	if (node == x->to && net_find(j->net, remote) != x->from)
		j->misdelivered++;
	if (!x->live || p->probe != probe || p->state != PAIR_PROBING)
		return;
	if (node != x->to || net_find(j->net, remote) != x->from)
		return;
	if (!x->back) {
		p->hops = x->hops;
		j->trail_n = x->hops + 1;
		memcpy(j->trail, x->trail, j->trail_n * sizeof(*j->trail));
		net_call(j->net, j->net->now.ns, call_back, j, x->pair, p->tries);
	} else {
		pair_end(j, p, PAIR_DONE);
	}
}

/* ---- making pairs ---- */
void judge_init(struct judge *j, struct net *net)
{
	*j = (struct judge){.net = net,
	                    .shun = UINT32_MAX,
	                    .retry_ns = 200 * NS_PER_MS,
	                    .resend = net->cfg.loss > 0 ? 8 : 0,
	                    .probe_timeout_ns = PROBE_WAIT_NS + net_slow_ns(net, 10),
	                    .dist = mem_new(net->n * sizeof(*j->dist))};
	net->hooks = (struct net_hooks){
	        .answer = hook_answer, .probe_hop = hook_hop, .probe_end = hook_end, .arg = j};
}

void judge_free(struct judge *j)
{
	j->dead = true;
	for (uint32_t i = 0; i < j->nprobes; i++)
		free(j->probe[i].trail);
	free(j->probe);
	free(j->pair);
	free(j->dist);
	j->net->hooks = (struct net_hooks){0};
}

void judge_pair(struct judge *j, uint32_t a, uint32_t b)
{
	if (j->npairs == j->cappairs) {
		j->cappairs = j->cappairs ? j->cappairs * 2 : 64;
		j->pair = mem_resize(j->pair, j->cappairs * sizeof(*j->pair));
	}
	graph_bfs(&j->net->graph, a, j->net->alive, j->net->up, j->dist);
	j->pair[j->npairs++] = (struct pair){.a = a,
	                                     .b = b,
	                                     .distance = j->dist[b],
	                                     .too_far = j->dist[b] > HOPS_LIMIT,
	                                     .probe = FRAME_NO_PROBE};
}

void judge_sample(struct judge *j, uint32_t count, bool cross)
{
	struct net *net = j->net;
	const uint32_t n = net->n, half = n / 2;
	uint32_t live = net_alive_count(net);

	if (!cross && (uint64_t)live * (live - 1) <= count) {
		for (uint32_t a = 0; a < n; a++)
			for (uint32_t b = 0; b < n; b++)
				if (a != b && net->alive[a] && net->alive[b] && a != j->shun)
					judge_pair(j, a, b);
	} else {
		uint32_t made = 0;

		for (uint64_t tries = 0; made < count && tries < 50ull * count; tries++) {
			uint32_t a = (uint32_t)rng_below(&net->rng, n);
			uint32_t b = (uint32_t)rng_below(&net->rng, n);

			if (a == b || a == j->shun || !net->alive[a] || !net->alive[b] ||
			    (cross && (a < half) == (b < half)))
				continue;
			judge_pair(j, a, b);
			if (j->pair[j->npairs - 1].distance == TOPO_FAR)
				j->npairs--; /* no way there at all: nothing to judge */
			else
				made++;
		}
		return;
	}
	for (uint32_t i = 0; i < j->npairs;)
		if (j->pair[i].distance == TOPO_FAR && j->pair[i].state == PAIR_NEW)
			j->pair[i] = j->pair[--j->npairs];
		else
			i++;
}

uint32_t judge_run(struct judge *j, uint32_t from, int64_t gap_ns, int64_t deadline_ns)
{
	struct net *net = j->net;
	int64_t at = net->now.ns;
	uint32_t done = 0;

	for (uint32_t i = from; i < j->npairs; i++, at += gap_ns)
		net_call(net, at, call_ask, j, i, j->pair[i].tries);
	for (;;) {
		bool pending = false;

		for (uint32_t i = from; i < j->npairs && !pending; i++)
			pending = j->pair[i].state != PAIR_DONE &&
			          ((j->repeat && !j->pair[i].too_far) ||
			           j->pair[i].state != PAIR_FAILED);
		if (!pending || net->now.ns >= deadline_ns)
			break;
		net_run(net, net->now.ns + 50 * NS_PER_MS);
	}
	for (uint32_t i = from; i < j->npairs; i++)
		done += j->pair[i].state == PAIR_DONE;
	return done;
}

void judge_release(struct judge *j, uint32_t from)
{
	for (uint32_t i = from; i < j->npairs; i++) {
		const struct pair *p = &j->pair[i];

		net_release(j->net, p->a, &j->net->node[p->b].identity.id);
		net_release(j->net, p->b, &j->net->node[p->a].identity.id);
	}
}

void judge_lookup(struct judge *j, uint32_t a, uint32_t b)
{
	struct node_request r = {.type = REQ_LOOKUP, .cookie = COOKIE_LOOKUP | j->lookups};

	if (!j->net->alive[a])
		return;
	r.id = j->net->node[b].identity.id;
	j->lookups++;
	net_request(j->net, a, &r);
}
