/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names: there and back, what it refuses, its limit, its copy. tests/twin/twin_names.c tries random ones. */
#include "names/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct node_id numbered(uint32_t n)
{
	struct node_id id = {{0}};

	id.b[0] = (uint8_t)(n * 7); /* in no order, and some differ only further back */
	id.b[40] = (uint8_t)(n >> 16);
	id.b[62] = (uint8_t)(n >> 8);
	id.b[63] = (uint8_t)n;
	return id;
}

static void test_nothing(void **state)
{
	struct names t = {0}, *copy = names_clone(&t);
	struct node_id id = numbered(1);

	assert_null(names_find(&t, "a"));
	assert_null(names_of(&t, &id));
	assert_null(names_after(&t, ""));
	assert_int_equal(copy->n, 0);
	assert_null(names_find(copy, "a"));
	names_discard(copy);
	names_discard(NULL);
	names_free(&t);
}

static void test_there_and_back(void **state)
{
	struct node_id a = numbered(1), b = numbered(2), c = numbered(3);
	struct names t = {0};

	assert_int_equal(names_add(&t, "nas", &a), 0);
	assert_int_equal(names_add(&t, "archive", &a), 0);
	assert_int_equal(names_add(&t, "phone", &b), 0);
	assert_int_equal(names_add(&t, "nas", &a), -EALREADY);
	assert_int_equal(names_add(&t, "nas", &b), -EEXIST);
	assert_int_equal(t.n, 3);
	assert_true(id_eq(&names_find(&t, "nas")->id, &a));
	assert_true(id_eq(&names_find(&t, "archive")->id, &a));
	assert_null(names_find(&t, "na"));
	assert_null(names_find(&t, "nasa"));
	/* Of two names the first that came, not the first of the alphabet. */
	assert_string_equal(names_of(&t, &a)->name, "nas");
	assert_string_equal(names_of(&t, &b)->name, "phone");
	assert_null(names_of(&t, &c));
	assert_string_equal(names_of_start(&t, b.b)->name, "phone");
	assert_null(names_of_start(&t, c.b + 1));
	assert_string_equal(names_after(&t, "")->name, "archive");
	assert_string_equal(names_after(&t, "archive")->name, "nas");
	assert_string_equal(names_after(&t, "o")->name, "phone");
	assert_null(names_after(&t, "phone"));
	names_free(&t);
	assert_null(names_find(&t, "nas"));
}

/* Its limit is told, changes nothing, and what is there is found. */
static void test_full(void **state)
{
	struct names t = {0}, *copy;
	char name[32];

	for (uint32_t i = 0; i < NAMES_MAX; i++) {
		struct node_id id = numbered(i);

		snprintf(name, sizeof(name), "n%u", i * 2654435761u);
		assert_int_equal(names_add(&t, name, &id), 0);
	}
	assert_int_equal(names_add(&t, "more", &t.rows[0].id), -ENOSPC);
	assert_int_equal(names_add(&t, t.rows[7].name, &t.rows[7].id), -EALREADY);
	copy = names_clone(&t);
	names_free(&t);
	for (uint32_t i = 0; i < NAMES_MAX; i++) {
		struct node_id id = numbered(i);

		snprintf(name, sizeof(name), "n%u", i * 2654435761u);
		assert_true(id_eq(&names_find(copy, name)->id, &id));
		assert_string_equal(names_of(copy, &id)->name, name);
	}
	names_discard(copy);
}

/* A copy is added to as any other. */
static void test_copy_grows(void **state)
{
	struct node_id id = numbered(9);
	struct names t = {0}, *copy;

	assert_int_equal(names_add(&t, "a", &id), 0);
	copy = names_clone(&t);
	assert_int_equal(names_add(copy, "b", &id), 0);
	assert_int_equal(copy->n, 2);
	assert_int_equal(t.n, 1);
	names_free(&t);
	assert_string_equal(names_of(copy, &id)->name, "a");
	names_discard(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_nothing),
	        cmocka_unit_test(test_there_and_back),
	        cmocka_unit_test(test_full),
	        cmocka_unit_test(test_copy_grows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
