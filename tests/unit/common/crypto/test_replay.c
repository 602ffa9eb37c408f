/* SPDX-License-Identifier: BSD-3-Clause */
/* The replay window against a twin that keeps every counter it ever saw. */
#include "base/rng.h"
#include "crypto/replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>

#define SEEN_SLOTS (1u << 18)

/* An open-addressed set of counters + 1. */
struct twin {
	uint64_t *slot;
	uint64_t newest;
	bool any;
};

static uint64_t *place(struct twin *t, uint64_t counter)
{
	uint64_t i = counter * 0x9e3779b97f4a7c15u >> 46;

	while (t->slot[i] && t->slot[i] != counter + 1)
		i = (i + 1) % SEEN_SLOTS;
	return &t->slot[i];
}

static bool twin_check(struct twin *t, uint64_t counter)
{
	if (counter == UINT64_MAX || *place(t, counter))
		return false;
	return !t->any || counter > t->newest || t->newest - counter < REPLAY_WINDOW;
}

static void twin_commit(struct twin *t, uint64_t counter)
{
	*place(t, counter) = counter + 1;
	if (!t->any || counter > t->newest)
		t->newest = counter;
	t->any = true;
}

static void run(uint64_t seed, uint64_t start, uint64_t jump)
{
	struct twin t = {.slot = calloc(SEEN_SLOTS, sizeof(uint64_t))};
	struct replay r = {0};
	struct rng_seeded s;
	struct rng rng;
	unsigned took = 0, left = 0;

	rng_seeded_init(&s, seed);
	rng = rng_from_seeded(&s);
	for (unsigned i = 0; i < 150000; i++) {
		uint64_t base = t.any ? t.newest : start, c;
		bool want;

		switch (rng_below(&rng, 8)) {
		case 0:
			c = base + 1 + rng_below(&rng, jump);
			break;
		case 1:
			c = base - rng_below(&rng, 2 * REPLAY_WINDOW);
			break;
		case 2: /* around the far edge */
			c = base - REPLAY_WINDOW + 3 - rng_below(&rng, 6);
			break;
		case 3:
			c = base - rng_below(&rng, 70);
			break;
		default:
			c = base + 1;
		}
		if (base < 2 * REPLAY_WINDOW && c > base + jump)
			c = 0; /* below the first counter */
		want = twin_check(&t, c);
		assert_int_equal(replay_check(&r, c), want);
		assert_int_equal(replay_check(&r, c), want); /* asking changes nothing */
		if (want && rng_below(&rng, 16)) {
			replay_commit(&r, c);
			twin_commit(&t, c);
			took++;
		} else {
			left++;
		}
	}
	assert_true(took > 10000 && left > 10000);
	free(t.slot);
}

static void twins(void **state)
{
	run(1, 0, 3);
	run(2, 0, 64);
	run(3, 100, 5000);
	run(4, UINT64_MAX - 100000, 2); /* up to the last counter, which is never taken */
	run(5, UINT64_C(1) << 36, 1u << 20);
}

static void edges(void **state)
{
	struct replay r = {0};

	assert_true(replay_check(&r, 0));
	assert_false(replay_check(&r, UINT64_MAX));
	replay_commit(&r, 0);
	assert_false(replay_check(&r, 0));
	replay_commit(&r, REPLAY_WINDOW);
	assert_false(replay_check(&r, 0)); /* seen, and now too old */
	assert_true(replay_check(&r, 1));
	replay_commit(&r, UINT64_MAX - 1);
	assert_false(replay_check(&r, UINT64_MAX - 1));
	assert_false(replay_check(&r, UINT64_MAX));
	assert_true(replay_check(&r, UINT64_MAX - 2));
	assert_true(replay_check(&r, UINT64_MAX - REPLAY_WINDOW));
	assert_false(replay_check(&r, UINT64_MAX - REPLAY_WINDOW - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(twins), cmocka_unit_test(edges)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
