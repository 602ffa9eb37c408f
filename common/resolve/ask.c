/* SPDX-License-Identifier: BSD-3-Clause */
/* One question on the application socket. It runs inside programs that know nothing of it: no globals, no signals, nothing left behind. */
#include "resolve/ask.h"
#include "base/why.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

const char *ask_socket_path(const char *socket)
{
	const char *env = secure_getenv(APP_SOCKET_ENV);

	if (socket)
		return socket;
	return env && *env ? env : PATH_APP_SOCKET;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int late(char why[APP_WHY_MAX])
{
	return why_say(why, APP_WHY_MAX, ETIMEDOUT,
	               "coyod does not answer: is it stopped, or very busy?");
}

/* A socket that gives up sending, and connecting, after so long. */
static int open_socket(int timeout_ms)
{
	struct timeval t = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	return fd;
}

static int dial(const char *path, int timeout_ms, char why[APP_WHY_MAX])
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(sun.sun_path))
		return why_say(why, APP_WHY_MAX, ENAMETOOLONG,
		               "the socket's path %.60s... is longer than %zu bytes", path,
		               sizeof(sun.sun_path) - 1);
	memcpy(sun.sun_path, path, strlen(path) + 1);
	fd = open_socket(timeout_ms);
	if (fd < 0)
		return why_say(why, APP_WHY_MAX, errno, "cannot make a socket: %s",
		               strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	err = errno;
	close(fd);
	switch (err) {
	case ENOENT:
	case ENOTDIR:
	case ECONNREFUSED:
		return why_say(
		        why, APP_WHY_MAX, ENOTCONN,
		        "coyod is not running: nothing answers on %.100s; start it, or name its "
		        "socket (-s, $" APP_SOCKET_ENV ")",
		        path);
	case EACCES:
	case EPERM:
		return why_say(why, APP_WHY_MAX, EACCES,
		               "no permission for the daemon's socket %.100s: see mode in [api] of "
		               "coyod's configuration",
		               path);
	case EAGAIN:
		return late(why);
	default:
		return why_say(why, APP_WHY_MAX, err, "cannot reach coyod on %.100s: %s", path,
		               strerror(err));
	}
}

/* A line of at most APP_LINE_MAX bytes; its length without the newline. */
static int read_line(int fd, char *line, int64_t deadline, char why[APP_WHY_MAX])
{
	size_t have = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - now_ms();
		ssize_t n;
		char *end;

		if (left <= 0)
			return late(why);
		if (poll(&p, 1, (int)left) <= 0)
			continue; /* it was late, or a signal came */
		n = recv(fd, line + have, APP_LINE_MAX - have, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0)
			return why_say(why, APP_WHY_MAX, errno, "lost coyod: %s", strerror(errno));
		if (n == 0)
			return why_say(why, APP_WHY_MAX, ENOTCONN,
			               "coyod closed the connection: it is stopping");
		end = memchr(line + have, '\n', (size_t)n);
		have += (size_t)n;
		if (end)
			return (int)(end - line);
		if (have == APP_LINE_MAX)
			return why_say(why, APP_WHY_MAX, EPROTO,
			               "coyod sent a line that is too long");
	}
}

int ask_daemon(const char *socket, const struct app_request *req, int timeout_ms,
               struct app_answer *ans, char why[APP_WHY_MAX])
{
	int fd = dial(ask_socket_path(socket), timeout_ms, why);

	return fd < 0 ? fd : ask_over(fd, req, timeout_ms, ans, why);
}

int ask_over(int fd, const struct app_request *req, int timeout_ms, struct app_answer *ans,
             char why[APP_WHY_MAX])
{
	int64_t deadline = now_ms() + timeout_ms;
	char line[APP_LINE_MAX];
	size_t n;
	int r;

	n = app_request_write(req, line);
	if (send(fd, line, n, MSG_NOSIGNAL) != (ssize_t)n) {
		close(fd);
		return why_say(why, APP_WHY_MAX, ENOTCONN, "lost coyod: it is stopping");
	}
	r = read_line(fd, line, deadline, why);
	close(fd);
	if (r < 0)
		return r;
	if (app_answer_parse(line, (size_t)r, ans) < 0)
		return why_say(why, APP_WHY_MAX, EPROTO,
		               "coyod's answer is not understood: is it of another version?");
	if (ans->type == APP_ANS_ERROR)
		return why_say(why, APP_WHY_MAX, ans->err, "%s", ans->why);
	return 0;
}
