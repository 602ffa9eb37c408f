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

/* table_mem's functions; arg is a struct arena. n zeroed bytes on a cache line of their own, or NULL. */
void *arena_alloc(void *arg, size_t n);
/* Gives back what arena_alloc() returned for the same n. */
void arena_free(void *arg, void *p, size_t n);

/* Gives the slabs back to the system: no label-map chunk may be used any more. Pieces of other sizes have been given back before. */
void arena_clear(struct arena *a);
