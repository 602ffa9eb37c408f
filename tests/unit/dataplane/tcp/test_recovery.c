/* SPDX-License-Identifier: BSD-3-Clause */
/* The window: growth, validation, PRR, a receiver that reneges. */
#include "tcptest.h"

/* A sender that does not fill its window does not widen it (RFC 9438 5.8). */
static void test_window_validation(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg_small(&cfg);
	tt_established(&t, &cfg);
	for (uint32_t i = 0; i < 100; i++) {
		tcp_send(t.s, t.conn, tt_filler, 2000);
		assert_int_equal(tt_drain(&t), 2);
		t.now += NS_PER_MS;
		tt_in(&t, TCP_ACK, 1, 1 + 2000 * (i + 1), NULL, 0);
	}
	assert_int_equal(tt_info(&t).cwnd, 10000);
	tt_free(&t);
}

/* Above ssthresh one segment goes for each two delivered (NewReno halves); the first retransmission goes at once. */
static void test_prr(void **state)
{
	struct tcp_cfg cfg;
	unsigned sent = 0;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	cfg.initial_window = 20;
	tt_established(&t, &cfg);
	assert_true(tt_info(&t).cwnd == 20000);
	tt_send_full(&t, 60000, 20);
	t.now += 20 * NS_PER_MS;
	for (uint32_t i = 1; i < 20; i++) {
		t.sack[0] = (struct tcp_sack_range){1001, 2001 + 1000 * (i - 1)};
		t.nsack = 1;
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		if (i == 3) {
			assert_int_equal(tt_info(&t).ca_state, TCP_CA_RECOVERY);
			assert_int_equal(tt_info(&t).ssthresh, 10000); /* limited transmit apart */
		}
		for (unsigned burst = 0; tt_out(&t, &o); burst++) {
			assert_true(burst < 1);
			sent += i >= 3;
		}
	}
	/* 17 of 20 delivered in recovery, one more before it: about half as many were sent. */
	assert_in_range(sent, 8, 10);
	tt_in(&t, TCP_ACK, 1, 22001, NULL, 0);
	assert_int_equal(tt_info(&t).ca_state, TCP_CA_OPEN);
	assert_in_range(tt_info(&t).cwnd, 10000, 11000);
	tt_free(&t);
}

static void test_initial_window_and_growth(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 60000), 60000);
	for (unsigned i = 0; i < 10; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_quiet(&t);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* two acknowledged: four may follow (slow start) */
	for (unsigned i = 10; i < 14; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_quiet(&t);
	tt_free(&t);
}

static void test_reneging(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 4);
	tt_ack_sack(&t, 1, 1001, 4001);
	while (tt_out(&t, &o))
		;
	tt_in(&t, TCP_ACK, 1, 1001, NULL,
	      0); /* the SACKed bytes are not acknowledged: taken back */
	tt_wait(&t, 2000);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_initial_window_and_growth),
	        cmocka_unit_test(test_window_validation),
	        cmocka_unit_test(test_prr),
	        cmocka_unit_test(test_reneging),
	};

	return cmocka_run_group_tests_name("tcp recovery", tests, NULL, NULL);
}
