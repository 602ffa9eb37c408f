/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes between a client's two descriptors.
 *
 * A stream of the daemon ends with a reset for the other node when its descriptor is closed with bytes unread, and has no other way to ask for one
 * (coyo.h). So the last byte that came over a stream stays unread in its queue, though it was passed on; what closes in order reads it first.
 * Before a first byte has come there is none to leave, and a client's reset arrives as an end. */
#include "libcoyo/proxy/proxy.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define PIECES_PER_TURN 8 /* of PROXY_CHUNK, before other clients have theirs */

static void forget_held(struct proxy_end *e)
{
	free(e->held);
	e->held = NULL;
	e->held_at = e->held_n = 0;
}

void proxy_end_close(struct proxy_end *e, bool reset)
{
	const struct linger none = {.l_onoff = 1};
	char kept;

	forget_held(e);
	if (e->watch.fd < 0)
		return;
	/* To whoever has been told the end of the stream a reset would take away what is still on its way to him. What he sends is answered
	 * with one in any case, as nobody has this socket open. */
	if (reset && !e->stream && !e->shut)
		setsockopt(e->watch.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
	if (!reset && e->kept)
		(void)!recv(e->watch.fd, &kept, 1, MSG_DONTWAIT);
	close(e->watch.fd);
	e->watch.fd = -1;
}

/* Reads `take` new bytes of a stream, all that there are or not. */
static ssize_t read_stream(struct proxy_end *e, uint8_t *p, size_t take, bool all)
{
	char kept;
	struct iovec iov[2] = {{&kept, e->kept}, {p, take - all}};
	struct msghdr m = {.msg_iov = iov, .msg_iovlen = 2};
	ssize_t want = (ssize_t)(iov[0].iov_len + iov[1].iov_len);
	ssize_t n = want > 0 ? recvmsg(e->watch.fd, &m, MSG_DONTWAIT) : 0;

	if (n < 0)
		return -errno;
	if (n != want)
		return -EIO;
	if (all && recv(e->watch.fd, p + take - 1, 1, MSG_PEEK | MSG_DONTWAIT) != 1)
		return -EIO;
	e->kept = all;
	return (ssize_t)take;
}

/* Whether the stream was reset; after that it is at its end. */
static int stream_error(int fd)
{
	int err = 0;
	socklen_t n = sizeof(err);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0 ? errno : err;
}

/* Bytes in p; 0: the end of the stream; -EAGAIN; or another -errno: it is broken. */
static ssize_t read_end(struct proxy_end *e, uint8_t *p)
{
	bool hup = e->hup; /* told before the queue is looked at */
	int queued, fresh;
	ssize_t n;

	if (!e->stream) {
		n = recv(e->watch.fd, p, PROXY_CHUNK, MSG_DONTWAIT);
		return n >= 0 ? n : errno == EINTR ? -EAGAIN : -errno;
	}
	if (ioctl(e->watch.fd, SIOCINQ, &queued) < 0)
		return -errno;
	fresh = queued - e->kept;
	if (fresh > PROXY_CHUNK)
		return read_stream(e, p, PROXY_CHUNK, false);
	if (fresh > 0)
		return read_stream(e, p, (size_t)fresh, true);
	return hup ? -stream_error(e->watch.fd) : -EAGAIN;
}

/* How much of p the end takes now. */
static size_t write_end(struct proxy_end *e, const uint8_t *p, size_t n)
{
	ssize_t k;

	if (e->deaf || n == 0)
		return n;
	do {
		k = send(e->watch.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (k < 0 && errno == EINTR);
	if (k >= 0)
		return (size_t)k;
	if (errno == EAGAIN)
		e->can_write = false;
	else
		e->deaf = true;
	return e->deaf ? n : 0;
}

void proxy_end_flush(struct proxy_end *e)
{
	while (e->held_n && (e->can_write || e->deaf)) {
		size_t k = write_end(e, e->held + e->held_at, e->held_n);

		e->held_at += k;
		e->held_n -= k;
	}
	if (e->held_n == 0)
		forget_held(e);
}

bool proxy_end_send(struct proxy_end *e, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n && (e->can_write || e->deaf)) {
		size_t k = write_end(e, from, n);

		from += k;
		n -= k;
	}
	if (n == 0)
		return true;
	e->held = malloc(n);
	if (!e->held)
		return false;
	memcpy(e->held, from, n);
	e->held_at = 0;
	e->held_n = n;
	return true;
}

/* Moves at most one piece from one end to the other. 1: more may be there; 0: nothing can be moved now; -1: the stream is broken. */
static int move(struct proxy *x, struct proxy_end *from, struct proxy_end *to)
{
	ssize_t n;

	proxy_end_flush(to);
	if (to->held_n)
		return 0;
	if (from->eof) {
		if (!to->shut)
			shutdown(to->watch.fd, SHUT_WR);
		to->shut = true;
		return 0;
	}
	if (!from->can_read || !(to->can_write || to->deaf))
		return 0;
	n = read_end(from, x->scratch);
	if (n == -EAGAIN) {
		from->can_read = false;
		return 0;
	}
	if (n < 0)
		return -1;
	from->eof = n == 0;
	return proxy_end_send(to, x->scratch, (size_t)n) ? 1 : -1;
}

/* Whether an end that takes nothing any more has nothing more to say, either, or nobody to say it to: its stream was reset, and this was told when
 * it was written to. */
static bool gone(const struct proxy_end *e, const struct proxy_end *other)
{
	return e->deaf && (e->eof || (!e->stream && !other->can_write));
}

void proxy_relay(struct proxy *x, struct proxy_client *c)
{
	struct proxy_end *near = &c->near, *far = &c->far;

	for (unsigned i = 0; i < PIECES_PER_TURN; i++) {
		int out = move(x, near, far), in = out < 0 ? 0 : move(x, far, near);

		if (out < 0 || in < 0 || gone(near, far) || gone(far, near)) {
			proxy_drop(x, c, true);
			return;
		}
		if (near->shut && far->shut) {
			proxy_drop(x, c, false);
			return;
		}
		if (out + in == 0)
			return;
	}
	proxy_ready(x, c);
}
