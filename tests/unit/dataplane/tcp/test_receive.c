/* SPDX-License-Identifier: BSD-3-Clause */
/* The receiving half: reassembly, delayed ACK, windows, PAWS, SACK and D-SACK blocks, malformed segments. */
#include "tcptest.h"

#include <errno.h>
#include <string.h>

static void start(struct tt *t, bool sack, bool ts)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.timestamps = ts;
	tt_init(t, &cfg);
	t->sack_ok = sack;
	t->ts_val = ts ? 1000 : 0;
	tt_establish_passive(t);
}

static struct tcp_counters counters(struct tt *t)
{
	struct tcp_counters k;

	tcp_stack_counters(t->s, &k);
	return k;
}

/* What tt_data() filled in, from seq 1 on. */
static void read_all(struct tt *t, uint32_t want)
{
	static uint8_t b[70000];
	int64_t n = tcp_recv(t->s, t->conn, b, sizeof(b));

	assert_int_equal(n, want);
	for (uint32_t i = 0; i < want; i++)
		assert_int_equal(b[i], (uint8_t)(1 + i));
}

static void test_all_orders(void **state)
{
	/* Four segments in all 24 orders, overlapping by 50 bytes. */
	unsigned order[4], runs = 0;

	(void)state;
	for (unsigned code = 0; code < 256; code++) {
		struct tt_seg o;
		struct tt t;
		unsigned seen = 0;

		for (unsigned i = 0; i < 4; i++) {
			order[i] = code >> (2 * i) & 3;
			seen |= 1u << order[i];
		}
		if (seen != 15)
			continue;
		runs++;
		start(&t, true, false);
		for (unsigned i = 0; i < 4; i++)
			tt_data(&t, TCP_ACK, 1 + 500 * order[i], 1, order[i] == 3 ? 500 : 550);
		while (tt_out(&t, &o))
			assert_true(o.ack <= 2001);
		assert_int_equal(o.ack, 2001);
		read_all(&t, 2000);
		assert_int_equal(counters(&t).chunks_used, 0);
		tt_free(&t);
	}
	assert_int_equal(runs, 24);
}

static void test_delayed_ack(void **state)
{
	int64_t from;
	struct tt t;

	(void)state;
	start(&t, false, false);
	from = t.now;
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	tt_quiet(&t);
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 1, 1001, 0);
	assert_in_range(t.now - from, 40 * NS_PER_MS, 41 * NS_PER_MS);
	tt_data(&t, TCP_ACK, 1001, 1, 1000);
	tt_quiet(&t);
	tt_data(&t, TCP_ACK, 2001, 1, 1000); /* every second full segment at once */
	tt_expect(&t, TCP_ACK, 1, 3001, 0);
	tt_data(&t, TCP_ACK, 4001, 1, 1000); /* out of order at once */
	tt_expect(&t, TCP_ACK, 1, 3001, 0);
	tt_data(&t, TCP_ACK, 3001, 1, 1000); /* a filled gap at once */
	tt_expect(&t, TCP_ACK, 1, 5001, 0);
	tt_data(&t, TCP_ACK, 3001, 1, 1000); /* a duplicate at once */
	tt_expect(&t, TCP_ACK, 1, 5001, 0);
	tt_data(&t, TCP_ACK, 5001, 1, 100);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), 1); /* rides on data */
	tt_expect(&t, TCP_ACK, 1, 5101, 1);
	tt_in(&t, TCP_ACK, 5101, 2, NULL, 0);
	tt_wait(&t, 1000);
	tt_quiet(&t);
	tt_free(&t);
}

static void test_duplicate_acks_one_each_without_sack(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false, false);
	for (unsigned i = 0; i < 3; i++)
		tt_data(&t, TCP_ACK, 1001 + 1000 * i, 1, 1000);
	for (unsigned i = 0; i < 3; i++)
		tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_quiet(&t);
	tt_free(&t);
}

