/* SPDX-License-Identifier: BSD-3-Clause */
/* Beginning and end of a worker's core: its rings, counters and wake-up. */
#pragma once
#include "core/state.h"

/* Makes worker `number` of all->cfg->workers; EAL and the pool exist. 0, or -ENOMEM: one sentence is in err, and worker_end() is due all the
 * same. */
int worker_init(struct worker *w, struct workers *all, unsigned number, char *err, size_t errcap);

/* Frees it, with the packets that others handed over; the threads of all workers have ended, and no room uses it any more. */
void worker_end(struct worker *w);
