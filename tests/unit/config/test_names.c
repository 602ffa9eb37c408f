/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and ids: each id has its name again, however many there are, and whatever becomes of the list. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE "[node]\nkey = k\n"

/* Each id has its name again; of two names for one id the first in the file counts; an id without a name has none. */
static void test_names(void **state)
{
	enum { N = 300 };
	char *text = malloc(1 << 20), id[ID_TEXT_LEN + 1];
	size_t n = (size_t)sprintf(text, "%s[names]\n", NODE);
	struct node_id ids[N + 1];
	struct conf_errors e = {0};
	struct conf c;

	(void)state;
	for (unsigned i = 0; i <= N; i++) {
		memset(&ids[i], 0, sizeof(ids[i]));
		ids[i].b[0] = (uint8_t)(i * 7); /* in no order, and some differ only further back */
		ids[i].b[63] = (uint8_t)(i >> 4);
		ids[i].b[40] = (uint8_t)(i >> 8);
		id_to_text(&ids[i], id);
		if (i < N)
			n += (size_t)sprintf(text + n, "n%u = %s\n", i, id);
	}
	id_to_text(&ids[5], id);
	n += (size_t)sprintf(text + n, "a = %s\n", id);
	assert_int_equal(conf_parse(&c, "t", text, n, &e), 0);
	for (unsigned i = 0; i < N; i++) {
		snprintf(id, sizeof(id), "n%u", i);
		assert_string_equal(conf_id_name(&c, &ids[i]), id);
		assert_true(id_eq(conf_name_id(&c, id), &ids[i]));
	}
	assert_true(id_eq(conf_name_id(&c, "a"), &ids[5]));
	assert_null(conf_id_name(&c, &ids[N]));
	memset(&ids[0], 0xff, sizeof(ids[0]));
	assert_null(conf_id_name(&c, &ids[0]));
	conf_free(&c);
	assert_null(conf_id_name(&c, &ids[1]));
	conf_errors_free(&e);
	free(text);
}

/* Whatever the number of names, each is found, ids before, between and behind them are not, and sorting anew follows a change. */
static void test_every_number(void **state)
{
	for (uint32_t n = 0; n <= 33; n++) {
		struct conf_name names[34] = {0};
		struct conf c = {.names = names, .nnames = n};
		struct node_id other = {0};
		char name[16];

		/* In falling order, with a gap between any two. */
		for (uint32_t i = 0; i < n; i++) {
			snprintf(names[i].name, sizeof(names[i].name), "n%u", i);
			names[i].id.b[63] = (uint8_t)(2 * (n - i));
		}
		/* Not sorted yet: none is found, and nothing is read. */
		assert_null(conf_id_name(&c, &names[0].id));
		assert_int_equal(conf_names_index(&c), 0);
		for (uint32_t i = 0; i <= n; i++) {
			other.b[63] = (uint8_t)(2 * i + 1);
			assert_null(conf_id_name(&c, &other));
		}
		for (uint32_t i = 0; i < n; i++) {
			snprintf(name, sizeof(name), "n%u", i);
			assert_string_equal(conf_id_name(&c, &names[i].id), name);
			assert_ptr_equal(conf_name_id(&c, name), &names[i].id);
		}
		assert_null(conf_name_id(&c, ""));
		if (n > 1) {
			names[n - 1].id = names[0].id;
			assert_int_equal(conf_names_index(&c), 0);
			assert_string_equal(conf_id_name(&c, &names[0].id), "n0");
			/* The same without the first. */
			c.names++;
			c.nnames--;
			assert_int_equal(conf_names_index(&c), 0);
			snprintf(name, sizeof(name), "n%u", n - 1);
			assert_string_equal(conf_id_name(&c, &names[0].id), name);
		}
		c.nnames = 0;
		assert_int_equal(conf_names_index(&c), 0);
		assert_null(c.names_by_id);
		assert_null(conf_id_name(&c, &names[0].id));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_every_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
