/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors of the gateway are counted, once each, and streams get no more than they may have. */
#include "gwtest.h"

#include <fcntl.h>

static struct gwtest t;

static int setup(void **state)
{
	gwtest_start(&t);
	return 0;
}

static int teardown(void **state)
{
	gwtest_end(&t);
	return 0;
}

static void test_pair_is_connected_and_counted(void **state)
{
	int fd[2];
	char c;

	assert_int_equal(gw_pair(&t.g, fd), 0);
	assert_int_equal(t.g.fds, 2);
	assert_int_equal(write(fd[0], "x", 1), 1);
	assert_int_equal(read(fd[1], &c, 1), 1);
	assert_int_equal(c, 'x');
	assert_int_equal(fcntl(fd[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(fd[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	gw_close(&t.g, &fd[0]);
	gw_close(&t.g, &fd[1]);
}

/* Closing twice counts once: the second time there is nothing, and no other descriptor of that number is hit. */
static void test_close_once(void **state)
{
	int fd[2];

	assert_int_equal(gw_pair(&t.g, fd), 0);
	gw_close(&t.g, &fd[0]);
	assert_int_equal(fd[0], -1);
	assert_int_equal(t.g.fds, 1);
	assert_true(t.g.fd_closed);
	t.g.fd_closed = false;
	gw_close(&t.g, &fd[0]);
	assert_int_equal(t.g.fds, 1);
	assert_false(t.g.fd_closed);
	gw_close(&t.g, &fd[1]);
}

static void test_limit(void **state)
{
	int a[2], b[2];

	t.g.fds_max = 3;
	assert_int_equal(gw_pair(&t.g, a), 0);
	assert_int_equal(gw_pair(&t.g, b), -EMFILE); /* one is left, a pair needs two */
	assert_int_equal(t.g.fds, 2);
	t.g.fds_max = 4;
	assert_int_equal(gw_pair(&t.g, b), 0);
	for (unsigned i = 0; i < 2; i++) {
		gw_close(&t.g, &a[i]);
		gw_close(&t.g, &b[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_pair_is_connected_and_counted, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_close_once, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
