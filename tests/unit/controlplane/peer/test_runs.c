/* SPDX-License-Identifier: BSD-3-Clause */
/* The verdict on runs of datagrams, on ways that damage their members, and on ways that lose whatever it is. */
#include "peer/runs.h"

#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define SAMPLE_NS (300 * NS_PER_MS)

/* What becomes of the members of a run. */
enum harm { HARM_NONE, HARM_ALL, HARM_BUT_FIRST, HARM_LAST, HARM_EVERY_THIRD };

struct way {
	struct runs r;
	struct instant now;
	enum harm harm;
	double loss;  /* of any datagram */
	unsigned run; /* members of one run */
	unsigned told;
	struct rng_seeded seed;
	struct rng rng;
};

static void way_open(struct way *w, uint64_t seed, unsigned run)
{
	*w = (struct way){.run = run, .now.ns = 1000 * NS_PER_S};
	rng_seeded_init(&w->seed, seed);
	w->rng = rng_from_seeded(&w->seed);
}

static bool harmed(const struct way *w, unsigned i)
{
	switch (w->harm) {
	case HARM_ALL:
		return true;
	case HARM_BUT_FIRST:
		return i > 0;
	case HARM_LAST:
		return i == w->run - 1;
	case HARM_EVERY_THIRD:
		return i % 3 == 2;
	default:
		return false;
	}
}

static bool random_loss(struct way *w)
{
	return (double)(rng_u64(&w->rng) >> 11) * 0x1p-53 < w->loss;
}

/* One sample of so many runs, as datagrams leave in this state. */
static void sample(struct way *w, unsigned runs)
{
	unsigned sent = 0, lost = 0;
	uint8_t mode, was;

	(void)runs_tick(&w->r, w->now);
	mode = runs_mode(&w->r);
	was = w->r.state;
	for (unsigned k = 0; k < (mode == LINK_RUNS_ONE ? 1 : runs); k++)
		for (unsigned i = 0; i < w->run; i++, sent++)
			lost += (mode != LINK_RUNS_NONE && harmed(w, i)) | random_loss(w);
	if (w->r.state != RUNS_OFF)
		(void)runs_judge(&w->r, sent, lost, w->now);
	w->told += w->r.state == RUNS_OFF && was != RUNS_OFF;
	w->now = instant_add(w->now, SAMPLE_NS);
}

/* Damage to members alone is noticed within a few samples, from the start and after long good times; and runs come back. */
static void test_damage_to_members_is_noticed(void **state)
{
	for (unsigned harm = HARM_ALL; harm <= HARM_EVERY_THIRD; harm++)
		for (unsigned run = 2; run <= 10; run += 4)
			for (unsigned good = 0; good < 2; good++) {
				struct way w;
				unsigned n = 0;

				/* One of ten lost is not told from a lossy way. */
				if ((harm == HARM_LAST && run == 10) ||
				    (harm == HARM_EVERY_THIRD && run == 2))
					continue;
				way_open(&w, harm * 100 + run, run);
				w.loss = 0.01;
				for (unsigned i = 0; i < good * 1000; i++)
					sample(&w, 20);
				w.harm = harm;
				while (w.r.state != RUNS_OFF) {
					sample(&w, 12);
					assert_true(++n < 20);
				}
				assert_true(w.r.convicted.lost > 0);
				assert_true(w.r.convicted.lost <= w.r.convicted.sent);
				/* Tried again, but ever more seldom, as long as it lasts. */
				w.told = 0;
				for (unsigned i = 0; i < 3600 * 1000 / 300; i++)
					sample(&w, 12);
				assert_in_range(w.told, 5, 13);
				w.harm = HARM_NONE;
				for (unsigned i = 0; i < 1000 * 1000 / 300; i++)
					sample(&w, 12);
				assert_int_equal(w.r.state, RUNS_ON);
				/* Another fault long after is a first one. */
				w.harm = harm;
				for (n = 0; w.r.state != RUNS_OFF && n < 20; n++)
					sample(&w, 12);
				assert_int_equal(w.r.pause, 10 * NS_PER_S);
			}
}

/* A window of ten that lost all but its first: nine are enough. */
static void test_one_flight_is_enough(void **state)
{
	struct runs r = {0};
	struct instant now = {NS_PER_S};

	assert_true(runs_judge(&r, 10, 9, now));
	assert_int_equal(r.state, RUNS_TRIAL);
	assert_int_equal(runs_mode(&r), LINK_RUNS_NONE);
	assert_false(runs_judge(&r, 20, 0, now));
	assert_true(runs_judge(&r, 16, 0, now));
	assert_int_equal(r.state, RUNS_OFF);
}

/* Losses of a way that has nothing against runs do not turn them off, and trials of them are few. */
static void test_ordinary_loss_turns_nothing_off(void **state)
{
	static const double losses[] = {0.001, 0.01, 0.05, 0.08, 0.15, 0.3, 0.6};

	for (unsigned i = 0; i < 7; i++)
		for (unsigned run = 2; run <= 64; run += 31) {
			struct way w;
			unsigned trials = 0;

			way_open(&w, i * 100 + run, run);
			w.loss = losses[i];
			for (unsigned k = 0; k < 3600 * 1000 / 300; k++) {
				sample(&w, 1 + (unsigned)rng_below(&w.rng, 4));
				trials += w.r.state == RUNS_TRIAL;
			}
			if (losses[i] <= 0.05)
				assert_true(trials == 0 && w.told == 0);
			else
				assert_true(trials < 3600 * 1000 / 300 / 10 && w.told <= 1);
		}
}

/* A trial in which nothing is sent ends by itself. */
static void test_trial_without_traffic_ends(void **state)
{
	struct runs r = {0};
	struct instant now = {NS_PER_S};

	assert_true(runs_judge(&r, 100, 90, now));
	assert_false(runs_tick(&r, instant_add(now, 29 * NS_PER_S)));
	assert_true(runs_tick(&r, instant_add(now, 30 * NS_PER_S)));
	assert_int_equal(runs_mode(&r), LINK_RUNS_ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_damage_to_members_is_noticed),
	        cmocka_unit_test(test_one_flight_is_enough),
	        cmocka_unit_test(test_ordinary_loss_turns_nothing_off),
	        cmocka_unit_test(test_trial_without_traffic_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
