/* SPDX-License-Identifier: BSD-3-Clause */
/* The replay window against its twin, which remembers every counter it ever saw. */
#include "base/rng.h"
#include "crypto/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define COUNTERS 400000u

struct replay_twin {
	bool seen[COUNTERS];
	uint64_t next;
};

static bool twin_check(const struct replay_twin *t, uint64_t c)
{
	if (c + REPLAY_WINDOW < t->next)
		return false;
	return !t->seen[c];
}

/* Mostly near the newest, sometimes far behind, sometimes a leap. */
static uint64_t any_counter(const struct rng *r, uint64_t next)
{
	uint64_t c;

	switch (rng_below(r, 8)) {
	case 0:
		c = next + rng_below(r, 5000);
		break;
	case 1:
		c = next - rng_below(r, 2 * REPLAY_WINDOW);
		break;
	case 2:
		c = next - REPLAY_WINDOW + rng_below(r, 5) - 2;
		break;
	default:
		c = next + rng_below(r, 64) - 48;
		break;
	}
	return c < COUNTERS ? c : rng_below(r, next < COUNTERS ? next + 1 : COUNTERS);
}

static void test_random_arrivals(void **state)
{
	struct replay_twin *t = malloc(sizeof(*t));

	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct replay w = {0};
		struct rng_seeded s;
		struct rng r;
		unsigned accepted = 0, refused = 0;

		memset(t, 0, sizeof(*t));
		rng_seeded_init(&s, seed);
		r = rng_from_seeded(&s);
		for (unsigned i = 0; i < 30000; i++) {
			uint64_t c = any_counter(&r, t->next);
			bool ok = replay_check(&w, c);

			assert_int_equal(ok, twin_check(t, c));
			if (!ok) {
				refused++;
				continue;
			}
			accepted++;
			if (rng_below(&r, 4) == 0)
				continue; /* forged: checked, never committed */
			replay_commit(&w, c);
			t->seen[c] = true;
			t->next = c >= t->next ? c + 1 : t->next;
			assert_false(replay_check(&w, c));
		}
		assert_true(accepted > 1000 && refused > 1000);
	}
	free(t);
}

static void test_edges(void **state)
{
	struct replay w = {0};

	assert_true(replay_check(&w, 0));
	replay_commit(&w, 0);
	assert_false(replay_check(&w, 0));
	assert_false(replay_check(&w, UINT64_MAX));
	replay_commit(&w, UINT64_MAX - 1);
	assert_false(replay_check(&w, UINT64_MAX - 1));
	assert_true(replay_check(&w, UINT64_MAX - 2));
	assert_false(replay_check(&w, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_random_arrivals),
	        cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
