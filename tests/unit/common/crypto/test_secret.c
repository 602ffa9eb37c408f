/* SPDX-License-Identifier: BSD-3-Clause */
/* The rotating secret: the same from the same, for two periods and no longer. */
#include "crypto/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct instant at(int64_t s)
{
	return (struct instant){s * NS_PER_S};
}

static void test_the_same_from_the_same(void **state)
{
	struct rng_seeded seed;
	struct rng rng;
	struct secret s = {.generation = 0};
	uint8_t a[32], b[32];
	uint32_t g;

	rng_seeded_init(&seed, 1);
	rng = rng_from_seeded(&seed);
	assert_int_equal(secret_derive(&s, 0, "x", "y", 1, a), -ESTALE);
	g = secret_renew(&s, &rng, at(5));
	assert_int_equal(secret_derive(&s, g, "purpose", "data", 4, a), 0);
	assert_int_equal(secret_derive(&s, g, "purpose", "data", 4, b), 0);
	assert_memory_equal(a, b, 32);
	/* Anything else gives something else; where the one ends and the other begins counts too. */
	assert_int_equal(secret_derive(&s, g, "purpose", "datb", 4, b), 0);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(secret_derive(&s, g, "purposed", "ata", 3, b), 0);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(secret_derive(&s, g + 1, "purpose", "data", 4, b), -ESTALE);
}

static void test_generations_end(void **state)
{
	struct rng_seeded seed;
	struct rng rng;
	struct secret s = {.generation = 0};
	uint8_t a[32], b[32], none[32] = {0};
	uint32_t g;

	rng_seeded_init(&seed, 2);
	rng = rng_from_seeded(&seed);
	g = secret_renew(&s, &rng, at(5));
	assert_int_equal(secret_derive(&s, g, "p", "d", 1, a), 0);
	assert_int_equal(secret_renew(&s, &rng, at(34)), g);
	assert_int_equal(secret_renew(&s, &rng, at(35)), g + 1);
	assert_int_equal(secret_derive(&s, g, "p", "d", 1, b), 0);
	assert_memory_equal(a, b, 32);
	assert_int_equal(secret_derive(&s, g + 1, "p", "d", 1, b), 0);
	assert_memory_not_equal(a, b, 32);
	assert_int_equal(secret_renew(&s, &rng, at(65)), g + 2);
	assert_int_equal(secret_derive(&s, g, "p", "d", 1, b), -ESTALE);
	/* Before its time, too. */
	secret_advance(&s, &rng, at(66));
	assert_int_equal(secret_derive(&s, g + 1, "p", "d", 1, b), -ESTALE);
	assert_int_equal(secret_derive(&s, g + 2, "p", "d", 1, b), 0);
	/* After a long pause the last one is forgotten as well. */
	assert_int_equal(secret_renew(&s, &rng, at(200)), g + 4);
	assert_int_equal(secret_derive(&s, g + 3, "p", "d", 1, b), -ESTALE);
	assert_memory_equal(s.key[(g + 3) & 1], none, 32);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_same_from_the_same),
	        cmocka_unit_test(test_generations_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
