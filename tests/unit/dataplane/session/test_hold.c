/* SPDX-License-Identifier: BSD-3-Clause */
/* An application that sleeps is woken at once for what was pushed and for an end, and for much or after a while where more is on its way; never later,
 * and a ring that this fills becomes larger, within what its application may have. */
#include "lanepair.h"

#define LARGE (4u << 20)
#define PLAIN (256u << 10)
#define RTT   (200 * NS_PER_US)

static int large_setup(void **state)
{
	struct lanes *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

	memset((void *)w, 0, sizeof(*w));
	sessnet_start(&w->n, 42);
	w->n.delay_ns = RTT / 2;
	lapp_start(&w->n, &w->a, 0, SLOTS, LARGE);
	lapp_start(&w->n, &w->b, 1, SLOTS, LARGE);
	sessnet_up(&w->n);
	assert_true(LANES_UNTIL(w, w->a.attached && w->b.attached, NS_PER_S));
	listens(w);
	joined(w, 0, 0);
	*state = w;
	return 0;
}

static uint64_t wakes(struct lanes *w)
{
	return lanes_count(w, 1)->app_futex_wakes;
}

static uint32_t waiting(struct lanes *w)
{
	return bytering_used(&w->b.slot[0].side.in);
}

static void sleeps(struct lanes *w)
{
	atomic_store(&w->b.slot[0].words->in_waits, APPWAIT_SLEEPS);
}

/* With TCP_CORK the last segment, which is not full, stays behind the others, of which none is pushed then. */
static void cork(struct lanes *w)
{
	static uint32_t seq;

	assert_true(lapp_say(&w->a, (struct applane_msg){.type = APPLANE_OPTION,
	                                                 .slot = 0,
	                                                 .option = APP_OPT_CORK,
	                                                 .value = 1,
	                                                 .seq = ++seq}));
	assert_true(LANES_UNTIL(w, w->a.slot[0].words->option_seq == seq, NS_PER_S));
}

static void test_what_is_pushed(void **state)
{
	struct lanes *w = *state;

	for (uint64_t end = 100; end < 10000; end += end / 2) {
		uint64_t before = wakes(w), from = w->a.slot[0].sent;

		sleeps(w);
		lapp_write(&w->a, 0, end);
		assert_true(LANES_UNTIL(w, waiting(w) == end - from, NS_PER_S));
		assert_int_equal(wakes(w), before + 1);
		lapp_read(&w->b, 0, UINT64_MAX);
	}
}

/* No push follows: a millisecond after the last byte it is woken all the same. */
static void test_what_is_not_pushed(void **state)
{
	struct lanes *w = *state;
	uint64_t before = wakes(w);
	struct instant came;
	uint32_t some;

	cork(w);
	sleeps(w);
	lapp_write(&w->a, 0, 5000);
	assert_true(LANES_UNTIL(w, waiting(w) > 0, NS_PER_S));
	lanes_for(w, RTT);
	came = w->n.now;
	some = waiting(w);
	assert_true(some > 2000 && some < 5000);
	assert_int_equal(wakes(w), before);
	lanes_for(w, NS_PER_MS / 2);
	assert_int_equal(wakes(w), before);
	lanes_for(w, instant_sub(instant_add(came, NS_PER_MS + NS_PER_US), w->n.now));
	assert_int_equal(wakes(w), before + 1);
	assert_int_equal(waiting(w), some);
	/* Once, and it reads; nothing is told to who is awake. */
	lapp_read(&w->b, 0, UINT64_MAX);
	lanes_for(w, NS_PER_S);
	assert_int_equal(wakes(w), before + 1);
}

/* What has not been told yet is told with the end that follows it, or with a reset. */
static void test_an_end(void **state)
{
	struct lanes *w = *state;
	uint64_t before = wakes(w);

	cork(w);
	sleeps(w);
	lapp_write(&w->a, 0, 5000);
	assert_true(LANES_UNTIL(w, waiting(w) > 0, NS_PER_S));
	assert_int_equal(wakes(w), before);
	lapp_shut(&w->a, 0);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, STREAM_EOF), NS_PER_MS / 2));
	assert_int_equal(wakes(w), before + 1);
	assert_int_equal(waiting(w), 5000);
}

