/* SPDX-License-Identifier: BSD-3-Clause */
/* Label stack entries: every field at its place (RFC 3032, section 2.1). */
#include "base/cc.h"
#include "wire/lse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void fields(void **state)
{
	static const uint32_t labels[] = {0, 1, 13, 15, 16, 0x12345, LABEL_MAX};

	assert_int_equal(lse_make(0x12345, 5, true, 0x67), 0x12345b67);
	assert_int_equal(lse_make(LABEL_GAL, TC_CONTROL, true, 255), 0x0000ddff);
	for (unsigned i = 0; i < ARRAY_LEN(labels); i++)
		for (unsigned tc = 0; tc < 8; tc++)
			for (unsigned s = 0; s < 2; s++)
				for (unsigned ttl = 0; ttl < 256; ttl++) {
					uint32_t lse = lse_make(labels[i], tc, s, ttl);

					assert_int_equal(lse_label(lse), labels[i]);
					assert_int_equal(lse_tc(lse), tc);
					assert_int_equal(lse_bottom(lse), s);
					assert_int_equal(lse_ttl(lse), ttl);
				}
}

static void granted(void **state)
{
	for (uint32_t label = 0; label < 0x200000; label++)
		assert_int_equal(label_grant_ok(label), label > 15 && label < LABEL_SPACE);
	assert_true(label_grant_ok(UINT32_MAX));
	assert_false(label_grant_ok(UINT32_MAX - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(fields), cmocka_unit_test(granted)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
