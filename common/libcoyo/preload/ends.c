/* SPDX-License-Identifier: BSD-3-Clause */
/* getsockname() and getpeername(): addresses made from ids, which a program may dial back, print or compare. */
#include "libcoyo/preload/forward.h"
#include "libcoyo/preload/shim.h"
#include "libcoyo/preload/stream.h"

#include <errno.h>
#include <string.h>

static int fail(int err)
{
	errno = err;
	return -1;
}

/* The slot of a stream or listener without a hint, where the kernel's answer shows that it may be one. */
static struct fd_slot *unnamed(int fd, const struct sockaddr *sa, socklen_t len)
{
	return len <= sizeof(sa_family_t) && len > 0 && sa->sa_family == AF_UNIX ? fds_recover(fd)
	                                                                         : NULL;
}

static int peer_of(int fd, struct fd_slot *s, struct sockaddr *sa, socklen_t *len)
{
	enum fd_kind kind = fds_kind(fd);

	if (kind == FD_CONNECTING)
		(void)stream_connected(fd, s, &kind);
	if (kind != FD_STREAM)
		return fail(ENOTCONN);
	shim_address(s->end.family, &s->end.peer, s->end.peer_port, sa, len);
	return 0;
}

static int name_of(int fd, struct fd_slot *s, struct sockaddr *sa, socklen_t *len)
{
	enum fd_kind kind = fds_kind(fd);

	if (kind == FD_CONNECTING)
		(void)stream_connected(fd, s, &kind);
	if (s->bound_len > 0) {
		/* As bind() was told. */
		memcpy(sa, &s->bound, min_u64(*len, s->bound_len));
		*len = s->bound_len;
		return 0;
	}
	shim_address(s->end.family, &s->end.local, s->end.local_port, sa, len);
	return 0;
}

SHIM(getpeername) int shim_getpeername(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct fd_slot *s = fds_kind(fd) > FD_BOUND ? fds_ours(fd) : NULL;
	socklen_t cap = len ? *len : 0;
	int r;

	if (s)
		return peer_of(fd, s, sa, len);
	r = NEXT(getpeername)(fd, sa, len);
	if (r < 0 || cap < sizeof(sa_family_t))
		return r;
	s = unnamed(fd, sa, *len);
	if (!s)
		return r;
	*len = cap;
	return peer_of(fd, s, sa, len);
}

SHIM(getsockname) int shim_getsockname(int fd, struct sockaddr *sa, socklen_t *len)
{
	struct fd_slot *s = fds_kind(fd) > FD_TABLE ? fds_ours(fd) : NULL;
	socklen_t cap = len ? *len : 0;
	int r;

	if (s)
		return name_of(fd, s, sa, len);
	r = NEXT(getsockname)(fd, sa, len);
	if (r < 0 || cap < sizeof(sa_family_t))
		return r;
	s = unnamed(fd, sa, *len);
	if (!s)
		return r;
	*len = cap;
	return name_of(fd, s, sa, len);
}
