/* SPDX-License-Identifier: BSD-3-Clause */
/* The contact table against a plain list: order, buckets, the closest, what is dropped. */
#include "rig.h"

#include "anchor/anchor.h"
#include "kad/kad.h"

#include <stdlib.h>

/* An id that shares `bits` bits with the node's own. */
static struct node_id near_id(struct lone *l, unsigned bits)
{
	struct node_id id;

	rng_fill(&l->rng, id.b, ID_BYTES);
	for (unsigned b = 0; b <= bits; b++) {
		uint8_t mask = (uint8_t)(0x80 >> b % 8), mine = l->identity.id.b[b / 8] & mask;

		id.b[b / 8] = (uint8_t)((id.b[b / 8] & ~mask) | (b == bits ? mine ^ mask : mine));
	}
	return id;
}

static struct contact *learn(struct lone *l, const struct node_id *id, uint64_t seq, bool verified)
{
	struct contact_info i = {.id = *id, .seq = seq, .ntrees = 1};

	i.place[0].root = root_tag(&l->identity.id);
	return contact_learn(l->n, &l->n->kad->contacts, &i, verified);
}

static void check_table(struct lone *l)
{
	struct contacts *t = &l->n->kad->contacts;
	uint32_t fill[ID_BITS] = {0}, verified = 0, k = 0, lo, hi;

	for (struct contact *c = contact_after(t, NULL); c; c = contact_after(t, c)) {
		assert_int_equal(c->at, k);
		if (k++)
			assert_true(id_cmp(&t->v[c->at - 1]->id, &c->id) < 0);
		assert_int_equal(c->bucket, id_common_prefix(&l->identity.id, &c->id));
		assert_ptr_equal(contact_find(t, &c->id), c);
		fill[c->bucket]++;
		verified += c->verified;
	}
	assert_int_equal(k, t->count);
	assert_int_equal(verified, t->verified);
	for (unsigned b = 0; b < ID_BITS; b++) {
		unsigned good = 0;

		assert_int_equal(fill[b], t->fill[b]);
		contact_bucket(l->n, t, b, &lo, &hi);
		assert_int_equal(hi - lo, fill[b]);
		for (; lo < hi; lo++) {
			assert_int_equal(t->v[lo]->bucket, b);
			good += t->v[lo]->verified;
		}
		assert_int_equal(good, t->good[b]);
	}
}

static void check_closest(struct lone *l, const struct node_id *target, bool verified_only)
{
	struct contacts *t = &l->n->kad->contacts;
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
	struct lone l;

	lone_open(&l, 11);
	for (unsigned step = 0; step < 3000; step++) {
		struct contacts *t = &l.n->kad->contacts;
		struct node_id id = near_id(&l, (unsigned)rng_below(&l.rng, 14));
		struct contact *c;

		if (rng_below(&l.rng, 4) || t->count == 0) {
			c = learn(&l, &id, step, rng_below(&l.rng, 2));
			if (c && rng_below(&l.rng, 8) == 0)
				c->fails = 1;
		} else {
			contact_drop(l.n, t, t->v[rng_below(&l.rng, t->count)],
			             rng_below(&l.rng, 2));
		}
		if (step % 50 == 0) {
			check_table(&l);
			check_closest(&l, &id, step % 100 == 0);
			check_closest(&l, &l.identity.id, true);
		}
	}
	lone_close(&l);
}

/* A full bucket keeps what has answered against whatever is only heard of; hearsay as a whole is bounded. */
static void test_admission(void **state)
{
	struct lone l;
	struct node_id first, id;

	lone_open(&l, 12);
	first = near_id(&l, 0);
	assert_non_null(learn(&l, &first, 1, true));
	for (unsigned i = 1; i < l.n->cfg.kad_k; i++) {
		id = near_id(&l, 0);
		assert_non_null(learn(&l, &id, 1, true));
	}
	id = near_id(&l, 0);
	assert_null(learn(&l, &id, 1, false));
	assert_null(learn(&l, &l.identity.id, 1, true));
	assert_int_equal(l.n->kad->contacts.fill[0], l.n->cfg.kad_k);
	for (unsigned bits = 1; bits < 200; bits++)
		for (unsigned i = 0; i < l.n->cfg.kad_k; i++) {
			id = near_id(&l, bits);
			learn(&l, &id, 1, false);
		}
	assert_int_equal(l.n->kad->contacts.count - l.n->kad->contacts.verified, HEARSAY_MAX);
	/* It does not keep out those who speak for themselves. */
	id = near_id(&l, 300);
	assert_non_null(learn(&l, &id, 1, true));
	lone_close(&l);
}

static void test_tombstone(void **state)
{
	struct lone l;
	struct node_id id;

	lone_open(&l, 13);
	id = near_id(&l, 3);
	contact_drop(l.n, &l.n->kad->contacts, learn(&l, &id, 5, true), true);
	assert_null(learn(&l, &id, 5, false));     /* the same record by hearsay */
	assert_non_null(learn(&l, &id, 6, false)); /* a newer one */
	contact_drop(l.n, &l.n->kad->contacts, contact_find(&l.n->kad->contacts, &id), true);
	assert_non_null(learn(&l, &id, 5, true)); /* itself */
	contact_drop(l.n, &l.n->kad->contacts, contact_find(&l.n->kad->contacts, &id), true);
	l.n->now.ns += 200 * NS_PER_S;
	assert_non_null(learn(&l, &id, 5, false)); /* long ago */
	lone_close(&l);
}

static void test_newest_record(void **state)
{
	struct lone l;
	struct node_id id;
	struct contact *c;

	lone_open(&l, 14);
	id = near_id(&l, 2);
	c = learn(&l, &id, 5, false);
	assert_non_null(c);
	assert_ptr_equal(learn(&l, &id, 4, false), c);
	assert_int_equal(c->seq, 5);
	learn(&l, &id, 9, false);
	assert_int_equal(c->seq, 9);
	assert_false(c->verified);
	learn(&l, &id, 9, true);
	assert_true(c->verified);
	lone_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_twin),
	        cmocka_unit_test(test_admission),
	        cmocka_unit_test(test_tombstone),
	        cmocka_unit_test(test_newest_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
