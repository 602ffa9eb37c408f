/* SPDX-License-Identifier: BSD-3-Clause */
/* The arguments of coyo listen: what is taken, and a sentence for each way to be wrong. */
#include "base/cc.h"
#include "libcoyo/tool/listen_args.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define WORDS_MAX 16

static struct listen_args args;
static char line[8192];
static char *words[LISTEN_ALLOWED_MAX * 2 + WORDS_MAX];

/* Reads `listen REST`; the sentence, or NULL. */
static const char *read_line(const char *rest)
{
	const char *wrong;
	int n = 0, r;

	snprintf(line, sizeof(line), "listen %s", rest);
	for (char *w = strtok(line, " "); w; w = strtok(NULL, " "))
		words[n++] = w;
	words[n] = NULL;
	opterr = 0;
	r = listen_args_read(n, words, &args, &wrong);
	assert_int_equal(r, wrong ? -EINVAL : 0);
	return wrong;
}

static void test_standard_input_and_output(void **state)
{
	(void)state;
	assert_null(read_line("7000"));
	assert_int_equal(args.nports, 1);
	assert_int_equal(args.port[0], 7000);
	assert_false(args.keep);
	assert_null(args.command);
	assert_null(read_line("-k 7000"));
	assert_true(args.keep);
	assert_null(read_line("--once 1"));
	assert_false(args.keep);
}

static void test_command(void **state)
{
	(void)state;
	assert_null(read_line("22 -- /usr/sbin/sshd -i -m 3"));
	assert_string_equal(args.command[0], "/usr/sbin/sshd");
	assert_string_equal(args.command[3], "3");
	assert_null(args.command[4]);
	/* Any number of streams, whether -k stands there or not. */
	assert_true(args.keep);
	assert_int_equal(args.commands, LISTEN_COMMANDS);
	assert_int_equal(args.drain_s, LISTEN_DRAIN_S);
	assert_int_equal(args.of_one_peer, 0);
	assert_null(read_line("-k 22 -- cat"));
	assert_true(args.keep);
	assert_null(read_line("--once 22 -- cat"));
	assert_false(args.keep);
	/* What stands behind the first `--` is the command's, another one too. */
	assert_null(read_line("22 -- env -- cat"));
	assert_string_equal(args.command[1], "--");
}

static void test_options(void **state)
{
	(void)state;
	assert_null(read_line(
	        "-v -m 3 --per-peer 2 -t 0 --allow x --allow=y --retry 1,65535,22 -- cat"));
	assert_true(args.verbose && args.retry);
	assert_int_equal(args.commands, 3);
	assert_int_equal(args.of_one_peer, 2);
	assert_int_equal(args.drain_s, 0);
	assert_int_equal(args.nallowed, 2);
	assert_string_equal(args.allowed[0], "x");
	assert_string_equal(args.allowed[1], "y");
	assert_int_equal(args.nports, 3);
	assert_int_equal(args.port[1], 65535);
	assert_int_equal(args.port[2], 22);
}

static void test_wrong(void **state)
{
	static const struct {
		const char *rest, *says;
	} bad[] = {
	        {"", "PORT"},
	        {"0", "PORT"},
	        {"65536", "PORT"},
	        {"-5", "option"},
	        {"22x", "PORT"},
	        {",22 -- cat", "PORT"},
	        {"22, -- cat", "PORT"},
	        {"22,22 -- cat", "twice"},
	        {"22,23", "several ports"},
	        {"22 cat", "only behind `--`"},
	        {"22 --", "no command"},
	        {"-- 22", NULL},
	        {"-m 0 22 -- cat", "-m takes"},
	        {"-m 65536 22 -- cat", "-m takes"},
	        {"-m -1 22 -- cat", "-m takes"},
	        {"-m", "value"},
	        {"-t 86401 22 -- cat", "-t takes"},
	        {"--per-peer 0 22 -- cat", "--per-peer takes"},
	        {"-k --once 22 -- cat", "contradict"},
	        {"-k --once 22", "contradict"},
	        {"-v 22", "for commands"},
	        {"--allow x 22", "for commands"},
	        {"-x 22 -- cat", "option"},
	        {"--nonsense 22 -- cat", "option"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const char *wrong = read_line(bad[i].rest);

		if (!bad[i].says) {
			assert_null(wrong);
			continue;
		}
		assert_non_null(wrong);
		if (!strstr(wrong, bad[i].says))
			fail_msg("listen %s: %s", bad[i].rest, wrong);
	}
}

static void test_as_many_as_there_is_room_for(void **state)
{
	const char *wrong;
	char ports[1024] = "1";
	int n = 0;

	(void)state;
	for (int i = 2; i <= LISTEN_PORTS_MAX; i++)
		snprintf(ports + strlen(ports), sizeof(ports) - strlen(ports), ",%d", i);
	words[n++] = "listen";
	for (int i = 0; i < LISTEN_ALLOWED_MAX; i++) {
		words[n++] = "--allow";
		words[n++] = "x";
	}
	words[n++] = ports;
	words[n++] = "--";
	words[n++] = "cat";
	words[n] = NULL;
	assert_int_equal(listen_args_read(n, words, &args, &wrong), 0);
	assert_int_equal(args.nports, LISTEN_PORTS_MAX);
	assert_int_equal(args.nallowed, LISTEN_ALLOWED_MAX);
	strcat(ports, ",99");
	assert_int_equal(listen_args_read(n, words, &args, &wrong), -EINVAL);
	assert_non_null(strstr(wrong, "64 ports"));
	memmove(words + 3, words + 1, sizeof(words[0]) * (size_t)n);
	assert_int_equal(listen_args_read(n + 2, words, &args, &wrong), -EINVAL);
	assert_non_null(strstr(wrong, "1024 --allow"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_standard_input_and_output),
	        cmocka_unit_test(test_command),
	        cmocka_unit_test(test_options),
	        cmocka_unit_test(test_wrong),
	        cmocka_unit_test(test_as_many_as_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
