/* SPDX-License-Identifier: BSD-3-Clause */
/* Whom a listener accepts: the kinds of values, the file of ids, and how it is changed. */
#include "conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH "accept-test-ids"

static char id[3][ID_TEXT_LEN + 1];
static struct node_id bytes[3];

static int setup(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		memset(bytes[i].b, (int)(i + 1), ID_BYTES);
		id_to_text(&bytes[i], id[i]);
	}
	return 0;
}

static void put_file(const char *text)
{
	FILE *f = fopen(PATH, "we");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void check_ids(const char *accept, unsigned want)
{
	struct node_id *v;
	char why[200] = "";
	uint32_t n;

	assert_int_equal(conf_accept_ids(accept, &v, &n, why, sizeof(why)), 0);
	assert_int_equal(n, want);
	for (unsigned i = 0; i < want; i++)
		assert_true(id_eq(&v[i], &bytes[i]));
	free(v);
}

static void test_kinds(void **state)
{
	char text[400], why[200];

	assert_int_equal(conf_accept_mode("any"), CONF_ACCEPT_ANY);
	assert_int_equal(conf_accept_mode("none"), CONF_ACCEPT_NONE);
	assert_int_equal(conf_accept_mode("./ids"), CONF_ACCEPT_FILE);
	assert_int_equal(conf_accept_parse("any", why, sizeof(why)), 0);
	assert_int_equal(conf_accept_parse("/etc/ids", why, sizeof(why)), 0);
	assert_int_not_equal(conf_accept_parse("everybody", why, sizeof(why)), 0);
	assert_int_not_equal(conf_accept_parse("/etc/ids /etc/more", why, sizeof(why)), 0);
	assert_int_not_equal(conf_accept_parse("", why, sizeof(why)), 0);
	snprintf(text, sizeof(text), "%s  %s", id[0], id[1]);
	assert_int_equal(conf_accept_parse(text, why, sizeof(why)), 0);
	check_ids(text, 2);
	check_ids("any", 0);
	text[5] ^= 1; /* a typing error */
	assert_int_not_equal(conf_accept_parse(text, why, sizeof(why)), 0);
}

static void test_file(void **state)
{
	char text[800], why[200] = "";
	struct node_id *v;
	uint32_t n;

	snprintf(text, sizeof(text), "# friends\n\n  %s # a\r\n%s", id[0], id[1]);
	put_file(text);
	check_ids("./" PATH, 2);
	assert_int_equal(conf_accept_change("./" PATH, &bytes[2], true, why, sizeof(why)), 0);
	check_ids("./" PATH, 3);
	/* Named once more it stands there once; taken out it is gone; the rest stays. */
	assert_int_equal(conf_accept_change("./" PATH, &bytes[2], true, why, sizeof(why)), 0);
	check_ids("./" PATH, 3);
	assert_int_equal(conf_accept_change("./" PATH, &bytes[2], false, why, sizeof(why)), 0);
	check_ids("./" PATH, 2);
	assert_int_equal(access(PATH ".new", F_OK), -1);
	put_file("# nobody\nnonsense\n");
	assert_int_not_equal(conf_accept_ids("./" PATH, &v, &n, why, sizeof(why)), 0);
	assert_non_null(strstr(why, PATH ":2: not a node id"));
	assert_null(v);
	assert_int_equal(unlink(PATH), 0);
	assert_int_not_equal(conf_accept_ids("./" PATH, &v, &n, why, sizeof(why)), 0);
	assert_int_not_equal(conf_accept_change("./" PATH, &bytes[2], true, why, sizeof(why)), 0);
	assert_non_null(strstr(why, "cannot read"));
}

/* A file that is missing is an error at the line that names it. */
static void test_checked(void **state)
{
	static const char text[] =
	        "[node]\nkey = k\n[listen d]\nlocal = 127.0.0.1:1\naccept = ./" PATH "\n";
	struct conf_errors e = {.file = "t"};
	struct conf c;

	assert_int_equal(conf_parse(&c, "t", text, strlen(text), NULL, &e), 0);
	assert_int_equal(c.nlistens, 1);
	assert_int_equal(c.listens[0].max, 1024);
	assert_int_not_equal(conf_accept_check(&c, &e), 0);
	assert_non_null(strstr(e.text, "t:5: accept: cannot read"));
	put_file("");
	assert_int_equal(conf_accept_check(&c, &e), 0);
	(void)unlink(PATH);
	conf_errors_free(&e);
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_kinds),
	        cmocka_unit_test(test_file),
	        cmocka_unit_test(test_checked),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
