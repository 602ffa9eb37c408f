/* SPDX-License-Identifier: BSD-3-Clause */
/* Waiting for any of several things.
 *
 * The daemon wakes an application by one descriptor, on which any number of its threads and processes may sleep. If one of them read it, another
 * that was woken as well would find nothing to read and sleep on. So nobody reads it: each thread sleeps in an epoll set of its own, which tells
 * each write once (EPOLLET). Only what has long been told is read, so that the pipe does not fill. */
#include "libcoyo/events.h"
#include "libcoyo/changes.h"
#include "libcoyo/clock.h"
#include "libcoyo/lane.h"
#include "libcoyo/lock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Wakes that lie unread, at most: some hundred have room in what the daemon gives, and a wake without room would wake nobody. */
#define ARMED_MOST 64
#define WAKE_BYTES 8
#define LEFT_BYTES 256 /* how many of them are left at most */

/* ---- what workers say ---- */

/* A connection has come into a slot that was posted for it. Anything else is nonsense and changes nothing. */
static void accepted(struct attachment *a, uint32_t worker, const struct applane_msg *m)
{
	struct region *r = a->region;
	struct slot *slot;
	struct sock *s;

	if (m->slot >= r->layout.slots)
		return;
	lock_take(&r->table);
	slot = &region_slots(r)[m->slot];
	s = slot->state == SLOT_POSTED && slot->worker == worker ? &region_socks(r)[slot->sock]
	                                                         : NULL;
	if (s && s->token == m->token) {
		slot->state = SLOT_QUEUED;
		slot->port = m->port;
		slot->peer = m->id;
		slot->next = NONE;
		if (s->queued++ == 0)
			s->queue_first = m->slot;
		else
			region_slots(r)[s->queue_last].next = m->slot;
		s->queue_last = m->slot;
		changes_of(a, slot->sock);
	}
	lock_give(&r->table);
}

static void listener_gone(struct attachment *a, uint32_t token)
{
	struct region *r = a->region;

	lock_take(&r->table);
	for (uint32_t i = 0; i < r->socks_used; i++) {
		struct sock *s = &region_socks(r)[i];

		if ((atomic_load(&s->state) != SOCK_LISTENING &&
		     atomic_load(&s->state) != SOCK_BOUND) ||
		    s->token != token)
			continue;
		atomic_fetch_or(&s->flags, SOCK_F_GONE);
		changes_of(a, i);
	}
	lock_give(&r->table);
}

/* Whoever polls looks at all that it polls; epoll sets are told which sockets to look at. */
static void handle(struct attachment *a, uint32_t worker, const struct applane_msg *m)
{
	if (m->type == APPLANE_ACCEPTED)
		accepted(a, worker, m);
	else if (m->type == APPLANE_LISTENER_GONE)
		listener_gone(a, m->token);
	else if (m->type == APPLANE_READY)
		changes_of_slot(a, m->slot);
}

static void drain_lane(struct attachment *a, uint32_t worker)
{
	struct lane *l = &a->region->lane[worker];
	struct applane_msg m;
	const void *piece;
	unsigned n = 0;

	if (lock_take(&l->take))
		changes_lost(a);
	while (bytering_peek(&l->events, &piece) >= sizeof(m)) {
		memcpy(&m, piece, sizeof(m));
		bytering_consume(&l->events, sizeof(m));
		handle(a, worker, &m);
		n++;
	}
	if (unlikely_(atomic_load_explicit(&attach_lane(a, worker)->frees_missed,
	                                   memory_order_relaxed)) &&
	    atomic_exchange(&attach_lane(a, worker)->frees_missed, 0))
		changes_lost(a);
	/* Whoever lies about a lane is no daemon to go on with. */
	if (l->events.broken)
		atomic_store(&a->region->dead, 1);
	lock_give(&l->take);
	/* It may have stopped for want of room. */
	if (n >= APPLANE_MSGS / 2)
		lane_wake(a, worker);
}

void events_drain(void)
{
	for (unsigned i = 0; i < attach_count(); i++) {
		struct attachment *a = attach_at(i);

		for (uint32_t w = 0; w < a->region->layout.workers && !attach_dead(a); w++)
			drain_lane(a, w);
	}
}

/* ---- what threads sleep on ---- */

struct sleeper {
	int epoll;
	unsigned attachments; /* below this number: in the set */
	struct sleeper *next;
};

