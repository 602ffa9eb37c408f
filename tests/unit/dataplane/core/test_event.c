/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker tells control: whole events in order, a full ring counted, one wake-up for a control that may sleep. */
#include "core/event.h"
#include "../room.h"
#include "core/ring.h"

static struct room r = {.cfg.name = "event"};

static int setup(void **state)
{
	room_start(&r);
	return 0;
}

static int teardown(void **state)
{
	room_end(&r);
	return 0;
}

static bool take(struct dp_event *out)
{
	const struct dp_event *ev = ring_take_begin(r.w[1].events, sizeof(*ev));

	if (!ev)
		return false;
	memcpy(out, ev, dp_event_size(ev));
	ring_take_end(r.w[1].events);
	return true;
}

static void test_events_arrive_whole_and_in_order(void **state)
{
	struct dp_event ev = {.type = EVT_REKEY, .cookie = 5, .u.key.session = 77}, got = {0};
	struct dp_event *slot = event_begin(&r.w[1]);

	assert_non_null(slot);
	slot->type = EVT_DUMP_END;
	assert_false(take(&got)); /* not before it is complete */
	event_end(&r.w[1]);
	assert_true(worker_event(&r.w[1], &ev));
	assert_true(take(&got));
	assert_int_equal(got.type, EVT_DUMP_END);
	assert_int_equal(got.cookie, 0);
	assert_int_equal(got.worker, 1);
	assert_true(take(&got));
	assert_int_equal(got.type, EVT_REKEY);
	assert_int_equal(got.cookie, 5);
	assert_int_equal(got.u.key.session, 77);
	assert_int_equal(got.worker, 1);
	assert_false(take(&got));
}

static void test_full_ring_is_counted(void **state)
{
	struct dp_event ev = {.type = EVT_REKEY}, got;
	unsigned sent = 0;

	while (worker_event(&r.w[1], &ev))
		sent++;
	assert_int_equal(sent, RING_SLOTS - 1); /* a ring keeps one slot empty */
	assert_int_equal(r.w[1].drops[DROP_PUNT_FULL], 1);
	assert_null(event_begin(&r.w[1]));
	assert_int_equal(r.w[1].drops[DROP_PUNT_FULL], 2);
	while (take(&got))
		sent--;
	assert_int_equal(sent, 0);
}

/* The first teller wakes a control that may sleep; nobody writes again before control says that it may sleep again. */
static void test_control_is_woken_once(void **state)
{
	struct dp_event ev = {.type = EVT_REKEY}, got;

	event_tell(&r.w[1]);
	(void)room_woken(r.all.wake_fd);
	atomic_store(&r.all.wake_wanted, true);
	event_tell(&r.w[1]);
	assert_false(room_woken(r.all.wake_fd)); /* there is nothing to tell */
	assert_true(worker_event(&r.w[1], &ev));
	event_tell(&r.w[1]);
	assert_true(room_woken(r.all.wake_fd));
	event_acknowledge(&r.w[1], 9);
	assert_int_equal(atomic_load(&r.w[1].acked), 9);
	event_tell(&r.w[1]);
	assert_false(room_woken(r.all.wake_fd));
	atomic_store(&r.all.wake_wanted, true);
	event_acknowledge(&r.w[1], 10);
	event_tell(&r.w[1]);
	assert_true(room_woken(r.all.wake_fd));
	assert_true(take(&got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_events_arrive_whole_and_in_order),
	        cmocka_unit_test(test_full_ring_is_counted),
	        cmocka_unit_test(test_control_is_woken_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
