/* SPDX-License-Identifier: BSD-3-Clause */
/* Which handshake indices are taken for this node's, and from where. */
#include "crypto/hsindex.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sodium.h>

#define LOW ((1u << HSINDEX_FREE_BITS) - 1)

static const uint8_t none[6];

static void own(void **state)
{
	struct hsindex a, b;
	unsigned others = 0;

	hsindex_init(&a, (const uint8_t[32]){1});
	hsindex_init(&b, (const uint8_t[32]){2});
	for (uint32_t low = 0; low <= LOW; low += 97) {
		uint32_t x = hsindex_own(&a, low | 0xffffffff << HSINDEX_FREE_BITS);

		assert_int_equal(x & LOW, low);
		assert_true(hsindex_own_is(&a, x));
		assert_false(hsindex_own_is(&a, x ^ 1u << 31));
		others += hsindex_own_is(&b, x);
		others += hsindex_answer_is(&a, x, 4, (const uint8_t[16]){1}, none);
	}
	assert_true(others < 10);
}

/* A guess is right once in 8 192 times. */
static void guesses(void **state)
{
	struct rng_seeded s;
	struct hsindex x;
	struct rng rng;
	unsigned hits = 0;

	hsindex_init(&x, (const uint8_t[32]){1});
	rng_seeded_init(&s, 1);
	rng = rng_from_seeded(&s);
	for (unsigned i = 0; i < 8192 * 100; i++)
		hits += hsindex_own_is(&x, (uint32_t)rng_u64(&rng));
	assert_in_range(hits, 60, 140);
}

/* An answer's is good from its prefix alone. */
static void answers(void **state)
{
	const uint8_t v4[16] = {192, 0, 2, 1}, near4[16] = {192, 0, 2, 200},
	              far4[16] = {192, 0, 3, 1};
	const uint8_t v6[16] = {0x20, 1, 2, 3, 4, 5, 6, 7},
	              near6[16] = {0x20, 1, 2, 3, 4, 5, 6, 99, 1},
	              far6[16] = {0x20, 1, 2, 3, 4, 5, 7, 7};
	const uint8_t mac[6] = {2, 0, 0, 0, 0, 1}, other[6] = {2, 0, 0, 0, 0, 2};
	unsigned wrong = 0;
	struct hsindex x;

	hsindex_init(&x, (const uint8_t[32]){1});
	for (uint32_t low = 0; low < 2000; low++) {
		uint32_t four = hsindex_answer(&x, low, 4, v4, none),
		         six = hsindex_answer(&x, low, 6, v6, none),
		         ether = hsindex_answer(&x, low, 0, v4, mac);

		assert_true(hsindex_answer_is(&x, four, 4, near4, none));
		assert_true(hsindex_answer_is(&x, six, 6, near6, none));
		assert_true(hsindex_answer_is(&x, ether, 0, v6, mac));
		wrong += hsindex_answer_is(&x, four, 4, far4, none);
		wrong += hsindex_answer_is(&x, six, 6, far6, none);
		wrong += hsindex_answer_is(&x, ether, 0, v4, other);
		wrong += hsindex_own_is(&x, four) + hsindex_own_is(&x, six) +
		         hsindex_own_is(&x, ether);
	}
	assert_true(wrong < 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(own),
	        cmocka_unit_test(guesses),
	        cmocka_unit_test(answers),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
