/* SPDX-License-Identifier: BSD-3-Clause */
/* Clients of the process that the stack runs in, and of its children: their connections come as descriptors. */
#include "app/gw_door.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_AT_ONCE 64

/* The one descriptor of a message. -EBADMSG: it has none (this process may be out of them, and the client sees that its connection has ended), or
 * several, which are closed.
 * syscalls: close */
static int one_of(struct msghdr *m)
{
	struct cmsghdr *h = CMSG_FIRSTHDR(m);
	int fd[2];
	size_t n;

	if (!h || h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
		return -EBADMSG;
	n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	COYO_ASSERT(n >= 1 && n <= ARRAY_LEN(fd));
	memcpy(fd, CMSG_DATA(h), n * sizeof(int));
	if (n == 1)
		return fd[0];
	close(fd[0]);
	close(fd[1]);
	return -EBADMSG;
}

/* The next descriptor. -EBADMSG as above; -EAGAIN: there is none; others: the door is shut.
 * syscalls: recvmsg */
static int take(int door)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(int))]; /* on 64 bits there is room for two */
	} control;
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	ssize_t n;

	do {
		n = recvmsg(door, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EPIPE;
	return one_of(&m);
}

/* syscalls: fcntl epoll_ctl close */
void gw_door_serve(struct gateway *g)
{
	for (unsigned i = 0; i < CLIENTS_AT_ONCE; i++) {
		int fd = take(g->door);

		if (fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
			gw_client_new(g, fd, true);
			continue;
		}
		if (fd >= 0)
			close(fd);
		else if (fd != -EBADMSG && fd != -EAGAIN)
			epoll_ctl(g->epoll, EPOLL_CTL_DEL, g->door, NULL);
		if (fd < 0 && fd != -EBADMSG)
			return;
	}
}
