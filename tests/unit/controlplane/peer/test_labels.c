/* SPDX-License-Identifier: BSD-3-Clause */
/* A link's label space against a flat array that keeps the same promises. */
#include "rig.h"

#include "peer/labels.h"
#include "wire/lse.h"

#include <errno.h>
#include <stdlib.h>

#define SPACE (1u << 20)

struct twin {
	struct {
		void *owner;
		int64_t free_at;
		uint8_t state;
	} slot[SPACE];
	unsigned granted;
};

static void check(const struct labels *l, const struct twin *t)
{
	const struct label_slot *s;
	unsigned granted = 0, seen = 0;
	uint32_t label = 0;

	while (labels_next(l, &label, &s)) {
		seen++;
		granted += s->state == LABEL_GRANTED;
		assert_int_equal(s->state == LABEL_GRANTED, t->slot[label].state == LABEL_GRANTED);
		assert_ptr_equal(labels_owner(l, label), t->slot[label].owner);
		label++;
	}
	assert_int_equal(granted, t->granted);
	assert_int_equal(granted, l->granted);
	assert_int_equal(seen, l->granted + l->quarantined);
}

static void test_twin(void **state)
{
	struct twin *t = calloc(1, sizeof(*t));
	uint32_t held[2000], n = 0, label;
	struct labels l = {0};
	struct lone o;

	assert_non_null(t);
	lone_open(&o, 7);
	for (unsigned step = 0; step < 60000; step++) {
		int worker = (int)rng_below(&o.rng, 4) - 1;

		o.n->now.ns += (int64_t)rng_below(&o.rng, 20 * NS_PER_MS);
		if (n < 2000 && rng_below(&o.rng, 2)) {
			void *owner = &t->slot[step % SPACE];

			assert_int_equal(labels_alloc(o.n, &l, owner, worker, &label), 0);
			assert_true(label > LABEL_RESERVED_MAX && label < SPACE);
			if (worker >= 0)
				assert_int_equal(cp_index_worker(label, o.n->cfg.workers), worker);
			assert_int_not_equal(t->slot[label].state, LABEL_GRANTED);
			if (t->slot[label].state == LABEL_QUARANTINE)
				assert_true(t->slot[label].free_at <= o.n->now.ns);
			t->slot[label].state = LABEL_GRANTED;
			t->slot[label].owner = owner;
			t->granted++;
			held[n++] = label;
		} else if (n) {
			uint32_t k = (uint32_t)rng_below(&o.rng, n);

			label = held[k];
			held[k] = held[--n];
			labels_free(o.n, &l, label);
			labels_free(o.n, &l, label); /* twice is nothing */
			t->slot[label].state = LABEL_QUARANTINE;
			t->slot[label].owner = NULL;
			t->slot[label].free_at = o.n->now.ns + o.n->cfg.label_quarantine_ns;
			t->granted--;
		}
		if (step % 10000 == 0)
			check(&l, t);
	}
	check(&l, t);
	labels_reset(o.n, &l);
	assert_int_equal(l.granted + l.quarantined, 0);
	assert_null(labels_owner(&l, held[0]));
	lone_close(&o);
	free(t);
}

static void test_quota(void **state)
{
	struct labels l = {0};
	struct lone o;
	uint32_t label, first = 0;

	lone_open(&o, 8);
	o.n->cfg.labels_per_link_max = 100;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(labels_alloc(o.n, &l, &l, -1, i ? &label : &first), 0);
	assert_int_equal(labels_alloc(o.n, &l, &l, -1, &label), -ENOSPC);
	labels_free(o.n, &l, first);
	assert_int_equal(labels_alloc(o.n, &l, &l, -1, &label), 0);
	assert_int_not_equal(label, first); /* in quarantine */
	labels_free(o.n, &l, SPACE - 1);
	labels_free(o.n, &l, UINT32_MAX);
	assert_null(labels_owner(&l, UINT32_MAX));
	labels_reset(o.n, &l);
	lone_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_twin),
	        cmocka_unit_test(test_quota),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
