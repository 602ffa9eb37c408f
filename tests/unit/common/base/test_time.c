/* SPDX-License-Identifier: BSD-3-Clause */
/* Instants: sums that do not wrap, never, order. */
#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void arithmetic(void **state)
{
	const struct instant a = {.ns = 5}, b = {.ns = 7};

	assert_true(instant_add(a, 2).ns == 7);
	assert_true(instant_sub(a, b) == -2);
	assert_true(instant_before(a, b) && !instant_before(b, a) && !instant_before(a, a));
	assert_true(instant_reached(a, a) && instant_reached(a, b) && !instant_reached(b, a));
	assert_true(instant_min(a, b).ns == 5 && instant_min(b, a).ns == 5);
	assert_true(instant_is_never(instant_add(INSTANT_NEVER, 1)));
	assert_true(instant_is_never(instant_add(b, INT64_MAX)));
	assert_true(instant_is_never(INSTANT_NEVER) && !instant_is_never(a));
	assert_true(instant_min(INSTANT_NEVER, a).ns == 5);
	assert_false(instant_reached(INSTANT_NEVER, (struct instant){.ns = INT64_MAX - 1}));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(arithmetic)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