static void test_a_reset(void **state)
{
	struct lanes *w = *state;
	uint64_t before = wakes(w);

	cork(w);
	sleeps(w);
	lapp_write(&w->a, 0, 5000);
	assert_true(LANES_UNTIL(w, waiting(w) > 0, NS_PER_S));
	assert_int_equal(wakes(w), before);
	lapp_close(&w->a, 0, true);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, STREAM_ERROR), NS_PER_S));
	assert_int_equal(wakes(w), before + 1);
	/* It is nobody's any more, and nothing is held back of it. */
	lapp_close(&w->b, 0, false);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, APPSEG_FREE), NS_PER_S));
	lanes_for(w, 100 * NS_PER_MS);
}

/* Who sleeps as soon as there is nothing to read, while `bytes` come. Returns how often it was woken. */
static uint64_t read_asleep(struct lanes *w, uint64_t bytes)
{
	struct instant limit = instant_add(w->n.now, 60 * NS_PER_S);
	uint64_t before = wakes(w), end = w->b.slot[0].got + bytes;

	sleeps(w);
	while (w->b.slot[0].got < end && instant_before(w->n.now, limit)) {
		lapp_write(&w->a, 0, end);
		lanes_step(w, 100 * NS_PER_US);
		if (atomic_load(&w->b.slot[0].words->in_waits))
			continue;
		lapp_read(&w->b, 0, UINT64_MAX);
		sleeps(w);
	}
	assert_int_equal(w->b.slot[0].got, end);
	return wakes(w) - before;
}

/* A stream that fills half of its ring in time gets a larger one, and so fewer wake-ups than one for each MiB. */
static void test_much_at_a_time(void **state)
{
	struct lanes *w = *state;

	assert_int_equal(w->b.seg.slots[0].side.in.most, PLAIN);
	(void)read_asleep(w, 32u << 20);
	assert_true(w->b.seg.slots[0].side.in.most > PLAIN);
	assert_true(read_asleep(w, 64u << 20) < 64);
}

/* SO_RCVBUF holds however fast the stream is. */
static void test_within_its_limit(void **state)
{
	struct lanes *w = *state;

	assert_true(lapp_say(&w->b, (struct applane_msg){.type = APPLANE_OPTION,
	                                                 .slot = 0,
	                                                 .option = APP_OPT_RCVBUF_MAX,
	                                                 .value = 500000,
	                                                 .seq = 1}));
	assert_true(LANES_UNTIL(w, w->b.slot[0].words->option_seq == 1, NS_PER_S));
	(void)read_asleep(w, 32u << 20);
	assert_true(w->b.seg.slots[0].side.in.most <= 1u << 19);
	assert_true(w->b.seg.slots[0].side.in.cap <= 1u << 19);
}

/* Large rings are for as many streams as half of the application's memory is enough for, and then for others. */
static void test_within_its_memory(void **state)
{
	const struct dp_app_limits limits = {.bytes = 4 * 2 * LARGE};
	struct app_account *account = aligned_alloc(COYO_CACHELINE, 2 * sizeof(*account));
	struct lanes *w = *state;

	account_init(&account[0], &limits, NULL);
	account_init(&account[1], &limits, &account[0]);
	assert_true(account_grow(&account[1], LARGE));
	assert_true(account_grow(&account[1], LARGE));
	assert_false(account_grow(&account[1], LARGE));
	assert_int_equal(atomic_load(&account[0].grown), 2);
	w->b.seg.account = &account[1];
	(void)read_asleep(w, 32u << 20);
	assert_int_equal(w->b.seg.slots[0].side.in.most, PLAIN);
	account_shrink(&account[1]);
	(void)read_asleep(w, 32u << 20);
	assert_true(w->b.seg.slots[0].side.in.most > PLAIN);
	assert_int_equal(atomic_load(&account[0].grown), 2);
	lapp_close(&w->a, 0, false);
	lapp_close(&w->b, 0, false);
	assert_true(both_free(w, 0, 0));
	assert_int_equal(atomic_load(&account[0].grown), 1);
	assert_int_equal(atomic_load(&account[1].grown), 1);
	w->b.seg.account = NULL;
	free(account);
}

#define L(name) cmocka_unit_test_setup_teardown(name, large_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        L(test_what_is_pushed),    L(test_what_is_not_pushed), L(test_an_end),
	        L(test_a_reset),           L(test_much_at_a_time),     L(test_within_its_limit),
	        L(test_within_its_memory),
	};

	sessnet_global();
	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
