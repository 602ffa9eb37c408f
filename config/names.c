/* SPDX-License-Identifier: BSD-3-Clause */
/* [names]: from name to id, and from id to name by halving, because every row of a view asks for some. */
#include "conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct node_id *conf_name_id(const struct conf *c, const char *name)
{
	for (uint32_t i = 0; i < c->nnames; i++)
		if (strcmp(c->names[i].name, name) == 0)
			return &c->names[i].id;
	return NULL;
}

/* By id; of several names for one id, the one that stands first in the file comes first. */
static int order(const void *a, const void *b)
{
	const struct conf_name *x = *(const struct conf_name *const *)a;
	const struct conf_name *y = *(const struct conf_name *const *)b;
	int by_id = id_cmp(&x->id, &y->id);

	return by_id ? by_id : x < y ? -1 : x > y;
}

int conf_names_index(struct conf *c)
{
	free(c->names_by_id);
	c->names_by_id = NULL;
	if (c->nnames == 0)
		return 0;
	c->names_by_id = malloc(c->nnames * sizeof(c->names_by_id[0]));
	if (!c->names_by_id)
		return -ENOMEM;
	for (uint32_t i = 0; i < c->nnames; i++)
		c->names_by_id[i] = &c->names[i];
	qsort(c->names_by_id, c->nnames, sizeof(c->names_by_id[0]), order);
	return 0;
}

const char *conf_id_name(const struct conf *c, const struct node_id *id)
{
	uint32_t lo = 0, hi = c->names_by_id ? c->nnames : 0;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (id_cmp(&c->names_by_id[mid]->id, id) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return c->names_by_id && lo < c->nnames && id_eq(&c->names_by_id[lo]->id, id)
	               ? c->names_by_id[lo]->name
	               : NULL;
}
