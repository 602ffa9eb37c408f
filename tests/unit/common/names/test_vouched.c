/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names that a node vouches for: one way to write each, and every other refused with its line. */
#include "names/vouched.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static char text[VOUCHED_TEXT_MAX], why[NAMES_WHY_MAX];

static struct vouched example(void)
{
	struct vouched v = {.serial = 1700000000123, .expires = 1800000000, .label = "alice"};
	struct node_id id;

	memset(v.signer.b, 1, ID_BYTES);
	memset(v.key, 0xab, sizeof(v.key));
	memset(v.sig, 0x0f, sizeof(v.sig));
	memset(id.b, 2, ID_BYTES);
	assert_int_equal(names_add(&v.names, "phone.home", &id), 0);
	id.b[9] = 7;
	assert_int_equal(names_add(&v.names, "nas", &id), 0);
	return v;
}

static size_t example_text(void)
{
	struct vouched v = example();
	size_t n;

	vouched_write(&v, text);
	n = vouched_write_signature(&v, text);
	vouched_free(&v);
	return n;
}

static void what_is_written_is_read(void **state)
{
	char again[VOUCHED_TEXT_MAX];
	struct vouched v;
	size_t n = example_text();

	assert_int_equal(strlen(text), n);
	assert_int_equal(vouched_read(&v, text, n, why), 0);
	assert_int_equal(v.signer.b[0], 1);
	assert_int_equal(v.serial, 1700000000123);
	assert_int_equal(v.expires, 1800000000);
	assert_string_equal(v.label, "alice");
	assert_int_equal(v.names.n, 2);
	assert_int_equal(names_find(&v.names, "nas")->id.b[9], 7);
	assert_memory_equal(text + v.signed_len, "signature 0f0f", 14);
	vouched_write(&v, again);
	assert_int_equal(vouched_write_signature(&v, again), n);
	assert_string_equal(again, text);
	vouched_free(&v);
}

static void what_may_be_left_out(void **state)
{
	struct vouched v = example(), back;
	size_t n;

	v.expires = 0;
	*v.label = '\0';
	vouched_free(&v);
	vouched_write(&v, text);
	n = vouched_write_signature(&v, text);
	assert_null(strstr(text, "expires"));
	assert_null(strstr(text, "\nas "));
	assert_int_equal(vouched_read(&back, text, n, why), 0);
	assert_int_equal(back.names.n, 0);
	assert_int_equal(back.expires, 0);
	vouched_free(&back);
}

static void every_part_of_it_is_refused(void **state)
{
	size_t n = example_text();

	for (size_t len = 0; len < n; len++) {
		char *part = malloc(len + 1);
		struct vouched v;

		memcpy(part, text, len);
		assert_true(vouched_read(&v, part, len, why) < 0);
		free(part);
	}
	text[n] = '\n';
	{
		struct vouched v;

		assert_int_equal(vouched_read(&v, text, n + 1, why), -EINVAL);
	}
}

/* Any byte changed: refused, or another list that is written as it stands. */
static void every_byte_counts(void **state)
{
	static char back[VOUCHED_TEXT_MAX];
	size_t n = example_text();

	for (size_t at = 0; at < n; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct vouched v;

			text[at] = (char)(text[at] ^ 1 << bit);
			if (vouched_read(&v, text, n, why) == 0) {
				vouched_write(&v, back);
				assert_int_equal(vouched_write_signature(&v, back), n);
				assert_memory_equal(back, text, n);
				vouched_free(&v);
			}
			text[at] = (char)(text[at] ^ 1 << bit);
		}
}

/* The example with the first `from` in it replaced by `to`. */
static int changed(const char *from, const char *to)
{
	static char other[VOUCHED_TEXT_MAX];
	size_t n = example_text();
	const char *at = strstr(text, from);
	struct vouched v;
	int r;

	assert_non_null(at);
	n = (size_t)snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - text), text, to,
	                     at + strlen(from));
	r = vouched_read(&v, other, n, why);
	if (r == 0)
		vouched_free(&v);
	return r;
}

