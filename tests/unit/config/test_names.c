/* SPDX-License-Identifier: BSD-3-Clause */
/* [names]: names and their file are read, wherever they stand; each stands for its id elsewhere; what is wrong is told with file and line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "allow.h"
#include "conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODE "[node]\nkey = k\n"
#define LINK "[link l]\ntype = udp-socket\nlocal = 127.0.0.1:1\nremote = 127.0.0.1:2\n"
#define DOOR "[listen d]\nlocal = 127.0.0.1:3\n"

static char one[ID_TEXT_LEN + 1], two[ID_TEXT_LEN + 1];

static struct node_id an_id(uint8_t first)
{
	struct node_id id;

	for (unsigned i = 0; i < ID_BYTES; i++)
		id.b[i] = (uint8_t)(i * 3 + first);
	return id;
}

static void parse(struct conf *c, const char *format, ...)
{
	struct conf_errors e = {0};
	char text[4096];
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (conf_parse(c, "t", text, strlen(text), NULL, &e) != 0)
		fail_msg("%s\n%s", text, e.text);
	conf_errors_free(&e);
}

/* What is told of a text, or of the file that holds it. */
static void expect_in(const char *told, const char *expected)
{
	if (!strstr(told, expected))
		fail_msg("expected %s\ngot %s", expected, told);
}

static void refuse(const char *expected, const char *format, ...)
{
	struct conf_errors e = {0};
	char text[4096];
	struct conf c;
	va_list ap;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	assert_int_not_equal(conf_parse(&c, "t", text, strlen(text), NULL, &e), 0);
	expect_in(e.text, expected);
	assert_int_equal(e.count, 1);
	conf_errors_free(&e);
	conf_free(&c);
}

/* Each id has its name again; of two names for one id the first in the file counts; an id without a name has none. */
static void test_names(void **state)
{
	struct node_id a = an_id(1), b = an_id(2);
	struct conf c;

	parse(&c, NODE "[names]\nnas = %s\nBox.Home.coyo = %s\nphone = %s\n", one, one, two);
	assert_int_equal(c.names.n, 3);
	assert_true(id_eq(&names_find(&c.names, "nas")->id, &a));
	assert_true(id_eq(&names_find(&c.names, "box.home")->id, &a));
	assert_string_equal(names_of(&c.names, &a)->name, "nas");
	assert_string_equal(names_of(&c.names, &b)->name, "phone");
	conf_free(&c);
	assert_null(names_of(&c.names, &a));
}

/* A name stands where an id may, in a section before [names] as in one behind it. */
static void test_in_place_of_ids(void **state)
{
	struct node_id a = an_id(1), b = an_id(2), *ids;
	struct conf_allow_rule rules[8];
	unsigned nrules;
	char why[200];
	struct conf c;
	uint32_t n;

	parse(&c,
	      NODE LINK "peer = NAS.coyo\n[names]\nnas = %s\nphone = %s\n" DOOR
	                "accept =  phone\t%s nas\n",
	      one, two, two);
	assert_true(id_eq(&c.links[0].peer, &a));
	assert_int_equal(conf_accept_ids(c.listens[0].accept, &ids, &n, why, sizeof(why)), 0);
	assert_int_equal(n, 3);
	assert_true(id_eq(&ids[0], &b) && id_eq(&ids[1], &b) && id_eq(&ids[2], &a));
	free(ids);
	conf_free(&c);
	/* Behind `from` alone, though nodes are called like protocols and like that word. */
	parse(&c,
	      NODE "[tun]\nallow = tcp/22,udp/5 from nas, icmp from any,tcp/80 from icmp\n"
	           "[names]\nnas = %s\nicmp = %s\nfrom = %s\n",
	      one, two, two);
	assert_int_equal(conf_allow_parse(c.tun.allow, rules, 8, &nrules, why, sizeof(why)), 0);
	assert_int_equal(nrules, 4);
	assert_true(id_eq(&rules[0].from, &a) && id_eq(&rules[1].from, &a));
	assert_true(rules[2].any && !rules[3].any && id_eq(&rules[3].from, &b));
	conf_free(&c);
	/* Words and paths stay what they are. */
	parse(&c, NODE "[names]\nnas = %s\n" DOOR "accept = any\n", one);
	assert_string_equal(c.listens[0].accept, "any");
	conf_free(&c);
	parse(&c, NODE "[names]\nnas = %s\n" DOOR "accept = nas/nas\n", one);
	assert_string_equal(c.listens[0].accept, "nas/nas");
	conf_free(&c);
}

