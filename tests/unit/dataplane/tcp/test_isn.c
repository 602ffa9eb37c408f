/* SPDX-License-Identifier: BSD-3-Clause */
/* Initial sequence numbers follow a clock and a secret. */
#include "base/be.h"
#include "tcptest.h"

#include <stdlib.h>
#include <string.h>

/* A stack of its own whose secret begins with `secret`; opens from lport after `us` and returns the SYN's number. */
static uint32_t isn_of(uint8_t secret, uint16_t lport, uint16_t rport, int64_t us)
{
	uint8_t buf[2048];
	struct tcp_out out;
	struct tcp_cfg cfg;
	struct instant now = {.ns = 1000 * us};
	uint32_t conn, n;
	size_t size;
	struct tcp_stack *s;
	void *mem = NULL;

	tt_cfg(&cfg);
	memset(cfg.secret, 0x5a, sizeof(cfg.secret));
	cfg.secret[0] = secret;
	size = tcp_stack_size(&cfg);
	assert_int_equal(posix_memalign(&mem, 64, size), 0);
	s = tcp_stack_init(mem, size, &cfg, (struct instant){.ns = 0});
	assert_non_null(s);
	assert_int_equal(tcp_peer_set(s, TT_PEER, 1, 2, 1000), 0);
	tcp_advance(s, now);
	assert_int_equal(tcp_connect_from(s, TT_PEER, lport, rport, &conn), 0);
	n = tcp_output(s, now, buf, sizeof(buf), &out);
	assert_true(n >= 20 && buf[13] == TCP_SYN);
	n = be32_load(buf + 4);
	free(mem);
	return n;
}

static void test_isn_clock(void **state)
{
	uint32_t first = isn_of(1, 4000, 80, 0);

	(void)state;
	assert_int_equal(isn_of(1, 4000, 80, 0), first);
	for (int64_t us = 4; us < INT64_C(20000000000); us = us * 7 + 4)
		assert_int_equal(isn_of(1, 4000, 80, us), (uint32_t)(first + (uint64_t)us / 4));
}

/* What one connection's number tells of another's: nothing, as the difference changes with the secret. */
static void test_isn_secret(void **state)
{
	uint32_t diff[64];

	(void)state;
	for (unsigned i = 0; i < 64; i++) {
		uint32_t a = isn_of((uint8_t)i, 4000, 80, 0), b = isn_of((uint8_t)i, 4001, 80, 0);
		uint32_t c = isn_of((uint8_t)i, 4000, 81, 0);

		assert_true(a != b && a != c && b != c);
		diff[i] = b - a;
		for (unsigned j = 0; j < i; j++)
			assert_true(diff[i] != diff[j]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_isn_clock),
	        cmocka_unit_test(test_isn_secret),
	};

	return cmocka_run_group_tests_name("tcp isn", tests, NULL, NULL);
}
