/* SPDX-License-Identifier: BSD-3-Clause */
/* Descriptors that the gateway holds for clients and streams: counted, so that the daemon keeps enough for itself. */
#include "app/gw.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAIR_BUFFER (1024 * 1024)

/* syscalls: close */
void gw_close(struct gateway *g, int *fd)
{
	if (*fd < 0)
		return;
	close(*fd);
	*fd = -1;
	g->fds--;
	g->fd_closed = true;
}

/* syscalls: setsockopt */
void gw_enlarge(int fd)
{
	int n = PAIR_BUFFER;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &n, sizeof(n)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n));
}

/* syscalls: socketpair */
int gw_pair(struct gateway *g, int fd[2])
{
	if (g->fds + 2 > g->fds_max)
		return -EMFILE;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		return -errno;
	gw_enlarge(fd[0]);
	gw_enlarge(fd[1]);
	g->fds += 2;
	return 0;
}
