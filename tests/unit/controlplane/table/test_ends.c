/* SPDX-License-Identifier: BSD-3-Clause */
/* The index of tunnel ends against a plain list: members, and the order by distance. */
#include "ground.h"

#include "table/ends.h"

#include <stdlib.h>
#include <time.h>

#define TUNNELS 200
#define CROWD   50000 /* tunnels to one id */

/* Two ends, as a tunnel has. */
struct pair {
	struct node_id src, dst;
	struct lsp_end ahead, back;
};

struct list {
	const struct lsp_end *e[2 * TUNNELS];
	unsigned n;
};

static bool take(void *arg, const struct lsp_end *e)
{
	struct list *l = arg;

	l->e[l->n++] = e;
	return false;
}

static bool take_one(void *arg, const struct lsp_end *e)
{
	take(arg, e);
	return true;
}

/* Few different bits, so that ids share prefixes and come twice. */
static void draw(const struct rng *rng, struct node_id *id)
{
	memset(id, 0, sizeof(*id));
	for (unsigned i = 0; i < 3; i++)
		id->b[rng_below(rng, 2) * (ID_BYTES - 1)] |= (uint8_t)(1 << rng_below(rng, 8));
}

static void check(const struct lsp_ends *t, struct pair *l, const struct node_id *target)
{
	struct list got = {.n = 0}, one = {.n = 0};
	unsigned want = 0;

	for (unsigned i = 0; i < TUNNELS; i++)
		want += l[i].ahead.in + l[i].back.in;
	ends_closest(t, target, take, &got);
	assert_int_equal(got.n, want);
	assert_int_equal(t->count, want);
	for (unsigned i = 0; i < got.n; i++) {
		assert_true(got.e[i]->in);
		for (unsigned k = 0; k < i; k++)
			assert_ptr_not_equal(got.e[i], got.e[k]);
		if (i > 0)
			assert_true(id_cmp_dist(target, got.e[i - 1]->id, got.e[i]->id) <= 0);
	}
	ends_closest(t, target, take_one, &one);
	assert_int_equal(one.n, want > 0);
	assert_true(want == 0 || one.e[0] == got.e[0]);
}

static void test_twin(void **state)
{
	struct pair *l = calloc(TUNNELS, sizeof(*l));
	struct lsp_ends t;
	struct ground g;

	ground_open(&g, 3);
	ends_init(&t, &g.mem);
	for (unsigned i = 0; i < TUNNELS; i++) {
		draw(&g.rng, &l[i].src);
		draw(&g.rng, &l[i].dst);
		l[i].ahead = (struct lsp_end){.id = &l[i].dst, .forward = true};
		l[i].back = (struct lsp_end){.id = &l[i].src};
	}
	for (unsigned step = 0; step < 4000; step++) {
		struct pair *x = &l[rng_below(&g.rng, TUNNELS)];
		struct lsp_end *e = rng_below(&g.rng, 2) ? &x->ahead : &x->back;
		struct node_id target;

		/* More come than go at first, then the other way round. */
		if (rng_below(&g.rng, 10) < (step < 2000 ? 7 : 2))
			ends_add(&t, e);
		else
			ends_remove(&t, e);
		if (step % 16)
			continue;
		draw(&g.rng, &target);
		check(&t, l, &target);
	}
	for (unsigned i = 0; i < TUNNELS; i++) {
		ends_remove(&t, &l[i].ahead);
		ends_remove(&t, &l[i].back);
	}
	assert_null(t.root);
	assert_int_equal(t.count, 0);
	ground_close(&g);
	free(l);
}

static double cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Processor time to take out n of the tunnels that lead to one id, the first first or the last first. */
static double remove_crowd(struct lsp_end *e, unsigned n, bool backwards)
{
	struct node_id id = {{1}};
	struct lsp_ends t;
	struct ground g;
	double from, spent;

	ground_open(&g, 4);
	ends_init(&t, &g.mem);
	for (unsigned i = 0; i < n; i++) {
		e[i] = (struct lsp_end){.id = &id};
		ends_add(&t, &e[i]);
	}
	assert_int_equal(t.count, n);
	from = cpu_s();
	for (unsigned i = 0; i < n; i++)
		ends_remove(&t, &e[backwards ? n - 1 - i : i]);
	spent = cpu_s() - from;
	assert_null(t.root);
	ground_close(&g);
	return spent;
}

/* A link that goes down takes all its tunnels at once, and they may all lead to one id. Taking them out one by one from a list that is
 * walked each time costs more than ten seconds for so many; on a busy machine, with sanitizers, this is still far below one. */
static void test_many_to_one_id(void **state)
{
	struct lsp_end *e = calloc(CROWD, sizeof(*e));

	assert_true(remove_crowd(e, CROWD, false) < 1);
	assert_true(remove_crowd(e, CROWD, true) < 1);
	free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_twin),
	                                   cmocka_unit_test(test_many_to_one_id)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
