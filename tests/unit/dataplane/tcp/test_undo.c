/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding that a recovery was needless: F-RTO step by step (RFC 5682). */
#include "tcptest.h"

/* Ten segments out, the time-out comes, the first is sent again. More data waits when `more`. */
static void timed_out(struct tt *t, bool sack, bool frto, bool more)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.frto = frto;
	tt_established(t, &cfg);
	tt_send_full(t, more ? 15000 : 10000, 10);
	tt_wait(t, 1000);
	tt_expect(t, TCP_ACK, 1, 1, 1000);
	tt_quiet(t);
	assert_int_equal(tt_info(t).ca_state, TCP_CA_LOSS);
}

/* A delay, no loss: all originals arrive late and in order. */
static void frto_spurious(bool sack)
{
	struct tt t;

	timed_out(&t, sack, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000); /* step 2b: two new ones */
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	tt_quiet(&t);
	assert_int_equal(tt_info(&t).spurious, 0);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* step 3b */
	assert_int_equal(tt_info(&t).spurious, 1);
	assert_int_equal(tt_info(&t).ca_state, TCP_CA_OPEN);
	assert_int_equal(tt_info(&t).lost, 0);
	assert_in_range(tt_info(&t).cwnd, 10000, 12000);
	assert_int_equal(tt_info(&t).ssthresh, UINT64_MAX);
	tt_expect(&t, TCP_ACK, 12001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 12001, NULL, 0);
	assert_int_equal(tt_info(&t).retransmits, 1);
	tt_free(&t);
}

static void test_frto_spurious(void **state)
{
	(void)state;
	frto_spurious(false);
	frto_spurious(true);
}

/* Section 3.1: a SACK of what was sent once is as good as a cumulative ACK. */
static void test_frto_spurious_by_sack(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, true, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	TT_SACK_IN(&t, 1, {2, 3});
	assert_int_equal(tt_info(&t).spurious, 1);
	tt_free(&t);
}

/* All ten were lost: the new ones bring duplicates, and what is lost is sent again. */
static void test_frto_real_loss(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0); /* step 3a */
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_quiet(&t);
	assert_int_equal(tt_info(&t).spurious, 0);
	assert_true(tt_info(&t).cwnd <= 3000);
	assert_int_equal(tt_info(&t).ca_state, TCP_CA_LOSS);
	tt_free(&t);
}

/* SACKs of the new segments alone prove nothing for the old ones. */
static void test_frto_real_loss_sack(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, true, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	TT_SACK_IN(&t, 1, {10, 11});
	assert_int_equal(tt_info(&t).spurious, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

/* Step 2a: a duplicate comes first. */
static void test_frto_duplicate_first(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, true);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

/* Nothing new to send: the ordinary way; so, too, when it is switched off. */
static void test_frto_not_used(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, false);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
	timed_out(&t, false, false, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

/* A second time-out during it, or one in the midst of a recovery, is taken at its word. */
static void test_frto_second_timeout(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	tt_wait(&t, 5000);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	assert_int_equal(tt_info(&t).spurious, 0);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_frto_spurious),
	        cmocka_unit_test(test_frto_spurious_by_sack),
	        cmocka_unit_test(test_frto_real_loss),
	        cmocka_unit_test(test_frto_real_loss_sack),
	        cmocka_unit_test(test_frto_duplicate_first),
	        cmocka_unit_test(test_frto_not_used),
	        cmocka_unit_test(test_frto_second_timeout),
	};

	return cmocka_run_group_tests_name("tcp undo", tests, NULL, NULL);
}
