/* SPDX-License-Identifier: BSD-3-Clause */
/* A set of node ids, sorted: few changes, many look-ups. */
#include "peer/idset.h"

#include <errno.h>
#include <string.h>

/* Index of the first id that is not below this one. */
static uint32_t place_of(const struct idset *s, const struct node_id *id)
{
	uint32_t lo = 0, hi = s->count;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (id_cmp(&s->v[mid], id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool idset_has(const struct idset *s, const struct node_id *id)
{
	uint32_t i = place_of(s, id);

	return i < s->count && id_eq(&s->v[i], id);
}

int idset_add(struct node *n, struct idset *s, const struct node_id *id)
{
	uint32_t i = place_of(s, id);

	if (i < s->count && id_eq(&s->v[i], id))
		return 0;
	if (s->count == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 8;
		struct node_id *v = ctx_alloc(n, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		if (s->count)
			memcpy(v, s->v, s->count * sizeof(*v));
		ctx_free(n, s->v);
		s->v = v;
		s->cap = cap;
	}
	memmove(&s->v[i + 1], &s->v[i], (s->count - i) * sizeof(*s->v));
	s->v[i] = *id;
	s->count++;
	return 0;
}

void idset_remove(struct idset *s, const struct node_id *id)
{
	uint32_t i = place_of(s, id);

	if (i == s->count || !id_eq(&s->v[i], id))
		return;
	s->count--;
	memmove(&s->v[i], &s->v[i + 1], (s->count - i) * sizeof(*s->v));
}

void idset_free(struct node *n, struct idset *s)
{
	ctx_free(n, s->v);
	*s = (struct idset){0};
}
