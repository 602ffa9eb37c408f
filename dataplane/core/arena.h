/* SPDX-License-Identifier: BSD-3-Clause */
/* The memory of one worker's tables. Label-map chunks come from large pages where the kernel has them; their roots take memory by the page, as it
 * is written to; anything else comes from the heap. */
#pragma once
#include "table/ilm.h"

#include <stdbool.h>
#include <stdint.h>

struct arena_slab;

/* A zeroed arena is ready for use. One thread uses it. */
struct arena {
	bool dpdk;  /* EAL has huge pages, and everything but roots comes from its heap */
	int socket; /* whose memory, where dpdk is set */
	void *free; /* label-map chunks given back */
	struct arena_slab *slabs;
	uint8_t *at, *end; /* the unused rest of the newest slab */
	int64_t bytes;     /* handed out and not given back */
};

/* The two functions of a table_mem; arg is a struct arena. Returns n zeroed bytes on a cache line of their own, or NULL. */
void *arena_alloc(void *arg, size_t n);
/* Gives back what arena_alloc() returned for the same n. */
void arena_free(void *arg, void *p, size_t n);

/* Gives the slabs back to the system. No label-map chunk may be in use any more, and pieces of other sizes have been given back before. */
void arena_clear(struct arena *a);
