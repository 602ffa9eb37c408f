/* SPDX-License-Identifier: BSD-3-Clause */
/* Windows: HyStart++, CUBIC's clock and undo, initial window, restart after idle, validation, ECN. */
#include "tcptest.h"

#include <string.h>

static char filler[200000];

static struct tcp_info info(struct tt *t)
{
	struct tcp_info i;

	assert_int_equal(tcp_info(t->s, t->conn, &i), 0);
	return i;
}

static void start(struct tt *t, struct tcp_cfg *cfg)
{
	tt_init(t, cfg);
	tt_establish_passive(t);
}

static void cfg_small(struct tcp_cfg *cfg)
{
	tt_cfg(cfg);
	cfg->chunks = 2000;
	cfg->sndbuf = cfg->sndbuf_max = 1 << 20;
}

/* ---- HyStart++ ---- */

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
		cfg_small(&cfg);
		cfg.hystart = on;
		start(&t, &cfg);
		t.wnd = 65535;
		for (unsigned round = 0; round < 12; round++) {
			while (tcp_send(t.s, t.conn, filler, 50000) > 0)
				;
			while (tt_out(&t, &o))
				sent = o.seq - 1 + o.len;
			t.now += (20 + 10 * (int64_t)round) * NS_PER_MS;
			for (; acked < sent; acked += 1000)
				tt_in(&t, TCP_ACK, 1, 1 + acked + 1000, NULL, 0);
		}
		assert_int_equal(info(&t).ssthresh != UINT64_MAX, on);
		assert_int_equal(info(&t).retransmits, 0);
		tt_free(&t);
	}
}

/* ---- CUBIC ---- */

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

/* ---- the engine's part ---- */

static void test_initial_window(void **state)
{
	static const struct {
		uint16_t mss;
		uint64_t bytes;
	} cases[] = {{500, 5000}, {1460, 14600}, {2000, 14600}, {9000, 18000}};

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct tcp_cfg cfg;
		struct tt t;

		tt_cfg(&cfg);
		cfg.mss_default = cases[i].mss;
		tt_init(&t, &cfg);
		t.mss = cases[i].mss;
		tt_establish_passive(&t);
		assert_int_equal(info(&t).cwnd, cases[i].bytes);
		tt_free(&t);
	}
}

/* Takes out all that may go; returns the segments. */
static unsigned drain(struct tt *t)
{
	struct tt_seg o;
	unsigned n = 0;

	while (tt_out(t, &o))
		n++;
	return n;
}

static void test_restart_after_idle(void **state)
{
	for (unsigned on = 0; on < 2; on++) {
		struct tcp_cfg cfg;
		struct tt t;

		(void)state;
		cfg_small(&cfg);
		cfg.idle_restart = on;
		start(&t, &cfg);
		t.wnd = 65535;
		tcp_send(t.s, t.conn, filler, 100000);
		assert_int_equal(drain(&t), 10);
		t.now += 20 * NS_PER_MS;
		for (uint32_t i = 1; i <= 10; i++)
			tt_in(&t, TCP_ACK, 1, 1 + 1000 * i, NULL, 0);
		assert_int_equal(drain(&t), 20);
		for (uint32_t i = 11; i <= 30; i++)
			tt_in(&t, TCP_ACK, 1, 1 + 1000 * i, NULL, 0);
		assert_int_equal(drain(&t), 40);
		tt_in(&t, TCP_ACK, 1, 70001, NULL, 0);
		drain(&t);
		tt_in(&t, TCP_ACK, 1, 100001, NULL, 0);
		assert_int_equal(info(&t).in_flight, 0);
		assert_int_equal(info(&t).cwnd, 56000);
		t.now += 5 * NS_PER_S;
		tcp_send(t.s, t.conn, filler, 60000);
		assert_int_equal(drain(&t), on ? 10 : 56);
		tt_free(&t);
	}
}

