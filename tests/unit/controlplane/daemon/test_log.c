/* SPDX-License-Identifier: BSD-3-Clause */
/* The log: one line per write, nothing that forges a line, a rate that errors do not obey, a count of what was left out, and nobody who
 * logs ever waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/log.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static struct log l;
static int fds[2];

static int setup(void **state)
{
	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	log_init(&l, fds[1]);
	assert_int_equal(log_start(&l), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	log_close(&l, 1000);
	close(fds[0]);
	close(fds[1]);
	return 0;
}

/* What has been written, as text; "" for nothing. */
static const char *written(void)
{
	static char text[65536];
	ssize_t n;

	assert_true(log_flush(&l, 5000));
	n = read(fds[0], text, sizeof(text) - 1);
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
	log_text(&l, LOG_LEVEL_ERROR, "from another thread");
	assert_string_equal(written(), "error from another thread\n");
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

static char taken[256];

static void take(void *arg, enum log_level level, const char *line)
{
	size_t n = strlen(taken);

	assert_ptr_equal(arg, fds);
	snprintf(taken + n, sizeof(taken) - n, "%d %s.", (int)level, line);
}

static void test_lines_for_a_program(void **state)
{
	struct log own;

	(void)state;
	log_init(&own, -1);
	log_to(&own, take, fds);
	log_text(&own, LOG_LEVEL_INFO, "before it starts");
	assert_int_equal(log_start(&own), 0);
	log_text(&own, (enum log_level)9, "of no level");
	log_text(&own, LOG_LEVEL_ERROR, "");
	assert_true(log_close(&own, 1000));
	assert_string_equal(taken, "2 before it starts.3 of no level.0 .");
	assert_int_equal(log_lost(&own), 0);
}

static int64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Takes all that comes until nothing has come for 300 ms: how many lines have the word, and how many the log says were lost. */
static unsigned count_all(const char *word, unsigned *told)
{
	static char all[1 << 20];
	struct pollfd wait = {.fd = fds[0], .events = POLLIN};
	const char *at = all;
	size_t n = 0;

	while (poll(&wait, 1, 300) > 0) {
		ssize_t r = read(fds[0], all + n, sizeof(all) - 1 - n);

		if (r <= 0)
			break;
		n += (size_t)r;
	}
	all[n] = '\0';
	*told = 0;
	while ((at = strstr(at, "warn ")))
		*told += (unsigned)strtoul(at += strlen("warn "), NULL, 10);
	return lines(all, word);
}

/* A reader that stands still costs lines, never time; when it reads again, it is told how many. */
static void test_a_full_pipe_keeps_nobody_waiting(void **state)
{
	struct instant now = {NS_PER_S};
	int64_t began;
	unsigned got, told;

	(void)state;
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
	began = clock_ms();
	for (int i = 0; i < 1000; i++)
		log_line(&l, now, LOG_LEVEL_ERROR, "line %03d of those that fill pipe and ring", i);
	assert_false(log_flush(&l, 50));
	assert_true(clock_ms() - began < 1000);
	assert_true(log_lost(&l) > 500);
	assert_true(log_lost(&l) <= 1000 - LOG_SLOTS);
	/* No further line comes, and the loss is told all the same. */
	got = count_all("error line", &told);
	assert_int_equal(got + log_lost(&l), 1000);
	assert_int_equal(told, log_lost(&l));
	log_line(&l, now, LOG_LEVEL_ERROR, "afterwards");
	assert_string_equal(written(), "error afterwards\n");
	assert_int_equal(got + log_lost(&l), 1000);
}

/* The end waits for a reader that stands still no longer than it is told. */
static void test_close_beside_a_full_pipe(void **state)
{
	static struct log stuck; /* its thread stays behind */
	struct instant now = {NS_PER_S};
	int full[2];
	int64_t began;

	(void)state;
	assert_int_equal(pipe2(full, O_CLOEXEC), 0);
	assert_true(fcntl(full[1], F_SETPIPE_SZ, 4096) >= 4096);
	log_init(&stuck, full[1]);
	assert_int_equal(log_start(&stuck), 0);
	for (int i = 0; i < 300; i++)
		log_line(&stuck, now, LOG_LEVEL_ERROR,
		         "a line that is as long as it takes to fill a small pipe soon");
	began = clock_ms();
	log_close(&stuck, 100);
	assert_in_range(clock_ms() - began, 90, 900);
}

/* A reader that has gone: the lines are lost and counted; one that comes later is told. */
static void test_a_reader_that_has_gone(void **state)
{
	struct instant now = {NS_PER_S};
	int fresh[2];

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	close(fds[0]);
	for (int i = 0; i < 10; i++)
		log_line(&l, now, LOG_LEVEL_INFO, "into the void");
	assert_true(log_flush(&l, 5000));
	assert_int_equal(log_lost(&l), 10);
	assert_int_equal(pipe2(fresh, O_CLOEXEC | O_NONBLOCK), 0);
	assert_true(dup2(fresh[1], fds[1]) >= 0);
	close(fresh[1]);
	fds[0] = fresh[0];
	log_line(&l, now, LOG_LEVEL_INFO, "back");
	assert_string_equal(written(),
	                    "warn 10 lines were lost: the log was not read\ninfo back\n");
	assert_int_equal(log_lost(&l), 10);
}

/* A descriptor that somebody else made non-blocking loses nothing as long as it is read. */
static void test_a_pipe_that_does_not_block(void **state)
{
	struct instant now = {NS_PER_S};
	unsigned told;

	(void)state;
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 4096) >= 4096);
	for (int i = 0; i < 200; i++)
		log_line(&l, now, LOG_LEVEL_ERROR, "line %03d of those that fill the pipe", i);
	assert_int_equal(count_all("error line", &told), 200);
	assert_int_equal(log_lost(&l), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_rate, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_full_pipe_keeps_nobody_waiting, setup,
	                                        teardown),
	        cmocka_unit_test(test_lines_for_a_program),
	        cmocka_unit_test(test_close_beside_a_full_pipe),
	        cmocka_unit_test_setup_teardown(test_a_reader_that_has_gone, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_pipe_that_does_not_block, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
