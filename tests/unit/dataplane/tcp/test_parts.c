/* SPDX-License-Identifier: BSD-3-Clause */
/* The pieces alone: timer wheel and connection table against models, chunk rings, options, checksum, estimator, controllers. */
#include "base/rng.h"
#include "tcp/csum.h"
#include "tcp/rto.h"
#include "tcptest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NODES 200

static void test_wheel_against_a_list(void **state)
{
	struct wheel_node nodes[NODES];
	int64_t due[NODES], now = 5 * NS_PER_S;
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	struct wheel *w = malloc(sizeof(*w));

	(void)state;
	rng_seeded_init(&seed, 7);
	memset(nodes, 0, sizeof(nodes));
	memset(due, 0, sizeof(due));
	tcp_wheel_init(w, nodes, sizeof(nodes[0]), now);
	for (unsigned step = 0; step < 200000; step++) {
		uint32_t i = (uint32_t)rng_below(&rng, NODES), got;
		int64_t next, first = INT64_MAX;

		/* Delays of all sizes, up to days. */
		due[i] = now + (int64_t)(rng_u64(&rng) >> (17 + rng_below(&rng, 40)));
		if (rng_below(&rng, 8) == 0) {
			tcp_wheel_disarm(w, i);
			due[i] = 0;
		} else {
			tcp_wheel_arm(w, i, due[i]);
		}
		for (unsigned k = 0; k < NODES; k++)
			if (due[k] && due[k] < first)
				first = due[k];
		next = tcp_wheel_next(w);
		if (first == INT64_MAX)
			assert_true(next == INT64_MAX);
		else /* never later than the first, rounded up */
			assert_true(next <= first + (1 << WHEEL_SHIFT));
		now += (int64_t)(rng_u64(&rng) >> (24 + rng_below(&rng, 30)));
		while ((got = tcp_wheel_pop(w, now)) != WHEEL_NONE) {
			assert_true(due[got] && due[got] <= now);
			due[got] = 0;
		}
		for (unsigned k = 0; k < NODES; k++)
			assert_true(!due[k] || due[k] + (1 << WHEEL_SHIFT) > now);
	}
	free(w);
}

static void test_table_against_a_list(void **state)
{
	struct tcp_cfg cfg;
	struct tcp_stack *s;
	void *mem;
	struct conn *have[300] = {NULL};
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);

	(void)state;
	rng_seeded_init(&seed, 3);
	tt_cfg(&cfg);
	cfg.max_conns = 300;
	mem = aligned_alloc(64, (tcp_stack_size(&cfg) + 63) & ~(size_t)63);
	s = tcp_stack_init(mem, tcp_stack_size(&cfg), &cfg, (struct instant){0});
	assert_int_equal(tcp_peer_set(s, 1, 0, 0, 0), 0);
	for (unsigned step = 0; step < 20000; step++) {
		unsigned i = (unsigned)rng_below(&rng, 300);

		if (have[i]) {
			have[i]->state = TCP_SYN_SENT;
			conn_end(s, have[i], 0, 0);
			have[i] = NULL;
		} else {
			have[i] = conn_new(s, 1, (uint16_t)i, 9);
			assert_non_null(have[i]);
		}
		i = (unsigned)rng_below(&rng, 300);
		assert_ptr_equal(table_find(s, 1, (uint16_t)i, 9), have[i]);
		assert_null(table_find(s, 1, (uint16_t)i, 10));
	}
	free(mem);
}

