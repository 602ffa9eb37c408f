/* SPDX-License-Identifier: BSD-3-Clause */
/* The timer wheel against a list of deadlines. */
#include "base/rng.h"
#include "tcptest.h"

#include <stdlib.h>
#include <string.h>

#define NODES 200

static void test_wheel_against_a_list(void **state)
{
	struct wheel_node nodes[NODES];
	int64_t due[NODES], now = 5 * NS_PER_S;
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	struct wheel *w = malloc(sizeof(*w));

	(void)state;
	rng_seeded_init(&seed, 7);
	memset(nodes, 0, sizeof(nodes));
	memset(due, 0, sizeof(due));
	tcp_wheel_init(w, nodes, sizeof(nodes[0]), now);
	for (unsigned step = 0; step < 200000; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, NODES), got;
		int64_t next, first = INT64_MAX;

		/* Delays of all sizes, up to days. */
		due[i] = now + (int64_t)(rng_u64(&rng) >> (17 + rng_below(&rng, 40)));
		if (rng_below(&rng, 8) == 0) {
			tcp_wheel_disarm(w, i);
			due[i] = 0;
		} else {
			tcp_wheel_arm(w, i, due[i]);
		}
		for (unsigned k = 0; k < NODES; k++)
			if (due[k] && due[k] < first)
				first = due[k];
		next = tcp_wheel_next(w);
		if (first == INT64_MAX)
			assert_true(next == INT64_MAX);
		else /* never later than the first, rounded up */
			assert_true(next <= first + (1 << WHEEL_SHIFT));
		now += (int64_t)(rng_u64(&rng) >> (24 + rng_below(&rng, 30)));
		while ((got = tcp_wheel_pop(w, now)) != WHEEL_NONE) {
			assert_true(due[got] && due[got] <= now);
			due[got] = 0;
		}
		for (unsigned k = 0; k < NODES; k++)
			assert_true(!due[k] || due[k] + (1 << WHEEL_SHIFT) > now);
	}
	free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_wheel_against_a_list),
	};

	return cmocka_run_group_tests_name("tcp wheel", tests, NULL, NULL);
}
