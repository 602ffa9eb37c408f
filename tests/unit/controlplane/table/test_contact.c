/* SPDX-License-Identifier: BSD-3-Clause */
/* The contact table against a plain list: order, buckets, the closest, what is dropped. */
#include "ground.h"

#include "table/contact.h"

#define K 16

/* The table of a node that is the root of its one tree. */
struct bench {
	struct ground g;
	struct anchor anchor;
	struct contacts t;
	struct instant now;
};

static void bench_open(struct bench *b, uint64_t seed)
{
	ground_open(&b->g, seed);
	b->anchor = (struct anchor){.trees = 1, .tree[0].root = b->g.identity.id};
	b->now.ns = NS_PER_S;
	contacts_init(&b->t, &b->g.identity.id, K, &b->anchor, &b->g.mem);
}

static void bench_close(struct bench *b)
{
	contacts_clear(&b->t);
	ground_close(&b->g);
}

static struct node_id near_id(struct bench *b, unsigned bits)
{
	return ground_near(&b->g, &b->g.identity.id, bits);
}

static struct contact *learn(struct bench *b, const struct node_id *id, uint64_t seq, bool verified)
{
	struct contact_info i = {.id = *id, .seq = seq, .ntrees = 1};

	i.place[0].root = root_tag(&b->g.identity.id);
	return contact_learn(&b->t, b->now, &i, verified);
}

static void check_table(struct bench *b)
{
	struct contacts *t = &b->t;
	uint32_t fill[ID_BITS] = {0}, verified = 0, k = 0, lo, hi;

	for (struct contact *c = contact_after(t, NULL); c; c = contact_after(t, c)) {
		assert_int_equal(c->at, k);
		if (k++)
			assert_true(id_cmp(&t->v[c->at - 1]->id, &c->id) < 0);
		assert_int_equal(c->bucket, id_common_prefix(&b->g.identity.id, &c->id));
		assert_ptr_equal(contact_find(t, &c->id), c);
		fill[c->bucket]++;
		verified += c->verified;
	}
	assert_int_equal(k, t->count);
	assert_int_equal(verified, t->verified);
	for (unsigned bucket = 0; bucket < ID_BITS; bucket++) {
		unsigned good = 0;

		assert_int_equal(fill[bucket], t->fill[bucket]);
		contact_bucket(t, bucket, &lo, &hi);
		assert_int_equal(hi - lo, fill[bucket]);
		for (; lo < hi; lo++) {
			assert_int_equal(t->v[lo]->bucket, bucket);
			good += t->v[lo]->verified;
		}
		assert_int_equal(good, t->good[bucket]);
	}
}

static void check_closest(struct bench *b, const struct node_id *target, bool verified_only)
{
	struct contacts *t = &b->t;
	struct contact *near[24];
	unsigned k = contact_closest(t, target, verified_only, near, 24), eligible = 0;

	for (uint32_t i = 0; i < t->count; i++) {
		bool in = false, ok = !verified_only || (t->v[i]->verified && !t->v[i]->fails);

		eligible += ok;
		for (unsigned j = 0; j < k; j++)
			in |= near[j] == t->v[i];
		assert_true(!in || ok);
		/* What is left out is no closer than the last that is in. */
		if (ok && !in)
			assert_true(id_cmp_dist(target, &near[k - 1]->id, &t->v[i]->id) < 0);
	}
	for (unsigned j = 1; j < k; j++)
		assert_true(id_cmp_dist(target, &near[j - 1]->id, &near[j]->id) < 0);
	assert_int_equal(k, eligible < 24 ? eligible : 24);
}

static void test_twin(void **state)
{
	struct bench b;

	bench_open(&b, 11);
	for (unsigned step = 0; step < 3000; step++) {
		struct contacts *t = &b.t;
		struct node_id id = near_id(&b, (unsigned)rng_below(&b.g.rng, 14));
		struct contact *c;

		if (rng_below(&b.g.rng, 4) || t->count == 0) {
			c = learn(&b, &id, step, rng_below(&b.g.rng, 2));
			if (c && rng_below(&b.g.rng, 8) == 0)
				c->fails = 1;
		} else {
			contact_drop(t, b.now, t->v[rng_below(&b.g.rng, t->count)],
			             rng_below(&b.g.rng, 2));
		}
		if (step % 50 == 0) {
			check_table(&b);
			check_closest(&b, &id, step % 100 == 0);
			check_closest(&b, &b.g.identity.id, true);
		}
	}
	bench_close(&b);
}

