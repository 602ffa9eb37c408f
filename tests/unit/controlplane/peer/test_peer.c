/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours alone, with nothing above them: what is reported, who is found by id while links come and go, and handshakes into which somebody
 * mixes messages of his own. */
#include "ground.h"

#include "peer/peer.h"
#include "wire/link.h"

#include <string.h>

static unsigned ups, downs;

static void came_up(struct node *n, struct peer *p)
{
	ups++;
	assert_ptr_equal(peer_by_link(n, p->link), p);
	assert_non_null(peer_by_id(n, &p->id));
}

static void went_down(struct node *n, struct peer *p, const char *why)
{
	downs++;
	for (struct peer *q = peer_by_id(n, &p->id); q; q = peer_same(q))
		assert_ptr_not_equal(q, p);
}

static const struct news recorder = {.peer_up = came_up, .peer_down = went_down};

#define MANY  4 /* first messages */
#define LINKS 60
#define IDS   7

/* What a walk over all links finds. */
static struct peer *walk(struct node *n, const struct node_id *id, const struct peer *behind)
{
	struct peer *p;
	bool on = !behind;

	TAILQ_FOREACH (p, &n->peers->list, next) {
		if (on && peer_up(p) && id_eq(&p->id, id))
			return p;
		on |= p == behind;
	}
	return NULL;
}

static void hello(struct node *n, struct peer *p, const struct node_id *id, uint32_t epoch)
{
	struct linkmsg_hello m = {.epoch = epoch, .mtu = 1400, .id = *id};

	peer_hello_rx(n, p, &m);
}

static void test_by_id(void **state)
{
	struct ground g;
	struct node *n;
	struct node_id id[IDS];

	ground_open(&g, 1);
	n = ground_node(&g, &recorder);
	assert_int_equal(peers_new(n), 0);
	for (unsigned i = 0; i < IDS; i++)
		rng_fill(&g.rng, id[i].b, ID_BYTES);
	for (unsigned step = 0; step < 3000; step++) {
		uint16_t link = (uint16_t)rng_below(&g.rng, LINKS);
		const struct node_id *who = &id[rng_below(&g.rng, IDS)];
		struct node_link_cfg cfg = {.io = {.link = link, .mtu = 1400}, .name = "n"};
		struct peer *p = peer_by_link(n, link), *q;

		if (!p)
			assert_int_equal(peer_add(n, &cfg), 0);
		else if (rng_below(&g.rng, 4) == 0)
			peer_del(n, link);
		else
			hello(n, p, who, (uint32_t)rng_below(&g.rng, 3));
		ground_acknowledge(n);
		ground_drain(n, 0);
		q = peer_by_id(n, who);
		p = walk(n, who, NULL);
		for (;; p = walk(n, who, p), q = peer_same(q)) {
			assert_ptr_equal(p, q);
			if (!p)
				break;
		}
	}
	assert_true(ups > 100 && downs > 100);
	peers_free(n);
	ctx_destroy(n);
	ground_close(&g);
}

/* The next handshake frame that n wants to be sent on its link 0; false: there is none. */
static bool said(struct node *n, struct dp_packet *pk)
{
	struct node_output o;

	while (node_output(n, &o)) {
		const struct cp_cmd *c = &o.u.command.cmd;

		if (o.type != OUT_COMMAND || c->type != CMD_SEND || !c->u.send.raw)
			continue;
		*pk = (struct dp_packet){.link = 0, .len = c->u.send.len};
		memcpy(pk->data, c->u.send.data, pk->len);
		return true;
	}
	return false;
}

static void hear(struct node *n, const struct dp_packet *pk)
{
	peer_handshake_rx(n, peer_by_link(n, 0), pk);
}

/* Hands the handshake frames that `from` wants to be sent to `to`. Both name the link between them 0. */
static void carry(struct node *from, struct node *to)
{
	struct dp_packet pk;

	while (said(from, &pk))
		hear(to, &pk);
}

/* Two nodes with a sealed link between them; a knows b's id and begins. */
struct two {
	struct ground g, h;
	struct node *a, *b;
	struct peer *pa, *pb; /* the link as each sees it */
};

