/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP_NOTSENT_LOWAT: what cannot be sent yet stays in the ring, and goes when it can; the application is told of room where there is little. */
#include "lanepair.h"

#define LIMIT 4000u

static void limit(struct lanes *w, uint32_t slot, uint32_t bytes)
{
	static uint32_t seq;

	assert_true(lapp_say(&w->a, (struct applane_msg){.type = APPLANE_OPTION,
	                                                 .slot = slot,
	                                                 .option = APPLANE_OPT_NOTSENT,
	                                                 .value = bytes,
	                                                 .seq = ++seq}));
	assert_true(LANES_UNTIL(w, w->a.slot[slot].words->option_seq == seq, NS_PER_S));
	assert_int_equal(w->a.slot[slot].words->option_err, 0);
}

static uint32_t unsent(struct lanes *w, uint32_t slot)
{
	static uint32_t seq = 1000;

	assert_true(lapp_say(
	        &w->a, (struct applane_msg){.type = APPLANE_INFO, .slot = slot, .seq = ++seq}));
	assert_true(LANES_UNTIL(w, w->a.slot[slot].words->option_seq == seq, NS_PER_S));
	return w->a.slot[slot].words->info.unsent;
}

static void test_the_rest_waits_in_the_ring(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	joined(w, 1, 1);
	limit(w, 0, LIMIT);
	w->n.cut = true;
	for (unsigned i = 0; i < 20; i++) {
		lapp_write(&w->a, 0, 60000);
		lapp_write(&w->a, 1, 60000);
		lanes_for(w, NS_PER_MS);
	}
	/* Of the other one TCP has all. */
	assert_true(unsent(w, 0) <= LIMIT / 2);
	assert_true(unsent(w, 1) > LIMIT);
	assert_true(bytering_used(&w->a.seg.slots[0].side.out) > LIMIT);
	assert_int_equal(bytering_used(&w->a.seg.slots[1].side.out), 0);
	lanes_for(w, 100 * NS_PER_MS);
	assert_true(sess_sleep_ok(w->n.side[0].sess));
	w->n.cut = false;
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 300000));
	assert_true(transfer(w, &w->a, 1, &w->b, 1, 300000));
}

/* The least limit and the largest lose no byte, and an end comes behind them. */
static void test_limits(void **state)
{
	static const uint32_t limits[] = {1, 2, 100, UINT32_MAX};
	struct lanes *w = *state;

	listens(w);
	for (uint32_t i = 0; i < ARRAY_LEN(limits); i++) {
		joined(w, i, i);
		limit(w, i, limits[i]);
		assert_true(transfer(w, &w->a, i, &w->b, i, 200));
		lapp_write(&w->a, i, 500);
		lapp_close(&w->a, i, false);
		assert_true(LANES_UNTIL(w, has(&w->b, i, STREAM_EOF), 60 * NS_PER_S));
		lapp_read(&w->b, i, UINT64_MAX);
		assert_int_equal(w->b.slot[i].got, 500);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {T(test_the_rest_waits_in_the_ring), T(test_limits)};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
