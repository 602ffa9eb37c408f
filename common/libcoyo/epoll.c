/* SPDX-License-Identifier: BSD-3-Clause */
/* Epoll sets of sockets and ordinary descriptors together. The descriptors are in a set of the kernel's, which has all that it can do; the sockets in
 * interest.c. A thread that waits sleeps on what events.c sleeps on, on the kernel's set, and on an eventfd of the set's own by which other threads
 * say that they have added something. */
#include "libcoyo/epoll.h"
#include "libcoyo/call.h"
#include "libcoyo/clock.h"
#include "libcoyo/coyo.h"
#include "libcoyo/events.h"
#include "libcoyo/fork.h"
#include "libcoyo/interest.h"
#include "libcoyo/release.h"
#include "libcoyo/sock.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define EPOLL_FIRST (1 << 28) /* no socket is as large */
#define EPOLLS      1024
#define RETRY_NS    (100 * NS_PER_MS)

_Static_assert(HANDLE_FIRST + (int64_t)ATTACHMENTS * HANDLE_STRIDE <= EPOLL_FIRST,
               "a number is a socket's or an epoll set's");

struct epoll {
	struct interest_set sockets;
	int kernel;                   /* the set of ordinary descriptors */
	int poke;                     /* readable: look again */
	_Atomic unsigned descriptors; /* how many were added to the kernel's, at most */
	_Atomic unsigned waiting, turn;
	unsigned users; /* threads in calls on it; under the lock */
	_Atomic bool closed;
};

static struct {
	pthread_mutex_t lock;
	struct epoll *at[EPOLLS];
} epolls = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- sets ---- */

static void destroy(struct epoll *p)
{
	interest_clear(&p->sockets);
	close(p->kernel);
	close(p->poke);
	free(p);
}

static struct epoll *make(void)
{
	struct epoll *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	interest_init(&p->sockets);
	p->kernel = epoll_create1(EPOLL_CLOEXEC);
	p->poke = p->kernel < 0 ? -1 : eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->poke >= 0)
		return p;
	if (p->kernel >= 0)
		close(p->kernel);
	free(p);
	return NULL;
}

/* The set, which stays until epoll_put(); *err says why there is none. */
static struct epoll *epoll_get(int handle, int *err)
{
	struct epoll *p = NULL;
	struct ref r;

	if (handle >= EPOLL_FIRST && handle < EPOLL_FIRST + EPOLLS) {
		pthread_mutex_lock(&epolls.lock);
		p = epolls.at[handle - EPOLL_FIRST];
		if (p)
			p->users++;
		pthread_mutex_unlock(&epolls.lock);
	}
	*err = p ? 0 : sock_find(handle, &r) == 0 ? -EINVAL : -EBADF;
	return p;
}

static void epoll_put(struct epoll *p)
{
	bool last;

	pthread_mutex_lock(&epolls.lock);
	last = --p->users == 0 && p->closed;
	pthread_mutex_unlock(&epolls.lock);
	if (last)
		destroy(p);
}

/* Threads that wait on the set look again. */
static void poke(struct epoll *p)
{
	uint64_t one = 1;

	if (atomic_load(&p->waiting) > 0 && write(p->poke, &one, sizeof(one)) < 0) {
		/* EAGAIN: the counter is at its limit, so it is readable: as good as written. */
	}
}

COYO_EXPORT int coyo_epoll_create1(int flags)
{
	struct epoll *p;
	int i = 0;

	if (flags & ~EPOLL_CLOEXEC)
		return (int)call_end(-EINVAL);
	fork_watch();
	p = make();
	if (!p)
		return -1;
	pthread_mutex_lock(&epolls.lock);
	while (i < EPOLLS && epolls.at[i])
		i++;
	if (i < EPOLLS)
		epolls.at[i] = p;
	pthread_mutex_unlock(&epolls.lock);
	if (i < EPOLLS)
		return EPOLL_FIRST + i;
	destroy(p);
	return (int)call_end(-EMFILE);
}

bool epoll_close(int handle, int *err)
{
	struct epoll *p = NULL;
	bool last = false;

	if (handle < EPOLL_FIRST || handle >= EPOLL_FIRST + EPOLLS)
		return false;
	pthread_mutex_lock(&epolls.lock);
	p = epolls.at[handle - EPOLL_FIRST];
	epolls.at[handle - EPOLL_FIRST] = NULL;
	if (p) {
		last = p->users == 0;
		atomic_store(&p->closed, true);
		poke(p);
	}
	pthread_mutex_unlock(&epolls.lock);
	if (last)
		destroy(p);
	*err = p ? 0 : -EBADF;
	return true;
}