static void two_open(struct two *t, uint64_t seed)
{
	struct node_link_cfg cfg = {
	        .io = {.mtu = 1400, .sealed = 1}, .name = "n", .initiate = true, .expect_id = true};

	ground_open(&t->g, seed);
	ground_open(&t->h, seed + 1000);
	t->a = ground_node(&t->g, &recorder);
	t->b = ground_node(&t->h, &recorder);
	assert_int_equal(peers_new(t->a) | peers_new(t->b), 0);
	ups = downs = 0;
	cfg.id = t->h.identity.id;
	assert_int_equal(peer_add(t->a, &cfg), 0);
	cfg.initiate = cfg.expect_id = false;
	assert_int_equal(peer_add(t->b, &cfg), 0);
	t->pa = peer_by_link(t->a, 0);
	t->pb = peer_by_link(t->b, 0);
}

static void two_close(struct two *t)
{
	peers_free(t->a);
	peers_free(t->b);
	ctx_destroy(t->a);
	ctx_destroy(t->b);
	ground_close(&t->g);
	ground_close(&t->h);
}

/* A link deleted while the workers learn the keys of a complete handshake: it goes and does not come up once more. */
static void test_deleted_while_keys_are_learnt(void **state)
{
	struct two t;

	two_open(&t, 1);
	carry(t.a, t.b);
	carry(t.b, t.a);
	ground_acknowledge(t.a);
	carry(t.a, t.b);
	assert_int_equal(t.b->peers->half_open.count, 1);
	assert_true(TAILQ_FIRST(&t.b->peers->half_open.by_age)->hs.keyed);
	peer_del(t.b, 0);
	ground_acknowledge(t.b);
	assert_null(peer_by_link(t.b, 0));
	assert_null(peer_by_id(t.b, &t.b->cfg.identity->id));
	assert_null(peer_by_id(t.b, &t.a->cfg.identity->id));
	assert_int_equal(ups + downs, 0);
	two_close(&t);
}

/* The same frame with each byte of its Noise message changed, one after the other; n, whose handshake this is, does not get further. */
static void hear_forged(struct node *n, const struct handshake *hs, const struct dp_packet *pk)
{
	struct hs_envelope env;
	uint64_t failed = n->counters[CTR_HS_FAILED];

	assert_true(
	        hs_envelope_read(pk->data + LINK_HEADER_BYTES, pk->len - LINK_HEADER_BYTES, &env));
	for (size_t i = 0; i < env.noise_len; i++) {
		struct dp_packet forged = *pk;

		forged.data[env.noise - pk->data + (ptrdiff_t)i] ^= 1;
		hear(n, &forged);
		assert_true(hs->active && !hs->keyed && !hs->ticket.waiting);
	}
	assert_int_equal(n->counters[CTR_HS_FAILED], failed + env.noise_len);
}

/* Somebody else who answers the same first message in b's name, with a key of his own: what he writes is authentic Noise, but not b's. */
static void hear_impostor(struct two *t, const struct dp_packet *first)
{
	struct identity liar;
	struct dp_packet second;
	struct two u;

	two_open(&u, 77);
	liar = u.h.identity;
	liar.id = t->h.identity.id;
	u.b->cfg.identity = &liar;
	hear(u.b, first);
	assert_true(said(u.b, &second));
	for (unsigned i = 0; i < 3; i++) {
		hear(t->a, &second);
		assert_true(t->pa->own.active && !t->pa->own.keyed);
	}
	assert_int_equal(t->a->counters[CTR_HS_WRONG_ID], 3);
	two_close(&u);
}

/* Whatever somebody on the way mixes into a handshake, at first contact and when keys are renewed, the true messages complete it. */
static void test_forged_messages(void **state)
{
	struct dp_packet first, second, third;
	struct two t;

	two_open(&t, 1);
	assert_true(said(t.a, &first));
	hear(t.b, &first);
	assert_true(said(t.b, &second));
	hear_forged(t.a, &t.pa->own, &second);
	hear_impostor(&t, &first);
	hear(t.a, &second);
	assert_true(t.pa->own.keyed);
	ground_acknowledge(t.a);
	assert_true(said(t.a, &third));
	hear_forged(t.b, &TAILQ_FIRST(&t.b->peers->half_open.by_age)->hs, &third);
	hear(t.b, &third);
	ground_acknowledge(t.b);
	assert_true(peer_up(t.pb));
	peer_confirmed(t.a, t.pa);
	assert_true(peer_up(t.pa));

	(void)ground_drain(t.a, 0);
	peer_handshake_start(t.a, t.pa);
	assert_true(t.pa->own.ik);
	assert_true(said(t.a, &first));
	hear(t.b, &first);
	ground_acknowledge(t.b);
	assert_true(said(t.b, &second));
	hear_forged(t.a, &t.pa->own, &second);
	hear(t.a, &second);
	ground_acknowledge(t.a);
	assert_int_equal(t.pa->rekeys, 1);
	two_close(&t);
}

