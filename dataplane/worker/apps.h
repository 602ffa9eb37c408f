/* SPDX-License-Identifier: BSD-3-Clause */
/* The application side as dp_start() and dp_stop() see it: one thread between applications and every worker's sessions. */
#pragma once
#include "dataplane.h"

#include <stddef.h>

struct apps;
struct sessions;

/* After every worker's sessions exist, before their threads run; sess[i] is worker i's. NULL: one sentence is in err. */
struct apps *apps_start(struct sessions *const *sess, unsigned workers, const struct dp_cfg *cfg,
                        char *err, size_t errcap);

/* Ends the thread and closes what applications hold, while the workers still run. */
void apps_stop(struct apps *a);

/* Frees it all; the workers' threads have ended, their sessions still exist. */
void apps_free(struct apps *a);
