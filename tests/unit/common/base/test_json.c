/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON writer: commas, escapes, numbers that JSON cannot hold. */
#include "base/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void structure(void **state)
{
	struct json j = {0};

	json_object(&j, NULL);
	json_str(&j, "a", "b");
	json_array(&j, "list");
	json_uint(&j, NULL, UINT64_MAX);
	json_object(&j, NULL);
	json_object_end(&j);
	json_array(&j, NULL);
	json_array_end(&j);
	json_object(&j, NULL);
	json_bool(&j, "yes", true);
	json_bool(&j, "no", false);
	json_null(&j, "nothing");
	json_object_end(&j);
	json_array_end(&j);
	json_double(&j, "half", 0.5);
	json_object_end(&j);
	assert_false(j.failed);
	assert_string_equal(j.text,
	                    "{\"a\":\"b\",\"list\":[18446744073709551615,"
	                    "{},[],{\"yes\":true,\"no\":false,\"nothing\":null}],\"half\":0.5}");
	assert_int_equal(j.len, strlen(j.text));
	json_free(&j);
	assert_null(j.text);
}

static void text(const char *in, const char *want)
{
	struct json j = {0};

	json_str(&j, NULL, in);
	assert_string_equal(j.text, want);
	json_free(&j);
}

static void escapes(void **state)
{
	text("", "\"\"");
	text("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
	text("\n\t\x01\x1f\x7f", "\"\\u000a\\u0009\\u0001\\u001f\\u007f\"");
}

/* RFC 8259, section 8.1: the document is UTF-8, whatever a name in a config file holds. */
static void utf8(void **state)
{
	text("Z\xc3\xbcrich", "\"Z\xc3\xbcrich\"");
	text("\xe2\x82\xac", "\"\xe2\x82\xac\"");
	text("\xf0\x9f\x98\x80.", "\"\xf0\x9f\x98\x80.\"");
	text("\xc3", "\"\\ufffd\"");                                  /* cut short */
	text("a\xffz", "\"a\\ufffdz\"");                              /* never occurs */
	text("\xc0\xaf", "\"\\ufffd\\ufffd\"");                       /* longer than need be */
	text("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"");            /* half of a surrogate pair */
	text("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\""); /* past U+10FFFF */
	text("\xe2\x82", "\"\\ufffd\\ufffd\"");
}

static void number(double v, const char *want)
{
	struct json j = {0};

	json_double(&j, NULL, v);
	assert_string_equal(j.text, want);
	json_free(&j);
}

static void doubles(void **state)
{
	number(0, "0");
	number(-1.25, "-1.25");
	number(1e300, "1e+300");
	number(NAN, "null");
	number(INFINITY, "null");
	number(-INFINITY, "null");
}

static void growing(void **state)
{
	struct json j = {0};

	json_array(&j, NULL);
	for (unsigned i = 0; i < 100000; i++)
		json_uint(&j, NULL, i % 10);
	json_array_end(&j);
	assert_int_equal(j.len, 2 + 100000 + 99999);
	assert_int_equal(j.text[j.len], 0);
	json_free(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(structure), cmocka_unit_test(escapes), cmocka_unit_test(utf8),
	        cmocka_unit_test(doubles),   cmocka_unit_test(growing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