/* First messages that cannot be read take no place: those that are being answered stay. */
static void test_unreadable_first_messages(void **state)
{
	struct dp_packet first;
	uint32_t mine[MANY];
	struct hs_envelope env;
	struct two t;

	two_open(&t, 1);
	assert_true(said(t.a, &first));
	for (unsigned i = 0; i < MANY; i++) {
		t.b->now.ns += NS_PER_MS;
		hear(t.b, &first);
		mine[i] = TAILQ_LAST(&t.b->peers->half_open.by_age, halfopen_age)->hs.mine;
	}
	/* As a message of IK it is too short. Its mac can be computed by whoever knows b's id. */
	first.data[1] |= LINK_FLAG_IK;
	assert_true(hs_envelope_read(first.data + LINK_HEADER_BYTES, first.len - LINK_HEADER_BYTES,
	                             &env));
	cookie_mac1(&t.h.identity.id, first.data, LINK_HEADER_BYTES + env.mac1_at,
	            first.data + LINK_HEADER_BYTES + env.mac1_at);
	for (unsigned i = 0; i < MANY; i++)
		hear(t.b, &first);
	assert_int_equal(t.b->counters[CTR_HS_FAILED], MANY);
	for (unsigned i = 0; i < MANY; i++)
		assert_non_null(halfopen_find(t.b, 0, mine[i]));
	two_close(&t);
}

/* Three nodes: a answers on a link without a configured neighbour; b and c call. */
struct callers {
	struct ground g[3];
	struct node *n[3];
};

static void callers_open(struct callers *w)
{
	struct node_link_cfg cfg = {.io = {.mtu = 1400, .sealed = 1}, .name = "n"};

	for (unsigned i = 0; i < 3; i++) {
		ground_open(&w->g[i], i + 1);
		w->n[i] = ground_node(&w->g[i], &recorder);
		assert_int_equal(peers_new(w->n[i]), 0);
		cfg.initiate = i > 0;
		assert_int_equal(peer_add(w->n[i], &cfg), 0);
	}
	ups = downs = 0;
}

static void callers_close(struct callers *w)
{
	for (unsigned i = 0; i < 3; i++) {
		peers_free(w->n[i]);
		ctx_destroy(w->n[i]);
		ground_close(&w->g[i]);
	}
}

/* The handshake that caller i has begun, to its end or until nothing more is said. */
static void call(struct callers *w, unsigned i)
{
	for (unsigned k = 0; k < 4; k++) {
		ground_acknowledge(w->n[i]);
		carry(w->n[i], w->n[0]);
		ground_acknowledge(w->n[0]);
		carry(w->n[0], w->n[i]);
	}
}

/* The first caller is up; the second proves itself as well, by XX, or by IK, which leads to XX, and changes nothing. When the first is gone it gets in. */
static void second_caller(bool ik)
{
	struct callers w;
	struct peer *a, *c;

	callers_open(&w);
	a = peer_by_link(w.n[0], 0);
	c = peer_by_link(w.n[2], 0);
	ground_drain(w.n[2], 0);
	call(&w, 1);
	assert_true(peer_up(a));
	assert_true(id_eq(&a->id, &w.g[1].identity.id));
	c->remote_lanes = w.n[0]->cfg.workers;
	c->id = w.g[0].identity.id;
	memcpy(c->x_key, w.g[0].identity.x_public, 32);
	peer_generation_add(w.n[2], c, c->x_key, c->x_key);
	for (unsigned tries = 0; tries < 2; tries++) {
		c->known = ik; /* it has met a before */
		c->hs_tries = 0;
		peer_handshake_start(w.n[2], c);
		assert_int_equal(c->own.ik, ik);
		call(&w, 2);
		assert_true(peer_up(a));
		assert_true(id_eq(&a->id, &w.g[1].identity.id));
		assert_false(peer_up(c));
		assert_int_equal(c->refusal.reason, REFUSED_BUSY);
		assert_false(c->refusal.by_us);
		assert_int_equal(c->refusal.times, tries + 1);
		for (unsigned i = 0; i < PEER_GRANTS; i++)
			assert_int_equal(a->grant[i].rx.count, 0);
	}
	assert_int_equal(a->flaps, 0);
	peer_down(w.n[0], a, "test");
	ground_drain(w.n[0], 0);
	c->known = false;
	peer_handshake_start(w.n[2], c);
	call(&w, 2);
	assert_true(peer_up(a));
	assert_true(id_eq(&a->id, &w.g[2].identity.id));
	callers_close(&w);
}

