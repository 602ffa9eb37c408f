/* SPDX-License-Identifier: BSD-3-Clause */
/* The search for the largest packet that a link carries, on ways of every width, and ways that change. */
#include "peer/mtu.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct way {
	struct mtu m;
	uint16_t carries;
	uint32_t id;
	unsigned probes;
	double loss;
	struct rng rng;
	struct rng_seeded seed;
};

static void way_open(struct way *w, uint16_t bound, uint16_t carries)
{
	*w = (struct way){.carries = carries};
	rng_seeded_init(&w->seed, bound * 7919u + carries);
	w->rng = rng_from_seeded(&w->seed);
	mtu_start(&w->m, bound);
	assert_int_equal(w->m.now, MTU_BASE);
}

static bool arrives(struct way *w)
{
	return (double)(rng_u64(&w->rng) >> 11) * 0x1p-53 >= w->loss;
}

/* Probes until nothing is to be found out. */
static void search(struct way *w)
{
	uint16_t size;

	for (unsigned i = 0; (size = mtu_due(&w->m)); i++) {
		assert_true(i < 200);
		assert_in_range(size, MTU_BASE, w->m.bound);
		w->probes++;
		mtu_sent(&w->m, ++w->id, (struct instant){w->id});
		if (size <= w->carries && arrives(w) && arrives(w))
			(void)mtu_answered(&w->m, w->id, size);
		else
			(void)mtu_lost(&w->m, true);
		assert_true(w->m.now <= w->m.bound && w->m.now >= MTU_BASE);
	}
}

static void test_every_width_is_found(void **state)
{
	for (unsigned bound = 1200; bound <= 1500; bound += 7)
		for (unsigned carries = 1150; carries <= 1510; carries++) {
			struct way w;
			unsigned least = carries < bound ? carries : bound;

			way_open(&w, (uint16_t)bound, (uint16_t)carries);
			search(&w);
			assert_int_equal(w.m.failed, carries < MTU_BASE);
			if (w.m.failed)
				continue;
			assert_in_range(w.m.now, least > 1208 ? least - 8 : 1200, least);
			if (carries >= bound)
				assert_int_equal(w.probes, 1);
			assert_true(w.probes <= 30);
		}
}

/* What the link carries changes while it is in use: checked, it is noticed; raised, it is found again. */
static void test_a_way_that_changes(void **state)
{
	for (unsigned from = 1200; from <= 1400; from += 25)
		for (unsigned to = 1150; to <= 1400; to += 25) {
			struct way w;

			way_open(&w, 1400, (uint16_t)from);
			search(&w);
			w.carries = (uint16_t)to;
			mtu_check(&w.m);
			search(&w);
			assert_int_equal(w.m.failed, to < MTU_BASE);
			if (w.m.failed)
				continue;
			assert_true(w.m.now <= to);
			if (to < from)
				assert_in_range(w.m.now, to > 1208 ? to - 8 : 1200, to);
			w.carries = 1400;
			mtu_raise(&w.m);
			search(&w);
			assert_int_equal(w.m.now, 1400);
		}
}

/* The kernel's word that a packet in use is too long counts at once; about a probe it says nothing new. */
static void test_refused_by_the_kernel(void **state)
{
	struct way w;

	way_open(&w, 1440, 1440);
	search(&w);
	assert_false(mtu_refused(&w.m, 1441));
	w.carries = 1300;
	assert_true(mtu_refused(&w.m, 1440));
	assert_int_equal(w.m.now, MTU_BASE);
	search(&w);
	assert_in_range(w.m.now, 1292, 1300);
	w.carries = 1100;
	(void)mtu_refused(&w.m, 1150);
	assert_int_equal(w.m.now, MTU_BASE);
	assert_false(w.m.failed);
	search(&w);
	assert_true(w.m.failed);
}

/* Loss that has nothing to do with size does not take a link down, nor what silence takes: with nothing heard no try counts. */
static void test_loss_is_not_narrowness(void **state)
{
	for (unsigned seed = 0; seed < 200; seed++) {
		struct way w;

		way_open(&w, (uint16_t)(1300 + seed), 1500);
		w.loss = 0.1;
		search(&w);
		assert_false(w.m.failed);
	}
	for (unsigned i = 0; i < 100; i++) {
		struct way w;

		way_open(&w, 1400, 1400);
		mtu_sent(&w.m, 1, (struct instant){1});
		assert_false(mtu_lost(&w.m, false));
		assert_int_equal(w.m.tries, 0);
	}
}

/* Answers that nobody waits for: late, of another size, repeated. */
static void test_foreign_answers(void **state)
{
	struct mtu m;

	mtu_start(&m, 1400);
	mtu_sent(&m, 7, (struct instant){1});
	assert_false(mtu_answered(&m, 0, 1400));
	assert_false(mtu_answered(&m, 8, 1400));
	assert_false(mtu_answered(&m, 7, 1399));
	assert_true(mtu_answered(&m, 7, 1400));
	assert_false(mtu_answered(&m, 7, 1400));
	assert_int_equal(m.now, 1400);
}

static void test_bound(void **state)
{
	struct way w;

	way_open(&w, 1400, 1500);
	search(&w);
	assert_true(mtu_set_bound(&w.m, 1300));
	search(&w);
	assert_int_equal(w.m.now, 1300);
	assert_false(mtu_set_bound(&w.m, 1450));
	search(&w);
	assert_int_equal(w.m.now, 1450);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_every_width_is_found),
	        cmocka_unit_test(test_a_way_that_changes),
	        cmocka_unit_test(test_refused_by_the_kernel),
	        cmocka_unit_test(test_loss_is_not_narrowness),
	        cmocka_unit_test(test_foreign_answers),
	        cmocka_unit_test(test_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