/* A sender that does not fill its window does not widen it (RFC 9438 5.8). */
static void test_window_validation(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	cfg_small(&cfg);
	start(&t, &cfg);
	for (uint32_t i = 0; i < 100; i++) {
		tcp_send(t.s, t.conn, filler, 2000);
		assert_int_equal(drain(&t), 2);
		t.now += NS_PER_MS;
		tt_in(&t, TCP_ACK, 1, 1 + 2000 * (i + 1), NULL, 0);
	}
	assert_int_equal(info(&t).cwnd, 10000);
	tt_free(&t);
}

/* ---- ECN (RFC 3168) ---- */

static void ecn_start(struct tt *t, uint8_t mode)
{
	struct tcp_cfg cfg;

	cfg_small(&cfg);
	cfg.ecn = mode;
	tt_init(t, &cfg);
	assert_int_equal(tcp_listen(t->s, TT_PORT, 8, &t->listener), 0);
	tt_in(t, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, NULL, 0);
	tt_expect(t, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0);
	t->now += 20 * NS_PER_MS;
	tt_in(t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t->s, t->listener, &t->conn), 0);
	assert_true(info(t).ecn);
}

static void test_ecn_modes(void **state)
{
	static const uint8_t asks[] = {0, TCP_ECE | TCP_CWR, 0};
	struct tt_seg o;

	(void)state;
	for (uint8_t mode = TCP_ECN_OFF; mode <= TCP_ECN_PASSIVE; mode++) {
		struct tcp_cfg cfg;
		struct tt t;

		tt_cfg(&cfg);
		cfg.ecn = mode;
		tt_init(&t, &cfg);
		assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.flags, TCP_SYN | asks[mode]);
		assert_int_equal(o.ecn, TCP_NOT_ECT);
		t.lport = o.lport;
		tt_in(&t, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, NULL, 0);
		assert_int_equal(info(&t).ecn, mode == TCP_ECN_ON);
		tt_free(&t);
		/* Asked: answered in both modes, not when off. */
		tt_init(&t, &cfg);
		assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
		tt_in(&t, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, NULL, 0);
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.flags, TCP_SYN | TCP_ACK | (mode == TCP_ECN_OFF ? 0 : TCP_ECE));
		tt_free(&t);
	}
}

/* A SYN that was lost is asked again without ECN; an answer that echoes both flags is no answer (some servers reflect). */
static void test_ecn_falls_back(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.ecn = TCP_ECN_ON;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
	assert_true(tt_out(&t, &o));
	t.lport = o.lport;
	tt_wait(&t, 2000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.flags, TCP_SYN);
	tt_in(&t, TCP_SYN | TCP_ACK | TCP_ECE | TCP_CWR, 0, 1, NULL, 0);
	assert_false(info(&t).ecn);
	tt_free(&t);
}

/* Once per window; CWR on the next new data; no ECT on what is sent again, on probes, on ACKs. */
static void test_ecn_sender(void **state)
{
	struct tcp_counters k;
	uint64_t cwnd;
	struct tt_seg o;
	struct tt t;

	(void)state;
	ecn_start(&t, TCP_ECN_PASSIVE);
	tcp_send(t.s, t.conn, filler, 30000);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.ecn, TCP_ECT0);
	}
	cwnd = info(&t).cwnd;
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 1001, NULL, 0);
	assert_int_equal(info(&t).ca_state, TCP_CA_CWR);
	assert_true(info(&t).cwnd <= cwnd / 2);
	cwnd = info(&t).cwnd;
	for (uint32_t i = 2; i < 10; i++)
		tt_in(&t, TCP_ACK | TCP_ECE, 1, 1 + 1000 * i, NULL, 0);
	assert_int_equal(info(&t).cwnd, cwnd); /* neither down nor up */
	assert_int_equal(info(&t).ecn_reductions, 1);
	assert_true(tt_out(&t, &o));
	assert_true(o.flags & TCP_CWR);
	assert_true(tt_out(&t, &o));
	assert_false(o.flags & TCP_CWR);
	while (tt_out(&t, &o))
		;
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 11001, NULL, 0); /* the next window's */
	assert_int_equal(info(&t).ecn_reductions, 2);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.ecn_reductions, 2);
	while (tt_out(&t, &o))
		;
	tt_wait(&t, 3000); /* time-out */
	assert_true(tt_out(&t, &o));
	assert_true(o.retransmit);
	assert_int_equal(o.ecn, TCP_NOT_ECT);
	tt_free(&t);
}

