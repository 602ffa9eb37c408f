/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours alone, with nothing above them: what is reported, and who is found by id while links come and go. */
#include "ground.h"

#include "peer/peer.h"

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
		for (unsigned w = 0; w < n->cfg.workers; w++)
			tickets_ack(n, (uint8_t)w, n->tickets.sent[w]);
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

static void acknowledge(struct node *n)
{
	for (unsigned w = 0; w < n->cfg.workers; w++)
		tickets_ack(n, (uint8_t)w, n->tickets.sent[w]);
}

/* Hands the handshake frames that `from` wants to be sent to `to`. Both name the link between them 0. */
static void carry(struct node *from, struct node *to)
{
	struct node_output o;

	while (node_output(from, &o)) {
		const struct cp_cmd *c = &o.u.command.cmd;
		struct dp_packet pk = {.link = 0};

		if (o.type != OUT_COMMAND || c->type != CMD_SEND || !c->u.send.raw)
			continue;
		pk.len = c->u.send.len;
		memcpy(pk.data, c->u.send.data, pk.len);
		peer_handshake_rx(to, peer_by_link(to, 0), &pk);
	}
}

/* A link deleted while the workers learn the keys of a complete handshake: it goes and does not come up once more. */
static void test_deleted_while_keys_are_learnt(void **state)
{
	struct node_link_cfg cfg = {
	        .io = {.mtu = 1400, .sealed = 1}, .name = "n", .initiate = true};
	struct ground g, h;
	struct node *a, *b;

	ground_open(&g, 1);
	ground_open(&h, 2);
	a = ground_node(&g, &recorder);
	b = ground_node(&h, &recorder);
	assert_int_equal(peers_new(a) | peers_new(b), 0);
	ups = downs = 0;
	assert_int_equal(peer_add(a, &cfg), 0);
	cfg.initiate = false;
	assert_int_equal(peer_add(b, &cfg), 0);
	carry(a, b);
	carry(b, a);
	acknowledge(a);
	carry(a, b);
	assert_int_equal(peer_by_link(b, 0)->answer[0].keyed, true);
	peer_del(b, 0);
	acknowledge(b);
	assert_null(peer_by_link(b, 0));
	assert_null(peer_by_id(b, &b->cfg.identity->id));
	assert_null(peer_by_id(b, &a->cfg.identity->id));
	assert_int_equal(ups + downs, 0);
	peers_free(a);
	peers_free(b);
	ctx_destroy(a);
	ctx_destroy(b);
	ground_close(&g);
	ground_close(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_by_id),
	        cmocka_unit_test(test_deleted_while_keys_are_learnt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
