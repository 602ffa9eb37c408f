/* SPDX-License-Identifier: BSD-3-Clause */
/* What deadlines do: retransmission time-outs, giving up, user timeout, keepalive, half-open, FIN-WAIT-2. */
#include "tcptest.h"

#include <errno.h>

static void test_rto_series(void **state)
{
	int64_t at[6];
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 2);
	at[0] = t.now;
	for (unsigned i = 1; i < 6; i++) {
		tt_wait(&t, 100000);
		tt_expect(&t, TCP_ACK, 1, 1, 1000);
		tt_quiet(&t); /* one segment: the window is one */
		at[i] = t.now;
	}
	/* SRTT 20 ms: the minimum, then doubled. */
	for (unsigned i = 1; i < 6; i++)
		assert_in_range(at[i] - at[i - 1], (200 * NS_PER_MS) << (i - 1),
		                ((200 * NS_PER_MS) << (i - 1)) + NS_PER_MS);
	assert_int_equal(tt_info(&t).rtos, 5);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0); /* the second is repaired at once, in slow start */
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0);
	assert_false(tt_info(&t).timer_rtx);
	/* RFC 6298 5: doubled until there is a new sample, and copies give none. */
	assert_int_equal(tt_info(&t).rto_ns, (200 * NS_PER_MS) << 5);
	tt_free(&t);
}

static void test_gives_up(void **state)
{
	struct tcp_event ev;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tt_event(&t, t.conn);
	tcp_set_opt(t.s, t.conn, TCP_OPT_USER_TIMEOUT_MS, 5000);
	tt_send_segments(&t, 1, 1);
	int64_t from = t.now;

	while (tt_state(&t, t.conn) == TCP_ESTABLISHED) {
		tt_wait(&t, 50);
		while (tt_out(&t, &o))
			;
	}
	assert_in_range(t.now - from, 5 * NS_PER_S, 5200 * NS_PER_MS);
	assert_true(tcp_event_next(t.s, &ev));
	assert_int_equal(ev.error, ETIMEDOUT);
	tt_free(&t);
}

/* Written, the user timeout set, and only then asked for output: the closed window is probed all the same. */
static void test_user_timeout_before_output(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	tt_init(&t, &cfg);
	t.wnd = 0;
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), 1);
	assert_int_equal(tcp_set_opt(t.s, t.conn, TCP_OPT_USER_TIMEOUT_MS, 60000), 0);
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 1, 1, 1);
	tt_free(&t);
}

/* A peer that was held and has its window closed is probed at once and then as ever, not when the user timeout ends. */
static void test_user_timeout_after_release(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	tt_init(&t, &cfg);
	t.wnd = 0;
	tt_establish_passive(&t);
	tcp_peer_hold(t.s, TT_PEER, true);
	assert_int_equal(tcp_set_opt(t.s, t.conn, TCP_OPT_USER_TIMEOUT_MS, 60000), 0);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), 1);
	tt_wait(&t, 1000);
	tt_quiet(&t);
	tcp_peer_hold(t.s, TT_PEER, false);
	tt_expect(&t, TCP_ACK, 1, 1, 1);
	tt_quiet(&t);
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 1, 1, 1);
	tt_free(&t);
}

static void test_user_timeout_while_held(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tcp_set_opt(t.s, t.conn, TCP_OPT_USER_TIMEOUT_MS, 5000);
	tt_send_segments(&t, 1, 1);
	tcp_peer_hold(t.s, TT_PEER, true);
	tt_wait(&t, 4900);
	assert_int_equal(tt_state(&t, t.conn), TCP_ESTABLISHED);
	tt_wait(&t, 200);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), -ETIMEDOUT);
	tt_free(&t);
}

static void test_orphan_with_a_closed_window_ends(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, tt_filler, 100);
	tcp_close(t.s, t.conn);
	for (unsigned i = 0; i < 20; i++) {
		tt_wait(&t, 70000);
		while (tt_out(&t, &o))
			if (!(o.flags & TCP_RST))
				tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	}
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.conns, 1);
	assert_int_equal(k.chunks_used, 0);
	tt_free(&t);
}

static void test_keepalive(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	tcp_set_opt(t.s, t.conn, TCP_OPT_KEEPALIVE_MS, 10000);
	tt_wait(&t, 11000);
	tt_expect(&t, TCP_ACK, 0, 1, 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	for (unsigned i = 0; i < 6; i++) {
		tt_wait(&t, 16000);
		tt_expect(&t, TCP_ACK, 0, 1, 0);
	}
	tt_wait(&t, 16000);
	tt_expect(&t, TCP_RST | TCP_ACK, 1, 1, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
	tt_free(&t);
}

static void test_half_open_gives_up(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	unsigned n = 0;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 2, &t.listener), 0);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	for (unsigned i = 0; i < 400; i++) {
		while (tt_out(&t, &o))
			n += o.flags == (TCP_SYN | TCP_ACK);
		tt_wait(&t, 1000);
	}
	assert_int_equal(n, 8);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.conns, 1);
	tt_free(&t);
}

static void test_connect_times_out(void **state)
{
	struct tcp_event ev;
	struct tt_seg o;
	int64_t sent[10];
	unsigned n = 0;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	assert_int_equal(tcp_connect(t.s, TT_PEER, 80, &t.conn), 0);
	while (tt_state(&t, t.conn) == TCP_SYN_SENT) {
		while (tt_out(&t, &o))
			sent[n++] = t.now;
		tt_wait(&t, 100);
	}
	/* RFC 9293 3.8.3: three minutes at least. */
	assert_in_range(t.now - sent[0], 180 * NS_PER_S, 190 * NS_PER_S);
	assert_int_equal(n, 8); /* 0 1 3 7 15 31 63 123 s */
	assert_in_range(sent[1] - sent[0], NS_PER_S, NS_PER_S + NS_PER_MS);
	assert_in_range(sent[5] - sent[4], 16 * NS_PER_S, 16 * NS_PER_S + NS_PER_MS);
	assert_true(tcp_event_next(t.s, &ev));
	assert_int_equal(ev.error, ETIMEDOUT);
	tt_free(&t);
}

static void test_fin_wait_2_of_an_orphan_ends(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_FIN_WAIT_2);
	tt_wait(&t, 600000); /* half-closed: as long as the application wants */
	assert_int_equal(tt_state(&t, t.conn), TCP_FIN_WAIT_2);
	tcp_close(t.s, t.conn);
	tt_wait(&t, 59000);
	assert_int_equal(tt_state(&t, t.conn), TCP_FIN_WAIT_2);
	tt_wait(&t, 2000);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rto_series),
	        cmocka_unit_test(test_gives_up),
	        cmocka_unit_test(test_user_timeout_before_output),
	        cmocka_unit_test(test_user_timeout_after_release),
	        cmocka_unit_test(test_user_timeout_while_held),
	        cmocka_unit_test(test_orphan_with_a_closed_window_ends),
	        cmocka_unit_test(test_keepalive),
	        cmocka_unit_test(test_half_open_gives_up),
	        cmocka_unit_test(test_connect_times_out),
	        cmocka_unit_test(test_fin_wait_2_of_an_orphan_ends),
	};

	return cmocka_run_group_tests_name("tcp fire", tests, NULL, NULL);
}
