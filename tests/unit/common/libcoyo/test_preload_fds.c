/* SPDX-License-Identifier: BSD-3-Clause */
/* What is known of descriptors: a hint, believed only while the descriptor is the same one. */
#include "libcoyo/preload/fds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static int a_socket(void)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	close(fd[1]);
	return fd[0];
}

static void test_known(void **state)
{
	int fd = a_socket();
	struct fd_slot *s;

	(void)state;
	assert_int_equal(fds_kind(fd), FD_OTHER);
	s = fds_new(fd, FD_STREAM);
	assert_non_null(s);
	assert_int_equal(fds_kind(fd), FD_STREAM);
	assert_ptr_equal(fds_ours(fd), s);
	fds_forget(fd);
	assert_int_equal(fds_kind(fd), FD_OTHER);
	close(fd);
	assert_int_equal(fds_kind(-1), FD_OTHER);
	assert_int_equal(fds_kind((int)FDS_MAX), FD_OTHER);
	assert_null(fds_new((int)FDS_MAX, FD_STREAM));
}

/* close() by a system call of its own, and another file under the same number. */
static void test_closed_behind_our_back(void **state)
{
	int fd = a_socket(), other;

	(void)state;
	assert_non_null(fds_new(fd, FD_STREAM));
	syscall(SYS_close, fd);
	errno = 7;
	assert_null(fds_ours(fd));
	assert_int_equal(errno, 7);
	assert_int_equal(fds_kind(fd), FD_OTHER);
	assert_non_null(fds_new(other = a_socket(), FD_STREAM));
	syscall(SYS_close, other);
	assert_int_equal(open("/dev/null", O_RDONLY), other);
	assert_null(fds_ours(other));
	close(other);
}

/* A stream that is not connected yet ends with the daemon's connection, but never with another file that has got the number of that. */
static void test_control_of_a_stream(void **state)
{
	int fd = a_socket(), control = a_socket();

	(void)state;
	fds_set_control(fds_new(fd, FD_CONNECTING), control);
	fds_forget(fd);
	assert_int_equal(fcntl(control, F_GETFD), -1);
	control = a_socket();
	fds_set_control(fds_new(fd, FD_CONNECTING), control);
	syscall(SYS_close, control);
	assert_int_equal(open("/dev/null", O_RDONLY), control);
	fds_forget(fd);
	assert_int_equal(fcntl(control, F_GETFD), 0);
	close(control);
	/* What was closed behind our back, and has been made again, leaves none. */
	control = a_socket();
	fds_set_control(fds_new(fd, FD_CONNECTING), control);
	syscall(SYS_close, fd);
	assert_int_equal(a_socket(), fd);
	assert_non_null(fds_new(fd, FD_STREAM));
	assert_int_equal(fcntl(control, F_GETFD), -1);
	close(fd);
}

static void test_copies(void **state)
{
	int fd = a_socket(), to = dup(fd);
	struct fd_slot *s = fds_new(fd, FD_STREAM), *t;

	(void)state;
	s->end.local_port = 80;
	fds_set_option(s, 6, 1, 1);
	fds_copy(fd, to);
	t = fds_ours(to);
	assert_non_null(t);
	assert_int_equal(t->end.local_port, 80);
	fds_forget(fd);
	assert_ptr_equal(fds_ours(to), t);
	/* What is not ours makes not ours. */
	fds_copy(fd, to);
	assert_int_equal(fds_kind(to), FD_OTHER);
	close(fd);
	close(to);
}

/* A process that got a stream by another way than its own calls finds it by its inode. */
static void test_recovered(void **state)
{
	int fd = a_socket(), stranger = a_socket(), value;
	struct fd_slot *s = fds_new(fd, FD_STREAM);

	(void)state;
	s->end.peer_port = 4;
	fds_publish(s);
	fds_forget(fd);
	s = fds_recover(fd);
	assert_non_null(s);
	assert_int_equal(s->end.peer_port, 4);
	assert_true(s->told);
	assert_int_equal(fds_kind(fd), FD_STREAM);
	assert_false(fds_option(s, 6, 1, &value));
	assert_null(fds_recover(stranger));
	close(fd);
	close(stranger);
}

static void test_listener_of_a_port(void **state)
{
	int fd = a_socket();

	(void)state;
	fds_new(fd, FD_LISTENER)->end.local_port = 443;
	assert_int_equal(fds_listener(443), fd);
	assert_int_equal(fds_listener(80), -1);
	syscall(SYS_close, fd);
	assert_int_equal(fds_listener(443), -1);
}

static void test_options(void **state)
{
	int fd = a_socket(), value = 0;
	struct fd_slot *s = fds_new(fd, FD_STREAM);

	(void)state;
	for (int i = 0; i < 100; i++)
		fds_set_option(s, 6, i, i);
	fds_set_option(s, 6, 1, 50);
	assert_true(fds_option(s, 6, 1, &value) && value == 50);
	assert_false(fds_option(s, 6, 99, &value));
	assert_false(fds_option(s, 41, 1, &value));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_known),
	        cmocka_unit_test(test_closed_behind_our_back),
	        cmocka_unit_test(test_copies),
	        cmocka_unit_test(test_recovered),
	        cmocka_unit_test(test_options),
	        cmocka_unit_test(test_listener_of_a_port),
	        cmocka_unit_test(test_control_of_a_stream),
	};

	return cmocka_run_group_tests_name("preload fds", tests, NULL, NULL);
}
