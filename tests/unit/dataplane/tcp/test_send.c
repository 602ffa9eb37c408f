/* SPDX-License-Identifier: BSD-3-Clause */
/* The sending half: retransmission, SACK repair, Nagle, zero window, timers, path signals. */
#include "tcptest.h"

#include <errno.h>
#include <string.h>

static char filler[200000];

static void start(struct tt *t, bool sack)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = sack;
	tt_init(t, &cfg);
	t->sack_ok = sack;
}

static struct tcp_info info(struct tt *t)
{
	struct tcp_info i;

	assert_int_equal(tcp_info(t->s, t->conn, &i), 0);
	return i;
}

/* Sends n full segments and takes them out. */
static void send_segments(struct tt *t, uint32_t first_seq, unsigned n)
{
	assert_int_equal(tcp_send(t->s, t->conn, filler, 1000 * n), 1000 * n);
	for (unsigned i = 0; i < n; i++)
		tt_expect(t, TCP_ACK, first_seq + 1000 * i, 1, 1000);
}

static void test_initial_window_and_growth(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 60000), 60000);
	for (unsigned i = 0; i < 10; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_quiet(&t);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* two acknowledged: four may follow (slow start) */
	for (unsigned i = 10; i < 14; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_quiet(&t);
	tt_free(&t);
}

static void test_rto_series(void **state)
{
	int64_t at[6];
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	send_segments(&t, 1, 2);
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
	assert_int_equal(info(&t).rtos, 5);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0); /* the second is repaired at once, in slow start */
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0);
	assert_false(info(&t).timer_rtx);
	/* RFC 6298 5: doubled until there is a new sample, and copies give none. */
	assert_int_equal(info(&t).rto_ns, (200 * NS_PER_MS) << 5);
	tt_free(&t);
}

static void test_gives_up(void **state)
{
	struct tcp_event ev;
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	tt_event(&t, t.conn);
	tcp_set_opt(t.s, t.conn, TCP_OPT_USER_TIMEOUT_MS, 5000);
	send_segments(&t, 1, 1);
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
	start(&t, false);
	tt_establish_passive(&t);
	tcp_set_opt(t.s, t.conn, TCP_OPT_USER_TIMEOUT_MS, 5000);
	send_segments(&t, 1, 1);
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
	start(&t, false);
	tt_establish_passive(&t);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, filler, 100);
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

static void test_fast_retransmit_newreno(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	send_segments(&t, 1, 10);
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
	assert_int_equal(info(&t).rtos, 0);
	assert_int_equal(info(&t).fast_recoveries, 1);
	assert_false(info(&t).in_recovery);
	tt_free(&t);
}

static void ack_sack(struct tt *t, uint32_t ack, uint32_t start, uint32_t end)
{
	t->sack[0] = (struct tcp_sack_range){start, end};
	t->nsack = 1;
	tt_in(t, TCP_ACK, 1, ack, NULL, 0);
}

static void test_sack_repairs_three_losses_without_rto(void **state)
{
	struct tt_seg o;
	unsigned n = 0;
	bool again[10] = {false};
	struct tt t;

	(void)state;
	start(&t, true);
	tt_establish_passive(&t);
	send_segments(&t, 1, 10);
	t.now += 20 * NS_PER_MS;
	/* 1, 3 and 5 are lost; the others arrive one by one. */
	ack_sack(&t, 1, 1001, 2001);
	ack_sack(&t, 1, 3001, 4001);
	tt_quiet(&t);
	for (unsigned i = 5; i < 10; i++) {
		ack_sack(&t, 1, 5001, 1001 + 1000 * i);
		while (tt_out(&t, &o)) {
			assert_true(o.retransmit);
			assert_false(again[(o.seq - 1) / 1000]);
			again[(o.seq - 1) / 1000] = true;
			n++;
		}
	}
	assert_int_equal(n, 3);
	assert_true(again[0] && again[2] && again[4]);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	tt_quiet(&t);
	assert_int_equal(info(&t).rtos, 0);
	assert_int_equal(info(&t).retransmits, 3);
	assert_int_equal(info(&t).fast_recoveries, 1);
	tt_free(&t);
}

static void test_lost_retransmission_repaired_by_rack(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, true);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 30000), 30000);
	while (tt_out(&t, &o))
		;
	t.now += 20 * NS_PER_MS;
	ack_sack(&t, 1, 1001, 5001); /* 1 lost; retransmitted, and new data with it */
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.seq, 1);
	t.now += NS_PER_MS;
	ack_sack(&t, 1, 1001, 10001);
	while (tt_out(&t, &o))
		assert_true(o.seq >= 10001);
	t.now += 20 * NS_PER_MS;
	ack_sack(&t, 1, 1001,
	         11001); /* sent after the retransmission, arrived before it: lost again */
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(info(&t).rtos, 0);
	tt_free(&t);
}