static void test_one_that_is_up_is_not_displaced(void **state)
{
	second_caller(false);
	second_caller(true);
}

/* The network's number is told before any key is used: both sides know why they do not meet, and the caller asks seldom. */
static void test_other_network(void **state)
{
	struct callers w;
	struct peer *a, *b;
	char text[96];
	int64_t wait;

	callers_open(&w);
	a = peer_by_link(w.n[0], 0);
	b = peer_by_link(w.n[1], 0);
	w.n[0]->cfg.network_id = 8;
	w.n[1]->cfg.network_id = 7;
	ground_drain(w.n[1], 0);
	for (unsigned tries = 1; tries < 5; tries++) {
		peer_handshake_start(w.n[1], b);
		call(&w, 1);
		assert_int_equal(w.n[0]->peers->half_open.count, 0);
		assert_int_equal(w.n[0]->counters[CTR_HS_NETWORK], tries);
		assert_int_equal(b->refusal.times, tries);
		wait = instant_sub(b->hs_timer.at, w.n[1]->now);
		assert_in_range(wait, 5 * NS_PER_S, 34 * NS_PER_S);
	}
	assert_true(wait >= 30 * NS_PER_S);
	peer_refusal_text(w.n[0], &a->refusal, text, sizeof(text));
	assert_string_equal(text, "the neighbour is in network 7, this node in 8");
	peer_refusal_text(w.n[1], &b->refusal, text, sizeof(text));
	assert_string_equal(text, "the neighbour is in network 8, this node in 7");
	/* One that goes unanswered forgets the reason, and another that succeeds comes up at once. */
	w.n[1]->cfg.network_id = 8;
	peer_handshake_start(w.n[1], b);
	call(&w, 1);
	assert_true(peer_up(a));
	assert_int_equal(a->refusal.reason, 0);
	callers_close(&w);
}

/* The last frame that a node sends raw. */
static void last_frame(struct node *n, struct dp_packet *pk)
{
	struct node_output o;

	*pk = (struct dp_packet){.link = 0};
	while (node_output(n, &o))
		if (o.type == OUT_COMMAND && o.u.command.cmd.type == CMD_SEND) {
			pk->len = o.u.command.cmd.u.send.len;
			memcpy(pk->data, o.u.command.cmd.u.send.data, pk->len);
		}
	assert_true(pk->len > LINK_HEADER_BYTES);
}

/* Neither side knows the other's version before: a first message of another one is refused before any key is used, and the refusal, which is of
 * another version too, is understood. */
