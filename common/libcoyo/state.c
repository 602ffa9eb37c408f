/* SPDX-License-Identifier: BSD-3-Clause */
/* What has become of a stream. The worker's words are read once and not believed: an error that is none is EPROTO. */
#include "libcoyo/state.h"
#include "libcoyo/lock.h"
#include "libcoyo/slot.h"
#include "libcoyo/wake.h"

#include <errno.h>

#define ERRNO_MAX 4095

uint32_t state_told(const struct ref *r)
{
	uint32_t told = atomic_load(&sock_words(r)->stream.told);

	return attach_dead(r->a) ? told | STREAM_ERROR : told;
}

/* The error word of a stream that has ended. */
static int error_of(const struct ref *r)
{
	struct appseg_stream *stream = &sock_words(r)->stream;
	int32_t err = atomic_load(&stream->err);

	if (!(atomic_load(&stream->told) & STREAM_ERROR))
		return ECONNRESET; /* the daemon is gone */
	return err > 0 && err <= ERRNO_MAX ? err : EPROTO;
}

uint32_t state_settle(const struct ref *r)
{
	struct sock *s = r->s;
	uint32_t told, failed = NONE;

	if (atomic_load_explicit(&s->state, memory_order_acquire) != SOCK_CONNECTING)
		return atomic_load(&s->state);
	sock_take_both(r);
	if (!sock_closed(r) && atomic_load(&s->state) == SOCK_CONNECTING) {
		told = state_told(r);
		if (told & APPSEG_UP) {
			s->bound_port = sock_words(r)->local_port;
			atomic_store(&s->state, SOCK_UP);
		} else if (told & STREAM_ERROR) {
			failed = s->slot;
			atomic_store(&s->failure, error_of(r));
			atomic_fetch_or(&s->flags, SOCK_F_FAILED);
			s->slot = NONE;
			atomic_store(&s->state, SOCK_NEW);
		}
	}
	sock_give_both(r);
	if (failed != NONE) {
		wake_waiting(r->a, failed);
		slot_close(r->a, failed, true);
	}
	return atomic_load(&s->state);
}

/* As Linux has it: after the peer's end of stream a reset is no error to whoever reads, and EPIPE to whoever writes. */
int state_take_error(const struct ref *r, uint32_t told)
{
	uint32_t flags = atomic_load(&r->s->flags);
	bool ended = (told & STREAM_ERROR) || (flags & SOCK_F_BROKEN);

	if (!ended || (atomic_fetch_or(&r->s->flags, SOCK_F_ERROR_TAKEN) & SOCK_F_ERROR_TAKEN))
		return 0;
	if (flags & SOCK_F_BROKEN)
		return EPROTO;
	return told & STREAM_EOF ? EPIPE : error_of(r);
}

int state_broken(const struct ref *r)
{
	atomic_fetch_or(&r->s->flags, SOCK_F_BROKEN | SOCK_F_ERROR_TAKEN);
	return EPROTO;
}
