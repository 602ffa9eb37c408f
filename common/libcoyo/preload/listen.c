/* SPDX-License-Identifier: BSD-3-Clause */
/* bind(), listen() and accept() of ports that the network has: the descriptor becomes the daemon's connection that brings streams, so it is
 * readable when a stream waits, and every process that has it may accept. */
#include "libcoyo/coyo.h"
#include "libcoyo/preload/ask.h"
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"
#include "libcoyo/preload/stream.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>

#define AGAIN_TRIES 50u
#define AGAIN_US    10000u

static int fail(int err)
{
	errno = err;
	return -1;
}

static int number_of(int fd, int name)
{
	int v = 0;
	socklen_t n = sizeof(v);

	return NEXT(getsockopt)(fd, SOL_SOCKET, name, &v, &n) < 0 ? -1 : v;
}

/* The port of an address if bind() to it is the network's, else 0. */
static uint16_t port_of(const struct sockaddr *sa, socklen_t len)
{
	if (sa && len >= sizeof(struct sockaddr_in6) && sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)sa;
		uint16_t port = ntohs(six->sin6_port);

		return shim_listens(port, IN6_IS_ADDR_LOOPBACK(&six->sin6_addr)) ? port : 0;
	}
	if (sa && len >= sizeof(struct sockaddr_in) && sa->sa_family == AF_INET) {
		const struct sockaddr_in *four = (const struct sockaddr_in *)sa;
		uint16_t port = ntohs(four->sin_port);

		return shim_listens(port, ntohl(four->sin_addr.s_addr) >> 24 == 127) ? port : 0;
	}
	return 0;
}

/* Whether the port is free is found at listen(), as it is at bind() for the kernel's. */
SHIM(bind) int shim_bind(int fd, const struct sockaddr *sa, socklen_t len)
{
	uint16_t port = port_of(sa, len);
	struct fd_slot *s;

	if (port == 0 || number_of(fd, SO_TYPE) != SOCK_STREAM ||
	    number_of(fd, SO_DOMAIN) != sa->sa_family)
		return NEXT(bind)(fd, sa, len);
	if (fds_kind(fd) > FD_TABLE && fds_ours(fd))
		return fail(EINVAL);
	s = fds_new(fd, FD_BOUND);
	if (!s)
		return NEXT(bind)(fd, sa, len);
	s->end.family = (uint8_t)sa->sa_family;
	s->end.local_port = port;
	s->bound_len =
	        sa->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	memcpy(&s->bound, sa, s->bound_len);
	s->end.bound_len = (uint8_t)s->bound_len;
	memcpy(s->end.bound, sa, s->bound_len);
	return 0;
}

