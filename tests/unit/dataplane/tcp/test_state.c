/* SPDX-License-Identifier: BSD-3-Clause */
/* The state machine of RFC 9293: opening, closing, resets and blind attacks in every state. */
#include "tcptest.h"

#include <errno.h>
#include <string.h>

static void start(struct tt *t)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	tt_init(t, &cfg);
}

static void test_reach_every_state(void **state)
{
	static const enum tcp_state all[] = {TCP_SYN_SENT,   TCP_SYN_RCVD,   TCP_ESTABLISHED,
	                                     TCP_FIN_WAIT_1, TCP_FIN_WAIT_2, TCP_CLOSE_WAIT,
	                                     TCP_CLOSING,    TCP_LAST_ACK,   TCP_TIME_WAIT};

	(void)state;
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		struct tt t;

		start(&t);
		tt_to_state(&t, all[i]);
		tt_quiet(&t);
		assert_int_equal(tt_state(&t, t.conn), all[i]);
		tt_free(&t);
	}
}

static void test_refused(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
	tt_to_state(&t, TCP_SYN_SENT);
	tt_in(&t, TCP_RST | TCP_ACK, 0, 1, NULL, 0);
	assert_int_equal(tt_event(&t, t.conn), TCP_EV_RESET | TCP_EV_ERROR);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), -ECONNREFUSED);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), -EPIPE);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	assert_int_equal(tcp_close(t.s, t.conn), -EBADF);
	tt_free(&t);
}

static void test_rst_for_closed_port(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_RST | TCP_ACK, 0u - t.iss, 1, 0); /* seq 0, absolute */
	tt_in(&t, TCP_ACK, 5, 77, NULL, 0);
	tt_expect(&t, TCP_RST, 77, 0, 0);
	tt_in(&t, TCP_RST, 5, 0, NULL, 0);
	tt_quiet(&t);
	tt_free(&t);
}

static void test_bad_ack_in_syn_sent(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
	tt_to_state(&t, TCP_SYN_SENT);
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 77, NULL, 0);
	tt_expect(&t, TCP_RST, 77, 0, 0);
	tt_in(&t, TCP_RST | TCP_ACK, 0, 77, NULL, 0);
	tt_quiet(&t);
	assert_int_equal(tt_state(&t, t.conn), TCP_SYN_SENT);
	tt_in(&t, TCP_RST, 0, 0, NULL, 0); /* without ACK: not believed */
	assert_int_equal(tt_state(&t, t.conn), TCP_SYN_SENT);
	tt_free(&t);
}

static void test_simultaneous_open(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
	tt_to_state(&t, TCP_SYN_RCVD);
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_ESTABLISHED);
	assert_int_equal(tt_event(&t, t.conn), TCP_EV_CONNECTED);
	tt_free(&t);
}

static void test_simultaneous_close(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
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
	start(&t);
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
	start(&t);
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

static void test_time_wait(void **state)
{
	struct tcp_counters k;
	struct tt t;

	(void)state;
	start(&t);
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

static void test_time_wait_reopened_by_newer_syn(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
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

		start(&t);
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

		start(&t);
		tt_to_state(&t, all[i]);
		tt_in(&t, TCP_SYN, 700, 0, NULL, 0);
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.flags, TCP_ACK);
		assert_int_equal(tt_state(&t, t.conn), all[i]);
		tt_free(&t);
	}
}

static void test_challenges_are_rate_limited(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	unsigned out = 0;
	struct tt t;

	(void)state;
	start(&t);
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

static void test_blind_ack(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
	tt_to_state(&t, TCP_ESTABLISHED);
	tt_data(&t, TCP_ACK, 1, 5000, 10); /* acknowledges what was never sent */
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_data(&t, TCP_ACK, 1, 0u - 100000, 10); /* far too old */
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_free(&t);
}

static void test_no_ack_war(void **state)
{
	struct tt_seg o;
	unsigned out = 0;
	struct tt t;

	(void)state;
	start(&t);
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

static void test_backlog(void **state)
{
	struct tcp_counters k;
	struct tcp_cfg cfg;
	uint32_t c;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.syn_cookies = TCP_COOKIES_NEVER;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 2, &t.listener), 0);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 2, &c), -EADDRINUSE);
	for (unsigned i = 0; i < 3; i++) {
		t.rport = (uint16_t)(6000 + i);
		tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
		if (i < 2)
			tt_expect(&t, TCP_SYN | TCP_ACK, 0, 1, 0);
	}
	tt_quiet(&t);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.drop_backlog, 1);
	/* The last one's handshake is finished and it is accepted: there is room again. */
	t.rport = 6001;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_true(tt_event(&t, t.listener) & TCP_EV_ACCEPTABLE);
	assert_int_equal(tcp_accept(t.s, t.listener, &c), 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &t.conn), -EAGAIN);
	t.rport = 6002;
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_SYN | TCP_ACK, 0, 1, 0);
	tt_free(&t);
}

static void test_half_open_gives_up(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	unsigned n = 0;
	struct tt t;

	(void)state;
	start(&t);
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
	start(&t);
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

static void test_abort_and_close_unread(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
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

static void test_fin_wait_2_of_an_orphan_ends(void **state)
{
	struct tt t;

	(void)state;
	start(&t);
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

static void test_listener_close_resets_children(void **state)
{
	struct tcp_counters k;
	struct tt t;

	(void)state;
	start(&t);
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

static void test_stale_handles(void **state)
{
	uint32_t old;
	struct tt t;

	(void)state;
	start(&t);
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

static void test_unreachable(void **state)
{
	struct tcp_event ev;
	struct tt t;

	(void)state;
	start(&t);
	tt_to_state(&t, TCP_ESTABLISHED);
	t.lport = 0;
	tt_event(&t, t.conn);
	{
		uint32_t c;

		assert_int_equal(tcp_connect(t.s, TT_PEER, 81, &c), 0);
		tcp_peer_unreachable(t.s, TT_PEER, EHOSTUNREACH);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_reach_every_state),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_rst_for_closed_port),
	        cmocka_unit_test(test_bad_ack_in_syn_sent),
	        cmocka_unit_test(test_simultaneous_open),
	        cmocka_unit_test(test_simultaneous_close),
	        cmocka_unit_test(test_half_close),
	        cmocka_unit_test(test_close_wait_still_sends),
	        cmocka_unit_test(test_time_wait),
	        cmocka_unit_test(test_time_wait_reopened_by_newer_syn),
	        cmocka_unit_test(test_rst_exact_in_every_state),
	        cmocka_unit_test(test_syn_challenged_in_every_state),
	        cmocka_unit_test(test_challenges_are_rate_limited),
	        cmocka_unit_test(test_blind_ack),
	        cmocka_unit_test(test_no_ack_war),
	        cmocka_unit_test(test_backlog),
	        cmocka_unit_test(test_half_open_gives_up),
	        cmocka_unit_test(test_connect_times_out),
	        cmocka_unit_test(test_abort_and_close_unread),
	        cmocka_unit_test(test_fin_wait_2_of_an_orphan_ends),
	        cmocka_unit_test(test_listener_close_resets_children),
	        cmocka_unit_test(test_stale_handles),
	        cmocka_unit_test(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
