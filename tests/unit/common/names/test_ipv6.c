/* SPDX-License-Identifier: BSD-3-Clause */
/* The IPv6 view: prefix and first bits of an id, and these as the first characters of the id's text. */
#include "names/ipv6.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_address(void **state)
{
	struct node_id id;
	uint8_t address[16];

	for (unsigned i = 0; i < ID_BYTES; i++)
		id.b[i] = (uint8_t)(i * 37 + 11);
	ip6_of_id(&id, NAMES_IPV6_PREFIX, address);
	assert_int_equal(address[0], 0xfd);
	assert_memory_equal(address + 1, id.b, 15);
	ip6_of_id(&id, 0x02, address);
	assert_int_equal(address[0], 0x02);
}

static void test_start_is_how_the_text_begins(void **state)
{
	uint8_t back[NAMES_START_BYTES];
	char start[NAMES_START_LEN + 1], text[ID_TEXT_LEN + 1];
	struct node_id id;

	for (unsigned run = 0; run < 1000; run++) {
		for (unsigned i = 0; i < ID_BYTES; i++)
			id.b[i] = (uint8_t)((run * 2654435761u + i * 40503u) >> 7);
		id_to_text(&id, text);
		names_start_to_text(id.b, start);
		assert_memory_equal(start, text, NAMES_START_LEN);
		assert_true(names_start_from_text(text, NAMES_START_LEN, back));
		assert_memory_equal(back, id.b, NAMES_START_BYTES);
	}
}

static void test_no_start(void **state)
{
	char text[NAMES_START_LEN + 2] = "aaaaaaaaaaaaaaaaaaaaaaaaa";
	uint8_t start[NAMES_START_BYTES] = {7}, seven[NAMES_START_BYTES] = {7};

	assert_false(names_start_from_text(text, NAMES_START_LEN - 1, start));
	assert_false(names_start_from_text(text, NAMES_START_LEN + 1, start));
	for (unsigned i = 0; i < NAMES_START_LEN; i++) {
		static const char wrong[] = {'\0', '0', '1', '8', '9', '.', ' ', '-', (char)0xe4};

		for (unsigned k = 0; k < sizeof(wrong); k++) {
			text[i] = wrong[k];
			assert_false(names_start_from_text(text, NAMES_START_LEN, start));
		}
		text[i] = 'A';
	}
	assert_memory_equal(start, seven, sizeof(start));
	assert_true(names_start_from_text(text, NAMES_START_LEN, start));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_address),
	        cmocka_unit_test(test_start_is_how_the_text_begins),
	        cmocka_unit_test(test_no_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
