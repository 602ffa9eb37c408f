/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes of a connected stream. */
#include "libcoyo/stream.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/state.h"
#include "libcoyo/wait.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define PUBLISH \
	(64u *  \
	 1024) /* bytes after which the worker hears of what is there, while the rest is copied */

/* Where a call stands in the caller's pieces. */
struct cursor {
	const struct iovec *iov;
	size_t pieces, at; /* at: bytes done of the first piece left */
	size_t left;       /* bytes in all */
};

static struct cursor cursor_of(const struct iovec *iov, size_t pieces)
{
	struct cursor c = {.iov = iov, .pieces = pieces};

	for (size_t i = 0; i < pieces; i++)
		c.left += iov[i].iov_len;
	return c;
}

/* Copies n bytes, at most what is left, between ring and pieces. */
static void copy(struct cursor *c, uint8_t *ring, size_t n, bool in)
{
	COYO_ASSERT(n <= c->left);
	c->left -= n;
	while (n > 0) {
		size_t here = c->iov->iov_len - c->at, k = here < n ? here : n;
		uint8_t *piece = (uint8_t *)c->iov->iov_base + c->at;

		if (in && k > 0)
			memcpy(piece, ring, k);
		else if (k > 0)
			memcpy(ring, piece, k);
		ring += k;
		n -= k;
		c->at += k;
		if (c->at == c->iov->iov_len) {
			c->iov++;
			c->at = 0;
		}
	}
}

/* ---- sending ---- */

int stream_may_send(const struct ref *r)
{
	uint32_t told, flags = sock_flags(r), state = atomic_load(&r->s->state);
	int err;

	if (sock_closed(r))
		return -EBADF;
	if (state == SOCK_CONNECTING)
		return -EAGAIN;
	if (state != SOCK_UP) {
		err = atomic_exchange(&r->s->failure, 0);
		return err ? -err : -EPIPE;
	}
	told = state_told(r);
	err = state_take_error(r, told);
	if (err)
		return -err;
	if ((flags & (SOCK_F_SHUT_WR | SOCK_F_BROKEN)) || (told & STREAM_ERROR))
		return -EPIPE;
	return r->s->reserved ? -EBUSY : 0;
}

uint32_t stream_allows(const struct ref *r)
{
	uint32_t limit = (uint32_t)r->s->notsent_lowat, ring = applane_notsent_ring(limit), used;

	if (likely_(limit == 0))
		return UINT32_MAX;
	used = r->s->out.cap - bytering_room(&r->s->out);
	return used < ring ? ring - used : used == 0 ? 1 : 0;
}

/* Copies what there is room for, at most PUBLISH bytes, under the sending lock. Bytes or a negative errno; where it must wait, *w says for
 * what. */
static ssize_t put(const struct ref *r, struct cursor *c, struct wait *w)
{
	struct bytering *ring = &r->s->out;
	ssize_t done = 0;
	int err = stream_may_send(r);

	if (err == -EAGAIN)
		*w = wait_for_input(r);
	if (err < 0)
		return err;
	while (c->left > 0 && done < (ssize_t)PUBLISH) {
		void *piece;
		size_t n = min_u64(bytering_reserve(ring, &piece), stream_allows(r));

		if (n == 0) {
			sock_grow_out(r);
			break;
		}
		n = min_u64(n, min_u64(c->left, PUBLISH));
		copy(c, piece, n, false);
		bytering_commit(ring, n);
		done += (ssize_t)n;
	}
	if (ring->broken)
		return -state_broken(r);
	if (done == 0 && c->left > 0) {
		*w = wait_for_room(r);
		return -EAGAIN;
	}
	return done;
}

/* The worker stores its tail, and looks once more behind a fence when it has taken all that it knew of; the head is stored before the fence here. So
 * either this sees that the worker has come as far as these bytes, or the worker sees them. */
void stream_written(const struct ref *r, size_t n)
{
	const struct bytering *out = &r->s->out;
	uint64_t tail;

	atomic_thread_fence(memory_order_seq_cst);
	tail = atomic_load_explicit(&out->shared->tail, memory_order_relaxed);
	if ((int64_t)(tail - (out->mine - n)) >= 0)
		lane_kick(r->a, r->s->worker, r->s->slot);
}

