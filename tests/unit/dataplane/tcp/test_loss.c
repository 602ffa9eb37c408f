/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is deemed lost: NewReno's duplicates, RFC 6675's rules, RACK's window. */
#include "tcptest.h"

static void start_6675(struct tt *t)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = true;
	cfg.rack = false;
	tt_established(t, &cfg);
}

static void test_6675_is_lost(void **state)
{
	struct tt t;

	(void)state;
	start_6675(&t);
	tt_send_full(&t, 10000, 10);
	TT_SACK_IN(&t, 0, {1, 2});
	tt_quiet(&t);
	TT_SACK_IN(&t, 0, {1, 3});
	tt_quiet(&t);
	TT_SACK_IN(&t, 0,
	           {1, 4}); /* three segments above the first: it is lost, and nothing else */
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	tt_quiet(&t);
	assert_int_equal(tt_info(&t).ca_state, TCP_CA_RECOVERY);
	TT_SACK_IN(&t, 0, {5, 8}, {1, 4}); /* the fifth too */
	tt_expect(&t, TCP_ACK, 4001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	assert_int_equal(tt_info(&t).ca_state, TCP_CA_OPEN);
	assert_int_equal(tt_info(&t).retransmits, 2);
	tt_free(&t);
}

/* Rule (4): the tail of what is outstanding, once, when nothing else may be sent. */
static void test_6675_rescue(void **state)
{
	struct tt t;

	(void)state;
	start_6675(&t);
	tt_send_full(&t, 10000, 10);
	TT_SACK_IN(&t, 0, {1, 4});
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	TT_SACK_IN(&t, 4, {5, 7});             /* 4 was lost, 7 to 9 too, but nothing says so */
	tt_expect(&t, TCP_ACK, 4001, 1, 1000); /* rule (3) */
	TT_SACK_IN(&t, 7, {0, 0});
	tt_expect(&t, TCP_ACK, 9001, 1, 1000);
	tt_quiet(&t);
	TT_SACK_IN(&t, 7, {9, 10});
	tt_in(&t, TCP_ACK, 1, 7001, NULL, 0);
	assert_int_equal(tt_info(&t).rtos, 0);
	tt_free(&t);
}

/* Small segments: duplicates with news count, though too few bytes are SACKed. */
static void test_6675_small_segments(void **state)
{
	struct tt t;

	(void)state;
	start_6675(&t);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 100), 100);
		tt_expect(&t, TCP_ACK, 1 + 100 * i, 1, 100);
	}
	for (uint32_t i = 1; i <= 3; i++) {
		t.sack[0] = (struct tcp_sack_range){101, 101 + 100 * i};
		t.nsack = 1;
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		if (i < 3)
			tt_quiet(&t);
	}
	tt_expect(&t, TCP_ACK, 1, 1, 100);
	tt_free(&t);
}

/* Reordering seen: a quarter of the round trip is waited; each round with a D-SACK adds a quarter; 16 clean recoveries take it back. */
static void test_rack_window_adapts(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;
	int64_t from;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	tt_established(&t, &cfg);
	tt_send_full(&t, 10000, 10);
	t.now += 20 * NS_PER_MS;
	TT_SACK_IN(&t, 0, {1, 2});
	tt_quiet(&t);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* the first came late: reordering */
	TT_SACK_IN(&t, 2, {3, 6});            /* three above, yet not at once */
	tt_quiet(&t);
	from = t.now;
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	assert_in_range(t.now - from, 5 * NS_PER_MS, 5 * NS_PER_MS + 140000);
	/* It had arrived: D-SACK. Twice as long from now on. */
	t.now += NS_PER_MS;
	t.sack[0] = (struct tcp_sack_range){2001, 3001};
	t.nsack = 1;
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	tcp_send(t.s, t.conn, tt_filler, 4000);
	for (unsigned i = 0; i < 4; i++)
		tt_expect(&t, TCP_ACK, 10001 + 1000 * i, 1, 1000);
	t.now += 20 * NS_PER_MS;
	TT_SACK_IN(&t, 10, {11, 14});
	from = t.now;
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	assert_in_range(t.now - from, 10 * NS_PER_MS, 10 * NS_PER_MS + 140000);
	tt_free(&t);
}

/* RFC 8985 counts segments, so that small ones are repaired at once as well. */
static void test_rack_small_segments(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	tt_established(&t, &cfg);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 10), 10);
		tt_expect(&t, TCP_ACK, 1 + 10 * i, 1, 10);
	}
	t.now += 20 * NS_PER_MS;
	t.sack[0] = (struct tcp_sack_range){11, 41};
	t.nsack = 1;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 10);
	tt_free(&t);
}

static void test_fast_retransmit_newreno(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 10);
	/* 1st and 5th are lost. */
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_quiet(&t);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	tt_quiet(&t);
	for (unsigned i = 0; i < 5; i++)
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_in(&t, TCP_ACK, 1, 4001, NULL, 0); /* partial: the next hole at once (RFC 6582) */
	tt_expect(&t, TCP_ACK, 4001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	tt_quiet(&t);
	assert_int_equal(tt_info(&t).rtos, 0);
	assert_int_equal(tt_info(&t).fast_recoveries, 1);
	assert_false(tt_info(&t).in_recovery);
	tt_free(&t);
}

static void test_lost_retransmission_repaired_by_rack(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 30000), 30000);
	while (tt_out(&t, &o))
		;
	t.now += 20 * NS_PER_MS;
	tt_ack_sack(&t, 1, 1001, 5001); /* 1 lost; retransmitted, and new data with it */
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.seq, 1);
	t.now += NS_PER_MS;
	tt_ack_sack(&t, 1, 1001, 10001);
	while (tt_out(&t, &o))
		assert_true(o.seq >= 10001);
	t.now += 20 * NS_PER_MS;
	tt_ack_sack(&t, 1, 1001,
	            11001); /* sent after the retransmission, arrived before it: lost again */
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(tt_info(&t).rtos, 0);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_fast_retransmit_newreno),
	        cmocka_unit_test(test_6675_is_lost),
	        cmocka_unit_test(test_6675_rescue),
	        cmocka_unit_test(test_6675_small_segments),
	        cmocka_unit_test(test_rack_window_adapts),
	        cmocka_unit_test(test_rack_small_segments),
	        cmocka_unit_test(test_lost_retransmission_repaired_by_rack),
	};

	return cmocka_run_group_tests_name("tcp loss", tests, NULL, NULL);
}
