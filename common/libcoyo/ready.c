/* SPDX-License-Identifier: BSD-3-Clause */
/* What a socket is ready for: as poll() of Linux says it of a TCP socket in the same state. */
#include "libcoyo/ready.h"
#include "libcoyo/dgram.h"
#include "libcoyo/listener.h"
#include "libcoyo/lock.h"
#include "libcoyo/state.h"
#include "libcoyo/stream.h"

#include <poll.h>

#define INPUT  (POLLIN | POLLRDNORM)
#define OUTPUT (POLLOUT | POLLWRNORM)

/* The worker is to say when there are bytes or an end, and room if that is asked for. Under both locks. */
static void arm_slot(const struct ref *r, short events)
{
	struct appseg_slot *words = sock_words(r);

	atomic_fetch_or(&words->in_waits, APPWAIT_EVENT);
	if (events & OUTPUT) {
		atomic_fetch_or(&words->out_waits, APPWAIT_EVENT);
		atomic_exchange(&words->stream.out_full, 1);
	}
	/* What the worker changes after this it tells, what it changed before is seen by the look that follows. */
	atomic_thread_fence(memory_order_seq_cst);
}

/* As many bytes as SO_RCVLOWAT asks for have come, or as many as the worker brings before it waits for room. It does not wait where it doubles the
 * ring; once it does, it goes on when a quarter is free. */
static bool enough(const struct ref *r)
{
	struct bytering *in = &r->s->in;
	uint32_t used = bytering_used(in);

	if (used >= (uint32_t)r->s->rcvlowat)
		return true;
	if (used == in->cap)
		return !bytering_doubles(in, in->theirs, used);
	return used >= in->cap - in->cap / 4 && atomic_load(&sock_words(r)->stream.in_full);
}

/* Of a stream that is or was connected. Under both locks. */
static short of_stream(const struct ref *r)
{
	struct sock *s = r->s;
	uint32_t flags = sock_flags(r), told = state_told(r);
	bool over = (told & STREAM_ERROR) || (flags & SOCK_F_BROKEN);
	bool read_end = (told & STREAM_EOF) || (flags & SOCK_F_SHUT_RD) || over;
	bool write_end = (flags & SOCK_F_SHUT_WR) || over;
	short found = 0;

	if (enough(r) || read_end || s->in.broken)
		found |= INPUT;
	if (read_end)
		found |= POLLRDHUP;
	if (write_end || (bytering_room(&s->out) >= s->out.cap / 4 && stream_allows(r) > 0) ||
	    s->out.broken)
		found |= OUTPUT;
	if (read_end && write_end)
		found |= POLLHUP;
	if (over && !(flags & SOCK_F_ERROR_TAKEN))
		found |= POLLERR;
	return found;
}

short ready_look(const struct ref *r, short events, bool arm)
{
	uint32_t state = state_settle(r);
	short found = 0;

	if (dgram_is(r))
		return dgram_ready(r, events, arm);
	sock_take_both(r);
	state = sock_closed(r) ? SOCK_UNUSED : atomic_load(&r->s->state);
	if (arm && r->s->slot != NONE && state != SOCK_UNUSED)
		arm_slot(r, state == SOCK_UP ? events : 0);
	/* It may have been told before it was asked for. */
	if (state == SOCK_CONNECTING && (state_told(r) & (APPSEG_UP | STREAM_ERROR)))
		found = OUTPUT;
	else if (state == SOCK_UNUSED)
		found = POLLNVAL;
	else if (state == SOCK_NEW)
		found = OUTPUT | POLLHUP | (atomic_load(&r->s->failure) ? POLLERR | INPUT : 0);
	else if (state == SOCK_UP)
		found = of_stream(r);
	sock_give_both(r);
	if (state == SOCK_LISTENING && listener_ready(r))
		found = INPUT | (attach_dead(r->a) ? POLLERR | POLLHUP : 0);
	return found & (events | POLLERR | POLLHUP | POLLNVAL);
}
