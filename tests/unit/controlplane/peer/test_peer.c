/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours alone, with nothing above them: what is reported, and who is found by id while links come and go. */
#include "ground.h"

#include "peer/peer.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_by_id)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
