/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of names against its twin, a list that is searched from its beginning: both get the same random names. */
#include "base/rng.h"
#include "names/names.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROWS 600

struct twin {
	struct names_row row[ROWS];
	uint32_t n;
};

static int twin_add(struct twin *t, const char *name, const struct node_id *id)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->row[i].name, name) == 0)
			return id_eq(&t->row[i].id, id) ? -EALREADY : -EEXIST;
	if (t->n == ROWS)
		return -ENOSPC;
	snprintf(t->row[t->n].name, sizeof(t->row[0].name), "%s", name);
	t->row[t->n++].id = *id;
	return 0;
}

static const char *twin_find(const struct twin *t, const char *name)
{
	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->row[i].name, name) == 0)
			return t->row[i].name;
	return NULL;
}

static const char *twin_of(const struct twin *t, const uint8_t *id, size_t n)
{
	const struct names_row *best = NULL;

	/* Of ids that begin alike the lowest, of one id's names the first that came. */
	for (uint32_t i = 0; i < t->n; i++)
		if (memcmp(t->row[i].id.b, id, n) == 0 &&
		    (!best || id_cmp(&t->row[i].id, &best->id) < 0))
			best = &t->row[i];
	return best ? best->name : NULL;
}

static const char *twin_after(const struct twin *t, const char *name)
{
	const char *best = NULL;

	for (uint32_t i = 0; i < t->n; i++)
		if (strcmp(t->row[i].name, name) > 0 && (!best || strcmp(t->row[i].name, best) < 0))
			best = t->row[i].name;
	return best;
}

static void same(const struct names_row *row, const char *name)
{
	assert_int_equal(row != NULL, name != NULL);
	if (row)
		assert_string_equal(row->name, name);
}

/* Few letters and few different bytes, so that names repeat, begin alike and share ids. */
static void any_name(const struct rng *r, char name[8])
{
	size_t n = 1 + rng_below(r, 5);

	for (size_t i = 0; i < n; i++)
		name[i] = "ab-"[i && i + 1 < n ? rng_below(r, 3) : rng_below(r, 2)];
	name[n] = '\0';
}

static struct node_id any_id(const struct rng *r)
{
	struct node_id id = {{0}};

	id.b[rng_below(r, 2)] = (uint8_t)rng_below(r, 3);
	id.b[14 + rng_below(r, 2)] = (uint8_t)rng_below(r, 3);
	id.b[63] = (uint8_t)rng_below(r, 2);
	return id;
}

static void course(uint64_t seed)
{
	struct twin *twin = calloc(1, sizeof(*twin));
	struct names t = {0};
	struct rng_seeded s;
	struct rng r;

	rng_seeded_init(&s, seed);
	r = rng_from_seeded(&s);
	assert_non_null(twin);
	for (unsigned i = 0; i < 1500 && twin->n < ROWS; i++) {
		struct node_id id = any_id(&r), other = any_id(&r);
		char name[8];

		any_name(&r, name);
		assert_int_equal(names_add(&t, name, &id), twin_add(twin, name, &id));
		assert_int_equal(t.n, twin->n);
		any_name(&r, name);
		same(names_find(&t, name), twin_find(twin, name));
		same(names_of(&t, &other), twin_of(twin, other.b, ID_BYTES));
		same(names_of_start(&t, other.b), twin_of(twin, other.b, 15));
		same(names_after(&t, name), twin_after(twin, name));
	}
	for (uint32_t i = 0; i < twin->n; i++)
		assert_true(id_eq(&names_find(&t, twin->row[i].name)->id, &twin->row[i].id));
	names_free(&t);
	free(twin);
}

static void test_random_names(void **state)
{
	for (uint64_t seed = 1; seed <= 40; seed++)
		course(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_names)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
