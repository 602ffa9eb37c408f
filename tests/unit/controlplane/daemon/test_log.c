/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: one line per write, nothing that forges a line, a rate that errors do not obey, and a count of what was left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct log l;
static int fds[2];

static int setup(void **state)
{
	(void)state;
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	log_init(&l, fds[1]);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* What has been written, as text; "" for nothing. */
static const char *written(void)
{
	static char text[65536];
	ssize_t n = read(fds[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static unsigned lines(const char *text, const char *word)
{
	unsigned n = 0;

	while ((text = strstr(text, word))) {
		n++;
		text += strlen(word);
	}
	return n;
}

static void test_lines(void **state)
{
	struct instant now = {NS_PER_S};
	char longer[1000];

	(void)state;
	log_line(&l, now, LOG_LEVEL_INFO, "link %s up", "a");
	log_line(&l, now, LOG_LEVEL_DEBUG, "x");
	assert_string_equal(written(), "info link a up\ndebug x\n");
	log_line(&l, now, LOG_LEVEL_WARN, "%s", "a\nerror forged\x1b[2J\x7f");
	assert_string_equal(written(), "warn a?error forged?[2J?\n");
	memset(longer, 'y', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_line(&l, now, LOG_LEVEL_INFO, "%s", longer);
	assert_int_equal(strlen(written()), strlen("info ") + 599 + 1);
}

static void test_rate(void **state)
{
	struct instant now = {NS_PER_S};
	const char *text;

	(void)state;
	for (int i = 0; i < 300; i++)
		log_line(&l, now, LOG_LEVEL_INFO, "chatter");
	assert_int_equal(lines(written(), "info chatter\n"), 200);
	log_line(&l, now, LOG_LEVEL_ERROR, "grave");
	text = written();
	assert_string_equal(text, "warn 100 lines left out\nerror grave\n");
	log_line(&l, now, LOG_LEVEL_INFO, "chatter");
	assert_string_equal(written(), "");
	now = instant_add(now, NS_PER_S);
	for (int i = 0; i < 300; i++)
		log_line(&l, now, LOG_LEVEL_INFO, "chatter");
	text = written();
	assert_int_equal(lines(text, "info chatter\n"), 20);
	assert_int_equal(lines(text, "warn 1 lines left out\n"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
