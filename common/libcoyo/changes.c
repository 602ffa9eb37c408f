/* SPDX-License-Identifier: BSD-3-Clause */
/* The list of changes: the last CHANGES of them, numbered from the attachment's beginning. Who is further behind looks at all of its sockets. */
#include "libcoyo/changes.h"
#include "libcoyo/lock.h"

#include <unistd.h>

/* Who died with the lock may have written an entry and not counted it. Under the lock afterwards. */
static void take(struct region *r)
{
	if (lock_take(&r->change))
		atomic_fetch_add(&r->changes, CHANGES + 1);
}

void changes_watch(const struct ref *r)
{
	atomic_store(&r->a->region->watched, 1);
	atomic_fetch_or(&r->s->flags, SOCK_F_WATCHED);
}

void changes_of(struct attachment *a, uint32_t index)
{
	struct region *r = a->region;
	uint64_t n;

	if (!(atomic_load(&region_socks(r)[index].flags) & SOCK_F_WATCHED))
		return;
	take(r);
	n = atomic_load_explicit(&r->changes, memory_order_relaxed);
	region_changed(r)[n % CHANGES] = index;
	atomic_store_explicit(&r->changes, n + 1, memory_order_release);
	lock_give(&r->change);
}

void changes_of_slot(struct attachment *a, uint32_t slot)
{
	struct region *r = a->region;
	uint32_t sock;

	if (slot >= r->layout.slots || !atomic_load_explicit(&r->watched, memory_order_relaxed))
		return;
	lock_take(&r->table);
	sock = region_slots(r)[slot].sock;
	lock_give(&r->table);
	if (sock != NONE)
		changes_of(a, sock);
}

void changes_made(const struct ref *r)
{
	uint64_t one = 1;

	if (!(sock_flags(r) & SOCK_F_WATCHED))
		return;
	changes_of(r->a, r->index);
	if (attach_ours(r->a) && write(r->a->poke, &one, sizeof(one)) < 0) {
		/* EAGAIN: the counter is at its limit, so it is readable: as good as written. */
	}
}

void changes_lost(struct attachment *a)
{
	take(a->region);
	atomic_fetch_add(&a->region->changes, CHANGES + 1);
	lock_give(&a->region->change);
}

void changes_read(struct attachment *a, uint64_t *seen, void (*on)(void *arg, uint32_t index),
                  void *arg)
{
	struct region *r = a->region;
	uint64_t end;

	if (atomic_load_explicit(&r->changes, memory_order_acquire) == *seen)
		return;
	take(r);
	end = atomic_load_explicit(&r->changes, memory_order_relaxed);
	if (end - *seen > CHANGES)
		on(arg, NONE);
	else
		for (; *seen != end; ++*seen)
			on(arg, region_changed(r)[*seen % CHANGES]);
	*seen = end;
	lock_give(&r->change);
}
