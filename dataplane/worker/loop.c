/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's loop: run to completion, one clock read per turn, and rest when there is nothing to do. */
#include "worker/loop.h"
#include "core/event.h"
#include "core/handover.h"
#include "core/ring.h"
#include "core/worker.h"
#include "session/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

/* Bounds of the sleep of a worker with ports, which must be polled because no interrupt wakes it. */
#define REST_MIN_NS (50 * NS_PER_US)
#define REST_MAX_NS (10 * NS_PER_MS)

/* Commands in a turn, see command_budget(). */
#define COMMANDS_MOST  64
#define COMMANDS_LEAST 16
#define COMMAND_NS     500

static struct instant clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct instant){t.tv_sec * NS_PER_S + t.tv_nsec};
}

/* epoll_pwait2() came with Linux 5.11; older kernels get epoll_wait(), whose unit is milliseconds.
 * syscalls: epoll_pwait2 epoll_wait */
static void wait_ns(int epoll, int64_t ns)
{
	struct epoll_event ev[1];
	struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};

	if (epoll_pwait2(epoll, ev, 1, ns == INT64_MAX ? NULL : &t, NULL) >= 0 || errno != ENOSYS)
		return;
	ns = ns > 60 * NS_PER_S ? 60 * NS_PER_S : ns;
	epoll_wait(epoll, ev, 1, (int)((ns + NS_PER_MS - 1) / NS_PER_MS));
}

/* Sleeps until something comes or a deadline is due. Sleep is announced before the last look at the rings: what was put there is seen by
 * that look, or whoever put it sees the announcement and wakes this worker. The fence pairs with the one in worker_wake(). */
static void rest(struct loop *l, int64_t *backoff)
{
	struct worker *w = &l->w;
	struct instant deadline = sess_deadline(l->sess);
	int64_t ns = INT64_MAX;

	if (!instant_is_never(deadline)) {
		ns = instant_sub(deadline, clock_now());
		if (ns <= 0)
			return;
	}
	if (io_has_ports(l->io))
		ns = ns < *backoff ? ns : *backoff;
	atomic_store_explicit(&w->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (ring_is_empty(w->commands) && !handover_waiting(w) && sess_sleep_ok(l->sess) &&
	    !atomic_load_explicit(&w->all->stop, memory_order_relaxed)) {
		count_add(&w->count.sleeps, 1);
		wait_ns(io_epoll(l->io), ns);
		*backoff = *backoff * 2 < REST_MAX_NS ? *backoff * 2 : REST_MAX_NS;
	}
	atomic_store_explicit(&w->sleeping, false, memory_order_relaxed);
}

/* A burst through its stages: what other workers made leaves, sealed frames are opened, labels are switched, sessions get what is theirs. */
static void open_and_switch(struct loop *l, struct burst *b)
{
	io_tx_handed(l->io, b);
	fwd_sealed(l->fwd, b);
	fwd_labelled(l->fwd, b);
	sess_rx(l->sess, b->local, b->nlocal, l->w.now);
	b->nlocal = 0;
	COYO_ASSERT(burst_room(b) == BURST);
}

unsigned turn_receive(struct loop *l)
{
	struct burst *b = &l->burst;
	unsigned work = 0, n;

	while ((n = io_rx(l->io, b))) {
		open_and_switch(l, b);
		work += n;
	}
	for (unsigned from = 0; from < l->w.workers; from++) {
		n = handover_take(&l->w, from, b);
		if (n)
			open_and_switch(l, b);
		work += n;
	}
	return work;
}

/* How many commands this turn executes at most. While packets flow, control gets a share of the time: two million commands a second, which is a
 * sixth of it where each takes 200 cycles; and they are taken some at a time, because a look at what another core writes costs as much as several
 * commands. */
static unsigned command_budget(struct loop *l)
{
	int64_t n = instant_sub(l->w.now, l->commands_at) / COMMAND_NS;

	if (l->flowing && n < COMMANDS_LEAST)
		return 0;
	l->commands_at = l->w.now;
	return l->flowing && n < COMMANDS_MOST ? (unsigned)n : COMMANDS_MOST;
}

static unsigned turn(struct loop *l)
{
	unsigned most = command_budget(l);
	unsigned work = most ? command_run(l, most) : 0;
	/* Ports and sockets, hand-over; each burst: open, switch. */
	unsigned packets = turn_receive(l);

	l->flowing = packets > 0;
	work += packets;
	work += sess_poll(l->sess, l->w.now);
	fwd_flush(l->fwd); /* seal, transmit */
	handover_wake(&l->w);
	event_tell(&l->w);
	return work;
}

int loop_main(void *arg)
{
	struct loop *l = arg;
	struct worker *w = &l->w;
	int64_t backoff = REST_MIN_NS;
	unsigned work = 0;

	owner_take(&w->thread);
	w->now = clock_now();
	while (!atomic_load_explicit(&w->all->stop, memory_order_acquire)) {
		struct instant before = w->now;

		w->now = clock_now();
		if (work) { /* the turn that has just ended had something to do */
			count_add(&w->count.busy_ns, (uint64_t)instant_sub(w->now, before));
			count_add(&w->count.busy_loops, 1);
		}
		count_add(&w->count.loops, 1);
		work = turn(l);
		if (work)
			backoff = REST_MIN_NS;
		else if (w->cfg->idle == DP_IDLE_ADAPTIVE)
			rest(l, &backoff);
	}
	owner_drop(&w->thread);
	atomic_store_explicit(&w->ended, true, memory_order_release);
	return 0;
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

static bool watch(const struct loop *l)
{
	int fd = sess_wake_fd(l->sess);

	return io_watch(l->io, l->w.wake_fd) == 0 && (fd < 0 || io_watch(l->io, fd) == 0);
}

static bool rooms(struct loop *l, char *err, size_t errcap)
{
	l->io = io_new(&l->w, err, errcap);
	if (!l->io)
		return false;
	l->fwd = fwd_new(&l->w, l->io, err, errcap);
	if (!l->fwd)
		return false;
	l->sess = sess_new(&l->w, l->fwd, err, errcap);
	if (!l->sess)
		return false;
	if (watch(l)) {
		sess_bridge(l->sess)->worker_epoll = io_epoll(l->io);
		return true;
	}
	snprintf(err, errcap, "worker %u: epoll: %s", l->w.number, strerror(errno));
	return false;
}

struct loop *loop_new(struct workers *all, unsigned number, char *err, size_t errcap)
{
	struct loop *l = aligned_alloc(64, (sizeof(*l) + 63) & ~(size_t)63);

	if (!l) {
		snprintf(err, errcap, "out of memory for worker %u", number);
		return NULL;
	}
	memset(l, 0, sizeof(*l));
	if (worker_init(&l->w, all, number, err, errcap) || !rooms(l, err, errcap)) {
		loop_free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	if (l->sess)
		sess_free(l->sess);
	if (l->fwd)
		fwd_free(l->fwd);
	io_free(l->io);
	worker_end(&l->w);
	free(l);
}
