/* SPDX-License-Identifier: BSD-3-Clause */
/* fork() and exec: a child uses what it inherits, the last that holds a socket closes it, and who has gone holds nothing. */
#include "pair.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* The child's exit status. */
static int joined(pid_t child)
{
	int status;

	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static void a_child_uses_its_parents_socket(void **state)
{
	struct pair *p = *state;
	char got[8] = "";
	pid_t child = fork();

	if (child == 0) {
		ssize_t n = coyo_recv(p->b, got, sizeof(got), 0);

		_exit(n == 4 && coyo_send(p->b, "from child", 10, 0) == 10 ? 0 : 1);
	}
	assert_int_equal(coyo_send(p->a, "call", 4, 0), 4);
	assert_int_equal(coyo_recv(p->a, got, sizeof(got), MSG_WAITALL), 8);
	assert_memory_equal(got, "from chi", 8);
	assert_int_equal(joined(child), 0);
	/* The child has ended; the parent goes on with the same views. */
	assert_int_equal(coyo_send(p->a, "more", 4, 0), 4);
	assert_int_equal(coyo_recv(p->b, got, sizeof(got), 0), 4);
}

/* The server's usual way: the parent closes what the child serves, the child closes what the parent listens on. */
static void a_server_that_forks(void **state)
{
	struct pair *p = *state;
	char got[8];
	pid_t child = fork();

	if (child == 0) {
		coyo_close(p->listener);
		coyo_close(p->a);
		_exit(coyo_recv(p->b, got, 4, MSG_WAITALL) == 4 &&
		                      coyo_send(p->b, got, 4, 0) == 4 && coyo_close(p->b) == 0
		              ? 0
		              : 1);
	}
	coyo_close(p->b);
	assert_int_equal(coyo_send(p->a, "ping", 4, 0), 4);
	assert_int_equal(coyo_recv(p->a, got, sizeof(got), MSG_WAITALL), 4);
	assert_int_equal(joined(child), 0);
	coyo_close(p->a);
	/* The listener is the parent's still. */
	pair_again(p);
}

static void several_children_accept(void **state)
{
	struct pair *p = *state;
	pid_t child[4];
	char got;

	for (unsigned i = 0; i < 4; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			for (;;) {
				int h = coyo_accept(p->listener, NULL, NULL);

				if (h < 0 || coyo_recv(h, &got, 1, 0) != 1)
					_exit(1);
				if (got == 'q')
					_exit(0);
				if (coyo_send(h, &got, 1, 0) != 1 || coyo_close(h) != 0)
					_exit(2);
			}
		}
	}
	for (unsigned i = 0; i < 200; i++) {
		int h = pair_connect(PAIR_PORT);

		assert_int_equal(coyo_send(h, "x", 1, 0), 1);
		assert_int_equal(coyo_recv(h, &got, 1, 0), 1);
		coyo_close(h);
	}
	for (unsigned i = 0; i < 4; i++) {
		int h = pair_connect(PAIR_PORT);

		coyo_send(h, "q", 1, 0);
		/* Nobody closes it but the end of the child that had accepted it. */
		pair_await(waitpid(-1, NULL, WNOHANG) > 0);
		assert_int_equal(coyo_recv(h, &got, 1, 0), 0);
		coyo_close(h);
	}
}

/* A child that becomes another program holds nothing: without its close the peer would wait for ever. */
static void exec_holds_nothing(void **state)
{
	struct pair *p = *state;
	char got;
	pid_t child = fork();

	if (child == 0) {
		execl("/bin/sleep", "sleep", "30", NULL);
		_exit(1);
	}
	coyo_close(p->b);
	assert_int_equal(coyo_recv(p->a, &got, 1, 0), 0);
	kill(child, SIGKILL);
	joined(child);
}

