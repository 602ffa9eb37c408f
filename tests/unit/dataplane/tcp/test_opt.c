/* SPDX-License-Identifier: BSD-3-Clause */
/* Options: written, read back, bounded. */
#include "tcptest.h"

static void test_options_round_trip(void **state)
{
	const struct tcp_opts o = {.mss = 1234,
	                           .wscale = 9,
	                           .sack_ok = true,
	                           .ts = true,
	                           .ts_val = 0x01020304,
	                           .ts_ecr = 0x05060708};
	const struct tcp_opts k = {
	        .wscale = -1, .ts = true, .nsack = 4, .sack = {{1, 2}, {3, 4}, {5, 6}, {7, 8}}};
	struct tcp_opts got;
	uint8_t b[40];
	uint32_t n = tcp_opts_write(b, &o);

	(void)state;
	assert_int_equal(n % 4, 0);
	assert_int_equal(tcp_opts_parse(b, n, &got), 0);
	assert_true(got.mss == 1234 && got.wscale == 9 && got.sack_ok && got.ts);
	assert_true(got.ts_val == o.ts_val && got.ts_ecr == o.ts_ecr);
	n = tcp_opts_write(b, &k);
	assert_int_equal(n, 40);
	assert_int_equal(tcp_opts_parse(b, n, &got), 0);
	assert_int_equal(got.nsack, 3); /* what fits beside timestamps */
	assert_int_equal(got.sack[2].end, 6);
	b[0] = 3;
	b[1] = 3;
	b[2] = 200; /* a scale above 14 reads as 14 (RFC 7323 2.3) */
	b[3] = 0;
	assert_int_equal(tcp_opts_parse(b, 4, &got), 0);
	assert_int_equal(got.wscale, 14);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_options_round_trip),
	};

	return cmocka_run_group_tests_name("tcp opt", tests, NULL, NULL);
}
