/* SPDX-License-Identifier: BSD-3-Clause */
/* Buffer memory in equal chunks, shared by all connections of a stack; O(1), pages are touched only when used. */
#pragma once
#include "base/assert.h"
#include "tcp/cfg.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chunks are named by index + 1, so that 0 means none. */
struct tcp_pool {
	uint8_t *base;
	uint32_t *freed; /* LIFO of returned chunks: the warmest is taken first */
	uint32_t nfreed;
	uint32_t fresh; /* chunks from here on were never taken */
	uint32_t total;
	uint32_t shift; /* log2 of the chunk size */
	uint32_t used;
	bool (*fails)(void *arg, enum tcp_alloc point); /* struct tcp_cfg's alloc_fails */
	void *fails_arg;
};

/* Bytes of each chunk, a power of two. */
static inline uint32_t tcp_pool_chunk_bytes(const struct tcp_pool *p)
{
	return 1u << p->shift;
}

/* A chunk, contents undefined; 0 when the pool is empty (or a test says so). */
static inline uint32_t tcp_pool_take(struct tcp_pool *p, enum tcp_alloc point)
{
	uint32_t c;

	if (p->fails && p->fails(p->fails_arg, point))
		return 0;
	if (p->nfreed)
		c = p->freed[--p->nfreed];
	else if (p->fresh < p->total)
		c = ++p->fresh;
	else
		return 0;
	p->used++;
	COYO_ASSERT(p->used <= p->total && c <= p->fresh);
	return c;
}

/* Gives a chunk back. It must have been taken from this pool and given back by nobody since; its contents are lost. */
static inline void tcp_pool_give(struct tcp_pool *p, uint32_t chunk)
{
	COYO_ASSERT(chunk && chunk <= p->fresh && p->used && p->nfreed < p->fresh);
	p->freed[p->nfreed++] = chunk;
	p->used--;
}

/* Chunks lie a cache line further apart than they are long: the beginnings, which small messages use, would else share a few places
 * of the cache. */
static inline size_t tcp_pool_stride(uint32_t shift)
{
	return ((size_t)1 << shift) + 64;
}

/* The chunk's first byte. chunk is a name that tcp_pool_take() returned, not 0; valid until it is given back. */
static inline uint8_t *tcp_pool_ptr(const struct tcp_pool *p, uint32_t chunk)
{
	return p->base + (chunk - 1) * tcp_pool_stride(p->shift);
}
