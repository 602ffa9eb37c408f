/* SPDX-License-Identifier: BSD-3-Clause */
/* The anchor's messages: announcements, the root's sequence numbers, samples; and distances along the tree. */
#include "anchor/anchor.h"

#include "base/assert.h"
#include <errno.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>

#define ANN_COALESCE (50 * NS_PER_MS)
/* Numbers behind the newest that rise so often in a row are the count, and the newest was not. */
#define ANN_RISES     8
#define SEQS_MAX      200 /* about 20 ms of verifying a second */
#define SAMPLE_MIN    (300 * NS_PER_MS)
#define SAMPLE_MAX_NS (30 * NS_PER_S)
#define GROWN_AGAIN   (20 * NS_PER_S)
#define TREE_SIZE_MAX (1u << 30) /* the largest tree that samples may tell of */
#define OWN_FREE \
	8 /* newer records of our own that are outbid at once: as many are met after a restart */
#define OWN_PROOF     3 /* so many times counts what only a twin can have said */
#define OWN_AGAIN     (60 * NS_PER_S)
#define OWN_AGAIN_MAX (600 * NS_PER_S)
#define OWN_CALM      (1200 * NS_PER_S) /* the next one is the first again */
#define SIZE_KEPT     (120 * NS_PER_S)  /* the largest size seen is forgotten after so long */

uint64_t anchor_hash(unsigned tree, const struct node_id *id)
{
	uint8_t in[1 + ID_BYTES], out[16];

	in[0] = (uint8_t)tree;
	memcpy(in + 1, id->b, ID_BYTES);
	crypto_generichash(out, sizeof(out), in, sizeof(in), (const uint8_t *)"IPvCoyo root", 12);
	return be64_load(out);
}

/* Makes and signs a new record of this node, after its place or the number changed. */
static void record_renew(struct node *n)
{
	struct anchor *a = n->anchor;
	struct record *r = &a->record;
	uint8_t buf[RECORD_MAX];
	struct wr w = wr_init(buf, sizeof(buf));

	memcpy(r->key, n->cfg.identity->ed_public, 32);
	r->seq = ++a->record_seq;
	a->record_at = n->now;
	r->ntrees = n->cfg.trees;
	r->flags = n->cfg.transit ? 0 : RECORD_FLAG_NO_TRANSIT;
	for (unsigned t = 0; t < n->cfg.trees; t++) {
		r->place[t].root = root_tag(&a->tree[t].root);
		r->place[t].coords = a->tree[t].coords;
	}
	record_write(&w, r);
	n->ops->sign(n->cfg.identity, RECORD_CONTEXT, buf, wr_len(&w) - RECORD_SIG_BYTES, r->sig);
}

int anchor_new(struct node *n)
{
	struct anchor *a = ctx_alloc(n, sizeof(*a));

	if (!a)
		return -ENOMEM;
	n->anchor = a;
	a->trees = n->cfg.trees;
	a->sample_ns = SAMPLE_MIN;
	fair_init(&a->seqs, SEQS_MAX);
	a->ann_seq = (uint64_t)n->now.ns;
	for (unsigned t = 0; t < n->cfg.trees; t++) {
		a->self_hash[t] = anchor_hash(t, &n->cfg.identity->id);
		a->tree[t].root = n->cfg.identity->id;
		a->tree[t].root_hash = a->self_hash[t];
		a->tree[t].root_at = a->tree[t].followed_at = n->now;
	}
	record_renew(n);
	arm(n, &a->seq_timer, TIMER_ANCHOR_SEQ, NULL, SEQ_EVERY);
	arm(n, &a->sample_timer, TIMER_ANCHOR_SAMPLE, NULL, a->sample_ns);
	return 0;
}

void anchor_free(struct node *n)
{
	struct anchor *a = n->anchor;

	if (!a)
		return;
	disarm(n, &a->ann_timer);
	disarm(n, &a->seq_timer);
	disarm(n, &a->hold_timer);
	disarm(n, &a->sample_timer);
	disarm(n, &a->own_timer);
	ctx_free(n, a);
	n->anchor = NULL;
}

