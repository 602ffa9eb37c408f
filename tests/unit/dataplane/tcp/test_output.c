/* SPDX-License-Identifier: BSD-3-Clause */
/* What is sent next: Nagle, windows closed, shrunk and silly, probes, limited transmit, restart after idle. */
#include "tcptest.h"

static void test_restart_after_idle(void **state)
{
	for (unsigned on = 0; on < 2; on++) {
		struct tcp_cfg cfg;
		struct tt t;

		(void)state;
		tt_cfg_small(&cfg);
		cfg.idle_restart = on;
		tt_established(&t, &cfg);
		t.wnd = 65535;
		tcp_send(t.s, t.conn, tt_filler, 100000);
		assert_int_equal(tt_drain(&t), 10);
		t.now += 20 * NS_PER_MS;
		for (uint32_t i = 1; i <= 10; i++)
			tt_in(&t, TCP_ACK, 1, 1 + 1000 * i, NULL, 0);
		assert_int_equal(tt_drain(&t), 20);
		for (uint32_t i = 11; i <= 30; i++)
			tt_in(&t, TCP_ACK, 1, 1 + 1000 * i, NULL, 0);
		assert_int_equal(tt_drain(&t), 40);
		tt_in(&t, TCP_ACK, 1, 70001, NULL, 0);
		tt_drain(&t);
		tt_in(&t, TCP_ACK, 1, 100001, NULL, 0);
		assert_int_equal(tt_info(&t).in_flight, 0);
		assert_int_equal(tt_info(&t).cwnd, 56000);
		t.now += 5 * NS_PER_S;
		tcp_send(t.s, t.conn, tt_filler, 60000);
		assert_int_equal(tt_drain(&t), on ? 10 : 56);
		tt_free(&t);
	}
}

static void test_ecn_probe_is_not_capable(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_ecn_start(&t, TCP_ECN_PASSIVE);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, tt_filler, 1000);
	tt_wait(&t, 2000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.len, 1);
	assert_int_equal(o.ecn, TCP_NOT_ECT);
	tt_free(&t);
}

static void limited_transmit(bool on, bool sack)
{
	struct tcp_cfg cfg;
	struct tt t;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.limited_transmit = on;
	tt_established(&t, &cfg);
	tt_send_full(&t, 20000, 10);
	t.now += 20 * NS_PER_MS;
	for (uint32_t i = 0; i < 2; i++) {
		if (sack)
			t.sack[0] = (struct tcp_sack_range){1001, 2001 + 1000 * i};
		t.nsack = sack;
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		if (on)
			tt_expect(&t, TCP_ACK, 10001 + 1000 * i, 1, 1000);
		tt_quiet(&t);
	}
	if (sack)
		t.sack[0] = (struct tcp_sack_range){1001, 4001};
	t.nsack = sack;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	tt_free(&t);
}

static void test_limited_transmit(void **state)
{
	(void)state;
	limited_transmit(true, false);
	limited_transmit(true, true);
	limited_transmit(false, false);
	limited_transmit(false, true);
}

static void test_tail_loss_probe(void **state)
{
	struct tcp_cfg cfg;
	int64_t from;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = cfg.tail_loss_probe = true;
	tt_init(&t, &cfg);
	t.sack_ok = true;
	assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_SYN | TCP_ACK, 0, 1, 0);
	t.now += 20 * NS_PER_MS;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &t.conn), 0);
	tt_send_segments(&t, 1, 3);
	from = t.now;
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000); /* the last, after 2 SRTT */
	assert_in_range(t.now - from, 40 * NS_PER_MS, 41 * NS_PER_MS);
	t.now += 20 * NS_PER_MS;
	tt_ack_sack(&t, 1, 2001, 3001); /* it arrived: the two before it are lost */
	tt_wait(&t, 20);
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(tt_info(&t).rtos, 0);
	tt_free(&t);
}

static void test_nagle(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tcp_set_opt(t.s, t.conn, TCP_OPT_NODELAY, 0);
	tcp_send(t.s, t.conn, tt_filler, 10);
	tt_expect(&t, TCP_ACK, 1, 1, 10); /* nothing outstanding: goes */
	tcp_send(t.s, t.conn, tt_filler, 10);
	tcp_send(t.s, t.conn, tt_filler, 10);
	tt_quiet(&t);
	tt_in(&t, TCP_ACK, 1, 11, NULL, 0);
	tt_expect(&t, TCP_ACK, 11, 1, 20);
	tcp_send(t.s, t.conn, tt_filler, 1500);
	tt_expect(&t, TCP_ACK, 31, 1, 1000);
	tt_quiet(&t);
	tcp_set_opt(t.s, t.conn, TCP_OPT_NODELAY, 1);
	tt_expect(&t, TCP_ACK, 1031, 1, 500);
	tt_free(&t);
}

static void test_zero_window(void **state)
{
	int64_t last;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 1);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 5000), 5000);
	tt_quiet(&t);
	last = t.now;
	/* One octet of new data, 200 ms doubling to 60 s, and for ever as long as it is answered. */
	for (unsigned i = 0; i < 40; i++) {
		int64_t want = i < 9 ? (200 * NS_PER_MS) << i : 60 * NS_PER_S;

		if (want > 60 * NS_PER_S)
			want = 60 * NS_PER_S;
		tt_wait(&t, 70000);
		tt_expect(&t, TCP_ACK, 1001, 1, 1);
		assert_in_range(t.now - last, want, want + NS_PER_MS);
		last = t.now;
		tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
		tt_quiet(&t);
	}
	assert_int_equal(tt_state(&t, t.conn), TCP_ESTABLISHED);
	t.wnd = 30000;
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	for (unsigned i = 0; i < 5; i++)
		tt_expect(&t, TCP_ACK, 1001 + 1000 * i, 1, 1000);
	tt_free(&t);
}

static void test_zero_window_probe_taken(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, "abc", 3);
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 1, 1, 1);
	tt_in(&t, TCP_ACK, 1, 2, NULL, 0); /* the octet was taken; the window stays closed */
	tt_wait(&t, 2000);
	tt_expect(&t, TCP_ACK, 2, 1, 1);
	t.wnd = 1000;
	tt_in(&t, TCP_ACK, 1, 3, NULL, 0);
	tt_expect(&t, TCP_ACK, 3, 1, 1);
	tt_free(&t);
}

static void test_silly_window(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	t.wnd = 300; /* less than a segment, less than half of the largest seen */
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, tt_filler, 5000);
	tt_quiet(&t);
	tt_wait(&t, 1000); /* the override timer */
	tt_expect(&t, TCP_ACK, 1, 1, 300);
	tt_free(&t);
}

static void test_window_shrunk(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 5);
	t.wnd = 500;
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tcp_send(t.s, t.conn, tt_filler, 1000);
	tt_quiet(&t);
	tt_wait(&t, 1000); /* what is outstanding is still repaired */
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_restart_after_idle),
	        cmocka_unit_test(test_limited_transmit),
	        cmocka_unit_test(test_tail_loss_probe),
	        cmocka_unit_test(test_nagle),
	        cmocka_unit_test(test_zero_window),
	        cmocka_unit_test(test_zero_window_probe_taken),
	        cmocka_unit_test(test_silly_window),
	        cmocka_unit_test(test_window_shrunk),
	        cmocka_unit_test(test_ecn_probe_is_not_capable),
	};

	return cmocka_run_group_tests_name("tcp output", tests, NULL, NULL);
}
