/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets between workers, one ring for each ordered pair; and the wake-up of a worker that sleeps. */
#pragma once
#include "core/burst.h"

#include <stdbool.h>

struct worker;

/* Gives m to another worker, which treats it by its packet.kind. If the ring is full or there is no such worker, m is dropped and counted. m is
 * not the caller's any more in either case. */
void handover(struct worker *w, unsigned to, struct rte_mbuf *m);

/* Wakes the workers that were given packets in this turn. To be called before this worker may sleep. */
void handover_wake(struct worker *w);

/* Takes as much of what worker `from` has handed over as the burst has room for. Frames become sealed packets of the burst, session packets
 * local ones, finished frames leaving ones. Returns how many packets. */
unsigned handover_take(struct worker *w, unsigned from, struct burst *b);

/* Whether packets of another worker wait. A worker asks before it sleeps, behind a full fence of its own. */
bool handover_waiting(const struct worker *w);

/* Wakes w by its eventfd if it has announced that it sleeps. Any thread may call it. A full fence stands between what the caller wrote before
 * and the look at the flag of w. */
void worker_wake(struct worker *w);
