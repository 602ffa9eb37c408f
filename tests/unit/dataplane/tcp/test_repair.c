/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding and repairing losses: F-RTO, RFC 6675's rules, limited transmit, RACK's window, first samples after a lost SYN. */
#include "tcptest.h"

#include <errno.h>
#include <string.h>

static char filler[200000];

/* Established, with 20 ms of round trip. */
static void start(struct tt *t, struct tcp_cfg *cfg)
{
	tt_init(t, cfg);
	t->sack_ok = cfg->sack;
	tt_establish_passive(t);
}

static struct tcp_info info(struct tt *t)
{
	struct tcp_info i;

	assert_int_equal(tcp_info(t->s, t->conn, &i), 0);
	return i;
}

/* Queues `queued` bytes and takes n full segments out. */
static void send_n(struct tt *t, uint32_t queued, unsigned n)
{
	assert_int_equal(tcp_send(t->s, t->conn, filler, queued), queued);
	for (unsigned i = 0; i < n; i++)
		tt_expect(t, TCP_ACK, 1 + 1000 * i, 1, 1000);
}

/* An ACK with up to three SACK ranges, in units of 1000 bytes; {0, 0} ends them. */
static void sack_in(struct tt *t, uint32_t ack, const uint32_t r[][2], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		t->sack[i] = (struct tcp_sack_range){1 + 1000 * r[i][0], 1 + 1000 * r[i][1]};
	t->nsack = (uint8_t)n;
	tt_in(t, TCP_ACK, 1, 1 + 1000 * ack, NULL, 0);
}
#define SACK_IN(t, ack, ...)                                                    \
	do {                                                                    \
		static const uint32_t ranges_[][2] = {__VA_ARGS__};             \
		sack_in(t, ack, ranges_, sizeof(ranges_) / sizeof(ranges_[0])); \
	} while (0)

/* ---- F-RTO ---- */

/* Ten segments out, the time-out comes, the first is sent again. More data waits when `more`. */
static void timed_out(struct tt *t, bool sack, bool frto, bool more)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.frto = frto;
	start(t, &cfg);
	send_n(t, more ? 15000 : 10000, 10);
	tt_wait(t, 1000);
	tt_expect(t, TCP_ACK, 1, 1, 1000);
	tt_quiet(t);
	assert_int_equal(info(t).ca_state, TCP_CA_LOSS);
}

/* A delay, no loss: all originals arrive late and in order. */
static void frto_spurious(bool sack)
{
	struct tt t;

	timed_out(&t, sack, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000); /* step 2b: two new ones */
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	tt_quiet(&t);
	assert_int_equal(info(&t).spurious, 0);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* step 3b */
	assert_int_equal(info(&t).spurious, 1);
	assert_int_equal(info(&t).ca_state, TCP_CA_OPEN);
	assert_int_equal(info(&t).lost, 0);
	assert_in_range(info(&t).cwnd, 10000, 12000);
	assert_int_equal(info(&t).ssthresh, UINT64_MAX);
	tt_expect(&t, TCP_ACK, 12001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 12001, NULL, 0);
	assert_int_equal(info(&t).retransmits, 1);
	tt_free(&t);
}

static void test_frto_spurious(void **state)
{
	(void)state;
	frto_spurious(false);
	frto_spurious(true);
}

/* Section 3.1: a SACK of what was sent once is as good as a cumulative ACK. */
static void test_frto_spurious_by_sack(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, true, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	SACK_IN(&t, 1, {2, 3});
	assert_int_equal(info(&t).spurious, 1);
	tt_free(&t);
}

/* All ten were lost: the new ones bring duplicates, and what is lost is sent again. */
static void test_frto_real_loss(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0); /* step 3a */
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_quiet(&t);
	assert_int_equal(info(&t).spurious, 0);
	assert_true(info(&t).cwnd <= 3000);
	assert_int_equal(info(&t).ca_state, TCP_CA_LOSS);
	tt_free(&t);
}

