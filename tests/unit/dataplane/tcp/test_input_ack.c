/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival, the ACK field: what is not acceptable, and ECN of sender and receiver (RFC 3168). */
#include "tcptest.h"

/* Once per window; CWR on the next new data; no ECT on what is sent again, on probes, on ACKs. */
static void test_ecn_sender(void **state)
{
	struct tcp_counters k;
	uint64_t cwnd;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_ecn_start(&t, TCP_ECN_PASSIVE);
	tcp_send(t.s, t.conn, tt_filler, 30000);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.ecn, TCP_ECT0);
	}
	cwnd = tt_info(&t).cwnd;
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 1001, NULL, 0);
	assert_int_equal(tt_info(&t).ca_state, TCP_CA_CWR);
	assert_true(tt_info(&t).cwnd <= cwnd / 2);
	cwnd = tt_info(&t).cwnd;
	for (uint32_t i = 2; i < 10; i++)
		tt_in(&t, TCP_ACK | TCP_ECE, 1, 1 + 1000 * i, NULL, 0);
	assert_int_equal(tt_info(&t).cwnd, cwnd); /* neither down nor up */
	assert_int_equal(tt_info(&t).ecn_reductions, 1);
	assert_true(tt_out(&t, &o));
	assert_true(o.flags & TCP_CWR);
	assert_true(tt_out(&t, &o));
	assert_false(o.flags & TCP_CWR);
	while (tt_out(&t, &o))
		;
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 11001, NULL, 0); /* the next window's */
	assert_int_equal(tt_info(&t).ecn_reductions, 2);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.ecn_reductions, 2);
	while (tt_out(&t, &o))
		;
	tt_wait(&t, 3000); /* time-out */
	assert_true(tt_out(&t, &o));
	assert_true(o.retransmit);
	assert_int_equal(o.ecn, TCP_NOT_ECT);
	tt_free(&t);
}

/* A loss reduces too, and says so (6.1.2). */
static void test_ecn_cwr_after_loss(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_ecn_start(&t, TCP_ECN_PASSIVE);
	tcp_send(t.s, t.conn, tt_filler, 30000);
	for (unsigned i = 0; i < 10; i++)
		assert_true(tt_out(&t, &o));
	for (unsigned i = 0; i < 3; i++)
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	while (tt_out(&t, &o) && o.retransmit)
		assert_false(o.flags & TCP_CWR);
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 10001, NULL, 0); /* the same window: no second reduction */
	assert_int_equal(tt_info(&t).ecn_reductions, 0);
	tt_free(&t);
}

/* The receiver echoes until it sees CWR; CE on what is not taken means nothing. */
static void test_ecn_receiver(void **state)
{
	struct tcp_counters k;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_ecn_start(&t, TCP_ECN_PASSIVE);
	t.ecn = TCP_CE;
	tt_data(&t, TCP_ACK, 1, 1, 100);
	tt_expect(&t, TCP_ACK | TCP_ECE, 1, 101, 0); /* at once */
	t.ecn = TCP_ECT0;
	tt_data(&t, TCP_ACK, 101, 1, 1000);
	tt_data(&t, TCP_ACK, 1101, 1, 1000);
	tt_expect(&t, TCP_ACK | TCP_ECE, 1, 2101, 0);
	tcp_send(t.s, t.conn, "x", 1);
	assert_true(tt_out(&t, &o));
	assert_true(o.flags & TCP_ECE); /* data carries it, too */
	tt_data(&t, TCP_ACK | TCP_CWR, 2101, 2, 1000);
	tt_data(&t, TCP_ACK, 3101, 2, 1000);
	tt_expect(&t, TCP_ACK, 2, 4101, 0);
	t.ecn = TCP_CE;
	tt_data(&t, TCP_ACK, 1, 2, 100); /* old */
	tt_expect(&t, TCP_ACK, 2, 4101, 0);
	tcp_stack_counters(t.s, &k);
	assert_int_equal(k.ecn_ce_in, 1);
	/* CWR and CE in one: the echo begins anew. */
	tt_data(&t, TCP_ACK | TCP_CWR, 4101, 2, 100);
	tt_expect(&t, TCP_ACK | TCP_ECE, 2, 4201, 0);
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
	tcp_send(t.s, t.conn, tt_filler, 10000);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(tt_out(&t, &o));
		assert_int_equal(o.ecn, TCP_ECT0);
	}
	cwnd = tt_info(&t).cwnd;
	tt_in(&t, TCP_ACK | TCP_ECE, 1, 1001, NULL, 0);
	assert_true(tt_info(&t).cwnd < cwnd * 6 / 10);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	tcp_send(t.s, t.conn, tt_filler, 1000);
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

static void test_blind_ack(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_ESTABLISHED);
	tt_data(&t, TCP_ACK, 1, 5000, 10); /* acknowledges what was never sent */
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_data(&t, TCP_ACK, 1, 0u - 100000, 10); /* far too old */
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_blind_ack),    cmocka_unit_test(test_ecn),
	        cmocka_unit_test(test_ecn_sender),   cmocka_unit_test(test_ecn_cwr_after_loss),
	        cmocka_unit_test(test_ecn_receiver),
	};

	return cmocka_run_group_tests_name("tcp input_ack", tests, NULL, NULL);
}