static void test_refused(void **state)
{
	refuse("t:5: duplicate name `nas` in [names]", NODE "[names]\nnas = %s\nNAS.coyo = %s\n",
	       one, one);
	refuse("t:5: duplicate name `nas` in [names]", NODE "[names]\nnas = %s\nnas = %s\n", one,
	       two);
	refuse("t:4: a_b: `a_b` is no name: a name has letters", NODE "[names]\na_b = %s\n", one);
	refuse("t:4: any: `any` is no name: it is a word of the configuration",
	       NODE "[names]\nany = %s\n", one);
	refuse("t:4: 10.0.0.1: `10.0.0.1` is no name: its last part is a number",
	       NODE "[names]\n10.0.0.1 = %s\n", one);
	refuse("an id stands where a name is expected: NAME = ID", NODE "[names]\n%s = %s\n", one,
	       two);
	refuse("t:4: nas: an id has 108 characters", NODE "[names]\nnas = phone\n");
	refuse("t:6: duplicate section [names]; the first is in line 3",
	       NODE "[names]\nnas = %s\n"
	            "[worker]\n"
	            "[names]\n",
	       one);
	refuse("t:7: peer: `phone` is no name of [names] and no node id",
	       NODE LINK "peer = phone\n");
	refuse("t:7: accept: `phone nas` is not allowed; expected any, none, ids, names of [names]",
	       NODE "[names]\nnas = %s\n" DOOR "accept = phone nas\n", one);
	refuse("t:7: accept: the ids of these names do not fit into a line",
	       NODE "[names]\na = %s\n" DOOR "accept = a a a a a a a a a a a\n", one);
	refuse("t:6: allow: `tcp from phone` is not allowed",
	       NODE "[names]\nnas = %s\n[tun]\nallow = tcp from phone\n", one);
	refuse("t:4: file: a path of 1..255 characters", NODE "[names]\nfile =\n");
	refuse("t:5: duplicate option `file` in [names]", NODE "[names]\nfile = a\nfile = b\n");
}

static void put(const char *path, const char *format, ...)
{
	FILE *f = fopen(path, "we");
	va_list ap;

	assert_non_null(f);
	va_start(ap, format);
	vfprintf(f, format, ap);
	va_end(ap);
	fclose(f);
}

static int load(struct conf *c, const char *dir, struct conf_errors *e)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/conf", dir);
	return conf_load(c, path, e);
}

static void test_file(void **state)
{
	char dir[] = "/tmp/coyo-test-XXXXXX", path[64], conf[64], expected[200];
	struct node_id a = an_id(1), b = an_id(2);
	struct conf_errors e = {0};
	struct conf c;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/names", dir);
	snprintf(conf, sizeof(conf), "%s/conf", dir);
	put(conf, NODE LINK "peer = phone\n[names]\nnas = %s\nfile = %s\n", one, path);
	put(path, "# mine\n\n%s phone phone.work\t# both\r\n%s nas", two, one);
	if (load(&c, dir, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(c.names.n, 3);
	assert_true(id_eq(&c.links[0].peer, &b));
	assert_string_equal(names_of(&c.names, &b)->name, "phone");
	assert_string_equal(names_of(&c.names, &a)->name, "nas");
	conf_free(&c);

	/* Each wrong line is told, with the file that it is in. */
	put(path, "%s phone\nnonsense here\n%s\n%s nas\n%s a_b\n", two, two, two, one);
	assert_int_not_equal(load(&c, dir, &e), 0);
	assert_int_equal(e.count, 4);
	snprintf(expected, sizeof(expected), "%s:2: a line is `ID NAME...`, and its first word",
	         path);
	expect_in(e.text, expected);
	snprintf(expected, sizeof(expected), "%s:3: no name follows the id", path);
	expect_in(e.text, expected);
	snprintf(expected, sizeof(expected), "%s:4: `nas` means another id already", path);
	expect_in(e.text, expected);
	snprintf(expected, sizeof(expected), "%s:5: `a_b` is no name", path);
	expect_in(e.text, expected);
	conf_errors_free(&e);
	conf_free(&c);

	assert_int_equal(unlink(path), 0);
	put(conf, NODE "[names]\nfile = %s\n", path);
	assert_int_not_equal(load(&c, dir, &e), 0);
	snprintf(expected, sizeof(expected), "%s:4: file: cannot read %s: No such file", conf,
	         path);
	expect_in(e.text, expected);
	conf_errors_free(&e);
	conf_free(&c);
	/* A pipe that nobody writes would hold the daemon up. */
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_not_equal(load(&c, dir, &e), 0);
	expect_in(e.text, "it is no file; name the file itself");
	conf_errors_free(&e);
	conf_free(&c);
	unlink(path);
	unlink(conf);
	rmdir(dir);
}

/* A text alone is read without touching other files: fuzzers and tests do. */
static void test_no_file_is_read(void **state)
{
	struct conf c;

	parse(&c, NODE "[names]\nfile = /nonexistent/names\nnas = %s\n", one);
	assert_string_equal(c.names_file, "/nonexistent/names");
	assert_int_equal(c.names.n, 1);
	conf_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names),           cmocka_unit_test(test_in_place_of_ids),
	        cmocka_unit_test(test_refused),         cmocka_unit_test(test_file),
	        cmocka_unit_test(test_no_file_is_read),
	};
	struct node_id a = an_id(1), b = an_id(2);

	id_to_text(&a, one);
	id_to_text(&b, two);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
