/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON reader: what the writer writes is read back; what is no JSON is refused, at any length. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/rng.h"
#include "ctl/jsonread.h"

#include <string.h>

static struct jvalue *read_text(const char *s)
{
	return json_read(s, strlen(s));
}

static void test_good(void **state)
{
	struct jvalue *v = read_text(
	        " {\"a\":[1,-2.5e3,true,false,null],\"b\":\"x\\n\\u00e9\\\"\",\"c\":{}} ");
	const struct jvalue *a = jvalue_get(v, "a");

	(void)state;
	assert_non_null(v);
	assert_int_equal(a->type, J_ARRAY);
	assert_true(a->first->number == 1);
	assert_true(a->first->next->number == -2500);
	assert_true(a->first->next->next->truth);
	assert_string_equal(jvalue_text(v, "b"), "x\n\xc3\xa9\"");
	assert_int_equal(jvalue_get(v, "c")->type, J_OBJECT);
	assert_null(jvalue_get(v, "d"));
	assert_null(jvalue_get(a, "d"));
	jvalue_free(v);
}

static void test_bad(void **state)
{
	static const char *const texts[] = {
	        "",           "{",         "}",
	        "[1,]",       "[1 2]",     "{\"a\"}",
	        "{\"a\":}",   "{a:1}",     "\"",
	        "\"\\x\"",    "\"\\u12\"", "01",
	        "1.",         "-",         "1e",
	        "nul",        "[1]x",      "\"a\nb\"",
	        "{\"a\":1,}", "+1",        "[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct jvalue *v = read_text(texts[i]);

		if (v)
			fail_msg("taken: %s", texts[i]);
	}
}

static void test_writer(void **state)
{
	struct json j = {0};
	struct jvalue *v;
	char odd[128];

	(void)state;
	for (int i = 1; i < 128; i++)
		odd[i - 1] = (char)i;
	odd[127] = '\0';
	json_object(&j, NULL);
	json_str(&j, "s", odd);
	json_uint(&j, "n", UINT64_MAX);
	json_array(&j, "l");
	json_null(&j, NULL);
	json_array_end(&j);
	json_object_end(&j);
	v = json_read(j.text, j.len);
	assert_non_null(v);
	assert_string_equal(jvalue_text(v, "s"), odd);
	assert_string_equal(jvalue_get(v, "n")->text, "18446744073709551615");
	/* Truncated anywhere it is no document. */
	for (size_t n = 0; n < j.len; n++)
		assert_null(json_read(j.text, n));
	jvalue_free(v);
	json_free(&j);
}

static void test_random(void **state)
{
	static const char alphabet[] = "{}[]:,\"\\u0123456789eE+-.truefalsn \n";
	struct rng_seeded seeded;
	struct rng rng;
	char text[64];

	(void)state;
	rng_seeded_init(&seeded, 7);
	rng = rng_from_seeded(&seeded);
	for (int i = 0; i < 50000; i++) {
		size_t n = (size_t)rng_below(&rng, sizeof(text));

		for (size_t k = 0; k < n; k++)
			text[k] = alphabet[rng_below(&rng, sizeof(alphabet) - 1)];
		jvalue_free(json_read(text, n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good),
	        cmocka_unit_test(test_bad),
	        cmocka_unit_test(test_writer),
	        cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
