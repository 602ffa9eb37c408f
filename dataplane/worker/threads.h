/* SPDX-License-Identifier: BSD-3-Clause */
/* The threads that workers run on. */
#pragma once
#include <stddef.h>

struct dataplane;

/* Says which worker runs where. -EINVAL with a sentence: DPDK has fewer lcores than there are workers. */
int threads_prepare(struct dataplane *dp, char *err, size_t errcap);
/* Every worker begins to run. What fails has a sentence in err; threads_stop() either way. */
int threads_start(struct dataplane *dp, char *err, size_t errcap);
/* Tells all workers to end and waits until they have. */
void threads_stop(struct dataplane *dp);
