/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers: held, released, on a smaller path, up again, unreachable. */
#include "tcptest.h"

#include <errno.h>

static void test_hold_and_release(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 3);
	tcp_peer_hold(t.s, TT_PEER, true);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 1000), 1000);
	tt_quiet(&t);
	tt_wait(&t, 30000);
	tt_quiet(&t);
	assert_int_equal(tt_info(&t).rtos, 0);
	tcp_peer_hold(t.s, TT_PEER, false);
	for (unsigned i = 0; i < 4; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 4001, NULL, 0);
	assert_false(tt_out(&t, &o));
	tt_free(&t);
}

static void test_connect_while_held(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tcp_peer_hold(t.s, TT_PEER, true);
	assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
	assert_int_equal(tcp_send(t.s, t.conn, "hi", 2), 2);
	tt_wait(&t, 5000);
	tt_quiet(&t);
	tcp_peer_hold(t.s, TT_PEER, false);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.flags, TCP_SYN);
	assert_false(o.retransmit);
	t.lport = o.lport;
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 2);
	tt_free(&t);
}

static void test_path_up_sends_at_once(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 3);
	for (unsigned i = 0; i < 4; i++) {
		tt_wait(&t, 10000);
		tt_expect(&t, TCP_ACK, 1, 1, 1000);
	}
	tt_quiet(&t);
	t.now += NS_PER_MS;
	tcp_path_up(t.s, TT_PEER);
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(tt_info(&t).rto_ns, 200 * NS_PER_MS);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	tt_free(&t);
}

static void test_mtu_shrinks(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 3);
	tcp_peer_mtu(t.s, TT_PEER, 600);
	for (unsigned i = 0; i < 5; i++)
		tt_expect(&t, TCP_ACK, 1 + 600 * i, 1, 600);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* acknowledged by old borders */
	tt_in(&t, TCP_ACK, 1, 3001, NULL, 0);
	tt_quiet(&t);
	assert_int_equal(tt_info(&t).snd_queued, 0);
	assert_false(tt_info(&t).timer_rtx);
	tt_free(&t);
}

static void test_unreachable(void **state)
{
	struct tcp_event ev;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_ESTABLISHED);
	t.lport = 0;
	tt_event(&t, t.conn);
	{
		uint32_t c;

		assert_int_equal(tcp_connect(t.s, TT_PEER, 81, &c), 0);
		tcp_peer_unreachable(t.s, TT_PEER, EHOSTUNREACH, 0, INT64_MAX,
		                     (struct instant){t.now});
		for (unsigned i = 0; i < 2; i++) {
			assert_true(tcp_event_next(t.s, &ev));
			assert_true(ev.conn == c || ev.conn == t.conn);
			/* The opening ends, the established one is warned. */
			assert_int_equal(ev.flags, ev.conn == c ? TCP_EV_ERROR : TCP_EV_WARNING);
			assert_int_equal(ev.error, EHOSTUNREACH);
		}
		assert_false(tcp_event_next(t.s, &ev));
	}
	assert_int_equal(tt_state(&t, t.conn), TCP_ESTABLISHED);
	tcp_peer_clear(t.s, TT_PEER, ENETDOWN);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
	tt_free(&t);
}

/* What was open ends without a segment, and what was being opened asks again at once. */
static void test_restarted(void **state)
{
	struct tcp_event ev;
	struct tt_seg o;
	uint32_t opening;
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 3);
	tt_event(&t, t.conn);
	assert_int_equal(tcp_connect(t.s, TT_PEER, 81, &opening), 0);
	assert_true(tt_out(&t, &o));
	tcp_peer_restarted(t.s, TT_PEER);
	assert_true(tcp_event_next(t.s, &ev));
	assert_int_equal(ev.conn, t.conn);
	assert_int_equal(ev.flags, TCP_EV_ERROR);
	assert_int_equal(ev.error, ECONNRESET);
	assert_false(tcp_event_next(t.s, &ev));
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.flags, TCP_SYN);
	assert_int_equal(tt_state(&t, opening), TCP_SYN_SENT);
	tt_quiet(&t);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_hold_and_release),
	        cmocka_unit_test(test_connect_while_held),
	        cmocka_unit_test(test_path_up_sends_at_once),
	        cmocka_unit_test(test_mtu_shrinks),
	        cmocka_unit_test(test_unreachable),
	        cmocka_unit_test(test_restarted),
	};

	return cmocka_run_group_tests_name("tcp peer", tests, NULL, NULL);
}
