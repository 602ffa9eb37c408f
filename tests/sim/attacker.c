/* SPDX-License-Identifier: BSD-3-Clause */
/* The attacker: which nodes it captures, what it holds back of their own code, how it speaks in their name. */
#include "attacker.h"
#include "hashsig.h"

#include "anchor/anchor.h"
#include "wire/lse.h"
#include "wire/routed.h"

#include <string.h>

static bool always(const struct attacker *a)
{
	return true;
}

const struct attack_way attack_ways[ATTACK_KINDS] = {
        [ATTACK_NONE] = {.name = "none", .what = "nobody lies"},
        [ATTACK_ROOT_NUMBER] = {.name = "root-number",
                                .what = "raised numbers of the root and of another honest node",
                                .every_ns = 500 * NS_PER_MS,
                                .step = roots_number,
                                .holds = always},
        [ATTACK_ROOT_PHANTOM] = {.name = "root-phantom",
                                 .what = "better roots that never were, ever new ones",
                                 .step = roots_phantom,
                                 .holds = always},
        [ATTACK_ROOT_STALL] = {.name = "root-stall",
                               .what = "a mined root that is followed and falls silent",
                               .every_ns = NS_PER_S,
                               .step = roots_stall,
                               .holds = always},
        [ATTACK_ROOT_FLAP] = {.name = "root-flap",
                              .what = "a mined root that comes and goes each 3 s",
                              .every_ns = NS_PER_S,
                              .step = roots_flap,
                              .holds = roots_flap_holds},
        [ATTACK_ROOT_EQUIVOCATE] = {.name = "root-equivocate",
                                    .what = "a mined root with another number for each neighbour",
                                    .every_ns = NS_PER_S,
                                    .step = roots_equivocate,
                                    .holds = always},
        [ATTACK_ROOT_OLD] = {.name = "root-old",
                             .what = "signed numbers of a root that is gone, once more",
                             .every_ns = 2 * NS_PER_S,
                             .kills_first = true,
                             .restarts = true,
                             .step = roots_old,
                             .holds = always},
        [ATTACK_SINKHOLE] = {.name = "sinkhole",
                             .what = "a place next to everybody, where routed datagrams vanish",
                             .every_ns = NS_PER_S,
                             .step = paths_sinkhole,
                             .holds = always,
                             .frame = paths_sink},
        [ATTACK_SWALLOW] = {.name = "swallow",
                            .what = "hellos and set-ups are answered, data vanishes",
                            .frame = paths_swallow},
        [ATTACK_RECORD_REPLAY] = {.name = "record-replay",
                                  .what = "FINDs are answered with the target's recorded record",
                                  .kills_some = true,
                                  .frame = paths_replay},
};

int attack_kind(const char *name)
{
	for (int i = 0; i < ATTACK_KINDS; i++)
		if (strcmp(attack_ways[i].name, name) == 0)
			return i;
	return -1;
}

/* ---- ids ---- */
void attacker_mine(struct attacker *a, unsigned t, bool keyed, struct mined *m)
{
	/* Where signatures are hashes over the public key, any 32 bytes are a key that can be signed for. */
	bool real = keyed && !a->net->cfg.hashed_signatures;

	m->keyed = keyed;
	do {
		if (real && identity_generate(&m->identity, &a->rng) != 0)
			continue;
		if (!real) {
			rng_fill(&a->rng, m->identity.ed_public, sizeof(m->identity.ed_public));
			identity_id_of_key(m->identity.ed_public, &m->identity.id);
		}
	} while (anchor_hash(t, &m->identity.id) >= a->best[t]);
}

/* Whether the nodes that are not captured, `out` aside, form one part. */
static bool connected_without(struct attacker *a, uint32_t out)
{
	struct net *net = a->net;
	bool *rest = mem_new(net->n * sizeof(*rest)), ok = true;
	uint32_t *dist = mem_new(net->n * sizeof(*dist)), from = TOPO_FAR;

	for (uint32_t i = 0; i < net->n; i++) {
		rest[i] = i != out && !a->captured[i];
		if (rest[i] && from == TOPO_FAR)
			from = i;
	}
	if (from != TOPO_FAR)
		graph_bfs(&net->graph, from, rest, net->up, dist);
	for (uint32_t i = 0; i < net->n && from != TOPO_FAR; i++)
		ok &= !rest[i] || dist[i] != TOPO_FAR;
	free(rest);
	free(dist);
	return ok && from != TOPO_FAR;
}

