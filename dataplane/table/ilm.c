/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of the incoming label map; lookups are inline in the header. */
#include "table/ilm.h"
#include "base/assert.h"

#include <errno.h>

static bool valid(const struct cp_ilm *c)
{
	if (c->in_label <= LABEL_RESERVED_MAX || c->in_label > LABEL_MAX)
		return false;
	switch (c->op) {
	case ILM_SWAP:
		return c->out_label <= LABEL_MAX && c->out_link < CPDP_LINKS_MAX;
	case ILM_SESSION:
	case ILM_SINK:
		return true;
	default:
		return false;
	}
}

static struct ilm_chunk *chunk_for(struct ilm *t, const struct table_mem *mem, uint32_t label)
{
	struct ilm_chunk **slot;

	if (!t->chunk) {
		t->chunk = mem->alloc(mem->arg, ILM_ROOT_BYTES);
		if (!t->chunk)
			return NULL;
	}
	slot = &t->chunk[label >> ILM_CHUNK_BITS];
	if (!*slot) {
		*slot = mem->alloc(mem->arg, sizeof(struct ilm_chunk));
		t->chunks += *slot != NULL;
	}
	return *slot;
}

static void root_free_if_empty(struct ilm *t, const struct table_mem *mem)
{
	if (t->chunk && t->chunks == 0) {
		COYO_ASSERT(t->entries == 0);
		mem->free(mem->arg, t->chunk, ILM_ROOT_BYTES);
		t->chunk = NULL;
	}
}

int ilm_set(struct ilm *t, const struct table_mem *mem, const struct cp_ilm *c)
{
	struct ilm_chunk *k;
	struct ilm_entry *e;

	if (!valid(c))
		return -EINVAL;
	k = chunk_for(t, mem, c->in_label);
	if (!k) {
		root_free_if_empty(t, mem);
		return -ENOMEM;
	}
	e = &k->entry[c->in_label % ILM_CHUNK];
	if (!e->op) {
		uint32_t used = k->entry[0].used + 1;

		COYO_ASSERT(used <= ILM_CHUNK);
		*e = (struct ilm_entry){0};
		k->entry[0].used = used;
		t->entries++;
	}
	e->out = c->op == ILM_SWAP ? c->out_label : c->session;
	e->out_link = c->out_link;
	e->op = c->op;
	COYO_ASSERT(t->chunks <= t->entries); /* no chunk is kept for nothing */
	return 0;
}

int ilm_del(struct ilm *t, const struct table_mem *mem, uint32_t label)
{
	struct ilm_entry *e = ilm_get(t, label);
	struct ilm_chunk **slot;

	if (!e)
		return -ENOENT;
	slot = &t->chunk[label >> ILM_CHUNK_BITS];
	COYO_ASSERT(t->entries > 0 && t->chunks > 0 && (*slot)->entry[0].used > 0);
	e->op = 0;
	t->entries--;
	if (--(*slot)->entry[0].used == 0) {
		mem->free(mem->arg, *slot, sizeof(**slot));
		*slot = NULL;
		t->chunks--;
		root_free_if_empty(t, mem);
	}
	return 0;
}

void ilm_clear(struct ilm *t, const struct table_mem *mem)
{
	if (!t->chunk)
		return;
	for (uint32_t i = 0; i < ILM_CHUNKS; i++)
		if (t->chunk[i]) {
			COYO_ASSERT(t->chunks > 0);
			mem->free(mem->arg, t->chunk[i], sizeof(struct ilm_chunk));
			t->chunks--;
		}
	COYO_ASSERT(t->chunks == 0);
	t->entries = 0;
	root_free_if_empty(t, mem);
}
