/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for one stream: a short spin where that has been of use, then the kernel's futex on a word of its slot.
 *
 * A futex cannot be told that the daemon has ended. So no thread sleeps longer than WAIT_TICK_NS without a look at the connection to it: a
 * thread of the library's own would spare these looks, but would have to be started anew in each child, and programs do not expect one. */
#pragma once
#include "libcoyo/sock.h"

#define WAIT_TICK_NS (200 * NS_PER_MS)
#define WAIT_SPIN_NS (20 * NS_PER_US)
#define WAIT_FOREVER INT64_MAX
#define WAIT_NOT     0 /* a deadline that has passed */

/* What a thread saw when it found that it had to wait, under the socket's lock: it waits until something of it is different. */
struct wait {
	struct ref r;
	uint32_t slot;
	_Atomic uint32_t *word;  /* in_waits or out_waits */
	_Atomic uint64_t *index; /* the other side's */
	uint64_t index_seen;
	uint32_t told_seen, flags_seen;
	bool room; /* it waits for room in the out ring */
};

/* Fills in a wait for bytes, an end, or what connect() has come to. The socket has a slot. */
struct wait wait_for_input(const struct ref *r);
/* Fills in a wait for room. The socket has a slot. */
struct wait wait_for_room(const struct ref *r);

/* Waits. 0: look again; -EAGAIN: the deadline (clock_ns()) has passed; -EINTR: a signal came. Without any lock. */
int wait_until(const struct wait *w, int64_t deadline);

/* When a call that begins now ends at the latest: this socket's time limit (ns, 0: none), or at once. */
int64_t wait_deadline(const struct ref *r, int64_t limit, int flags);

/* A thread has announced that it is about to sleep on a word of a slot. */
struct wait_mark {
	_Atomic uint32_t *word;
	/* What the word has become: the bits, and a number that no other announcement has. */
	uint32_t value;
	/* No thread had announced a sleep there before it. */
	bool alone;
};
/* Announces it for in_waits or out_waits; a look at what is waited for follows, and then wait_futex() with the value. */
struct wait_mark wait_announce(struct attachment *a, _Atomic uint32_t *word);

/* One look at a word (value: what was found there) until it changes, for at most ns. 0 or -EINTR. Also returns for no reason. */
int wait_futex(_Atomic uint32_t *word, uint32_t value, int64_t ns);