/* SACKs of the new segments alone prove nothing for the old ones. */
static void test_frto_real_loss_sack(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, true, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	SACK_IN(&t, 1, {10, 11});
	assert_int_equal(info(&t).spurious, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

/* Step 2a: a duplicate comes first. */
static void test_frto_duplicate_first(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, true);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

/* Nothing new to send: the ordinary way; so, too, when it is switched off. */
static void test_frto_not_used(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, false);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
	timed_out(&t, false, false, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_free(&t);
}

/* A second time-out during it, or one in the midst of a recovery, is taken at its word. */
static void test_frto_second_timeout(void **state)
{
	struct tt t;

	(void)state;
	timed_out(&t, false, true, true);
	tt_in(&t, TCP_ACK, 1, 1001, NULL, 0);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	tt_expect(&t, TCP_ACK, 11001, 1, 1000);
	tt_wait(&t, 5000);
	tt_expect(&t, TCP_ACK, 1001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	assert_int_equal(info(&t).spurious, 0);
	tt_free(&t);
}

/* ---- RFC 6675, RACK switched off ---- */

static void start_6675(struct tt *t)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = true;
	cfg.rack = false;
	start(t, &cfg);
}

static void test_6675_is_lost(void **state)
{
	struct tt t;

	(void)state;
	start_6675(&t);
	send_n(&t, 10000, 10);
	SACK_IN(&t, 0, {1, 2});
	tt_quiet(&t);
	SACK_IN(&t, 0, {1, 3});
	tt_quiet(&t);
	SACK_IN(&t, 0, {1, 4}); /* three segments above the first: it is lost, and nothing else */
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	tt_quiet(&t);
	assert_int_equal(info(&t).ca_state, TCP_CA_RECOVERY);
	SACK_IN(&t, 0, {5, 8}, {1, 4}); /* the fifth too */
	tt_expect(&t, TCP_ACK, 4001, 1, 1000);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	assert_int_equal(info(&t).ca_state, TCP_CA_OPEN);
	assert_int_equal(info(&t).retransmits, 2);
	tt_free(&t);
}

/* Rule (4): the tail of what is outstanding, once, when nothing else may be sent. */
static void test_6675_rescue(void **state)
{
	struct tt t;

	(void)state;
	start_6675(&t);
	send_n(&t, 10000, 10);
	SACK_IN(&t, 0, {1, 4});
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	SACK_IN(&t, 4, {5, 7});                /* 4 was lost, 7 to 9 too, but nothing says so */
	tt_expect(&t, TCP_ACK, 4001, 1, 1000); /* rule (3) */
	SACK_IN(&t, 7, {0, 0});
	tt_expect(&t, TCP_ACK, 9001, 1, 1000);
	tt_quiet(&t);
	SACK_IN(&t, 7, {9, 10});
	tt_in(&t, TCP_ACK, 1, 7001, NULL, 0);
	assert_int_equal(info(&t).rtos, 0);
	tt_free(&t);
}

/* Small segments: duplicates with news count, though too few bytes are SACKed. */
static void test_6675_small_segments(void **state)
{
	struct tt t;

	(void)state;
	start_6675(&t);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(tcp_send(t.s, t.conn, filler, 100), 100);
		tt_expect(&t, TCP_ACK, 1 + 100 * i, 1, 100);
	}
	for (uint32_t i = 1; i <= 3; i++) {
		t.sack[0] = (struct tcp_sack_range){101, 101 + 100 * i};
		t.nsack = 1;
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		if (i < 3)
			tt_quiet(&t);
	}
	tt_expect(&t, TCP_ACK, 1, 1, 100);
	tt_free(&t);
}

/* ---- limited transmit ---- */

static void limited_transmit(bool on, bool sack)
{
	struct tcp_cfg cfg;
	struct tt t;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.limited_transmit = on;
	start(&t, &cfg);
	send_n(&t, 20000, 10);
	t.now += 20 * NS_PER_MS;
	for (uint32_t i = 0; i < 2; i++) {
		if (sack)
			t.sack[0] = (struct tcp_sack_range){1001, 2001 + 1000 * i};
		t.nsack = sack;
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		if (on)
			tt_expect(&t, TCP_ACK, 10001 + 1000 * i, 1, 1000);
		tt_quiet(&t);
	}
	if (sack)
		t.sack[0] = (struct tcp_sack_range){1001, 4001};
	t.nsack = sack;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 1000);
	tt_free(&t);
}

static void test_limited_transmit(void **state)
{
	(void)state;
	limited_transmit(true, false);
	limited_transmit(true, true);
	limited_transmit(false, false);
	limited_transmit(false, true);
}

/* ---- RACK ---- */

/* Reordering seen: a quarter of the round trip is waited; each round with a D-SACK adds a quarter; 16 clean recoveries take it back. */
static void test_rack_window_adapts(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;
	int64_t from;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	start(&t, &cfg);
	send_n(&t, 10000, 10);
	t.now += 20 * NS_PER_MS;
	SACK_IN(&t, 0, {1, 2});
	tt_quiet(&t);
	tt_in(&t, TCP_ACK, 1, 2001, NULL, 0); /* the first came late: reordering */
	SACK_IN(&t, 2, {3, 6});               /* three above, yet not at once */
	tt_quiet(&t);
	from = t.now;
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 2001, 1, 1000);
	assert_in_range(t.now - from, 5 * NS_PER_MS, 5 * NS_PER_MS + 140000);
	/* It had arrived: D-SACK. Twice as long from now on. */
	t.now += NS_PER_MS;
	t.sack[0] = (struct tcp_sack_range){2001, 3001};
	t.nsack = 1;
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	tcp_send(t.s, t.conn, filler, 4000);
	for (unsigned i = 0; i < 4; i++)
		tt_expect(&t, TCP_ACK, 10001 + 1000 * i, 1, 1000);
	t.now += 20 * NS_PER_MS;
	SACK_IN(&t, 10, {11, 14});
	from = t.now;
	tt_wait(&t, 1000);
	tt_expect(&t, TCP_ACK, 10001, 1, 1000);
	assert_in_range(t.now - from, 10 * NS_PER_MS, 10 * NS_PER_MS + 140000);
	tt_free(&t);
}

