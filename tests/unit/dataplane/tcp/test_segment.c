/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing one segment: room in the caller's buffer, SACK blocks beside data, the window told. */
#include "base/rng.h"
#include "tcp/segment.h"
#include "tcptest.h"

/* A buffer that is too small gets nothing, and nothing is taken to have been sent. */
static void test_too_small_a_buffer(void **state)
{
	uint8_t buf[SEGMENT_HEAD_MAX + 1000];
	struct tcp_out out;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 1000), 1000);
	for (size_t cap = 0; cap < sizeof(buf); cap += 53)
		assert_int_equal(tcp_output(t.s, (struct instant){t.now}, buf, cap, &out), 0);
	assert_int_equal(tt_info(&t).in_flight, 0);
	tcp_kick(t.s, t.conn);
	conn_ready(t.s, conn_of(t.s, t.conn));
	assert_int_equal(tcp_output(t.s, (struct instant){t.now}, buf, sizeof(buf), &out), 1020);
	assert_int_equal(tt_info(&t).in_flight, 1000);
	tt_free(&t);
}

/* A full segment has no room for SACK blocks: they follow in an ACK of their own, so that the peer learns of them at once. */
static void test_sacks_beside_data(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 1000), 1000);
	for (uint32_t i = 0; i < 5; i++)
		tt_data(&t, TCP_ACK, 1001 + 2000 * i, 1, 1000);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.len, 1000);
	assert_int_equal(o.o.nsack, 0);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.len, 0);
	assert_int_equal(o.o.nsack, 4);
	assert_int_equal(o.o.sack[0].start - t.irs, 9001); /* the last changed first */
	tt_quiet(&t);
	/* A small one carries as many as fit. */
	tt_data(&t, TCP_ACK, 11001, 1, 1000);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 980), 980);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.len, 980);
	assert_int_equal(o.o.nsack, 2);
	tt_free(&t);
}

/* Scaled and rounded, the right edge told never promises more than there is room for, and takes back less than one unit. */
static void test_window_told(void **state)
{
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	uint32_t seq = 1, edge = 0, unread = 0;
	static uint8_t b[5000];
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	rng_seeded_init(&seed, 2);
	tt_cfg(&cfg);
	cfg.window_scale = true;
	cfg.rcvbuf = cfg.rcvbuf_max = 200000;
	cfg.delack_ns = 0;
	tt_init(&t, &cfg);
	t.wscale = 0;
	tt_establish_passive(&t);
	assert_true(tt_info(&t).rcv_wscale > 0);
	for (unsigned step = 0; step < 3000; step++) {
		uint32_t n = 1 + (uint32_t)rng_below(&rng, 1000),
		         unit = 1u << tt_info(&t).rcv_wscale;
		int64_t got;

		if (rng_below(&rng, 3) == 0) {
			got = tcp_recv(t.s, t.conn, b, sizeof(b));
			unread -= got > 0 ? (uint32_t)got : 0;
		} else if (unread + n < 190000) {
			tt_data(&t, TCP_ACK, seq, 1, n);
			seq += n;
			unread += n;
		}
		while (tt_out(&t, &o)) {
			uint32_t now = o.ack + ((uint32_t)o.wnd << tt_info(&t).rcv_wscale);

			assert_int_equal(o.ack, seq);
			assert_true(now + unit > edge);
			assert_true(now <= seq + tt_info(&t).rcv_limit - unread || now <= edge);
			edge = now > edge ? now : edge;
		}
	}
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_too_small_a_buffer),
	        cmocka_unit_test(test_sacks_beside_data),
	        cmocka_unit_test(test_window_told),
	};

	return cmocka_run_group_tests_name("tcp segment", tests, NULL, NULL);
}
