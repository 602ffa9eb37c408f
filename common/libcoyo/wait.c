/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for one stream. */
#include "libcoyo/wait.h"
#include "libcoyo/changes.h"
#include "libcoyo/clock.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"
#include "libcoyo/release.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPIN_IN_VAIN 4
#define SPIN_PROBE   16

/* Whoever waits has found none of these before. They may have been told since then, and would else be taken for seen. */
static struct wait wait_for(const struct ref *r)
{
	struct appseg_slot *words = sock_words(r);
	bool connecting = atomic_load(&r->s->state) == SOCK_CONNECTING;

	return (struct wait){.r = *r,
	                     .slot = r->s->slot,
	                     .told_seen = atomic_load(&words->stream.told) &
	                                  ~(STREAM_ERROR | (connecting ? APPSEG_UP : 0)),
	                     .flags_seen = sock_flags(r) & ~SOCK_F_BROKEN};
}

struct wait wait_for_input(const struct ref *r)
{
	struct appseg_slot *words = sock_words(r);
	struct wait w = wait_for(r);

	w.word = &words->in_waits;
	w.index = &words->stream.in.head;
	w.index_seen = r->s->in.theirs;
	return w;
}

struct wait wait_for_room(const struct ref *r)
{
	struct appseg_slot *words = sock_words(r);
	struct wait w = wait_for(r);

	w.word = &words->out_waits;
	w.index = &words->stream.out.tail;
	w.index_seen = r->s->out.theirs;
	w.room = true;
	return w;
}

static bool changed(const struct wait *w)
{
	struct appseg_slot *words = attach_slot(w->r.a, w->slot);

	return atomic_load(w->index) != w->index_seen ||
	       atomic_load(&words->stream.told) != w->told_seen ||
	       sock_flags(&w->r) != w->flags_seen || sock_closed(&w->r) || attach_dead(w->r.a);
}

static void pause_processor(void)
{
#ifdef __x86_64__
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* How many times in a row this thread has spun for nothing. So it is where worker and thread share one processor, and where little comes: then
 * all but one wait in SPIN_PROBE go without, and that one finds out whether it is so still. */
static _Thread_local unsigned in_vain;

static bool spin(const struct wait *w, int64_t deadline)
{
	int64_t until;

	if (in_vain >= SPIN_IN_VAIN && in_vain++ % SPIN_PROBE)
		return false;
	until = clock_ns() + WAIT_SPIN_NS;
	if (until > deadline)
		until = deadline;
	do {
		for (unsigned i = 0; i < 16; i++) {
			if (changed(w)) {
				in_vain = 0;
				return true;
			}
			pause_processor();
		}
	} while (clock_ns() < until);
	in_vain++;
	return false;
}

struct wait_mark wait_announce(struct attachment *a, _Atomic uint32_t *word)
{
	uint32_t number = atomic_fetch_add(&a->region->waits, 1) * (APPWAIT_EVENT << 1);
	uint32_t before = atomic_load(word);
	struct wait_mark m = {.word = word};

	do
		m.value = number | (before & APPWAIT_EVENT) | APPWAIT_SLEEPS;
	while (!atomic_compare_exchange_weak(word, &before, m.value));
	m.alone = !(before & APPWAIT_SLEEPS);
	return m;
}

/* It does not sleep after all, or not any more: where nobody else has announced a sleep on the word, and the worker has not taken this one, it need not
 * wake anybody. Numbers are taken once, so that a word with this one's has not been taken and announced anew since. */
static void withdraw(const struct wait_mark *m)
{
	uint32_t value = m->value;

	if (m->alone)
		(void)atomic_compare_exchange_strong(m->word, &value, value & APPWAIT_EVENT);
}

int wait_futex(_Atomic uint32_t *word, uint32_t value, int64_t ns)
{
	struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	if (syscall(SYS_futex, word, FUTEX_WAIT, value, &t, NULL, 0) < 0 && errno == EINTR)
		return -EINTR;
	return 0;
}

/* What a thread that has waited long looks at: is the daemon there, have processes that shared sockets ended, does a kick lack? One that
 * was said to be on its way and is not taken may have been lost with a process. */
static void tick(const struct wait *w)
{
	struct sock *s = w->r.s;

	if (attach_look(w->r.a))
		return;
	release_orphans(w->r.attachment);
	sock_take_send(&w->r);
	if (!sock_closed(&w->r) && atomic_load(&s->state) == SOCK_UP &&
	    (w->room || atomic_load(&sock_words(&w->r)->stream.worker_kicked)) &&
	    !lane_behind(w->r.a, s->worker))
		lane_kick_again(w->r.a, s->worker, s->slot);
	lock_give(&s->send);
}

/* A call ends without room. Epoll sets that have the socket may have told of room before, and asked for nothing since: the worker is to say when
 * there is room again, unless it has just been made. */
static int give_up(const struct wait *w)
{
	struct appseg_slot *words = attach_slot(w->r.a, w->slot);

	if (!w->room || !(sock_flags(&w->r) & SOCK_F_WATCHED))
		return -EAGAIN;
	atomic_fetch_or(&words->out_waits, APPWAIT_EVENT);
	atomic_exchange(&words->stream.out_full, 1);
	atomic_thread_fence(memory_order_seq_cst);
	if (changed(w))
		changes_made(&w->r);
	return -EAGAIN;
}

int wait_until(const struct wait *w, int64_t deadline)
{
	struct appseg_slot *words = attach_slot(w->r.a, w->slot);

	if (deadline == WAIT_NOT)
		return give_up(w);
	if (spin(w, deadline))
		return 0;
	for (;;) {
		int64_t now = clock_ns(), left = deadline - now;
		struct wait_mark m = wait_announce(w->r.a, w->word);
		int r;

		if (w->room)
			atomic_exchange(&words->stream.out_full, 1);
		r = changed(w) || left <= 0 ? 0
		                            : wait_futex(w->word, m.value,
		                                         left < WAIT_TICK_NS ? left : WAIT_TICK_NS);
		withdraw(&m);
		if (r < 0)
			return r;
		if (changed(w))
			return 0;
		if (left <= 0)
			return give_up(w);
		if (clock_ns() - now < WAIT_TICK_NS)
			continue;
		tick(w);
		return 0;
	}
}

int64_t wait_deadline(const struct ref *r, int64_t limit, int flags)
{
	if ((flags & MSG_DONTWAIT) || (sock_flags(r) & SOCK_F_NONBLOCK))
		return WAIT_NOT;
	return limit > 0 ? clock_ns() + limit : WAIT_FOREVER;
}
