/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival before the ACK is looked at: window, PAWS, resets and SYNs in every state, reuse of TIME-WAIT. */
#include "tcptest.h"

static void test_beyond_the_window(void **state)
{
	struct tt t;

	(void)state;
	tt_receiver(&t, false, false);
	tt_data(&t, TCP_ACK, 70000, 1, 1000);
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	assert_int_equal(tt_counters(&t).drop_window, 1);
	tt_data(&t, TCP_ACK, 64501, 1, 1000); /* the half inside counts */
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	{
		struct tcp_info i;

		tcp_info(t.s, t.conn, &i);
		assert_int_equal(i.rcv_ooo, 500);
	}
	tt_free(&t);
}

static void test_paws(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_receiver(&t, false, true);
	t.ts_val = 2000;
	tt_data(&t, TCP_ACK, 1, 1, 100);
	tt_wait(&t, 100);
	assert_true(tt_out(&t, &o));
	assert_true(o.o.ts);
	assert_int_equal(o.o.ts_ecr, 2000);
	t.ts_val = 1999;
	tt_data(&t, TCP_ACK, 101, 1, 100);
	tt_expect(&t, TCP_ACK, 1, 101, 0);
	assert_int_equal(tt_counters(&t).drop_paws, 1);
	t.ts_val = 2000;
	tt_data(&t, TCP_ACK, 101, 1, 100);
	tt_read_all(&t, 200);
	tt_wait(&t, 100);
	while (tt_out(&t, &o))
		;
	/* After 24 idle days the old value means nothing (RFC 7323 5.5). */
	t.now += INT64_C(25) * 24 * 3600 * NS_PER_S;
	tcp_advance(t.s, (struct instant){t.now});
	t.ts_val = 5;
	tt_data(&t, TCP_ACK, 201, 1, 100);
	assert_int_equal(tt_counters(&t).drop_paws, 1);
	tt_free(&t);
}

static void test_time_wait_reopened_by_newer_syn(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_TIME_WAIT);
	tcp_close(t.s, t.conn);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0); /* old: challenged */
	tt_expect(&t, TCP_ACK, 2, 2, 0);
	t.irs += 100000;
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_SYN | TCP_ACK, 0, 1, 0);
	tt_free(&t);
}

static void test_rst_exact_in_every_state(void **state)
{
	static const enum tcp_state all[] = {TCP_SYN_RCVD,   TCP_ESTABLISHED, TCP_FIN_WAIT_1,
	                                     TCP_FIN_WAIT_2, TCP_CLOSE_WAIT,  TCP_CLOSING,
	                                     TCP_LAST_ACK,   TCP_TIME_WAIT};

	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		bool fin = all[i] == TCP_CLOSE_WAIT || all[i] == TCP_CLOSING ||
		           all[i] == TCP_LAST_ACK || all[i] == TCP_TIME_WAIT;
		struct tt t;

		tt_start(&t, false);
		tt_to_state(&t, all[i]);
		/* RFC 5961: in the window but not exact is challenged, outside is dropped. */
		tt_in(&t, TCP_RST, 500, 0, NULL, 0);
		tt_expect(&t, TCP_ACK, t.s->conns[t.conn & 0xfffff].snd_nxt - t.iss, fin ? 2 : 1,
		          0);
		tt_in(&t, TCP_RST, 90000, 0, NULL, 0);
		tt_quiet(&t);
		assert_int_equal(tt_state(&t, t.conn), all[i]);
		tt_in(&t, TCP_RST, fin ? 2 : 1, 0, NULL, 0);
		tt_quiet(&t);
		assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
		assert_true(tt_event(&t, t.conn) & TCP_EV_RESET);
		tt_free(&t);
	}
}

static void test_syn_challenged_in_every_state(void **state)
{
	static const enum tcp_state all[] = {TCP_ESTABLISHED, TCP_FIN_WAIT_1, TCP_FIN_WAIT_2,
	                                     TCP_CLOSE_WAIT,  TCP_CLOSING,    TCP_LAST_ACK};

	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct tt_seg o;
		struct tt t;

		tt_start(&t, false);
		tt_to_state(&t, all[i]);
		tt_in(&t, TCP_SYN, 700, 0, NULL, 0);
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.flags, TCP_ACK);
		assert_int_equal(tt_state(&t, t.conn), all[i]);
		tt_free(&t);
	}
}

static void test_no_ack_war(void **state)
{
	struct tt_seg o;
	unsigned out = 0;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_ESTABLISHED);
	for (unsigned i = 0; i < 1000; i++) {
		tt_in(&t, TCP_ACK, 90000, 1, NULL, 0);
		out += tt_out(&t, &o);
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		out += tt_out(&t, &o);
		t.now += NS_PER_MS;
	}
	assert_true(out <= 3);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_time_wait_reopened_by_newer_syn),
	        cmocka_unit_test(test_rst_exact_in_every_state),
	        cmocka_unit_test(test_syn_challenged_in_every_state),
	        cmocka_unit_test(test_no_ack_war),
	        cmocka_unit_test(test_beyond_the_window),
	        cmocka_unit_test(test_paws),
	};

	return cmocka_run_group_tests_name("tcp input_checks", tests, NULL, NULL);
}