/* This node has the last word about itself now: the next time may be later. */
static void own_word(struct node *n)
{
	struct anchor *a = n->anchor;

	if (a->own_met > OWN_FREE)
		a->own_wait_ns = a->own_wait_ns ? (int64_t)min_u64(2 * (uint64_t)a->own_wait_ns,
		                                                   OWN_AGAIN_MAX)
		                                : OWN_AGAIN;
	a->own_next = instant_add(n->now, a->own_wait_ns);
}

/* Makes a record that is newer than any of our own that was met. */
static void outbid(struct node *n)
{
	record_renew(n);
	n->news->coords_changed(n);
}

bool anchor_own_met(struct node *n, uint32_t times)
{
	struct anchor *a = n->anchor;
	bool first;

	if (a->own_met_at.ns && instant_sub(n->now, a->own_met_at) > OWN_CALM) {
		a->own_met = 0;
		a->own_wait_ns = 0;
	}
	a->own_met_at = n->now;
	first = a->own_met < OWN_FREE;
	if (a->own_met < UINT32_MAX / 2)
		a->own_met += times;
	if (!first)
		peers_twin_seen(n);
	if (!first && timer_armed(&a->own_timer))
		return false;
	if (!first && instant_before(n->now, a->own_next)) {
		arm(n, &a->own_timer, TIMER_ANCHOR_OWN, NULL, instant_sub(a->own_next, n->now));
		return false;
	}
	own_word(n);
	return true;
}

void anchor_own_record_seen(struct node *n, uint64_t seq)
{
	struct anchor *a = n->anchor;
	/* What was said before a restart does not follow on the number that this node has just taken. */
	bool follows = a->own_met > 0 && seq == a->record_seq + 1;

	if (seq <= a->record_seq || seq > UINT64_MAX / 2)
		return;
	a->record_seq = seq; /* whenever our place changes, that record outbids it */
	if (anchor_own_met(n, follows ? OWN_PROOF : 1))
		outbid(n);
}

/* Whether c names another place than this node's own record. */
static bool elsewhere(const struct record *r, const struct contact_info *c)
{
	if (c->ntrees != r->ntrees)
		return true;
	for (unsigned t = 0; t < r->ntrees; t++)
		if (c->place[t].root != r->place[t].root ||
		    !coords_eq(&c->place[t].coords, &r->place[t].coords))
			return true;
	return false;
}

void anchor_own_heard(struct node *n, const struct contact_info *c)
{
	struct anchor *a = n->anchor;

	/* A number that this node has given to one record, it gives to no other. */
	if (c->seq == a->record_seq && c->seq == a->record.seq && elsewhere(&a->record, c)) {
		if (anchor_own_met(n, OWN_PROOF))
			outbid(n);
		return;
	}
	anchor_own_record_seen(n, c->seq);
}

bool anchor_is_child(const struct peer *p, unsigned t)
{
	return peer_up(p) && p->ann_valid && t < p->ann->ntrees && p->ann->tree[t].is_parent;
}

/* The only up neighbour beside the parent; NULL: there is none, or several. */
static struct peer *only_other(const struct node *n, const struct tree *t)
{
	struct peer *p, *found = NULL;

	TAILQ_FOREACH (p, &n->peers->list, next) {
		if (!peer_up(p) || p == t->parent)
			continue;
		if (found)
			return NULL;
		found = p;
	}
	return found;
}

/* Offers port 1 to the neighbour that can be this node's only child. A child keeps it when others come, so that places below do not
 * change. */
static void offer_ports(struct node *n)
{
	struct anchor *a = n->anchor;
	bool changed = false;

	for (unsigned i = 0; i < n->cfg.trees; i++) {
		struct tree *t = &a->tree[i];
		struct peer *p = t->first_child;

		if (!p || !peer_up(p) || p == t->parent || !anchor_is_child(p, i))
			p = only_other(n, t);
		changed |= p != t->first_child;
		t->first_child = p;
	}
	if (changed && !timer_armed(&a->ann_timer))
		arm(n, &a->ann_timer, TIMER_ANCHOR_ANN, NULL, ANN_COALESCE);
}

