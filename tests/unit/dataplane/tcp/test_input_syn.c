/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival while a connection is being opened: options and ECN of the SYN, backlog, loss, refusal. */
#include "tcptest.h"

#include <errno.h>

static void test_ecn_modes(void **state)
{
	static const uint8_t asks[] = {0, TCP_ECE | TCP_CWR, 0};
	struct tt_seg o;

	(void)state;
	for (uint8_t mode = TCP_ECN_OFF; mode <= TCP_ECN_PASSIVE; mode++) {
		struct tcp_cfg cfg;
		struct tt t;

		tt_cfg(&cfg);
		cfg.ecn = mode;
		tt_init(&t, &cfg);
		assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.flags, TCP_SYN | asks[mode]);
		assert_int_equal(o.ecn, TCP_NOT_ECT);
		t.lport = o.lport;
		tt_in(&t, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, NULL, 0);
		assert_int_equal(tt_info(&t).ecn, mode == TCP_ECN_ON);
		tt_free(&t);
		/* Asked: answered in both modes, not when off. */
		tt_init(&t, &cfg);
		assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
		tt_in(&t, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, NULL, 0);
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.flags, TCP_SYN | TCP_ACK | (mode == TCP_ECN_OFF ? 0 : TCP_ECE));
		tt_free(&t);
	}
}

/* A SYN that was lost is asked again without ECN; an answer that echoes both flags is no answer (some servers reflect). */
static void test_ecn_falls_back(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.ecn = TCP_ECN_ON;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
	assert_true(tt_out(&t, &o));
	t.lport = o.lport;
	tt_wait(&t, 2000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.flags, TCP_SYN);
	tt_in(&t, TCP_SYN | TCP_ACK | TCP_ECE | TCP_CWR, 0, 1, NULL, 0);
	assert_false(tt_info(&t).ecn);
	tt_free(&t);
}

static void test_syn_lost(void **state)
{
	struct tt_seg o;
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
	assert_true(tt_out(&t, &o));
	t.lport = o.lport;
	tt_wait(&t, 2000);
	assert_true(tt_out(&t, &o) && o.flags == TCP_SYN);
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	/* No sample (Karn), so RFC 6298 5.7; one loss does not shrink the initial window (RFC 6928). */
	assert_int_equal(tt_info(&t).srtt_ns, 0);
	assert_int_equal(tt_info(&t).rto_ns, 3 * NS_PER_S);
	assert_int_equal(tt_info(&t).cwnd, 10000);
	tt_free(&t);
}

static void test_syn_lost_twice(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.timestamps = true;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
	assert_true(tt_out(&t, &o));
	t.lport = o.lport;
	for (unsigned i = 0; i < 2; i++) {
		tt_wait(&t, 5000);
		assert_true(tt_out(&t, &o) && o.flags == TCP_SYN);
	}
	t.now += 30 * NS_PER_MS;
	t.ts_val = 1;
	t.ts_ecr = o.o.ts_val;
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	/* Its timestamp tells which SYN was answered. */
	assert_in_range(tt_info(&t).srtt_ns, 29 * NS_PER_MS, 31 * NS_PER_MS);
	assert_int_equal(tt_info(&t).cwnd, tt_info(&t).mss);
	tt_free(&t);
}

static void test_options_of_the_syn(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.timestamps = cfg.sack = cfg.window_scale = true;
	cfg.rcvbuf_max = 4 << 20;
	cfg.chunks = 4096;
	tt_init(&t, &cfg);
	t.wscale = 3;
	t.sack_ok = true;
	t.ts_val = 77;
	assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	assert_true(tt_out(&t, &o));
	assert_true(o.o.sack_ok && o.o.ts && o.o.wscale == 6 + 1 && o.o.mss == 1000);
	assert_int_equal(o.o.ts_ecr, 77);
	tt_free(&t);
	/* Nothing offered, nothing answered. */
	tt_init(&t, &cfg);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
	t.mss = 400;
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	assert_true(tt_out(&t, &o));
	assert_false(o.o.sack_ok || o.o.ts || o.o.wscale >= 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &t.conn), 0);
	{
		static const char zeros[1000];

		tcp_send(t.s, t.conn, zeros, sizeof(zeros));
	}
	tt_expect(&t, TCP_ACK, 1, 1, 400);
	tt_free(&t);
}

static void test_refused(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_SYN_SENT);
	tt_in(&t, TCP_RST | TCP_ACK, 0, 1, NULL, 0);
	assert_int_equal(tt_event(&t, t.conn), TCP_EV_RESET | TCP_EV_ERROR);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), -ECONNREFUSED);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), -EPIPE);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	assert_int_equal(tcp_close(t.s, t.conn), -EBADF);
	tt_free(&t);
}

static void test_bad_ack_in_syn_sent(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
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
	tt_start(&t, false);
	tt_to_state(&t, TCP_SYN_RCVD);
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_ESTABLISHED);
	assert_int_equal(tt_event(&t, t.conn), TCP_EV_CONNECTED);
	tt_free(&t);
}

/* The path is told to be up, which has the SYN sent again, and the answer to the first one arrives before that has left. */
static void test_answer_before_the_syn_again(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_SYN_SENT);
	tcp_path_up(t.s, TT_PEER);
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_quiet(&t);
	assert_false(tt_info(&t).timer_rtx);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), 1);
	tt_expect(&t, TCP_ACK, 1, 1, 1);
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

/* Twenty-four ask a listener with a backlog of four, all of those that are answered complete the opening, in every order of the two kinds,
 * and nobody accepts: never do more than four wait. */
static void unaccepted(enum tcp_cookies cookies, bool newest_first)
{
	uint32_t iss[24], c, n = 0;
	bool answered[24];
	struct tt_seg o;
	struct tcp_cfg cfg;
	struct tt t;

	tt_cfg(&cfg);
	cfg.syn_cookies = cookies;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 4, &t.listener), 0);
	for (unsigned i = 0; i < 24; i++) {
		t.rport = (uint16_t)(6000 + i);
		tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
		answered[i] = tt_out(&t, &o);
		iss[i] = t.iss;
	}
	for (unsigned i = 0; i < 24; i++) {
		unsigned k = newest_first ? 23 - i : i;

		if (!answered[k])
			continue;
		t.rport = (uint16_t)(6000 + k);
		t.iss = iss[k];
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		while (tt_out(&t, &o))
			;
	}
	assert_int_equal(tt_counters(&t).opened_passive, 4);
	while (tcp_accept(t.s, t.listener, &c) == 0)
		n++;
	assert_int_equal(n, 4);
	tt_free(&t);
}

static void test_never_more_unaccepted_than_the_backlog(void **state)
{
	(void)state;
	for (int cookies = TCP_COOKIES_NEVER; cookies <= TCP_COOKIES_ALWAYS; cookies++) {
		unaccepted((enum tcp_cookies)cookies, false);
		unaccepted((enum tcp_cookies)cookies, true);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_bad_ack_in_syn_sent),
	        cmocka_unit_test(test_simultaneous_open),
	        cmocka_unit_test(test_answer_before_the_syn_again),
	        cmocka_unit_test(test_backlog),
	        cmocka_unit_test(test_never_more_unaccepted_than_the_backlog),
	        cmocka_unit_test(test_syn_lost),
	        cmocka_unit_test(test_syn_lost_twice),
	        cmocka_unit_test(test_options_of_the_syn),
	        cmocka_unit_test(test_ecn_modes),
	        cmocka_unit_test(test_ecn_falls_back),
	};

	return cmocka_run_group_tests_name("tcp input_syn", tests, NULL, NULL);
}
