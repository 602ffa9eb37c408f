/* SPDX-License-Identifier: BSD-3-Clause */
/* Bytes in place: received ones where the worker has put them, and room where the next that are sent will lie. */
#include "libcoyo/call.h"
#include "libcoyo/coyo.h"
#include "libcoyo/dgram.h"
#include "libcoyo/lock.h"
#include "libcoyo/state.h"
#include "libcoyo/stream.h"
#include "libcoyo/wait.h"

/* Under the receiving lock. Bytes, 0 at the end or a negative errno; -EAGAIN: *w says for what it has to wait. */
static ssize_t borrow(const struct ref *r, const void **bytes, struct wait *w)
{
	uint32_t told, state = atomic_load(&r->s->state);
	ssize_t n;

	if (sock_closed(r))
		return -EBADF;
	if (state != SOCK_UP && state != SOCK_CONNECTING) {
		int err = atomic_exchange(&r->s->failure, 0);

		return err ? -err : -ENOTCONN;
	}
	if (r->s->borrowed)
		return -EBUSY;
	told = state_told(r);
	n = state == SOCK_UP ? bytering_peek(&r->s->in, bytes) : 0;
	if (r->s->in.broken)
		return sock_flags(r) & SOCK_F_ERROR_TAKEN ? 0 : -state_broken(r);
	r->s->borrowed = (uint32_t)n;
	if (n > 0)
		return n;
	n = state == SOCK_UP ? stream_ended(r, told) : -EAGAIN;
	if (n == -EAGAIN) {
		*w = wait_for_input(r);
		w->told_seen = told;
	}
	return n;
}

COYO_EXPORT ssize_t coyo_borrow(int handle, const void **bytes, int flags)
{
	int64_t deadline;
	struct ref r;
	ssize_t n = sock_find(handle, &r);

	if (n == 0 && ((flags & ~MSG_DONTWAIT) || dgram_is(&r)))
		n = -EOPNOTSUPP;
	if (n < 0)
		return call_end(n);
	deadline = wait_deadline(&r, atomic_load(&r.s->recv_timeout), flags);
	do {
		struct wait w;

		state_settle(&r);
		sock_take_recv(&r);
		n = borrow(&r, bytes, &w);
		lock_give(&r.s->recv);
		if (n != -EAGAIN)
			break;
		n = wait_until(&w, deadline);
	} while (n == 0);
	return call_end(n);
}

COYO_EXPORT int coyo_release(int handle, size_t n)
{
	struct ref r;
	int err = sock_find(handle, &r);

	if (err == 0 && dgram_is(&r))
		err = -EOPNOTSUPP;
	if (err < 0)
		return (int)call_end(err);
	sock_take_recv(&r);
	if (sock_closed(&r))
		err = -EBADF;
	else if (n > r.s->borrowed)
		err = -EINVAL;
	if (err == 0) {
		bytering_consume(&r.s->in, n);
		r.s->borrowed = 0;
	}
	if (err == 0 && n > 0)
		stream_taken(&r);
	lock_give(&r.s->recv);
	return (int)call_end(err);
}

/* Under the sending lock: as borrow(). */
static ssize_t reserve(const struct ref *r, void **room, struct wait *w)
{
	ssize_t n = stream_may_send(r);

	if (n == -EAGAIN)
		*w = wait_for_input(r);
	if (n < 0)
		return n;
	/* Who writes in place wants room in one piece. */
	r->s->out.wide = true;
	n = bytering_reserve(&r->s->out, room);
	if (r->s->out.broken)
		return -state_broken(r);
	r->s->reserved = (uint32_t)n;
	if (n > 0)
		return n;
	sock_grow_out(r);
	*w = wait_for_room(r);
	return -EAGAIN;
}

COYO_EXPORT ssize_t coyo_reserve(int handle, void **room, int flags)
{
	int64_t deadline;
	struct ref r;
	ssize_t n = sock_find(handle, &r);

	if (n == 0 && ((flags & ~MSG_DONTWAIT) || dgram_is(&r)))
		n = -EOPNOTSUPP;
	if (n < 0)
		return call_end(n);
	deadline = wait_deadline(&r, atomic_load(&r.s->send_timeout), flags);
	do {
		struct wait w;

		state_settle(&r);
		sock_take_send(&r);
		n = reserve(&r, room, &w);
		lock_give(&r.s->send);
		if (n != -EAGAIN)
			break;
		n = wait_until(&w, deadline);
	} while (n == 0);
	return call_end(n);
}

COYO_EXPORT int coyo_commit(int handle, size_t n)
{
	struct ref r;
	int err = sock_find(handle, &r);

	if (err == 0 && dgram_is(&r))
		err = -EOPNOTSUPP;
	if (err < 0)
		return (int)call_end(err);
	sock_take_send(&r);
	if (sock_closed(&r))
		err = -EBADF;
	else if (n > r.s->reserved)
		err = -EINVAL;
	if (err == 0) {
		r.s->reserved = 0;
		bytering_commit(&r.s->out, n);
	}
	if (err == 0 && n > 0)
		stream_written(&r, n);
	lock_give(&r.s->send);
	return (int)call_end(err);
}
