/* SPDX-License-Identifier: BSD-3-Clause */
/* Cursors: an overrun at any point is remembered, reads zeros and writes nothing. */
#include "base/cur.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>

static void read_everything(void **state)
{
	static const uint8_t in[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17};
	struct rd r = rd_init(in, sizeof(in));
	uint8_t two[2];

	assert_int_equal(rd_u8(&r), 1);
	assert_int_equal(rd_be16(&r), 0x0203);
	assert_int_equal(rd_be32(&r), 0x04050607);
	assert_true(rd_be64(&r) == 0x08090a0b0c0d0e0f);
	assert_int_equal(rd_left(&r), 2);
	assert_false(rd_done(&r));
	rd_copy(&r, two, 2);
	assert_memory_equal(two, "\x10\x11", 2);
	assert_true(rd_done(&r));
	assert_non_null(rd_take(&r, 0));
	assert_true(rd_ok(&r));
}

static void overrun_sticks(void **state)
{
	static const uint8_t in[] = {0xff, 0xff, 0xff};
	struct rd r = rd_init(in, sizeof(in));
	uint8_t out[4] = {9, 9, 9, 9};

	assert_int_equal(rd_be32(&r), 0);
	assert_false(rd_ok(&r));
	assert_int_equal(rd_left(&r), 0);
	assert_int_equal(rd_u8(&r), 0); /* although three bytes are there */
	assert_null(rd_take(&r, 0));
	rd_copy(&r, out, 4);
	assert_memory_equal(out, "\0\0\0\0", 4);
	assert_false(rd_done(&r));
	r = rd_init(in, sizeof(in));
	assert_null(rd_take(&r, SIZE_MAX)); /* no sum can wrap */
}

static void writer(void **state)
{
	uint8_t buf[20];
	struct wr w = wr_init(buf, 19);

	memset(buf, 0xee, sizeof(buf));
	wr_u8(&w, 1);
	wr_be16(&w, 0x0203);
	wr_be32(&w, 0x04050607);
	wr_be64(&w, 0x08090a0b0c0d0e0f);
	wr_zero(&w, 2);
	wr_copy(&w, "xy", 2);
	assert_true(wr_ok(&w));
	assert_int_equal(wr_len(&w), 19);
	assert_memory_equal(buf, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\0\0xy\xee", 20);
	wr_copy(&w, NULL, 0);
	assert_true(wr_ok(&w));
	wr_u8(&w, 7);
	assert_false(wr_ok(&w));
	assert_int_equal(buf[19], 0xee);
	assert_int_equal(wr_len(&w), 19);
}

static void nothing_after_overrun(void **state)
{
	uint8_t buf[3] = {0};
	struct wr w = wr_init(buf, sizeof(buf));

	wr_be32(&w, UINT32_MAX);
	wr_u8(&w, 1);
	wr_zero(&w, 1);
	assert_null(wr_take(&w, 0));
	assert_int_equal(wr_len(&w), 0);
	assert_memory_equal(buf, "\0\0\0", 3);
}

/* Random sequences: what is written comes back, and each cap stops reader and writer at the same place. */
static void twins(void **state)
{
	struct rng_seeded s;
	struct rng rng;

	rng_seeded_init(&s, 2);
	rng = rng_from_seeded(&s);
	for (unsigned run = 0; run < 20000; run++) {
		size_t cap = rng_below(&rng, 64), used = 0;
		uint8_t *buf = malloc(cap ? cap : 1), kinds[16];
		struct wr w = wr_init(buf, cap);
		struct rd r;
		uint64_t v[16];
		unsigned fitted = 0;
		static const uint8_t size[4] = {1, 2, 4, 8};

		for (unsigned i = 0; i < 16; i++) {
			unsigned n = size[kinds[i] = (uint8_t)rng_below(&rng, 4)];

			v[i] = rng_u64(&rng) >> (64 - 8 * n);
			if (n == 1)
				wr_u8(&w, (uint8_t)v[i]);
			else if (n == 2)
				wr_be16(&w, (uint16_t)v[i]);
			else if (n == 4)
				wr_be32(&w, (uint32_t)v[i]);
			else
				wr_be64(&w, v[i]);
			if (fitted == i && used + n <= cap) {
				used += n;
				fitted++;
			}
		}
		assert_int_equal(wr_len(&w), used);
		assert_int_equal(wr_ok(&w), fitted == 16);
		r = rd_init(buf, used);
		for (unsigned i = 0; i < 16; i++) {
			unsigned n = size[kinds[i]];
			uint64_t got = n == 1   ? rd_u8(&r)
			               : n == 2 ? rd_be16(&r)
			               : n == 4 ? rd_be32(&r)
			                        : rd_be64(&r);

			assert_true(i >= fitted || got == v[i]);
		}
		assert_int_equal(rd_ok(&r), fitted == 16);
		free(buf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(read_everything), cmocka_unit_test(overrun_sticks),
	        cmocka_unit_test(writer),          cmocka_unit_test(nothing_after_overrun),
	        cmocka_unit_test(twins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