static void ann_send(struct node *n, struct peer *p)
{
	struct anchor *a = n->anchor;
	struct linkmsg_ann m = {.seq = ++a->ann_seq, .ntrees = n->cfg.trees};
	uint8_t buf[1180];
	struct wr w = wr_init(buf, sizeof(buf));

	for (unsigned t = 0; t < n->cfg.trees; t++) {
		/* In front of the announcement: who takes this node's root has to know it. */
		if (anchor_seq_wanted(n, p, t)) {
			linkmsg_seq_write(&w, anchor_seq(n, t));
			p->told_root[t] = a->tree[t].root;
		}
		m.tree[t].root = a->tree[t].root;
		m.tree[t].port = a->tree[t].first_child == p ? 1 : (uint16_t)(p->port + 1);
		m.tree[t].is_parent = a->tree[t].parent == p;
		m.tree[t].coords = a->tree[t].coords;
	}
	linkmsg_ann_write(&w, &m);
	if (wr_ok(&w))
		peer_send_local(n, p, buf, wr_len(&w));
}

/* Returns to the shortest interval between samples, which then grows again. */
static void sample_often(struct node *n)
{
	struct anchor *a = n->anchor;

	if (a->sample_ns > SAMPLE_MIN)
		arm(n, &a->sample_timer, TIMER_ANCHOR_SAMPLE, NULL, SAMPLE_MIN);
	a->sample_ns = SAMPLE_MIN;
}

static void announce_now(struct node *n)
{
	struct peer *p;

	disarm(n, &n->anchor->ann_timer);
	TAILQ_FOREACH (p, &n->peers->list, next)
		if (peer_up(p))
			ann_send(n, p);
}

/* This node's place changed: renews its record and announces it to the neighbours, at once or together with other changes. */
static void announce(struct node *n, bool at_once)
{
	struct anchor *a = n->anchor;

	record_renew(n);
	sample_often(n);
	if (at_once)
		announce_now(n);
	else if (!timer_armed(&a->ann_timer))
		arm(n, &a->ann_timer, TIMER_ANCHOR_ANN, NULL, ANN_COALESCE);
	n->news->coords_changed(n);
}

void anchor_reselect(struct node *n)
{
	bool lost, placed = anchor_select(n, &lost);

	offer_ports(n);
	if (placed)
		announce(n, lost);
}

static void sample_forget(struct node *n, struct peer *p)
{
	ctx_free(n, p->sample);
	p->sample = NULL;
}

void anchor_peer_up(struct node *n, struct peer *p)
{
	p->ann_valid = false;
	memset(p->told_root, 0, sizeof(p->told_root));
	sample_forget(n, p);
	if (p->flap_n > 1) {
		int64_t wait = INT64_C(1) << (p->flap_n < 7 ? p->flap_n - 1 : 6);

		p->parent_not_before = instant_add(n->now, (wait < 60 ? wait : 60) * NS_PER_S);
		arm(n, &n->anchor->hold_timer, TIMER_ANCHOR_HOLD, NULL,
		    (wait < 60 ? wait : 60) * NS_PER_S);
	}
	offer_ports(n);
	ann_send(n, p);
}

void anchor_peer_down(struct node *n, struct peer *p)
{
	for (unsigned t = 0; t < n->cfg.trees; t++)
		if (n->anchor->tree[t].first_child == p)
			n->anchor->tree[t].first_child = NULL;
	p->ann_valid = false;
	sample_forget(n, p);
	if (instant_sub(n->now, p->up_at) > 300 * NS_PER_S)
		p->flap_n = 0;
	p->flap_n++;
	anchor_reselect(n);
}

/* Whether m was said before the newest announcement of p. */
static bool overtaken(struct peer *p, const struct linkmsg_ann *m)
{
	bool behind = p->ann_valid && m->seq <= p->ann->seq;

	p->announced.rises =
	        (uint8_t)(behind && m->seq > p->announced.behind ? p->announced.rises + 1 : 0);
	p->announced.behind = behind ? m->seq : 0;
	return behind && p->announced.rises < ANN_RISES;
}

void anchor_ann_rx(struct node *n, struct peer *p, const struct linkmsg_ann *m)
{
	if (overtaken(p, m)) {
		count(n, CTR_ANN_OLD);
		return;
	}
	if (!p->ann)
		p->ann = ctx_alloc(n, sizeof(*p->ann));
	if (!p->ann)
		return;
	former_announced(n, p, m);
	*p->ann = *m;
	p->ann_valid = true;
	for (unsigned t = 0; t < m->ntrees; t++) {
		p->ann_hash[t] = anchor_hash(t, &m->tree[t].root);
		anchor_root_told(n, p, t);
	}
	anchor_reselect(n);
}

/* ---- samples (tree 0) ---- */

