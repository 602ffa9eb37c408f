/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets between workers, one ring for each ordered pair; and the wake-up of a worker that sleeps. */
#pragma once
#include "core/burst.h"

#include <stdbool.h>

struct worker;

/* Gives m to another worker, which treats it by its packet.kind. A full ring, or a worker that does not exist, is a counted drop. Takes m. */
void handover(struct worker *w, unsigned to, struct rte_mbuf *m);

/* Wakes the workers that were given packets in this turn; call it before this worker may sleep. */
void handover_wake(struct worker *w);

/* Takes what worker `from` handed over, as much as the burst has room for: frames become sealed, session packets local, finished frames
 * leaving packets of the burst. Returns packets. */
unsigned handover_take(struct worker *w, unsigned from, struct burst *b);

/* True when another worker's packets wait. Asked before sleep, behind a full fence of the caller's. */
bool handover_waiting(const struct worker *w);

/* Writes the eventfd of a worker that announced sleep; any thread. A full fence stands between what the caller wrote before and the
 * look at the worker's flag. */
void worker_wake(struct worker *w);
