/* SPDX-License-Identifier: BSD-3-Clause */
/* A label map that cannot be wrong: a list of what was set, searched from the front. */
#pragma once
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <stdlib.h>

struct label_twin {
	struct cp_ilm *row;
	uint64_t *packets, *bytes;
	unsigned n, cap;
};

static inline int label_twin_find(const struct label_twin *t, uint32_t label)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->row[i].in_label == label)
			return (int)i;
	return -1;
}

/* False: refused. */
static inline bool label_twin_set(struct label_twin *t, const struct cp_ilm *c)
{
	int i = label_twin_find(t, c->in_label);

	if (c->in_label < 16 || c->in_label >= 1u << 20 || c->op < 1 || c->op > 3)
		return false;
	if (c->op == ILM_SWAP && (c->out_label >= 1u << 20 || c->out_link >= CPDP_LINKS_MAX))
		return false;
	if (i < 0) {
		if (t->n == t->cap) {
			t->cap = t->cap ? 2 * t->cap : 64;
			t->row = realloc(t->row, t->cap * sizeof(*t->row));
			t->packets = realloc(t->packets, t->cap * sizeof(*t->packets));
			t->bytes = realloc(t->bytes, t->cap * sizeof(*t->bytes));
		}
		i = (int)t->n++;
		t->packets[i] = t->bytes[i] = 0;
	}
	t->row[i] = *c;
	return true;
}

static inline bool label_twin_del(struct label_twin *t, uint32_t label)
{
	int i = label_twin_find(t, label);

	if (i < 0)
		return false;
	t->n--;
	t->row[i] = t->row[t->n];
	t->packets[i] = t->packets[t->n];
	t->bytes[i] = t->bytes[t->n];
	return true;
}

static inline void label_twin_free(struct label_twin *t)
{
	free(t->row);
	free(t->packets);
	free(t->bytes);
}
