/* SPDX-License-Identifier: BSD-3-Clause */
/* The best roots of a tree: checked against a list of everything ever said. */
#include "ground.h"

#include "anchor/roots.h"

#define SAID_MAX 4000
#define S(x)     ((struct instant){(x) * NS_PER_S})

/* The twin: everything that was ever stored, in the order it was said. */
struct said {
	struct node_id id;
	uint64_t rank;
	struct linkmsg_seq m;
};

static struct node_id id_of(unsigned k)
{
	struct node_id id = {{0}};

	id.b[0] = (uint8_t)k;
	return id;
}

static const struct said *newest(const struct said *s, unsigned n, const struct node_id *id)
{
	const struct said *best = NULL;

	for (unsigned i = 0; i < n; i++)
		if (id_eq(&s[i].id, id) && (!best || s[i].m.seq > best->m.seq))
			best = &s[i];
	return best;
}

/* Which of 40 roots are the best 16 of those that were ever heard, whether or not they stay: the store forgets one only for a better. */
static void check_best(struct roots *r, const struct said *s, unsigned n)
{
	for (unsigned k = 0; k < 40; k++) {
		struct node_id id = id_of(k);
		const struct said *mine = newest(s, n, &id);
		struct root *e = roots_find(r, &id);
		unsigned better = 0;

		for (unsigned o = 0; o < 40 && mine; o++) {
			struct node_id other = id_of(o);
			const struct said *x = newest(s, n, &other);

			better += x && x->rank < mine->rank;
		}
		assert_int_equal(e != NULL, mine && better < ROOTS_LIVE);
		if (e) {
			assert_int_equal(e->seq.seq, mine->m.seq);
			assert_int_equal(e->rank, mine->rank);
		}
	}
	for (unsigned i = 1; i < r->n; i++)
		assert_true(r->root[i - 1].rank < r->root[i].rank);
}

static void test_the_best_16_with_their_newest(void **state)
{
	static struct said said[SAID_MAX];
	struct roots r = {0};
	struct ground g;
	unsigned n = 0;

	ground_open(&g, 1);
	for (unsigned step = 0; step < SAID_MAX; step++) {
		unsigned k = (unsigned)rng_below(&g.rng, 40);
		struct node_id id = id_of(k);
		uint64_t rank = k * UINT64_C(0x9E3779B97F4A7C15) >> 3;
		struct linkmsg_seq m = {.seq = rng_below(&g.rng, 300)};
		const struct said *have = newest(said, n, &id);
		enum roots_word w = roots_judge(&r, &id, rank, &m, 1, NULL, S(1));

		if (w == ROOTS_USELESS) { /* as good as heard: it would not have stayed */
			assert_null(roots_find(&r, &id));
			continue;
		}
		if (roots_find(&r, &id))
			assert_int_equal(w, m.seq > have->m.seq    ? ROOTS_NEWER
			                    : m.seq == have->m.seq ? ROOTS_SAME
			                                           : ROOTS_OLDER);
		if (w != ROOTS_NEWER)
			continue;
		said[n++] = (struct said){id, rank, m};
		assert_int_equal(roots_put(&r, &id, rank, &m, 1, NULL, S(1))->seq.seq, m.seq);
		if (step % 20 == 0)
			check_best(&r, said, n);
	}
	check_best(&r, said, n);
	ground_close(&g);
}

/* The largest number of all leaves a root no way to advance, so it is none; and one number has one message. */
static void test_numbers(void **state)
{
	struct node_id id = id_of(1);
	struct linkmsg_seq m = {.seq = UINT64_MAX}, other;
	struct roots r = {0};

	assert_int_equal(roots_judge(&r, &id, 5, &m, 1, NULL, S(1)), ROOTS_USELESS);
	m.seq = ROOT_SEQ_MAX + 1;
	assert_int_equal(roots_judge(&r, &id, 5, &m, 1, NULL, S(1)), ROOTS_USELESS);
	m.seq = ROOT_SEQ_MAX;
	assert_int_equal(roots_judge(&r, &id, 5, &m, 1, NULL, S(1)), ROOTS_NEWER);
	roots_put(&r, &id, 5, &m, 1, NULL, S(1));
	assert_int_equal(roots_judge(&r, &id, 5, &m, 1, NULL, S(1)), ROOTS_SAME);
	other = m;
	other.sig[63] ^= 1;
	assert_int_equal(roots_judge(&r, &id, 5, &other, 1, NULL, S(1)), ROOTS_TWO);
	other.seq--;
	assert_int_equal(roots_judge(&r, &id, 5, &other, 1, NULL, S(1)), ROOTS_OLDER);
}