static void test_ring_against_an_array(void **state)
{
	enum { SPAN = 60000 };
	static uint8_t model[1 << 20], out[SPAN], in[SPAN];
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	struct tcp_pool p = {.total = 200, .shift = 10};
	struct tcp_buf b = {.head = 0xffff8000u};
	uint32_t start = 0;

	(void)state;
	rng_seeded_init(&seed, 5);
	p.base = malloc(p.total * tcp_pool_stride(p.shift));
	p.freed = malloc(p.total * sizeof(uint32_t));
	while (start < sizeof(model) - SPAN) {
		uint32_t n = (uint32_t)rng_below(&rng, 9000);

		if (b.len + n < SPAN) {
			rng_fill(&rng, in, n);
			assert_int_equal(tcp_buf_write(&p, &b, b.head + b.len, in, n), n);
			memcpy(model + start + b.len, in, n);
			b.len += n;
		}
		n = (uint32_t)rng_below(&rng, b.len + 1);
		tcp_buf_read(&p, &b, b.head, out, n);
		assert_memory_equal(out, model + start, n);
		tcp_buf_drop(&p, &b, n, false);
		start += n;
		assert_true(p.used <= b.len / 1024 + 3);
	}
	tcp_buf_drop(&p, &b, b.len, false);
	assert_int_equal(p.used, 0);
	/* Exhaustion is reported, and everything comes back. */
	assert_true(tcp_buf_write(&p, &b, b.head, model, 250000) < 250000);
	b.len = 1;
	tcp_buf_free(&p, &b);
	assert_int_equal(p.used, 0);
	assert_true(tcp_buf_ensure(&p, &b, b.head + (256u << 10)) < 0); /* beyond the directory */
	tcp_buf_free(&p, &b);
	assert_int_equal(p.used, 0);
	free(p.base);
	free(p.freed);
}

static void test_checksum(void **state)
{
	uint8_t b[3000], copy[3000];
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);
	static const uint8_t rfc1071[8] = {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7};

	(void)state;
	rng_seeded_init(&seed, 1);
	assert_int_equal(tcp_csum_sum(rfc1071, 8), 0xddf2);
	rng_fill(&rng, b, sizeof(b));
	for (uint32_t n = 0; n < sizeof(b); n++) {
		uint32_t want = 0;

		for (uint32_t i = 0; i < n; i++)
			want += i & 1 ? b[i] : (uint32_t)b[i] << 8;
		assert_int_equal(tcp_csum_sum(b, n), tcp_csum_fold(want));
		memset(copy, 0xa5, sizeof(copy));
		assert_int_equal(tcp_csum_copy(copy, b, n), tcp_csum_fold(want));
		assert_memory_equal(copy, b, n);
		assert_int_equal(n < sizeof(copy) ? copy[n] : 0xa5, 0xa5);
	}
}

static void test_options_round_trip(void **state)
{
	const struct tcp_opts o = {.mss = 1234,
	                           .wscale = 9,
	                           .sack_ok = true,
	                           .ts = true,
	                           .ts_val = 0x01020304,
	                           .ts_ecr = 0x05060708};
	const struct tcp_opts k = {
	        .wscale = -1, .ts = true, .nsack = 4, .sack = {{1, 2}, {3, 4}, {5, 6}, {7, 8}}};
	struct tcp_opts got;
	uint8_t b[40];
	uint32_t n = tcp_opts_write(b, &o);

	(void)state;
	assert_int_equal(n % 4, 0);
	assert_int_equal(tcp_opts_parse(b, n, &got), 0);
	assert_true(got.mss == 1234 && got.wscale == 9 && got.sack_ok && got.ts);
	assert_true(got.ts_val == o.ts_val && got.ts_ecr == o.ts_ecr);
	n = tcp_opts_write(b, &k);
	assert_int_equal(n, 40);
	assert_int_equal(tcp_opts_parse(b, n, &got), 0);
	assert_int_equal(got.nsack, 3); /* what fits beside timestamps */
	assert_int_equal(got.sack[2].end, 6);
	b[0] = 3;
	b[1] = 3;
	b[2] = 200; /* a scale above 14 reads as 14 (RFC 7323 2.3) */
	b[3] = 0;
	assert_int_equal(tcp_opts_parse(b, 4, &got), 0);
	assert_int_equal(got.wscale, 14);
}