/* A descriptor on which nothing ever comes. */
static int quiet_socket(void)
{
	int fd = NEXT(socket)(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

static int duplicate(int fd)
{
	int to = NEXT(fcntl)(fd, F_DUPFD_CLOEXEC, 0);

	return to < 0 ? -errno : to;
}

/* Puts another descriptor in the place of one that bind() was called for, or that listens. local: this node's id. A positive errno. */
static int replace(int fd, int with, enum fd_kind kind, const struct node_id *local)
{
	struct fd_slot before = *fds_peek(fd), *now;
	int err = stream_replace(fd, with, NEXT(fcntl)(fd, F_GETFL));

	if (err)
		return err;
	now = fds_peek(fd);
	before.end.inode = now->end.inode;
	now->end = before.end;
	now->end.local = *local;
	now->bound = before.bound;
	now->bound_len = before.bound_len;
	/* Of a socket of the kernel's the options have been asked; of others they are known here alone. */
	if (before.end.kind != FD_BOUND) {
		now->options = before.options;
		memcpy(now->option, before.option, sizeof(now->option));
	}
	fds_become(fd, kind);
	fds_publish(now);
	return 0;
}

/* The listener of IPv4 gives way to one of IPv6 at the same port: the peers have addresses of IPv6. Its descriptor, or negative errno. */
static int take_from(int other, const struct node_id *local)
{
	int control = duplicate(other), quiet, err;

	if (control < 0)
		return control;
	quiet = quiet_socket();
	err = quiet < 0 ? -quiet : replace(other, quiet, FD_MUTE, local);
	if (err == 0)
		return control;
	NEXT(close)(control);
	return -err;
}

/* Asks the daemon for a port, with other processes of this user or not. The connection that brings its streams, or a negative errno; *local: this
 * node's id. */
static int ask_listen(uint16_t port, uint32_t backlog, bool shared, struct node_id *local)
{
	struct app_request req = {
	        .type = APP_REQ_LISTEN, .port = port, .backlog = backlog, .shared = shared};
	struct app_answer ans = {0};
	int control = ask(&req), passed, r;

	if (control < 0)
		return control;
	/* Another line may follow at once. */
	do {
		r = ask_answer(control, &ans, &passed, 0, 1, true);
	} while (r == -EINTR);
	*local = ans.has_end ? ans.id : (struct node_id){{0}};
	if (r == 0)
		return control;
	NEXT(close)(control);
	return r;
}

/* A descriptor that is readable when a stream for the port waits. Another one of this process that listens there has it already: if both asked
 * for SO_REUSEPORT they share it; of IPv4 and IPv6, the latter has it, and nothing comes on the other. Negative errno. */
static int open_listener(int fd, const struct fd_slot *s, int backlog, enum fd_kind *kind,
                         struct node_id *local)
{
	int other = fds_listener(s->end.local_port), reuse = 0;
	bool shared = number_of(fd, SO_REUSEPORT) == 1;

	*kind = FD_LISTENER;
	if (other >= 0) {
		struct fd_slot *o = fds_peek(other);

		*local = o->end.local;
		if (shared && fds_option(o, SOL_SOCKET, SO_REUSEPORT, &reuse) && reuse)
			return duplicate(other);
		if (o->end.family == s->end.family)
			return -EADDRINUSE;
		if (s->end.family == AF_INET6)
			return take_from(other, local);
		*kind = FD_MUTE;
		return quiet_socket();
	}
	return ask_listen(s->end.local_port,
	                  backlog == 0 ? 1 : (uint32_t)min_u64((uint32_t)backlog, APP_BACKLOG_MAX),
	                  shared, local);
}

SHIM(listen) int shim_listen(int fd, int backlog)
{
	struct fd_slot *s = fds_kind(fd) > FD_TABLE ? fds_ours(fd) : NULL;
	enum fd_kind kind = fds_kind(fd);
	struct node_id local = {{0}};
	int control, err;

	if (!s)
		return NEXT(listen)(fd, backlog);
	/* A second listen() may only change the backlog, which stays. */
	if (kind >= FD_LISTENER)
		return 0;
	if (kind != FD_BOUND)
		return fail(EINVAL);
	control = open_listener(fd, s, backlog, &kind, &local);
	if (control < 0)
		return fail(-control);
	err = replace(fd, control, kind, &local);
	return err ? fail(err) : 0;
}

/* The peer's address for the program, and what is known of the new stream. */
static int accepted(int stream, const struct app_answer *ans, const struct table_end *listener,
                    struct sockaddr *sa, socklen_t *len)
{
	struct fd_slot *s = fds_new(stream, FD_STREAM);

	if (shim_table())
		table_learn(shim_table(), &ans->id);
	if (s) {
		s->end.family = listener->family;
		s->end.local = listener->local;
		s->end.local_port = listener->local_port;
		s->end.peer = ans->id;
		s->end.peer_port = ans->port;
		s->told = true;
		fds_publish(s);
	}
	if (sa && len)
		shim_address(listener->family, &ans->id, ans->port, sa, len);
	return stream;
}

/* Listens again where the daemon is back. 0, or a negative errno. */
static int listen_once(int fd, const struct fd_slot *s)
{
	struct node_id local = {{0}};
	int shared = 0, control;

	(void)fds_option(s, SOL_SOCKET, SO_REUSEPORT, &shared);
	control = ask_listen(s->end.local_port, APP_BACKLOG_DEFAULT, shared != 0, &local);

	return control < 0 ? control : -replace(fd, control, FD_LISTENER, &local);
}

/* Makes a path that of the folder it is in. */
static void up(char path[PATH_MAX])
{
	char *slash = strrchr(path, '/');

	if (slash)
		slash[slash == path] = '\0';
	else
		strcpy(path, ".");
}

/* Watches the folder of the daemon's socket; the one above it, too, as a daemon's end may take its folder away, and its start makes it again
 * (systemd's RuntimeDirectory). False: errno. */
static bool watch_folders(int watch)
{
	char folder[PATH_MAX], above[PATH_MAX];
	int seen;

	snprintf(folder, sizeof(folder), "%s", coyo_socket_path(NULL));
	up(folder);
	strcpy(above, folder);
	up(above);
	/* In this order: one that is made between the two calls is told of. */
	seen = inotify_add_watch(watch, above, IN_CREATE | IN_MOVED_TO);
	return inotify_add_watch(watch, folder, IN_CREATE | IN_MOVED_TO | IN_ATTRIB) >= 0 ||
	       (errno == ENOENT && seen >= 0);
}

/* The daemon has ended, and with it the listener. A descriptor that stays at its end would be readable for ever, and a server that waits for it
 * would never sleep again. In its place comes one that is readable when the folder of the daemon's socket changes. */
static bool await_daemon(int fd, const struct fd_slot *s)
{
	struct node_id local = s->end.local;
	int watch = inotify_init1(IN_CLOEXEC);

	if (watch < 0)
		return false;
	if (!watch_folders(watch)) {
		NEXT(close)(watch);
		return false;
	}
	if (replace(fd, watch, FD_WAITING, &local))
		return false;
	/* It may be back already. */
	(void)listen_once(fd, s);
	return true;
}

static const char *last_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Reads what has changed. True: the daemon's socket, or the folder that it is in. */
static bool socket_changed(int fd)
{
	char events[4096] __attribute__((aligned(8))), folder[PATH_MAX];
	const char *name = last_of(coyo_socket_path(NULL));
	struct pollfd p = {.fd = fd, .events = POLLIN};
	ssize_t n = poll(&p, 1, 0) == 1 ? read(fd, events, sizeof(events)) : 0;
	bool changed = false;

	snprintf(folder, sizeof(folder), "%s", coyo_socket_path(NULL));
	up(folder);
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const struct inotify_event *)(events + at);

		changed |= e->len > 0 &&
		           (strcmp(e->name, name) == 0 || strcmp(e->name, last_of(folder)) == 0);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return changed;
}

/* The same after its socket, or the folder of that, was made: until it listens a moment goes by. */
static bool listen_again(int fd, const struct fd_slot *s)
{
	const char *path = coyo_socket_path(NULL);
	int r;

	(void)watch_folders(fd);
	r = listen_once(fd, s);
	for (unsigned tries = 0; r == -ENETDOWN && tries < AGAIN_TRIES && access(path, F_OK) == 0;
	     tries++) {
		usleep(AGAIN_US);
		r = listen_once(fd, s);
	}
	return r == 0;
}

/* accept() of a listener whose daemon has ended. True: it listens again. False: errno. */
static bool waited(int fd, struct fd_slot *s, int wait)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		if (!(wait & MSG_DONTWAIT) && poll(&p, 1, -1) < 0)
			return false;
		if (socket_changed(fd) && listen_again(fd, s))
			return true;
		if (wait & MSG_DONTWAIT) {
			errno = EAGAIN;
			return false;
		}
	}
}

