/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival of payload and FIN: when it is acknowledged, and memory that others need, too. */
#include "tcptest.h"

#include <errno.h>

/* A peer that leaves gaps everywhere: what is in order, of others too, still finds memory. */
static void test_gaps_do_not_take_all_memory(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;
	struct tt_seg o;
	char b[1000];
	uint32_t limit;

	(void)state;
	tt_cfg(&cfg);
	cfg.chunks = 32;
	cfg.chunk_bytes = 1024;
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	for (uint32_t at = 3000; at < 60000; at += 1024)
		tt_data(&t, TCP_ACK, at, 1, 1);
	limit = cfg.chunks * cfg.buffer_growth_pct / 100;
	assert_in_range(t.s->pool.used, limit, limit + 2);
	assert_true(t.s->n.drop_memory > 0);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(tcp_recv(t.s, t.conn, b, sizeof(b)), 1000);
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, 1000), 1000);
	while (tt_out(&t, &o))
		;
	tt_free(&t);
}

static void test_delayed_ack(void **state)
{
	int64_t from;
	struct tt t;

	(void)state;
	tt_receiver(&t, false, false);
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
	tt_receiver(&t, false, false);
	for (unsigned i = 0; i < 3; i++)
		tt_data(&t, TCP_ACK, 1001 + 1000 * i, 1, 1000);
	for (unsigned i = 0; i < 3; i++)
		tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_quiet(&t);
	tt_free(&t);
}

static void test_fin_before_its_data(void **state)
{
	char b[4000];
	struct tt t;

	(void)state;
	tt_receiver(&t, true, false);
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
	assert_true(tt_counters(&t).drop_memory > 0);
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
	assert_int_equal(tt_counters(&t).chunks_used, 1);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_delayed_ack),
	        cmocka_unit_test(test_duplicate_acks_one_each_without_sack),
	        cmocka_unit_test(test_fin_before_its_data),
	        cmocka_unit_test(test_pool_exhausted),
	        cmocka_unit_test(test_gaps_do_not_take_all_memory),
	};

	return cmocka_run_group_tests_name("tcp input_data", tests, NULL, NULL);
}
