/* SPDX-License-Identifier: BSD-3-Clause */
/* Events to control: slots of one bounded ring filled in place, and the wake-up of a control that sleeps. */
#include "core/event.h"
#include "core/ring.h"
#include "core/state.h"

#include <string.h>
#include <unistd.h>

struct dp_event *event_begin(struct worker *w)
{
	struct dp_event *ev;

	OWNER_CHECK(&w->thread);
	ev = ring_put_begin(w->events, sizeof(struct dp_event));
	if (unlikely_(!ev)) {
		drop_count(w, DROP_PUNT_FULL, 1);
		return NULL;
	}
	ev->cookie = 0;
	ev->worker = (uint8_t)w->number;
	return ev;
}

void event_end(struct worker *w)
{
	ring_put_end(w->events);
	w->told = true;
}

bool worker_event(struct worker *w, const struct dp_event *ev)
{
	struct dp_event *slot = event_begin(w);

	if (!slot)
		return false;
	memcpy(slot, ev, dp_event_size(ev));
	slot->worker = (uint8_t)w->number;
	event_end(w);
	return true;
}

void event_acknowledge(struct worker *w, uint64_t seq)
{
	OWNER_CHECK(&w->thread);
	/* Control waits for numbers that only grow. */
	COYO_ASSERT(seq >= atomic_load_explicit(&w->acked, memory_order_relaxed));
	atomic_store_explicit(&w->acked, seq, memory_order_release);
	w->told = true;
}

/* The fence pairs with the one in dp_wake_clear(): either control sees what was published, or it is woken.
 * syscalls: write */
void event_tell(struct worker *w)
{
	struct workers *all = w->all;
	uint64_t one = 1;

	if (!w->told)
		return;
	w->told = false;
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&all->wake_wanted, memory_order_relaxed) &&
	    atomic_exchange_explicit(&all->wake_wanted, false, memory_order_relaxed))
		(void)!write(all->wake_fd, &one, sizeof(one));
}