static void a_killed_child_holds_nothing(void **state)
{
	struct pair *p = *state;
	char got;
	pid_t child = fork();

	if (child == 0) {
		coyo_send(p->b, "here", 4, 0);
		coyo_recv(p->b, &got, 1, 0);
		_exit(1);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(coyo_recv(p->a, &got, 1, 0), 1);
	coyo_close(p->b);
	kill(child, SIGKILL);
	joined(child);
	assert_int_equal(coyo_recv(p->a, &got, 1, 0), 0);
}

/* The parent ends first: the child has the sockets, and may make new ones. */
static void a_daemon_by_double_fork(void **state)
{
	struct pair *p = *state;
	char got[8];
	pid_t child = fork();

	if (child == 0) {
		if (fork() > 0)
			_exit(0);
		if (coyo_recv(p->b, got, 4, MSG_WAITALL) == 4)
			coyo_send(p->b, got, 4, 0);
		coyo_send(pair_connect(PAIR_PORT), "new", 3, 0);
		_exit(0);
	}
	assert_int_equal(joined(child), 0);
	coyo_close(p->b);
	assert_int_equal(coyo_send(p->a, "grow", 4, 0), 4);
	assert_int_equal(coyo_recv(p->a, got, 4, MSG_WAITALL), 4);
	p->b = coyo_accept(p->listener, NULL, NULL);
	assert_int_equal(coyo_recv(p->b, got, 3, MSG_WAITALL), 3);
	assert_int_equal(coyo_recv(p->b, got, 3, 0), 0);
}

/* As programs do that become daemons, and then open files of their own, whose ends and locks say nothing about ours. The child has lost what it
 * inherited and attaches anew; its parent has lost nothing, and nothing is written into the files. */
static void a_child_that_closes_all_descriptors(void **state)
{
	struct sockaddr_coyo to = pair_address(PAIR_PORT);
	struct pair *p = *state;
	pid_t child = fork();
	char got;

	if (child == 0) {
		int h, one[2];
		char byte;

		for (int fd = 3; fd < 1024; fd++)
			close(fd);
		for (unsigned i = 0; i < 20; i++)
			if (pipe2(one, O_NONBLOCK) < 0 || one[0] < 3 ||
			    (i % 2 && close(one[1]) < 0))
				_exit(3);
		usleep(150000);
		if (coyo_send(p->b, "y", 1, 0) == 1)
			usleep(10000);
		coyo_close(p->a);
		h = coyo_socket(AF_COYO, SOCK_STREAM, 0);
		/* Nobody listens there for this application. */
		if (h < 0 || coyo_connect(h, (struct sockaddr *)&to, sizeof(to)) == 0 ||
		    errno != ECONNREFUSED)
			_exit(1);
		if (coyo_recv(p->b, &got, 1, 0) != -1 || errno != ECONNRESET)
			_exit(2);
		for (int fd = 3; fd <= one[0]; fd++)
			if (read(fd, &byte, 1) > 0)
				_exit(4);
		_exit(0);
	}
	assert_int_equal(joined(child), 0);
	assert_int_equal(coyo_send(p->a, "x", 1, 0), 1);
	assert_int_equal(coyo_recv(p->b, &got, 1, 0), 1);
	coyo_close(p->a);
	coyo_close(p->b);
	pair_again(p);
}

static void children_that_poll(void **state)
{
	struct pair *p = *state;
	char got;
	pid_t child;

	/* The parent has slept in poll before: the child has a set of its own. */
	assert_int_equal(coyo_poll(&(struct pollfd){.fd = p->a, .events = POLLIN}, 1, 1), 0);
	child = fork();
	if (child == 0) {
		struct pollfd f = {.fd = p->b, .events = POLLIN};

		for (unsigned i = 0; i < 100; i++)
			if (coyo_poll(&f, 1, 10000) != 1 || coyo_recv(p->b, &got, 1, 0) != 1 ||
			    coyo_send(p->b, &got, 1, 0) != 1)
				_exit(1);
		_exit(0);
	}
	for (unsigned i = 0; i < 100; i++) {
		struct pollfd f = {.fd = p->a, .events = POLLIN};

		assert_int_equal(coyo_send(p->a, "x", 1, 0), 1);
		assert_int_equal(coyo_poll(&f, 1, 10000), 1);
		assert_int_equal(coyo_recv(p->a, &got, 1, 0), 1);
	}
	assert_int_equal(joined(child), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        TEST(a_child_uses_its_parents_socket),
	        TEST(a_server_that_forks),
	        TEST(several_children_accept),
	        TEST(exec_holds_nothing),
	        TEST(a_killed_child_holds_nothing),
	        TEST(a_daemon_by_double_fork),
	        TEST(a_child_that_closes_all_descriptors),
	        TEST(children_that_poll),
	};
	alarm(60);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
