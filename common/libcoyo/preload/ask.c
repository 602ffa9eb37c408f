/* SPDX-License-Identifier: BSD-3-Clause */
/* One request line out, one answer line in. */
#include "libcoyo/preload/ask.h"
#include "libcoyo/coyo.h"
#include "libcoyo/preload/forward.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>

static int dial(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	const char *path = coyo_socket_path(NULL);
	int fd, err;

	if (strlen(path) >= sizeof(sun.sun_path))
		return -ENETDOWN;
	strcpy(sun.sun_path, path);
	fd = NEXT(socket)(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (NEXT(connect)(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	err = errno;
	NEXT(close)(fd);
	return err == ENOENT || err == ECONNREFUSED ? -ENETDOWN : -err;
}

int ask(const struct app_request *req)
{
	char line[APP_LINE_MAX];
	size_t n = app_request_write(req, line);
	int fd = dial();

	/* A line fits an empty socket buffer whole. */
	if (fd < 0 || send(fd, line, n, MSG_NOSIGNAL) == (ssize_t)n)
		return fd;
	NEXT(close)(fd);
	return -ENETDOWN;
}

/* One recvmsg(). At most one descriptor comes with a line; what else might is closed. */
static ssize_t take(int fd, char *to, size_t n, int *passed, int flags)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {to, n};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	ssize_t k = recvmsg(fd, &m, flags);

	if (k < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		size_t fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < fds; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			if (*passed < 0)
				*passed = got;
			else
				NEXT(close)(got);
		}
	}
	return k;
}

int ask_answer(int fd, struct app_answer *ans, int *passed, int flags, size_t piece, bool cloexec)
{
	char line[APP_LINE_MAX];
	size_t n = 0;
	int err = 0;

	*passed = -1;
	flags |= cloexec ? MSG_CMSG_CLOEXEC : 0;
	while (n == 0 || line[n - 1] != '\n') {
		ssize_t k = n == sizeof(line) ? -EPROTO
		                              : take(fd, line + n, min_u64(piece, sizeof(line) - n),
		                                     passed, flags);

		/* The rest of a line that has begun to come is on its way. */
		if (n > 0 && (k == -EINTR || k == -EAGAIN)) {
			flags &= ~MSG_DONTWAIT;
			continue;
		}
		if (k <= 0) {
			err = k < 0 ? (int)-k : ENETDOWN;
			break;
		}
		n += (size_t)k;
	}
	if (err == 0 && app_answer_parse(line, n - 1, ans) < 0)
		err = EPROTO;
	if (err == 0 && ans->type == APP_ANS_ERROR)
		err = ans->err;
	if (err && *passed >= 0) {
		NEXT(close)(*passed);
		*passed = -1;
	}
	return -err;
}
