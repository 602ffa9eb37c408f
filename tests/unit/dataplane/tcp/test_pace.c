/* SPDX-License-Identifier: BSD-3-Clause */
/* Pacing: bursts are spread over the round trip, departures are stamped, a deadline brings what waits. */
#include "tcptest.h"

#include <string.h>

static char filler[400000];

static void start(struct tt *t, struct tcp_cfg *cfg)
{
	tt_cfg(cfg);
	cfg->chunks = 2000;
	cfg->sndbuf = cfg->sndbuf_max = 1 << 20;
	cfg->pacing = true;
	cfg->pacing_burst = 2;
	cfg->hystart = false;
}

/* What came out: when it was handed out and when it is to leave. */
struct sent {
	int64_t at[400], departure[400];
	unsigned n;
};

static void take(struct tt *t, struct sent *o)
{
	uint8_t b[4096];
	struct tcp_out out;

	while (tcp_output(t->s, (struct instant){t->now}, b, sizeof(b), &out))
		if (out.payload) {
			o->at[o->n] = t->now;
			o->departure[o->n++] = out.departure.ns;
		}
}

/* Runs timers for ns. */
static void run(struct tt *t, int64_t ns, struct sent *o)
{
	int64_t until = t->now + ns;

	take(t, o);
	for (struct instant next; (next = tcp_next_deadline(t->s)).ns <= until;) {
		t->now = next.ns > t->now ? next.ns : t->now;
		tcp_advance(t->s, (struct instant){t->now});
		take(t, o);
	}
	t->now = until;
}

/* 20 ms of round trip, ten segments, twice the window per round trip: 1 ms each (header included). */
static void test_initial_window_is_spread(void **state)
{
	struct sent o = {.n = 0};
	struct tcp_cfg cfg;
	int64_t from;
	struct tt t;

	(void)state;
	start(&t, &cfg);
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	assert_true(tt_info(&t).paced);
	assert_in_range(tt_info(&t).pacing_byte_s, 990000, 1010000);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 20000), 20000);
	from = t.now;
	run(&t, 15 * NS_PER_MS, &o);
	assert_int_equal(o.n, 10);
	assert_int_equal(o.at[0], from);
	assert_int_equal(o.departure[0], from);
	assert_int_equal(o.departure[1], from); /* the burst allowed */
	for (unsigned i = 2; i < 10; i++) {
		assert_int_equal(o.departure[i] - o.departure[i - 1], 1020 * 1000);
		/* Neither late nor more than a tick early. */
		assert_in_range(o.departure[i] - o.at[i], 0, 66000);
	}
	tt_free(&t);
}

/* A burst of ACKs makes no burst of segments; in congestion avoidance it is 1.2 windows per round trip. */
static void test_avoidance(void **state)
{
	struct sent o = {.n = 0};
	struct tcp_cfg cfg;
	uint64_t cwnd;
	struct tt t;

	(void)state;
	start(&t, &cfg);
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	t.wnd = 65535;
	assert_int_equal(tcp_send(t.s, t.conn, filler, 300000), 300000);
	run(&t, 20 * NS_PER_MS, &o);
	for (unsigned i = 0; i < 4;
	     i++) /* a loss, to leave slow start; the first moves the window */
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	run(&t, 20 * NS_PER_MS, &o);
	tt_in(&t, TCP_ACK, 1, tt_info(&t).snd_nxt - t.iss, NULL, 0);
	assert_true(tt_info(&t).cwnd >= tt_info(&t).ssthresh);
	run(&t, 40 * NS_PER_MS, &o);
	o.n = 0;
	tt_in(&t, TCP_ACK, 1, tt_info(&t).snd_nxt - t.iss, NULL, 0);
	run(&t, tt_info(&t).srtt_ns, &o);
	assert_true(o.n >= 4);
	cwnd = tt_info(&t).cwnd;
	for (unsigned i = 2; i < o.n; i++)
		assert_in_range(o.departure[i] - o.departure[i - 1],
		                1020 * (uint64_t)tt_info(&t).srtt_ns * 10 / 12 / (cwnd + 1000),
		                1020 * (uint64_t)tt_info(&t).srtt_ns * 10 / 12 / (cwnd - 2000));
	tt_free(&t);
}

/* The application's limit binds where the window would allow more; and without pacing nothing waits. */
static void test_rate_limit(void **state)
{
	struct sent o = {.n = 0};
	struct tcp_counters k;
	struct tcp_cfg cfg;
	uint32_t value;
	struct tt t;

	(void)state;
	start(&t, &cfg);
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	assert_int_equal(tcp_set_opt(t.s, t.conn, TCP_OPT_PACING_KBIT, 816), 0);
	assert_int_equal(tcp_get_opt(t.s, t.conn, TCP_OPT_PACING_KBIT, &value), 0);
	assert_int_equal(value, 816);
	assert_int_equal(tt_info(&t).pacing_byte_s, 102000);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 20000), 20000);
	run(&t, 35 * NS_PER_MS, &o);
	assert_int_equal(o.n, 5); /* 10 ms each, two at once */
	tcp_stack_counters(t.s, &k);
	assert_true(k.paced >= 3);
	assert_int_equal(tcp_set_opt(t.s, t.conn, TCP_OPT_PACING, 0), 0);
	run(&t, 0, &o);
	assert_int_equal(o.n, 10);
	assert_int_equal(tt_info(&t).pacing_byte_s, 0);
	tt_free(&t);
}

/* ACKs do not wait for what is paced; a time-out's retransmission does not either. */
static void test_acks_do_not_wait(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	start(&t, &cfg);
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 20000), 20000);
	for (unsigned i = 0; i < 2; i++)
		assert_true(tt_out(&t, &o) && o.len == 1000);
	tt_quiet(&t);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	tt_data(&t, TCP_ACK, 1001, 1, 1000);
	tt_expect(&t, TCP_ACK, 2001, 2001, 0);
	tt_free(&t);
}

/* One round of slow start after another stays within what the rate allows in every window of 5 ms. */
static void test_no_bursts(void **state)
{
	struct sent o = {.n = 0};
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	start(&t, &cfg);
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	t.wnd = 65535;
	assert_int_equal(tcp_send(t.s, t.conn, filler, 300000), 300000);
	for (unsigned round = 0; round < 3; round++) {
		unsigned from = o.n;

		run(&t, 20 * NS_PER_MS, &o);
		for (unsigned i = from; i + 1 < o.n; i++) {
			unsigned within = 1;

			while (i + within < o.n &&
			       o.departure[i + within] - o.departure[i] < 5 * NS_PER_MS)
				within++;
			/* twice the window in 20 ms is half of it in 5 ms */
			assert_true(within <= tt_info(&t).cwnd / 1000 / 2 + 3);
		}
		tt_in(&t, TCP_ACK, 1, tt_info(&t).snd_nxt - t.iss, NULL, 0);
	}
	assert_true(tt_info(&t).cwnd >= 40000);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_initial_window_is_spread),
	        cmocka_unit_test(test_avoidance),
	        cmocka_unit_test(test_rate_limit),
	        cmocka_unit_test(test_acks_do_not_wait),
	        cmocka_unit_test(test_no_bursts),
	};

	return cmocka_run_group_tests_name("tcp pacing", tests, NULL, NULL);
}
