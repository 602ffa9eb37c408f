/* SPDX-License-Identifier: BSD-3-Clause */
/* A map from 32-bit numbers to pointers, by open addressing with linear probing. Deletion leaves no tombstones. */
#pragma once
#include "base/cc.h"
#include "table/ilm.h"

struct u32map_slot {
	uint32_t key;
	void *value; /* NULL: free */
};

/* A zeroed map is empty. */
struct u32map {
	struct u32map_slot *slot;
	uint32_t mask; /* slots - 1 */
	uint32_t n;
};

/* The slot in which the search for a key begins. Multiplicative hashing lets neighbouring numbers land far apart. */
static inline uint32_t u32map_home(uint32_t key, uint32_t mask)
{
	uint64_t h = key * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(h >> 32) & mask;
}

/* The value of a key, or NULL. */
static inline void *u32map_get(const struct u32map *m, uint32_t key)
{
	if (unlikely_(!m->slot))
		return NULL;
	for (uint32_t i = u32map_home(key, m->mask); m->slot[i].value; i = (i + 1) & m->mask)
		if (m->slot[i].key == key)
			return m->slot[i].value;
	return NULL;
}

/* Adds a key with its value, which is not NULL. -EEXIST: the key is there already; -ENOMEM. After either nothing has changed. */
int u32map_add(struct u32map *m, const struct table_mem *mem, uint32_t key,
               void *value) COYO_NODISCARD;

/* Removes a key and returns its value, or NULL if there is none. The map never shrinks. */
void *u32map_del(struct u32map *m, uint32_t key);

/* Empties the map and gives its memory back. What the values point at stays the caller's. */
void u32map_clear(struct u32map *m, const struct table_mem *mem);
