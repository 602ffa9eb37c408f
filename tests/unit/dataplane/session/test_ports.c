/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker and its applications: when it sleeps on them, and what is left when one goes. */
#include "lanepair.h"

/* The worker sleeps only when the lane has been quiet, and says so first; an application that speaks then wakes it once. */
static void test_the_worker_sleeps(void **state)
{
	struct lanes *w = *state;
	struct worker_sessions *s = w->n.side[0].sess;
	struct applane_msg m = {.type = APPLANE_CONNECT, .port = PORT, .id = w->n.cfg[1].id};

	lanes_for(w, 10 * NS_PER_MS);
	assert_true(sess_sleep_ok(s));
	assert_int_equal(atomic_load(&w->a.port->lane->worker_asleep), 1);
	lapp_fresh(&w->a, 0);
	assert_true(lapp_say(&w->a, m));
	assert_int_equal(w->a.wakes, 1);
	m.slot = 1;
	lapp_fresh(&w->a, 1);
	assert_true(lapp_say(&w->a, m));
	assert_int_equal(w->a.wakes, 1);
	sess_poll(s, w->n.now);
	/* A moment after a message it looks on. */
	assert_false(sess_sleep_ok(s));
	w->n.now = instant_add(w->n.now, 10 * NS_PER_US);
	sess_poll(s, w->n.now);
	assert_false(sess_sleep_ok(s));
	/* But not for long: others may want the processor. */
	w->n.now = instant_add(w->n.now, 15 * NS_PER_US);
	sess_poll(s, w->n.now);
	assert_true(sess_sleep_ok(s));
	lanes_for(w, NS_PER_S);
	assert_true(sess_sleep_ok(s));
	/* Woken by something else, it takes the word back: nobody need wake it. */
	sess_poll(s, w->n.now);
	assert_int_equal(atomic_load(&w->a.port->lane->worker_asleep), 0);
	assert_true(sess_sleep_ok(s));
	m.slot = 2;
	lapp_fresh(&w->a, 2);
	assert_true(lapp_say(&w->a, m));
	assert_false(sess_sleep_ok(s));
}

static void leave(struct lapp *a)
{
	lapp_bridge(a, (struct bridge_msg){.type = BRIDGE_APP_LEAVE, .app = a->port});
}

/* What it had written arrives, and an end behind it, as from a process that exits. */
static void test_leaves_with_bytes_on_their_way(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	joined(w, 1, 1);
	lapp_write(&w->a, 0, 60000);
	w->a.slot[0].words = NULL;
	leave(&w->a);
	for (unsigned i = 0; i < 100 && !(has(&w->b, 0, STREAM_EOF) && w->a.gone); i++) {
		lanes_for(w, 100 * NS_PER_MS);
		lapp_read(&w->b, 0, UINT64_MAX);
	}
	assert_true(w->a.gone);
	assert_int_equal(w->b.slot[0].got, 60000);
	assert_true(has(&w->b, 0, STREAM_EOF) && has(&w->b, 1, STREAM_EOF));
	assert_int_equal(lapp_told(&w->b, 0) & STREAM_ERROR, 0);
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_false(held(&w->a, i));
}

/* Bytes that it has not read make it a reset. */
static void test_leaves_with_bytes_unread(void **state)
{
	struct lanes *w = *state;

	listens(w);
	joined(w, 0, 0);
	lapp_write(&w->b, 0, 100);
	lanes_for(w, NS_PER_S);
	leave(&w->a);
	assert_true(LANES_UNTIL(w, has(&w->b, 0, STREAM_ERROR) && w->a.gone, 5 * NS_PER_S));
	assert_int_equal(lapp_err(&w->b, 0), ECONNRESET);
}

