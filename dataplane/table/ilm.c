/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of the incoming label map; lookups are inline in the header. */
#include "table/ilm.h"

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
		t->chunk = mem->alloc(mem->arg, ILM_CHUNKS * sizeof(struct ilm_chunk *));
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
		mem->free(mem->arg, t->chunk, ILM_CHUNKS * sizeof(struct ilm_chunk *));
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
		k->use[c->in_label % ILM_CHUNK] = (struct ilm_use){0};
		k->used++;
		t->entries++;
	}
	*e = (struct ilm_entry){
	        .out = c->op == ILM_SWAP ? c->out_label : c->session,
	        .out_link = c->out_link,
	        .op = c->op,
	        .twin_label = c->twin_label,
	        .twin_link = c->twin_link,
	};
	return 0;
}

int ilm_del(struct ilm *t, const struct table_mem *mem, uint32_t label)
{
	struct ilm_chunk *k;

	if (!ilm_get(t, label))
		return -ENOENT;
	k = t->chunk[label >> ILM_CHUNK_BITS];
	k->entry[label % ILM_CHUNK].op = 0;
	t->entries--;
	if (--k->used == 0) {
		t->chunk[label >> ILM_CHUNK_BITS] = NULL;
		t->chunks--;
		mem->free(mem->arg, k, sizeof(*k));
		root_free_if_empty(t, mem);
	}
	return 0;
}

void ilm_clear(struct ilm *t, const struct table_mem *mem)
{
	if (!t->chunk)
		return;
	for (uint32_t i = 0; i < ILM_CHUNKS; i++)
		if (t->chunk[i])
			mem->free(mem->arg, t->chunk[i], sizeof(struct ilm_chunk));
	t->chunks = 0;
	t->entries = 0;
	root_free_if_empty(t, mem);
}
