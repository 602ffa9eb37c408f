/* SPDX-License-Identifier: BSD-3-Clause */
/* How streams end with bytes under way: what was written before a close arrives before the reset, what was received before a reset can be
 * read, and an end that nobody can take is not waited for without end. */
#include "sessapp.h"

#include <errno.h>

#define MUCH 200000u

static void up(struct pair *p)
{
	sessnet_up(&p->n);
	connected(p);
}

/* Takes what comes until the stream has been told so. */
static void read_until(struct pair *p, struct app *who, uint64_t *got, uint32_t bits)
{
	struct instant end = instant_add(p->n.now, 60 * NS_PER_S);

	while (!told(who, bits) && instant_before(p->n.now, end)) {
		sessnet_step(&p->n, NS_PER_MS);
		app_poll(&p->a);
		app_poll(&p->b);
		app_read(who, got);
	}
	app_read(who, got);
	assert_true(told(who, bits));
}

/* The application has answered and closed although bytes lay unread: the answer arrives whole, then the reset, and no end of stream. */
static void test_answer_arrives_before_the_reset(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;

	p->n.loss_ppm = 50000;
	up(p);
	app_write(&p->b, &sent, MUCH);
	app_let_go(&p->b, true);
	read_until(p, &p->a, &got, STREAM_ERROR);
	assert_int_equal(got, MUCH);
	assert_int_equal(atomic_load(&p->a.side.shared->err), ECONNRESET);
	assert_false(told(&p->a, STREAM_EOF));
	assert_true(RUN_UNTIL(p, p->b.gone, NS_PER_S));
}

/* It had shut its writing side first: then its end of stream comes before the reset. */
static void test_end_of_stream_before_the_reset(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;

	up(p);
	app_write(&p->b, &sent, MUCH);
	app_shut(&p->b);
	app_let_go(&p->b, true);
	read_until(p, &p->a, &got, STREAM_ERROR);
	assert_int_equal(got, MUCH);
	assert_true(told(&p->a, STREAM_EOF));
	assert_true(p->b.gone);
}

/* What TCP has received and the gateway has not taken is unread too. */
static void test_unread_in_tcp_makes_a_reset(void **state)
{
	struct pair *p = *state;
	uint64_t out = 0, sent = 0, got = 0;

	up(p);
	for (unsigned i = 0; i < 20; i++) {
		app_write(&p->a, &out, BRIDGE_STREAM_BYTES + 20000);
		run(p, 100 * NS_PER_MS);
	}
	assert_int_equal(bytering_used(&p->b.side.in), BRIDGE_STREAM_BYTES);
	app_write(&p->b, &sent, MUCH);
	app_let_go(&p->b, false);
	read_until(p, &p->a, &got, STREAM_ERROR);
	assert_int_equal(got, MUCH);
	assert_false(told(&p->a, STREAM_EOF));
}

/* More was received before the reset than the ring holds: the error comes after the last byte. */
static void test_received_bytes_survive_a_reset(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;

	up(p);
	for (unsigned i = 0; i < 20; i++) {
		app_write(&p->a, &sent, BRIDGE_STREAM_BYTES + 20000);
		run(p, 100 * NS_PER_MS);
	}
	app_let_go(&p->a, true);
	assert_true(RUN_UNTIL(p, p->a.gone, NS_PER_S));
	run(p, 100 * NS_PER_MS);
	assert_false(told(&p->b, STREAM_ERROR));
	/* A write in between finds the connection closed and must not end the reading. */
	app_write(&p->b, &(uint64_t){0}, 10);
	run(p, 10 * NS_PER_MS);
	read_until(p, &p->b, &got, STREAM_ERROR);
	assert_int_equal(got, BRIDGE_STREAM_BYTES + 20000);
	assert_int_equal(atomic_load(&p->b.side.shared->err), ECONNRESET);
	assert_false(told(&p->b, STREAM_EOF));
}

/* The same with the peer's end of stream before the reset: it is told as well. */
static void test_end_and_reset_behind_a_full_ring(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, got = 0;

	up(p);
	for (unsigned i = 0; i < 20; i++) {
		app_write(&p->a, &sent, BRIDGE_STREAM_BYTES + 20000);
		run(p, 100 * NS_PER_MS);
	}
	app_shut(&p->a);
	run(p, 100 * NS_PER_MS);
	app_let_go(&p->a, true);
	assert_true(RUN_UNTIL(p, p->a.gone, NS_PER_S));
	run(p, 100 * NS_PER_MS);
	assert_false(told(&p->b, STREAM_EOF));
	read_until(p, &p->b, &got, STREAM_ERROR);
	assert_int_equal(got, BRIDGE_STREAM_BYTES + 20000);
	assert_true(told(&p->b, STREAM_EOF));
}

