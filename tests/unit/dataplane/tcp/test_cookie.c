/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN cookies: what they carry, how old they may be, that they cannot be guessed, that a flood costs nothing. */
#include "tcptest.h"

#include <errno.h>
#include <string.h>

static void start(struct tt *t, uint8_t cookies, bool timestamps)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.syn_cookies = cookies;
	cfg.window_scale = cfg.sack = true;
	cfg.timestamps = timestamps;
	cfg.ecn = TCP_ECN_PASSIVE;
	cfg.rcvbuf_max = 1 << 20;
	tt_init(t, &cfg);
	t->wscale = 7;
	t->sack_ok = true;
	t->ts_val = timestamps ? 5000 : 0;
	assert_int_equal(tcp_listen(t->s, TT_PORT, 2, &t->listener), 0);
}

/* SYN and the cookie that answers it. */
static struct tt_seg ask(struct tt *t, uint8_t flags)
{
	struct tt_seg o;

	tt_in(t, TCP_SYN | flags, 0, 0, NULL, 0);
	assert_true(tt_out(t, &o));
	assert_int_equal(o.flags & (TCP_SYN | TCP_ACK), TCP_SYN | TCP_ACK);
	assert_int_equal(o.ack, 1);
	t->ts_ecr = o.o.ts_val;
	return o;
}

static struct tcp_info accepted(struct tt *t)
{
	struct tcp_info i;

	assert_int_equal(tcp_accept(t->s, t->listener, &t->conn), 0);
	assert_int_equal(tcp_info(t->s, t->conn, &i), 0);
	assert_int_equal(i.state, TCP_ESTABLISHED);
	return i;
}

/* Everything the SYN offered is there in the connection that its cookie makes, with timestamps and without. */
static void carries(bool timestamps)
{
	struct tcp_info i;
	struct tt_seg o;
	struct tt t;

	start(&t, TCP_COOKIES_ALWAYS, timestamps);
	t.mss = 950;
	o = ask(&t, TCP_ECE | TCP_CWR);
	assert_int_equal(o.o.ts, timestamps);
	assert_true(o.o.sack_ok && o.o.wscale == 5 && o.o.mss == 1000);
	assert_int_equal(o.flags & (TCP_ECE | TCP_CWR), TCP_ECE);
	assert_int_equal(tt_counters(&t).conns, 1); /* the listener: no state */
	t.now += 30 * NS_PER_S;
	t.wnd = 100;
	tt_data(&t, TCP_ACK, 1, 1, 10);
	i = accepted(&t);
	assert_true(i.cookie && i.sack && i.ecn && i.window_scale);
	assert_int_equal(i.timestamps, timestamps);
	assert_int_equal(i.snd_wscale, 7);
	assert_int_equal(i.snd_wnd, 100 << 7);
	assert_int_equal(i.peer_mss, 900); /* rounded down */
	assert_int_equal(i.rcv_queued, 10);
	assert_int_equal(i.srtt_ns, 0);
	t.wnd = 30000;
	tt_free(&t);
}

static void test_carries_with_timestamps(void **state)
{
	(void)state;
	carries(true);
}

static void test_carries_without_timestamps(void **state)
{
	(void)state;
	carries(false);
}

static void test_plain_syn(void **state)
{
	struct tcp_info i;
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_ALWAYS, true);
	t.wscale = -1;
	t.sack_ok = false;
	t.ts_val = 0;
	t.mss = 0;
	ask(&t, 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	i = accepted(&t);
	assert_false(i.sack || i.ecn || i.window_scale || i.timestamps);
	assert_int_equal(i.peer_mss, 536);
	assert_int_equal(i.rcv_wscale, 0);
	tt_free(&t);
}

/* Our timestamps go on from the cookie's. */
static void test_timestamps_do_not_go_back(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_ALWAYS, true);
	ask(&t, 0);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	tt_data(&t, TCP_ACK, 1001, 1, 1000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.ack, 2001);
	assert_true((int32_t)(o.o.ts_val - t.ts_ecr) >= 0);
	tt_free(&t);
}

static void test_grows_old(void **state)
{
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_ALWAYS, false);
	ask(&t, 0);
	t.now += 140 * NS_PER_S; /* two periods */
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_expect(&t, TCP_RST, 1, 0, 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &t.conn), -EAGAIN);
	tt_free(&t);
}