static void test_estimator(void **state)
{
	struct tcp_cfg cfg;
	struct conn c = {.min_rtt = INT64_MAX, .mss = 1000};

	(void)state;
	tcp_cfg_default(&cfg);
	rto_sample(&cfg, &c, 100 * NS_PER_MS, 0);
	assert_int_equal(c.srtt, 100 * NS_PER_MS);
	assert_int_equal(c.rttvar, 50 * NS_PER_MS);
	assert_int_equal(c.rto, 300 * NS_PER_MS);
	rto_sample(&cfg, &c, 180 * NS_PER_MS, 0);
	assert_int_equal(c.srtt, 110 * NS_PER_MS);
	assert_int_equal(c.rttvar, 57500000);
	c.backoff = 3;
	assert_int_equal(rto_backed_off(&cfg, &c), 8 * c.rto);
	c.backoff = 30;
	assert_int_equal(rto_backed_off(&cfg, &c), 60 * NS_PER_S);
}

static void test_controllers(void **state)
{
	struct tcp_ccs r = {.ops = &tcp_cc_newreno,
	                    .cwnd = 10000,
	                    .ssthresh = 20000,
	                    .mss = 1000,
	                    .ss_limit = 8};
	struct tcp_ccs c = {.ops = &tcp_cc_cubic, .cwnd = 100000, .ssthresh = 1, .mss = 1000};
	int64_t now = NS_PER_S;

	(void)state;
	r.ops->init(&r);
	r.ops->acked(&r, 10000, 0, 0);
	assert_int_equal(r.cwnd, 18000); /* slow start, eight segments an ACK at most */
	r.ops->acked(&r, 2000, 0, 0);
	assert_int_equal(r.cwnd, 20000); /* up to ssthresh */
	r.ops->acked(&r, 20000, 0, 0);
	assert_int_equal(r.cwnd, 21000); /* then one segment a window */
	assert_int_equal(r.ops->congestion(&r, 21000), 10500);
	assert_int_equal(r.ops->congestion(&r, 1000), 2000);
	/* CUBIC comes back to the old window after K = cbrt(0.3 * W / 0.4) s, without overshooting before. */
	c.ops->init(&c);
	c.ssthresh = c.ops->congestion(&c, 100000);
	assert_in_range(c.ssthresh, 69999, 70000);
	c.cwnd = c.ssthresh;
	for (int ms = 0; ms < 4217; ms += 100, now += 100 * NS_PER_MS) {
		assert_true(c.cwnd < 101000);
		for (uint64_t left = c.cwnd; left; left -= left < 1000 ? left : 1000)
			c.ops->acked(&c, left < 1000 ? (uint32_t)left : 1000, 100 * NS_PER_MS, now);
	}
	assert_in_range(c.cwnd, 97000, 103000);
}

static void test_configuration(void **state)
{
	struct tcp_cfg cfg;
	const char *why;

	(void)state;
	tcp_cfg_default(&cfg);
	assert_int_equal(tcp_cfg_check(&cfg, &why), 0);
	assert_null(why);
	cfg.chunk_bytes = 3000;
	assert_true(tcp_cfg_check(&cfg, &why) < 0);
	assert_non_null(strstr(why, "chunk_bytes"));
	assert_int_equal(tcp_stack_size(&cfg), 0);
}

/* Seconds until a connection is given up when nothing is answered. */
static int64_t patience(int64_t rto, int64_t most, uint32_t retries)
{
	int64_t sum = 0;

	for (uint32_t i = 0; i <= retries; i++, rto *= 2)
		sum += rto < most ? rto : most;
	return sum / NS_PER_S;
}