/* The root that this node is under stays, though 16 better ones are heard of: of the others the worst gives way. */
static void test_the_present_root_is_kept(void **state)
{
	struct node_id mine = id_of(200);
	struct linkmsg_seq m = {.seq = 1};
	struct roots r = {0};

	roots_put(&r, &mine, 1000, &m, 1, &mine, S(1));
	for (unsigned k = 1; k <= 40; k++) {
		struct node_id id = id_of(k);

		assert_int_equal(roots_judge(&r, &id, 500 - k, &m, 1, &mine, S(1)), ROOTS_NEWER);
		roots_put(&r, &id, 500 - k, &m, 1, &mine, S(1));
		assert_non_null(roots_find(&r, &id));
		assert_non_null(roots_find(&r, &mine));
	}
	assert_int_equal(r.n, ROOTS_LIVE);
	assert_int_equal(r.root[0].rank, 460);
	assert_int_equal(r.root[14].rank, 474);
	mine = id_of(201); /* worse than the worst that may go */
	assert_int_equal(roots_judge(&r, &mine, 700, &m, 1, &r.root[15].id, S(1)), ROOTS_USELESS);
}

/* One neighbour tells of more and more roots, each better than all that others told of: only what it told of itself gives way. */
static void test_one_neighbour_does_not_crowd_out_others(void **state)
{
	struct linkmsg_seq m = {.seq = 1};
	struct roots r = {0};

	for (unsigned k = 0; k < 3; k++) {
		struct node_id id = id_of(200 + k);

		roots_put(&r, &id, 1000 + k, &m, (uint16_t)(2 + k), NULL, S(1));
	}
	for (unsigned k = 0; k < 100; k++) {
		struct node_id id = id_of(k);

		if (roots_judge(&r, &id, 500 - k, &m, 1, NULL, S(1)) == ROOTS_NEWER)
			roots_put(&r, &id, 500 - k, &m, 1, NULL, S(1));
	}
	assert_int_equal(r.n, ROOTS_LIVE);
	assert_int_equal(r.root[0].rank, 401); /* its best are there */
	for (unsigned k = 0; k < 3; k++) {
		struct node_id id = id_of(200 + k), late = id_of(210 + k);

		assert_non_null(roots_find(&r, &id));
		/* What another neighbour tells of later finds a place, too. */
		assert_int_equal(roots_judge(&r, &late, 2000, &m, (uint16_t)(8 + k), NULL, S(1)),
		                 ROOTS_NEWER);
		roots_put(&r, &late, 2000, &m, (uint16_t)(8 + k), NULL, S(1));
		assert_non_null(roots_find(&r, &late));
		assert_non_null(roots_find(&r, &id));
	}
	assert_int_equal(r.n, ROOTS_LIVE);
}

