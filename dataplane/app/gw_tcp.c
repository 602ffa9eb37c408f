/* SPDX-License-Identifier: BSD-3-Clause */
/* System calls for the TCP sockets of streams. */
#include "app/gw_tcp.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* syscalls: setsockopt */
void gw_tcp_reset(int fd)
{
	const struct linger none = {.l_onoff = 1};

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

/* syscalls: recvmsg */
ssize_t gw_tcp_receive(int fd, void *piece[2], const size_t len[2])
{
	struct iovec iov[2] = {{piece[0], len[0]}, {piece[1], len[1]}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = len[1] ? 2 : 1};
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);

	return n < 0 ? -errno : n;
}

/* syscalls: getsockopt */
int gw_tcp_error(int fd)
{
	int err = 0;
	socklen_t n = sizeof(err);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0 ? -errno : -err;
}
