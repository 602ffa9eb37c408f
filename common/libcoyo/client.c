/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's side of the application socket: one request line out, one answer line and a descriptor in. */
#include "libcoyo/coyo.h"
#include "ipc/appabi.h"
#include "resolve/ask.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(COYO_ID_BYTES == ID_BYTES, "one id");

COYO_PRINTF(3, 4) static int fail(char why[COYO_WHY_MAX], int err, const char *format, ...)
{
	va_list ap;

	if (why) {
		va_start(ap, format);
		vsnprintf(why, COYO_WHY_MAX, format, ap);
		va_end(ap);
	}
	return -err;
}

COYO_EXPORT const char *coyo_socket_path(const char *socket)
{
	return ask_socket_path(socket);
}

static int dial(const char *socket_arg, char why[COYO_WHY_MAX])
{
	const char *path = coyo_socket_path(socket_arg);
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(sun.sun_path))
		return fail(why, ENAMETOOLONG, "the socket path %.100s... is longer than %zu bytes",
		            path, sizeof(sun.sun_path) - 1);
	strcpy(sun.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(why, errno, "cannot make a socket: %s", strerror(errno));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	err = errno;
	close(fd);
	if (err == EACCES || err == EPERM)
		return fail(why, err,
		            "no permission for the daemon's socket %s: join the group that "
		            "owns it, or see [api] mode in coyod's configuration",
		            path);
	if (err == ENOENT || err == ECONNREFUSED)
		return fail(
		        why, err == ENOENT ? ENOENT : ENOTCONN,
		        "coyod is not running: nothing answers on %s; start `coyod -c FILE`, or "
		        "name its socket with -s or in $" APP_SOCKET_ENV,
		        path);
	return fail(why, err, "cannot reach coyod on %s: %s", path, strerror(err));
}

static int send_all(int fd, const char *p, size_t n)
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

/* Receives up to n bytes and at most one descriptor; *passed stays -1 without one. Descriptors beyond the first are closed. */
static ssize_t recv_passed(int fd, void *p, size_t n, int *passed)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(4 * sizeof(int))];
	} control;
	struct iovec iov = {.iov_base = p, .iov_len = n};
	struct msghdr m = {.msg_iov = &iov,
	                   .msg_iovlen = 1,
	                   .msg_control = &control,
	                   .msg_controllen = sizeof(control)};
	ssize_t k;

	do {
		k = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
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
			if (*passed < 0)
				*passed = got;
			else
				close(got);
		}
	}
	return k;
}

/* Reads one answer line, a byte at a time so that nothing of the next line is taken with it: lines are rare and short. */
static int read_answer(int fd, struct app_answer *ans, int *passed, char why[COYO_WHY_MAX])
{
	char line[APP_LINE_MAX];
	size_t n = 0;

	*passed = -1;
	for (;;) {
		ssize_t k = recv_passed(fd, line + n, 1, passed);

		if (k < 0)
			return fail(why, (int)-k, "lost coyod: %s", strerror((int)-k));
		if (k == 0)
			return fail(why, ECONNABORTED,
			            "coyod closed the connection: it is stopping, or "
			            "it has too many clients");
		if (line[n] == '\n')
			break;
		if (++n == sizeof(line))
			return fail(why, EPROTO, "coyod sent a line that is too long");
	}
	if (app_answer_parse(line, n, ans) < 0)
		return fail(why, EPROTO,
		            "coyod answered \"%.60s\", which this version does not "
		            "understand",
		            line);
	if (ans->type == APP_ANS_ERROR)
		return fail(why, ans->err, "%s", ans->why);
	return 0;
}

static void fill_address(struct sockaddr_coyo *out, const struct app_answer *ans)
{
	if (!out)
		return;
	memset(out, 0, sizeof(*out));
	out->scoyo_family = AF_COYO;
	out->scoyo_port = htons(ans->port);
	memcpy(out->scoyo_id, ans->id.b, ID_BYTES);
}

static int request(const char *socket, const struct app_request *req, char why[COYO_WHY_MAX])
{
	char line[APP_LINE_MAX];
	int fd = dial(socket, why), r;

	if (fd < 0)
		return fd;
	r = send_all(fd, line, app_request_write(req, line));
	if (r == 0)
		return fd;
	close(fd);
	return fail(why, -r, "lost coyod: %s", strerror(-r));
}

/* The answer's descriptor, or a negative errno; the answer itself in *ans. */
static int take_stream(int fd, struct app_answer *ans, char why[COYO_WHY_MAX])
{
	int passed, r = read_answer(fd, ans, &passed, why);

	if (r == 0 && passed < 0)
		return fail(why, EPROTO,
		            "coyod's answer carries no stream: this process may be out "
		            "of file descriptors");
	if (r == 0)
		return passed;
	if (passed >= 0)
		close(passed);
	return r;
}

COYO_EXPORT int coyo_client_connect(const char *socket, const struct sockaddr_coyo *to,
                                    struct sockaddr_coyo *local, char why[COYO_WHY_MAX])
{
	struct app_request req = {.type = APP_REQ_CONNECT};
	struct app_answer ans;
	int fd, stream;

	if (to->scoyo_family != AF_COYO || to->scoyo_port == 0)
		return fail(why, EINVAL, "not an address of this network");
	req.port = ntohs(to->scoyo_port);
	memcpy(req.id.b, to->scoyo_id, ID_BYTES);
	fd = request(socket, &req, why);
	if (fd < 0)
		return fd;
	stream = take_stream(fd, &ans, why);
	close(fd);
	if (stream >= 0)
		fill_address(local, &ans);
	return stream;
}

COYO_EXPORT int coyo_client_listen(const char *socket, uint16_t port, unsigned backlog,
                                   char why[COYO_WHY_MAX])
{
	struct app_request req = {.type = APP_REQ_LISTEN, .port = port};
	struct app_answer ans;
	int fd, passed, r;

	if (port == 0)
		return fail(why, EINVAL, "the port must be a number from 1 to 65535");
	req.backlog =
	        backlog == 0 ? APP_BACKLOG_DEFAULT : (uint32_t)min_u64(backlog, APP_BACKLOG_MAX);
	fd = request(socket, &req, why);
	if (fd < 0)
		return fd;
	r = read_answer(fd, &ans, &passed, why);
	if (passed >= 0)
		close(passed);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

COYO_EXPORT int coyo_client_accept(int listener, struct sockaddr_coyo *peer, char why[COYO_WHY_MAX])
{
	struct app_answer ans;
	int stream = take_stream(listener, &ans, why);

	if (stream >= 0)
		fill_address(peer, &ans);
	return stream;
}

COYO_EXPORT int coyo_parse_id(const char *text, uint8_t id[COYO_ID_BYTES], char why[COYO_WHY_MAX])
{
	struct node_id out;
	enum id_parse_result r = id_parse(text, strlen(text), &out);

	if (r != ID_PARSE_OK)
		return fail(why, EINVAL, "%s", id_parse_error(r));
	memcpy(id, out.b, ID_BYTES);
	return 0;
}

#define RESOLVE_MS 5000 /* a daemon that is busy answers later, one that is stopped never */

COYO_EXPORT int coyo_resolve(const char *socket, const char *name, uint8_t id[COYO_ID_BYTES],
                             char why[COYO_WHY_MAX])
{
	char reason[RESOLVE_WHY_MAX];
	struct node_id found;
	int r = resolve_name(socket, name, RESOLVE_MS, &found, reason);

	if (r < 0)
		return fail(why, -r, "%s", reason);
	memcpy(id, found.b, ID_BYTES);
	return 0;
}
