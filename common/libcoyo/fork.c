/* SPDX-License-Identifier: BSD-3-Clause */
/* What fork() does to sockets. Memory, descriptors and views are inherited as they are; what is left is to say that the child holds the sockets
 * too, before its parent can close one, and to forget what only the parent's threads slept on. */
#include "libcoyo/fork.h"
#include "libcoyo/attach.h"
#include "libcoyo/door.h"
#include "libcoyo/epoll.h"
#include "libcoyo/events.h"
#include "libcoyo/seat.h"

#include <pthread.h>

static unsigned promised[ATTACHMENTS];

static void before(void)
{
	attach_lock();
	door_lock();
	events_fork_lock();
	epoll_fork_lock();
	for (unsigned i = 0; i < attach_count(); i++)
		if (!attach_dead(attach_at(i)))
			promised[i] = seat_promise(attach_at(i)->region, attach_at(i)->seat);
		else
			promised[i] = SEATS;
}

static void in_parent(void)
{
	epoll_fork_unlock(false);
	events_fork_unlock(false);
	door_unlock();
	attach_unlock();
}

static void in_child(void)
{
	for (unsigned i = 0; i < attach_count(); i++) {
		struct attachment *a = attach_at(i);

		a->seat = promised[i];
		a->watched = false;
		if (attach_ours(a))
			seat_claim(a->region, a->memory, a->seat);
	}
	epoll_fork_unlock(true);
	events_fork_unlock(true);
	door_unlock();
	attach_unlock();
}

static void watch(void)
{
	pthread_atfork(before, in_parent, in_child);
}

void fork_watch(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch);
}
