/* SPDX-License-Identifier: BSD-3-Clause */
/* What is a name, what is an id, what is neither and how that is said; lines of a file of names. */
#include "names/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TEN   "abcdefghij"
#define SIXTY TEN TEN TEN TEN TEN TEN

static struct node_id an_id(uint8_t first)
{
	struct node_id id;

	for (unsigned i = 0; i < ID_BYTES; i++)
		id.b[i] = (uint8_t)(i * 5 + first);
	return id;
}

static int read_text(const char *text, char name[NAMES_NAME_MAX + 1], struct node_id *id,
                     char why[NAMES_WHY_MAX])
{
	/* Exactly as long as the text: whoever reads behind it is seen by the sanitizers. */
	size_t n = strlen(text);
	char *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, text, n);
	r = names_read(copy, n, name, id, why);
	free(copy);
	return r;
}

static void test_names(void **state)
{
	static const char *const good[][2] = {
	        {"a", "a"},
	        {"nas", "nas"},
	        {"NAS.Home.COYO", "nas.home"},
	        {"nas.coyo.", "nas"},
	        {"nas.", "nas"},
	        {"7of9", "7of9"},
	        {"1.a", "1.a"},
	        {"a--b-c.d-1", "a--b-c.d-1"},
	        {"coyo.nas", "coyo.nas"},
	        {"nocoyo", "nocoyo"},
	        {"any.home", "any.home"},
	        {SIXTY "abc", SIXTY "abc"},
	        {SIXTY ".abcdefghij" TEN TEN TEN TEN "abcdefghi", NULL},
	};
	char name[NAMES_NAME_MAX + 1], why[NAMES_WHY_MAX];
	struct node_id id;

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		int r = read_text(good[i][0], name, &id, why);

		if (r != NAMES_IS_NAME)
			fail_msg("%s: %d %s", good[i][0], r, why);
		assert_string_equal(name, good[i][1] ? good[i][1] : good[i][0]);
		/* What was read is read again to the same. */
		assert_int_equal(read_text(good[i][1] ? good[i][1] : good[i][0], name, &id, why),
		                 NAMES_IS_NAME);
	}
}

static void test_neither(void **state)
{
	static const char *const bad[][2] = {
	        {"", "at least one"},
	        {".", "at least one"},
	        {".coyo", "at least one"},
	        {"a..b", "between its dots"},
	        {".a", "between its dots"},
	        {"a.coyo..", "between its dots"},
	        {"-a", "hyphen"},
	        {"a-.b", "hyphen"},
	        {"a_b", "letters, digits and hyphens"},
	        {"a b", "letters, digits and hyphens"},
	        {"a/b", "letters, digits and hyphens"},
	        {"n\xc3\xa4s", "letters, digits and hyphens"},
	        {"1", "is a number"},
	        {"10.0.0.1", "is a number"},
	        {"::1", "letters, digits and hyphens"},
	        {"coyo", "once"},
	        {"a.coyo.coyo", "once"},
	        {"any", "word of the configuration"},
	        {"NONE.coyo", "word of the configuration"},
	        {SIXTY "abcd", "no id, which has 108"},
	        {SIXTY "." SIXTY, "no id, which has 108"},
	        {"line\nbreak", "line?break"},
	};
	char name[NAMES_NAME_MAX + 1], why[NAMES_WHY_MAX];
	struct node_id id;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int r = read_text(bad[i][0], name, &id, why);

		if (r != -EINVAL || !strstr(why, bad[i][1]))
			fail_msg("%s: %d %s", bad[i][0], r, r < 0 ? why : "");
	}
}

/* Ids are read in every form; one that is mistyped is told as such, and is no name that somebody could be asked for. */
static void test_ids(void **state)
{
	struct node_id in = an_id(3), out;
	char text[ID_TEXT_LEN + 1], host[ID_HOST_LEN + 2], name[NAMES_NAME_MAX + 1];
	char why[NAMES_WHY_MAX];

	id_to_text(&in, text);
	id_to_host(&in, host);
	assert_int_equal(read_text(text, name, &out, why), NAMES_IS_ID);
	assert_true(id_eq(&in, &out));
	assert_int_equal(read_text(host, name, &out, why), NAMES_IS_ID);
	assert_true(id_eq(&in, &out));
	strcat(host, ".");
	assert_int_equal(read_text(host, name, &out, why), NAMES_IS_ID);
	host[10] = host[10] == 'a' ? 'b' : 'a';
	assert_int_equal(read_text(host, name, &out, why), -EINVAL);
	assert_non_null(strstr(why, "mistyped"));
	text[ID_TEXT_LEN / 2] = '9';
	assert_int_equal(read_text(text, name, &out, why), -EINVAL);
	assert_non_null(strstr(why, "a-z and 2-7"));
	/* A character is missing: still no name. */
	text[ID_TEXT_LEN - 1] = '\0';
	assert_int_equal(read_text(text, name, &out, why), -EINVAL);
	assert_non_null(strstr(why, "no id, which has 108"));
}

static int add(struct names *t, const char *line, char why[NAMES_WHY_MAX])
{
	return names_add_line(t, line, strlen(line), why);
}

static void test_lines(void **state)
{
	struct node_id a = an_id(1), b = an_id(2);
	char ta[ID_TEXT_LEN + 1], hb[ID_HOST_LEN + 1], line[400], why[NAMES_WHY_MAX];
	struct names t = {0};

	id_to_text(&a, ta);
	id_to_host(&b, hb);
	assert_int_equal(add(&t, "", why), 0);
	assert_int_equal(add(&t, " \t# nothing", why), 0);
	snprintf(line, sizeof(line), "%s\tnas  NAS.home.coyo # the box\r", ta);
	assert_int_equal(add(&t, line, why), 0);
	assert_int_equal(add(&t, line, why), 0); /* once more says nothing new */
	snprintf(line, sizeof(line), "%s phone", hb);
	assert_int_equal(add(&t, line, why), 0);
	assert_int_equal(t.n, 3);
	assert_true(id_eq(&names_find(&t, "nas.home")->id, &a));
	assert_true(id_eq(&names_find(&t, "phone")->id, &b));

	snprintf(line, sizeof(line), "%s tablet nas", hb);
	assert_int_equal(add(&t, line, why), -EEXIST);
	assert_string_equal(why, "`nas` means another id already");
	assert_non_null(names_find(&t, "tablet"));
	snprintf(line, sizeof(line), "%s # alone", hb);
	assert_int_equal(add(&t, line, why), -EINVAL);
	assert_non_null(strstr(why, "no name follows"));
	snprintf(line, sizeof(line), "%s %s", hb, ta);
	assert_int_equal(add(&t, line, why), -EINVAL);
	assert_non_null(strstr(why, "where a name is expected"));
	assert_int_equal(add(&t, "nas phone", why), -EINVAL);
	assert_non_null(strstr(why, "first word is no id"));
	snprintf(line, sizeof(line), "%s a_b", hb);
	assert_int_equal(add(&t, line, why), -EINVAL);
	names_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_neither),
	        cmocka_unit_test(test_ids),
	        cmocka_unit_test(test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