/* As its last sample says; 0 before the first. */
static uint32_t nodes_behind(const struct peer *p)
{
	return p->sample ? p->sample->size : 0;
}

static bool tree_neighbour(const struct node *n, const struct peer *p)
{
	return n->anchor->tree[0].parent == p || anchor_is_child(p, 0);
}

/* Nodes in the tree as far as the samples say: this one and those in every direction but `except` (NULL: all). Each neighbour says what it
 * likes, so the sum stops at TREE_SIZE_MAX. */
static uint32_t tree_size(const struct node *n, const struct peer *except)
{
	uint64_t size = 1;
	const struct peer *p;

	TAILQ_FOREACH (p, &n->peers->list, next)
		if (p != except && tree_neighbour(n, p))
			size += nodes_behind(p);
	return (uint32_t)min_u64(size, TREE_SIZE_MAX);
}

static void own_contact(const struct node *n, struct contact_info *c)
{
	const struct record *r = &n->anchor->record;

	c->id = n->cfg.identity->id;
	c->seq = r->seq;
	c->ntrees = r->ntrees;
	memcpy(c->place, r->place, sizeof(c->place));
}

/* Draws one record at random from this node and the tree neighbours other than `except`, each weighted by the nodes behind it. */
static void draw(struct node *n, const struct peer *except, uint32_t total, struct contact_info *c)
{
	uint64_t x = rng_below(&n->cfg.rng, total);
	struct peer *p;

	COYO_ASSERT(total > 0);
	TAILQ_FOREACH (p, &n->peers->list, next) {
		if (p == except || !tree_neighbour(n, p) || !p->sample || p->sample->count == 0)
			continue;
		if (x < p->sample->size) {
			*c = p->sample->c[rng_below(&n->cfg.rng, p->sample->count)];
			return;
		}
		x -= p->sample->size;
	}
	own_contact(n, c);
}

static void sample_send(struct node *n, struct peer *to)
{
	struct linkmsg_sample m = {.size = tree_size(n, to), .count = SAMPLE_MAX};
	uint8_t buf[1180];
	struct wr w;

	for (unsigned i = 0; i < SAMPLE_MAX; i++)
		draw(n, to, m.size, &m.c[i]);
	do {
		w = wr_init(buf, sizeof(buf));
		linkmsg_sample_write(&w, &m);
	} while (!wr_ok(&w) && m.count-- > 1);
	if (wr_ok(&w))
		peer_send_local(n, to, buf, wr_len(&w));
}

static void sample_tick(struct node *n)
{
	struct anchor *a = n->anchor;
	struct peer *p;

	a->size_told = a->size;
	/* Announcements are repeated, since they may have been lost; samples go to tree neighbours only. */
	TAILQ_FOREACH (p, &n->peers->list, next) {
		former_expire(n, p);
		if (!peer_up(p))
			continue;
		ann_send(n, p);
		if (tree_neighbour(n, p))
			sample_send(n, p);
	}
	COYO_ASSERT(a->sample_ns >= SAMPLE_MIN);
	a->sample_ns = a->sample_ns * 3 / 2 < SAMPLE_MAX_NS ? a->sample_ns * 3 / 2 : SAMPLE_MAX_NS;
	arm(n, &a->sample_timer, TIMER_ANCHOR_SAMPLE, NULL,
	    a->sample_ns - (int64_t)rng_below(&n->cfg.rng, (uint64_t)a->sample_ns / 8));
}

void anchor_sample_rx(struct node *n, struct peer *p, const struct linkmsg_sample *m)
{
	struct anchor *a = n->anchor;

	if (!tree_neighbour(n, p))
		return;
	if (!p->sample)
		p->sample = ctx_alloc(n, sizeof(*p->sample));
	if (!p->sample)
		return;
	*p->sample = *m;
	p->sample->size = (uint32_t)min_u64(m->size, TREE_SIZE_MAX);
	a->size = tree_size(n, NULL);
	if (a->size > a->size_max + a->size_max / 4 &&
	    (!a->grown_at.ns || instant_sub(n->now, a->grown_at) > GROWN_AGAIN)) {
		a->grown_at = n->now;
		n->news->grown(n);
	}
	/* A changed size is passed on quickly. At the long interval it would take minutes to spread over all hops, and the network would
	 * seem to grow all that time. */
	if (a->size > a->size_told + a->size_told / 8 || a->size + a->size_told / 8 < a->size_told)
		sample_often(n);
	if (a->size >= a->size_max || instant_sub(n->now, a->size_at) > SIZE_KEPT) {
		a->size_max = a->size;
		a->size_at = n->now;
	}
	for (unsigned i = 0; i < m->count; i++) {
		if (id_eq(&m->c[i].id, &n->cfg.identity->id)) {
			anchor_own_heard(n, &m->c[i]);
			continue;
		}
		(void)anchor_hears_of(n, m->c[i].place, m->c[i].ntrees);
		n->news->sample(n, p, &m->c[i]);
	}
}

