/* SPDX-License-Identifier: BSD-3-Clause */
/* The sparse ring of chunks against an array; memory that runs out. */
#include "base/rng.h"
#include "tcptest.h"

#include <stdlib.h>
#include <string.h>

static void test_ring_against_an_array(void **state)
{
	enum { SPAN = 60000 };
	static uint8_t model[1 << 20], out[SPAN], in[SPAN];
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	struct tcp_pool p = {.total = 200, .shift = 10};
	struct tcp_buf b = {.head = 0xffff8000u};
	uint32_t start = 0;

	(void)state;
	rng_seeded_init(&seed, 5);
	p.base = malloc(p.total * tcp_pool_stride(p.shift));
	p.freed = malloc(p.total * sizeof(uint32_t));
	while (start < sizeof(model) - SPAN) {
		uint32_t n = (uint32_t)rng_below(&rng, 9000);

		if (b.len + n < SPAN) {
			rng_fill(&rng, in, n);
			assert_int_equal(tcp_buf_write(&p, &b, b.head + b.len, in, n), n);
			memcpy(model + start + b.len, in, n);
			b.len += n;
		}
		n = (uint32_t)rng_below(&rng, b.len + 1);
		tcp_buf_read(&p, &b, b.head, out, n);
		assert_memory_equal(out, model + start, n);
		tcp_buf_drop(&p, &b, n, false);
		start += n;
		assert_true(p.used <= b.len / 1024 + 3);
	}
	tcp_buf_drop(&p, &b, b.len, false);
	assert_int_equal(p.used, 0);
	/* Exhaustion is reported, and everything comes back. */
	assert_true(tcp_buf_write(&p, &b, b.head, model, 250000) < 250000);
	b.len = 1;
	tcp_buf_free(&p, &b);
	assert_int_equal(p.used, 0);
	assert_true(tcp_buf_ensure(&p, &b, b.head + (256u << 10)) < 0); /* beyond the directory */
	tcp_buf_free(&p, &b);
	assert_int_equal(p.used, 0);
	free(p.base);
	free(p.freed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_ring_against_an_array),
	};

	return cmocka_run_group_tests_name("tcp buf", tests, NULL, NULL);
}
