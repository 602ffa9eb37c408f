/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash puzzles: what was asked is known again without having been kept, and a solution holds for one name. */
#include "crypto/puzzle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static struct rng_seeded seed_state;
static struct rng rng;

static struct secret fresh(uint64_t seed)
{
	struct secret s = {.generation = 0};

	rng_seeded_init(&seed_state, seed);
	rng = rng_from_seeded(&seed_state);
	(void)secret_renew(&s, &rng, (struct instant){NS_PER_S});
	return s;
}

static void test_known_again(void **state)
{
	struct secret s = fresh(1), other = fresh(2);
	struct puzzle p, q;

	assert_int_equal(puzzle_make(&s, s.generation, 12, "subject", 7, &p), 0);
	assert_int_equal(p.bits, 12);
	assert_true(puzzle_ours(&s, &p, "subject", 7));
	assert_false(puzzle_ours(&s, &p, "subjecT", 7));
	assert_false(puzzle_ours(&s, &p, "subject", 6));
	assert_false(puzzle_ours(&other, &p, "subject", 7));
	/* Nobody makes it easier. */
	q = p;
	q.bits = 1;
	assert_false(puzzle_ours(&s, &q, "subject", 7));
	for (unsigned i = 0; i < PUZZLE_NONCE_BYTES; i++) {
		q = p;
		q.nonce[i] ^= 1;
		assert_false(puzzle_ours(&s, &q, "subject", 7));
	}
	/* For two generations. */
	secret_advance(&s, &rng, (struct instant){2 * NS_PER_S});
	assert_true(puzzle_ours(&s, &p, "subject", 7));
	secret_advance(&s, &rng, (struct instant){3 * NS_PER_S});
	assert_false(puzzle_ours(&s, &p, "subject", 7));
	assert_int_equal(puzzle_make(&s, s.generation - 2, 12, "subject", 7, &p), -ESTALE);
}

static void test_solved_for_one_name(void **state)
{
	struct secret s = fresh(3);
	uint8_t seed[32], another[32];
	uint64_t at = 0, before;
	struct puzzle p;

	assert_int_equal(puzzle_make(&s, s.generation, 12, "subject", 7, &p), 0);
	puzzle_seed(&p, "name", 4, seed);
	puzzle_seed(&p, "nama", 4, another);
	/* In slices: each says where the next begins. */
	do
		before = at;
	while (!puzzle_search(seed, p.bits, &at, 100) && at == before + 100);
	assert_true(puzzle_solved(seed, 12, at));
	assert_true(puzzle_solved(seed, 0, at + 1));
	assert_false(puzzle_solved(another, 12, at));
	assert_false(puzzle_solved(seed, 65, at));
	for (uint64_t i = 0; i < at; i++)
		assert_false(puzzle_solved(seed, 12, i));
}

/* The work is what the bits say: 2^bits hashes on average. */
static void test_work(void **state)
{
	uint64_t sum = 0;

	for (uint8_t i = 0; i < 200; i++) {
		struct puzzle p = {.bits = 8, .nonce = {i}};
		uint8_t seed[32];
		uint64_t at = 0;

		puzzle_seed(&p, "x", 1, seed);
		assert_true(puzzle_search(seed, 8, &at, 100000));
		sum += at + 1;
	}
	assert_in_range(sum / 200, 200, 320);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_known_again),
	        cmocka_unit_test(test_solved_for_one_name),
	        cmocka_unit_test(test_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
