/* SPDX-License-Identifier: BSD-3-Clause */
/* Places of before: which are kept, for how long, and what is led by them. */
#include "ground.h"

#include "anchor/anchor.h"

#include <limits.h>

#define MS NS_PER_MS

/* One neighbour that announces places under some roots, and this node's own tree. */
struct scene {
	struct ground g;
	struct node *n;
	struct peers peers;
	struct peer p;
	struct anchor anchor;
	struct node_id root[3];
};

static const struct news silent;

static void scene_open(struct scene *s, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	ground_open(&s->g, seed);
	s->n = ground_node(&s->g, &silent);
	s->n->now.ns = NS_PER_S;
	TAILQ_INIT(&s->peers.list);
	s->p.state = PEER_UP;
	TAILQ_INSERT_TAIL(&s->peers.list, &s->p, next);
	s->p.ann = ctx_alloc(s->n, sizeof(*s->p.ann));
	assert_non_null(s->p.ann);
	s->anchor.trees = 1;
	for (unsigned i = 0; i < 3; i++)
		rng_fill(&s->g.rng, s->root[i].b, ID_BYTES);
}

static void scene_close(struct scene *s)
{
	ctx_free(s->n, s->p.ann);
	ctx_free(s->n, s->p.announced.former);
	ctx_destroy(s->n);
	ground_close(&s->g);
}

static struct coords below(unsigned hops)
{
	struct coords c = {0};

	while (hops--)
		assert_true(coords_push(&c, 1));
	return c;
}

/* The neighbour says so many ms from now that it stands so many hops below this root. */
static void says(struct scene *s, int64_t ms, unsigned root, unsigned hops)
{
	struct linkmsg_ann m = {.ntrees = 1};

	s->n->now = instant_add(s->n->now, ms * MS);
	m.tree[0].root = s->root[root];
	m.tree[0].coords = below(hops);
	former_announced(s->n, &s->p, &m);
	*s->p.ann = m;
}

/* Hops from where the neighbour stood before to a place 10 hops below this root; UINT_MAX: it is not led there. */
static unsigned left(struct scene *s, unsigned root)
{
	struct coords to = below(10);
	unsigned d;

	return former_hop(&s->peers, s->n->now, 0, root_tag(&s->root[root]), &to, UINT_MAX, NULL,
	                  NULL, &d)
	               ? d
	               : UINT_MAX;
}

/* A root dies: while its place under the new one is said already, the old one still counts, for 10 s. */
static void test_kept_for_ten_seconds(void **state)
{
	struct scene s;

	scene_open(&s, 1);
	says(&s, 0, 0, 4);
	assert_int_equal(left(&s, 0), UINT_MAX); /* that is its present place */
	assert_null(s.p.announced.former);
	says(&s, 5000, 1, 2);
	assert_int_equal(left(&s, 0), 6);
	assert_int_equal(left(&s, 1), UINT_MAX);
	s.n->now = instant_add(s.n->now, 9999 * MS);
	former_expire(s.n, &s.p);
	assert_int_equal(left(&s, 0), 6);
	s.n->now = instant_add(s.n->now, MS);
	assert_int_equal(left(&s, 0), UINT_MAX);
	former_expire(s.n, &s.p);
	assert_null(s.p.announced.former);
	scene_close(&s);
}

/* Places through which it only passes, while roots fall one after the other, do not take the place of what the records of others name. */
static void test_passing_places(void **state)
{
	struct scene s;

	scene_open(&s, 2);
	says(&s, 0, 0, 4);
	says(&s, 5000, 1, 0);
	says(&s, 300, 2, 1);
	assert_int_equal(left(&s, 0), 6);
	assert_int_equal(left(&s, 1), UINT_MAX);
	says(&s, 1000, 2, 3); /* a settled place has been left */
	assert_int_equal(left(&s, 0), UINT_MAX);
	assert_int_equal(left(&s, 2), 9);
	scene_close(&s);
}

/* A link that was down meanwhile has not made a passing place of the one that its neighbour had all the time. */
static void test_over_a_cut(void **state)
{
	struct scene s;

	scene_open(&s, 3);
	says(&s, 0, 1, 3);
	says(&s, 2000, 0, 4);
	s.p.state = PEER_IDLE;
	assert_int_equal(left(&s, 1), UINT_MAX);
	s.p.state = PEER_UP;
	says(&s, 3000, 0, 4);
	says(&s, 200, 2, 1);
	assert_int_equal(left(&s, 0), 6);
	scene_close(&s);
}

/* This node's own place, and the limit: nearer only. */
static void test_own_and_limit(void **state)
{
	struct scene s;
	struct tree *t = &s.anchor.tree[0];
	struct coords to = below(10);
	unsigned d;

	scene_open(&s, 4);
	t->root = s.root[0];
	t->coords = below(7);
	assert_int_equal(former_own_distance(&s.anchor, s.n->now, 0, root_tag(&s.root[0]), &to),
	                 UINT_MAX);
	former_left(s.n, t);
	assert_int_equal(former_own_distance(&s.anchor, s.n->now, 0, root_tag(&s.root[0]), &to), 3);
	assert_int_equal(former_own_distance(&s.anchor, s.n->now, 0, root_tag(&s.root[1]), &to),
	                 UINT_MAX);
	assert_int_equal(former_own_distance(&s.anchor, s.n->now, 1, root_tag(&s.root[0]), &to),
	                 UINT_MAX);
	says(&s, 0, 0, 6);
	says(&s, 2000, 1, 1);
	assert_null(
	        former_hop(&s.peers, s.n->now, 0, root_tag(&s.root[0]), &to, 4, NULL, NULL, &d));
	assert_int_equal(d, 4);
	assert_ptr_equal(
	        former_hop(&s.peers, s.n->now, 0, root_tag(&s.root[0]), &to, 5, NULL, NULL, &d),
	        &s.p);
	assert_int_equal(d, 4);
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_kept_for_ten_seconds),
	        cmocka_unit_test(test_passing_places),
	        cmocka_unit_test(test_over_a_cut),
	        cmocka_unit_test(test_own_and_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
