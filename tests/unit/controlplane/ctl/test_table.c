/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables for people: units, alignment, names before ids, nothing that steers a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ctl/table.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
