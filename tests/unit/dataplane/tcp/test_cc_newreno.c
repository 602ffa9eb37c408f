/* SPDX-License-Identifier: BSD-3-Clause */
/* NewReno's window: slow start, congestion avoidance, a loss. */
#include "tcptest.h"

static void test_newreno(void **state)
{
	struct tcp_ccs r = {.ops = &tcp_cc_newreno,
	                    .cwnd = 10000,
	                    .ssthresh = 20000,
	                    .mss = 1000,
	                    .ss_limit = 8};

	(void)state;
	r.ops->init(&r);
	r.ops->acked(&r, 10000, 0, 0);
	assert_int_equal(r.cwnd, 18000); /* slow start, eight segments an ACK at most */
	r.ops->acked(&r, 2000, 0, 0);
	assert_int_equal(r.cwnd, 20000); /* up to ssthresh */
	r.ops->acked(&r, 20000, 0, 0);
	assert_int_equal(r.cwnd, 21000); /* then one segment a window */
	assert_int_equal(r.ops->congestion(&r, 21000), 10500);
	assert_int_equal(r.ops->congestion(&r, 1000), 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_newreno),
	};

	return cmocka_run_group_tests_name("tcp cc_newreno", tests, NULL, NULL);
}