/* The fallen are remembered beside those that live, take no place from them, and come back by a newer message alone. */
static void test_the_fallen_are_remembered(void **state)
{
	struct linkmsg_seq m = {.seq = 5};
	struct roots r = {0};
	struct node_id id;

	for (unsigned k = 0; k < 200; k++) {
		id = id_of(k);
		assert_int_equal(roots_judge(&r, &id, 1000 - k, &m, 1, NULL, S(1)), ROOTS_NEWER);
		roots_put(&r, &id, 1000 - k, &m, 1, NULL, S(1))->silent = true;
	}
	assert_in_range(r.n, ROOTS_FALLEN, ROOTS_FALLEN + 1);
	id = id_of(199);
	assert_int_equal(roots_judge(&r, &id, 801, &m, 1, NULL, S(2)), ROOTS_SAME);
	m.seq = 4;
	assert_int_equal(roots_judge(&r, &id, 801, &m, 1, NULL, S(2)), ROOTS_OLDER);
	m.seq = 6;
	assert_int_equal(roots_judge(&r, &id, 801, &m, 1, NULL, S(2)), ROOTS_NEWER);
	assert_false(roots_put(&r, &id, 801, &m, 1, NULL, S(2))->silent);
	for (unsigned k = 200; k < 256; k++) { /* worse than all that fell */
		id = id_of(k);
		assert_int_equal(roots_judge(&r, &id, 5000 - k, &m, 1, NULL, S(2)), ROOTS_NEWER);
		roots_put(&r, &id, 5000 - k, &m, 1, NULL, S(2));
		assert_non_null(roots_find(&r, &id));
	}
	assert_int_equal(r.n, ROOTS_MAX);
	/* Nothing was heard of any for long: then all have fallen, and new ones find a place again. */
	id = id_of(1);
	assert_int_equal(roots_judge(&r, &id, 9000, &m, 1, NULL, S(100)), ROOTS_NEWER);
	roots_put(&r, &id, 9000, &m, 1, NULL, S(100));
	assert_int_equal(r.n, ROOTS_FALLEN + 1);
}

static int64_t held_s(struct instant until, struct instant now)
{
	return instant_before(now, until) ? instant_sub(until, now) / NS_PER_S : 0;
}

static void test_held_off_doubling(void **state)
{
	static const int64_t want[] = {0, 30, 60, 120, 240, 480, 960, 1920, 1920, 1920};
	struct root r = {0};

	for (unsigned i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		root_strike(&r, ROOT_STALLS, S(100 + i));
		assert_true(r.silent);
		assert_int_equal(held_s(r.held_until, S(100 + i)), want[i]);
	}
	assert_true(root_held(&r, S(2028)));
	assert_false(root_held(&r, S(2030)));
	/* Every 20 minutes without fault, one strike less. */
	root_strike(&r, ROOT_EQUIVOCATES, S(109 + 5 * 1200));
	assert_int_equal(held_s(r.held_until, S(109 + 5 * 1200)), 120);
	r = (struct root){0};
	root_strike(&r, ROOT_EQUIVOCATES, S(100)); /* never free */
	assert_int_equal(held_s(r.held_until, S(100)), 30);
	assert_false(r.silent);
}

/* Links flap too: seven losses in a row are free, and what a link did never counts for more than four minutes, nor against the root's id. */
static void test_flaps(void **state)
{
	struct root r = {0};
	int64_t t = 100;

	root_back(&r, S(t)); /* never lost */
	for (unsigned i = 0; i < 7; i++) {
		root_lost(&r, S(t));
		root_back(&r, S(++t));
		assert_false(root_shunned(&r, S(t)));
	}
	root_lost(&r, S(t));
	root_back(&r, S(++t));
	assert_int_equal(held_s(r.shunned_until, S(t)), 30);
	for (unsigned i = 0; i < 200; i++) {
		root_lost(&r, S(t));
		root_back(&r, S(++t));
		assert_true(held_s(r.shunned_until, S(t)) <= 240);
	}
	assert_false(root_held(&r, S(t)));
	/* One that goes for long, once a minute, is left alone. */
	r = (struct root){0};
	for (unsigned i = 0; i < 50; i++, t += 60) {
		root_lost(&r, S(t));
		root_back(&r, S(t + 20));
		assert_false(root_shunned(&r, S(t + 20)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_best_16_with_their_newest),
	        cmocka_unit_test(test_numbers),
	        cmocka_unit_test(test_the_present_root_is_kept),
	        cmocka_unit_test(test_one_neighbour_does_not_crowd_out_others),
	        cmocka_unit_test(test_the_fallen_are_remembered),
	        cmocka_unit_test(test_held_off_doubling),
	        cmocka_unit_test(test_flaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
