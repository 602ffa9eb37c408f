/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls that move bytes, in all the forms that sockets have. */
#include "libcoyo/call.h"
#include "libcoyo/coyo.h"
#include "libcoyo/stream.h"

#include <limits.h>

static int find(int handle, size_t pieces, int flags, int known, struct ref *r)
{
	int err = sock_find(handle, r);

	if (err < 0)
		return err;
	if (flags & ~known)
		return -EOPNOTSUPP;
	return pieces > IOV_MAX ? -EMSGSIZE : 0;
}

static ssize_t send_pieces(int handle, const struct iovec *iov, size_t pieces, int flags)
{
	struct ref r;
	int err = find(handle, pieces, flags, STREAM_FLAGS_SEND, &r);

	return call_end(err < 0 ? err : stream_send(&r, iov, pieces, flags));
}

static ssize_t recv_pieces(int handle, const struct iovec *iov, size_t pieces, int flags)
{
	struct ref r;
	int err = find(handle, pieces, flags, STREAM_FLAGS_RECV, &r);

	return call_end(err < 0 ? err : stream_recv(&r, iov, pieces, flags));
}

COYO_EXPORT ssize_t coyo_send(int handle, const void *bytes, size_t n, int flags)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, n};

	return send_pieces(handle, &iov, 1, flags);
}

COYO_EXPORT ssize_t coyo_recv(int handle, void *bytes, size_t n, int flags)
{
	struct iovec iov = {bytes, n};

	return recv_pieces(handle, &iov, 1, flags);
}

COYO_EXPORT ssize_t coyo_write(int handle, const void *bytes, size_t n)
{
	return coyo_send(handle, bytes, n, 0);
}

COYO_EXPORT ssize_t coyo_read(int handle, void *bytes, size_t n)
{
	return coyo_recv(handle, bytes, n, 0);
}

COYO_EXPORT ssize_t coyo_writev(int handle, const struct iovec *iov, int pieces)
{
	return pieces < 0 ? call_end(-EINVAL) : send_pieces(handle, iov, (size_t)pieces, 0);
}

COYO_EXPORT ssize_t coyo_readv(int handle, const struct iovec *iov, int pieces)
{
	return pieces < 0 ? call_end(-EINVAL) : recv_pieces(handle, iov, (size_t)pieces, 0);
}

/* A stream's address is not looked at, as in send() of a connected TCP socket; descriptors cannot be passed to another node. */
COYO_EXPORT ssize_t coyo_sendmsg(int handle, const struct msghdr *m, int flags)
{
	if (m->msg_controllen > 0)
		return call_end(-EOPNOTSUPP);
	return send_pieces(handle, m->msg_iov, m->msg_iovlen, flags);
}

COYO_EXPORT ssize_t coyo_recvmsg(int handle, struct msghdr *m, int flags)
{
	m->msg_namelen = 0;
	m->msg_controllen = 0;
	m->msg_flags = 0;
	return recv_pieces(handle, m->msg_iov, m->msg_iovlen, flags);
}