static void test_other_version(void **state)
{
	struct callers w;
	struct dp_packet pk;
	struct link_refused r;
	struct peer *a, *b;
	uint8_t *body = pk.data + LINK_HEADER_BYTES;
	char text[96];
	size_t covered;

	callers_open(&w);
	a = peer_by_link(w.n[0], 0);
	b = peer_by_link(w.n[1], 0);
	ground_drain(w.n[1], 0);
	peer_handshake_start(w.n[1], b);
	last_frame(w.n[1], &pk);
	covered = pk.len - HS_MACS_BYTES;
	pk.data[0] = LINK_HS1 << 4 | (LINK_VERSION + 1);
	peer_handshake_rx(w.n[0], a, &pk);
	assert_int_equal(w.n[0]->counters[CTR_HS_MAC1],
	                 1); /* of all bytes before it, the version too */
	cookie_mac1(&w.n[0]->cfg.identity->id, pk.data, covered, pk.data + covered);
	memcpy(b->newest.mac1, pk.data + covered, COOKIE_MAC_BYTES);
	peer_handshake_rx(w.n[0], a, &pk);
	assert_int_equal(w.n[0]->counters[CTR_HS_VERSION], 1);
	assert_int_equal(w.n[0]->peers->half_open.count, 0);
	peer_refusal_text(w.n[0], &a->refusal, text, sizeof(text));
	assert_string_equal(text, "the neighbour speaks version 3 of the protocol, this node 2");

	last_frame(w.n[0], &pk);
	assert_true(link_refused_get(body, LINK_REFUSED_BYTES, &r));
	assert_int_equal(r.reason, REFUSED_VERSION);
	assert_int_equal(r.value, LINK_VERSION);
	pk.data[0] = LINK_REFUSED << 4 | (LINK_VERSION + 1);
	r.value = LINK_VERSION + 1;
	link_refused_put(body, &r);
	cookie_refusal_mac(b->newest.mac1, pk.data, LINK_HEADER_BYTES + LINK_REFUSED_MAC,
	                   body + LINK_REFUSED_MAC);
	peer_handshake_rx(w.n[1], b, &pk);
	assert_int_equal(b->refusal.times, 1);
	peer_refusal_text(w.n[1], &b->refusal, text, sizeof(text));
	assert_string_equal(text, "the neighbour speaks version 3 of the protocol, this node 2");
	callers_close(&w);
}

/* Two that call each other refuse each other by turns: the operator is told once, and both ask as seldom as one that is refused alone. */
static void test_two_that_refuse_each_other(void **state)
{
	struct peer_refusal r = {.reason = REFUSED_NETWORK, .value = 8};
	struct callers w;
	struct node_output o;
	struct peer *b;
	unsigned told = 0;

	callers_open(&w);
	b = peer_by_link(w.n[1], 0);
	ground_drain(w.n[1], 0);
	for (unsigned tries = 1; tries < 5; tries++) {
		r.by_us = true;
		peer_refused(w.n[1], b, r);
		r.by_us = false;
		peer_refused(w.n[1], b, r);
		assert_int_equal(b->refusal.times, tries);
	}
	while (node_output(w.n[1], &o))
		told += o.type == OUT_LOG;
	assert_int_equal(told, 1);
	callers_close(&w);
}

/* A refusal counts only from somebody who has seen the first message, and only once for each. */
static void test_forged_refusal(void **state)
{
	struct callers w;
	struct dp_packet pk;
	struct link_header h = {.type = LINK_REFUSED, .length = LINK_REFUSED_BYTES};
	struct peer *b;

	callers_open(&w);
	b = peer_by_link(w.n[1], 0);
	w.n[0]->cfg.network_id = w.n[1]->cfg.network_id + 1;
	carry(w.n[1], w.n[0]);
	last_frame(w.n[0], &pk);
	assert_int_equal(pk.len, LINK_HEADER_BYTES + LINK_REFUSED_BYTES);
	assert_true(link_header_get(pk.data, pk.len, &h) && h.type == LINK_REFUSED);
	for (unsigned i = 2; i < pk.len; i++) {
		pk.data[i] ^= 1;
		peer_handshake_rx(w.n[1], b, &pk);
		assert_int_equal(b->refusal.reason, 0);
		pk.data[i] ^= 1;
	}
	assert_true(b->own.active);
	peer_handshake_rx(w.n[1], b, &pk);
	peer_handshake_rx(w.n[1], b, &pk);
	assert_int_equal(b->refusal.reason, REFUSED_NETWORK);
	assert_int_equal(b->refusal.times, 1);
	callers_close(&w);
}

/* Asked to begin anew, a node that tried IK does so at once, and a link that is up stays up meanwhile. */
static void test_use_xx(void **state)
{
	struct callers w;
	struct peer *b;

	for (unsigned up = 0; up < 2; up++) {
		callers_open(&w);
		b = peer_by_link(w.n[1], 0);
		call(&w, 1);
		peer_confirmed(w.n[1], b);
		assert_true(peer_up(b));
		if (!up) {
			peer_down(w.n[1], b, "test");
			ground_drain(w.n[1], 0);
		}
		peer_handshake_start(w.n[1], b);
		assert_true(b->own.ik);
		ground_drain(w.n[1], 0);
		hs_refuse(w.n[0], &peer_by_link(w.n[0], 0)->cfg.io, NULL, b->newest.index,
		          b->newest.mac1, REFUSED_USE_XX);
		carry(w.n[0], w.n[1]);
		assert_true(b->own.active && !b->own.ik);
		assert_int_equal(peer_up(b), up);
		call(&w, 1);
		assert_true(peer_up(b) || b->confirming);
		assert_int_equal(b->use_xx, up); /* the neighbour has not used the new keys yet */
		callers_close(&w);
	}
}

