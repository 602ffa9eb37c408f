/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of commands that run: what goes in comes out once, whatever the order. */
#include "libcoyo/tool/children.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static struct child make(int i)
{
	struct child c = {.pid = 1000 + i, .port = (uint16_t)(i + 1), .began_ms = (uint64_t)i * 10};

	c.peer[0] = (uint8_t)(i % 3);
	c.peer[COYO_ID_BYTES - 1] = 1;
	return c;
}

static void test_in_and_out(void **state)
{
	struct children t;
	struct child c;

	(void)state;
	assert_int_equal(children_init(&t, 100), 0);
	for (int i = 0; i < 100; i++) {
		c = make(i);
		children_add(&t, &c);
	}
	assert_int_equal(t.n, t.cap);
	/* 37 and 100 have no divisor in common: each once, in an order of its own. */
	for (int k = 0; k < 100; k++) {
		int i = k * 37 % 100;
		struct child want = make(i);

		assert_true(children_take(&t, 1000 + i, &c));
		assert_memory_equal(c.peer, want.peer, sizeof(c.peer));
		assert_int_equal(c.port, want.port);
		assert_int_equal(c.began_ms, want.began_ms);
		assert_false(children_take(&t, 1000 + i, &c));
	}
	assert_int_equal(t.n, 0);
	children_free(&t);
}

static void test_none_of_ours(void **state)
{
	struct child one = make(1), out = make(2);
	struct children t;

	(void)state;
	assert_int_equal(children_init(&t, 2), 0);
	assert_false(children_take(&t, 1001, &out));
	children_add(&t, &one);
	assert_false(children_take(&t, 1002, &out));
	assert_int_equal(out.pid, 1002);
	assert_int_equal(t.n, 1);
	children_free(&t);
}

static void test_of_one_peer(void **state)
{
	struct child c = make(0);
	uint8_t nobody[COYO_ID_BYTES] = {0};
	struct children t;

	(void)state;
	assert_int_equal(children_init(&t, 10), 0);
	for (int i = 0; i < 10; i++) {
		struct child one = make(i);

		children_add(&t, &one);
	}
	assert_int_equal(children_of(&t, c.peer), 4);
	assert_int_equal(children_of(&t, nobody), 0);
	assert_true(children_take(&t, 1003, &c));
	assert_int_equal(children_of(&t, c.peer), 3);
	children_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_in_and_out),
	        cmocka_unit_test(test_none_of_ours),
	        cmocka_unit_test(test_of_one_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
