/* SPDX-License-Identifier: BSD-3-Clause */
/* Who waits for news of a stream is woken in the way that it asked for, and nobody else is. */
#include "lanepair.h"

#include <unistd.h>

/* Nobody waits: nobody is woken, however much is moved. */
static void test_nobody_awake_is_woken(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	w->a.wakes = w->b.wakes = 0;
	assert_true(transfer(w, &w->a, 0, &w->b, 0, 4u << 20));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(lanes_count(w, i)->app_futex_wakes, 0);
		assert_int_equal(lanes_count(w, i)->app_wakes, 0);
	}
	assert_int_equal(w->a.ready + w->b.ready, 0);
	assert_int_equal(w->a.wakes + w->b.wakes, 0);
}

/* Who waits is woken once for each time that it said so, in the way that it asked for. */
static void test_who_waits_is_woken(void **state)
{
	struct lanes *w = *state;
	struct dp_worker_counters *c = lanes_count(w, 1);
	struct appseg_slot *words;
	uint64_t eight;

	listens(w);
	/* The listener's own slot. */
	lapp_fresh(&w->b, SLOTS - 1);
	atomic_store(&w->b.slot[SLOTS - 1].words->in_waits, APPWAIT_SLEEPS);
	joined(w, 0, 0);
	assert_int_equal(c->app_futex_wakes, 1);
	assert_int_equal(atomic_load(&w->b.slot[SLOTS - 1].words->in_waits), 0);
	/* A call that waits for bytes. */
	words = w->b.slot[0].words;
	atomic_store(&words->in_waits, APPWAIT_SLEEPS);
	lapp_write(&w->a, 0, 100);
	lanes_for(w, 100 * NS_PER_MS);
	assert_int_equal(c->app_futex_wakes, 2);
	/* The words were set here, and no thread sleeps on them. */
	assert_int_equal(c->app_idle_wakes, 2);
	lapp_write(&w->a, 0, 200);
	lanes_for(w, 100 * NS_PER_MS);
	assert_int_equal(c->app_futex_wakes, 2);
	/* A poll that is awake: a message, and no system call. */
	atomic_store(&words->in_waits, APPWAIT_EVENT);
	lapp_write(&w->a, 0, 300);
	lanes_for(w, 100 * NS_PER_MS);
	assert_int_equal(w->b.ready, 1);
	assert_int_equal(w->b.last_ready, 0);
	assert_int_equal(c->app_wakes, 0);
	assert_int_equal(read(w->b.app_fd, &eight, 8), -1);
	/* A poll that sleeps, and a call beside it. */
	atomic_store(&w->b.port->lane->app_asleep, 1);
	atomic_store(&words->in_waits, APPWAIT_EVENT | APPWAIT_SLEEPS);
	lapp_write(&w->a, 0, 400);
	lanes_for(w, 100 * NS_PER_MS);
	assert_int_equal(w->b.ready, 2);
	assert_int_equal(c->app_wakes, 1);
	assert_int_equal(c->app_futex_wakes, 3);
	assert_int_equal(atomic_load(&w->b.port->lane->app_asleep), 0);
	assert_int_equal(read(w->b.app_fd, &eight, 8), 8);
	assert_int_equal(read(w->b.app_fd, &eight, 8), -1);
	/* The end and the slot's freedom are worth waking for, too. */
	atomic_store(&words->in_waits, APPWAIT_EVENT);
	lapp_close(&w->a, 0, false);
	assert_true(LANES_UNTIL(w, w->b.ready == 3, 5 * NS_PER_S));
	atomic_store(&words->in_waits, APPWAIT_EVENT);
	lapp_close(&w->b, 0, false);
	assert_true(LANES_UNTIL(w, w->b.ready == 4, 5 * NS_PER_S));
	assert_true(has(&w->b, 0, APPSEG_FREE));
}

static void test_a_writer_that_waits(void **state)
{
	struct lanes *w = *state;
	struct dp_worker_counters *c = lanes_count(w, 0);
	struct appseg_slot *words;

	listens(w);
	joined(w, 0, 0);
	words = w->a.slot[0].words;
	/* Nobody reads: all buffers fill up. */
	for (unsigned i = 0; i < 200; i++) {
		lapp_write(&w->a, 0, 64u << 20);
		lanes_for(w, 20 * NS_PER_MS);
	}
	atomic_store(&words->out_waits, APPWAIT_SLEEPS);
	lapp_write(&w->a, 0, 64u << 20);
	lanes_for(w, 100 * NS_PER_MS);
	assert_int_equal(c->app_futex_wakes, 0);
	/* Not for the first bytes, but when it is worth while. */
	for (unsigned i = 0; i < 2000 && c->app_futex_wakes == 0; i++) {
		lapp_read(&w->b, 0, 4096);
		lanes_for(w, 10 * NS_PER_MS);
		if (c->app_futex_wakes == 0)
			assert_true(bytering_room(&w->a.slot[0].side.out) < RING / 2);
	}
	assert_true(bytering_room(&w->a.slot[0].side.out) >= RING / 2);
	assert_int_equal(c->app_futex_wakes, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_nobody_awake_is_woken),
	        T(test_who_waits_is_woken),
	        T(test_a_writer_that_waits),
	};

	sessnet_global();
	return cmocka_run_group_tests_name("news", tests, NULL, NULL);
}