/* Slots that are connecting, wait for a connection, have failed or are closed already; the listener goes before it or after it. */
static void leaves_in_every_state(struct lanes *w, bool listener_first)
{
	listens(w);
	joined(w, 0, 0);
	for (uint32_t i = 1; i < 10; i++)
		lapp_post(&w->b, i, SLOTS - 1);
	lapp_connect(&w->b, 20, &w->n.cfg[0].id, PORT);
	lanes_for(w, 100 * NS_PER_MS);
	assert_int_equal(lapp_err(&w->b, 20), ECONNREFUSED);
	w->n.cut = true;
	lapp_connect(&w->b, 21, &w->n.cfg[0].id, PORT);
	lapp_write(&w->b, 0, 10);
	lapp_close(&w->b, 0, false);
	lanes_for(w, 10 * NS_PER_MS);
	w->n.cut = false;
	if (listener_first)
		lapp_unlisten(&w->b);
	leave(&w->b);
	assert_true(LANES_UNTIL(w, w->b.gone, 10 * NS_PER_S));
	if (!listener_first)
		lapp_unlisten(&w->b);
	assert_true(LANES_UNTIL(w, w->b.unlistened, NS_PER_S));
	for (uint32_t i = 0; i < SLOTS; i++)
		assert_false(held(&w->b, i));
	assert_int_equal(w->b.port->held, 0);
	assert_false(w->b.listener_gone);
	lapp_read(&w->a, 0, UINT64_MAX);
	assert_int_equal(w->a.slot[0].got, 10);
	lapp_connect(&w->a, 1, &w->n.cfg[1].id, PORT);
	assert_true(LANES_UNTIL(w, has(&w->a, 1, STREAM_ERROR), 5 * NS_PER_S));
}

static void test_leaves_in_every_state(void **state)
{
	leaves_in_every_state(*state, true);
}

static void test_leaves_before_its_listener(void **state)
{
	leaves_in_every_state(*state, false);
}

/* It takes no events any more, and its ring is full: that keeps nobody from going. */
static void test_leaves_with_its_ring_full(void **state)
{
	struct lanes *w = *state;

	listens(w);
	w->b.deaf = true;
	for (uint32_t i = 0; i < APPLANE_MSGS + 20; i++) {
		if (i % 50 == 0)
			lanes_for(w, 10 * NS_PER_MS);
		lapp_post(&w->b, i, SLOTS - 1);
		lapp_connect(&w->a, i, &w->n.cfg[1].id, PORT);
	}
	lanes_for(w, NS_PER_S);
	lapp_unlisten(&w->b);
	lanes_for(w, 100 * NS_PER_MS);
	assert_false(w->b.unlistened);
	leave(&w->b);
	assert_true(LANES_UNTIL(w, w->b.gone && w->b.unlistened, 10 * NS_PER_S));
}

/* Somebody who has the memory still writes into it: what was written when the application left is delivered, and no more. */
static void test_what_is_written_after_the_end(void **state)
{
	struct lanes *w = *state;
	void *piece;

	listens(w);
	joined(w, 0, 0);
	w->n.cut = true;
	lapp_write(&w->a, 0, 5000);
	leave(&w->a);
	lanes_for(w, 10 * NS_PER_MS);
	for (unsigned i = 0; i < 5000; i++) {
		uint32_t room = bytering_reserve(&w->a.slot[0].side.out, &piece);

		bytering_commit(&w->a.slot[0].side.out, room < 100 ? room : 100);
		lanes_for(w, NS_PER_MS);
		w->n.cut = i < 100;
	}
	assert_true(w->a.gone);
	lapp_read(&w->b, 0, UINT64_MAX);
	assert_int_equal(w->b.slot[0].got, 5000);
	assert_true(has(&w->b, 0, STREAM_EOF));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_the_worker_sleeps),
	        T(test_leaves_with_bytes_on_their_way),
	        T(test_leaves_with_bytes_unread),
	        T(test_leaves_in_every_state),
	        T(test_leaves_before_its_listener),
	        T(test_leaves_with_its_ring_full),
	        T(test_what_is_written_after_the_end),
	};

	sessnet_global();
	return cmocka_run_group_tests_name("ports", tests, NULL, NULL);
}
