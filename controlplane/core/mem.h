/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of one node: whoever runs it says where it comes from, and what is taken is added up. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Allocation as the daemon (malloc) or the simulator (counting, failing) wants it. free(arg, p) of NULL is nothing. */
struct node_alloc {
	void *(*alloc)(void *arg, size_t n); /* zeroed, or NULL */
	void (*free)(void *arg, void *p);
	void *arg;
};

struct mem {
	struct node_alloc from;
	size_t bytes;      /* taken and not given back */
	uint64_t *refused; /* counts the times that there was none */
};

/* Zeroed memory, or NULL, counted as refused. Release with mem_free(). */
void *mem_alloc(struct mem *m, size_t size);
/* p: from mem_alloc() of the same m, or NULL. */
void mem_free(struct mem *m, void *p);
