/* SPDX-License-Identifier: BSD-3-Clause */
/* The connection table against a list of connections. */
#include "base/rng.h"
#include "tcptest.h"

#include <stdlib.h>

static void test_table_against_a_list(void **state)
{
	struct tcp_cfg cfg;
	struct tcp_stack *s;
	void *mem;
	struct conn *have[300] = {NULL};
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);

	(void)state;
	rng_seeded_init(&seed, 3);
	tt_cfg(&cfg);
	cfg.max_conns = 300;
	mem = aligned_alloc(64, (tcp_stack_size(&cfg) + 63) & ~(size_t)63);
	s = tcp_stack_init(mem, tcp_stack_size(&cfg), &cfg, (struct instant){0});
	assert_int_equal(tcp_peer_set(s, 1, 0, 0, 0), 0);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rng_below(&rng, 300);

		if (have[i]) {
			have[i]->state = TCP_SYN_SENT;
			conn_end(s, have[i], 0, 0);
			have[i] = NULL;
		} else {
			have[i] = conn_new(s, 1, (uint16_t)i, 9);
			assert_non_null(have[i]);
		}
		i = (unsigned)rng_below(&rng, 300);
		assert_ptr_equal(table_find(s, 1, (uint16_t)i, 9), have[i]);
		assert_null(table_find(s, 1, (uint16_t)i, 10));
	}
	free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_table_against_a_list),
	};

	return cmocka_run_group_tests_name("tcp table", tests, NULL, NULL);
}
