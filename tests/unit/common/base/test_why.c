/* SPDX-License-Identifier: BSD-3-Clause */
/* Sentences that say why: cut at their room, without bytes of control, and with their errno. */
#include "base/why.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void says_and_returns(void **state)
{
	char why[16];

	assert_int_equal(why_say(why, sizeof(why), ENOENT, "no %s here", "file"), -ENOENT);
	assert_string_equal(why, "no file here");
	assert_int_equal(why_say(NULL, 0, EPERM, "nobody %s", "asks"), -EPERM);
}

static void is_cut_at_its_room(void **state)
{
	char why[9] = "12345678";

	assert_int_equal(why_say(why, 8, EIO, "%s", "abcdefghijk"), -EIO);
	assert_string_equal(why, "abcdefg");
	assert_int_equal(why[8], '\0');
}

static void holds_no_control(void **state)
{
	char why[32];

	assert_int_equal(why_say(why, sizeof(why), EINVAL, "a\nb\x1b[c\x7f \xc3\xa4"), -EINVAL);
	assert_string_equal(why, "a?b?[c? \xc3\xa4");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(says_and_returns),
	                                   cmocka_unit_test(is_cut_at_its_room),
	                                   cmocka_unit_test(holds_no_control)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
