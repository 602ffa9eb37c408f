/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of one worker's tables: pieces of one size from large pages where the kernel has them, anything else as it comes. */
#pragma once
#include "table/ilm.h"

#include <stdbool.h>
#include <stdint.h>

struct arena_slab;

/* Zeroed: ready. One thread. */
struct arena {
	bool dpdk; /* EAL has huge pages: take everything from its heap, on this socket */
	int socket;
	void *free; /* label-map chunks given back */
	struct arena_slab *slabs;
	uint8_t *at, *end; /* unused rest of the newest slab */
	int64_t bytes;     /* handed out */
};

/* table_mem's functions; arg is a struct arena. */
void *arena_alloc(void *arg, size_t n);
void arena_free(void *arg, void *p, size_t n);

/* Returns everything; nothing handed out may be used any more. */
void arena_clear(struct arena *a);
