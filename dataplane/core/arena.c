/* SPDX-License-Identifier: BSD-3-Clause */
/* Label-map chunks are cut from slabs of two megabytes that the kernel may back with one huge page: a million labels then cost few TLB misses. */
#include "core/arena.h"
#include "base/assert.h"

#include <rte_malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PIECE      sizeof(struct ilm_chunk)
#define SLAB_FIRST (16 * PIECE) /* so that a node with few tunnels takes little memory */
#define SLAB_BYTES (2u << 20)

struct arena_slab {
	struct arena_slab *next;
	void *base;
	size_t bytes;
};

/* syscalls: madvise */
static bool slab_add(struct arena *a)
{
	size_t bytes = a->slabs ? SLAB_BYTES : SLAB_FIRST;
	struct arena_slab *s = malloc(sizeof(*s));

	if (!s)
		return false;
	s->base = aligned_alloc(a->slabs ? SLAB_BYTES : 4096, bytes);
	if (!s->base) {
		free(s);
		return false;
	}
	if (a->slabs)
		(void)madvise(s->base, bytes, MADV_HUGEPAGE);
	s->bytes = bytes;
	s->next = a->slabs;
	a->slabs = s;
	a->at = s->base;
	a->end = a->at + bytes;
	return true;
}

static void *piece(struct arena *a)
{
	void *p = a->free;

	if (p) {
		memcpy(&a->free, p, sizeof(a->free));
		return p;
	}
	if (a->at == a->end && !slab_add(a))
		return NULL;
	p = a->at;
	a->at += PIECE;
	COYO_ASSERT(a->at <= a->end);
	return p;
}

/* Zeroed pages that take memory one by one, when they are first written to: not from huge pages, which would take all of it at once.
 * syscalls: mmap madvise */
static void *lazy(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	(void)madvise(p, n, MADV_NOHUGEPAGE);
	return p;
}

void *arena_alloc(void *arg, size_t n)
{
	struct arena *a = arg;
	void *p;

	if (n == ILM_ROOT_BYTES)
		p = lazy(n);
	else if (a->dpdk)
		p = rte_zmalloc_socket(NULL, n, 64, a->socket);
	else if (n == PIECE)
		p = piece(a);
	else
		p = aligned_alloc(64, (n + 63) & ~(size_t)63);
	if (!p)
		return NULL;
	if (!a->dpdk && n != ILM_ROOT_BYTES)
		memset(p, 0, n);
	a->bytes += (int64_t)n;
	return p;
}

/* syscalls: munmap */
void arena_free(void *arg, void *p, size_t n)
{
	struct arena *a = arg;

	a->bytes -= (int64_t)n;
	COYO_ASSERT(p && a->bytes >= 0);
	if (n == ILM_ROOT_BYTES) {
		munmap(p, n);
	} else if (a->dpdk) {
		rte_free(p);
	} else if (n == PIECE) {
		memcpy(p, &a->free, sizeof(a->free));
		a->free = p;
	} else {
		free(p);
	}
}

void arena_clear(struct arena *a)
{
	while (a->slabs) {
		struct arena_slab *s = a->slabs;

		a->slabs = s->next;
		free(s->base);
		free(s);
	}
	a->free = NULL;
	a->at = a->end = NULL;
}
_Static_assert(SLAB_BYTES % PIECE == 0, "slabs are cut without rest");