static void test_reneging(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, true);
	tt_establish_passive(&t);
	send_segments(&t, 1, 4);
	ack_sack(&t, 1, 1001, 4001);
	while (tt_out(&t, &o))
		;
	tt_in(&t, TCP_ACK, 1, 1001, NULL,
	      0); /* the SACKed bytes are not acknowledged: taken back */
	tt_wait(&t, 2000);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	tt_free(&t);
}

static void test_tail_loss_probe(void **state)
{
	struct tcp_cfg cfg;
	int64_t from;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = cfg.tail_loss_probe = true;
	tt_init(&t, &cfg);
	t.sack_ok = true;
	assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_SYN | TCP_ACK, 0, 1, 0);
	t.now += 20 * NS_PER_MS;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &t.conn), 0);
	send_segments(&t, 1, 3);
	from = t.now;
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000); /* the last, after 2 SRTT */
	assert_in_range(t.now - from, 40 * NS_PER_MS, 41 * NS_PER_MS);
	t.now += 20 * NS_PER_MS;
	ack_sack(&t, 1, 2001, 3001); /* it arrived: the two before it are lost */
	tt_wait(&t, 20);
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(info(&t).rtos, 0);
	tt_free(&t);
}

static void test_nagle(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	tcp_set_opt(t.s, t.conn, TCP_OPT_NODELAY, 0);
	tcp_send(t.s, t.conn, filler, 10);
	tt_expect(&t, TCP_ACK, 1, 1, 10); /* nothing outstanding: goes */
	tcp_send(t.s, t.conn, filler, 10);
	tcp_send(t.s, t.conn, filler, 10);
	tt_quiet(&t);
	tt_in(&t, TCP_ACK, 1, 11, NULL, 0);
	tt_expect(&t, TCP_ACK, 11, 1, 20);
	tcp_send(t.s, t.conn, filler, 1500);
	tt_expect(&t, TCP_ACK, 31, 1, 1000);
	tt_quiet(&t);
	tcp_set_opt(t.s, t.conn, TCP_OPT_NODELAY, 1);
	tt_expect(&t, TCP_ACK, 1031, 1, 500);
	tt_free(&t);
}

static void test_zero_window(void **state)
{
	int64_t last;
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	send_segments(&t, 1, 1);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 5000), 5000);
	tt_quiet(&t);
	last = t.now;
	/* One octet of new data, 200 ms doubling to 60 s, and for ever as long as it is answered. */
	for (unsigned i = 0; i < 40; i++) {
		int64_t want = i < 9 ? (200 * NS_PER_MS) << i : 60 * NS_PER_S;

		if (want > 60 * NS_PER_S)
			want = 60 * NS_PER_S;
		tt_wait(&t, 70000);
		tt_expect(&t, TCP_ACK, 1001, 1, 1);
		assert_in_range(t.now - last, want, want + NS_PER_MS);
		last = t.now;
		tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
		tt_quiet(&t);
	}
	assert_int_equal(tt_state(&t, t.conn), TCP_ESTABLISHED);
	t.wnd = 30000;
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	for (unsigned i = 0; i < 5; i++)
		tt_expect(&t, TCP_ACK, 1001 + 1000 * i, 1, 1000);
	tt_free(&t);
}

static void test_zero_window_probe_taken(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	t.wnd = 0;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, "abc", 3);
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 1, 1, 1);
	tt_in(&t, TCP_ACK, 1, 2, NULL, 0); /* the octet was taken; the window stays closed */
	tt_wait(&t, 2000);
	tt_expect(&t, TCP_ACK, 2, 1, 1);
	t.wnd = 1000;
	tt_in(&t, TCP_ACK, 1, 3, NULL, 0);
	tt_expect(&t, TCP_ACK, 3, 1, 1);
	tt_free(&t);
}

static void test_silly_window(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	t.wnd = 300; /* less than a segment, less than half of the largest seen */
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tcp_send(t.s, t.conn, filler, 5000);
	tt_quiet(&t);
	tt_wait(&t, 1000); /* the override timer */
	tt_expect(&t, TCP_ACK, 1, 1, 300);
	tt_free(&t);
}

static void test_window_shrunk(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	send_segments(&t, 1, 5);
	t.wnd = 500;
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tcp_send(t.s, t.conn, filler, 1000);
	tt_quiet(&t);
	tt_wait(&t, 1000); /* what is outstanding is still repaired */
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

static void test_hold_and_release(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, true);
	tt_establish_passive(&t);
	send_segments(&t, 1, 3);
	tcp_peer_hold(t.s, TT_PEER, true);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 1000), 1000);
	tt_quiet(&t);
	tt_wait(&t, 30000);
	tt_quiet(&t);
	assert_int_equal(info(&t).rtos, 0);
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
	start(&t, true);
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
	start(&t, true);
	tt_establish_passive(&t);
	send_segments(&t, 1, 3);
	for (unsigned i = 0; i < 4; i++) {
		tt_wait(&t, 10000);
		tt_expect(&t, TCP_ACK, 1, 1, 1000);
	}
	tt_quiet(&t);
	t.now += NS_PER_MS;
	tcp_path_up(t.s, TT_PEER);
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(info(&t).rto_ns, 200 * NS_PER_MS);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	tt_free(&t);
}

