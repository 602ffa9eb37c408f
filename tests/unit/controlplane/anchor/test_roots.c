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
		assert_int_equal(e != NULL, mine && better < ROOTS_MAX);
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
		enum roots_word w = roots_judge(&r, &id, rank, &m, NULL);

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
		assert_int_equal(roots_put(&r, &id, rank, &m, NULL, S(1))->seq.seq, m.seq);
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

	assert_int_equal(roots_judge(&r, &id, 5, &m, NULL), ROOTS_USELESS);
	m.seq = ROOT_SEQ_MAX + 1;
	assert_int_equal(roots_judge(&r, &id, 5, &m, NULL), ROOTS_USELESS);
	m.seq = ROOT_SEQ_MAX;
	assert_int_equal(roots_judge(&r, &id, 5, &m, NULL), ROOTS_NEWER);
	roots_put(&r, &id, 5, &m, NULL, S(1));
	assert_int_equal(roots_judge(&r, &id, 5, &m, NULL), ROOTS_SAME);
	other = m;
	other.sig[63] ^= 1;
	assert_int_equal(roots_judge(&r, &id, 5, &other, NULL), ROOTS_TWO);
	other.seq--;
	assert_int_equal(roots_judge(&r, &id, 5, &other, NULL), ROOTS_OLDER);
}

/* The root that this node is under stays, though 16 better ones are heard of: of the others the worst gives way. */
static void test_the_present_root_is_kept(void **state)
{
	struct node_id mine = id_of(200);
	struct linkmsg_seq m = {.seq = 1};
	struct roots r = {0};

	roots_put(&r, &mine, 1000, &m, &mine, S(1));
	for (unsigned k = 1; k <= 40; k++) {
		struct node_id id = id_of(k);

		assert_int_equal(roots_judge(&r, &id, 500 - k, &m, &mine), ROOTS_NEWER);
		roots_put(&r, &id, 500 - k, &m, &mine, S(1));
		assert_non_null(roots_find(&r, &id));
		assert_non_null(roots_find(&r, &mine));
	}
	assert_int_equal(r.n, ROOTS_MAX);
	assert_int_equal(r.root[0].rank, 460);
	assert_int_equal(r.root[14].rank, 474);
	mine = id_of(201); /* worse than the worst that may go */
	assert_int_equal(roots_judge(&r, &mine, 700, &m, &r.root[15].id), ROOTS_USELESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_the_best_16_with_their_newest),
	        cmocka_unit_test(test_numbers),
	        cmocka_unit_test(test_the_present_root_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
