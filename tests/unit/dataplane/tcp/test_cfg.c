/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration: what RFC 9293 says of defaults, and each bound that the arithmetic relies on. */
#include "tcptest.h"

#include <errno.h>
#include <string.h>

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

/* Below its least value and above its most a row is refused by its name; what its type cannot hold need not be. */
#define REFUSED(field, value)                                         \
	do {                                                          \
		tcp_cfg_default(&cfg);                                \
		cfg.field = (value);                                  \
		assert_int_equal(tcp_cfg_check(&cfg, &why), -EINVAL); \
		assert_non_null(strstr(why, #field " must lie in"));  \
	} while (0)
#define REFUSED_U16(field, least, most) \
	if ((least) > 0)                \
		REFUSED(field, (uint16_t)(least) - 1);
#define REFUSED_U32(field, least, most)                \
	if ((least) > 0)                               \
		REFUSED(field, (uint32_t)(least) - 1); \
	if ((uint32_t)(most) < UINT32_MAX)             \
		REFUSED(field, (uint32_t)(most) + 1);
#define REFUSED_U64(field, least, most) \
	if ((most) < UINT64_MAX)        \
		REFUSED(field, (uint64_t)(most) + 1);
#define REFUSED_NS(field, least, most)        \
	REFUSED(field, (int64_t)(least) - 1); \
	REFUSED(field, (int64_t)(most) + 1);  \
	REFUSED(field, INT64_MAX);
#define REFUSED_BOOL(field, least, most)
#define REFUSED_ENUM(field, least, most) REFUSED(field, (most) + 1);
#define REFUSED_CC                       REFUSED_ENUM
#define REFUSED_ECN                      REFUSED_ENUM
#define REFUSED_COOKIES                  REFUSED_ENUM

static void test_rows(void **state)
{
	struct tcp_cfg cfg;
	const char *why;

	(void)state;
#define ROW(kind, field, dflt, least, most, what) REFUSED_##kind(field, least, most)
	TCP_SETTINGS(ROW)
#undef ROW
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
	BOUND(user_timeout_ns, 366 * 86400 * NS_PER_S, INT64_MAX, "_ns must lie in");
	BOUND(msl_ns, 366 * 86400 * NS_PER_S, 366 * 86400 * NS_PER_S + 1, "_ns must lie in");
	BOUND(paws_idle_ns, 366 * 86400 * NS_PER_S, INT64_MAX, "_ns must lie in");
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
	        cmocka_unit_test(test_configuration),
	        cmocka_unit_test(test_defaults),
	        cmocka_unit_test(test_rows),
	        cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("tcp cfg", tests, NULL, NULL);
}
