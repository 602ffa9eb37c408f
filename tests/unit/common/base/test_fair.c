/* SPDX-License-Identifier: BSD-3-Clause */
/* A shared rate: the honest get their part beside a flood, a single party gets all, and the sum is never above the rate. */
#include "base/fair.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define HONEST 9
#define RATE   1000

/* A flood of 20 times the rate beside nine parties that each want 90 % of their part: not one of these is refused. */
static void test_flood(void **state)
{
	struct fair f;
	struct fair_part liar = {0}, honest[HONEST] = {0};
	uint64_t taken = 0;

	fair_init(&f, RATE);
	for (int64_t ms = 0; ms < 60000; ms++) {
		struct instant now = {NS_PER_S + ms * NS_PER_MS};

		for (unsigned i = 0; i < 20 * RATE / 1000; i++)
			taken += fair_take(&f, &liar, now);
		for (unsigned i = 0; i < HONEST; i++)
			if (ms % 22 == i) { /* 45/s of 50 */
				assert_true(fair_take(&f, &honest[i], now));
				taken++;
			}
	}
	/* Each party's bucket, and the one for anybody, was full at the beginning. */
	assert_in_range(taken, 58 * RATE, 62 * RATE);
}

/* Nobody else wants any: one party takes all that there is. */
static void test_alone(void **state)
{
	struct fair f;
	struct fair_part p = {0};
	uint64_t taken = 0;

	fair_init(&f, RATE);
	for (int64_t ms = 0; ms < 10000; ms++)
		for (unsigned i = 0; i < 5; i++)
			taken += fair_take(&f, &p, (struct instant){NS_PER_S + ms * NS_PER_MS});
	assert_in_range(taken, 10 * RATE, 11 * RATE);
}

/* Parties that went away are not kept a part for; a rate of 0 never refuses. */
static void test_parties_go(void **state)
{
	struct fair f;
	struct fair_part p[HONEST] = {0};
	struct instant now = {NS_PER_S};
	uint64_t taken = 0;

	fair_init(&f, RATE);
	for (unsigned i = 0; i < HONEST; i++)
		assert_true(fair_take(&f, &p[i], now));
	now.ns += 100 * NS_PER_S;
	assert_true(fair_take(&f, &p[0], now));
	assert_int_equal(p[0].own.rate, RATE / 2);
	fair_init(&f, 0);
	for (unsigned i = 0; i < 100000; i++)
		taken += fair_take(&f, &p[0], now);
	assert_int_equal(taken, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_flood),
	        cmocka_unit_test(test_alone),
	        cmocka_unit_test(test_parties_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
