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
	assert_int_equal(labels_unreachable(&l, o.n->cfg.workers), 0);
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

/* ---- a link's life ---- */
/* When each label is free again: at once, at a time, or not before it is freed. The twin has no other state. */
static int64_t *free_again;
#define GRANTED INT64_MAX

/* How many labels of a worker could be granted now; any worker's: worker < 0. */
static unsigned twin_free(const struct node *n, int worker)
{
	unsigned found = 0;

	for (uint32_t v = LABEL_RESERVED_MAX + 1; v < SPACE; v++)
		found += free_again[v] <= n->now.ns &&
		         (worker < 0 || cp_index_worker(v, n->cfg.workers) == worker);
	return found;
}

/* Allocates. What is refused could not be granted, what is granted was free. False: refused. */
static bool alloc_checked(struct lone *o, struct labels *l, int worker, uint32_t *label)
{
	int err = labels_alloc(o->n, l, o, worker, label);

	if (err) {
		assert_int_equal(err, -ENOSPC);
		assert_int_equal(twin_free(o->n, worker), 0);
		return false;
	}
	assert_true(*label > LABEL_RESERVED_MAX && *label < SPACE);
	assert_true(worker < 0 || cp_index_worker(*label, o->n->cfg.workers) == worker);
	assert_true(free_again[*label] <= o->n->now.ns);
	free_again[*label] = GRANTED;
	return true;
}

static void free_checked(struct lone *o, struct labels *l, uint32_t label)
{
	labels_free(o->n, l, label);
	free_again[label] = o->n->now.ns + o->n->cfg.label_quarantine_ns;
}

static void life_open(struct lone *o, uint64_t seed, unsigned workers)
{
	free_again = calloc(SPACE, sizeof(*free_again));
	assert_non_null(free_again);
	lone_open(o, seed);
	o->n->cfg.workers = (uint8_t)workers;
	o->n->cfg.labels_per_link_max = SPACE;
}

static void life_close(struct lone *o, struct labels *l)
{
	unsigned granted = 0, seen = 0;
	const struct label_slot *s;

	for (uint32_t v = 0; labels_next(l, &v, &s); v++) {
		seen++;
		granted += s->state == LABEL_GRANTED;
		assert_int_equal(s->state == LABEL_GRANTED, free_again[v] == GRANTED);
	}
	assert_int_equal(granted, l->granted);
	assert_int_equal(seen, l->granted + l->quarantined);
	assert_int_equal(labels_unreachable(l, o->n->cfg.workers), 0);
	labels_reset(o->n, l);
	lone_close(o);
	free(free_again);
}

/* Set-ups on one link as they come in years: at several rates, one by one and in bursts, with few and with many tunnels at a time. At the
 * most 500 000 tunnels stand and 200 000 labels are in quarantine, so that none may be refused. */
static void live(uint64_t setups, unsigned workers)
{
	static const struct {
		unsigned rate, tunnels, burst;
	} phases[] = {{1000, 2000, 1},       {20000, 500000, 1}, {20000, 40000, 500},
	              {5000, 300000, 20000}, {1000, 10000, 1},   {20000, 500000, 5000}};
	const uint64_t phase_setups = setups / (sizeof(phases) / sizeof(phases[0]));
	uint32_t *held = calloc(500001, sizeof(*held)), n = 0;
	struct labels l = {0};
	struct lone o;

	assert_non_null(held);
	life_open(&o, 9, workers);
	for (unsigned p = 0; p < sizeof(phases) / sizeof(phases[0]); p++)
		for (uint64_t i = 0; i < phase_setups; i++) {
			int worker = (int)rng_below(&o.rng, workers + 1) - 1;

			if (i % phases[p].burst == 0)
				o.n->now.ns += NS_PER_S * phases[p].burst / phases[p].rate;
			assert_true(alloc_checked(&o, &l, worker, &held[n++]));
			/* The tunnels of an earlier phase end two at a time. */
			for (unsigned k = 0; k < 2 && n > phases[p].tunnels; k++) {
				uint32_t at = (uint32_t)rng_below(&o.rng, n);

				free_checked(&o, &l, held[at]);
				held[at] = held[--n];
			}
		}
	life_close(&o, &l);
	free(held);
}

