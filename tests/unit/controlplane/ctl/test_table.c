/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for people: units, alignment, names before ids, nothing that steers a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/table.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *json;
	enum cell cell;
	const char *expected;
} cells[] = {
        {"{\"k\":0}", CELL_US, "0 us"},
        {"{\"k\":12.3}", CELL_US, "12.3 us"},
        {"{\"k\":999.9}", CELL_US, "1.00 ms"},
        {"{\"k\":1500}", CELL_US, "1.50 ms"},
        {"{\"k\":123456}", CELL_US, "123 ms"},
        {"{\"k\":1.5}", CELL_MS, "1.50 ms"},
        {"{\"k\":59}", CELL_S, "59.0 s"},
        {"{\"k\":180}", CELL_S, "3 min"},
        {"{\"k\":7200}", CELL_S, "2.0 h"},
        {"{\"k\":864000}", CELL_S, "10.0 d"},
        {"{\"k\":512}", CELL_BYTES, "512 B"},
        {"{\"k\":1536}", CELL_BYTES, "1.50 KiB"},
        {"{\"k\":268435456}", CELL_BYTES, "256 MiB"},
        {"{\"k\":180000}", CELL_COUNT, "180 k"},
        {"{\"k\":18446744073709551615}", CELL_NUMBER, "18446744073709551615"},
        {"{\"k\":null}", CELL_NUMBER, "-"},
        {"{}", CELL_TEXT, "-"},
        {"{\"k\":true}", CELL_YES, "yes"},
        {"{\"k\":false}", CELL_YES, ""},
        {"{\"k\":false}", CELL_TEXT, "no"},
        {"{\"k\":\"abcdefghijkl\"}", CELL_ID, "abcdefgh"},
        {"{\"k\":\"abcdefghijkl\",\"name\":\"b\"}", CELL_ID, "b"},
        {"{\"k\":\"abcdefghijkl\",\"name\":null}", CELL_ID, "abcdefgh"},
        {"{\"k\":\"x\\u001b[2Jy\"}", CELL_TEXT, "x?[2Jy"},
};

static void test_cells(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
		const struct column col = {"K", "k", cells[i].cell, "name"};
		struct jvalue *v = json_read(cells[i].json, strlen(cells[i].json));
		char out[160];

		table_cell(&col, v, out, sizeof(out));
		if (strcmp(out, cells[i].expected) != 0)
			fail_msg("%s: expected %s, got %s", cells[i].json, cells[i].expected, out);
		jvalue_free(v);
	}
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cells),
	        cmocka_unit_test(test_view),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