static void capture(struct attacker *a, uint32_t want)
{
	const struct graph *g = &a->net->graph;
	bool *tried = mem_new(g->n * sizeof(*tried));

	while (a->ncaptives < want) {
		uint32_t pick = TOPO_FAR;
		uint32_t from = (uint32_t)rng_below(&a->rng, g->n);

		for (uint32_t k = 0; k < g->n; k++) {
			uint32_t i = (from + k) % g->n;

			if (!tried[i] && i != a->first &&
			    (pick == TOPO_FAR ||
			     g->first[i + 1] - g->first[i] > g->first[pick + 1] - g->first[pick]))
				pick = i;
		}
		if (pick == TOPO_FAR)
			break; /* each of the others holds the graph together */
		tried[pick] = true;
		if (!connected_without(a, pick))
			continue;
		a->captured[pick] = true;
		a->captive[a->ncaptives++] = (struct captive){
		        .node = pick,
		        .ann = mem_new((a->net->node[pick].nlinks + 1) *
		                       sizeof(struct linkmsg_ann)),
		};
	}
	free(tried);
}

struct captive *attacker_captive(struct attacker *a, uint32_t node)
{
	for (uint32_t i = 0; a->captured[node] && i < a->ncaptives; i++)
		if (a->captive[i].node == node)
			return &a->captive[i];
	return NULL;
}

double attacker_s(const struct attacker *a)
{
	return (double)(a->net->now.ns - a->began.ns) / 1e9;
}

/* ---- speaking ---- */
void attacker_say(struct attacker *a, struct captive *c, uint16_t link, const void *data,
                  size_t len)
{
	a->lies++;
	a->saying = true;
	net_say(a->net, c->node, link, data, len);
	a->saying = false;
}

static struct wr local_begin(uint8_t *buf, size_t size)
{
	struct wr w = wr_init(buf, size);

	control_stack_write(&w, LABEL_NONE, 1);
	ach_write(&w, ACH_LINKLOCAL);
	return w;
}

void attacker_say_ann(struct attacker *a, struct captive *c, uint16_t link, struct linkmsg_ann *m)
{
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = local_begin(buf, sizeof(buf));

	m->seq = ++c->ann_seq;
	linkmsg_ann_write(&w, m);
	if (wr_ok(&w))
		attacker_say(a, c, link, buf, wr_len(&w));
}

void attacker_say_seq(struct attacker *a, struct captive *c, uint16_t link,
                      const struct linkmsg_seq *m)
{
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = local_begin(buf, sizeof(buf));

	linkmsg_seq_write(&w, m);
	if (wr_ok(&w))
		attacker_say(a, c, link, buf, wr_len(&w));
}

void attacker_sign_seq(const struct attacker *a, const struct mined *by, struct linkmsg_seq *m)
{
	uint8_t body[9];

	memcpy(m->key, by->identity.ed_public, sizeof(m->key));
	linkmsg_seq_signed(m, body);
	if (!by->keyed)
		memset(m->sig, 0x5a, sizeof(m->sig));
	else if (a->net->cfg.hashed_signatures)
		hashsig_sign(&by->identity, SEQ_CONTEXT, body, sizeof(body), m->sig);
	else
		sig_sign(&by->identity, SEQ_CONTEXT, body, sizeof(body), m->sig);
}

/* ---- between a captured node and its links ---- */

/* f with other bytes; f is freed. */
static struct frame *frame_again(struct frame *f, const void *data, size_t len)
{
	struct frame *g = frame_new((uint32_t)len);

	memcpy(g, f, sizeof(*g));
	g->len = (uint32_t)len;
	memcpy(g->data, data, len);
	free(f);
	return g;
}

/* The reader of f's messages to the next neighbour only; false: it is something else. */
static bool local_messages(const struct frame *f, struct rd *r)
{
	uint32_t label;
	uint8_t ttl;

	*r = rd_init(f->data, f->len);
	return !f->raw && control_stack_read(r, &label, &ttl) && label == LABEL_NONE &&
	       ach_read(r) == ACH_LINKLOCAL;
}

/* What a captured node's own code says to a neighbour: its announcements are remembered, numbered anew so that they go on after the
 * attacker's, and held back with numbers of roots while the attacker speaks in their place. */
static struct frame *own_words(struct attacker *a, struct captive *c, uint16_t link,
                               struct frame *f)
{
	const struct attack_way *way = &attack_ways[a->kind];
	bool hold = a->on && way->holds && way->holds(a), changed = false, any = false;
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = local_begin(buf, sizeof(buf));
	struct linkmsg_head h;
	struct linkmsg_ann ann;
	struct rd r, body;
	const uint8_t *at;

	if (!local_messages(f, &r))
		return f;
	for (at = r.p; rd_left(&r) > 0; at = r.p) {
		if (!linkmsg_next(&r, &h, &body))
			return f;
		if (h.type == LINKMSG_ANN && linkmsg_ann_read(&body, &ann)) {
			changed = true;
			c->ann[link] = ann;
			if (hold)
				continue;
			c->ann_seq = ann.seq > c->ann_seq ? ann.seq : c->ann_seq + 1;
			ann.seq = c->ann_seq;
			linkmsg_ann_write(&w, &ann);
		} else if (h.type == LINKMSG_SEQ && hold) {
			changed = true;
			continue;
		} else {
			wr_copy(&w, at, (size_t)(r.p - at));
		}
		any = true;
	}
	if (!changed || !wr_ok(&w))
		return f;
	if (any)
		return frame_again(f, buf, wr_len(&w));
	free(f);
	return NULL;
}

