/* SPDX-License-Identifier: BSD-3-Clause */
/* Slots of the segment. Those that were closed stand in a list until the worker has told APPSEG_FREE, which is looked for when one is taken. */
#include "libcoyo/slot.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"

#include <string.h>
#include <sys/mman.h>

#define LOOKS 8 /* closed slots looked at each time that one is taken */
#define FILLED_MOST \
	32 /* free slots that keep the memory of their rings, for those that come next */
#define FEW_BYTES \
	16384u /* a fixed ring that so many bytes went through at most is not worth a system call */
#define FEW_DOUBLED 3u  /* nor is one that has doubled so often at most, to 8 KiB */
#define GROWN_MOST  16u /* streams at a time whose out rings may be large */

static struct slot *slot_of(struct attachment *a, uint32_t i)
{
	return &region_slots(a->region)[i];
}

/* ---- under the region's lock ---- */

/* Whether so little of a ring was touched that its memory is kept. */
static bool is_small(struct appseg_stream *stream, struct bytering_shared *ring)
{
	if (atomic_load(&stream->told) & APPSEG_BOUND)
		return atomic_load(&ring->head) <= FEW_BYTES;
	return bytering_doubled(atomic_load(&ring->shape)) <= FEW_DOUBLED;
}

/* What a ring that has grown has beyond what any may have goes back in any case: most streams never need it. */
static void give_grown_back(struct attachment *a, uint32_t i, bool in)
{
	const struct appseg_layout *l = &a->region->layout;
	struct appseg_stream *stream = &attach_slot(a, i)->stream;
	uint64_t shape = atomic_load(in ? &stream->in.shape : &stream->out.shape);
	uint32_t plain = appseg_plain(l);

	if ((uint64_t)BYTERING_FIRST << (bytering_doubled(shape) & 31) > plain)
		(void)madvise(a->segment + appseg_ring_at(l, i, in) + plain, l->ring_bytes - plain,
		              MADV_REMOVE);
}

/* The rings' memory goes back to the system, except that of some slots. Nobody has the slot: its worker has told APPSEG_FREE, or never heard of
 * it, and no thread is in its rings, since each is there under a lock of the socket that gave the slot up. */
static void give_memory_back(struct attachment *a, uint32_t i)
{
	const struct appseg_layout *l = &a->region->layout;
	struct appseg_stream *stream = &attach_slot(a, i)->stream;

	if (!slot_of(a, i)->filled && is_small(stream, &stream->in) &&
	    is_small(stream, &stream->out))
		return;
	slot_of(a, i)->filled = a->region->filled < FILLED_MOST ||
	                        madvise(a->segment + appseg_ring_at(l, i, false),
	                                2 * (size_t)l->ring_bytes, MADV_REMOVE) < 0;
	a->region->filled += slot_of(a, i)->filled;
	if (!slot_of(a, i)->filled || atomic_load(&stream->told) & APPSEG_BOUND)
		return;
	give_grown_back(a, i, false);
	give_grown_back(a, i, true);
}

static void list_free(struct attachment *a, uint32_t i)
{
	struct slot *s = slot_of(a, i);

	give_memory_back(a, i);
	a->region->grown -= s->grown;
	s->grown = false;
	s->state = SLOT_FREE;
	s->next = a->region->slot_free;
	a->region->slot_free = i;
}

static void list_closing(struct attachment *a, uint32_t i)
{
	struct region *r = a->region;

	slot_of(a, i)->state = SLOT_CLOSING;
	slot_of(a, i)->next = NONE;
	if (r->closing_last != NONE)
		slot_of(a, r->closing_last)->next = i;
	else
		r->closing_first = i;
	r->closing_last = i;
}

/* Whether the worker, and what was posted to it, have done with the slot. What is still owed to the worker is sent. */
static bool let_go(struct attachment *a, uint32_t i)
{
	struct slot *s = slot_of(a, i);
	uint32_t told = atomic_load(&attach_slot(a, i)->stream.told);
	struct applane_msg m = {.type = APPLANE_CLOSE, .slot = i};

	if (s->listens)
		return s->children == 0;
	if (told & APPSEG_FREE)
		return true;
	/* A connection came into it before the listener had ended, or it was taken from a port for datagrams. */
	if (s->posted && (told & (APPSEG_UP | STREAM_ERROR))) {
		s->posted = false;
		s->close_due = s->abort = true;
	}
	m.abort = s->abort;
	if (s->close_due && lane_try(a, s->worker, &m) == 0)
		s->close_due = false;
	return false;
}

