/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker's memory: label-map chunks cut from slabs, each zeroed and its own, given back and used again. */
#include "core/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE  sizeof(struct ilm_chunk)
#define PIECES 600 /* beyond the first slab, and the second */

static bool zeroed(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

static void test_pieces(void **state)
{
	static uint8_t *piece[PIECES];
	struct arena a = {0};

	for (unsigned i = 0; i < PIECES; i++) {
		piece[i] = arena_alloc(&a, PIECE);
		assert_non_null(piece[i]);
		assert_int_equal((uintptr_t)piece[i] % 64, 0);
		assert_true(zeroed(piece[i], PIECE));
		memset(piece[i], (int)(i % 255 + 1), PIECE);
	}
	for (unsigned i = 0; i < PIECES; i++) /* none lies in another */
		assert_true(piece[i][0] == i % 255 + 1 && piece[i][PIECE - 1] == i % 255 + 1);
	assert_int_equal(a.bytes, PIECES * PIECE);
	arena_free(&a, piece[3], PIECE);
	arena_free(&a, piece[500], PIECE);
	assert_int_equal(a.bytes, (PIECES - 2) * PIECE);
	assert_ptr_equal(arena_alloc(&a, PIECE), piece[500]); /* no new memory while there is old */
	assert_ptr_equal(arena_alloc(&a, PIECE), piece[3]);
	assert_true(zeroed(piece[3], PIECE) && zeroed(piece[500], PIECE));
	arena_clear(&a);
	assert_null(a.slabs);
}

static void test_other_sizes(void **state)
{
	struct arena a = {0};
	uint8_t *p = arena_alloc(&a, 100), *q = arena_alloc(&a, 5000);

	assert_true(p && q && zeroed(p, 100) && zeroed(q, 5000));
	assert_int_equal((uintptr_t)p % 64 + (uintptr_t)q % 64, 0);
	assert_int_equal(a.bytes, 5100);
	arena_free(&a, p, 100);
	arena_free(&a, q, 5000);
	assert_int_equal(a.bytes, 0);
	arena_clear(&a);
}

static size_t resident(void *p, size_t n)
{
	unsigned char in[ILM_ROOT_BYTES / 4096];
	size_t k = 0;

	assert_int_equal(mincore(p, n, in), 0);
	for (size_t i = 0; i < n / (size_t)sysconf(_SC_PAGESIZE); i++)
		k += in[i] & 1;
	return k;
}

/* A link with one label needs one word of its map's root: that costs one page, and the next one starts zeroed again. */
static void test_roots_take_memory_by_the_page(void **state)
{
	static uint8_t *root[100];
	struct arena a = {0};

	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 100; i++) {
			root[i] = arena_alloc(&a, ILM_ROOT_BYTES);
			assert_non_null(root[i]);
			assert_int_equal((uintptr_t)root[i] % 64, 0);
			assert_int_equal(resident(root[i], ILM_ROOT_BYTES), 0);
			assert_int_equal(root[i][i * 80], 0);
			root[i][i * 80] = 1;
		}
		assert_int_equal(a.bytes, 100 * ILM_ROOT_BYTES);
		for (unsigned i = 0; i < 100; i++) {
			assert_int_equal(resident(root[i], ILM_ROOT_BYTES), 1);
			arena_free(&a, root[i], ILM_ROOT_BYTES);
		}
		assert_int_equal(a.bytes, 0);
	}
	arena_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_pieces),
	        cmocka_unit_test(test_other_sizes),
	        cmocka_unit_test(test_roots_take_memory_by_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