/* Numbers of the best honest node that come by while it lives. */
static void record_numbers(struct attacker *a, const struct frame *f)
{
	struct linkmsg_head h;
	struct linkmsg_seq m;
	struct rd r, body;

	if (a->nold == ATTACKER_SEQS_MAX || !local_messages(f, &r))
		return;
	while (rd_left(&r) > 0 && linkmsg_next(&r, &h, &body)) {
		struct node_id id;

		if (h.type != LINKMSG_SEQ || !linkmsg_seq_read(&body, &m))
			continue;
		identity_id_of_key(m.key, &id);
		if (id_eq(&id, &a->net->node[a->first].identity.id) && m.tree == 0 &&
		    a->nold < ATTACKER_SEQS_MAX &&
		    (a->nold == 0 || a->old[a->nold - 1].seq < m.seq))
			a->old[a->nold++] = m;
	}
}

static struct frame *tap(void *arg, uint32_t node, uint16_t link, struct frame *f, bool out)
{
	struct attacker *a = arg;
	const struct attack_way *way = &attack_ways[a->kind];
	struct captive *c = attacker_captive(a, node);

	if (!c || a->saying)
		return f;
	if (!out && !a->on)
		record_numbers(a, f);
	if (out)
		f = own_words(a, c, link, f);
	return f && a->on && way->frame ? way->frame(a, c, link, f, out) : f;
}

static void step(void *arg, uint32_t serial, uint32_t b, struct instant now)
{
	struct attacker *a = arg;
	const struct attack_way *way = &attack_ways[a->kind];

	if (!a->on)
		return;
	way->step(a);
	a->turns++;
	net_call(a->net, now.ns + (way->every_ns ? way->every_ns : (int64_t)(1e9 / a->rate)), step,
	         a, 0, 0);
}

/* ---- begin and end ---- */
void attacker_init(struct attacker *a, struct net *net, enum attack_kind kind, double share,
                   double rate)
{
	double want = share * net->n + 0.5;
	struct node_cfg cfg;

	*a = (struct attacker){.net = net, .kind = kind, .rate = rate};
	rng_seeded_init(&a->rng_state, net->cfg.seed ^ UINT64_C(0xa77ac4e5));
	a->rng = rng_from_seeded(&a->rng_state);
	node_cfg_default(&cfg);
	a->trees = cfg.trees;
	a->captured = mem_new(net->n * sizeof(*a->captured));
	a->captive = mem_new((net->n + 1) * sizeof(*a->captive));
	a->record = mem_new(net->n * sizeof(*a->record));
	for (unsigned t = 0; t < a->trees; t++) {
		a->best[t] = UINT64_MAX;
		for (uint32_t i = 0; i < net->n; i++) {
			uint64_t rank = anchor_hash(t, &net->node[i].identity.id);

			if (rank >= a->best[t])
				continue;
			a->best[t] = rank;
			if (t == 0)
				a->first = i;
		}
	}
	capture(a, want < 1 ? 1 : (uint32_t)want);
	net->tap = (struct net_tap){tap, a};
}

void attacker_free(struct attacker *a)
{
	a->net->tap = (struct net_tap){0};
	for (uint32_t i = 0; i < a->ncaptives; i++)
		free(a->captive[i].ann);
	free(a->captive);
	free(a->captured);
	free(a->record);
}

void attacker_look(struct attacker *a)
{
	for (uint32_t i = 0; i < a->net->n; i++)
		if (a->net->node[i].node)
			a->record[i] = a->net->node[i].node->anchor->record;
}

void attacker_begin(struct attacker *a)
{
	a->on = true;
	a->began = a->net->now;
	a->seq = (uint64_t)a->net->now.ns;
	for (unsigned t = 0; t < a->trees; t++)
		attacker_mine(a, t, true, &a->mined[t]);
	if (attack_ways[a->kind].step)
		step(a, 0, 0, a->net->now);
}

void attacker_end(struct attacker *a)
{
	a->on = false;
	/* What the captured nodes' own code said last counts again. */
	for (uint32_t i = 0; attack_ways[a->kind].holds && i < a->ncaptives; i++)
		for (uint16_t l = 0; l < a->net->node[a->captive[i].node].nlinks; l++) {
			struct linkmsg_ann m = a->captive[i].ann[l];

			if (m.ntrees)
				attacker_say_ann(a, &a->captive[i], l, &m);
		}
}