/* Every other ACK number is refused; a cookie is bound to ports and to the peer's own number. */
static void test_is_not_guessed(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_ALWAYS, false);
	ask(&t, 0);
	for (uint32_t i = 0; i < 2000; i++) {
		tt_in(&t, TCP_ACK, 1, 2 + i * 1000003u, NULL, 0);
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.flags, TCP_RST);
	}
	tt_in(&t, TCP_ACK, 2, 1, NULL, 0);
	assert_true(tt_out(&t, &o) && o.flags == TCP_RST);
	t.rport++;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_true(tt_out(&t, &o) && o.flags == TCP_RST);
	k = tt_counters(&t);
	assert_int_equal(k.cookies_bad, 2002);
	assert_int_equal(k.conns, 1);
	t.rport--;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	accepted(&t);
	tt_free(&t);
}

/* In the ordinary mode no ACK is even looked at unless cookies went out lately. */
static void test_only_while_out(void **state)
{
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_FULL, false);
	t.iss = 1000;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_expect(&t, TCP_RST, 1, 0, 0);
	assert_int_equal(tt_counters(&t).cookies_bad, 0);
	tt_free(&t);
}

/* Half-open connections fill the backlog: cookies from then on, and the half-open ones are still completed. */
static void test_when_full(void **state)
{
	uint32_t first_iss;
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_FULL, true);
	for (unsigned i = 0; i < 2; i++) {
		t.rport = (uint16_t)(6000 + i);
		ask(&t, 0);
	}
	first_iss = t.iss;
	assert_int_equal(tt_counters(&t).cookies_out, 0);
	t.rport = 6002;
	ask(&t, 0);
	assert_int_equal(tt_counters(&t).cookies_out, 1);
	assert_int_equal(tt_counters(&t).conns, 3);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_true(accepted(&t).cookie);
	t.rport = 6001;
	t.iss = first_iss;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_false(accepted(&t).cookie);
	tt_free(&t);
}

/* An application that does not accept is not helped by more connections. */
static void test_full_accept_queue(void **state)
{
	struct tcp_counters k;
	uint32_t c;
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_ALWAYS, true);
	for (unsigned i = 0; i < 2; i++) {
		t.rport = (uint16_t)(6000 + i);
		ask(&t, 0);
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	}
	t.rport = 6002;
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_quiet(&t);
	k = tt_counters(&t);
	assert_int_equal(k.drop_backlog, 1);
	assert_int_equal(tcp_accept(t.s, t.listener, &c), 0);
	ask(&t, 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tt_counters(&t).cookies_in, 3);
	tt_free(&t);
}

static void test_no_slot(void **state)
{
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_FULL, true);
	for (unsigned i = 0; i < 31; i++) {
		uint32_t c;

		assert_int_equal(tcp_connect(t.s, TT_PEER, 99, &c), 0);
	}
	for (struct tt_seg o; tt_out(&t, &o);)
		;
	ask(&t, 0);
	assert_int_equal(tt_counters(&t).cookies_out, 1);
	tt_free(&t);
}

/* 10^6 SYNs from other ports and peers' numbers; then an honest client. */
static void test_flood(void **state)
{
	struct tcp_counters before, k;
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, TCP_COOKIES_FULL, true);
	before = tt_counters(&t);
	for (uint32_t i = 0; i < 1000000; i++) {
		t.rport = (uint16_t)(1024 + i % 60000);
		t.irs = i * 2654435761u;
		tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
		while (tt_out(&t, &o))
			;
		if (i % 1000 == 0)
			t.now += NS_PER_MS;
	}
	k = tt_counters(&t);
	assert_int_equal(k.conns, before.conns + 2); /* the backlog */
	assert_int_equal(k.chunks_used, 0);
	assert_true(k.cookies_out > 990000);
	t.rport = 900;
	t.ts_val = 77;
	ask(&t, 0);
	t.now += 50 * NS_PER_MS;
	tt_data(&t, TCP_ACK, 1, 1, 100);
	assert_int_equal(accepted(&t).rcv_queued, 100);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_carries_with_timestamps),
	        cmocka_unit_test(test_carries_without_timestamps),
	        cmocka_unit_test(test_plain_syn),
	        cmocka_unit_test(test_timestamps_do_not_go_back),
	        cmocka_unit_test(test_grows_old),
	        cmocka_unit_test(test_is_not_guessed),
	        cmocka_unit_test(test_only_while_out),
	        cmocka_unit_test(test_when_full),
	        cmocka_unit_test(test_full_accept_queue),
	        cmocka_unit_test(test_no_slot),
	        cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests_name("tcp cookies", tests, NULL, NULL);
}
