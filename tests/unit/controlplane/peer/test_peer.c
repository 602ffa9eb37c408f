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
	assert_int_equal(t.pb->answer[0].keyed, true);
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
	hear_forged(t.b, &t.pb->answer[0], &third);
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

/* First messages that cannot be read, as many as there are slots and more: those that are being answered stay. */
static void test_unreadable_first_messages(void **state)
{
	struct dp_packet first;
	uint32_t mine[PEER_HS_SLOTS];
	struct hs_envelope env;
	struct two t;

	two_open(&t, 1);
	assert_true(said(t.a, &first));
	for (unsigned i = 0; i < PEER_HS_SLOTS; i++) {
		t.b->now.ns += NS_PER_MS;
		hear(t.b, &first);
		assert_true(t.pb->answer[i].active);
		mine[i] = t.pb->answer[i].mine;
	}
	/* As a message of IK it is too short. Its mac can be computed by whoever knows b's id. */
	first.data[1] |= LINK_FLAG_IK;
	assert_true(hs_envelope_read(first.data + LINK_HEADER_BYTES, first.len - LINK_HEADER_BYTES,
	                             &env));
	cookie_mac1(&t.h.identity.id, first.data, LINK_HEADER_BYTES + env.mac1_at,
	            first.data + LINK_HEADER_BYTES + env.mac1_at);
	for (unsigned i = 0; i < PEER_HS_SLOTS; i++)
		hear(t.b, &first);
	assert_int_equal(t.b->counters[CTR_HS_FAILED], PEER_HS_SLOTS);
	for (unsigned i = 0; i < PEER_HS_SLOTS; i++)
		assert_int_equal(t.pb->answer[i].mine, mine[i]);
	two_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_by_id),
	        cmocka_unit_test(test_deleted_while_keys_are_learnt),
	        cmocka_unit_test(test_forged_messages),
	        cmocka_unit_test(test_unreadable_first_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
