/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 without its addresses: layout byte by byte, what is refused, and every packet comes back as it was, whole or in two halves. */
#include "tests/lib/mutate.h"

#include "wire/ip6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void ids(struct node_id *a, struct node_id *b)
{
	for (unsigned i = 0; i < ID_BYTES; i++) {
		a->b[i] = (uint8_t)(1 + i);
		b->b[i] = (uint8_t)(0x81 + i);
	}
}

static void test_address_of_an_id(void **state)
{
	struct node_id a, b;
	uint8_t addr[IP6_ADDR_BYTES];

	ids(&a, &b);
	ip6_of_id(&a, 0xfd, addr);
	assert_memory_equal(addr, "\xfd\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf", 16);
}

static void test_layout(void **state)
{
	const struct ip6_elided whole = {.prefix = 0xfd,
	                                 .next_header = IP6_NEXT_UDP,
	                                 .hop_limit = 64,
	                                 .flow_label = 0xabcde};
	struct ip6_elided half = whole, back;
	uint8_t p[16];

	assert_int_equal(ip6_elided_put(p, &whole), IP6_ELIDED_BYTES);
	assert_memory_equal(p, "\x0f\xda\xbc\xde\x11\x40", 6);
	assert_int_equal(ip6_elided_get(p, 6, &back), IP6_ELIDED_BYTES);
	assert_true(back.form == IP6_WHOLE && back.prefix == 0xfd && back.flow_label == 0xabcde &&
	            back.next_header == 17 && back.hop_limit == 64 && back.traffic_class == 0);
	half.form = IP6_SECOND;
	half.split = 0x0102;
	assert_int_equal(ip6_elided_put(p, &half), IP6_HALF_BYTES);
	assert_memory_equal(p, "\x8f\xda\xbc\xde\x11\x40\1\2", 8);
	assert_int_equal(ip6_elided_get(p, 8, &back), IP6_HALF_BYTES);
	assert_int_equal(back.split, 0x0102);
}

static void test_what_is_refused(void **state)
{
	struct ip6_elided h;
	uint8_t p[8] = {0x0f, 0xd0, 0, 0, 6, 64, 0, 0};

	for (size_t n = 0; n < IP6_ELIDED_BYTES; n++)
		assert_int_equal(ip6_elided_get(p, n, &h), 0);
	assert_int_equal(ip6_elided_get(p, 6, &h), 6);
	p[0] |= 0x40;
	assert_int_equal(ip6_elided_get(p, 7, &h), 0); /* a half needs its number */
	assert_int_equal(ip6_elided_get(p, 8, &h), 8);
	p[0] |= 0xc0; /* a fourth form */
	assert_int_equal(ip6_elided_get(p, 8, &h), 0);
	for (unsigned bit = 4; bit < 6; bit++) { /* bits that nobody sets yet */
		p[0] = (uint8_t)(0x0f | 1 << bit);
		assert_int_equal(ip6_elided_get(p, 8, &h), 0);
	}
}

static void test_header_comes_back(void **state)
{
	uint8_t p[IP6_HEADER_BYTES + 5] = {0x6b, 0x7a, 0xbc, 0xde, 0, 5, 58, 255},
	                             q[IP6_HEADER_BYTES];
	struct node_id a, b;
	struct ip6_elided h;

	ids(&a, &b);
	ip6_of_id(&a, 0xfc, p + 8);
	ip6_of_id(&b, 0xfc, p + 24);
	assert_true(ip6_header_get(p, sizeof(p), &h));
	assert_int_equal(h.traffic_class, 0xb7);
	assert_int_equal(h.prefix, 0xfc);
	ip6_header_put(q, &h, 5, &a, &b);
	assert_memory_equal(p, q, IP6_HEADER_BYTES);
	assert_false(ip6_header_get(p, sizeof(p) - 1, &h));
	assert_false(ip6_header_get(p, IP6_HEADER_BYTES - 1, &h));
	p[0] = 0x45;
	assert_false(ip6_header_get(p, sizeof(p), &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_address_of_an_id),
	        cmocka_unit_test(test_layout),
	        cmocka_unit_test(test_what_is_refused),
	        cmocka_unit_test(test_header_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
