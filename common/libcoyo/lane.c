/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages to a worker, and waking it where it sleeps. */
#include "libcoyo/lane.h"
#include "libcoyo/clock.h"
#include "libcoyo/lock.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define FULL_NS  NS_PER_S
#define PAUSE_NS (50 * NS_PER_US)

/* The worker sets the flag, looks at the lane once more and sleeps: whoever comes second sees what the other did before. */
void lane_wake(struct attachment *a, uint32_t worker)
{
	_Atomic uint32_t *asleep = &attach_lane(a, worker)->worker_asleep;
	uint64_t one = 1;

	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(asleep, memory_order_relaxed) && attach_ours(a) &&
	    atomic_exchange(asleep, 0) && write(a->worker[worker], &one, sizeof(one)) < 0) {
		/* EAGAIN: the counter is at its limit, so it is readable: as good as written. */
	}
}

/* Who has died with the lock may have put a message and not made it known. */
static void take_put(struct lane *l)
{
	if (lock_take(&l->put))
		atomic_store(&l->requests.shared->head, l->requests.mine);
}

int lane_try(struct attachment *a, uint32_t worker, const struct applane_msg *m)
{
	struct lane *l = &a->region->lane[worker];
	void *piece;
	bool put;

	if (attach_dead(a))
		return -ECONNRESET;
	take_put(l);
	put = bytering_reserve(&l->requests, &piece) >= sizeof(*m);
	if (put) {
		memcpy(piece, m, sizeof(*m));
		bytering_commit(&l->requests, sizeof(*m));
	}
	lock_give(&l->put);
	lane_wake(a, worker);
	return put ? 0 : -EAGAIN;
}

int lane_put(struct attachment *a, uint32_t worker, const struct applane_msg *m)
{
	int r = lane_try(a, worker, m);
	int64_t until;

	if (r != -EAGAIN)
		return r;
	until = clock_ns() + FULL_NS;
	while (r == -EAGAIN && clock_ns() < until) {
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
		r = attach_look(a) ? -ECONNRESET : lane_try(a, worker, m);
	}
	return r;
}

static _Atomic uint32_t *kicked(const struct attachment *a, uint32_t slot)
{
	return &attach_slot(a, slot)->stream.worker_kicked;
}

void lane_kick_again(struct attachment *a, uint32_t worker, uint32_t slot)
{
	struct applane_msg m = {.type = APPLANE_KICK, .slot = slot};

	atomic_exchange(kicked(a, slot), 1);
	if (lane_try(a, worker, &m) != -EAGAIN)
		return;
	/* Whoever may not wait must not wait here either. The worker sees the word after it has made room; a lane that still has none is one
	 * from which it has messages to take. */
	atomic_exchange(&attach_lane(a, worker)->kicks_missed, 1);
	(void)lane_try(a, worker, &m);
}

void lane_kick(struct attachment *a, uint32_t worker, uint32_t slot)
{
	if (!atomic_exchange(kicked(a, slot), 1))
		lane_kick_again(a, worker, slot);
}

bool lane_behind(struct attachment *a, uint32_t worker)
{
	struct lane *l = &a->region->lane[worker];
	uint32_t room;

	take_put(l);
	room = bytering_room(&l->requests);
	lock_give(&l->put);
	return room < l->requests.cap / 4 * 3;
}