/* A full bucket keeps what has answered against whatever is only heard of; hearsay as a whole is bounded. */
static void test_admission(void **state)
{
	struct bench b;
	struct node_id first, id;

	bench_open(&b, 12);
	first = near_id(&b, 0);
	assert_non_null(learn(&b, &first, 1, true));
	for (unsigned i = 1; i < K; i++) {
		id = near_id(&b, 0);
		assert_non_null(learn(&b, &id, 1, true));
	}
	id = near_id(&b, 0);
	assert_null(learn(&b, &id, 1, false));
	assert_null(learn(&b, &b.g.identity.id, 1, true));
	assert_int_equal(b.t.fill[0], K);
	for (unsigned bits = 1; bits < 200; bits++)
		for (unsigned i = 0; i < K; i++) {
			id = near_id(&b, bits);
			learn(&b, &id, 1, false);
		}
	assert_int_equal(b.t.count - b.t.verified, HEARSAY_MAX);
	/* It does not keep out those who speak for themselves. */
	id = near_id(&b, 300);
	assert_non_null(learn(&b, &id, 1, true));
	bench_close(&b);
}

/* Of nodes twice as far away as any way may be, others' reports are not taken. */
static void test_out_of_reach(void **state)
{
	struct contact_info i = {.seq = 1, .ntrees = 1};
	struct bench b;

	bench_open(&b, 14);
	i.id = near_id(&b, 3);
	i.place[0].root = root_tag(&b.g.identity.id);
	for (unsigned k = 0; k < 511; k++)
		assert_true(coords_push(&i.place[0].coords, 1));
	assert_null(contact_learn(&b.t, b.now, &i, false));
	i.place[0].root ^= 1; /* under another root nobody knows */
	assert_non_null(contact_learn(&b.t, b.now, &i, false));
	i.place[0].root ^= 1;
	i.id = near_id(&b, 4);
	assert_non_null(contact_learn(&b.t, b.now, &i, true)); /* it spoke for itself */
	i.id = near_id(&b, 5);
	i.place[0].coords = (struct coords){0};
	for (unsigned k = 0; k < 510; k++)
		assert_true(coords_push(&i.place[0].coords, 1));
	assert_non_null(contact_learn(&b.t, b.now, &i, false));
	bench_close(&b);
}

/* A full bucket goes to the nearest as measured: a claimed place displaces nobody, and a measured one only who is farther. */
static void test_nearest_as_measured(void **state)
{
	struct bench b;
	struct node_id id, far = {{0}};
	struct contact_info i = {.seq = 1, .ntrees = 1};

	bench_open(&b, 15);
	i.place[0].root = root_tag(&b.g.identity.id); /* all claim to be as near as can be */
	for (unsigned k = 0; k < K; k++) {
		i.id = near_id(&b, 0);
		assert_non_null(contact_learn(&b.t, b.now, &i, k ? 4 : 7));
		if (k == 0)
			far = i.id;
	}
	id = near_id(&b, 0);
	assert_null(learn(&b, &id, 1, false));
	assert_false(contact_wanted(&b.t, &id, 7));
	i.id = id;
	assert_null(contact_learn(&b.t, b.now, &i, 7));
	assert_true(contact_wanted(&b.t, &id, 6));
	assert_non_null(contact_learn(&b.t, b.now, &i, 6));
	assert_null(contact_find(&b.t, &far));
	/* Reports fill a bucket, too, but none displaces another until that one has failed; whoever proves itself displaces any. */
	for (unsigned k = 0; k < K; k++) {
		id = near_id(&b, 1);
		assert_non_null(learn(&b, &id, 1, false));
	}
	id = near_id(&b, 1);
	assert_null(learn(&b, &id, 1, false));
	assert_non_null(learn(&b, &id, 1, true));
	contact_find(&b.t, &id)->fails = 1;
	id = near_id(&b, 1);
	assert_null(learn(&b, &id, 1, false));
	check_table(&b);
	bench_close(&b);
}

static void test_tombstone(void **state)
{
	struct bench b;
	struct node_id id;

	bench_open(&b, 13);
	id = near_id(&b, 3);
	contact_drop(&b.t, b.now, learn(&b, &id, 5, true), true);
	assert_null(learn(&b, &id, 5, false));     /* the same record by hearsay */
	assert_non_null(learn(&b, &id, 6, false)); /* a newer one */
	contact_drop(&b.t, b.now, contact_find(&b.t, &id), true);
	assert_non_null(learn(&b, &id, 5, true)); /* itself */
	contact_drop(&b.t, b.now, contact_find(&b.t, &id), true);
	b.now.ns += 200 * NS_PER_S;
	assert_non_null(learn(&b, &id, 5, false)); /* long ago */
	bench_close(&b);
}

static void test_newest_record(void **state)
{
	struct bench b;
	struct node_id id;
	struct contact *c;

	bench_open(&b, 14);
	id = near_id(&b, 2);
	c = learn(&b, &id, 5, false);
	assert_non_null(c);
	assert_ptr_equal(learn(&b, &id, 4, false), c);
	assert_int_equal(c->seq, 5);
	learn(&b, &id, 9, false);
	assert_int_equal(c->seq, 9);
	assert_false(c->verified);
	learn(&b, &id, 9, true);
	assert_true(c->verified);
	bench_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_twin),          cmocka_unit_test(test_admission),
	        cmocka_unit_test(test_out_of_reach),  cmocka_unit_test(test_tombstone),
	        cmocka_unit_test(test_newest_record), cmocka_unit_test(test_nearest_as_measured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
