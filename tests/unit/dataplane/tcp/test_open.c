/* SPDX-License-Identifier: BSD-3-Clause */
/* Calls that open and close: what is refused at once, half-close, abort, a listener that goes. */
#include "tcptest.h"
#include "tcp/charge.h"

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

/* A stack that keeps no more for a listener than its backlog, listening with that. */
static void listening(struct tt *t, uint32_t backlog)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.syn_cookies = TCP_COOKIES_NEVER;
	cfg.backlog_max = 3;
	tt_init(t, &cfg);
	assert_int_equal(tcp_listen(t->s, TT_PORT, backlog, &t->listener), 0);
}

/* A SYN from the next port: whether it is answered. */
static bool knocks(struct tt *t)
{
	struct tt_seg o;
	bool answered;

	t->rport++;
	tt_in(t, TCP_SYN, 0, 0, NULL, 0);
	answered = tt_out(t, &o);
	tt_quiet(t);
	return answered;
}

static void test_set_backlog(void **state)
{
	struct tt t;
	uint32_t conn;

	(void)state;
	listening(&t, 1);
	assert_int_equal(tcp_set_backlog(t.s, TCP_NO_CONN, 2), -EBADF);
	assert_true(knocks(&t));
	assert_false(knocks(&t));
	/* A larger one lets more in; those that wait stay when it becomes smaller, and nobody comes before there is room. */
	assert_int_equal(tcp_set_backlog(t.s, t.listener, 2), 0);
	assert_true(knocks(&t));
	assert_false(knocks(&t));
	assert_int_equal(tcp_set_backlog(t.s, t.listener, 1), 0);
	assert_int_equal(tt_counters(&t).conns, 3);
	assert_false(knocks(&t));
	t.rport -= 2;
	tt_in(&t, TCP_RST, 1, 0, NULL, 0);
	assert_int_equal(tt_counters(&t).conns, 2);
	t.rport += 2;
	assert_false(knocks(&t));
	/* As with tcp_listen(): at least one, and at most what the stack is configured for. */
	assert_int_equal(tcp_set_backlog(t.s, t.listener, UINT32_MAX), 0);
	assert_true(knocks(&t));
	assert_true(knocks(&t));
	assert_false(knocks(&t));
	assert_int_equal(tt_counters(&t).drop_backlog, 5);
	assert_int_equal(tcp_close(t.s, t.listener), 0);
	tt_drain(&t);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 3, &t.listener), 0);
	assert_int_equal(tcp_set_backlog(t.s, t.listener, 0), 0);
	assert_true(knocks(&t));
	assert_false(knocks(&t));
	assert_int_equal(tcp_connect(t.s, TT_PEER, 80, &conn), 0);
	assert_int_equal(tcp_set_backlog(t.s, conn, 2), -EINVAL);
	tt_free(&t);
}

/* What waits at a listener is paid for by whoever listens, whether it is half open or not; what is accepted, by whoever accepts. */
static void test_charge_of_a_listener(void **state)
{
	struct tcp_charge charge = {.most = 2};
	struct tt t;
	uint32_t conn;

	(void)state;
	listening(&t, 3);
	assert_int_equal(tcp_set_charge(t.s, TCP_NO_CONN, &charge), -EBADF);
	assert_int_equal(tcp_set_charge(t.s, t.listener, &charge), 0);
	assert_false(tcp_take_charge(t.s, t.listener));
	assert_int_equal(tcp_charge_held(&charge), 0);
	assert_true(knocks(&t));
	assert_true(knocks(&t));
	assert_int_equal(tcp_charge_held(&charge), 2);
	assert_false(knocks(&t));
	assert_int_equal(tt_counters(&t).drop_charge, 1);
	assert_int_equal(tt_counters(&t).drop_backlog, 0);
	t.rport--;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &conn), 0);
	assert_int_equal(tcp_charge_held(&charge), 2);
	assert_true(tcp_take_charge(t.s, conn));
	assert_false(tcp_take_charge(t.s, conn));
	assert_int_equal(tcp_charge_held(&charge), 2); /* it is the caller's now */
	tcp_charge_release(&charge);
	assert_int_equal(tcp_abort(t.s, conn), 0);
	assert_int_equal(tcp_charge_held(&charge), 1);
	assert_int_equal(tcp_close(t.s, t.listener), 0);
	assert_int_equal(tcp_charge_held(&charge), 0);
	tt_free(&t);
}

/* A cookie keeps no state, so it is paid for when it comes back; no cookie is sent where nobody could pay. */
static void test_charge_of_a_cookie(void **state)
{
	struct tcp_charge charge = {.most = 1};
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.syn_cookies = TCP_COOKIES_ALWAYS;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 2, &t.listener), 0);
	assert_int_equal(tcp_set_charge(t.s, t.listener, &charge), 0);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	assert_true(tt_out(&t, &o));
	assert_int_equal(tcp_charge_held(&charge), 0);
	tt_in(&t, TCP_ACK, 1, o.seq + 1, NULL, 0);
	assert_int_equal(tcp_charge_held(&charge), 1);
	assert_int_equal(tt_counters(&t).cookies_in, 1);
	tt_free(&t);
}

/* What was closed and is not over yet is paid for until it is: until TIME-WAIT, where it gives way to anybody. */
static void test_charge_of_what_is_left(void **state)
{
	struct tcp_charge charge = {.most = 1}, other = {0};
	struct tcp_cfg cfg;
	struct tt t;
	uint64_t conns;

	(void)state;
	tt_cfg(&cfg);
	tt_start(&t, false);
	tt_to_state(&t, TCP_FIN_WAIT_2);
	conns = tt_counters(&t).conns;
	tcp_charge_add(&charge);
	assert_int_equal(tcp_set_charge(t.s, t.conn, &charge), 0);
	assert_int_equal(tcp_charge_held(&charge), 2); /* it is counted beyond the most, too */
	assert_int_equal(tcp_set_charge(t.s, t.conn, &other), 0);
	assert_int_equal(tcp_charge_held(&charge), 1);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	assert_int_equal(tcp_charge_held(&other), 1);
	tt_in(&t, TCP_FIN | TCP_ACK, 1, 2, NULL, 0);
	assert_int_equal(tt_counters(&t).conns, conns);
	assert_int_equal(tcp_charge_held(&other), 0);
	tt_free(&t);
	/* A peer that never sends its FIN: the time limit of FIN-WAIT-2 is that of the charge, too. */
	tt_start(&t, false);
	tt_to_state(&t, TCP_FIN_WAIT_2);
	assert_int_equal(tcp_set_charge(t.s, t.conn, &other), 0);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	tt_wait(&t, cfg.fin_wait2_ns / NS_PER_MS - 1);
	assert_int_equal(tcp_charge_held(&other), 1);
	tt_wait(&t, 2);
	assert_int_equal(tcp_charge_held(&other), 0);
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
	        cmocka_unit_test(test_set_backlog),
	        cmocka_unit_test(test_charge_of_a_listener),
	        cmocka_unit_test(test_charge_of_a_cookie),
	        cmocka_unit_test(test_charge_of_what_is_left),
	};

	return cmocka_run_group_tests_name("tcp open", tests, NULL, NULL);
}
