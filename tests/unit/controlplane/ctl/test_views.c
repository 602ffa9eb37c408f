/* SPDX-License-Identifier: BSD-3-Clause */
/* Whole answers to `show` for people: each view from what the daemon says of it, also when it says less, more or something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

static char *print(enum ctl_view view, const char *json, bool *ok)
{
	struct jvalue *v = json_read(json, strlen(json));
	char *text = NULL;
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);

	*ok = view_print(f, view, v);
	fclose(f);
	jvalue_free(v);
	return text;
}

static void test_view(void **state)
{
	bool ok;
	char *t = print(
	        CTL_VIEW_LABELS,
	        "{\"labels\":[{\"link\":\"a-t1\",\"label\":7,\"state\":\"static\",\"op\":\"swap\","
	        "\"out_link\":null,\"out_label\":123456}],\"truncated\":true}",
	        &ok);

	(void)state;
	assert_true(ok);
	assert_string_equal(t, "LINK  LABEL  STATE   OP    OUT LINK   LABEL\n"
	                       "a-t1      7  static  swap  -         123456\n"
	                       "... more rows were left out\n");
	free(t);
	t = print(CTL_VIEW_TUNNELS, "{\"tunnels\":[]}", &ok);
	assert_true(ok);
	assert_string_equal(t, "no tunnels\n");
	free(t);
	t = print(CTL_VIEW_DROPS,
	          "{\"drops\":[{\"reason\":\"r\",\"count\":0,\"text\":\"t\"},"
	          "{\"reason\":\"s\",\"count\":2,\"text\":\"u\"}]}",
	          &ok);
	assert_true(ok);
	assert_string_equal(t, "COUNT  REASON  MEANING\n    2  s       u\n");
	free(t);
	t = print(CTL_VIEW_WORKERS,
	          "{\"workers\":[{\"worker\":0,\"commands_waiting\":0,\"new_bytes\":2048,\"new_s\":"
	          "1.5},"
	          "{\"worker\":1,\"commands_waiting\":2,\"new_bytes\":0,\"new_s\":0}],"
	          "\"counters\":[{\"counter\":\"new_bytes\",\"text\":\"a\"},"
	          "{\"counter\":\"new_s\",\"text\":\"b\"}]}",
	          &ok);
	assert_true(ok);
	assert_string_equal(
	        t, "worker                        0         1\n"
	           "commands_waiting              0         2  commands not carried out yet\n"
	           "new_bytes              2.00 KiB       0 B  a\n"
	           "new_s                    1.50 s      0 us  b\n");
	free(t);
	t = print(CTL_VIEW_LINKS,
	          "{\"links\":[{\"name\":\"l\",\"new_packets\":1500}],"
	          "\"counters\":[{\"counter\":\"new_packets\",\"text\":\"a\"}]}",
	          &ok);
	assert_true(ok);
	assert_non_null(strstr(t, "\n\nLINK  new_packets\nl          1.50 k\n"));
	free(t);
	t = print(CTL_VIEW_LINKS, "{\"tunnels\":[]}", &ok);
	assert_false(ok);
	free(t);
	t = print(CTL_VIEW_LINKS, "[]", &ok);
	assert_false(ok);
	free(t);
	t = print(CTL_VIEW_NODE, "{}", &ok);
	assert_false(ok);
	free(t);
}

static void expect(enum ctl_view view, const char *json, const char *expected)
{
	bool ok;
	char *t = print(view, json, &ok);

	assert_string_equal(t, expected);
	assert_true(ok);
	free(t);
}

static void expect_refused(enum ctl_view view, const char *json)
{
	bool ok;

	free(print(view, json, &ok));
	if (ok)
		fail_msg("%s: %s", ctl_view_name(view), json);
}

/* The configuration can be copied into a file: sections, options and names as they would stand there. */
static void test_config(void **state)
{
	expect(CTL_VIEW_CONFIG,
	       "{\"file\":\"/c\",\"config\":[{\"section\":\"node\",\"name\":null,"
	       "\"options\":{\"key\":\"k\",\"network\":7}},"
	       "{\"section\":\"link\",\"name\":\"a\",\"options\":{}}],"
	       "\"names\":{\"b\":\"zt3x\"}}",
	       "# read from /c; options that are not set stand with their defaults\n"
	       "[node]\nkey = k\nnetwork = 7\n\n[link a]\n\n[names]\nb = zt3x\n");
	expect(CTL_VIEW_CONFIG, "{\"file\":\"/c\",\"config\":[{}],\"names\":{}}",
	       "# read from /c; options that are not set stand with their defaults\n[?]\n\n");
	expect_refused(CTL_VIEW_CONFIG, "{\"config\":[]}");
	expect_refused(CTL_VIEW_CONFIG, "{\"file\":\"/c\"}");
}

/* Drops and the control plane's counters: what never happened is left out, one by one and altogether. */
static void test_drops(void **state)
{
	expect(CTL_VIEW_DROPS,
	       "{\"drops\":[{\"reason\":\"a\",\"count\":0,\"text\":\"t\"},"
	       "{\"reason\":\"b\",\"count\":18446744073709551615,\"text\":\"u\"},"
	       "{\"reason\":\"c\",\"count\":1,\"text\":\"v\"}],"
	       "\"control\":[{\"counter\":\"d\",\"count\":0,\"text\":\"w\"}]}",
	       "               COUNT  REASON  MEANING\n"
	       "18446744073709551615  b       u\n"
	       "                   1  c       v\n"
	       "\nnothing counted by the control plane\n");
	expect(CTL_VIEW_DROPS, "{\"drops\":[{\"reason\":\"a\",\"count\":0,\"text\":\"t\"}]}",
	       "no drops\n");
}