void anchor_timer(struct node *n, struct timer *t)
{
	switch (t->kind) {
	case TIMER_ANCHOR_ANN:
		announce_now(n);
		break;
	case TIMER_ANCHOR_SEQ:
		anchor_seq_tick(n);
		arm(n, &n->anchor->seq_timer, TIMER_ANCHOR_SEQ, NULL, SEQ_EVERY);
		break;
	case TIMER_ANCHOR_HOLD:
		anchor_reselect(n);
		break;
	case TIMER_ANCHOR_SAMPLE:
		sample_tick(n);
		break;
	case TIMER_ANCHOR_OWN:
		own_word(n);
		outbid(n);
		break;
	default:
		break;
	}
}

/* ---- distances ---- */

unsigned anchor_own_distance(const struct anchor *a, unsigned tree, uint64_t root,
                             const struct coords *to)
{
	if (tree >= a->trees || root_tag(&a->tree[tree].root) != root)
		return UINT_MAX;
	return coords_distance(&a->tree[tree].coords, to);
}

unsigned anchor_distance(const struct anchor *a, const struct place *place, unsigned nplaces,
                         unsigned *tree, unsigned *distance)
{
	unsigned found = 0;

	for (unsigned t = 0; t < nplaces && t < a->trees; t++) {
		unsigned d = anchor_own_distance(a, t, place[t].root, &place[t].coords);

		if (d == UINT_MAX)
			continue;
		if (found == 0 || d < *distance) {
			*tree = t;
			*distance = d;
		}
		found++;
	}
	return found;
}

bool anchor_out_of_reach(const struct anchor *a, const struct place *place, unsigned nplaces)
{
	unsigned tree, d;

	return anchor_distance(a, place, nplaces, &tree, &d) && d > OUT_OF_REACH;
}

bool anchor_hears_of(struct node *n, const struct place *place, unsigned nplaces)
{
	unsigned tree, d;

	if (!anchor_distance(n->anchor, place, nplaces, &tree, &d) || d <= ANCHOR_REACH)
		return false;
	n->anchor->beyond_at = n->now;
	return d > OUT_OF_REACH;
}

bool anchor_network_beyond(const struct node *n)
{
	return n->anchor->beyond_at.ns && instant_sub(n->now, n->anchor->beyond_at) < SIZE_KEPT;
}

unsigned anchor_depth(const struct anchor *a)
{
	return (unsigned)min_u64(a->tree[0].coords.hops, ANCHOR_REACH);
}

struct peer *anchor_hop(const struct peers *peers, unsigned tree, uint64_t root,
                        const struct coords *to, unsigned limit,
                        bool (*usable)(const struct peer *p, const void *arg), const void *arg,
                        unsigned *distance)
{
	struct peer *p, *best = NULL;

	TAILQ_FOREACH (p, &peers->list, next) {
		unsigned d;

		if (!peer_up(p) || !p->ann_valid || tree >= p->ann->ntrees ||
		    root_tag(&p->ann->tree[tree].root) != root || (usable && !usable(p, arg)))
			continue;
		d = coords_distance(&p->ann->tree[tree].coords, to);
		if (d < limit) {
			limit = d;
			best = p;
		}
	}
	*distance = limit;
	return best;
}

struct peer *anchor_down(const struct peers *peers, unsigned tree,
                         bool (*usable)(const struct peer *p, const void *arg), const void *arg)
{
	struct peer *p, *best = NULL;

	TAILQ_FOREACH (p, &peers->list, next)
		if (anchor_is_child(p, tree) && (!usable || usable(p, arg)) &&
		    (!best || nodes_behind(p) > nodes_behind(best)))
			best = p;
	return best;
}