static void test_life(void **state)
{
	live(6000000, 1);
	live(2000000, 3);
}

static void test_long_life(void **state)
{
	live(100000000, 1);
	live(100000000, 16);
}

/* Every label of the space can be granted, and again after each quarantine; a worker that has none left is refused though others have. */
static void test_whole_space(void **state)
{
	const unsigned workers = 3, more = 1000;
	uint32_t *held = calloc(SPACE, sizeof(*held)), n = 0, label;
	struct labels l = {0};
	struct lone o;

	assert_non_null(held);
	life_open(&o, 10, workers);
	while (alloc_checked(&o, &l, 1, &held[n]))
		n++;
	assert_int_equal(n, SPACE / workers - LABEL_RESERVED_MAX / workers);
	assert_true(alloc_checked(&o, &l, 2, &held[n++]));
	while (alloc_checked(&o, &l, -1, &held[n]))
		n++;
	assert_int_equal(n, SPACE - LABEL_RESERVED_MAX - 1);
	for (unsigned round = 0; round < 5; round++) {
		for (unsigned i = 0; i < more; i++) {
			uint32_t at = (uint32_t)rng_below(&o.rng, n);

			free_checked(&o, &l, held[at]);
			held[at] = held[--n];
		}
		o.n->now.ns += o.n->cfg.label_quarantine_ns - 1;
		assert_false(alloc_checked(&o, &l, -1, &label));
		o.n->now.ns++;
		for (unsigned i = 0; i < more; i++)
			assert_true(alloc_checked(&o, &l, -1, &held[n++]));
		assert_false(alloc_checked(&o, &l, -1, &label));
	}
	life_close(&o, &l);
	free(held);
}

/* The audit must be able to say no: a label that left its list is found, in each of the ways in which that may happen. */
static void test_audit(void **state)
{
	uint32_t held[600], *first;
	struct labels l = {0};
	struct lone o;

	lone_open(&o, 11);
	o.n->cfg.workers = 1;
	for (unsigned i = 0; i < 600; i++)
		assert_int_equal(labels_alloc(o.n, &l, &o, -1, &held[i]), 0);
	for (unsigned i = 0; i < 500; i++)
		labels_free(o.n, &l, held[i]);
	assert_int_equal(labels_unreachable(&l, 1), 0);
	l.chunk[0]->slot[20].state = LABEL_FREE; /* it was granted or in quarantine */
	assert_true(labels_unreachable(&l, 1) > 0);
	labels_reset(o.n, &l);

	for (unsigned i = 0; i < 300; i++)
		assert_int_equal(labels_alloc(o.n, &l, &o, -1, &held[i]), 0);
	assert_int_equal(l.class[0].nopen, 1);
	l.class[0].nopen = 0; /* a chunk that is skipped for ever */
	assert_int_equal(labels_unreachable(&l, 1), 2 * LABEL_CHUNK - 300);
	l.class[0].nopen = 1;
	for (unsigned i = 0; i < 100; i++)
		labels_free(o.n, &l, held[i]);
	first = &l.chunk[held[4] / LABEL_CHUNK == l.chunk[1]->number]
	                 ->slot[held[4] % LABEL_CHUNK]
	                 .next;
	*first = held[7]; /* a queue that leaves out two */
	assert_true(labels_unreachable(&l, 1) > 0);
	*first = held[5];
	assert_int_equal(labels_unreachable(&l, 1), 0);
	labels_reset(o.n, &l);
	lone_close(&o);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_twin),  cmocka_unit_test(test_quota),
	        cmocka_unit_test(test_life),  cmocka_unit_test(test_whole_space),
	        cmocka_unit_test(test_audit),
	};
	const struct CMUnitTest long_tests[] = {
	        cmocka_unit_test(test_long_life),
	};

	if (argc > 1)
		return cmocka_run_group_tests(long_tests, NULL, NULL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