/* RFC 8985 counts segments, so that small ones are repaired at once as well. */
static void test_rack_small_segments(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	start(&t, &cfg);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(tcp_send(t.s, t.conn, filler, 10), 10);
		tt_expect(&t, TCP_ACK, 1 + 10 * i, 1, 10);
	}
	t.now += 20 * NS_PER_MS;
	t.sack[0] = (struct tcp_sack_range){11, 41};
	t.nsack = 1;
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 10);
	tt_free(&t);
}

/* ---- PRR (RFC 9937) ---- */

/* Above ssthresh one segment goes for each two delivered (NewReno halves); the first retransmission goes at once. */
static void test_prr(void **state)
{
	struct tcp_cfg cfg;
	unsigned sent = 0;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	cfg.initial_window = 20;
	start(&t, &cfg);
	assert_true(info(&t).cwnd == 20000);
	send_n(&t, 60000, 20);
	t.now += 20 * NS_PER_MS;
	for (uint32_t i = 1; i < 20; i++) {
		t.sack[0] = (struct tcp_sack_range){1001, 2001 + 1000 * (i - 1)};
		t.nsack = 1;
		tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
		if (i == 3) {
			assert_int_equal(info(&t).ca_state, TCP_CA_RECOVERY);
			assert_int_equal(info(&t).ssthresh, 10000); /* limited transmit apart */
		}
		for (unsigned burst = 0; tt_out(&t, &o); burst++) {
			assert_true(burst < 1);
			sent += i >= 3;
		}
	}
	/* 17 of 20 delivered in recovery, one more before it: about half as many were sent. */
	assert_in_range(sent, 8, 10);
	tt_in(&t, TCP_ACK, 1, 22001, NULL, 0);
	assert_int_equal(info(&t).ca_state, TCP_CA_OPEN);
	assert_in_range(info(&t).cwnd, 10000, 11000);
	tt_free(&t);
}

/* ---- the handshake's loss ---- */

static void test_syn_lost(void **state)
{
	struct tt_seg o;
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
	assert_true(tt_out(&t, &o));
	t.lport = o.lport;
	tt_wait(&t, 2000);
	assert_true(tt_out(&t, &o) && o.flags == TCP_SYN);
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	tt_expect(&t, TCP_ACK, 1, 1, 0);
	/* No sample (Karn), so RFC 6298 5.7; one loss does not shrink the initial window (RFC 6928). */
	assert_int_equal(info(&t).srtt_ns, 0);
	assert_int_equal(info(&t).rto_ns, 3 * NS_PER_S);
	assert_int_equal(info(&t).cwnd, 10000);
	tt_free(&t);
}

static void test_syn_lost_twice(void **state)
{
	struct tcp_cfg cfg;
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.timestamps = true;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, TT_PEER, TT_RPORT, &t.conn), 0);
	assert_true(tt_out(&t, &o));
	t.lport = o.lport;
	for (unsigned i = 0; i < 2; i++) {
		tt_wait(&t, 5000);
		assert_true(tt_out(&t, &o) && o.flags == TCP_SYN);
	}
	t.now += 30 * NS_PER_MS;
	t.ts_val = 1;
	t.ts_ecr = o.o.ts_val;
	tt_in(&t, TCP_SYN | TCP_ACK, 0, 1, NULL, 0);
	/* Its timestamp tells which SYN was answered. */
	assert_in_range(info(&t).srtt_ns, 29 * NS_PER_MS, 31 * NS_PER_MS);
	assert_int_equal(info(&t).cwnd, info(&t).mss);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_frto_spurious),
	        cmocka_unit_test(test_frto_spurious_by_sack),
	        cmocka_unit_test(test_frto_real_loss),
	        cmocka_unit_test(test_frto_real_loss_sack),
	        cmocka_unit_test(test_frto_duplicate_first),
	        cmocka_unit_test(test_frto_not_used),
	        cmocka_unit_test(test_frto_second_timeout),
	        cmocka_unit_test(test_6675_is_lost),
	        cmocka_unit_test(test_6675_rescue),
	        cmocka_unit_test(test_6675_small_segments),
	        cmocka_unit_test(test_limited_transmit),
	        cmocka_unit_test(test_rack_window_adapts),
	        cmocka_unit_test(test_rack_small_segments),
	        cmocka_unit_test(test_prr),
	        cmocka_unit_test(test_syn_lost),
	        cmocka_unit_test(test_syn_lost_twice),
	};

	return cmocka_run_group_tests_name("tcp repair", tests, NULL, NULL);
}
