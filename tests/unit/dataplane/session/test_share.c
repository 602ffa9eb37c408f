/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners that share a port: connections go to each in turn, past those that take none, and what waits outlives one of them. */
#include "lanepair.h"
#include "tcp/tcp.h"

#define CONNECTS 12

/* Another application of b's worker, on the same port. */
struct shared {
	struct lanes w;
	struct lapp c;
};

static struct shared *shared_with(uint32_t backlog_b, uint32_t backlog_c)
{
	struct shared *x = aligned_alloc(64, (sizeof(*x) + 63) / 64 * 64);

	memset((void *)x, 0, sizeof(*x));
	sessnet_start(&x->w.n, 42);
	lapp_start(&x->w.n, &x->w.a, 0, SLOTS, RING);
	lapp_start(&x->w.n, &x->w.b, 1, SLOTS, RING);
	lapp_start(&x->w.n, &x->c, 1, SLOTS, RING);
	x->c.token = TOKEN + 0x10000;
	x->w.b.shares = x->c.shares = true;
	x->w.b.backlog = backlog_b;
	x->c.backlog = backlog_c;
	x->w.b.beside = &x->c;
	x->w.b.seg.pid = 11;
	x->w.b.seg.uid = 1;
	x->c.seg.pid = 22;
	x->c.seg.uid = 2;
	sessnet_up(&x->w.n);
	lapp_listen(&x->w.b);
	lapp_listen(&x->c);
	assert_true(LANES_UNTIL(&x->w, x->w.b.listening && x->c.listening, NS_PER_S));
	return x;
}

static struct shared *shared_setup(void)
{
	return shared_with(0, 0);
}

static void shared_teardown(struct shared *x)
{
	assert_int_equal(lanes_count(&x->w, 1)->app_nonsense, 0);
	sessnet_stop(&x->w.n);
	lapp_free(&x->w.a);
	lapp_free(&x->w.b);
	lapp_free(&x->c);
	free(x);
}

static void connect_some(struct shared *x, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		lapp_connect(&x->w.a, i, &x->w.n.cfg[1].id, PORT);
}

static void post_some(struct lapp *a, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++)
		lapp_post(a, i, SLOTS - 1);
}

/* Both have accepted so many. */
static bool accepted(struct shared *x, unsigned b, unsigned c)
{
	lapp_poll(&x->c);
	return x->w.b.accepted == b && x->c.accepted == c;
}

static void test_each_in_turn(void **state)
{
	struct shared *x = shared_setup();

	(void)state;
	post_some(&x->w.b, 0, CONNECTS);
	post_some(&x->c, 0, CONNECTS);
	connect_some(x, 0, CONNECTS);
	assert_true(LANES_UNTIL(&x->w, accepted(x, CONNECTS / 2, CONNECTS / 2), 5 * NS_PER_S));
	/* One after another, too. */
	for (uint32_t i = 0; i < 4; i++) {
		connect_some(x, CONNECTS + i, 1);
		assert_true(LANES_UNTIL(
		        &x->w,
		        accepted(x, CONNECTS / 2 + (i + 1) / 2, CONNECTS / 2 + i / 2 + 1) ||
		                accepted(x, CONNECTS / 2 + i / 2 + 1, CONNECTS / 2 + (i + 1) / 2),
		        5 * NS_PER_S));
	}
	shared_teardown(x);
}

/* One that gives no slots gets none, and holds nobody up. */
static void test_past_one_that_takes_none(void **state)
{
	struct shared *x = shared_setup();

	(void)state;
	post_some(&x->c, 0, CONNECTS);
	connect_some(x, 0, CONNECTS);
	assert_true(LANES_UNTIL(&x->w, accepted(x, 0, CONNECTS), 5 * NS_PER_S));
	/* It takes its part again as soon as it can. */
	post_some(&x->w.b, 0, 2);
	connect_some(x, CONNECTS, 2);
	assert_true(LANES_UNTIL(&x->w, x->w.b.accepted == 2, 5 * NS_PER_S));
	shared_teardown(x);
}

