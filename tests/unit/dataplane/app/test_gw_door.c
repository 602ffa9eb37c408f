/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients whose connections come as descriptors through the door: each is one client; what is no descriptor, or one too many, harms nobody. */
#include "gwtest.h"

#include "app/gw_door.h"

#include <fcntl.h>

static struct gwtest t;
static int other; /* the library's end */

static int setup(void **state)
{
	struct epoll_event e = {.events = EPOLLIN};
	int pair[2];

	(void)state;
	gwtest_start(&t);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	t.g.door = pair[0];
	other = pair[1];
	e.data.ptr = &t.g.door_node;
	assert_int_equal(epoll_ctl(t.g.epoll, EPOLL_CTL_ADD, t.g.door, &e), 0);
	return 0;
}

static int teardown(void **state)
{
	struct gw_client *c;

	(void)state;
	while ((c = TAILQ_FIRST(&t.g.clients)))
		gw_client_free(&t.g, c);
	gw_bury(&t.g);
	close(t.g.door);
	if (other >= 0)
		close(other);
	gwtest_end(&t);
	return 0;
}

/* Passes n descriptors in one message: socketpairs whose other ends are kept. */
static void pass(const int *fd, unsigned n)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec iov = {"+", 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (n > 0) {
		struct cmsghdr *h;

		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n * sizeof(int));
		memcpy(CMSG_DATA(h), fd, n * sizeof(int));
	}
	assert_int_equal(sendmsg(other, &m, MSG_DONTWAIT), 1);
}

static int connection(void)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	pass(&pair[1], 1);
	close(pair[1]);
	return pair[0];
}

static bool hung_up(int fd)
{
	char c;

	return recv(fd, &c, 1, MSG_DONTWAIT) == 0;
}

static void test_each_is_a_client_that_never_blocks(void **state)
{
	int a = connection(), b = connection();

	(void)state;
	gw_door_serve(&t.g);
	assert_int_equal(t.g.nclients, 2);
	assert_int_equal(t.g.fds, 2);
	assert_true(fcntl(TAILQ_FIRST(&t.g.clients)->fd, F_GETFL) & O_NONBLOCK);
	assert_true(fcntl(TAILQ_FIRST(&t.g.clients)->fd, F_GETFD) & FD_CLOEXEC);
	assert_false(fcntl(a, F_GETFL) & O_NONBLOCK); /* the caller's end is as it was made */
	close(a);
	close(b);
}

static void test_what_is_no_connection_is_passed_over(void **state)
{
	char line[8];
	int pair[2], a;

	(void)state;
	pass(NULL, 0);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	pass(pair, 2);
	a = connection();
	gw_door_serve(&t.g);
	assert_int_equal(t.g.nclients, 1);
	assert_false(hung_up(a));
	close(pair[1]);
	assert_int_equal(read(pair[0], line, sizeof(line)), 0); /* nobody holds the other end */
	close(pair[0]);
	close(a);
}

static void test_one_too_many_is_told_so(void **state)
{
	char line[APP_LINE_MAX];
	int a, b;

	(void)state;
	t.g.fds_max = 2;
	a = connection();
	b = connection();
	gw_door_serve(&t.g);
	assert_int_equal(t.g.nclients, 1);
	assert_false(hung_up(a));
	assert_true(recv(b, line, sizeof(line), MSG_DONTWAIT) > 0);
	assert_true(hung_up(b));
	close(a);
	close(b);
}

static void test_a_door_that_is_shut_is_looked_at_no_more(void **state)
{
	struct epoll_event e;
	int a = connection();

	(void)state;
	close(other);
	other = -1;
	gw_door_serve(&t.g);
	assert_int_equal(t.g.nclients, 1); /* who came before is served */
	assert_int_equal(epoll_wait(t.g.epoll, &e, 1, 0), 0);
	close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_each_is_a_client_that_never_blocks, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_what_is_no_connection_is_passed_over, setup,
	                                        teardown),
	        cmocka_unit_test_setup_teardown(test_one_too_many_is_told_so, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_a_door_that_is_shut_is_looked_at_no_more,
	                                        setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
