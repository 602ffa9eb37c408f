/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts a stream in a socket's place, and takes what the daemon says of it. */
#include "libcoyo/preload/stream.h"
#include "libcoyo/preload/ask.h"
#include "libcoyo/preload/forward.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/time.h>

/* Options of a socket that its successor is given in the kernel, too, where they are not 0. */
static const int kept[] = {SO_KEEPALIVE, SO_RCVTIMEO,  SO_SNDTIMEO,
                           SO_LINGER,    SO_REUSEADDR, SO_RCVLOWAT};
/* Options that the family AF_UNIX does not have: their values are remembered. */
static const struct {
	int level, name;
} noted[] = {
        {IPPROTO_TCP, TCP_NODELAY},
        {IPPROTO_TCP, TCP_KEEPIDLE},
        {IPPROTO_TCP, TCP_KEEPINTVL},
        {IPPROTO_TCP, TCP_KEEPCNT},
        {IPPROTO_TCP, TCP_SYNCNT},
        {IPPROTO_TCP, TCP_LINGER2},
        {IPPROTO_TCP, TCP_USER_TIMEOUT},
        {IPPROTO_TCP, TCP_CORK},
        {IPPROTO_TCP, TCP_NOTSENT_LOWAT},
        {SOL_SOCKET, SO_REUSEPORT},
        {IPPROTO_IPV6, IPV6_V6ONLY},
        {IPPROTO_IPV6, IPV6_TCLASS},
        {IPPROTO_IP, IP_TOS},
};

static void take_over(int from, int to)
{
	static const char zero[64];
	char value[64];

	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		socklen_t n = sizeof(value);

		if (NEXT(getsockopt)(from, SOL_SOCKET, kept[i], value, &n) == 0 &&
		    memcmp(value, zero, n) != 0)
			(void)NEXT(setsockopt)(to, SOL_SOCKET, kept[i], value, n);
	}
}

static void note(int from, struct fd_slot *s)
{
	for (size_t i = 0; i < ARRAY_LEN(noted); i++) {
		int value = 0;
		socklen_t n = sizeof(value);

		if (NEXT(getsockopt)(from, noted[i].level, noted[i].name, &value, &n) == 0)
			fds_set_option(s, noted[i].level, noted[i].name, value);
	}
}

int stream_replace(int fd, int with, int flags)
{
	int cloexec = NEXT(fcntl)(fd, F_GETFD), epoll = -1, err = 0;
	struct fd_slot old = {0}, *s = fds_kind(fd) != FD_OTHER ? fds_peek(fd) : NULL;
	struct epoll_event event = {0};

	take_over(fd, with);
	note(fd, &old);
	/* What is remembered of a registration is right if it can be undone. */
	if (s &&
	    (fds_kind(fd) == FD_FRESH || fds_kind(fd) == FD_LISTENER ||
	     fds_kind(fd) == FD_WAITING) &&
	    s->epoll >= 0) {
		epoll = s->epoll;
		event = s->event;
		if (NEXT(epoll_ctl)(epoll, EPOLL_CTL_DEL, fd, &event) < 0)
			epoll = -1;
	}
	if (flags & (O_NONBLOCK | O_ASYNC))
		(void)NEXT(fcntl)(with, F_SETFL, flags & (O_NONBLOCK | O_ASYNC));
	if (NEXT(dup3)(with, fd, cloexec > 0 && (cloexec & FD_CLOEXEC) ? O_CLOEXEC : 0) < 0)
		err = errno;
	NEXT(close)(with);
	if (err)
		return err;
	s = fds_new(fd, FD_OTHER);
	if (!s)
		return ENOMEM;
	s->options = old.options;
	memcpy(s->option, old.option, sizeof(old.option));
	if (epoll >= 0 && NEXT(epoll_ctl)(epoll, EPOLL_CTL_ADD, fd, &event) == 0) {
		s->epoll = epoll;
		s->event = event;
	}
	return 0;
}

/* The connection to the daemon is lost: the stream itself tells whether it was connected. */
static int by_the_stream(int fd)
{
	int err = 0;
	socklen_t n = sizeof(err);

	(void)NEXT(getsockopt)(fd, SOL_SOCKET, SO_ERROR, &err, &n);
	return -err;
}

bool stream_connected(int fd, struct fd_slot *s, enum fd_kind *kind)
{
	int saved = errno, control = fds_control(s), r, passed, err;
	socklen_t n = sizeof(err);
	struct app_answer ans = {0};

	/* The answer stays there for whoever else has the stream, by dup() or fork(). */
	r = control < 0 ? by_the_stream(fd)
	                : ask_answer(control, &ans, &passed, MSG_DONTWAIT | MSG_PEEK, APP_LINE_MAX,
	                             true);
	*kind = r == -EAGAIN || r == -EINTR ? FD_CONNECTING : r < 0 ? FD_FAILED : FD_STREAM;
	if (*kind != FD_CONNECTING) {
		fds_end_control(s);
		s->err = -r;
		s->told = *kind == FD_FAILED;
		s->end.local = ans.id;
		s->end.local_port = ans.port;
		fds_become(fd, *kind);
	}
	if (*kind == FD_STREAM)
		fds_publish(s);
	/* The kernel's own word for a failure, which is that the daemon reset it, is taken back. */
	if (*kind == FD_FAILED)
		(void)NEXT(getsockopt)(fd, SOL_SOCKET, SO_ERROR, &err, &n);
	errno = saved;
	return *kind != FD_CONNECTING;
}
