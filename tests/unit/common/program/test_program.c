/* SPDX-License-Identifier: BSD-3-Clause */
/* A program started with standard descriptors closed, in each combination: what it opens itself does not take their place. */
#include "program/program.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* In a child process, with the descriptors of `closed` (bit 0: standard input ...) closed. Returns 0, or the number of what was wrong. */
static int child(unsigned closed)
{
	char c;
	int fd;

	for (int i = 0; i < 3; i++)
		if (closed & 1u << i)
			close(i);
	if (program_start() != 0)
		return 1;
	fd = open("/dev/zero", O_RDONLY);
	if (fd < 3)
		return 2;
	if ((closed & 1) && read(0, &c, 1) != 0)
		return 3;
	if ((closed & 2) && (write(1, "x", 1) >= 0 || errno != EBADF))
		return 4;
	if ((closed & 4) && write(2, "x", 1) != 1)
		return 5;
	/* A second call finds nothing to do. */
	if (program_start() != 0 || open("/dev/null", O_RDONLY) != fd + 1)
		return 6;
	if ((closed & 2) && (printf("lost") < 0 || program_end("test", 0) != PROGRAM_FAILED))
		return 7;
	return 0;
}

static void test_closed_descriptors(void **state)
{
	for (unsigned closed = 0; closed < 8; closed++) {
		pid_t pid = fork();
		int status;

		if (pid == 0)
			_exit(child(closed));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* Nothing to write, nothing lost: the status stands. Another failure is not hidden by that of the output. */
static void test_status_stands(void **state)
{
	assert_int_equal(program_end("test", PROGRAM_DONE), PROGRAM_DONE);
	assert_int_equal(program_end("test", PROGRAM_UNREACHED), PROGRAM_UNREACHED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_closed_descriptors),
	        cmocka_unit_test(test_status_stands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
