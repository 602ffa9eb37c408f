/* SPDX-License-Identifier: BSD-3-Clause */
/* The checksum against RFC 1071 read word by word. */
#include "base/rng.h"
#include "tcp/csum.h"
#include "tcptest.h"

#include <string.h>

static void test_checksum(void **state)
{
	uint8_t b[3000], copy[3000];
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	static const uint8_t rfc1071[8] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	rng_seeded_init(&seed, 1);
	assert_int_equal(tcp_csum_sum(rfc1071, 8), 0xddf2);
	rng_fill(&rng, b, sizeof(b));
	for (uint32_t n = 0; n < sizeof(b); n++) {
		uint32_t want = 0;

		for (uint32_t i = 0; i < n; i++)
			want += i & 1 ? b[i] : (uint32_t)b[i] << 8;
		assert_int_equal(tcp_csum_sum(b, n), tcp_csum_fold(want));
		memset(copy, 0xa5, sizeof(copy));
		assert_int_equal(tcp_csum_copy(copy, b, n), tcp_csum_fold(want));
		assert_memory_equal(copy, b, n);
		assert_int_equal(n < sizeof(copy) ? copy[n] : 0xa5, 0xa5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_checksum),
	};

	return cmocka_run_group_tests_name("tcp csum", tests, NULL, NULL);
}