/* What RFC 9293 says of defaults and bounds. */
static void test_defaults(void **state)
{
	struct tcp_cfg cfg;
	const char *why;

	(void)state;
	tcp_cfg_default(&cfg);
	assert_true(patience(cfg.rto_min_ns, cfg.rto_max_ns, cfg.data_retries) >= 100);
	assert_true(patience(cfg.rto_initial_ns, cfg.rto_max_ns, cfg.syn_retries) >= 180);
	assert_true(cfg.connect_timeout_ns >= 180 * NS_PER_S);
	assert_true(cfg.warn_retries >= 3 && cfg.warn_retries < cfg.data_retries);
	assert_int_equal(cfg.keepalive_idle_ns, 0);
	assert_true(cfg.keepalive_probes > 1);
	assert_int_equal(cfg.delack_segments, 2);
	cfg.delack_ns = NS_PER_S / 2 - 1;
	assert_int_equal(tcp_cfg_check(&cfg, &why), 0);
	cfg.delack_ns = NS_PER_S / 2;
	assert_int_equal(tcp_cfg_check(&cfg, &why), -EINVAL);
	assert_non_null(strstr(why, "delack"));
	cfg.delack_ns = 0;
	cfg.data_retries = 256;
	assert_int_equal(tcp_cfg_check(&cfg, &why), -EINVAL);
	assert_non_null(strstr(why, "retries"));
}

/* Each limit that the engine's arithmetic relies on: the last good value, and the first bad one with the name it is refused by. */
#define BOUND(field, good, bad, name)                                 \
	do {                                                          \
		tcp_cfg_default(&cfg);                                \
		cfg.field = (good);                                   \
		assert_int_equal(tcp_cfg_check(&cfg, &why), 0);       \
		cfg.field = (bad);                                    \
		assert_int_equal(tcp_cfg_check(&cfg, &why), -EINVAL); \
		assert_non_null(strstr(why, name));                   \
	} while (0)

static void test_bounds(void **state)
{
	struct tcp_cfg cfg;
	const char *why;

	(void)state;
	BOUND(user_timeout_ns, 366 * 86400 * NS_PER_S, INT64_MAX, "a year");
	BOUND(msl_ns, 366 * 86400 * NS_PER_S, 366 * 86400 * NS_PER_S + 1, "a year");
	BOUND(paws_idle_ns, 366 * 86400 * NS_PER_S, INT64_MAX, "a year");
	BOUND(pacing_burst, 65535, 65536, "pacing_burst");
	BOUND(delack_segments, 65535, 65536, "delack_segments");
	BOUND(dup_threshold, 65535, 65536, "dup_threshold");
	BOUND(buffer_growth_pct, 100, 101, "buffer_growth_pct");
	BOUND(hystart_rtt_divisor, 1, 0, "hystart_rtt_divisor");
	BOUND(hystart_rtt_min_us, cfg.hystart_rtt_max_us, cfg.hystart_rtt_max_us + 1, "hystart");
	BOUND(hystart_samples, 255, 256, "hystart_samples");
	BOUND(hystart_css_rounds, 1, 0, "hystart_css_rounds");
	BOUND(reo_persist, 255, 256, "reo_persist");
	BOUND(oow_doublings, 16, 17, "oow_doublings");
	BOUND(oow_ack_ns, 3600 * NS_PER_S, 3600 * NS_PER_S + 1, "oow_ack");
	BOUND(pacing_round_max_ns, 60 * NS_PER_S, 60 * NS_PER_S + 1, "pacing_round_max");
	BOUND(cookie_ns, 1, 0, "cookie");
	BOUND(min_rtt_age_ns, 1, 0, "min_rtt_age");
	BOUND(paws_idle_ns, 1, 0, "paws_idle");
	BOUND(tlp_no_rtt_ns, 1, 0, "tlp_no_rtt");
	BOUND(initial_window, 1000, 1001, "initial_window");
	BOUND(mss_min, 32, 31, "mss_min");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_wheel_against_a_list),
	        cmocka_unit_test(test_table_against_a_list),
	        cmocka_unit_test(test_ring_against_an_array),
	        cmocka_unit_test(test_checksum),
	        cmocka_unit_test(test_options_round_trip),
	        cmocka_unit_test(test_estimator),
	        cmocka_unit_test(test_controllers),
	        cmocka_unit_test(test_configuration),
	        cmocka_unit_test(test_defaults),
	        cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
