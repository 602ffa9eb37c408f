/* SPDX-License-Identifier: BSD-3-Clause */
/* When each deadline is set: persist and retransmission intervals, the user timeout's bound, the probe time-out, the wheel. */
#include "tcptest.h"

static struct conn *established(struct tt *t, bool sack)
{
	tt_start(t, sack);
	tt_establish_passive(t);
	return conn_of(t->s, t->conn);
}

static void test_next_is_the_earliest(void **state)
{
	struct conn c = {0};
	int64_t *at[] = {&c.rtx_at, &c.aux_at, &c.delack_at, &c.life_at, &c.pace_wait};

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		*at[i] = INT64_MAX;
	assert_true(timer_next(&c) == INT64_MAX);
	for (unsigned i = 0; i < 5; i++) {
		*at[i] = 100 - (int64_t)i;
		assert_int_equal(timer_next(&c), 100 - i);
	}
	*at[4] = 200;
	assert_int_equal(timer_next(&c), 97);
}

/* RFC 9293 3.8.6.1: the time-out or the least interval, whichever is longer, doubled each time, up to the longest. */
static void test_persist_intervals(void **state)
{
	struct tt t;
	struct conn *c = established(&t, false);
	const struct tcp_cfg *cfg = &t.s->cfg;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		int64_t want = cfg->persist_min_ns;

		for (unsigned k = 0; k < i && want < cfg->persist_max_ns; k++)
			want *= 2;
		c->rto = 1;
		c->backoff = (uint8_t)i;
		timer_rtx(t.s, c, RTX_PERSIST);
		assert_int_equal(c->rtx_at - t.s->now,
		                 want < cfg->persist_max_ns ? want : cfg->persist_max_ns);
	}
	c->backoff = 0;
	c->rto = 3 * NS_PER_S;
	timer_rtx(t.s, c, RTX_PERSIST);
	assert_int_equal(c->rtx_at - t.s->now, 3 * NS_PER_S);
	timer_rtx_stop(c);
	assert_true(c->rtx_at == INT64_MAX && c->rtx_kind == RTX_NONE);
	tt_free(&t);
}

/* Giving up comes when the user timeout ends, not with the retransmission after it; what is past already comes at once. */
static void test_user_timeout_bounds(void **state)
{
	struct tt t;
	struct conn *c = established(&t, false);

	(void)state;
	c->rto = 10 * NS_PER_S;
	c->user_timeout = 4 * NS_PER_S;
	c->una_moved = t.s->now - NS_PER_S;
	timer_rtx(t.s, c, RTX_RTO);
	assert_int_equal(c->rtx_at, t.s->now + 3 * NS_PER_S);
	c->una_moved = t.s->now - 5 * NS_PER_S;
	timer_rtx(t.s, c, RTX_RTO);
	assert_int_equal(c->rtx_at, t.s->now + NS_PER_MS);
	c->user_timeout = 0;
	timer_rtx(t.s, c, RTX_RTO);
	assert_int_equal(c->rtx_at, t.s->now + 10 * NS_PER_S);
	tt_free(&t);
}

/* RFC 8985 7.2: two round trips; a delayed ACK more for one segment alone; never after the time-out, not while one is out. */
static void test_probe_time_out(void **state)
{
	struct tcp_cfg cfg;
	struct conn *c;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = cfg.tail_loss_probe = true;
	tt_established(&t, &cfg);
	c = conn_of(t.s, t.conn);
	tt_send_full(&t, 2000, 2);
	assert_int_equal(c->aux_kind, AUX_TLP);
	c->srtt = 20 * NS_PER_MS;
	timer_tlp(t.s, c);
	assert_int_equal(c->aux_at - t.s->now, 40 * NS_PER_MS);
	c->srtt = 100;
	timer_tlp(t.s, c);
	assert_int_equal(c->aux_at - t.s->now, cfg.tlp_min_ns);
	c->srtt = 900 * NS_PER_S;
	timer_tlp(t.s, c);
	assert_int_equal(c->aux_at, c->rtx_at);
	c->srtt = 20 * NS_PER_MS;
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0); /* one is left */
	c->srtt = 20 * NS_PER_MS;
	c->rtx_at = t.s->now + 10 * NS_PER_S;
	timer_tlp(t.s, c);
	assert_int_equal(c->aux_at - t.s->now, 40 * NS_PER_MS + cfg.tlp_delack_ns);
	c->flags |= CF_TLP_OUT;
	timer_tlp(t.s, c);
	assert_true(c->aux_at == INT64_MAX && c->aux_kind == AUX_NONE);
	tt_free(&t);
}

static void test_the_wheel_knows(void **state)
{
	struct tt t;
	struct conn *c = established(&t, false);

	(void)state;
	timer_life(t.s, c, LIFE_KEEPALIVE, 7 * NS_PER_S);
	assert_int_equal(c->life_at, t.s->now + 7 * NS_PER_S);
	assert_in_range(tcp_next_deadline(t.s).ns, t.s->now, c->life_at + (1 << WHEEL_SHIFT));
	timer_life(t.s, c, LIFE_KEEPALIVE, INT64_MAX); /* longer than the clock is no overflow */
	assert_true(c->life_at == INT64_MAX);
	timer_life(t.s, c, LIFE_NONE, 5);
	assert_true(c->life_at == INT64_MAX);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_next_is_the_earliest),
	        cmocka_unit_test(test_persist_intervals),
	        cmocka_unit_test(test_user_timeout_bounds),
	        cmocka_unit_test(test_probe_time_out),
	        cmocka_unit_test(test_the_wheel_knows),
	};

	return cmocka_run_group_tests_name("tcp timer", tests, NULL, NULL);
}
