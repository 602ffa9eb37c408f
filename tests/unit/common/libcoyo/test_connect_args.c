/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of coyo connect: what is taken, and a sentence for each way to be wrong. */
#include "base/cc.h"
#include "libcoyo/tool/connect_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

static struct connect_args args;
static char line[512];

/* Reads `connect REST`; the sentence, or NULL. */
static const char *read_line(const char *rest)
{
	char *words[16];
	const char *wrong;
	int n = 0, r;

	snprintf(line, sizeof(line), "connect %s", rest);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	words[n] = NULL;
	opterr = 0;
	r = connect_args_read(n, words, &args, &wrong);
	assert_int_equal(r, wrong ? -EINVAL : 0);
	return wrong;
}

static void test_right(void **state)
{
	(void)state;
	assert_null(read_line("name 22"));
	assert_string_equal(args.name, "name");
	assert_int_equal(args.port, 22);
	assert_int_equal(args.timeout_s, 0);
	assert_int_equal(args.quit_s, -1);
	assert_false(args.json);
	assert_null(read_line("--timeout 5 -q 0 --json name 65535"));
	assert_int_equal(args.port, 65535);
	assert_int_equal(args.timeout_s, 5);
	assert_int_equal(args.quit_s, 0);
	assert_true(args.json);
	assert_null(read_line("-q86400 --timeout=86400 -- -name 1"));
	assert_string_equal(args.name, "-name");
	assert_int_equal(args.quit_s, 86400);
	assert_int_equal(args.timeout_s, 86400);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *rest, *says;
	} bad[] = {
	        {"", "NAME PORT"},
	        {"name", "NAME PORT"},
	        {"name 22 more", "NAME PORT"},
	        {"name 22 -q 1", "NAME PORT"},
	        {"name 0", "1 to 65535"},
	        {"name 65536", "1 to 65535"},
	        {"name ssh", "1 to 65535"},
	        {"--timeout 0 name 22", "--timeout takes"},
	        {"--timeout 86401 name 22", "--timeout takes"},
	        {"--timeout 1.5 name 22", "--timeout takes"},
	        {"-q -1 name 22", "-q takes"},
	        {"-q 86401 name 22", "-q takes"},
	        {"-q", "value"},
	        {"-k name 22", "option"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *wrong = read_line(bad[i].rest);

		assert_non_null(wrong);
		if (!strstr(wrong, bad[i].says))
			fail_msg("connect %s: %s", bad[i].rest, wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_right),
	        cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
