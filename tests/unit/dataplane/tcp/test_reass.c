/* SPDX-License-Identifier: BSD-3-Clause */
/* Out-of-order ranges: all orders of arrival, SACK and D-SACK blocks, their bound. */
#include "tcptest.h"

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
		tt_receiver(&t, true, false);
		for (unsigned i = 0; i < 4; i++)
			tt_data(&t, TCP_ACK, 1 + 500 * order[i], 1, order[i] == 3 ? 500 : 550);
		while (tt_out(&t, &o))
			assert_true(o.ack <= 2001);
		assert_int_equal(o.ack, 2001);
		tt_read_all(&t, 2000);
		assert_int_equal(tt_counters(&t).chunks_used, 0);
		tt_free(&t);
	}
	assert_int_equal(runs, 24);
}

static void test_sack_blocks(void **state)
{
	struct tt_seg o;
	struct tt t;
	uint32_t b = 0;

	(void)state;
	tt_receiver(&t, true, false);
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
	assert_int_equal(tt_counters(&t).drop_ooo, 12);
	for (unsigned i = 0; i < 40; i++)
		tt_data(&t, TCP_ACK, 1 + 100 * i, 1, 100);
	tt_read_all(&t, 4000);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_all_orders),
	        cmocka_unit_test(test_sack_blocks),
	        cmocka_unit_test(test_out_of_order_ranges_are_bounded),
	};

	return cmocka_run_group_tests_name("tcp reass", tests, NULL, NULL);
}