/* No lock is needed where several processes accept on one connection: the kernel gives each call one message with its descriptor, and an
 * answer is one message. */
static int accept_ours(int fd, struct fd_slot *s, struct sockaddr *sa, socklen_t *len, int flags)
{
	int wait = NEXT(fcntl)(fd, F_GETFL) & O_NONBLOCK ? MSG_DONTWAIT : 0, stream, r;
	struct table_end end = s->end;
	struct app_answer ans;

	if (end.kind == FD_SHUT)
		return fail(EINVAL);
	if (end.kind == FD_MUTE) {
		char nothing;

		return recv(fd, &nothing, 1, wait) < 0 ? -1 : fail(EINVAL);
	}
	do {
		if (fds_kind(fd) == FD_WAITING && !waited(fd, fds_peek(fd), wait))
			return -1;
		r = ask_answer(fd, &ans, &stream, wait, APP_LINE_MAX, flags & SOCK_CLOEXEC);
	} while (r == -ENETDOWN && fds_kind(fd) != FD_SHUT && await_daemon(fd, s));
	if (r < 0 && fds_kind(fd) == FD_SHUT)
		r = -EINVAL;
	if (r < 0)
		return fail(-r);
	end.local = s->end.local;
	if (stream < 0)
		return fail(EMFILE);
	if (flags & SOCK_NONBLOCK)
		(void)NEXT(fcntl)(stream, F_SETFL, O_RDWR | O_NONBLOCK);
	return accepted(stream, &ans, &end, sa, len);
}

/* The slot where it listens; other streams of ours cannot accept. */
static struct fd_slot *listener_of(int fd)
{
	return fds_kind(fd) >= FD_LISTENER ? fds_ours(fd) : NULL;
}

static struct fd_slot *listener_recovered(int fd)
{
	struct fd_slot *s = fds_kind(fd) == FD_OTHER && (errno == EINVAL || errno == EOPNOTSUPP)
	                            ? fds_recover(fd)
	                            : NULL;

	return s && s->end.kind >= FD_LISTENER ? s : NULL;
}

/* Servers end a thread that waits in accept() so: it says EINVAL from then on. The sending side of a listener is nothing to TCP, and here it is the
 * daemon's connection, which has to stand. */
SHIM(shutdown) int shim_shutdown(int fd, int how)
{
	struct fd_slot *s = listener_of(fd);

	if (!s)
		return NEXT(shutdown)(fd, how);
	if (how == SHUT_WR)
		return 0;
	if (how != SHUT_RD && how != SHUT_RDWR)
		return fail(EINVAL);
	/* Before the call, as whoever it wakes asks. */
	fds_become(fd, FD_SHUT);
	(void)NEXT(shutdown)(fd, SHUT_RDWR);
	return 0;
}

SHIM(accept4) int shim_accept4(int fd, struct sockaddr *sa, socklen_t *len, int flags)
{
	struct fd_slot *s = listener_of(fd);
	int r;

	if (s)
		return accept_ours(fd, s, sa, len, flags);
	r = NEXT(accept4)(fd, sa, len, flags);
	if (unlikely_(r < 0))
		s = listener_recovered(fd);
	return s ? accept_ours(fd, s, sa, len, flags) : r;
}

SHIM(accept) int shim_accept(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct fd_slot *s = listener_of(fd);
	int r;

	if (s)
		return accept_ours(fd, s, sa, len, 0);
	r = NEXT(accept)(fd, sa, len);
	if (unlikely_(r < 0))
		s = listener_recovered(fd);
	return s ? accept_ours(fd, s, sa, len, 0) : r;
}
