/* SPDX-License-Identifier: BSD-3-Clause */
/* The stack as a whole: memory it is given, settings that yield to it, time, lists. */
#include "base/rng.h"
#include "tcptest.h"

#include <stdlib.h>
#include <string.h>

static void test_memory(void **state)
{
	struct tcp_cfg cfg;
	size_t size;
	uint8_t *mem;

	(void)state;
	tt_cfg(&cfg);
	size = tcp_stack_size(&cfg);
	assert_true(size > 0);
	mem = aligned_alloc(64, (size + 127) & ~(size_t)63);
	assert_null(tcp_stack_init(mem, size - 1, &cfg, (struct instant){0}));
	assert_null(tcp_stack_init(mem + 8, size, &cfg, (struct instant){0}));
	assert_ptr_equal(tcp_stack_init(mem, size, &cfg, (struct instant){0}), mem);
	cfg.chunks = 0;
	assert_int_equal(tcp_stack_size(&cfg), 0);
	assert_null(tcp_stack_init(mem, size, &cfg, (struct instant){0}));
	free(mem);
}

/* A ring cannot span more than its directory names, the ranges of a connection lie in one chunk. */
static void test_settings_yield(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.chunk_bytes = 1024;
	cfg.sndbuf = cfg.sndbuf_max = cfg.rcvbuf = cfg.rcvbuf_max = 1 << 20;
	cfg.max_ooo = 100000;
	tt_init(&t, &cfg);
	assert_int_equal(t.s->cfg.sndbuf_max, 255 * 1024);
	assert_int_equal(t.s->cfg.sndbuf, 255 * 1024);
	assert_int_equal(t.s->cfg.rcvbuf_max, 255 * 1024);
	assert_int_equal(t.s->cfg.rcvbuf, 255 * 1024);
	assert_int_equal(t.s->cfg.max_ooo, 1024 / sizeof(struct tcp_sack_range));
	tt_free(&t);
}

static void test_time_does_not_go_back(void **state)
{
	struct tt t;
	uint64_t ticks;
	int64_t now;

	(void)state;
	tt_start(&t, false);
	stack_time(t.s, (struct instant){t.now + 5 * NS_PER_S});
	now = t.s->now;
	ticks = t.s->ts_now;
	assert_int_equal(now, t.now + 5 * NS_PER_S);
	assert_int_equal(ticks, (uint64_t)now / (uint64_t)t.s->cfg.ts_clock_ns);
	stack_time(t.s, (struct instant){now - NS_PER_S});
	assert_int_equal(t.s->now, now);
	assert_int_equal(t.s->ts_now, ticks);
	tt_free(&t);
}

/* The order of what is in, kept in an array. */
static void test_list_against_an_array(void **state)
{
	struct conn_list l = {CONN_NONE, CONN_NONE};
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	const size_t link = offsetof(struct conn, queue);
	uint32_t in[32], n = 0;
	struct tt t;

	(void)state;
	rng_seeded_init(&seed, 11);
	tt_start(&t, false);
	for (unsigned step = 0; step < 20000; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, 32), at = 0, k = 0;

		while (at < n && in[at] != i)
			at++;
		if (at < n) {
			list_del(t.s, &l, i, link);
			memmove(&in[at], &in[at + 1], (--n - at) * sizeof(in[0]));
		} else {
			list_add(t.s, &l, i, link);
			in[n++] = i;
		}
		assert_int_equal(l.tail, n ? in[n - 1] : CONN_NONE);
		for (uint32_t c = l.head; c != CONN_NONE; c = t.s->conns[c].queue.next) {
			assert_true(k < n && c == in[k]);
			assert_int_equal(t.s->conns[c].queue.prev, k ? in[k - 1] : CONN_NONE);
			k++;
		}
		assert_int_equal(k, n);
	}
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_memory),
	        cmocka_unit_test(test_settings_yield),
	        cmocka_unit_test(test_time_does_not_go_back),
	        cmocka_unit_test(test_list_against_an_array),
	};

	return cmocka_run_group_tests_name("tcp stack", tests, NULL, NULL);
}