/* A loss reduces too, and says so (6.1.2). */
static void test_ecn_cwr_after_loss(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	ecn_start(&t, TCP_ECN_PASSIVE);
	tcp_send(t.s, t.conn, filler, 30000);
	for (unsigned i = 0; i < 10; i++)
		assert_true(tt_out(&t, &o));
	for (unsigned i = 0; i < 3; i++)
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	while (tt_out(&t, &o) && o.retransmit)
		assert_false(o.flags & TCP_CWR);
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 10001, NULL, 0); /* the same window: no second reduction */
	assert_int_equal(info(&t).ecn_reductions, 0);
	tt_free(&t);
}

static void test_ecn_probe_is_not_capable(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	ecn_start(&t, TCP_ECN_PASSIVE);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, filler, 1000);
	tt_wait(&t, 2000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.len, 1);
	assert_int_equal(o.ecn, TCP_NOT_ECT);
	tt_free(&t);
}

/* The receiver echoes until it sees CWR; CE on what is not taken means nothing. */
static void test_ecn_receiver(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	struct tt t;

	(void)state;
	ecn_start(&t, TCP_ECN_PASSIVE);
	t.ecn = TCP_CE;
	tt_data(&t, TCP_ACK, 1, 1, 100);
	tt_expect(&t, TCP_ACK | TCP_ECE, 1, 101, 0); /* at once */
	t.ecn = TCP_ECT0;
	tt_data(&t, TCP_ACK, 101, 1, 1000);
	tt_data(&t, TCP_ACK, 1101, 1, 1000);
	tt_expect(&t, TCP_ACK | TCP_ECE, 1, 2101, 0);
	tcp_send(t.s, t.conn, "x", 1);
	assert_true(tt_out(&t, &o));
	assert_true(o.flags & TCP_ECE); /* data carries it, too */
	tt_data(&t, TCP_ACK | TCP_CWR, 2101, 2, 1000);
	tt_data(&t, TCP_ACK, 3101, 2, 1000);
	tt_expect(&t, TCP_ACK, 2, 4101, 0);
	t.ecn = TCP_CE;
	tt_data(&t, TCP_ACK, 1, 2, 100); /* old */
	tt_expect(&t, TCP_ACK, 2, 4101, 0);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.ecn_ce_in, 1);
	/* CWR and CE in one: the echo begins anew. */
	tt_data(&t, TCP_ACK | TCP_CWR, 4101, 2, 100);
	tt_expect(&t, TCP_ACK | TCP_ECE, 2, 4201, 0);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hystart_leaves),
	        cmocka_unit_test(test_hystart_comes_back),
	        cmocka_unit_test(test_hystart_thresholds),
	        cmocka_unit_test(test_hystart_in_a_connection),
	        cmocka_unit_test(test_cubic_time_stands_still),
	        cmocka_unit_test(test_cubic_undo),
	        cmocka_unit_test(test_cubic_fast_convergence),
	        cmocka_unit_test(test_cubic_reno_region),
	        cmocka_unit_test(test_initial_window),
	        cmocka_unit_test(test_restart_after_idle),
	        cmocka_unit_test(test_window_validation),
	        cmocka_unit_test(test_ecn_modes),
	        cmocka_unit_test(test_ecn_falls_back),
	        cmocka_unit_test(test_ecn_sender),
	        cmocka_unit_test(test_ecn_cwr_after_loss),
	        cmocka_unit_test(test_ecn_probe_is_not_capable),
	        cmocka_unit_test(test_ecn_receiver),
	};

	return cmocka_run_group_tests_name("tcp congestion", tests, NULL, NULL);
}
