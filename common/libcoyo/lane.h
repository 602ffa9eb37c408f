/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages to a worker, and waking it where it sleeps. */
#pragma once
#include "libcoyo/attach.h"

/* Puts one message. Where the lane is full this waits up to a second for the worker. 0, -EAGAIN (it took nothing in all that time) or
 * -ECONNRESET (the daemon is gone). */
int lane_put(struct attachment *a, uint32_t worker, const struct applane_msg *m);
/* The same without waiting: -EAGAIN at once. */
int lane_try(struct attachment *a, uint32_t worker, const struct applane_msg *m);
/* The worker is to look at the slot's rings and flags: one message, unless one is under way. Never waits: where the lane is full, the worker
 * finds the slot by itself. */
void lane_kick(struct attachment *a, uint32_t worker, uint32_t slot);
/* One message at any rate: the one under way may have been lost with a process that was killed before it had put it. */
void lane_kick_again(struct attachment *a, uint32_t worker, uint32_t slot);
/* Messages lie there that the worker has not taken: a kick may be among them. */
bool lane_behind(struct attachment *a, uint32_t worker);
/* Wakes the worker where it sleeps: it is to look at its lane again. */
void lane_wake(struct attachment *a, uint32_t worker);
