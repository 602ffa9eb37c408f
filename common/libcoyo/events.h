/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for any of several things: what workers say in their lanes, the descriptor that wakes the application, ordinary descriptors. */
#pragma once
#include "libcoyo/attach.h"

#include <poll.h>
#include <signal.h>

/* Takes what the workers of all attachments have put into their lanes: connections come into listeners' queues. */
void events_drain(void);

/* Asked whether what the caller waits for is there. arm: the worker is to say when something changes (before the look at it). */
typedef bool (*events_look)(void *arg, bool arm);

/* Ordinary descriptors that are waited for as well; what they have is told in revents. */
struct events_also {
	struct pollfd *fds; /* with room for one more */
	unsigned n;
	/* So many are looked at, whatever look() says. The others only wake: they are looked at when this thread sleeps, and revents of theirs are
	 * the caller's to set to 0 before. */
	unsigned first;
	/* Signals that are blocked while this thread sleeps; NULL: as they are. */
	const sigset_t *mask;
};

/* Waits until look() says true or one of the descriptors has something. 0; -EAGAIN: the deadline (clock_ns()) has passed; -EINTR; other negative
 * errnos: of a descriptor for this thread to sleep on. */
int events_wait(events_look look, void *arg, const struct events_also *also, int64_t deadline);

/* A descriptor for the caller's own loop, or a negative errno. Always the same in one process. */
int events_descriptor(void);
/* Asks look() with arm, so that the descriptor is readable when something changes after that. 0 or a negative errno. */
int events_watch(events_look look, void *arg);

/* Before fork(): nothing that threads sleep on is made or closed until the call below. */
void events_fork_lock(void);
/* After it; in a child, what its parent's threads slept on is closed. */
void events_fork_unlock(bool child);