static void test_sack_blocks(void **state)
{
	struct tt_seg o;
	struct tt t;
	uint32_t b = 0;

	(void)state;
	start(&t, true, false);
	tt_data(&t, TCP_ACK, 2001, 1, 1000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.o.nsack, 1);
	b = t.irs;
	assert_int_equal(o.o.sack[0].start - b, 2001);
	assert_int_equal(o.o.sack[0].end - b, 3001);
	tt_data(&t, TCP_ACK, 6001, 1, 1000);
	assert_true(tt_out(&t, &o));
	tt_data(&t, TCP_ACK, 4001, 1, 1000); /* last changed first */
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.o.nsack, 3);
	assert_int_equal(o.o.sack[0].start - b, 4001);
	assert_int_equal(o.o.sack[1].start - b, 6001);
	assert_int_equal(o.o.sack[2].start - b, 2001);
	tt_data(&t, TCP_ACK, 6001, 1, 1000); /* D-SACK (RFC 2883) */
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.o.sack[0].start - b, 6001);
	assert_int_equal(o.o.sack[0].end - b, 7001);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.ack, 1001);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.o.sack[0].start - b, 1);
	assert_int_equal(o.o.sack[0].end - b, 1001);
	tt_free(&t);
}

static void test_window_closes_and_opens(void **state)
{
	static uint8_t b[70000];
	struct tt_seg o = {.wnd = 1};
	uint32_t at = 1;
	struct tt t;

	(void)state;
	start(&t, false, false);
	while (at + 1000 <= 65001) {
		tt_data(&t, TCP_ACK, at, 1, 1000);
		at += 1000;
		while (tt_out(&t, &o))
			;
	}
	tt_wait(&t, 100);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.wnd, 0);
	tt_data(&t, TCP_ACK, at, 1, 1); /* a probe: answered, not taken */
	tt_expect(&t, TCP_ACK, 1, at, 0);
	assert_int_equal(tcp_recv(t.s, t.conn, b, 500), 500);
	tt_quiet(&t); /* silly-window avoidance: half a segment is not worth telling */
	assert_int_equal(tcp_recv(t.s, t.conn, b, 600), 600);
	assert_true(tt_out(&t, &o));
	assert_in_range(o.wnd, 1000, 1100);
	tt_free(&t);
}

static void test_beyond_the_window(void **state)
{
	struct tt t;

	(void)state;
	start(&t, false, false);
	tt_data(&t, TCP_ACK, 70000, 1, 1000);
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	assert_int_equal(counters(&t).drop_window, 1);
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
	start(&t, false, true);
	t.ts_val = 2000;
	tt_data(&t, TCP_ACK, 1, 1, 100);
	tt_wait(&t, 100);
	assert_true(tt_out(&t, &o));
	assert_true(o.o.ts);
	assert_int_equal(o.o.ts_ecr, 2000);
	t.ts_val = 1999;
	tt_data(&t, TCP_ACK, 101, 1, 100);
	tt_expect(&t, TCP_ACK, 1, 101, 0);
	assert_int_equal(counters(&t).drop_paws, 1);
	t.ts_val = 2000;
	tt_data(&t, TCP_ACK, 101, 1, 100);
	read_all(&t, 200);
	tt_wait(&t, 100);
	while (tt_out(&t, &o))
		;
	/* After 24 idle days the old value means nothing (RFC 7323 5.5). */
	t.now += INT64_C(25) * 24 * 3600 * NS_PER_S;
	tcp_advance(t.s, (struct instant){t.now});
	t.ts_val = 5;
	tt_data(&t, TCP_ACK, 201, 1, 100);
	assert_int_equal(counters(&t).drop_paws, 1);
	tt_free(&t);
}

