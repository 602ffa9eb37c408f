/* SPDX-License-Identifier: BSD-3-Clause */
/* The number map: growth, deletion in the middle of probe runs, refusals. */
#include "base/rng.h"
#include "table/drop.h"
#include "table/u32map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define KEYS 3000

static void *alloc(void *arg, size_t n)
{
	return calloc(1, n);
}

static void release(void *arg, void *p, size_t n)
{
	free(p);
}

static void *refuse(void *arg, size_t n)
{
	return NULL;
}

static const struct table_mem mem = {alloc, release, NULL};

static void test_random_life(void **state)
{
	static char value[KEYS];
	bool there[KEYS] = {0};
	struct u32map m = {0};
	struct rng_seeded s;
	struct rng r;
	unsigned n = 0;

	rng_seeded_init(&s, 5);
	r = rng_from_seeded(&s);
	for (unsigned i = 0; i < 200000; i++) {
		uint32_t k = (uint32_t)rng_below(&r, KEYS), key = k * 0x10000 + k;

		if (rng_below(&r, 2)) {
			assert_int_equal(u32map_add(&m, &mem, key, &value[k]),
			                 there[k] ? -EEXIST : 0);
			n += !there[k];
			there[k] = true;
		} else {
			assert_ptr_equal(u32map_del(&m, key), there[k] ? &value[k] : NULL);
			n -= there[k];
			there[k] = false;
		}
		k = (uint32_t)rng_below(&r, KEYS);
		assert_ptr_equal(u32map_get(&m, k * 0x10000 + k), there[k] ? &value[k] : NULL);
		assert_int_equal(m.n, n);
	}
	u32map_clear(&m, &mem);
	assert_null(u32map_get(&m, 0));
	assert_null(u32map_del(&m, 0));
}

static void test_no_memory(void **state)
{
	const struct table_mem none = {refuse, release, NULL};
	struct u32map m = {0};
	char v;

	assert_int_equal(u32map_add(&m, &none, 1, &v), -ENOMEM);
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(u32map_add(&m, &mem, i, &v), 0);
	assert_int_equal(u32map_add(&m, &none, 99, &v), -ENOMEM);
	assert_null(u32map_get(&m, 99));
	assert_ptr_equal(u32map_get(&m, 7), &v);
	u32map_clear(&m, &mem);
}

static void test_every_drop_has_a_row(void **state)
{
	for (unsigned i = 0; i < DROP_REASONS; i++) {
		assert_true(strlen(drop_rows[i].name) > 1 && strlen(drop_rows[i].text) > 8);
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(drop_rows[i].name, drop_rows[k].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_random_life),
	        cmocka_unit_test(test_no_memory),
	        cmocka_unit_test(test_every_drop_has_a_row),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
