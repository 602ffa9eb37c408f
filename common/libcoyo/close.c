/* SPDX-License-Identifier: BSD-3-Clause */
/* shutdown() and close(). */
#include "libcoyo/call.h"
#include "libcoyo/clock.h"
#include "libcoyo/coyo.h"
#include "libcoyo/dgram.h"
#include "libcoyo/epoll.h"
#include "libcoyo/interest.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/release.h"
#include "libcoyo/seat.h"
#include "libcoyo/state.h"
#include "libcoyo/wait.h"
#include "libcoyo/wake.h"

/* No more bytes are written: FIN follows those that were. Under both locks. */
static void shut_writing(const struct ref *r)
{
	if (atomic_fetch_or(&r->s->flags, SOCK_F_SHUT_WR) & SOCK_F_SHUT_WR)
		return;
	atomic_fetch_or(&sock_words(r)->stream.asked, STREAM_SHUT);
	lane_kick(r->a, r->s->worker, r->s->slot);
}

COYO_EXPORT int coyo_shutdown(int handle, int how)
{
	struct ref r;
	int err = sock_find(handle, &r);
	uint32_t state, slot;

	if (err < 0)
		return (int)call_end(err);
	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		return (int)call_end(-EINVAL);
	state_settle(&r);
	sock_take_both(&r);
	state = sock_closed(&r) ? SOCK_UNUSED : atomic_load(&r.s->state);
	slot = r.s->slot;
	if (state == SOCK_UNUSED)
		err = -EBADF;
	else if (state == SOCK_NEW || state == SOCK_CONNECTING ||
	         (state == SOCK_BOUND && !(sock_flags(&r) & SOCK_F_CONNECTED)))
		err = -ENOTCONN;
	else if (how != SHUT_WR)
		atomic_fetch_or(&r.s->flags, SOCK_F_SHUT_RD);
	if (state == SOCK_UP && how != SHUT_RD)
		shut_writing(&r);
	if (err == 0 && state == SOCK_BOUND && how != SHUT_RD)
		atomic_fetch_or(&r.s->flags, SOCK_F_SHUT_WR);
	sock_give_both(&r);
	if (err < 0)
		return (int)call_end(err);
	if (state == SOCK_BOUND)
		dgram_wake(r.a, slot);
	else
		wake_waiting(r.a, slot);
	return 0;
}

/* With SO_LINGER and a time, close() waits so long for the peer to have everything: then the worker lets the slot go. */
static void linger(struct attachment *a, uint32_t slot, int32_t seconds)
{
	int64_t until = clock_ns() + seconds * NS_PER_S;
	struct appseg_slot *words = attach_slot(a, slot);

	while (!attach_look(a) && clock_ns() < until) {
		struct wait_mark m = wait_announce(a, &words->in_waits);

		/* Used anew already: then it had been let go. */
		if ((atomic_load(&words->stream.told) & APPSEG_FREE) ||
		    region_slots(a->region)[slot].state != SLOT_CLOSING)
			return;
		if (wait_futex(&words->in_waits, m.value,
		               min_u64(until - clock_ns(), WAIT_TICK_NS)) < 0)
			return;
	}
}

COYO_EXPORT int coyo_close(int handle)
{
	int err;
	int32_t seconds;
	uint32_t slot;
	bool last = false;
	struct ref r;

	if (epoll_close(handle, &err))
		return (int)call_end(err);
	err = sock_find(handle, &r);
	if (err < 0)
		return (int)call_end(err);
	release_orphans(r.attachment);
	lock_take(&r.a->region->table);
	/* Another thread may have closed it since it was found. */
	if (sock_closed(&r) || !seat_holds(r.s, r.a->seat))
		err = -EBADF;
	else
		last = seat_drop(r.a->seat, r.s);
	lock_give(&r.a->region->table);
	if (err == 0)
		interest_forget(handle);
	if (!last)
		return (int)call_end(err);
	seconds = r.s->linger_s;
	slot = release_socket(&r);
	if (slot != NONE && seconds > 0)
		linger(r.a, slot, seconds);
	return 0;
}
