/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of one node: taken from the allocator that the node was given, and added up. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* The allocator of the daemon (malloc) or the simulator (counting, failing). free(arg, NULL) does nothing. */
struct node_alloc {
	void *(*alloc)(void *arg, size_t n); /* zeroed, or NULL */
	void (*free)(void *arg, void *p);
	void *arg;
};

struct mem {
	struct node_alloc from;
	size_t bytes;      /* taken and not given back */
	uint64_t *refused; /* counts the allocations that failed */
};

/* Zeroed memory, or NULL, counted as refused. Release with mem_free(). */
void *mem_alloc(struct mem *m, size_t size);
/* p: from mem_alloc() of the same m, or NULL. */
void mem_free(struct mem *m, void *p);
