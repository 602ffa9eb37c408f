/* SPDX-License-Identifier: BSD-3-Clause */
/* The sealed link header: its bytes, and what is refused. */
#include "tests/lib/mutate.h"

#include "wire/link.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_link, 21));
}

static void bytes(void **state)
{
	const struct link_header h = {.type = LINK_DATA,
	                              .flags = 0x12,
	                              .length = 2,
	                              .receiver = 0x03040506,
	                              .counter = 0x0708090a0b0c0d0e};
	static const uint8_t want[18] = {0x52, 0x12, 0,   2,   3,   4,   5,   6,    7,
	                                 8,    9,    0xa, 0xb, 0xc, 0xd, 0xe, 0xee, 0xee};
	struct link_header back;
	uint8_t buf[18];

	memset(buf, 0xee, sizeof(buf));
	link_header_put(buf, &h);
	assert_memory_equal(buf, want, sizeof(want));
	assert_true(link_header_get(buf, sizeof(buf), &back));
	assert_int_equal(back.type, h.type);
	assert_int_equal(back.flags, h.flags);
	assert_int_equal(back.length, h.length);
	assert_int_equal(back.receiver, h.receiver);
	assert_true(back.counter == h.counter);
	assert_false(link_header_get(buf, 17, &back)); /* length runs past the frame */
	assert_false(link_header_get(buf, 15, &back));
	buf[0] = 0x51;
	assert_false(link_header_get(buf, sizeof(buf), &back)); /* version */
	buf[0] = 0x11;
	assert_true(link_header_get(buf, sizeof(buf), &back)); /* in which a first message may be */
	assert_int_equal(back.version, 1);
	buf[0] = 0x6f;
	assert_true(link_header_get(buf, sizeof(buf), &back)); /* and a refusal */
	buf[0] = 0x02;
	assert_false(link_header_get(buf, sizeof(buf), &back)); /* type 0 */
	buf[0] = 0x72;
	assert_false(link_header_get(buf, sizeof(buf), &back)); /* type 7 */
}

static void refusal(void **state)
{
	static const uint8_t want[LINK_REFUSED_MAC] = {5, 0, 0, 0, 1, 2, 3, 4};
	uint8_t buf[LINK_REFUSED_BYTES] = {0};
	struct link_refused r = {.reason = REFUSED_USE_XX, .value = 0x01020304};

	link_refused_put(buf, &r);
	assert_memory_equal(buf, want, sizeof(want));
	r = (struct link_refused){0};
	assert_true(link_refused_get(buf, sizeof(buf), &r));
	assert_int_equal(r.reason, REFUSED_USE_XX);
	assert_int_equal(r.value, 0x01020304);
	assert_false(link_refused_get(buf, sizeof(buf) - 1, &r));
	buf[0] = 99; /* a later version's */
	assert_true(link_refused_get(buf, sizeof(buf), &r));
	buf[0] = 0;
	assert_false(link_refused_get(buf, sizeof(buf), &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(trials), cmocka_unit_test(bytes),
	                                   cmocka_unit_test(refusal)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
