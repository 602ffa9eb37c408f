/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of tunnels alone: names and order, what a change of state carries with it, labels that go back. */
#include "ground.h"

#include "table/table.h"
#include "wire/lse.h"

static unsigned over;

static void lsp_over(struct node *n, struct lsp *l)
{
	over++;
}

static void nothing(struct node *n, struct peer *p)
{
}

static const struct news recorder = {.lsp_over = lsp_over, .peer_up = nothing};

struct bench {
	struct ground g;
	struct node *n;
	struct peer *p[2];
};

static void open_bench(struct bench *b, uint64_t seed)
{
	over = 0;
	ground_open(&b->g, seed);
	b->n = ground_node(&b->g, &recorder);
	assert_int_equal(peers_new(b->n), 0);
	assert_int_equal(anchor_new(b->n), 0);
	assert_int_equal(tables_new(b->n), 0);
	for (uint16_t i = 0; i < 2; i++) {
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

static struct lsp *add(struct bench *b, uint64_t nonce, uint8_t src, enum lsp_role role)
{
	struct node_id from = {{src}}, to = {{0xff}};

	return lsp_new(b->n, nonce, &from, &to, (uint8_t)role);
}

static void test_names(void **state)
{
	struct bench b;
	struct lsp *l[4];
	struct node_id two = {{2}}, none = {{3}};

	open_bench(&b, 1);
	l[2] = add(&b, 7, 2, LSP_TRANSIT);
	l[0] = add(&b, 5, 9, LSP_TRANSIT);
	l[3] = add(&b, 8, 1, LSP_TRANSIT);
	l[1] = add(&b, 7, 1, LSP_TRANSIT);
	assert_null(add(&b, 7, 2, LSP_EGRESS));
	assert_int_equal(b.n->lsps->count, 4);
	for (unsigned i = 0; i < 4; i++)
		assert_ptr_equal(lsp_after(b.n, i ? l[i - 1] : NULL), l[i]);
	assert_null(lsp_after(b.n, l[3]));
	assert_ptr_equal(lsp_find(b.n, 7, &two), l[2]);
	assert_null(lsp_find(b.n, 7, &none));
	assert_ptr_equal(lsp_first(b.n, 6), l[1]);
	assert_ptr_equal(lsp_beyond(b.n, 7, &two), l[3]);
	assert_ptr_equal(lsp_beyond(b.n, 7, &none), l[3]);
	assert_null(lsp_first(b.n, 9));
	close_bench(&b);
}

/* An end counts as a use of its links while it is up, and its owner hears once that it is over; a transit has no owner. */
static void test_states(void **state)
{
	struct bench b;
	struct lsp *l;

	open_bench(&b, 2);
	for (unsigned transit = 0; transit < 2; transit++) {
		l = add(&b, 1, 1, transit ? LSP_TRANSIT : LSP_INGRESS);
		lsp_set_down(b.n, l, b.p[1]);
		assert_int_equal(b.n->lsps->pending, 1);
		lsp_set_state(b.n, l, LSP_PROGRAM);
		assert_int_equal(b.n->lsps->pending, 1);
		assert_int_equal(b.p[1]->tunnels, 0);
		lsp_set_state(b.n, l, LSP_UP);
		ends_add(b.n->ends, &l->ahead);
		assert_int_equal(b.n->lsps->pending, 0);
		assert_int_equal(b.p[1]->tunnels, 1);
		over = 0;
		lsp_set_state(b.n, l, LSP_CLOSING);
		assert_int_equal(over, !transit);
		assert_int_equal(b.p[1]->tunnels, 0);
		assert_int_equal(b.n->ends->count, 0);
		lsp_destroy(b.n, l);
		assert_int_equal(over, !transit);
		assert_int_equal(b.n->lsps->count, 0);
	}
	close_bench(&b);
}

static void test_labels(void **state)
{
	struct bench b;
	struct lsp *l;
	struct peer *out;
	uint32_t label;
	bool forward;

	open_bench(&b, 3);
	l = add(&b, 1, 1, LSP_TRANSIT);
	lsp_set_up(b.n, l, b.p[0]);
	lsp_set_down(b.n, l, b.p[1]);
	assert_int_equal(labels_alloc(b.n, &b.p[0]->labels, l, -1, &l->fwd_in), 0);
	assert_int_equal(labels_alloc(b.n, &b.p[1]->labels, l, -1, &l->rev_in), 0);
	l->fwd_out = 100;
	assert_ptr_equal(lsp_by_label(b.n, b.p[0], l->fwd_in, &forward), l);
	assert_true(forward);
	assert_ptr_equal(lsp_by_label(b.n, b.p[1], l->rev_in, &forward), l);
	assert_false(forward);
	assert_null(lsp_by_label(b.n, b.p[0], l->rev_in ^ 1, &forward));
	assert_true(lsp_onward(l, true, &out, &label));
	assert_ptr_equal(out, b.p[1]);
	assert_int_equal(label, 100);
	assert_false(lsp_onward(l, false, &out, &label)); /* the neighbour has granted none yet */
	lsp_drop_down(b.n, l);
	assert_null(l->down);
	assert_int_equal(b.p[1]->labels.quarantined, 1);
	lsp_destroy(b.n, l);
	assert_int_equal(b.p[0]->labels.granted, 0);
	assert_int_equal(b.p[0]->labels.quarantined, 1);
	close_bench(&b);
}

/* All tunnels of a link are found, in the table's order, also when each is destroyed as it is met. */
static void check_link(struct bench *b, struct peer *p, bool destroy)
{
	struct lsp_name name;
	const struct lsp_name *behind = NULL;
	struct lsp *l = lsp_after(b->n, NULL), *got;

	for (;;) {
		struct lsp *next;

		while (l && l->up != p && l->down != p)
			l = lsp_after(b->n, l);
		got = lsp_of_link(b->n, p, behind);
		assert_ptr_equal(got, l);
		if (!l)
			return;
		name = (struct lsp_name){l->nonce, l->src};
		behind = &name;
		next = lsp_after(b->n, l);
		if (destroy)
			lsp_destroy(b->n, l);
		l = next;
	}
}

static void test_of_link(void **state)
{
	struct bench b;

	open_bench(&b, 4);
	for (unsigned step = 0; step < 2000; step++) {
		/* Few names, so that most come again; one of them is all zeros. */
		struct lsp *l = add(&b, rng_below(&b.g.rng, 12), (uint8_t)rng_below(&b.g.rng, 3),
		                    LSP_TRANSIT);

		if (!l)
			continue;
		lsp_set_up(b.n, l, rng_below(&b.g.rng, 4) ? b.p[rng_below(&b.g.rng, 2)] : NULL);
		lsp_set_down(b.n, l, rng_below(&b.g.rng, 4) ? b.p[rng_below(&b.g.rng, 2)] : NULL);
		if (rng_below(&b.g.rng, 3) == 0)
			lsp_drop_down(b.n, l);
		check_link(&b, b.p[0], false);
		check_link(&b, b.p[1], false);
		if (step % 50 == 0)
			check_link(&b, b.p[step / 50 % 2], true);
	}
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_states),
	        cmocka_unit_test(test_labels),
	        cmocka_unit_test(test_of_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
