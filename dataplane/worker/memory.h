/* SPDX-License-Identifier: BSD-3-Clause */
/* How much memory a data plane takes, told before anything of it exists. */
#pragma once
#include "dataplane.h"

#include <stddef.h>

struct memory {
	unsigned mbufs;       /* packet buffers */
	unsigned mbufs_least; /* with fewer nothing would flow */
	size_t mbuf_bytes;    /* of one, with all its headers */
	size_t dpdk_bytes;    /* everything taken from DPDK's memory */
	unsigned dpdk_mb;     /* DPDK is given memory_mb, or what it needs */
	size_t own_bytes;     /* ordinary memory that is written at the start */
};

/* Sums up what dp_start() takes for cfg. Calls nothing of DPDK that needs a started EAL. */
void memory_compute(const struct dp_cfg *cfg, struct memory *m);
/* Refuses what does not fit: memory_mb below the need, or a need beyond what this machine has to give now. 0, or -ENOMEM with a
 * sentence that has the numbers. */
int memory_check(const struct dp_cfg *cfg, const struct memory *m, char *err, size_t errcap);
