/* SPDX-License-Identifier: BSD-3-Clause */
/* The INI reader alone: what a line is, which number it has, and what is refused without the rest being lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ini.h"

#include <stdlib.h>
#include <string.h>

struct expected {
	enum ini_kind kind;
	uint32_t line;
	const char *key, *value; /* INI_BAD: value is how the error begins */
};

/* Reads a text of exactly len bytes from memory that ends there, so that reading on is found by a sanitizer. */
static void read_all(const char *text, size_t len, const struct expected *e, size_t n)
{
	char *exact = malloc(len ? len : 1);
	struct ini r;

	assert_non_null(exact);
	memcpy(exact, text, len);
	ini_init(&r, exact, len);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ini_next(&r), e[i].kind);
		assert_int_equal(r.kind, e[i].kind);
		assert_int_equal(r.line, e[i].line);
		if (e[i].kind == INI_BAD) {
			assert_int_equal(strncmp(r.error, e[i].value, strlen(e[i].value)), 0);
			continue;
		}
		assert_null(r.error);
		if (e[i].key)
			assert_string_equal(r.key, e[i].key);
		if (e[i].value)
			assert_string_equal(r.value, e[i].value);
	}
	/* The end stays the end. */
	assert_int_equal(ini_next(&r), INI_END);
	assert_int_equal(ini_next(&r), INI_END);
	free(exact);
}

static void test_lines(void **state)
{
	static const char text[] = "\n"
	                           "; a comment = of its own\n"
	                           "   # another [one]\n"
	                           "[ link \t east  wing ]  # here\r\n"
	                           "key\t=  a = b  \r\n"
	                           "no-comment = a#b;c ; d\n"
	                           "comment = a #b\n"
	                           "empty =\n"
	                           "cut = # nothing\n"
	                           "[x]\n"
	                           "last = 1";
	static const struct expected e[] = {
	        {INI_SECTION, 4, "link", "east  wing"},
	        {INI_PAIR, 5, "key", "a = b"},
	        {INI_PAIR, 6, "no-comment", "a#b;c ; d"},
	        {INI_PAIR, 7, "comment", "a"},
	        {INI_PAIR, 8, "empty", ""},
	        {INI_PAIR, 9, "cut", ""},
	        {INI_SECTION, 10, "x", ""},
	        {INI_PAIR, 11, "last", "1"},
	};

	read_all(text, sizeof(text) - 1, e, ARRAY_LEN(e));
	read_all("", 0, NULL, 0);
	read_all("\n \r\n\t", 5, NULL, 0);
}

/* A line that is refused costs itself only, and the lines behind it keep their numbers. */
static void test_refused(void **state)
{
	static const char text[] = "nonsense\n"
	                           "[open\n"
	                           "a = 1\n"
	                           "[x] y\n"
	                           "[ \t]\n"
	                           " = 3\n"
	                           "zero\0 = 1\n"
	                           "b = 2\n"
	                           "[x # ]\n";
	static const struct expected e[] = {
	        {INI_BAD, 1, NULL, "expected `key = value`"},
	        {INI_BAD, 2, NULL, "a section starts with ["},
	        {INI_PAIR, 3, "a", "1"},
	        {INI_BAD, 4, NULL, "nothing may follow the ]"},
	        {INI_BAD, 5, NULL, "the section has no name"},
	        {INI_BAD, 6, NULL, "there is no key"},
	        {INI_BAD, 7, NULL, "the line holds a zero byte"},
	        {INI_PAIR, 8, "b", "2"},
	        {INI_BAD, 9, NULL, "a section starts with ["},
	};

	read_all(text, sizeof(text) - 1, e, ARRAY_LEN(e));
}

/* The longest line is taken whole; one byte more is refused, and the next line is read all the same. */
static void test_longest_line(void **state)
{
	for (unsigned more = 0; more < 2; more++) {
		char text[CONF_LINE_MAX + 1 + 8];
		size_t n = CONF_LINE_MAX + more;
		struct ini r;

		memset(text, 'v', n);
		memcpy(text, "k=", 2);
		memcpy(text + n, "\nb=2", 4);
		ini_init(&r, text, n + 4);
		if (more) {
			assert_int_equal(ini_next(&r), INI_BAD);
			assert_non_null(strstr(r.error, "longer than 1024 bytes"));
		} else {
			assert_int_equal(ini_next(&r), INI_PAIR);
			assert_int_equal(strlen(r.value), CONF_LINE_MAX - 2);
		}
		assert_int_equal(ini_next(&r), INI_PAIR);
		assert_int_equal(r.line, 2);
		assert_string_equal(r.key, "b");
		assert_string_equal(r.value, "2");
		assert_int_equal(ini_next(&r), INI_END);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_lines),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_longest_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
