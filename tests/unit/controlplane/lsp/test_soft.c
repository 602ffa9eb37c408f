/* SPDX-License-Identifier: BSD-3-Clause */
/* Soft state: what keeps a tunnel, for how long it stays without, and what can not keep it. */
#include "hop.h"

#include <string.h>

#define S NS_PER_S

static unsigned queries(struct hop *b)
{
	return ground_drain(b->n, CMD_QUERY_LABEL);
}

static void use(struct hop *b, unsigned link, uint32_t label, int64_t idle_ns)
{
	struct dp_label_use u = {.link = (uint16_t)link, .label = label, .idle_ns = idle_ns};

	lsp_label_use(b->n, &u);
}

/* A transit asks about both directions in time, ends 60 s after the last use, and not before. */
static void test_idle(void **state)
{
	struct hop b;
	struct lsp *l;
	unsigned asked = 0;

	hop_open(&b, 1);
	l = hop_up(&b, 7);
	hop_pass(&b, 30 * S);
	assert_int_equal(queries(&b), 2 * HOP_WORKERS);
	use(&b, 1, l->rev_in, 10 * S); /* the way back alone was in use, 10 s ago */
	for (unsigned s = 0; s < 49; s++) {
		hop_pass(&b, S);
		asked += queries(&b);
		assert_int_equal(l->state, LSP_UP);
	}
	assert_true(asked >= 4 * HOP_WORKERS);
	assert_int_equal(b.n->counters[CTR_TUNNEL_IDLE], 0);
	hop_pass(&b, 2 * S);
	assert_int_equal(b.n->counters[CTR_TUNNEL_IDLE], 1);
	hop_pass(&b, 3 * S);
	hop_workers_done(&b);
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
}

/* Answers that cannot be true, are about no tunnel, or are older than what is known keep nothing alive. */
static void test_false_use(void **state)
{
	struct hop b;
	struct lsp *l;
	struct instant used;

	hop_open(&b, 2);
	l = hop_up(&b, 7);
	used = l->used;
	hop_pass(&b, 20 * S);
	use(&b, 1, l->rev_in, -1);
	use(&b, 1, l->rev_in, INT64_MIN);
	use(&b, 1, l->rev_in, INT64_MAX);
	use(&b, 1, l->rev_in, 21 * S);
	use(&b, 1, l->rev_in ^ 1, 0);
	use(&b, 0, l->rev_in ^ 1, 0);
	use(&b, HOP_PEERS, l->rev_in, 0);
	use(&b, UINT16_MAX, UINT32_MAX, 0);
	assert_int_equal(l->used.ns, used.ns);
	use(&b, 0, l->fwd_in, 5 * S);
	assert_int_equal(l->used.ns, b.n->now.ns - 5 * S);
	use(&b, 1, l->rev_in, 6 * S);
	assert_int_equal(l->used.ns, b.n->now.ns - 5 * S);
	lsp_release(b.n, l, TEAR_ADMIN);
	used = l->used;
	use(&b, 0, l->fwd_in, 0); /* nor does use bring back what is being withdrawn */
	lsp_refresh_rx(b.n, l);
	assert_int_equal(l->used.ns, used.ns);
	assert_false(l->back.in);
	hop_pass(&b, 2 * S);
	hop_workers_done(&b);
	hop_close(&b);
}

/* The ends stop using a tunnel before transits forget it. */
static void test_end(void **state)
{
	struct hop b;
	struct lsp *l;

	hop_open(&b, 3);
	l = hop_begin(&b, 0);
	hop_reply(&b, 1, l, 2000);
	hop_workers_done(&b);
	hop_pass(&b, 44 * S);
	assert_int_equal(hop_heard.gone, 0);
	hop_pass(&b, 2 * S);
	assert_int_equal(hop_heard.gone, 1);
	assert_int_equal(hop_heard.reason, TEAR_IDLE);
	hop_pass(&b, 3 * S);
	hop_workers_done(&b);
	hop_close(&b);
}

/* A finger's source refreshes it at once and every 40 s for as long as it likes; elsewhere it lasts two minutes from the last refresh. */
static void test_finger(void **state)
{
	struct hop b;
	struct hop_sent s;
	struct lsp *l;

	hop_open(&b, 4);
	l = hop_begin(&b, SETUP_FLAG_FINGER);
	hop_expect_routed(&b, 1, NEXT_SETUP, &s);
	hop_reply(&b, 1, l, 2000);
	hop_workers_done(&b);
	hop_expect_routed(&b, 1, NEXT_REFRESH, &s);
	assert_int_equal(s.tunnel_label, 2000);
	for (unsigned i = 0; i < 20; i++) {
		hop_pass(&b, 39 * S);
		hop_expect_nothing(&b);
		hop_pass(&b, S);
		hop_expect_routed(&b, 1, NEXT_REFRESH, &s);
		hop_expect_nothing(&b);
	}
	assert_int_equal(l->state, LSP_UP);
	lsp_destroy(b.n, l);
	l = hop_pending(&b, 7);
	l->finger = true;
	hop_reply(&b, 1, l, 2000);
	hop_workers_done(&b);
	(void)ground_drain(b.n, 0);
	hop_pass(&b, 100 * S);
	assert_false(l->back.in);
	lsp_refresh_rx(b.n, l);
	assert_true(l->committed && l->back.in); /* the way back leads somewhere, too */
	hop_pass(&b, 119 * S);
	assert_int_equal(queries(&b), 0); /* packets do not keep it: the workers are not asked */
	assert_int_equal(l->state, LSP_UP);
	hop_pass(&b, 2 * S);
	assert_int_equal(l->state, LSP_CLOSING);
	hop_pass(&b, 3 * S);
	hop_workers_done(&b);
	hop_close(&b);
}

/* A replaced tunnel carries what is under way for 5 s, whatever its use; one that never stood goes at once. */
static void test_retire(void **state)
{
	struct hop b;
	struct lsp *l;

	hop_open(&b, 5);
	l = hop_up(&b, 7);
	hop_pass(&b, 2 * S);
	lsp_retire(b.n, l);
	hop_pass(&b, 4 * S);
	use(&b, 0, l->fwd_in, 0);
	assert_int_equal(l->state, LSP_UP);
	hop_pass(&b, S);
	assert_int_equal(l->state, LSP_CLOSING);
	assert_int_equal(l->reason, TEAR_REPLACED);
	hop_pass(&b, 3 * S);
	hop_workers_done(&b);
	assert_int_equal(b.n->lsps->count, 0);
	l = hop_pending(&b, 7);
	lsp_retire(b.n, l);
	assert_int_equal(l->state, LSP_CLOSING);
	hop_pass(&b, 3 * S);
	assert_int_equal(b.n->lsps->count, 0);
	hop_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_idle),   cmocka_unit_test(test_false_use),
	        cmocka_unit_test(test_end),    cmocka_unit_test(test_finger),
	        cmocka_unit_test(test_retire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
