/* SPDX-License-Identifier: BSD-3-Clause */
/* Pieces one behind the other, each with a head; freed ones wait in a queue of their size, so that the oldest is used again first. */
#define ARENA_ITSELF
#include "arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || (defined(__clang__) && __has_feature(address_sanitizer))
#include <sanitizer/asan_interface.h>
#define HIDE(p, n) __asan_poison_memory_region(p, n)
#define SHOW(p, n) __asan_unpoison_memory_region(p, n)
#define UNCHECKED  __attribute__((no_sanitize("address")))
#else
#define HIDE(p, n) ((void)(p), (void)(n))
#define SHOW(p, n) ((void)(p), (void)(n))
#define UNCHECKED
#endif

#define ARENA_BYTES ((size_t)96 << 20)
#define HEAD        32 /* the piece's head, and a gap that no program may touch */
#define STEP        32
#define SMALL       128 /* sizes of up to so many steps have a queue each, then powers of two */
#define QUEUES      (SMALL + 32)

struct head {
	struct head *next; /* of a free piece */
	uint32_t queue;
	uint32_t size; /* bytes in use, UINT32_MAX: free */
};

struct queue {
	struct head *first, *last;
};

static struct {
	size_t top;
	struct queue queue[QUEUES];
} now, kept;

static _Alignas(64) uint8_t arena[ARENA_BYTES];
static uint8_t *copy;

static uint32_t queue_of(size_t n, size_t *room)
{
	size_t steps = (n + STEP - 1) / STEP + 1;
	uint32_t q = SMALL;

	if (steps <= SMALL) {
		*room = steps * STEP;
		return (uint32_t)steps - 1;
	}
	for (*room = (size_t)SMALL * STEP; *room < n + STEP; *room *= 2)
		q++;
	return q;
}

UNCHECKED static struct head *take(uint32_t q, size_t room)
{
	struct head *h = now.queue[q].first;

	if (h) {
		now.queue[q].first = h->next;
		return h;
	}
	if (now.top + HEAD + room > ARENA_BYTES) {
		fputs("arena: full\n", stderr);
		abort();
	}
	h = (struct head *)(arena + now.top);
	now.top += HEAD + room;
	h->queue = q;
	HIDE(h, HEAD + room);
	return h;
}

UNCHECKED void *arena_malloc(size_t n)
{
	size_t room;
	uint32_t q = queue_of(n, &room);
	struct head *h = take(q, room);

	h->size = (uint32_t)n;
	SHOW((uint8_t *)h + HEAD, n);
	return (uint8_t *)h + HEAD;
}

void *arena_calloc(size_t k, size_t n)
{
	void *p = arena_malloc(k * n);

	return memset(p, 0, k * n);
}

UNCHECKED void arena_free(void *p)
{
	struct head *h;
	struct queue *q;

	if (!p)
		return;
	h = (struct head *)((uint8_t *)p - HEAD);
	if (h->size == UINT32_MAX) {
		fputs("arena: freed twice\n", stderr);
		abort();
	}
	HIDE(p, h->size);
	h->size = UINT32_MAX;
	h->next = NULL;
	q = &now.queue[h->queue];
	if (q->first)
		q->last->next = h;
	else
		q->first = h;
	q->last = h;
}

UNCHECKED void *arena_realloc(void *p, size_t n)
{
	void *to = arena_malloc(n);

	if (p) {
		const struct head *h = (const struct head *)((uint8_t *)p - HEAD);

		memcpy(to, p, h->size < n ? h->size : n);
		arena_free(p);
	}
	return to;
}

UNCHECKED void arena_keep(void)
{
	kept = now;
	copy = malloc(now.top);
	if (!copy)
		abort();
	for (size_t i = 0; i < now.top; i++) /* not by memcpy(), which would see what is hidden */
		copy[i] = arena[i];
}

UNCHECKED void arena_restore(void)
{
	size_t at = 0, room;

	SHOW(arena, kept.top);
	memcpy(arena, copy, kept.top);
	HIDE(arena, now.top);
	now = kept;
	while (at < now.top) {
		const struct head *h = (const struct head *)(arena + at);

		room = h->queue < SMALL ? ((size_t)h->queue + 1) * STEP
		                        : (size_t)SMALL * STEP << (h->queue - SMALL);
		if (h->size != UINT32_MAX)
			SHOW(arena + at + HEAD, h->size);
		at += HEAD + room;
	}
}
