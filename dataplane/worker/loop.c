/* SPDX-License-Identifier: BSD-3-Clause */
/* The worker's loop: run to completion, one clock read per turn, and rest when there is nothing to do. */
#include "fwd/fwd.h"
#include "io/io.h"
#include "core/ring.h"
#include "core/state.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>

/* Polling rests with ports, which have no interrupt to wait for. */
#define REST_MIN_NS (50 * NS_PER_US)
#define REST_MAX_NS (10 * NS_PER_MS)

static struct instant clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct instant){t.tv_sec * NS_PER_S + t.tv_nsec};
}

/* epoll_pwait2 is younger than the kernels this runs on need be. */
static void wait_ns(int epoll, int64_t ns)
{
	struct epoll_event ev[1];
	struct timespec t = {ns / NS_PER_S, ns % NS_PER_S};

	if (epoll_pwait2(epoll, ev, 1, ns == INT64_MAX ? NULL : &t, NULL) >= 0 || errno != ENOSYS)
		return;
	ns = ns > 60 * NS_PER_S ? 60 * NS_PER_S : ns;
	epoll_wait(epoll, ev, 1, (int)((ns + NS_PER_MS - 1) / NS_PER_MS));
}

/* Announces sleep, looks once more, sleeps. The fence pairs with those of everyone who wakes a worker. */
static void rest(struct worker *w, int64_t *backoff)
{
	struct instant deadline = sess_deadline(w->sess);
	int64_t ns = INT64_MAX;

	if (!instant_is_never(deadline)) {
		ns = instant_sub(deadline, clock_now());
		if (ns <= 0)
			return;
	}
	if (io_has_ports(w->io)) {
		ns = ns < *backoff ? ns : *backoff;
		*backoff = *backoff * 2 < REST_MAX_NS ? *backoff * 2 : REST_MAX_NS;
	}
	atomic_store_explicit(&w->sleeping, true, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	if (ring_is_empty(w->commands) && !handover_waiting(w) && sess_sleep_ok(w->sess) &&
	    !atomic_load_explicit(&w->dp->stop, memory_order_relaxed)) {
		count_add(&w->count.sleeps, 1);
		wait_ns(io_epoll(w->io), ns);
	}
	atomic_store_explicit(&w->sleeping, false, memory_order_relaxed);
}

/* A burst through its stages: what other workers made leaves, sealed frames are opened, labels are switched, sessions get what is theirs. */
static void open_and_switch(struct worker *w, struct burst *b)
{
	io_tx_handed(w, b);
	fwd_sealed(w, b);
	fwd_labelled(w, b);
	sess_rx(w->sess, b->local, b->nlocal, w->now);
	b->nlocal = 0;
}

unsigned turn_receive(struct worker *w)
{
	struct burst *b = &w->burst;
	unsigned work = 0, n;

	while ((n = io_rx(w, b))) {
		open_and_switch(w, b);
		work += n;
	}
	for (unsigned from = 0; from < w->workers; from++) {
		n = handover_take(w, from, b);
		if (n)
			open_and_switch(w, b);
		work += n;
	}
	return work;
}

static unsigned turn(struct worker *w)
{
	unsigned work = command_run(w);

	work += turn_receive(w); /* ports and sockets, hand-over; each burst: open, switch */
	work += sess_poll(w->sess, w->now);
	fwd_flush(w); /* seal, transmit */
	handover_wake(w);
	event_tell(w);
	return work;
}

int worker_main(void *arg)
{
	struct worker *w = arg;
	int64_t backoff = REST_MIN_NS;
	unsigned work = 0;

	w->now = clock_now();
	while (!atomic_load_explicit(&w->dp->stop, memory_order_acquire)) {
		struct instant before = w->now;

		w->now = clock_now();
		if (work) { /* of the turn that ended now */
			count_add(&w->count.busy_ns, (uint64_t)instant_sub(w->now, before));
			count_add(&w->count.busy_loops, 1);
		}
		count_add(&w->count.loops, 1);
		work = turn(w);
		if (work)
			backoff = REST_MIN_NS;
		else if (w->cfg->idle == DP_IDLE_ADAPTIVE)
			rest(w, &backoff);
	}
	atomic_store_explicit(&w->ended, true, memory_order_release);
	return 0;
}
