/* SPDX-License-Identifier: BSD-3-Clause */
/* The label map against its twin: random sets, deletions and packets; memory returns to nothing. */
#include "base/rng.h"
#include "label_twin.h"
#include "table/ilm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int64_t held; /* bytes the table has */
static unsigned refuse_every, calls;

static void *alloc(void *arg, size_t n)
{
	void *p;

	if (refuse_every && ++calls % refuse_every == 0)
		return NULL;
	p = aligned_alloc(64, (n + 63) & ~(size_t)63);
	memset(p, 0, n);
	held += (int64_t)n;
	return p;
}

static void release(void *arg, void *p, size_t n)
{
	held -= (int64_t)n;
	free(p);
}

static const struct table_mem mem = {alloc, release, NULL};

/* Few chunks, few labels in each, so that chunks fill and empty; now and then anything at all. */
static uint32_t any_label(const struct rng *r)
{
	if (rng_below(r, 20) == 0)
		return (uint32_t)rng_u64(r) >> rng_below(r, 32);
	return (uint32_t)(rng_below(r, 6) * 180000 + rng_below(r, 24));
}

static struct cp_ilm any_entry(const struct rng *r)
{
	struct cp_ilm c = {.in_label = any_label(r),
	                   .op = (uint8_t)rng_below(r, 5),
	                   .out_link = (uint16_t)rng_below(r, CPDP_LINKS_MAX + 4),
	                   .out_label = any_label(r),
	                   .twin_link = (uint16_t)rng_below(r, 100),
	                   .twin_label = any_label(r),
	                   .session = (uint32_t)rng_u64(r)};

	return c;
}

static void compare(const struct ilm *t, const struct label_twin *twin, uint32_t label)
{
	int i = label_twin_find(twin, label);
	const struct ilm_entry *e = ilm_get(t, label);

	assert_int_equal(e != NULL, i >= 0);
	if (!e)
		return;
	assert_int_equal(e->op, twin->row[i].op);
	assert_int_equal(e->out, e->op == ILM_SWAP ? twin->row[i].out_label : twin->row[i].session);
	assert_int_equal(e->out_link, twin->row[i].out_link);
	assert_int_equal(e->packets, twin->packets[i]);
	assert_int_equal(e->bytes, twin->bytes[i]);
}

static void step(struct ilm *t, struct label_twin *twin, const struct rng *r, int64_t now)
{
	struct cp_ilm c = any_entry(r);
	uint32_t label = any_label(r);

	switch (rng_below(r, 4)) {
	case 0:
		assert_int_equal(ilm_set(t, &mem, &c) == 0, label_twin_set(twin, &c));
		break;
	case 1:
		assert_int_equal(ilm_del(t, &mem, label) == 0, label_twin_del(twin, label));
		break;
	default:
		assert_ptr_equal(ilm_granted(ilm_prefetch(t, label)), ilm_get(t, label));
		if (ilm_get(t, label)) {
			int i = label_twin_find(twin, label);

			assert_true(i >= 0);
			ilm_count(ilm_get(t, label), 100, (struct instant){now});
			twin->packets[i]++;
			twin->bytes[i] += 100;
			assert_in_range(ilm_idle_ns(ilm_get(t, label),
			                            (struct instant){now + 5 * NS_PER_S}),
			                4998 * NS_PER_MS, 5002 * NS_PER_MS);
		}
		break;
	}
	compare(t, twin, label);
	compare(t, twin, c.in_label);
}

static void test_random_life(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct rng_seeded s;
		struct ilm t = {0};
		struct label_twin twin = {0};
		struct rng r;

		rng_seeded_init(&s, seed);
		r = rng_from_seeded(&s);
		for (int64_t i = 0; i < 20000; i++)
			step(&t, &twin, &r, i);
		assert_int_equal(t.entries, twin.n);
		for (unsigned i = 0; i < twin.n; i++)
			compare(&t, &twin, twin.row[i].in_label);
		if (seed % 2) {
			while (twin.n) {
				uint32_t label = twin.row[0].in_label;

				assert_int_equal(ilm_del(&t, &mem, label), 0);
				label_twin_del(&twin, label);
			}
		} else {
			ilm_clear(&t, &mem);
		}
		assert_int_equal(held, 0);
		assert_null(t.chunk);
		label_twin_free(&twin);
	}
}

/* Without memory a set fails and nothing changes. */
static void test_memory_refused(void **state)
{
	struct ilm t = {0};

	refuse_every = 2;
	for (uint32_t i = 0; i < 4000; i++) {
		struct cp_ilm c = {.in_label = 16 + i * 256, .op = ILM_SINK};
		uint32_t before = t.entries;
		int rc = ilm_set(&t, &mem, &c);

		assert_int_equal(t.entries, before + (rc == 0));
		assert_int_equal(ilm_get(&t, c.in_label) != NULL, rc == 0);
	}
	refuse_every = 0;
	ilm_clear(&t, &mem);
	assert_int_equal(held, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_random_life),
	        cmocka_unit_test(test_memory_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
