/* SPDX-License-Identifier: BSD-3-Clause */
/* poll() over sockets and ordinary descriptors together. */
#include "libcoyo/call.h"
#include "libcoyo/clock.h"
#include "libcoyo/coyo.h"
#include "libcoyo/events.h"
#include "libcoyo/listener.h"
#include "libcoyo/ready.h"
#include "libcoyo/release.h"

#include <stdlib.h>
#include <string.h>

#define ON_STACK 64

#define RETRY_NS (100 * NS_PER_MS)

struct polled {
	struct pollfd *fds;
	nfds_t n;
	int found;
	bool short_of_slots; /* a listener could not give a slot to each worker: nobody says when there is one */
};

/* Looks at all handles of the call, as poll() would: how many have something. */
static bool look(void *arg, bool arm)
{
	struct polled *p = arg;

	p->found = 0;
	for (nfds_t i = 0; i < p->n; i++) {
		struct pollfd *f = &p->fds[i];
		struct ref r;

		if (f->fd < HANDLE_FIRST)
			continue;
		if (sock_find(f->fd, &r) < 0) {
			f->revents = POLLNVAL;
			p->found++;
			continue;
		}
		if (atomic_load(&r.s->state) == SOCK_LISTENING)
			p->short_of_slots |= !listener_post(&r);
		f->revents = ready_look(&r, f->events, arm);
		p->found += f->revents != 0;
	}
	return p->found > 0;
}

/* The ordinary descriptors of the call, in their order. */
static unsigned split(const struct polled *p, struct pollfd *kernel)
{
	unsigned n = 0;

	for (nfds_t i = 0; i < p->n; i++)
		if (p->fds[i].fd < HANDLE_FIRST && p->fds[i].fd >= 0)
			kernel[n++] =
			        (struct pollfd){.fd = p->fds[i].fd, .events = p->fds[i].events};
	return n;
}

/* What the kernel has found goes back to the caller's array. How many have something. */
static int join(const struct polled *p, const struct pollfd *kernel)
{
	unsigned k = 0;
	int found = 0;

	for (nfds_t i = 0; i < p->n; i++) {
		if (p->fds[i].fd >= HANDLE_FIRST)
			continue;
		p->fds[i].revents = p->fds[i].fd >= 0 ? kernel[k++].revents : 0;
		found += p->fds[i].revents != 0;
	}
	return found;
}

COYO_EXPORT int coyo_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int64_t deadline = timeout_ms < 0    ? INT64_MAX
	                   : timeout_ms == 0 ? 0
	                                     : clock_ns() + timeout_ms * NS_PER_MS;
	struct pollfd few[ON_STACK + 1], *kernel = few;
	struct polled p = {.fds = fds, .n = n};
	struct events_also also = {0};
	int r;

	for (unsigned i = 0; i < attach_count(); i++)
		if (!attach_dead(attach_at(i)))
			release_orphans(i);
	if (n > ON_STACK && !(kernel = malloc((n + 1) * sizeof(*kernel))))
		return (int)call_end(-ENOMEM);
	also.fds = kernel;
	also.n = also.first = split(&p, kernel);
	do {
		int64_t retry = clock_ns() + RETRY_NS;

		p.short_of_slots = false;
		look(&p, false);
		r = events_wait(look, &p, &also,
		                p.short_of_slots && retry < deadline ? retry : deadline);
	} while (r == -EAGAIN && clock_ns() < deadline);
	if (r == 0 || r == -EAGAIN)
		r = p.found + join(&p, kernel);
	if (kernel != few)
		free(kernel);
	return (int)call_end(r);
}

COYO_EXPORT int coyo_fd(void)
{
	return (int)call_end(events_descriptor());
}

COYO_EXPORT int coyo_watch(struct pollfd *fds, nfds_t n)
{
	struct polled p = {.fds = fds, .n = n};
	int r;

	for (nfds_t i = 0; i < n; i++)
		if (fds[i].fd < HANDLE_FIRST)
			fds[i].revents = 0;
	r = events_watch(look, &p);
	return (int)call_end(r < 0 ? r : p.found);
}
