/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of the number map. */
#include "table/u32map.h"
#include "base/assert.h"

#include <errno.h>

#define SLOTS_MIN 16

static void place(struct u32map_slot *slot, uint32_t mask, uint32_t key, void *value)
{
	uint32_t i = u32map_home(key, mask);

	COYO_ASSERT(value && !(mask & (mask + 1)));
	while (slot[i].value)
		i = (i + 1) & mask;
	slot[i] = (struct u32map_slot){key, value};
}

static int grow(struct u32map *m, const struct table_mem *mem)
{
	uint32_t old = m->slot ? m->mask + 1 : 0, slots = old ? old * 2 : SLOTS_MIN;
	struct u32map_slot *s;

	if (slots < old)
		return -ENOMEM;
	s = mem->alloc(mem->arg, slots * sizeof(*s));
	if (!s)
		return -ENOMEM;
	for (uint32_t i = 0; i < old; i++)
		if (m->slot[i].value)
			place(s, slots - 1, m->slot[i].key, m->slot[i].value);
	if (m->slot)
		mem->free(mem->arg, m->slot, old * sizeof(*s));
	m->slot = s;
	m->mask = slots - 1;
	return 0;
}

int u32map_add(struct u32map *m, const struct table_mem *mem, uint32_t key, void *value)
{
	if (u32map_get(m, key))
		return -EEXIST;
	/* The map is at most half full, so that probes stay short. */
	if (!m->slot || m->n >= (m->mask + 1) / 2) {
		int rc = grow(m, mem);

		if (rc)
			return rc;
	}
	/* A slot stays free, or a search for a key that is not there would not end. */
	COYO_ASSERT(m->n <= m->mask);
	place(m->slot, m->mask, key, value);
	m->n++;
	return 0;
}

void *u32map_del(struct u32map *m, uint32_t key)
{
	uint32_t i, hole;
	void *value;

	if (!m->slot)
		return NULL;
	for (i = u32map_home(key, m->mask); m->slot[i].key != key || !m->slot[i].value;
	     i = (i + 1) & m->mask)
		if (!m->slot[i].value)
			return NULL;
	value = m->slot[i].value;
	/* Moves into the hole whatever was placed behind it because its own slot, or one before the hole, was taken. */
	for (hole = i, i = (i + 1) & m->mask; m->slot[i].value; i = (i + 1) & m->mask) {
		uint32_t home = u32map_home(m->slot[i].key, m->mask);

		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->slot[hole] = m->slot[i];
			hole = i;
		}
	}
	COYO_ASSERT(m->n > 0);
	m->slot[hole].value = NULL;
	m->n--;
	return value;
}

void u32map_clear(struct u32map *m, const struct table_mem *mem)
{
	if (m->slot)
		mem->free(mem->arg, m->slot, (m->mask + 1) * sizeof(*m->slot));
	*m = (struct u32map){0};
}
