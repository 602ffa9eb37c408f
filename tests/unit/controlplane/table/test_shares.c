/* SPDX-License-Identifier: BSD-3-Clause */
/* Shares of tunnels: everybody gets what is free, and without room only those who hold more than the newcomer lose one. */
#include "ground.h"

#include "table/table.h"

#define LINKS   4
#define SOURCES 5
#define MOST    300

static void nothing(struct node *n, struct lsp *l)
{
}

static const struct news recorder = {.lsp_over = nothing};

struct bench {
	struct ground g;
	struct node *n;
	struct peer *p[LINKS];
	uint64_t nonce;
};

static void open_bench(struct bench *b, uint64_t seed, uint32_t most)
{
	ground_open(&b->g, seed);
	b->n = ground_node(&b->g, &recorder);
	b->n->cfg.tunnels_max = most;
	b->nonce = 1;
	assert_int_equal(peers_new(b->n), 0);
	assert_int_equal(anchor_new(b->n), 0);
	assert_int_equal(tables_new(b->n), 0);
	for (uint16_t i = 0; i < LINKS; i++) {
		struct node_link_cfg cfg = {.io = {.link = i}, .name = "n"};

		assert_int_equal(peer_add(b->n, &cfg), 0);
		b->p[i] = peer_by_link(b->n, i);
	}
}

static void close_bench(struct bench *b)
{
	tables_free(b->n);
	anchor_free(b->n);
	peers_free(b->n);
	ctx_destroy(b->n);
	ground_close(&b->g);
}

static struct lsp *add(struct bench *b, unsigned link, uint8_t src, enum lsp_role role)
{
	struct node_id from = {{src}}, to = {{0xff}};
	struct lsp *l = lsp_new(b->n, b->nonce++, &from, &to, (uint8_t)role);

	assert_non_null(l);
	lsp_set_up(b->n, l, b->p[link]);
	return l;
}

static uint32_t held(struct bench *b, unsigned link)
{
	return shares_of_link(&b->n->lsps->shares, (uint16_t)link);
}

/* Who is asked for room by a newcomer of src on link; NULL: nobody, and the newcomer has no claim. */
static struct lsp *victim(struct bench *b, unsigned link, uint8_t src)
{
	struct node_id from = {{src}};

	return shares_victim(&b->n->lsps->shares, (uint16_t)link, &from);
}

/* Counted from its neighbour's set-up until it closes; this node's own tunnels never. */
static void test_what_counts(void **state)
{
	struct bench b;
	struct lsp *l;

	open_bench(&b, 1, 10);
	l = add(&b, 0, 1, LSP_TRANSIT);
	(void)add(&b, 0, 2, LSP_EGRESS);
	(void)add(&b, 1, 2, LSP_INGRESS);
	assert_int_equal(held(&b, 0), 2);
	assert_int_equal(held(&b, 1), 0);
	lsp_set_up(b.n, l, b.p[2]);
	assert_int_equal(held(&b, 0), 1);
	assert_int_equal(held(&b, 2), 1);
	lsp_set_state(b.n, l, LSP_UP);
	assert_int_equal(held(&b, 2), 1);
	lsp_set_state(b.n, l, LSP_CLOSING);
	assert_int_equal(held(&b, 2), 0);
	assert_int_equal(b.n->lsps->shares.held, 1);
	close_bench(&b);
}

/* A neighbour that holds everything gives way to each of the others until all hold the same. */
static void test_one_holds_all(void **state)
{
	struct bench b;
	struct lsp *l;
	struct node_id me = {{7}};

	open_bench(&b, 2, 12);
	for (unsigned i = 0; i < 12; i++) {
		assert_true(lsp_room(b.n, b.p[0], &me, &l) && !l);
		lsp_set_state(b.n, add(&b, 0, (uint8_t)i, LSP_TRANSIT), LSP_UP);
	}
	assert_false(lsp_room(b.n, b.p[0], &me, &l));
	for (unsigned i = 0; i < 9; i++) {
		assert_true(lsp_room(b.n, b.p[1 + i % 3], &me, &l));
		assert_ptr_equal(l->up, b.p[0]);
		lsp_destroy(b.n, l);
		(void)add(&b, 1 + i % 3, 7, LSP_TRANSIT);
	}
	for (unsigned i = 0; i < LINKS; i++)
		assert_int_equal(held(&b, i), 3);
	for (unsigned i = 0; i < LINKS; i++)
		assert_null(victim(&b, i, 7));
	close_bench(&b);
}

