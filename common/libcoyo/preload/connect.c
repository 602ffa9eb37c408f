/* SPDX-License-Identifier: BSD-3-Clause */
/* socket() and connect(): a stream socket that is connected to the address of an id becomes a stream of the network, under its own number.
 *
 * It gets its stream at once, before the connection stands, since a program waits for that very descriptor: what it has given to epoll cannot be
 * exchanged later, and a connect() that a signal interrupts goes on. The daemon keeps that stream from being writable until then, so that no
 * thread of ours has to stand by, which would not survive a fork and would make a program that has one thread a program of two. The daemon's word
 * on how it went waits in a second connection. */
#include "libcoyo/preload/ask.h"
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"
#include "libcoyo/preload/stream.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/time.h>
#include <sys/uio.h>

/* Sockets of the kernel that may be connected to an id later are noted: one store into memory. */
SHIM(socket) int shim_socket(int domain, int type, int protocol)
{
	int fd = NEXT(socket)(domain, type, protocol);

	if (domain == AF_INET6 && fd >= 0 && (type & 0xf) == SOCK_STREAM)
		fds_fresh(fd);
	return fd;
}

/* Registrations of fresh sockets are remembered, since connect() puts another descriptor in their place (nginx registers first); those of
 * listeners, since the daemon may end. */
SHIM(epoll_ctl) int shim_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	int r = NEXT(epoll_ctl)(epfd, op, fd, event);

	if (unlikely_(fds_kind(fd) == FD_FRESH || fds_kind(fd) == FD_LISTENER ||
	              fds_kind(fd) == FD_WAITING) &&
	    r == 0) {
		struct fd_slot *s = fds_peek(fd);

		s->epoll = op == EPOLL_CTL_DEL ? -1 : epfd;
		if (op != EPOLL_CTL_DEL)
			s->event = *event;
	}
	return r;
}

static int fail(int err)
{
	errno = err;
	return -1;
}

/* Whether it is a stream socket of the kernel's AF_INET6 that could have connected there. 0, or the errno that says why not. */
static int check_socket(int fd, uint16_t port, bool failed)
{
	int domain = 0, type = 0;
	socklen_t n = sizeof(int);

	if (NEXT(getsockopt)(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n) < 0 ||
	    NEXT(getsockopt)(fd, SOL_SOCKET, SO_TYPE, &type, &n) < 0)
		return errno;
	if (domain != AF_INET6 && !failed)
		return EAFNOSUPPORT;
	/* Datagrams have no way through this library. */
	if (type != SOCK_STREAM)
		return ENETUNREACH;
	return port == 0 ? ECONNREFUSED : 0;
}

/* The stream comes at once; *control is where the daemon will say how it went, or -1: it is connected already (an id of this node). */
static int connect_early(struct app_request *req, struct table_end *end, int *control)
{
	struct app_answer ans;
	int passed, r;

	req->early = true;
	*control = ask(req);
	if (*control < 0)
		return *control;
	/* The daemon answers this at once. */
	do {
		r = ask_answer(*control, &ans, &passed, 0, APP_LINE_MAX, true);
	} while (r == -EINTR);
	if (r == 0 && passed >= 0 && !ans.has_end)
		return passed;
	NEXT(close)(*control);
	*control = -1;
	if (r < 0)
		return r;
	end->local = ans.id;
	end->local_port = ans.port;
	return passed < 0 ? -EMFILE : passed;
}

/* A program that blocks waits for the daemon's word, as long as SO_SNDTIMEO lets it. A signal, or the end of that time, leaves the stream
 * connecting, as it does a socket of the kernel. */
static int wait_connected(int fd, struct fd_slot *s)
{
	enum fd_kind kind = FD_CONNECTING;
	int saved = errno, err;
	struct timeval limit;
	socklen_t n = sizeof(limit);
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	while (!stream_connected(fd, s, &kind)) {
		int control = fds_control(s);

		if (NEXT(getsockopt)(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &n) == 0 &&
		    (limit.tv_sec || limit.tv_usec))
			(void)NEXT(setsockopt)(control, SOL_SOCKET, SO_RCVTIMEO, &limit, n);
		if (recvmsg(control, &m, MSG_PEEK) < 0 && (errno == EINTR || errno == EAGAIN))
			return fail(errno == EAGAIN ? EINPROGRESS : EINTR);
	}
	err = s->err;
	s->err = 0;
	s->told = true;
	if (kind == FD_FAILED)
		return fail(err);
	errno = saved;
	return 0;
}

static bool blocks(int flags)
{
	return !(flags & O_NONBLOCK);
}

static int connect_ours(int fd, const struct node_id *id, uint16_t port, bool failed)
{
	struct app_request req = {.type = APP_REQ_CONNECT, .port = port, .id = *id};
	struct table_end end = {.family = AF_INET6, .peer = *id, .peer_port = port};
	int err = check_socket(fd, port, failed), flags, control = -1, stream, saved = errno;
	struct fd_slot *s;

	if (err)
		return fail(err);
	flags = NEXT(fcntl)(fd, F_GETFL);
	stream = connect_early(&req, &end, &control);
	if (stream < 0)
		return fail(-stream);
	err = stream_replace(fd, stream, flags);
	if (err) {
		if (control >= 0)
			NEXT(close)(control);
		return fail(err);
	}
	s = fds_peek(fd);
	end.inode = s->end.inode;
	s->end = end;
	fds_set_control(s, control);
	s->told = true;
	fds_become(fd, control >= 0 ? FD_CONNECTING : FD_STREAM);
	if (control >= 0)
		return blocks(flags) ? wait_connected(fd, s) : fail(EINPROGRESS);
	fds_publish(s);
	errno = saved;
	return 0;
}

/* connect() on a descriptor of the network that has been through one already. */
static int connect_again(int fd, struct fd_slot *s, enum fd_kind kind)
{
	if (kind == FD_CONNECTING && !stream_connected(fd, s, &kind))
		return blocks(NEXT(fcntl)(fd, F_GETFL)) ? wait_connected(fd, s) : fail(EALREADY);
	if (kind == FD_FAILED && s->err) {
		int err = s->err;

		s->err = 0;
		return fail(err);
	}
	if (kind == FD_STREAM && !s->told) {
		s->told = true;
		return 0;
	}
	return fail(EISCONN);
}

/* A socket that bind() gave a port of the network is connected elsewhere: the kernel hears of the port now. */
static int bind_late(int fd, const struct fd_slot *s)
{
	fds_forget(fd);
	return NEXT(bind)(fd, (const struct sockaddr *)&s->bound, s->bound_len);
}

SHIM(connect) int shim_connect(int fd, const struct sockaddr *sa, socklen_t len)
{
	enum fd_kind kind = fds_kind(fd);
	struct node_id id;
	struct fd_slot *s = kind > FD_TABLE ? fds_ours(fd) : NULL;

	if (s && kind != FD_BOUND && kind != FD_FAILED)
		return connect_again(fd, s, kind);
	if (s && kind == FD_FAILED && s->err)
		return connect_again(fd, s, kind);
	if (shim_is_ours(sa, len, &id))
		return connect_ours(fd, &id, ntohs(((const struct sockaddr_in6 *)sa)->sin6_port),
		                    s && kind == FD_FAILED);
	if (s && kind == FD_BOUND && bind_late(fd, s) < 0)
		return -1;
	return NEXT(connect)(fd, sa, len);
}