static void test_fin_before_its_data(void **state)
{
	char b[4000];
	struct tt t;

	(void)state;
	start(&t, true, false);
	tt_data(&t, TCP_FIN | TCP_ACK, 1001, 1, 1000);
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_ESTABLISHED);
	tt_data(&t, TCP_ACK, 2001, 1, 1000); /* beyond the FIN: nothing */
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	tt_expect(&t, TCP_ACK, 1, 2002, 0);
	assert_int_equal(tt_state(&t, t.conn), TCP_CLOSE_WAIT);
	assert_int_equal(tcp_recv(t.s, t.conn, b, sizeof(b)), 2000);
	assert_int_equal(tcp_recv(t.s, t.conn, b, sizeof(b)), 0);
	tt_free(&t);
}

static void test_malformed(void **state)
{
	uint8_t b[64] = {0};
	struct tcp_in in = {.seg = b, .peer = TT_PEER};
	struct tt t;

	(void)state;
	start(&t, false, false);
	for (uint32_t n = 0; n < 20; n++) {
		in.len = n;
		tcp_input(t.s, &in, (struct instant){t.now});
	}
	assert_int_equal(counters(&t).drop_malformed, 20);
	in.len = 40;
	b[12] = 4 << 4; /* header shorter than itself */
	tcp_input(t.s, &in, (struct instant){t.now});
	b[12] = 15 << 4; /* longer than the segment */
	tcp_input(t.s, &in, (struct instant){t.now});
	b[12] = 10 << 4;
	b[20] = 8; /* an option that runs out */
	b[21] = 30;
	tcp_input(t.s, &in, (struct instant){t.now});
	b[21] = 0;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(counters(&t).drop_malformed, 24);
	b[20] = 1;
	b[21] = 0;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(counters(&t).drop_checksum, 1);
	in.peer = 99;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(counters(&t).drop_peer, 1);
	tt_free(&t);
}

static void test_out_of_order_ranges_are_bounded(void **state)
{
	struct tt_seg o;
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.max_ooo = 8;
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	for (unsigned i = 0; i < 20; i++)
		tt_data(&t, TCP_ACK, 101 + 200 * i, 1, 100);
	while (tt_out(&t, &o))
		;
	assert_int_equal(counters(&t).drop_ooo, 12);
	for (unsigned i = 0; i < 40; i++)
		tt_data(&t, TCP_ACK, 1 + 100 * i, 1, 100);
	read_all(&t, 4000);
	tt_free(&t);
}

static void test_pool_exhausted(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	static char big[65000];
	unsigned n = 0;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.chunks = 16;
	cfg.chunk_bytes = 1024;
	cfg.max_ooo = 64;
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	for (uint32_t at = 1; at < 40000; at += 1000)
		tt_data(&t, TCP_ACK, at, 1, 1000);
	assert_true(counters(&t).drop_memory > 0);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), -EAGAIN);
	while (tt_out(&t, &o))
		;
	/* Reading frees it; the writer is woken though nothing of its own is outstanding. */
	while (tcp_recv(t.s, t.conn, big, sizeof(big)) > 0)
		;
	tt_event(&t, t.conn);
	for (unsigned i = 0; i < 5; i++) {
		tt_wait(&t, 1000);
		while (tt_out(&t, &o))
			n++;
	}
	assert_true(tt_event(&t, t.conn) & TCP_EV_WRITABLE);
	assert_int_equal(tcp_send(t.s, t.conn, "x", 1), 1);
	assert_int_equal(counters(&t).chunks_used, 1);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_all_orders),
	        cmocka_unit_test(test_delayed_ack),
	        cmocka_unit_test(test_duplicate_acks_one_each_without_sack),
	        cmocka_unit_test(test_sack_blocks),
	        cmocka_unit_test(test_window_closes_and_opens),
	        cmocka_unit_test(test_beyond_the_window),
	        cmocka_unit_test(test_paws),
	        cmocka_unit_test(test_fin_before_its_data),
	        cmocka_unit_test(test_malformed),
	        cmocka_unit_test(test_out_of_order_ranges_are_bounded),
	        cmocka_unit_test(test_pool_exhausted),
	        cmocka_unit_test(test_options_of_the_syn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