COYO_EXPORT int coyo_epoll_ctl(int epoll, int op, int fd, struct epoll_event *event)
{
	int err;
	struct epoll *p = epoll_get(epoll, &err);

	if (!p)
		return (int)call_end(err);
	if (fd == epoll) {
		err = -EINVAL;
	} else if (fd >= EPOLL_FIRST && fd < EPOLL_FIRST + EPOLLS) {
		err = -EPERM;
	} else if (fd >= HANDLE_FIRST) {
		err = interest_ctl(&p->sockets, op, fd, event);
		poke(p);
	} else if (epoll_ctl(p->kernel, op, fd, event) < 0) {
		err = -errno;
	} else if (op == EPOLL_CTL_ADD) {
		atomic_fetch_add(&p->descriptors, 1);
		poke(p);
	} else if (op == EPOLL_CTL_DEL) {
		atomic_fetch_sub(&p->descriptors, 1);
	}
	epoll_put(p);
	return (int)call_end(err);
}

/* ---- waiting ---- */

struct waiter {
	struct epoll *p;
	struct epoll_event *out;
	int most, found;
	bool again;
};

static bool look(void *arg, bool arm)
{
	struct waiter *w = arg;

	(void)arm; /* what was not ready is told of by its worker, whether anyone sleeps or not */
	if (w->found == 0)
		w->found = interest_collect(&w->p->sockets, w->out, w->most, &w->again);
	return w->found > 0 || atomic_load(&w->p->closed);
}

/* Ordinary descriptors that have something, after what was found already. */
static void take_kernel(struct waiter *w)
{
	int n = 0;

	if (w->found < w->most)
		n = epoll_wait(w->p->kernel, w->out + w->found, w->most - w->found, 0);
	w->found += n > 0 ? n : 0;
}

/* Waits once. 0: look at w->found; or a negative errno. */
static int wait_once(struct waiter *w, int64_t deadline, const sigset_t *mask)
{
	struct pollfd fds[3] = {{.fd = w->p->kernel, .events = POLLIN},
	                        {.fd = w->p->poke, .events = POLLIN}};
	struct events_also also = {
	        .fds = fds, .n = 2, .first = atomic_load(&w->p->descriptors) > 0, .mask = mask};
	int64_t retry = clock_ns() + RETRY_NS;
	uint64_t count;
	int r;

	/* Each side is first every other time, so that neither keeps the other from being told. */
	if (also.first && (atomic_fetch_add(&w->p->turn, 1) & 1)) {
		take_kernel(w);
		if (w->found > 0) {
			struct waiter rest = {w->p, w->out + w->found, w->most - w->found, 0,
			                      false};

			if (rest.most > 0)
				events_wait(look, &rest, &(struct events_also){0}, 0);
			w->found += rest.found;
			return 0;
		}
	}
	look(w, false);
	r = events_wait(look, w, &also, w->again && retry < deadline ? retry : deadline);
	if (fds[1].revents && !atomic_load(&w->p->closed) &&
	    read(w->p->poke, &count, sizeof(count)) < 0) {
		/* Another thread has read it, and looks as well. */
	}
	if (fds[0].revents)
		take_kernel(w);
	return r == -EAGAIN && clock_ns() < deadline ? 0 : r;
}

static int wait_on(struct waiter *w, int timeout_ms, const sigset_t *mask)
{
	int64_t deadline = timeout_ms < 0    ? INT64_MAX
	                   : timeout_ms == 0 ? 0
	                                     : clock_ns() + timeout_ms * NS_PER_MS;
	int r;

	for (unsigned i = 0; i < attach_count(); i++)
		if (!attach_dead(attach_at(i)))
			release_orphans(i);
	atomic_fetch_add(&w->p->waiting, 1);
	do
		r = wait_once(w, deadline, mask);
	while (r == 0 && w->found == 0 && !atomic_load(&w->p->closed));
	atomic_fetch_sub(&w->p->waiting, 1);
	/* What is left may be another thread's. */
	if (interest_due(&w->p->sockets))
		poke(w->p);
	if (w->found > 0)
		return w->found;
	return r == -EAGAIN ? 0 : r < 0 ? r : -EBADF;
}

COYO_EXPORT int coyo_epoll_pwait(int epoll, struct epoll_event *events, int most, int timeout_ms,
                                 const sigset_t *mask)
{
	int err;
	struct waiter w = {.p = epoll_get(epoll, &err), .out = events, .most = most};

	if (!w.p)
		return (int)call_end(err);
	err = most < 1 ? -EINVAL : wait_on(&w, timeout_ms, mask);
	epoll_put(w.p);
	return (int)call_end(err);
}

COYO_EXPORT int coyo_epoll_wait(int epoll, struct epoll_event *events, int most, int timeout_ms)
{
	return coyo_epoll_pwait(epoll, events, most, timeout_ms, NULL);
}

/* ---- fork ---- */

void epoll_fork_lock(void)
{
	pthread_mutex_lock(&epolls.lock);
	interest_fork_lock();
}

/* The kernel's sets are shared with the parent, as sets are; threads that wait there are the parent's alone. */
void epoll_fork_unlock(bool child)
{
	for (int i = 0; child && i < EPOLLS; i++) {
		struct epoll *p = epolls.at[i];
		int own = p ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;

		if (!p)
			continue;
		p->users = 0;
		atomic_store(&p->waiting, 0);
		if (own >= 0) {
			dup3(own, p->poke, O_CLOEXEC);
			close(own);
		}
	}
	interest_fork_unlock();
	pthread_mutex_unlock(&epolls.lock);
}