/* Looks at no more than `most` closed slots, the oldest first. */
static void reap(struct attachment *a, uint32_t most)
{
	struct region *r = a->region;

	while (most-- > 0 && r->closing_first != NONE) {
		uint32_t i = r->closing_first;
		struct slot *s = slot_of(a, i);

		r->closing_first = s->next;
		if (r->closing_first == NONE)
			r->closing_last = NONE;
		if (!let_go(a, i)) {
			list_closing(a, i);
			continue;
		}
		if (s->listener != NONE)
			slot_of(a, s->listener)->children--;
		list_free(a, i);
	}
}

static uint32_t pop(struct attachment *a)
{
	struct region *r = a->region;
	uint32_t i = r->slot_free;

	if (i != NONE) {
		r->slot_free = slot_of(a, i)->next;
		r->filled -= slot_of(a, i)->filled;
		return i;
	}
	return r->slots_used < r->layout.slots ? r->slots_used++ : NONE;
}

static uint32_t take(struct attachment *a, uint8_t state, uint32_t worker)
{
	uint32_t i;

	reap(a, LOOKS);
	i = pop(a);
	if (i == NONE) {
		reap(a, a->region->layout.slots);
		i = pop(a);
	}
	if (i == NONE)
		return NONE;
	*slot_of(a, i) = (struct slot){.state = state,
	                               .worker = (uint8_t)worker,
	                               .filled = slot_of(a, i)->filled,
	                               .sock = NONE,
	                               .listener = NONE,
	                               .next = NONE};
	memset(attach_slot(a, i), 0, sizeof(struct appseg_slot));
	return i;
}

/* ---- for others ---- */

uint32_t slot_take(struct attachment *a, uint8_t state, uint32_t worker)
{
	uint32_t i;

	lock_take(&a->region->table);
	i = take(a, state, worker);
	lock_give(&a->region->table);
	return i;
}

bool slot_grow(struct attachment *a, uint32_t slot)
{
	struct slot *s = slot_of(a, slot);

	lock_take(&a->region->table);
	if (!s->grown && a->region->grown < GROWN_MOST) {
		s->grown = true;
		a->region->grown++;
	}
	lock_give(&a->region->table);
	return s->grown;
}

uint32_t slot_post(struct attachment *a, uint32_t sock, uint32_t listener, uint32_t worker)
{
	uint32_t i;

	lock_take(&a->region->table);
	i = take(a, SLOT_POSTED, worker);
	if (i != NONE) {
		slot_of(a, i)->sock = sock;
		slot_of(a, i)->listener = listener;
		slot_of(a, listener)->children++;
	}
	lock_give(&a->region->table);
	return i;
}

void slot_return(struct attachment *a, uint32_t slot)
{
	uint32_t listener;

	lock_take(&a->region->table);
	listener = slot_of(a, slot)->listener;
	if (listener != NONE)
		slot_of(a, listener)->children--;
	list_free(a, slot);
	lock_give(&a->region->table);
}

void slot_close(struct attachment *a, uint32_t slot, bool abort)
{
	struct applane_msg m = {.type = APPLANE_CLOSE, .slot = slot, .abort = abort};
	bool sent = lane_put(a, slot_of(a, slot)->worker, &m) == 0;

	lock_take(&a->region->table);
	slot_of(a, slot)->abort = abort;
	slot_of(a, slot)->close_due = !sent;
	list_closing(a, slot);
	lock_give(&a->region->table);
}

void slot_close_listener(struct attachment *a, uint32_t listener)
{
	lock_take(&a->region->table);
	for (uint32_t i = 0; i < a->region->slots_used; i++) {
		struct slot *s = slot_of(a, i);

		if ((s->state != SLOT_POSTED && s->state != SLOT_QUEUED) || s->listener != listener)
			continue;
		s->posted = s->state == SLOT_POSTED;
		s->abort = s->close_due = !s->posted;
		list_closing(a, i);
	}
	slot_of(a, listener)->listens = true;
	list_closing(a, listener);
	reap(a, a->region->layout.slots);
	lock_give(&a->region->table);
}

void slot_leave(struct attachment *a, uint32_t slot)
{
	lock_take(&a->region->table);
	slot_of(a, slot)->posted = true;
	list_closing(a, slot);
	lock_give(&a->region->table);
}
