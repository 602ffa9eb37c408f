/* SPDX-License-Identifier: BSD-3-Clause */
/* CUBIC: the curve after a loss, its clock, undo, fast convergence, the Reno region. */
#include "tcptest.h"

static void acks(struct tcp_ccs *c, unsigned rounds, int64_t *now)
{
	for (unsigned i = 0; i < rounds; i++, *now += 100 * NS_PER_MS)
		for (uint64_t left = c->cwnd / 1000; left; left--)
			c->ops->acked(c, 1000, 100 * NS_PER_MS, *now);
}

static struct tcp_ccs cubic_after_loss(void)
{
	struct tcp_ccs c = {.ops = &tcp_cc_cubic, .cwnd = 500000, .ssthresh = 1, .mss = 1000};

	c.ops->init(&c);
	c.ssthresh = c.ops->congestion(&c, 500000);
	c.cwnd = c.ssthresh;
	return c;
}

/* An hour without a full window is no hour of the curve. */
static void test_cubic_time_stands_still(void **state)
{
	struct tcp_ccs a = cubic_after_loss(), b = cubic_after_loss();
	int64_t now = NS_PER_S, later;

	(void)state;
	acks(&a, 20, &now);
	now = NS_PER_S;
	acks(&b, 20, &now);
	assert_int_equal(a.cwnd, b.cwnd);
	b.ops->paused(&b);
	later = now + 3600 * NS_PER_S;
	acks(&a, 20, &now);
	acks(&b, 20, &later);
	assert_in_range(b.cwnd, a.cwnd - 2000, a.cwnd + 2000);
}

static void test_cubic_undo(void **state)
{
	struct tcp_ccs a = cubic_after_loss(), b;
	int64_t now = NS_PER_S, again;

	(void)state;
	acks(&a, 20, &now);
	b = a;
	b.ssthresh = b.ops->congestion(&b, b.cwnd);
	b.ops->timeout(&b);
	b.cwnd = a.cwnd;
	b.ssthresh = a.ssthresh;
	b.ops->undo(&b);
	again = now;
	acks(&a, 30, &now);
	acks(&b, 30, &again);
	assert_in_range(b.cwnd, a.cwnd - 100, a.cwnd + 100);
}

/* Two losses, the second below the first: room is given up (fast convergence). */
static void test_cubic_fast_convergence(void **state)
{
	struct tcp_ccs c = cubic_after_loss();

	(void)state;
	c.ops->congestion(&c, 350000);
	assert_true(c.cubic.w_max > 297.0 && c.cubic.w_max < 298.0); /* 350 * (1 + 0.7) / 2 */
	c.cwnd = 400000;
	c.ops->congestion(&c, 400000);
	assert_true(c.cubic.w_max > 399.0 && c.cubic.w_max < 401.0);
}

/* With small windows the curve is slower than Reno: CUBIC follows Reno's line, alpha 0.53, then 1 once past the old window. */
static void test_cubic_reno_region(void **state)
{
	struct tcp_ccs c = {.ops = &tcp_cc_cubic, .cwnd = 20000, .ssthresh = 1, .mss = 1000};
	int64_t now = NS_PER_S;

	(void)state;
	c.ops->init(&c);
	c.ssthresh = c.ops->congestion(&c, 20000);
	c.cwnd = c.ssthresh;
	/* 10 ms round trips: 10 of them */
	for (unsigned i = 0; i < 10; i++, now += 10 * NS_PER_MS)
		for (uint64_t left = c.cwnd / 1000; left; left--)
			c.ops->acked(&c, 1000, 10 * NS_PER_MS, now);
	assert_in_range(c.cwnd, 18000, 19800);
}

/* It comes back to the old window after K = cbrt(0.3 * W / 0.4) s, without overshooting before. */
static void test_cubic_comes_back(void **state)
{
	struct tcp_ccs c = {.ops = &tcp_cc_cubic, .cwnd = 100000, .ssthresh = 1, .mss = 1000};
	int64_t now = NS_PER_S;

	(void)state;
	c.ops->init(&c);
	c.ssthresh = c.ops->congestion(&c, 100000);
	assert_in_range(c.ssthresh, 69999, 70000);
	c.cwnd = c.ssthresh;
	for (int ms = 0; ms < 4217; ms += 100, now += 100 * NS_PER_MS) {
		assert_true(c.cwnd < 101000);
		for (uint64_t left = c.cwnd; left; left -= left < 1000 ? left : 1000)
			c.ops->acked(&c, left < 1000 ? (uint32_t)left : 1000, 100 * NS_PER_MS, now);
	}
	assert_in_range(c.cwnd, 97000, 103000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cubic_comes_back),
	        cmocka_unit_test(test_cubic_time_stands_still),
	        cmocka_unit_test(test_cubic_undo),
	        cmocka_unit_test(test_cubic_fast_convergence),
	        cmocka_unit_test(test_cubic_reno_region),
	};

	return cmocka_run_group_tests_name("tcp cc_cubic", tests, NULL, NULL);
}
