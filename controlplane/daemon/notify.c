/* SPDX-License-Identifier: BSD-3-Clause */
/* A datagram to the path or abstract name in $NOTIFY_SOCKET, and what waits until that socket has room. */
#include "daemon/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A socket connected to the manager; -errno, or -ENOENT where there is none.
 * syscalls at the start: socket connect close */
static int reach_manager(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	socklen_t len;
	size_t n;
	int fd, rc;

	if (!path || (path[0] != '/' && path[0] != '@'))
		return -ENOENT;
	n = strlen(path);
	if (n < 2 || n >= sizeof(to.sun_path))
		return -EINVAL;
	memcpy(to.sun_path, path, n);
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&to, len) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

void notify_open(struct notify *n)
{
	*n = (struct notify){.fd = reach_manager()};
}

/* syscalls: close */
void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -ENOENT;
}

/* syscalls: send */
static int send_now(struct notify *n, const char *state)
{
	if (n->fd < 0)
		return n->fd == -ENOENT ? 0 : n->fd;
	return send(n->fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

static void keep(struct notify *n, const char *state)
{
	size_t used;
	char *old = strstr(n->waiting, "STATUS="), *end;

	if (strncmp(state, "STATUS=", 7) == 0 && old) {
		end = strchr(old, '\n');
		if (end)
			memmove(old, end + 1, strlen(end + 1) + 1);
		else
			*old = '\0';
	}
	used = strlen(n->waiting);
	if (used && n->waiting[used - 1] != '\n' && used + 1 < sizeof(n->waiting))
		n->waiting[used++] = '\n';
	if (used + strlen(state) < sizeof(n->waiting))
		strcpy(n->waiting + used, state);
	else
		n->waiting[used] = '\0';
}

bool notify_waiting(const struct notify *n)
{
	return n->waiting[0] != '\0';
}

void notify_retry(struct notify *n)
{
	int rc = notify_waiting(n) ? send_now(n, n->waiting) : 0;

	if (rc != -EAGAIN && rc != -ENOBUFS)
		n->waiting[0] = '\0';
}

int notify_send(struct notify *n, const char *state)
{
	int rc = notify_waiting(n) ? -EAGAIN : send_now(n, state);

	if (rc != -EAGAIN && rc != -ENOBUFS)
		return rc;
	keep(n, state);
	notify_retry(n);
	return 0;
}
