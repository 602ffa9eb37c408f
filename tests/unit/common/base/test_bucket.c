/* SPDX-License-Identifier: BSD-3-Clause */
/* Token bucket: burst, average rate, and a twin that counts tokens as fractions. */
#include "base/bucket.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static struct instant at(int64_t ns)
{
	return (struct instant){.ns = ns};
}

static void burst_then_rate(void **state)
{
	struct bucket b;
	unsigned taken = 0;

	bucket_init(&b, 10, 5);
	for (unsigned i = 0; i < 5; i++)
		assert_true(bucket_take(&b, at(0)));
	assert_false(bucket_take(&b, at(0)));
	assert_false(bucket_take(&b, at(99 * NS_PER_MS)));
	assert_true(bucket_take(&b, at(100 * NS_PER_MS)));
	assert_false(bucket_take(&b, at(100 * NS_PER_MS)));
	for (int64_t t = NS_PER_S; t < 101 * NS_PER_S; t += NS_PER_MS)
		taken += bucket_take(&b, at(t));
	assert_in_range(taken, 1000, 1006);
	for (unsigned i = 0; i < 5; i++) /* full again after a pause, and no more than full */
		assert_true(bucket_take(&b, at(1000 * NS_PER_S)));
	assert_false(bucket_take(&b, at(1000 * NS_PER_S)));
}

static void unlimited_and_closed(void **state)
{
	struct bucket b;

	bucket_init(&b, 0, 0);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(bucket_take(&b, at(0)));
	bucket_init(&b, 5, 0);
	assert_false(bucket_take(&b, at(NS_PER_S)));
}

static void refusing_costs_nothing(void **state)
{
	struct bucket b;

	bucket_init(&b, 1, 1);
	assert_true(bucket_take(&b, at(0)));
	for (int64_t t = 1; t < 1000; t++)
		assert_false(bucket_take(&b, at(t * NS_PER_MS)));
	assert_true(bucket_take(&b, at(NS_PER_S)));
}

/* Tokens as integers of 1/rate: exact for rates that divide a second. */
static void twin(void **state)
{
	static const uint32_t rates[] = {1, 2, 10, 1000, 100000};
	struct rng_seeded s;
	struct rng rng;

	rng_seeded_init(&s, 5);
	rng = rng_from_seeded(&s);
	for (unsigned run = 0; run < 200; run++) {
		uint32_t rate = rates[rng_below(&rng, 5)],
		         burst = 1 + (uint32_t)rng_below(&rng, 20);
		int64_t cost = NS_PER_S / rate, have = cost * burst, now = 0;
		struct bucket b;

		bucket_init(&b, rate, burst);
		for (unsigned i = 0; i < 500; i++) {
			int64_t step = (int64_t)rng_below(&rng, (uint64_t)cost * 2);
			bool want;

			now += step;
			have = have + step > cost * burst ? cost * burst : have + step;
			want = have >= cost;
			have -= want ? cost : 0;
			assert_int_equal(bucket_take(&b, at(now)), want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(burst_then_rate),
	        cmocka_unit_test(unlimited_and_closed),
	        cmocka_unit_test(refusing_costs_nothing),
	        cmocka_unit_test(twin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
