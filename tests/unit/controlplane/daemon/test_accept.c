/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections to the control socket: so many in one turn of the loop, and no more clients than there are places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/daemon.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define WAITING (2 * CTL_ACCEPTS + 8)

static struct daemon d;
static uint32_t peer_uid; /* who connects, for all that the server knows */

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *n)
{
	(void)fd;
	assert_int_equal(level, SOL_SOCKET);
	assert_int_equal(name, SO_PEERCRED);
	assert_int_equal(*n, sizeof(struct ucred));
	*(struct ucred *)value = (struct ucred){.pid = 1, .uid = peer_uid};
	return 0;
}

static unsigned clients(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < CTL_CLIENTS_MAX; i++)
		n += d.ctl.clients[i].state != CLIENT_FREE;
	return n;
}

static unsigned refused(const int fd[WAITING], const char *code)
{
	unsigned n = 0;
	char text[200];

	for (unsigned i = 0; i < WAITING; i++) {
		ssize_t len = recv(fd[i], text, sizeof(text) - 1, MSG_DONTWAIT);

		text[len > 0 ? len : 0] = '\0';
		n += strstr(text, code) != NULL;
	}
	return n;
}

/* A server without a path, and so many who wait there. */
static void waiting(int fd[WAITING])
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(at);

	d.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	d.ctl.resume_at = INSTANT_NEVER;
	d.ctl.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Without a path the kernel gives it an abstract one. */
	assert_int_equal(bind(d.ctl.fd, (struct sockaddr *)&at, sizeof(at.sun_family)), 0);
	assert_int_equal(getsockname(d.ctl.fd, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(listen(d.ctl.fd, WAITING), 0);
	for (unsigned i = 0; i < WAITING; i++) {
		fd[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_int_equal(connect(fd[i], (struct sockaddr *)&at, len), 0);
	}
}

static void over(const int fd[WAITING])
{
	for (unsigned i = 0; i < WAITING; i++)
		close(fd[i]);
	close(d.ctl.fd);
	ctl_server_close(&d);
	close(d.epoll_fd);
}

/* A program that connects again and again must not keep the control thread from its other work. */
static void test_accepts_are_bounded(void **state)
{
	int fd[WAITING];

	(void)state;
	_Static_assert(2 * CTL_ACCEPTS == CTL_CLIENTS_MAX, "two turns take all the places");
	peer_uid = 0;
	waiting(fd);
	ctl_server_accept(&d);
	assert_int_equal(clients(), CTL_ACCEPTS);
	ctl_server_accept(&d);
	assert_int_equal(clients(), CTL_CLIENTS_MAX);
	assert_int_equal(refused(fd, "EBUSY"), 0);
	ctl_server_accept(&d);
	assert_int_equal(clients(), CTL_CLIENTS_MAX);
	assert_int_equal(refused(fd, "EBUSY"), WAITING - CTL_CLIENTS_MAX);
	over(fd);
}

/* One user, who asks for nothing and stays, has half of the places; the next one half of the rest, and root gets in. */
static void test_a_user_has_a_share(void **state)
{
	int fd[WAITING];

	(void)state;
	peer_uid = 1u << 30;
	waiting(fd);
	ctl_server_accept(&d);
	assert_int_equal(clients(), CTL_CLIENTS_MAX / 2);
	assert_int_equal(refused(fd, "EDQUOT"), 0);
	ctl_server_accept(&d);
	assert_int_equal(clients(), CTL_CLIENTS_MAX / 2);
	assert_int_equal(refused(fd, "EDQUOT"), CTL_ACCEPTS);
	peer_uid++;
	ctl_server_accept(&d);
	assert_int_equal(clients(), CTL_CLIENTS_MAX * 3 / 4);
	over(fd);
	peer_uid = 0;
	waiting(fd);
	ctl_server_accept(&d);
	ctl_server_accept(&d);
	assert_int_equal(clients(), CTL_CLIENTS_MAX);
	over(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_accepts_are_bounded),
	                                   cmocka_unit_test(test_a_user_has_a_share)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
