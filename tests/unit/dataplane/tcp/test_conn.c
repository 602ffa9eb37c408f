/* SPDX-License-Identifier: BSD-3-Clause */
/* A connection's slot: every state reached, TIME-WAIT, challenge ACKs, stale handles, the initial window. */
#include "tcptest.h"

#include <errno.h>

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
		assert_int_equal(tt_info(&t).cwnd, cases[i].bytes);
		tt_free(&t);
	}
}

static void test_reach_every_state(void **state)
{
	static const enum tcp_state all[] = {TCP_SYN_SENT,   TCP_SYN_RCVD,   TCP_ESTABLISHED,
	                                     TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT,
	                                     TCP_CLOSING,    TCP_LAST_ACK,   TCP_TIME_WAIT};

	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct tt t;

		tt_start(&t, false);
		tt_to_state(&t, all[i]);
		tt_quiet(&t);
		assert_int_equal(tt_state(&t, t.conn), all[i]);
		tt_free(&t);
	}
}

static void test_time_wait(void **state)
{
	struct tcp_counters k;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_TIME_WAIT);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	/* The peer's FIN again: acknowledged again, and 2 MSL begin anew. */
	tt_wait(&t, 20000);
	tt_in(&t, TCP_FIN | TCP_ACK, 1, 2, NULL, 0);
	tt_expect(&t, TCP_ACK, 2, 2, 0);
	tt_wait(&t, 29000);
	assert_int_equal(tt_state(&t, t.conn), TCP_TIME_WAIT);
	tt_wait(&t, 1100);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.conns, 1); /* the listener */
	assert_int_equal(k.chunks_used, 0);
	tt_free(&t);
}

static void test_challenges_are_rate_limited(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	unsigned out = 0;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_ESTABLISHED);
	for (unsigned i = 0; i < 1000; i++) {
		tt_in(&t, TCP_SYN, i, 0, NULL, 0);
		out += tt_out(&t, &o);
	}
	assert_in_range(out, 50, 101);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.drop_challenge, 1000 - out);
	tt_free(&t);
}

static void test_stale_handles(void **state)
{
	uint32_t old;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_ESTABLISHED);
	old = t.conn;
	tcp_abort(t.s, t.conn);
	t.rport++;
	tt_expect(&t, TCP_RST | TCP_ACK, 1, 1, 0);
	tt_establish_passive(&t);
	assert_int_not_equal(old, t.conn);
	assert_int_equal(old & 0xfffff, t.conn & 0xfffff);
	assert_int_equal(tcp_send(t.s, old, "x", 1), -EBADF);
	assert_int_equal(tcp_recv(t.s, 0, NULL, 0), -EBADF);
	assert_int_equal(tcp_close(t.s, 0xffffffff), -EBADF);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_reach_every_state),
	        cmocka_unit_test(test_time_wait),
	        cmocka_unit_test(test_challenges_are_rate_limited),
	        cmocka_unit_test(test_stale_handles),
	        cmocka_unit_test(test_initial_window),
	};

	return cmocka_run_group_tests_name("tcp conn", tests, NULL, NULL);
}