/* Within one neighbour's share its sources share alike: the one that holds most gives way, its pending tunnels first, then the oldest. */
static void test_sources_share(void **state)
{
	struct bench b;
	struct lsp *first, *l;

	open_bench(&b, 3, 10);
	first = add(&b, 0, 1, LSP_TRANSIT);
	lsp_set_state(b.n, first, LSP_UP);
	for (unsigned i = 0; i < 8; i++)
		lsp_set_state(b.n, add(&b, 0, 1, LSP_TRANSIT), LSP_UP);
	(void)add(&b, 0, 2, LSP_TRANSIT);
	assert_null(victim(&b, 0, 1));
	assert_ptr_equal(victim(&b, 0, 2), first);
	assert_ptr_equal(victim(&b, 0, 3), first);
	/* A pending one goes before all that stand. */
	l = add(&b, 0, 1, LSP_TRANSIT);
	assert_ptr_equal(victim(&b, 0, 2), l);
	close_bench(&b);
}

/* ---- the twin: counts by looking at every tunnel ---- */

static uint32_t count_by_looking(const struct bench *b, unsigned link, int src)
{
	uint32_t n = 0;

	for (struct lsp *l = lsp_after(b->n, NULL); l; l = lsp_after(b->n, l))
		n += l->role != LSP_INGRESS && l->state <= LSP_UP && l->up == b->p[link] &&
		     (src < 0 || l->src.b[0] == src);
	return n;
}

static void expect_victim(struct bench *b, unsigned link, uint8_t src)
{
	struct lsp *v = victim(b, link, src);
	uint32_t own = count_by_looking(b, link, -1), most = 0, most_src = 0;
	unsigned from = link;

	for (unsigned i = 0; i < LINKS; i++)
		most = count_by_looking(b, i, -1) > most ? count_by_looking(b, i, -1) : most;
	if (most >= own + 2) {
		assert_non_null(v);
		from = v->up->link;
		assert_int_equal(count_by_looking(b, from, -1), most);
	}
	for (unsigned s = 0; s < SOURCES; s++)
		if (count_by_looking(b, from, (int)s) > most_src)
			most_src = count_by_looking(b, from, (int)s);
	if (most < own + 2 && most_src < count_by_looking(b, link, src) + 2) {
		assert_null(v);
		return;
	}
	assert_non_null(v);
	assert_int_equal(v->up->link, from);
	assert_int_equal(count_by_looking(b, from, v->src.b[0]), most_src);
}

static void test_as_by_looking(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct lsp *l[MOST] = {0};
		struct bench b;

		open_bench(&b, seed, MOST);
		for (unsigned step = 0; step < 2000; step++) {
			unsigned i = (unsigned)rng_below(&b.g.rng, MOST);
			unsigned link = (unsigned)rng_below(&b.g.rng, LINKS);

			link = link * (unsigned)rng_below(&b.g.rng, 2); /* many on link 0 */
			if (!l[i]) {
				l[i] = add(&b, link, (uint8_t)rng_below(&b.g.rng, SOURCES),
				           LSP_TRANSIT);
			} else if (rng_below(&b.g.rng, 3) == 0) {
				lsp_destroy(b.n, l[i]);
				l[i] = NULL;
			} else if (l[i]->state < LSP_UP && rng_below(&b.g.rng, 2)) {
				lsp_set_up(b.n, l[i], b.p[link]); /* a short-cut */
			} else if (l[i]->state < LSP_UP) {
				lsp_set_state(b.n, l[i], LSP_UP);
			}
			if (step % 40)
				continue;
			for (unsigned k = 0; k < LINKS; k++)
				assert_int_equal(held(&b, k), count_by_looking(&b, k, -1));
			expect_victim(&b, link, (uint8_t)rng_below(&b.g.rng, SOURCES + 1));
		}
		close_bench(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_what_counts),
	        cmocka_unit_test(test_one_holds_all),
	        cmocka_unit_test(test_sources_share),
	        cmocka_unit_test(test_as_by_looking),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
