/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of tunnels whose other end has not proven itself: bounded, and a flood displaces itself. */
#include "bed.h"

#include "endpoint/input.h"

static struct lsp *offered(struct bed *b, uint64_t nonce, uint16_t link)
{
	struct node_id src;
	struct lsp *l;

	rng_fill(&b->g.rng, src.b, ID_BYTES);
	l = lsp_new(b->n, nonce, &src, &b->g.identity.id, LSP_EGRESS);
	assert_non_null(l);
	lsp_set_up(b->n, l, peer_by_link(b->n, link));
	l->session = SESSION_NONE;
	return l;
}

static void add_link(struct bed *b, uint16_t link)
{
	struct node_link_cfg cfg = {.io = {.link = link}, .name = "another"};

	assert_int_equal(peer_add(b->n, &cfg), 0);
	(void)ground_drain(b->n, 0);
}

/* Whoever comes by the quiet link keeps what it has, and the flood's oldest gives way. */
static void test_flood_displaces_itself(void **state)
{
	struct unprovens *t;
	struct lsp *calm[50], *first;
	struct node_id oldest;
	struct bed b;

	bed_open(&b, 1);
	add_link(&b, 2);
	t = &b.n->sessions->unproven;
	first = offered(&b, 1, 1);
	oldest = first->src;
	assert_non_null(unproven_add(b.n, first));
	for (uint64_t i = 0; i < 25; i++) {
		calm[i] = offered(&b, 100 + i, 2);
		assert_non_null(unproven_add(b.n, calm[i]));
	}
	for (uint64_t i = 26; i < UNPROVEN_MAX; i++)
		assert_non_null(unproven_add(b.n, offered(&b, 1000 + i, 1)));
	assert_int_equal(t->count, UNPROVEN_MAX);
	for (uint64_t i = 25; i < 50; i++) {
		calm[i] = offered(&b, 100 + i, 2);
		assert_non_null(unproven_add(b.n, calm[i]));
	}
	for (uint64_t i = 0; i < 1000; i++)
		assert_non_null(unproven_add(b.n, offered(&b, 10000 + i, 1)));
	assert_int_equal(t->count, UNPROVEN_MAX);
	assert_int_equal(b.n->counters[CTR_SESSION_GAVE_WAY], 1025);
	for (unsigned i = 0; i < 50; i++)
		assert_non_null(calm[i]->unproven);
	assert_null(lsp_find(b.n, 1, &oldest));
	bed_close(&b);
}

/* Each lives so long and no longer, and the timer goes with the last one. */
static void test_expires(void **state)
{
	struct lsp *a, *c;
	struct bed b;

	bed_open(&b, 2);
	a = offered(&b, 1, 1);
	assert_int_equal(unproven_add(b.n, a)->serial, 1);
	ground_pass(b.n, NS_PER_S, PART_SESSION, session_timer);
	c = offered(&b, 2, 1);
	assert_int_equal(unproven_add(b.n, c)->serial, 2);
	ground_pass(b.n, SESSION_HALF_OPEN - NS_PER_S - 1, PART_SESSION, session_timer);
	assert_int_equal(b.n->sessions->unproven.count, 2);
	ground_pass(b.n, 1, PART_SESSION, session_timer);
	assert_int_equal(b.n->sessions->unproven.count, 1);
	assert_non_null(c->unproven);
	assert_int_equal(b.n->counters[CTR_SESSION_UNPROVEN], 1);
	unproven_drop(b.n, c);
	unproven_drop(b.n, c);
	assert_null(c->unproven);
	assert_false(timer_armed(&b.n->sessions->unproven.timer));
	/* Serials are never used again. */
	assert_int_equal(unproven_add(b.n, c)->serial, 3);
	bed_close(&b);
}

/* Sessions that others have made and that have no keys as yet take a quarter of the table, and no more. */
static void test_provisional_sessions_take_a_quarter(void **state)
{
	struct session *s = NULL, *last = NULL;
	struct node_id id;
	struct bed b;

	bed_open(&b, 3);
	for (unsigned i = 0; i < b.n->cfg.sessions_max / 4; i++) {
		rng_fill(&b.g.rng, id.b, ID_BYTES);
		s = session_get_provisional(b.n, &id);
		assert_non_null(s);
		if (i == 1)
			last = s;
	}
	rng_fill(&b.g.rng, id.b, ID_BYTES);
	assert_null(session_get_provisional(b.n, &id));
	/* One that is there is there; this node's own wishes are not counted. */
	assert_ptr_equal(session_get_provisional(b.n, &s->remote), s);
	assert_non_null(session_get(b.n, &id));
	/* One that has keys is no more a stranger's; one that has gone gives its place back. */
	session_established(b.n, s);
	rng_fill(&b.g.rng, id.b, ID_BYTES);
	assert_non_null(session_get_provisional(b.n, &id));
	rng_fill(&b.g.rng, id.b, ID_BYTES);
	assert_null(session_get_provisional(b.n, &id));
	session_destroy(b.n, last);
	assert_non_null(session_get_provisional(b.n, &id));
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_flood_displaces_itself),
	        cmocka_unit_test(test_expires),
	        cmocka_unit_test(test_provisional_sessions_take_a_quarter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
