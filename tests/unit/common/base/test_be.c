/* SPDX-License-Identifier: BSD-3-Clause */
/* Big-endian loads and stores at every alignment. */
#include "base/be.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void every_alignment(void **state)
{
	uint8_t buf[24];

	for (unsigned at = 0; at < 8; at++) {
		memset(buf, 0xee, sizeof(buf));
		be16_store(buf + at, 0x0102);
		assert_memory_equal(buf + at, "\1\2\xee", 3);
		assert_int_equal(be16_load(buf + at), 0x0102);
		be32_store(buf + at, 0x01020304);
		assert_memory_equal(buf + at, "\1\2\3\4\xee", 5);
		assert_int_equal(be32_load(buf + at), 0x01020304);
		be64_store(buf + at, 0x0102030405060708);
		assert_memory_equal(buf + at, "\1\2\3\4\5\6\7\x8\xee", 9);
		assert_true(be64_load(buf + at) == 0x0102030405060708);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_alignment)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
