/* SPDX-License-Identifier: BSD-3-Clause */
/* HyStart++: rounds, thresholds, the way back, and a connection whose queue builds up. */
#include "tcptest.h"

/* One round of slow start: n ACKs of one segment with the given round trip; `next` of them follow in the next. */
static void hystart_round(struct tcp_ccs *c, uint32_t *una, unsigned n, unsigned next,
                          int64_t rtt_us)
{
	uint32_t end = *una + n * 1000;
	struct tcp_cfg cfg;

	tcp_cfg_default(&cfg);
	for (unsigned i = 0; i < n; i++) {
		*una += 1000;
		tcp_cc_slow_start(c, 1000);
		tcp_hystart_ack(&cfg, c, *una, end + next * 1000, rtt_us * 1000);
	}
}

static struct tcp_ccs hystart_new(void)
{
	struct tcp_ccs c = {
	        .ops = &tcp_cc_cubic, .cwnd = 10000, .ssthresh = UINT64_MAX, .mss = 1000};

	c.ops->init(&c);
	tcp_hystart_init(&c, 10000);
	return c;
}

static void test_hystart_leaves(void **state)
{
	struct tcp_ccs c = hystart_new();
	uint32_t una = 0;
	uint64_t before;

	(void)state;
	hystart_round(&c, &una, 10, 20, 40000);
	assert_int_equal(c.cwnd, 20000);
	hystart_round(&c, &una, 20, 40, 44000); /* 4 ms more: below an eighth of 40 ms */
	assert_int_equal(c.cwnd, 40000);
	assert_false(c.hs.css);
	hystart_round(&c, &una, 40, 40, 50000); /* 6 ms more than the round before */
	assert_true(c.hs.css);
	assert_int_equal(c.ssthresh, UINT64_MAX);
	/* The first eight grew by a whole, the rest of the round by a quarter. */
	assert_in_range(c.cwnd, 40000 + 8000 + 32 * 250 - 250, 40000 + 8000 + 32 * 250 + 250);
	for (unsigned round = 0; round < 4; round++) {
		assert_int_equal(c.ssthresh, UINT64_MAX);
		before = c.cwnd;
		hystart_round(&c, &una, 40, 40, 50000);
		assert_int_equal(c.cwnd, before + 40 * 250);
	}
	assert_int_equal(c.ssthresh, c.cwnd); /* after five rounds */
}

static void test_hystart_comes_back(void **state)
{
	struct tcp_ccs c = hystart_new();
	uint32_t una = 0;
	uint64_t before;

	(void)state;
	hystart_round(&c, &una, 10, 20, 40000);
	hystart_round(&c, &una, 20, 20, 60000);
	assert_true(c.hs.css);
	hystart_round(&c, &una, 20, 20, 41000); /* it was a passing queue */
	assert_false(c.hs.css);
	before = c.cwnd;
	hystart_round(&c, &una, 20, 20, 41000);
	assert_int_equal(c.cwnd, before + 20000);
	assert_int_equal(c.ssthresh, UINT64_MAX);
}

/* Thresholds: 4 ms at least, 16 ms at most; too few samples in a round say nothing. */
static void test_hystart_thresholds(void **state)
{
	static const struct {
		int64_t base_us, next_us;
		unsigned acks;
		bool css;
	} cases[] = {
	        {1000, 4900, 10, false},    {1000, 5100, 10, true},  {400000, 415000, 10, false},
	        {400000, 417000, 10, true}, {1000, 90000, 7, false}, {64000, 71900, 10, false},
	        {64000, 72100, 10, true},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct tcp_ccs c = hystart_new();
		uint32_t una = 0;

		hystart_round(&c, &una, 10, cases[i].acks, cases[i].base_us);
		hystart_round(&c, &una, cases[i].acks, 20, cases[i].next_us);
		assert_int_equal(c.hs.css, cases[i].css);
	}
}

/* In a connection: a queue that builds up ends slow start without a loss. */
static void test_hystart_in_a_connection(void **state)
{
	for (unsigned on = 0; on < 2; on++) {
		uint32_t acked = 0, sent = 0;
		struct tcp_cfg cfg;
		struct tt_seg o;
		struct tt t;

		(void)state;
		tt_cfg_small(&cfg);
		cfg.hystart = on;
		tt_established(&t, &cfg);
		t.wnd = 65535;
		for (unsigned round = 0; round < 12; round++) {
			while (tcp_send(t.s, t.conn, tt_filler, 50000) > 0)
				;
			while (tt_out(&t, &o))
				sent = o.seq - 1 + o.len;
			t.now += (20 + 10 * (int64_t)round) * NS_PER_MS;
			for (; acked < sent; acked += 1000)
				tt_in(&t, TCP_ACK, 1, 1 + acked + 1000, NULL, 0);
		}
		assert_int_equal(tt_info(&t).ssthresh != UINT64_MAX, on);
		assert_int_equal(tt_info(&t).retransmits, 0);
		tt_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hystart_leaves),
	        cmocka_unit_test(test_hystart_comes_back),
	        cmocka_unit_test(test_hystart_thresholds),
	        cmocka_unit_test(test_hystart_in_a_connection),
	};

	return cmocka_run_group_tests_name("tcp hystart", tests, NULL, NULL);
}