ssize_t stream_send(const struct ref *r, const struct iovec *iov, size_t pieces, int flags)
{
	int64_t deadline = wait_deadline(r, atomic_load(&r->s->send_timeout), flags);
	struct cursor c = cursor_of(iov, pieces);
	size_t all = c.left;
	ssize_t n;

	do {
		struct wait w;

		state_settle(r);
		sock_take_send(r);
		n = put(r, &c, &w);
		if (n > 0)
			stream_written(r, (size_t)n);
		lock_give(&r->s->send);
		if (n == -EAGAIN)
			n = wait_until(&w, deadline);
	} while (n >= 0 && c.left > 0);
	return c.left < all ? (ssize_t)(all - c.left) : n;
}

/* ---- receiving ---- */

int stream_ended(const struct ref *r, uint32_t told)
{
	int err;

	if ((told & STREAM_EOF) || (sock_flags(r) & (SOCK_F_SHUT_RD | SOCK_F_BROKEN)))
		return 0;
	if (!(told & STREAM_ERROR))
		return -EAGAIN;
	err = state_take_error(r, told);
	return -err;
}

/* Copies what has come, under the receiving lock: bytes, 0 at the end, or a negative errno; where it must wait, *w says for what. */
static ssize_t get(const struct ref *r, struct cursor *c, bool peek, struct wait *w)
{
	struct bytering *ring = &r->s->in;
	uint32_t told, state = atomic_load(&r->s->state);
	void *piece[2];
	size_t len[2] = {0, 0};
	ssize_t done = 0;

	if (sock_closed(r))
		return -EBADF;
	if (state == SOCK_CONNECTING) {
		*w = wait_for_input(r);
		return -EAGAIN;
	}
	if (state != SOCK_UP) {
		int err = atomic_exchange(&r->s->failure, 0);

		return err ? -err : -ENOTCONN;
	}
	if (r->s->borrowed)
		return -EBUSY;
	/* Before the ring: bytes that came before the end are then seen. */
	told = state_told(r);
	for (unsigned i = 0, k = bytering_peek2(ring, piece, len); i < k; i++) {
		size_t n = min_u64(len[i], c->left);

		copy(c, piece[i], n, true);
		done += (ssize_t)n;
	}
	if (ring->broken)
		return sock_flags(r) & SOCK_F_ERROR_TAKEN ? 0 : -state_broken(r);
	if (done > 0 && !peek)
		bytering_consume(ring, (size_t)done);
	if (done > 0 || c->left == 0)
		return done;
	done = stream_ended(r, told);
	if (done == -EAGAIN) {
		*w = wait_for_input(r);
		w->told_seen = told;
	}
	return done;
}

/* A worker without room goes on when a quarter of the ring is free, or all: it would else move one byte for each that is read. Such a moment
 * comes, because whoever reads goes on until nothing is left. */
void stream_taken(const struct ref *r)
{
	struct appseg_stream *stream = &sock_words(r)->stream;
	uint32_t cap = r->s->in.cap, waiting = (uint32_t)(r->s->in.theirs - r->s->in.mine);

	if (waiting > cap - cap / 4)
		return;
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&stream->in_full, memory_order_relaxed) &&
	    atomic_exchange(&stream->in_full, 0))
		lane_kick(r->a, r->s->worker, r->s->slot);
}

ssize_t stream_recv(const struct ref *r, const struct iovec *iov, size_t pieces, int flags)
{
	int64_t deadline = wait_deadline(r, atomic_load(&r->s->recv_timeout), flags);
	struct cursor c = cursor_of(iov, pieces);
	bool peek = flags & MSG_PEEK;
	size_t all = c.left, least = flags & MSG_WAITALL ? all : (size_t)r->s->rcvlowat;
	ssize_t n;

	for (;;) {
		struct wait w;

		state_settle(r);
		sock_take_recv(r);
		n = get(r, &c, peek, &w);
		if (n > 0 && !peek)
			stream_taken(r);
		lock_give(&r->s->recv);
		if (n > 0 && !peek && c.left > 0 && all - c.left < least)
			continue;
		if (n == -EAGAIN)
			n = wait_until(&w, deadline);
		else
			break;
		if (n < 0)
			break;
	}
	return c.left < all ? (ssize_t)(all - c.left) : n;
}