/* All of it has happened before the application's stream was made. */
static void ended_before_it_was_accepted(struct pair *p, bool shut)
{
	app_listen(&p->b);
	assert_true(RUN_UNTIL(p, p->b.listening, NS_PER_S));
	app_connect(&p->n, &p->a, 0);
	for (unsigned i = 0; i < 1000; i++) {
		sessnet_step(&p->n, NS_PER_MS);
		app_poll(&p->a);
		if (i == 300 && shut)
			app_shut(&p->a);
		if (i == 600)
			app_let_go(&p->a, true);
	}
	assert_true(p->a.connected && p->a.gone);
	app_poll(&p->b);
	assert_non_null(p->b.st);
	run(p, NS_PER_MS);
	assert_true(told(&p->b, STREAM_ERROR));
	assert_int_equal(told(&p->b, STREAM_EOF), shut);
	app_let_go(&p->b, false);
	run(p, NS_PER_MS);
	assert_true(p->b.gone);
}

static void test_reset_before_it_was_accepted(void **state)
{
	struct pair *p = *state;

	sessnet_up(&p->n);
	ended_before_it_was_accepted(p, false);
}

static void test_end_and_reset_before_it_was_accepted(void **state)
{
	struct pair *p = *state;

	sessnet_up(&p->n);
	ended_before_it_was_accepted(p, true);
}

/* Bytes come to an application that has closed in order and whose answer is not through: the answer arrives whole all the same. */
static void test_late_bytes_do_not_cost_the_answer(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0, asked = 0, got = 0;

	up(p);
	app_write(&p->b, &sent, MUCH);
	app_shut(&p->b);
	app_let_go(&p->b, false);
	app_write(&p->a, &asked, 3000);
	read_until(p, &p->a, &got, STREAM_ERROR);
	assert_int_equal(got, MUCH);
	assert_true(told(&p->a, STREAM_EOF));
	assert_true(p->b.gone);
}

/* The other side takes nothing any more: the reset comes although not everything has arrived. */
static void test_reset_does_not_wait_for_a_reader_without_end(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0;

	up(p);
	for (unsigned i = 0; i < 100; i++) {
		app_write(&p->b, &sent, 64u << 20);
		run(p, 50 * NS_PER_MS);
	}
	app_let_go(&p->b, true);
	run(p, 8 * NS_PER_S);
	assert_false(p->b.gone);
	run(p, 4 * NS_PER_S);
	assert_true(p->b.gone);
	/* The reader has not read yet, so the error stands behind its bytes. */
	sent = 0;
	read_until(p, &p->a, &sent, STREAM_ERROR);
}

/* The application is gone, and the gateway still holds bytes of it for which there is no room: it is told to give up. */
static void test_gone_application_is_not_waited_for_without_end(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0;

	up(p);
	for (unsigned i = 0; i < 100; i++) {
		app_write(&p->b, &sent, 64u << 20);
		run(p, 50 * NS_PER_MS);
	}
	atomic_fetch_or(&p->b.side.shared->asked, STREAM_GONE | STREAM_UNREAD);
	app_kick(&p->b);
	run(p, 8 * NS_PER_S);
	assert_false(told(&p->b, STREAM_ERROR));
	run(p, 4 * NS_PER_S);
	assert_true(told(&p->b, STREAM_ERROR));
	app_let_go(&p->b, false);
	run(p, NS_PER_MS);
	assert_true(p->b.gone);
}

/* Slow is not stuck: as long as the peer takes something now and then, a gone application's bytes go on, however many the gateway adds. */
static void test_slow_reader_is_waited_for(void **state)
{
	struct pair *p = *state;
	uint64_t sent = 0;
	const void *piece;

	up(p);
	for (unsigned i = 0; i < 100; i++) {
		app_write(&p->b, &sent, 64u << 20);
		run(p, 50 * NS_PER_MS);
	}
	atomic_fetch_or(&p->b.side.shared->asked, STREAM_GONE | STREAM_UNREAD);
	app_kick(&p->b);
	for (unsigned i = 0; i < 40; i++) {
		uint32_t n = bytering_peek(&p->a.side.in, &piece);

		bytering_consume(&p->a.side.in, n < 100000 ? n : 100000);
		if (atomic_exchange(&p->a.side.shared->in_full, 0))
			app_kick(&p->a);
		app_write(&p->b, &sent, 64u << 20);
		run(p, NS_PER_S);
		assert_false(told(&p->b, STREAM_ERROR));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(test_answer_arrives_before_the_reset),
	        T(test_end_of_stream_before_the_reset),
	        T(test_unread_in_tcp_makes_a_reset),
	        T(test_received_bytes_survive_a_reset),
	        T(test_end_and_reset_behind_a_full_ring),
	        T(test_reset_before_it_was_accepted),
	        T(test_end_and_reset_before_it_was_accepted),
	        T(test_late_bytes_do_not_cost_the_answer),
	        T(test_reset_does_not_wait_for_a_reader_without_end),
	        T(test_slow_reader_is_waited_for),
	        T(test_gone_application_is_not_waited_for_without_end),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
