/* SPDX-License-Identifier: BSD-3-Clause */
/* Sets of eight places each. A place is written by whoever makes its number odd, and what was read counts if the number was even and the same
 * before and after. */
#include "libcoyo/preload/table.h"

#include <string.h>

/* The bytes come from hashes, or are counted up: the low ones differ. */
static uint32_t set_of_id(const uint8_t *b)
{
	return (b[NAMES_START_BYTES - 1] | (uint32_t)b[NAMES_START_BYTES - 2] << 8) % TABLE_SETS;
}

static uint32_t set_of_inode(uint64_t inode)
{
	return (uint32_t)(inode % TABLE_SETS);
}

/* Copies what a place holds. False: empty, or just being written. */
static bool take(struct table_way *w, void *out, size_t n)
{
	uint32_t seq = atomic_load_explicit(&w->seq, memory_order_acquire);

	if (seq == 0 || (seq & 1))
		return false;
	memcpy(out, &w->id, n);
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&w->seq, memory_order_relaxed) == seq;
}

/* False: somebody else writes there, or has died doing so. */
static bool put(struct table *t, struct table_way *w, const void *from, size_t n)
{
	uint32_t seq = atomic_load(&w->seq);

	if ((seq & 1) || !atomic_compare_exchange_strong(&w->seq, &seq, seq + 1))
		return false;
	atomic_thread_fence(memory_order_release);
	memcpy(&w->id, from, n);
	atomic_store_explicit(&w->used, atomic_fetch_add(&t->clock, 1) + 1, memory_order_relaxed);
	/* 0 means that it was never written, also after the number has gone round. */
	atomic_store_explicit(&w->seq, seq + 2 ? seq + 2 : 2, memory_order_release);
	return true;
}

/* Puts it where it was longest ago that something was written or found. */
static void put_oldest(struct table *t, struct table_way set[TABLE_WAYS], const void *from,
                       size_t n)
{
	for (unsigned tries = 0; tries < TABLE_WAYS; tries++) {
		uint32_t now = atomic_load(&t->clock), most = 0;
		struct table_way *oldest = NULL;

		for (unsigned i = 0; i < TABLE_WAYS; i++) {
			uint32_t seq = atomic_load(&set[i].seq);
			uint32_t age = seq == 0 ? UINT32_MAX : now - atomic_load(&set[i].used);

			if ((seq & 1) || (oldest && age <= most))
				continue;
			oldest = &set[i];
			most = age;
		}
		if (!oldest || put(t, oldest, from, n))
			return;
	}
}

static struct table_way *way_of(struct table_way set[TABLE_WAYS], const uint8_t *start,
                                struct node_id *id)
{
	for (unsigned i = 0; i < TABLE_WAYS; i++)
		if (take(&set[i], id, sizeof(*id)) && memcmp(id->b, start, NAMES_START_BYTES) == 0)
			return &set[i];
	return NULL;
}

bool table_id_of(struct table *t, const struct in6_addr *address, struct node_id *id)
{
	const uint8_t *start = address->s6_addr + 1;
	struct table_way *w = way_of(t->addresses[set_of_id(start)], start, id);

	if (w)
		atomic_store_explicit(&w->used, atomic_fetch_add(&t->clock, 1) + 1,
		                      memory_order_relaxed);
	return w != NULL;
}

void table_learn(struct table *t, const struct node_id *id)
{
	struct table_way *set = t->addresses[set_of_id(id->b)], *w;
	struct node_id there;

	w = way_of(set, id->b, &there);
	if (w && id_eq(&there, id))
		return;
	/* Two ids that begin with the same 120 bits: the newer name wins, and no address ever means both. */
	if (w)
		put(t, w, id, sizeof(*id));
	else
		put_oldest(t, set, id, sizeof(*id));
}

static struct table_way *way_of_inode(struct table_way set[TABLE_WAYS], uint64_t inode,
                                      struct table_end *end)
{
	for (unsigned i = 0; i < TABLE_WAYS; i++)
		if (take(&set[i], end, sizeof(*end)) && end->inode == inode)
			return &set[i];
	return NULL;
}

void table_end_learn(struct table *t, const struct table_end *end)
{
	struct table_way *set = t->ends[set_of_inode(end->inode)], *w;
	struct table_end there;

	w = way_of_inode(set, end->inode, &there);
	if (!w || !put(t, w, end, sizeof(*end)))
		put_oldest(t, set, end, sizeof(*end));
}

bool table_end_find(struct table *t, uint64_t inode, struct table_end *end)
{
	return way_of_inode(t->ends[set_of_inode(inode)], inode, end) != NULL;
}
