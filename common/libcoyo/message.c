/* SPDX-License-Identifier: BSD-3-Clause */
/* The calls that move bytes, in all the forms that sockets have. */
#include "libcoyo/call.h"
#include "libcoyo/coyo.h"
#include "libcoyo/dgram.h"
#include "libcoyo/stream.h"

#include <limits.h>

static int find(int handle, size_t pieces, int flags, bool sends, struct ref *r)
{
	int err = sock_find(handle, r), known;

	if (err < 0)
		return err;
	if (dgram_is(r))
		known = sends ? DGRAM_FLAGS_SEND : DGRAM_FLAGS_RECV;
	else
		known = sends ? STREAM_FLAGS_SEND : STREAM_FLAGS_RECV;
	if (flags & ~known)
		return -EOPNOTSUPP;
	return pieces > IOV_MAX ? -EMSGSIZE : 0;
}

/* A stream's address is not looked at, as in send() of a connected TCP socket. */
static ssize_t send_to(int handle, const struct iovec *iov, size_t pieces, int flags,
                       const struct sockaddr *addr, socklen_t len)
{
	struct sockaddr_coyo to;
	struct ref r;
	int err = find(handle, pieces, flags, true, &r);

	if (err < 0)
		return call_end(err);
	if (!dgram_is(&r))
		return call_end(stream_send(&r, iov, pieces, flags));
	err = addr ? call_address(addr, len, &to) : 0;
	return call_end(err < 0 ? err : dgram_send(&r, iov, pieces, flags, addr ? &to : NULL));
}

static ssize_t send_pieces(int handle, const struct iovec *iov, size_t pieces, int flags)
{
	return send_to(handle, iov, pieces, flags, NULL, 0);
}

/* What a call received besides the bytes. */
struct received {
	struct sockaddr_coyo from;
	bool has_from;
	bool cut; /* it was longer than there was room for */
};

static ssize_t recv_from(int handle, const struct iovec *iov, size_t pieces, int flags,
                         struct received *got)
{
	size_t length;
	struct ref r;
	ssize_t n = find(handle, pieces, flags, false, &r);

	*got = (struct received){.has_from = false};
	if (n < 0)
		return call_end(n);
	if (!dgram_is(&r))
		return call_end(stream_recv(&r, iov, pieces, flags));
	n = dgram_recv(&r, iov, pieces, flags, &got->from, &length);
	if (n < 0)
		return call_end(n);
	got->has_from = got->from.scoyo_family == AF_COYO;
	got->cut = length > (size_t)n;
	return flags & MSG_TRUNC ? (ssize_t)length : n;
}

/* The sender goes where the caller wants it; a stream has none. */
static void give_from(const struct received *got, void *addr, socklen_t *len)
{
	socklen_t room = *len;

	*len = got->has_from ? sizeof(got->from) : 0;
	if (got->has_from)
		memcpy(addr, &got->from, room < sizeof(got->from) ? room : sizeof(got->from));
}

static ssize_t recv_pieces(int handle, const struct iovec *iov, size_t pieces, int flags)
{
	struct received got;

	return recv_from(handle, iov, pieces, flags, &got);
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

/* Descriptors cannot be passed to another node. */
COYO_EXPORT ssize_t coyo_sendmsg(int handle, const struct msghdr *m, int flags)
{
	if (m->msg_controllen > 0)
		return call_end(-EOPNOTSUPP);
	return send_to(handle, m->msg_iov, m->msg_iovlen, flags, m->msg_name, m->msg_namelen);
}

COYO_EXPORT ssize_t coyo_sendto(int handle, const void *bytes, size_t n, int flags,
                                const struct sockaddr *addr, socklen_t len)
{
	struct iovec iov = {(void *)(uintptr_t)bytes, n};

	return send_to(handle, &iov, 1, flags, addr, len);
}

COYO_EXPORT ssize_t coyo_recvmsg(int handle, struct msghdr *m, int flags)
{
	struct received got;
	ssize_t n = recv_from(handle, m->msg_iov, m->msg_iovlen, flags, &got);

	if (m->msg_name)
		give_from(&got, m->msg_name, &m->msg_namelen);
	else
		m->msg_namelen = 0;
	m->msg_controllen = 0;
	m->msg_flags = n >= 0 && got.cut ? MSG_TRUNC : 0;
	return n;
}

COYO_EXPORT ssize_t coyo_recvfrom(int handle, void *bytes, size_t n, int flags,
                                  struct sockaddr *addr, socklen_t *len)
{
	struct iovec iov = {bytes, n};
	struct received got;
	ssize_t done = recv_from(handle, &iov, 1, flags, &got);

	if (done >= 0 && addr && len)
		give_from(&got, addr, len);
	return done;
}
