/* SPDX-License-Identifier: BSD-3-Clause */
/* A coyo that was built without libqrencode says so, and what draws the code instead. */
#include "libcoyo/tool/qr.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void says_what_is_missing(void **state)
{
	char why[COYO_WHY_MAX], text[ID_TEXT_LEN + 1];
	const struct node_id id = {{1, 2, 3}};

	id_to_text(&id, text);
	assert_int_equal(qr_show(&id, why), -ENOSYS);
	assert_non_null(strstr(why, "built without libqrencode"));
	assert_string_equal(why + strlen(why) - ID_TEXT_LEN, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_is_missing)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