/* The first of them, whose listener of TCP it was, ends while connections wait that nobody has taken: the other gets them, and new ones. */
static void test_what_waits_outlives_one(void **state)
{
	struct shared *x = shared_setup();

	(void)state;
	connect_some(x, 0, CONNECTS);
	assert_true(LANES_UNTIL(&x->w, has(&x->w.a, CONNECTS - 1, APPSEG_UP), 5 * NS_PER_S));
	lapp_unlisten(&x->w.b);
	assert_true(LANES_UNTIL(&x->w, x->w.b.unlistened, NS_PER_S));
	post_some(&x->c, 0, CONNECTS + 3);
	assert_true(LANES_UNTIL(&x->w, accepted(x, 0, CONNECTS), 5 * NS_PER_S));
	connect_some(x, CONNECTS, 3);
	assert_true(LANES_UNTIL(&x->w, accepted(x, 0, CONNECTS + 3), 5 * NS_PER_S));
	/* With the last the port is nobody's. */
	lapp_unlisten(&x->c);
	assert_true(LANES_UNTIL(&x->w, x->c.unlistened, NS_PER_S));
	connect_some(x, 100, 1);
	assert_true(LANES_UNTIL(&x->w, has(&x->w.a, 100, STREAM_ERROR), 5 * NS_PER_S));
	assert_int_equal(lapp_err(&x->w.a, 100), ECONNREFUSED);
	shared_teardown(x);
}

/* As many wait as both have asked for, also where the first has asked for little; what is the other's stays with it. */
static void test_backlogs_add_up(void **state)
{
	struct shared *x = shared_with(2, 10);

	(void)state;
	connect_some(x, 0, CONNECTS);
	assert_true(LANES_UNTIL(&x->w, has(&x->w.a, CONNECTS - 1, APPSEG_UP), 5 * NS_PER_S));
	lanes_for(&x->w, NS_PER_S);
	post_some(&x->c, 0, CONNECTS);
	assert_true(LANES_UNTIL(&x->w, accepted(x, 0, CONNECTS), 100 * NS_PER_MS));
	assert_int_equal(x->w.b.l.first->backlog_sum, 12);
	lapp_unlisten(&x->w.b);
	assert_true(LANES_UNTIL(&x->w, x->w.b.unlistened, NS_PER_S));
	assert_int_equal(x->c.l.backlog_sum, 10);
	assert_ptr_equal(x->c.l.first, &x->c.l);
	assert_ptr_equal(x->c.l.turn, &x->c.l);
	shared_teardown(x);
}

/* Control is told of each of them, of whose a connection is, and of what lies in its rings. */
static void test_whose_they_are(void **state)
{
	struct cp_cmd c = {.type = CMD_DUMP_CONNECTIONS, .cookie = 9};
	struct shared *x = shared_setup();
	struct dp_event ev[4];
	unsigned n = 0;

	(void)state;
	post_some(&x->c, 0, 1);
	connect_some(x, 0, 1);
	assert_true(LANES_UNTIL(&x->w, accepted(x, 0, 1), 5 * NS_PER_S));
	lapp_write(&x->w.a, 0, 1000);
	lanes_for(&x->w, NS_PER_S);
	/* A slice of one row: it does not end between those that share a port. */
	c.u.dump.most = 1;
	for (bool more = true; more;) {
		struct side *side = &x->w.n.side[1];
		struct dp_event end;

		side->nevents = 0;
		sessnet_command(&x->w.n, 1, &c);
		for (unsigned i = 0; i < side->nevents; i++)
			if (side->events[i].type == EVT_CONNECTION && n < ARRAY_LEN(ev))
				ev[n++] = side->events[i];
		assert_int_equal(sessnet_events(side, EVT_DUMP_END, &end), 1);
		c.u.dump.from = end.u.dump_end.next;
		more = end.u.dump_end.more;
	}
	assert_int_equal(n, 3);
	assert_int_equal(ev[0].u.connection.state, TCP_LISTEN);
	assert_int_equal(ev[0].u.connection.member, 0);
	assert_int_equal(ev[1].u.connection.member, 1);
	assert_true(ev[0].u.connection.pid == 11 || ev[1].u.connection.pid == 11);
	assert_int_equal(ev[0].u.connection.pid + ev[1].u.connection.pid, 33);
	assert_int_equal(ev[2].u.connection.state, TCP_ESTABLISHED);
	assert_int_equal(ev[2].u.connection.pid, 22);
	assert_int_equal(ev[2].u.connection.uid, 2);
	assert_int_equal(ev[2].u.connection.ring_in, 1000);
	assert_int_equal(ev[2].u.connection.ring_out, 0);
	shared_teardown(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_each_in_turn),
	        cmocka_unit_test(test_past_one_that_takes_none),
	        cmocka_unit_test(test_what_waits_outlives_one),
	        cmocka_unit_test(test_backlogs_add_up),
	        cmocka_unit_test(test_whose_they_are),
	};

	sessnet_global();
	return cmocka_run_group_tests_name("session share", tests, NULL, NULL);
}