static struct {
	pthread_mutex_t lock;
	struct sleeper *all;
	struct sleeper *caller; /* what the caller's own loop sleeps on; no thread's */
	pthread_once_t once;
	pthread_key_t own;
} sleepers = {.lock = PTHREAD_MUTEX_INITIALIZER, .once = PTHREAD_ONCE_INIT};

static void sleeper_free(void *arg)
{
	struct sleeper *s = arg, **link = &sleepers.all;

	pthread_mutex_lock(&sleepers.lock);
	while (*link && *link != s)
		link = &(*link)->next;
	if (*link)
		*link = s->next;
	pthread_mutex_unlock(&sleepers.lock);
	close(s->epoll);
	free(s);
}

static void make_key(void)
{
	pthread_key_create(&sleepers.own, sleeper_free);
}

void events_fork_lock(void)
{
	pthread_mutex_lock(&sleepers.lock);
}

void events_fork_unlock(bool child)
{
	while (child && sleepers.all) {
		struct sleeper *s = sleepers.all;

		sleepers.all = s->next;
		close(s->epoll);
		if (pthread_getspecific(sleepers.own) == s)
			pthread_setspecific(sleepers.own, NULL);
		free(s);
	}
	if (child)
		sleepers.caller = NULL;
	pthread_mutex_unlock(&sleepers.lock);
}

static struct sleeper *sleeper_new(void)
{
	struct sleeper *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll < 0) {
		free(s);
		return NULL;
	}
	pthread_mutex_lock(&sleepers.lock);
	s->next = sleepers.all;
	sleepers.all = s;
	pthread_mutex_unlock(&sleepers.lock);
	return s;
}

/* connection_of: the attachment whose connection to the daemon it is, counted from 1; 0: something else. */
static int add(int epoll, int fd, uint32_t events, uint32_t connection_of)
{
	struct epoll_event e = {.events = events | EPOLLET, .data.u32 = connection_of};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0 && errno != EEXIST ? -errno : 0;
}

/* All attachments of a living daemon come into the set. 0 or a negative errno. */
static int fill(struct sleeper *s)
{
	while (s->attachments < attach_count()) {
		struct attachment *a = attach_at(s->attachments);

		if (!attach_dead(a) &&
		    (add(s->epoll, a->wake, EPOLLIN, 0) < 0 ||
		     add(s->epoll, a->poke, EPOLLIN, 0) < 0 ||
		     add(s->epoll, a->connection, EPOLLRDHUP, s->attachments + 1) < 0))
			return -errno;
		s->attachments++;
	}
	return 0;
}

/* This thread's. NULL with errno. */
static struct sleeper *sleeper_get(void)
{
	struct sleeper *s;

	pthread_once(&sleepers.once, make_key);
	s = pthread_getspecific(sleepers.own);
	if (!s) {
		s = sleeper_new();
		if (s && pthread_setspecific(sleepers.own, s) != 0) {
			sleeper_free(s);
			errno = ENOMEM;
			return NULL;
		}
	}
	return s && fill(s) == 0 ? s : NULL;
}

/* ---- sleeping ---- */

/* All but the last wakes are read: the descriptor stays readable, see above. */
static void read_wakes(struct attachment *a)
{
	char rest[LEFT_BYTES];
	int n;

	if (!attach_ours(a) || ioctl(a->wake, FIONREAD, &n) < 0)
		return;
	while (n > (int)sizeof(rest) + WAKE_BYTES) {
		ssize_t k = read(a->wake, rest, sizeof(rest));

		if (k <= 0)
			return;
		n -= (int)k;
	}
}

/* Workers wake the application, each once. Others that sleep may set and clear the same flags. The fence pairs with the workers' between a
 * message and their look at the flag: what comes after this is told, what came before is seen by a look that follows. Under the lock of
 * those that sleep. */
static void arm(struct attachment *a)
{
	struct region *r = a->region;

	for (uint32_t w = 0; w < r->layout.workers; w++)
		if (!atomic_exchange(&attach_lane(a, w)->app_asleep, 1))
			r->armed++;
	if (r->armed >= ARMED_MOST) {
		r->armed = 0;
		read_wakes(a);
	}
	atomic_thread_fence(memory_order_seq_cst);
}

/* From here on workers wake the application. */
static void enter(struct attachment *a)
{
	lock_take(&a->region->sleep);
	a->region->sleepers++;
	arm(a);
	lock_give(&a->region->sleep);
}