static void test_mtu_shrinks(void **state)
{
	struct tt t;

	(void)state;
	start(&t, true);
	tt_establish_passive(&t);
	send_segments(&t, 1, 3);
	tcp_peer_mtu(t.s, TT_PEER, 600);
	for (unsigned i = 0; i < 5; i++)
		tt_expect(&t, TCP_ACK, 1 + 600 * i, 1, 600);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* acknowledged by old borders */
	tt_in(&t, TCP_ACK, 1, 3001, NULL, 0);
	tt_quiet(&t);
	assert_int_equal(info(&t).snd_queued, 0);
	assert_false(info(&t).timer_rtx);
	tt_free(&t);
}

static void test_keepalive(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false);
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

static void test_ecn(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;
	uint64_t cwnd;

	(void)state;
	tt_cfg(&cfg);
	cfg.ecn = true;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
	tt_in(&t, TCP_SYN | TCP_ECE | TCP_CWR, 0, 0, NULL, 0);
	tt_expect(&t, TCP_SYN | TCP_ACK | TCP_ECE, 0, 1, 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &t.conn), 0);
	tcp_send(t.s, t.conn, filler, 10000);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.ecn, TCP_ECT0);
	}
	cwnd = info(&t).cwnd;
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 1001, NULL, 0);
	assert_true(info(&t).cwnd < cwnd * 6 / 10);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	tcp_send(t.s, t.conn, filler, 1000);
	assert_true(tt_out(&t, &o));
	assert_true(o.flags & TCP_CWR);
	t.ecn = TCP_CE; /* and the other way round */
	tt_data(&t, TCP_ACK, 1, 11001, 100);
	tt_expect(&t, TCP_ACK | TCP_ECE, 11001, 101, 0);
	t.ecn = TCP_ECT0;
	tt_data(&t, TCP_ACK | TCP_CWR, 101, 11001, 1000);
	tt_wait(&t, 100);
	tt_expect(&t, TCP_ACK, 11001, 1101, 0);
	tt_free(&t);
}

static void test_send_buffer(void **state)
{
	void *piece;
	int64_t k;
	struct tt t;

	(void)state;
	start(&t, false);
	tt_establish_passive(&t);
	tt_event(&t, t.conn);
	assert_int_equal(tcp_send(t.s, t.conn, filler, sizeof(filler)), 65000);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 1), -EAGAIN);
	for (unsigned i = 0; i < 10; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	assert_int_equal(tt_event(&t, t.conn), 0); /* not for every segment */
	for (unsigned i = 10; i < 28; i++)
		tt_expect(&t, TCP_ACK, 1 + 1000 * i, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 28001, NULL, 0);
	assert_int_equal(tt_event(&t, t.conn), TCP_EV_WRITABLE);
	k = tcp_send_reserve(t.s, t.conn, &piece);
	assert_true(k > 0);
	memset(piece, 'z', (size_t)k);
	assert_int_equal(tcp_send_commit(t.s, t.conn, (size_t)k + 1), -EINVAL);
	assert_int_equal(tcp_send_commit(t.s, t.conn, (size_t)k), 0);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_initial_window_and_growth),
	        cmocka_unit_test(test_rto_series),
	        cmocka_unit_test(test_gives_up),
	        cmocka_unit_test(test_user_timeout_before_output),
	        cmocka_unit_test(test_user_timeout_after_release),
	        cmocka_unit_test(test_user_timeout_while_held),
	        cmocka_unit_test(test_orphan_with_a_closed_window_ends),
	        cmocka_unit_test(test_fast_retransmit_newreno),
	        cmocka_unit_test(test_sack_repairs_three_losses_without_rto),
	        cmocka_unit_test(test_lost_retransmission_repaired_by_rack),
	        cmocka_unit_test(test_reneging),
	        cmocka_unit_test(test_tail_loss_probe),
	        cmocka_unit_test(test_nagle),
	        cmocka_unit_test(test_zero_window),
	        cmocka_unit_test(test_zero_window_probe_taken),
	        cmocka_unit_test(test_silly_window),
	        cmocka_unit_test(test_window_shrunk),
	        cmocka_unit_test(test_hold_and_release),
	        cmocka_unit_test(test_connect_while_held),
	        cmocka_unit_test(test_path_up_sends_at_once),
	        cmocka_unit_test(test_mtu_shrinks),
	        cmocka_unit_test(test_keepalive),
	        cmocka_unit_test(test_ecn),
	        cmocka_unit_test(test_send_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
