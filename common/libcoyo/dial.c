/* SPDX-License-Identifier: BSD-3-Clause */
/* Reaching the daemon: its socket, lines to it, and its answers with what is passed along. */
#include "libcoyo/dial.h"
#include "base/why.h"
#include "libcoyo/door.h"
#include "resolve/ask.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

COYO_EXPORT const char *coyo_socket_path(const char *socket)
{
	return ask_socket_path(socket);
}

int dial_daemon(const char *socket_arg, int type, char why[COYO_WHY_MAX])
{
	const char *path = coyo_socket_path(socket_arg);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, err;

	if (!socket_arg && door_now())
		return door_dial(type, why);
	if (strlen(path) >= sizeof(sun.sun_path))
		return why_say(why, COYO_WHY_MAX, ENAMETOOLONG,
		               "the socket path %.100s... is longer than %zu bytes", path,
		               sizeof(sun.sun_path) - 1);
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return why_say(why, COYO_WHY_MAX, errno, "cannot make a socket: %s",
		               strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == EACCES || err == EPERM)
		return why_say(why, COYO_WHY_MAX, err,
		               "no permission for the daemon's socket %s: join the group that "
		               "owns it, or see [api] mode in coyod's configuration",
		               path);
	if (err == ENOENT || err == ECONNREFUSED)
		return why_say(
		        why, COYO_WHY_MAX, err == ENOENT ? ENOENT : ENOTCONN,
		        "coyod is not running: nothing answers on %s; start `coyod -c FILE`, or "
		        "name its socket with -s or in $" APP_SOCKET_ENV,
		        path);
	if (err == EAGAIN)
		return why_say(why, COYO_WHY_MAX, err,
		               "coyod does not answer on %s: it is stopped or has no time", path);
	return why_say(why, COYO_WHY_MAX, err, "cannot reach coyod on %s: %s", path, strerror(err));
}

int dial_send(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
	}
	return 0;
}

/* Receives up to n bytes and the descriptors that come with them; those beyond most are closed. */
static ssize_t receive(int fd, void *p, size_t n, int *passed, unsigned most, unsigned *npassed,
                       int flags)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(APP_SEGMENT_FDS(APPLANE_WORKERS_MAX) * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = p, .iov_len = n};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	ssize_t k;

	do {
		k = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | flags);
	} while (k < 0 && errno == EINTR);
	if (k < 0)
		return -errno;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		size_t fds;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < fds; i++) {
			int got;

			memcpy(&got, CMSG_DATA(c) + i * sizeof(int), sizeof(got));
			if (*npassed < most)
				passed[(*npassed)++] = got;
			else
				close(got);
		}
	}
	return k;
}

static int lost(int err, char why[COYO_WHY_MAX])
{
	if (err)
		return why_say(why, COYO_WHY_MAX, err, "lost coyod: %s", strerror(err));
	return why_say(why, COYO_WHY_MAX, ECONNABORTED,
	               "coyod closed the connection: it is stopping, or it has too many clients");
}

/* What is there of the next answer line is looked at before it is taken, so that nothing behind its end is. Returns its length without the end,
 * which is overwritten with NUL, or a negative errno. */
static ssize_t read_line(int fd, char line[APP_LINE_MAX], int *passed, unsigned most,
                         unsigned *npassed, int flags, char why[COYO_WHY_MAX])
{
	size_t n = 0;

	for (;;) {
		ssize_t k = recv(fd, line + n, APP_LINE_MAX - n, MSG_PEEK | flags);
		char *end;

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno == EAGAIN && flags)
			return -EAGAIN;
		if (k <= 0)
			return lost(k < 0 ? errno : 0, why);
		end = memchr(line + n, '\n', (size_t)k);
		if (!end && n + (size_t)k == APP_LINE_MAX)
			return why_say(why, COYO_WHY_MAX, EPROTO,
			               "coyod sent a line that is too long");
		if (!end && flags)
			return -EAGAIN;
		k = receive(fd, line + n, end ? (size_t)(end + 1 - line) - n : (size_t)k, passed,
		            most, npassed, flags);
		if (k <= 0)
			return lost((int)-k, why);
		n += (size_t)k;
		if (line[n - 1] != '\n')
			continue;
		line[n - 1] = '\0';
		return (ssize_t)n - 1;
	}
}

int dial_answer(int fd, struct app_answer *ans, int *passed, unsigned most, unsigned *npassed,
                int flags, char why[COYO_WHY_MAX])
{
	char line[APP_LINE_MAX];
	ssize_t n;

	*npassed = 0;
	n = read_line(fd, line, passed, most, npassed, flags, why);
	if (n < 0)
		return (int)n;
	if (app_answer_parse(line, (size_t)n, ans) < 0)
		return why_say(why, COYO_WHY_MAX, EPROTO,
		               "coyod answered \"%.60s\", which this version does not "
		               "understand",
		               line);
	if (ans->type == APP_ANS_ERROR)
		return why_say(why, COYO_WHY_MAX, ans->err, "%s", ans->why);
	return 0;
}