/* A node's name stands beside the beginning of its id and does not hide it; where there is none, nothing pretends to be one. */
static void test_names_beside_ids(void **state)
{
	expect(CTL_VIEW_SESSIONS,
	       "{\"sessions\":[{\"remote\":\"abcdefghijk\",\"remote_name\":\"nas\",\"state\":"
	       "\"up\"},"
	       "{\"remote\":\"zyxwvutsrqp\",\"remote_name\":null,\"state\":\"up\"}]}",
	       "REMOTE    CALLED  STATE  TUNNEL  WORKER  PATH MTU  KEY AGE  REKEYS  REBUILDS\n"
	       "abcdefgh  nas     up     -            -         -        -       -         -\n"
	       "zyxwvuts  -       up     -            -         -        -       -         -\n");
	expect(CTL_VIEW_CONTACTS, "{\"contacts\":[{\"id\":\"abcdefghijk\",\"name\":\"nas\"}]}",
	       "CONTACT   CALLED  BUCKET  NEIGHBOUR  VERIFIED  VIA LINK  LABEL  TREE DIST  RTT  "
	       "SEEN  "
	       "FAILS\n"
	       "abcdefgh  nas          -  -          -         -             -          -    -     "
	       "-      "
	       "-\n");
}

/* Names and ids of other nodes come from outside: nothing of them steers the terminal, in any view. */
static void test_hostile_text(void **state)
{
	static const char evil[] = "\\u001b[2J\\u0007\\u007f\\n";
	static const struct {
		enum ctl_view view;
		const char *before, *after;
	} each[] = {
	        {CTL_VIEW_LINKS,
	         "{\"links\":[{\"name\":\"l\",\"peer\":\"abcdefghi\",\"peer_name\":\"", "\"}]}"},
	        {CTL_VIEW_SESSIONS, "{\"sessions\":[{\"state\":\"", "\"}]}"},
	        {CTL_VIEW_CONTACTS, "{\"contacts\":[{\"id\":\"", "\"}]}"},
	        {CTL_VIEW_NODE, "{\"id\":\"i\",\"name\":\"", "\"}"},
	        {CTL_VIEW_WORKERS,
	         "{\"counters\":[{\"counter\":\"c\",\"text\":\"t\"}],\"workers\":[{\"c\":\"",
	         "\"}]}"},
	};

	for (size_t i = 0; i < ARRAY_LEN(each); i++) {
		char json[300];
		bool ok;
		char *t;

		snprintf(json, sizeof(json), "%s%s%s", each[i].before, evil, each[i].after);
		t = print(each[i].view, json, &ok);
		assert_true(ok);
		assert_non_null(strstr(t, "?[2J"));
		for (const char *c = t; *c; c++)
			assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
		free(t);
	}
}

/* Every view: an answer of another shape is refused, and one that lacks every field is a row of dashes, not a crash. */
static void test_shapes(void **state)
{
	static const char *const wrong[] = {"[]", "7", "null", "\"links\"", "{}"};

	for (enum ctl_view v = 0; v < CTL_VIEWS; v++) {
		char json[64];
		bool ok;
		char *t;

		if (!ctl_view_name(v))
			continue;
		for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
			expect_refused(v, wrong[i]);
		if (v == CTL_VIEW_NODE || v == CTL_VIEW_CONFIG || v == CTL_VIEW_WORKERS)
			continue;
		snprintf(json, sizeof(json), "{\"%s\":7}", ctl_view_name(v));
		expect_refused(v, json);
		snprintf(json, sizeof(json), "{\"%s\":[]}", ctl_view_name(v));
		t = print(v, json, &ok);
		assert_true(ok && strncmp(t, "no ", 3) == 0);
		free(t);
		snprintf(json, sizeof(json), "{\"%s\":[{},null]}", ctl_view_name(v));
		t = print(v, json, &ok);
		assert_true(ok && strchr(t, '-') != NULL);
		free(t);
	}
	expect_refused(CTL_VIEW_WORKERS, "{\"workers\":{},\"counters\":[]}");
	expect_refused(CTL_VIEW_WORKERS, "{\"workers\":[]}");
}

/* More counters than a table has columns: those that fit, and the rest of the answer. */
static void test_many_counters(void **state)
{
	char json[2000];
	size_t n = (size_t)snprintf(json, sizeof(json),
	                            "{\"links\":[{\"name\":\"l\"}],\"counters\":[");
	bool ok;
	char *t;

	for (unsigned i = 0; i < 40; i++)
		n += (size_t)snprintf(json + n, sizeof(json) - n, "%s{\"counter\":\"c%02u\"}",
		                      i ? "," : "", i);
	snprintf(json + n, sizeof(json) - n, "],\"truncated\":true}");
	t = print(CTL_VIEW_LINKS, json, &ok);
	assert_true(ok);
	assert_non_null(strstr(t, "LINK  c00"));
	assert_non_null(strstr(t, "c22"));
	assert_null(strstr(t, "c23"));
	assert_non_null(strstr(t, "\n... more rows were left out\n"));
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_view),
	        cmocka_unit_test(test_config),
	        cmocka_unit_test(test_names_beside_ids),
	        cmocka_unit_test(test_drops),
	        cmocka_unit_test(test_hostile_text),
	        cmocka_unit_test(test_shapes),
	        cmocka_unit_test(test_many_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
