/* SPDX-License-Identifier: BSD-3-Clause */
/* Node records: layout, the part a signature covers, and that every changed bit breaks the signature. */
#include "tests/lib/mutate.h"

#include "crypto/identity.h"
#include "wire/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_record, 81));
}

static size_t signed_record(struct identity *me, uint8_t *buf, size_t cap)
{
	static const uint8_t seed[32] = {7};
	struct record rec = {.seq = 0x0102030405060708, .puzzle = 9, .ntrees = 1, .flags = 1};
	struct wr w = wr_init(buf, cap);

	assert_int_equal(identity_from_seed(me, seed), 0);
	memcpy(rec.key, me->ed_public, 32);
	rec.place[0].root = 0x1112131415161718;
	assert_true(coords_push(&rec.place[0].coords, 200));
	record_write(&w, &rec);
	sig_sign(me, RECORD_CONTEXT, buf, wr_len(&w) - RECORD_SIG_BYTES, rec.sig);
	w = wr_init(buf, cap);
	record_write(&w, &rec);
	assert_true(wr_ok(&w));
	return wr_len(&w);
}

static bool valid(const uint8_t *buf, size_t len)
{
	struct rd r = rd_init(buf, len);
	const uint8_t *body;
	struct record rec;
	size_t n;

	return record_read(&r, &rec, &body, &n) && rd_done(&r) &&
	       sig_verify(rec.key, RECORD_CONTEXT, body, n, rec.sig) == 0;
}

static void layout(void **state)
{
	struct identity me;
	uint8_t buf[RECORD_MAX];
	size_t n = signed_record(&me, buf, sizeof(buf));
	static const uint8_t rest[] = {1,    2,    3,    4,    5,    6,    7, 8, 0,    0,
	                               0,    0,    0,    0,    0,    9,    1, 1, 0x11, 0x12,
	                               0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0, 2, 0x80, 0xc8};

	assert_int_equal(n, 32 + sizeof(rest) + 64);
	assert_memory_equal(buf, me.ed_public, 32);
	assert_memory_equal(buf + 32, rest, sizeof(rest));
}

static void every_bit_is_signed(void **state)
{
	struct identity me;
	uint8_t buf[RECORD_MAX];
	size_t n = signed_record(&me, buf, sizeof(buf));

	assert_true(valid(buf, n));
	for (size_t i = 0; i < n * 8; i++) {
		buf[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_false(valid(buf, n));
		buf[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t i = 0; i < n; i++)
		assert_false(valid(buf, i));
}

static void largest(void **state)
{
	static struct record rec = {.ntrees = RECORD_TREES_MAX}; /* kilobytes */
	uint8_t buf[RECORD_MAX + 1];
	struct wr w = wr_init(buf, sizeof(buf));

	for (unsigned t = 0; t < RECORD_TREES_MAX; t++)
		for (unsigned i = 0; i < 300; i++)
			assert_true(coords_push(&rec.place[t].coords, 500 + i % 2));
	record_write(&w, &rec);
	assert_int_equal(wr_len(&w), RECORD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),
	        cmocka_unit_test(layout),
	        cmocka_unit_test(every_bit_is_signed),
	        cmocka_unit_test(largest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