/* A caller with this node's own key is a twin, a link that leads back to this node is not; both are refused and told why. */
static void test_own_key(void **state)
{
	struct callers w;
	struct node_link_cfg back = {
	        .io = {.link = 1, .mtu = 1400, .sealed = 1}, .name = "back", .initiate = true};
	struct node_output o;
	struct dp_packet pk;

	for (unsigned twin = 0; twin < 2; twin++) {
		struct node *from;
		struct peer *caller;

		callers_open(&w);
		if (twin) {
			w.g[1].identity = w.g[0].identity;
			from = w.n[1];
			caller = peer_by_link(from, 0);
			ground_drain(from, 0);
			peer_handshake_start(from, caller);
		} else {
			from = w.n[0];
			assert_int_equal(peer_add(from, &back), 0);
			caller = peer_by_link(from, 1);
		}
		/* Its frames go to link 0 of node 0, whose answers go to the caller's link. */
		for (unsigned k = 0; k < 6; k++) {
			ground_acknowledge(from);
			while (node_output(from, &o)) {
				const struct cp_cmd *c = &o.u.command.cmd;
				bool forth = twin || c->u.send.link == 1;

				if (o.type != OUT_COMMAND || c->type != CMD_SEND || !c->u.send.raw)
					continue;
				pk = (struct dp_packet){.len = c->u.send.len};
				memcpy(pk.data, c->u.send.data, pk.len);
				peer_handshake_rx(w.n[0], forth ? peer_by_link(w.n[0], 0) : caller,
				                  &pk);
			}
			if (twin)
				carry(w.n[0], from);
		}
		assert_false(peer_up(caller));
		assert_int_equal(caller->refusal.reason, REFUSED_YOURSELF);
		assert_int_equal(from->peers->twin_at.ns != 0, twin);
		callers_close(&w);
	}
}

/* Both have proven themselves before either is up: one gets the link, and the other's keys are taken back. */
static void test_two_complete_at_once(void **state)
{
	struct callers w;
	struct dp_packet pk;
	struct peer *a;

	callers_open(&w);
	a = peer_by_link(w.n[0], 0);
	for (unsigned i = 1; i < 3; i++) {
		for (unsigned k = 0; k < 2; k++) {
			ground_acknowledge(w.n[i]);
			while (said(w.n[i], &pk)) {
				pk.family = 4;
				pk.addr[0] = (uint8_t)i;
				hear(w.n[0], &pk);
			}
			carry(w.n[0], w.n[i]);
		}
	}
	assert_int_equal(w.n[0]->peers->half_open.count, 2);
	ground_acknowledge(w.n[0]);
	assert_true(peer_up(a));
	assert_true(id_eq(&a->id, &w.g[1].identity.id));
	assert_int_equal(a->cfg.io.remote_addr[0], 1);
	assert_int_equal(a->flaps, 0);
	assert_int_equal(w.n[0]->peers->half_open.count, 0);
	assert_int_equal(ground_drain(w.n[0], CMD_LINK_RX_DEL), w.n[2]->cfg.workers);
	callers_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_by_id),
	        cmocka_unit_test(test_deleted_while_keys_are_learnt),
	        cmocka_unit_test(test_one_that_is_up_is_not_displaced),
	        cmocka_unit_test(test_two_complete_at_once),
	        cmocka_unit_test(test_own_key),
	        cmocka_unit_test(test_other_network),
	        cmocka_unit_test(test_other_version),
	        cmocka_unit_test(test_two_that_refuse_each_other),
	        cmocka_unit_test(test_forged_refusal),
	        cmocka_unit_test(test_use_xx),
	        cmocka_unit_test(test_forged_messages),
	        cmocka_unit_test(test_unreadable_first_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
