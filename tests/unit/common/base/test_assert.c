/* SPDX-License-Identifier: BSD-3-Clause */
/* Assertions and thread ownership: what fails aborts with its place, and a release build evaluates nothing. */
#include "base/owner.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifdef NDEBUG
#define CHECKED 0
#else
#define CHECKED 1
#endif

static struct owner owned;

/* Runs fn in a process of its own; its standard error in out. Returns the signal that ended it, 0: none. */
static int run(void (*fn)(void), char *out, size_t cap)
{
	int fd[2], status;
	ssize_t n, len = 0;
	pid_t pid;

	assert_int_equal(pipe(fd), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		dup2(fd[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fd[1]);
	while (len < (ssize_t)cap - 1 && (n = read(fd[0], out + len, cap - 1 - (size_t)len)) > 0)
		len += n;
	out[len] = 0;
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void holds(void)
{
	int one = 1;

	COYO_ASSERT(one + one == 2);
}

static void fails(void)
{
	int one = 1;

	COYO_ASSERT(one + one == 3);
}

static void count(void)
{
	int n = 0;

	COYO_ASSERT(++n == 1);
	if (n != CHECKED)
		raise(SIGUSR1);
}

static void *take(void *arg)
{
	owner_take(&owned);
	return arg;
}

static void *check(void *arg)
{
	OWNER_CHECK(&owned);
	return arg;
}

static void in_thread(void *(*fn)(void *))
{
	pthread_t t;

	if (pthread_create(&t, NULL, fn, NULL) == 0)
		pthread_join(t, NULL);
}

static void own_and_let_go(void)
{
	OWNER_CHECK(&owned);
	owner_take(&owned);
	owner_take(&owned);
	OWNER_CHECK(&owned);
	owner_drop(&owned);
	in_thread(check);
	in_thread(take);
}

static void check_in_another(void)
{
	owner_take(&owned);
	in_thread(check);
}

static void take_from_another(void)
{
	owner_take(&owned);
	in_thread(take);
}

static void drop_of_another(void)
{
	owner_take(&owned);
	owned.thread = (const char *)owned.thread + 1;
	owner_drop(&owned);
}

static void test_assert(void **state)
{
	char text[512];

	(void)state;
	assert_int_equal(run(holds, text, sizeof(text)), 0);
	assert_string_equal(text, "");
	assert_int_equal(run(fails, text, sizeof(text)), CHECKED ? SIGABRT : 0);
	if (CHECKED) {
		assert_non_null(strstr(text, "test_assert.c:"));
		assert_non_null(strstr(text, ": assertion failed: one + one == 3\n"));
	}
	assert_int_equal(run(count, text, sizeof(text)), 0);
}

static void test_owner(void **state)
{
	char text[512];

	(void)state;
	assert_int_equal(run(own_and_let_go, text, sizeof(text)), 0);
	assert_int_equal(run(check_in_another, text, sizeof(text)), CHECKED ? SIGABRT : 0);
	assert_int_equal(run(take_from_another, text, sizeof(text)), CHECKED ? SIGABRT : 0);
	assert_int_equal(run(drop_of_another, text, sizeof(text)), CHECKED ? SIGABRT : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_assert),
	        cmocka_unit_test(test_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
