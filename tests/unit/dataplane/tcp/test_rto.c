/* SPDX-License-Identifier: BSD-3-Clause */
/* The round-trip estimator and the time-out it gives, by RFC 6298's own figures. */
#include "tcp/rto.h"
#include "tcptest.h"

static void test_estimator(void **state)
{
	struct tcp_cfg cfg;
	struct conn c = {.min_rtt = INT64_MAX, .mss = 1000};

	(void)state;
	tcp_cfg_default(&cfg);
	rto_sample(&cfg, &c, 100 * NS_PER_MS, 0);
	assert_int_equal(c.srtt, 100 * NS_PER_MS);
	assert_int_equal(c.rttvar, 50 * NS_PER_MS);
	assert_int_equal(c.rto, 300 * NS_PER_MS);
	rto_sample(&cfg, &c, 180 * NS_PER_MS, 0);
	assert_int_equal(c.srtt, 110 * NS_PER_MS);
	assert_int_equal(c.rttvar, 57500000);
	c.backoff = 3;
	assert_int_equal(rto_backed_off(&cfg, &c), 8 * c.rto);
	c.backoff = 30;
	assert_int_equal(rto_backed_off(&cfg, &c), 60 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_estimator),
	};

	return cmocka_run_group_tests_name("tcp rto", tests, NULL, NULL);
}