static void what_is_wrong_is_named(void **state)
{
	assert_int_equal(changed("coyo-names 1", "coyo-names 2"), -EPROTONOSUPPORT);
	assert_string_equal(why, "the list is of version 2, and this program knows version 1");
	assert_int_equal(changed("coyo-names", "other"), -EINVAL);
	assert_int_equal(changed("signer ", "signer x"), -EINVAL);
	assert_non_null(strstr(why, "line 2 of the list"));
	assert_int_equal(changed("key ab", "key AB"), -EINVAL);
	assert_int_equal(changed("key ab", "key abab"), -EINVAL);
	assert_int_equal(changed("serial 1", "serial 01"), -EINVAL);
	assert_int_equal(changed("serial 1700000000123", "serial 0"), -EINVAL);
	assert_int_equal(changed("serial 1700000000123", "serial 9007199254740992"), -EINVAL);
	assert_int_equal(changed("serial 1700000000123", "serial 9007199254740991"), 0);
	assert_int_equal(changed("serial 1700000000123", "serial 99999999999999999999"), -EINVAL);
	assert_int_equal(changed("serial 17", "serial -17"), -EINVAL);
	assert_int_equal(changed("expires 1", "expires 0"), -EINVAL);
	assert_int_equal(changed("as alice", "as Alice"), -EINVAL);
	assert_int_equal(changed("as alice", "as a_b"), -EINVAL);
	assert_int_equal(changed(" nas\n", " NAS\n"), -EINVAL);
	assert_int_equal(changed(" nas\n", " nas.coyo\n"), -EINVAL);
	assert_int_equal(changed(" nas\n", " nas two\n"), -EINVAL);
	assert_int_equal(changed(" nas\n", " nas\r\n"), -EINVAL);
	assert_int_equal(changed(" nas\n", "  nas\n"), -EINVAL);
	assert_int_equal(changed(" nas\n", "\n"), -EINVAL);
	assert_int_equal(changed(" nas\n", " zoo\n"), -EINVAL);
	assert_non_null(strstr(why, "alphabet"));
	assert_int_equal(changed(" nas\n", " phone.home\n"), -EEXIST);
	assert_string_equal(why, "`phone.home` stands twice in the list");
	assert_int_equal(changed("signature 0f", "signature 0F"), -EINVAL);
	assert_int_equal(changed("signature 0f", "signature 0f0f"), -EINVAL);
}

static void as_many_as_fit(void **state)
{
	struct vouched v = {.serial = 1}, back;
	char name[NAMES_NAME_MAX + 1];
	struct node_id id = {{9}};
	char *row;
	size_t n;

	memset(v.label, 'l', 60);
	for (unsigned i = 0; i < VOUCHED_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "%060u.%059u", i, i);
		name[NAMES_NAME_MAX - 1] = 'x';
		assert_int_equal(names_add(&v.names, name, &id), 0);
	}
	vouched_write(&v, text);
	n = vouched_write_signature(&v, text);
	assert_true(n < VOUCHED_TEXT_MAX);
	assert_int_equal(vouched_read(&back, text, n, why), 0);
	assert_int_equal(back.names.n, VOUCHED_NAMES_MAX);
	/* One more, behind the others. */
	row = malloc(n + 200);
	id_to_text(&id, name);
	snprintf(row, n + 200, "%.*s%s z\n%s", (int)back.signed_len, text, name,
	         text + back.signed_len);
	vouched_free(&back);
	assert_int_equal(vouched_read(&back, row, strlen(row), why), -E2BIG);
	free(row);
	memset(text, 'a', sizeof(text));
	assert_int_equal(vouched_read(&back, text, sizeof(text), why), -EFBIG);
	vouched_free(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(what_is_written_is_read),
	        cmocka_unit_test(what_may_be_left_out),
	        cmocka_unit_test(every_part_of_it_is_refused),
	        cmocka_unit_test(every_byte_counts),
	        cmocka_unit_test(what_is_wrong_is_named),
	        cmocka_unit_test(as_many_as_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
