/* SPDX-License-Identifier: BSD-3-Clause */
/* One application of the daemon: the segment as this process has it mapped. A process attaches with its first socket, and anew where the daemon
 * has ended since; what forks inherits all of it. */
#pragma once
#include "base/cc.h"
#include "ipc/appabi.h"
#include "libcoyo/region.h"

#include <sys/types.h>

#define ATTACHMENTS \
	1024 /* in the life of one process: one more each time that the daemon was restarted */

struct attachment {
	struct region *region;
	uint8_t *segment;
	int connection; /* its end is the application's */
	int memory;     /* the segment's file */
	/* What these two are, by which another file under the same number is told from them. */
	dev_t connection_dev, memory_dev;
	ino_t connection_ino, memory_ino;
	int wake; /* readable when the daemon wakes the application */
	int poke; /* an eventfd of the application's own: wakes those of its threads that poll */
	int worker[APPLANE_WORKERS_MAX]; /* eventfds */
	unsigned door;                   /* door_now() when it was made */
	unsigned seat;                   /* this process's; SEATS: none was left */
	bool watched; /* the caller's own loop sleeps on what events_descriptor() returned */
	/* This process has no descriptors of it any more: the daemon has ended, or the program has closed them as if they were its own. */
	_Atomic bool closed;
};

/* The attachment that new sockets belong to, made where there is none. NULL with errno: ETIMEDOUT, if the daemon does not answer for five
 * seconds. *index names it. */
struct attachment *attach_get(unsigned *index) COYO_NODISCARD;
/* The attachment with this index, or NULL. */
struct attachment *attach_at(unsigned index);
/* How many there are: their indices are below it. */
unsigned attach_count(void);

/* One request and its answer on the attachment's connection. 0 or a negative errno: -ETIMEDOUT, if none has come for five seconds; then one that
 * comes later is nobody's, and a listener that it tells of is ended. */
int attach_ask(struct attachment *a, const struct app_request *req, struct app_answer *ans);
/* Looks whether the daemon has ended, or this process has lost its descriptors; true: it has. A system call, for threads that wait. */
bool attach_look(struct attachment *a);
/* Whether this process still has its descriptors: a program may have closed them as if they were its own, and opened others under their
 * numbers. System calls. */
bool attach_ours(struct attachment *a);
/* What attach_look() says, from memory, as it was last seen. */
static inline bool attach_dead(const struct attachment *a)
{
	return atomic_load_explicit(&a->closed, memory_order_relaxed) ||
	       atomic_load_explicit(&a->region->dead, memory_order_acquire);
}

/* Words of a slot in the segment. */
static inline struct appseg_slot *attach_slot(const struct attachment *a, uint32_t slot)
{
	return (struct appseg_slot *)(a->segment + appseg_words_at(&a->region->layout, slot));
}
/* A worker's lane in it. */
static inline struct applane *attach_lane(const struct attachment *a, uint32_t worker)
{
	return (struct applane *)(a->segment + appseg_lane_at(worker));
}

/* Takes the lock that guards this process's list of attachments: fork() holds it. */
void attach_lock(void);
/* Gives it back. */
void attach_unlock(void);
