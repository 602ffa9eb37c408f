/* SPDX-License-Identifier: BSD-3-Clause */
/* The table: rows in the order in which they came, and two sorted lists of their numbers. */
#include "names/names.h"

#include "base/assert.h"

#include <errno.h>
#include <stdlib.h>

/* The first place in the list whose row is not below the name. */
static uint32_t place_of_name(const struct names *t, const char *name)
{
	uint32_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (strcmp(t->rows[t->by_name[mid]].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The first place in the list whose row's id is not below (behind: is above) the first n bytes of id. */
static uint32_t place_of_id(const struct names *t, const uint8_t *id, size_t n, bool behind)
{
	uint32_t lo = 0, hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (memcmp(t->rows[t->by_id[mid]].id.b, id, n) < (behind ? 1 : 0))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void insert(uint32_t *list, uint32_t n, uint32_t at, uint32_t row)
{
	memmove(list + at + 1, list + at, (n - at) * sizeof(*list));
	list[at] = row;
}

static int grow(struct names *t)
{
	uint32_t cap = t->cap ? 2 * t->cap : 16;
	struct names_row *rows = realloc(t->rows, cap * sizeof(*rows));
	uint32_t *by_name, *by_id;

	if (rows)
		t->rows = rows;
	by_name = realloc(t->by_name, cap * sizeof(*by_name));
	if (by_name)
		t->by_name = by_name;
	by_id = realloc(t->by_id, cap * sizeof(*by_id));
	if (by_id)
		t->by_id = by_id;
	if (!rows || !by_name || !by_id)
		return -ENOMEM;
	t->cap = cap;
	return 0;
}

int names_add(struct names *t, const char *name, const struct node_id *id)
{
	const struct names_row *known = names_find(t, name);
	struct names_row *row;

	COYO_ASSERT(*name && strlen(name) <= NAMES_NAME_MAX);
	if (known)
		return id_eq(&known->id, id) ? -EALREADY : -EEXIST;
	if (t->n == NAMES_MAX)
		return -ENOSPC;
	if (t->n == t->cap && grow(t) != 0)
		return -ENOMEM;
	row = &t->rows[t->n];
	memset(row, 0, sizeof(*row));
	memcpy(row->name, name, strlen(name));
	row->id = *id;
	insert(t->by_name, t->n, place_of_name(t, name), t->n);
	insert(t->by_id, t->n, place_of_id(t, id->b, ID_BYTES, true), t->n);
	t->n++;
	return 0;
}

const struct names_row *names_find(const struct names *t, const char *name)
{
	uint32_t at = place_of_name(t, name);
	const struct names_row *row = at < t->n ? &t->rows[t->by_name[at]] : NULL;

	return row && strcmp(row->name, name) == 0 ? row : NULL;
}

static const struct names_row *of_first_bytes(const struct names *t, const uint8_t *id, size_t n)
{
	uint32_t at = place_of_id(t, id, n, false);
	const struct names_row *row = at < t->n ? &t->rows[t->by_id[at]] : NULL;

	return row && memcmp(row->id.b, id, n) == 0 ? row : NULL;
}

const struct names_row *names_of(const struct names *t, const struct node_id *id)
{
	return of_first_bytes(t, id->b, ID_BYTES);
}

const struct names_row *names_of_start(const struct names *t, const uint8_t start[15])
{
	return of_first_bytes(t, start, 15);
}

const struct names_row *names_after(const struct names *t, const char *name)
{
	uint32_t at = place_of_name(t, name);

	if (at < t->n && strcmp(t->rows[t->by_name[at]].name, name) == 0)
		at++;
	return at < t->n ? &t->rows[t->by_name[at]] : NULL;
}

struct names *names_clone(const struct names *from)
{
	struct names *t = calloc(1, sizeof(*t));
	uint32_t n = from->n;

	if (!t || n == 0)
		return t;
	*t = (struct names){.rows = malloc(n * sizeof(*t->rows)),
	                    .by_name = malloc(n * sizeof(*t->by_name)),
	                    .by_id = malloc(n * sizeof(*t->by_id)),
	                    .n = n,
	                    .cap = n};
	if (!t->rows || !t->by_name || !t->by_id) {
		names_discard(t);
		return NULL;
	}
	memcpy(t->rows, from->rows, n * sizeof(*t->rows));
	memcpy(t->by_name, from->by_name, n * sizeof(*t->by_name));
	memcpy(t->by_id, from->by_id, n * sizeof(*t->by_id));
	return t;
}

void names_discard(struct names *t)
{
	if (t)
		names_free(t);
	free(t);
}

void names_free(struct names *t)
{
	free(t->rows);
	free(t->by_name);
	free(t->by_id);
	*t = (struct names){0};
}
