/* SPDX-License-Identifier: BSD-3-Clause */
/* Which sockets are in which epoll sets of this process, and which of them have to be looked at: those that have changed, and those that were ready
 * when they were last looked at. All others wait for a worker to say something, and cost nothing. */
#pragma once
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/queue.h>

struct interest;
TAILQ_HEAD(interest_list, interest);

/* The sockets of one epoll set. */
struct interest_set {
	struct interest_list all, due; /* due: to be looked at */
};

/* An empty set. */
void interest_init(struct interest_set *s);
/* epoll_ctl() of a socket's handle: 0 or a negative errno. */
int interest_ctl(struct interest_set *s, int op, int handle, const struct epoll_event *e);
/* Looks at what is due, and tells of up to `most` that are ready. A socket that is not is due again when a worker says so. *again: one has to be
 * looked at after a while, as nobody will say when it is ready. */
int interest_collect(struct interest_set *s, struct epoll_event *out, int most, bool *again);
/* Something is due. */
bool interest_due(struct interest_set *s);
/* The handle is closed: no set has it any more. */
void interest_forget(int handle);
/* No handle is in the set any more. */
void interest_clear(struct interest_set *s);

/* Before fork(). */
void interest_fork_lock(void);
/* After it, in both. */
void interest_fork_unlock(void);
