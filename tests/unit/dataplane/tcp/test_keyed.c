/* SPDX-License-Identifier: BSD-3-Clause */
/* The keyed hash against another implementation of SipHash-1-3: CPython 3.11 over the same 16 bytes, two keys of PYTHONHASHSEED. */
#include "tcp/keyed.h"
#include "tcptest.h"

static void test_other_implementation(void **state)
{
	static const struct {
		struct tcp_key key;
		uint64_t a, b, hash;
	} rows[] = {
	        {{0, 0}, 0, 0, 0x76be999e3e25b2a0},
	        {{0, 0}, 1, 2, 0xfb058313e6201d48},
	        {{0, 0}, 0x0123456789abcdef, 0xfedcba9876543210, 0x26a9fe81d3b46069},
	        {{0, 0}, UINT64_MAX, 7, 0xb8464237e0260eb7},
	        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 0, 0, 0xb43d0a00e2df88b5},
	        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 1, 2, 0x3d0750316e2aa19b},
	        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1},
	         0x0123456789abcdef,
	         0xfedcba9876543210,
	         0x148ad8b8cd799914},
	        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, UINT64_MAX, 7, 0x09fc317c8e1712af},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(tcp_keyed(&rows[i].key, rows[i].a, rows[i].b) == rows[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_other_implementation),
	};

	return cmocka_run_group_tests_name("tcp keyed", tests, NULL, NULL);
}
