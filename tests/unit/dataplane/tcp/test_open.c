/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that open and close: what is refused at once, half-close, abort, a listener that goes. */
#include "tcptest.h"

#include <errno.h>

static void test_invalid_remote(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;
	uint32_t conn = 7;

	(void)state;
	tt_cfg(&cfg);
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, cfg.max_peers, 80, &conn), -EINVAL);
	assert_int_equal(conn, TCP_NO_CONN);
	assert_int_equal(tcp_connect(t.s, UINT32_MAX, 80, &conn), -EINVAL);
	assert_int_equal(tcp_connect(t.s, cfg.max_peers - 1, 80, &conn), -EINVAL);
	assert_int_equal(tcp_connect(t.s, TT_PEER, 0, &conn), -EINVAL);
	tt_quiet(&t);
	assert_int_equal(tcp_connect(t.s, TT_PEER, 80, &conn), 0);
	tt_free(&t);
}

static void test_simultaneous_close(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_CLOSING);
	tt_in(&t, TCP_ACK, 2, 2, NULL, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_TIME_WAIT);
	tt_free(&t);
}

static void test_half_close(void **state)
{
	struct tt t;
	char b[16];

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_FIN_WAIT_2);
	tt_data(&t, TCP_ACK, 1, 2, 10);
	assert_int_equal(tcp_recv(t.s, t.conn, b, sizeof(b)), 10);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), -EPIPE);
	tt_wait(&t, 100);
	tt_expect(&t, TCP_ACK, 2, 11, 0);
	tt_in(&t, TCP_FIN | TCP_ACK, 11, 2, NULL, 0);
	tt_expect(&t, TCP_ACK, 2, 12, 0);
	assert_int_equal(tcp_recv(t.s, t.conn, b, sizeof(b)), 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_TIME_WAIT);
	tt_free(&t);
}

static void test_close_wait_still_sends(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_CLOSE_WAIT);
	assert_true(tt_event(&t, t.conn) & TCP_EV_HANGUP);
	assert_int_equal(tcp_send(t.s, t.conn, "hello", 5), 5);
	tt_expect(&t, TCP_ACK, 1, 2, 5);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	tt_expect(&t, TCP_FIN | TCP_ACK, 6, 2, 0);
	tt_in(&t, TCP_ACK, 2, 7, NULL, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
	tt_free(&t);
}

static void test_abort_and_close_unread(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_ESTABLISHED);
	assert_int_equal(tcp_abort(t.s, t.conn), 0);
	tt_expect(&t, TCP_RST | TCP_ACK, 1, 1, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSED);
	t.rport++;
	tt_establish_passive(&t);
	tt_data(&t, TCP_ACK, 1, 1, 10);
	assert_int_equal(tcp_close(t.s, t.conn), 0); /* unread data: RFC 2525 */
	tt_expect(&t, TCP_RST | TCP_ACK, 1, 11, 0);
	t.rport++;
	tt_establish_passive(&t);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	tt_expect(&t, TCP_FIN | TCP_ACK, 1, 1, 0);
	tt_data(&t, TCP_ACK, 1, 2, 10); /* data after close */
	tt_expect(&t, TCP_RST | TCP_ACK, 2, 1, 0);
	tt_free(&t);
}

static void test_listener_close_resets_children(void **state)
{
	struct tcp_counters k;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 2, &t.listener), 0);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_SYN | TCP_ACK, 0, 1, 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_close(t.s, t.listener), 0);
	tt_expect(&t, TCP_RST | TCP_ACK, 1, 1, 0);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.conns, 0);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_invalid_remote),
	        cmocka_unit_test(test_simultaneous_close),
	        cmocka_unit_test(test_half_close),
	        cmocka_unit_test(test_close_wait_still_sends),
	        cmocka_unit_test(test_abort_and_close_unread),
	        cmocka_unit_test(test_listener_close_resets_children),
	};

	return cmocka_run_group_tests_name("tcp open", tests, NULL, NULL);
}