/* The last that sleeps takes the flags back, so that nobody writes to an application that is awake. */
static void leave(struct attachment *a)
{
	struct region *r = a->region;

	lock_take(&r->sleep);
	if (r->sleepers > 0 && --r->sleepers == 0)
		for (uint32_t w = 0; w < r->layout.workers; w++)
			atomic_exchange(&attach_lane(a, w)->app_asleep, 0);
	lock_give(&r->sleep);
}

/* Takes what the set has to tell, and waits for it. 0 or a negative errno. */
static int take_events(struct sleeper *s, int ms)
{
	struct epoll_event e[8];
	int k = epoll_wait(s->epoll, e, ARRAY_LEN(e), ms);

	for (int i = 0; i < k; i++)
		if (e[i].data.u32 > 0)
			attach_look(attach_at(e[i].data.u32 - 1));
	return k < 0 ? -errno : 0;
}

/* Sleeps in the kernel. 0 or a negative errno. */
static int doze(struct sleeper *s, const struct events_also *also, int64_t ns)
{
	struct timespec limit = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};
	struct pollfd *own = also->fds + also->n;
	int ms =
	        ns >= (int64_t)INT32_MAX * NS_PER_MS ? -1 : (int)((ns + NS_PER_MS - 1) / NS_PER_MS);

	int r;

	if (also->n == 0 && !also->mask)
		return take_events(s, ms);
	*own = (struct pollfd){.fd = s->epoll, .events = POLLIN};
	if (also->mask)
		r = ppoll(also->fds, also->n + 1, ms < 0 ? NULL : &limit, also->mask);
	else
		r = poll(also->fds, also->n + 1, ms);
	if (r < 0)
		return -errno;
	return own->revents ? take_events(s, 0) : 0;
}

static bool is_there(events_look look, void *arg, bool arm)
{
	events_drain();
	return look(arg, arm);
}

/* Sleeps until something has changed or the time is over, unless it is there already. 0 or a negative errno. */
static int sleep_once(struct sleeper *s, events_look look, void *arg,
                      const struct events_also *also, int64_t ns)
{
	unsigned attachments = attach_count();
	int r;

	for (unsigned i = 0; i < attachments; i++)
		if (!attach_dead(attach_at(i)))
			enter(attach_at(i));
	r = is_there(look, arg, true) ? 0 : doze(s, also, ns);
	for (unsigned i = 0; i < attachments; i++)
		if (!attach_dead(attach_at(i)))
			leave(attach_at(i));
	return r;
}

int events_wait(events_look look, void *arg, const struct events_also *also, int64_t deadline)
{
	for (;;) {
		bool there = is_there(look, arg, false);
		int r = also->first > 0 ? poll(also->fds, also->first, 0) : 0;
		struct sleeper *s;
		int64_t left;

		if (r < 0)
			return -errno;
		if (there || r > 0)
			return 0;
		left = deadline == INT64_MAX ? INT64_MAX : deadline > 0 ? deadline - clock_ns() : 0;
		if (left <= 0)
			return -EAGAIN;
		/* Each time: the process may have attached anew meanwhile. */
		s = sleeper_get();
		if (!s)
			return -errno;
		r = sleep_once(s, look, arg, also, left);
		if (r < 0)
			return r;
		for (unsigned i = also->first; i < also->n; i++)
			if (also->fds[i].revents)
				return 0;
	}
}

/* ---- the caller's own loop ---- */

int events_descriptor(void)
{
	struct sleeper *s;

	pthread_once(&sleepers.once, make_key);
	attach_lock();
	s = sleepers.caller;
	if (!s)
		s = sleepers.caller = sleeper_new();
	attach_unlock();
	return s ? s->epoll : -errno;
}

/* Nobody says when the caller stops sleeping, so it is counted as asleep from now on: a write to its descriptor is what it costs. */
static void enter_for_good(struct attachment *a)
{
	lock_take(&a->region->sleep);
	if (!a->watched)
		a->region->sleepers++;
	a->watched = true;
	arm(a);
	lock_give(&a->region->sleep);
}

int events_watch(events_look look, void *arg)
{
	struct sleeper *s;
	int r;

	attach_lock();
	s = sleepers.caller;
	r = s ? fill(s) : -EINVAL;
	if (r == 0)
		r = take_events(s, 0);
	for (unsigned i = 0; r == 0 && i < attach_count(); i++)
		if (!attach_dead(attach_at(i)))
			enter_for_good(attach_at(i));
	attach_unlock();
	if (r == 0)
		is_there(look, arg, true);
	return r;
}
