/* SPDX-License-Identifier: BSD-3-Clause */
/* Options: each can be set and read, comes from the configuration, and goes from a listener to its connections. */
#include "tcptest.h"

#include <errno.h>

/* A value for each option that is not the one it has by default. */
static const uint32_t other[TCP_OPT_COUNT] = {
        [TCP_OPT_NODELAY] = 1,
        [TCP_OPT_KEEPALIVE_MS] = 70000,
        [TCP_OPT_USER_TIMEOUT_MS] = 9000,
        [TCP_OPT_SNDBUF_MAX] = 5000,
        [TCP_OPT_RCVBUF_MAX] = 6000,
        [TCP_OPT_KEEPALIVE_INTVL_MS] = 700,
        [TCP_OPT_KEEPALIVE_PROBES] = 9,
        [TCP_OPT_LINGER_MS] = 0,
        [TCP_OPT_CC] = TCP_CC_CUBIC,
        [TCP_OPT_CORK] = 1,
        [TCP_OPT_QUICKACK] = 1,
        [TCP_OPT_PACING] = 1,
        [TCP_OPT_PACING_KBIT] = 800,
        [TCP_OPT_MSS] = 600,
        [TCP_OPT_WARNINGS] = 0,
};

static uint32_t get(struct tt *t, uint32_t conn, unsigned opt)
{
	uint32_t value = 12345;

	assert_int_equal(tcp_get_opt(t->s, conn, (enum tcp_opt)opt, &value), 0);
	return value;
}

static int set(struct tt *t, unsigned opt, uint32_t value)
{
	return tcp_set_opt(t->s, t->conn, (enum tcp_opt)opt, value);
}

static void test_set_and_read(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.nodelay = false;
	tt_established(&t, &cfg);
	for (unsigned opt = 0; opt < TCP_OPT_COUNT; opt++) {
		assert_int_not_equal(get(&t, t.conn, opt), other[opt]);
		assert_int_equal(set(&t, opt, other[opt]), opt == TCP_OPT_MSS ? -EISCONN : 0);
		if (opt != TCP_OPT_MSS)
			assert_int_equal(get(&t, t.conn, opt), other[opt]);
	}
	tt_free(&t);
}

/* What a listener was told holds in the connections that come through it, by a half-open one and by a cookie. */
static void from_listener(uint8_t cookies)
{
	struct tcp_cfg cfg;
	struct tt t;

	tt_cfg(&cfg);
	cfg.syn_cookies = cookies;
	cfg.nodelay = false;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_listen(t.s, TT_PORT, 8, &t.listener), 0);
	for (unsigned opt = 0; opt < TCP_OPT_COUNT; opt++) {
		assert_int_equal(tcp_set_opt(t.s, t.listener, (enum tcp_opt)opt, other[opt]), 0);
		assert_int_equal(get(&t, t.listener, opt), other[opt]);
	}
	tt_quiet(&t); /* there is nothing a listener could send */
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_SYN | TCP_ACK, 0, 1, 0);
	tt_in(&t, TCP_ACK, 1, 1, NULL, 0);
	assert_int_equal(tcp_accept(t.s, t.listener, &t.conn), 0);
	assert_int_equal(tt_info(&t).cookie, cookies == TCP_COOKIES_ALWAYS);
	for (unsigned opt = 0; opt < TCP_OPT_COUNT; opt++)
		assert_int_equal(get(&t, t.conn, opt), other[opt]);
	tt_free(&t);
}

static void test_from_listener(void **state)
{
	(void)state;
	from_listener(TCP_COOKIES_FULL);
	from_listener(TCP_COOKIES_ALWAYS);
}

static void test_from_configuration(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	cfg.nodelay = cfg.pacing = true;
	cfg.keepalive_idle_ns = 70 * NS_PER_S;
	cfg.keepalive_intvl_ns = 700 * NS_PER_MS;
	cfg.keepalive_probes = 9;
	cfg.user_timeout_ns = 9 * NS_PER_S;
	cfg.sndbuf = cfg.sndbuf_max = 5000;
	cfg.rcvbuf = cfg.rcvbuf_max = 6000;
	cfg.cc = TCP_CC_CUBIC;
	cfg.pacing_max_byte_s = 100000;
	tt_init(&t, &cfg);
	assert_int_equal(tcp_connect(t.s, TT_PEER, 80, &t.conn), 0);
	for (unsigned opt = 0; opt < TCP_OPT_COUNT; opt++) {
		if (opt != TCP_OPT_MSS)
			assert_int_equal(tcp_default_opt(t.s, opt), get(&t, t.conn, opt));
		switch (opt) {
		case TCP_OPT_LINGER_MS:
			assert_int_equal(get(&t, t.conn, opt), TCP_LINGER_OFF);
			break;
		case TCP_OPT_CORK:
		case TCP_OPT_QUICKACK:
			assert_int_equal(get(&t, t.conn, opt), 0);
			break;
		case TCP_OPT_WARNINGS:
			assert_int_equal(get(&t, t.conn, opt), 1);
			break;
		case TCP_OPT_MSS:
			assert_int_equal(get(&t, t.conn, opt), 1000);
			break;
		default:
			assert_int_equal(get(&t, t.conn, opt), other[opt]);
		}
	}
	tt_free(&t);
}

/* Out of range: brought to the nearest that works, or refused. */
static void test_limits(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	assert_int_equal(set(&t, TCP_OPT_SNDBUF_MAX, 1), 0);
	assert_int_equal(get(&t, t.conn, TCP_OPT_SNDBUF_MAX), 2048);
	assert_int_equal(tt_info(&t).snd_limit, 2048);
	assert_int_equal(set(&t, TCP_OPT_RCVBUF_MAX, UINT32_MAX), 0);
	assert_int_equal(get(&t, t.conn, TCP_OPT_RCVBUF_MAX), t.s->cfg.rcvbuf_max);
	assert_int_equal(set(&t, TCP_OPT_KEEPALIVE_INTVL_MS, 0), 0);
	assert_int_equal(get(&t, t.conn, TCP_OPT_KEEPALIVE_INTVL_MS), 1);
	assert_int_equal(set(&t, TCP_OPT_KEEPALIVE_PROBES, 0), 0);
	assert_int_equal(get(&t, t.conn, TCP_OPT_KEEPALIVE_PROBES), 1);
	assert_int_equal(set(&t, TCP_OPT_KEEPALIVE_PROBES, 300), 0);
	assert_int_equal(get(&t, t.conn, TCP_OPT_KEEPALIVE_PROBES), 255);
	assert_int_equal(set(&t, TCP_OPT_CC, TCP_CC_CUBIC + 1), -EINVAL);
	assert_int_equal(get(&t, t.conn, TCP_OPT_CC), TCP_CC_NEWRENO);
	tt_free(&t);
}

static void test_mss_before_the_syn(void **state)
{
	struct tt_seg o;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	assert_int_equal(tcp_connect(t.s, TT_PEER, 80, &t.conn), 0);
	assert_int_equal(set(&t, TCP_OPT_MSS, t.s->cfg.mss_min - 1u), -EINVAL);
	assert_int_equal(set(&t, TCP_OPT_MSS, 65536), -EINVAL);
	assert_int_equal(set(&t, TCP_OPT_MSS, 600), 0);
	assert_true(tt_out(&t, &o));
	assert_int_equal(o.o.mss, 600);
	assert_int_equal(set(&t, TCP_OPT_MSS, 500), -EISCONN);
	tt_free(&t);
}

static void test_errors(void **state)
{
	uint32_t value;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_to_state(&t, TCP_SYN_SENT);
	assert_int_equal(set(&t, TCP_OPT_COUNT, 1), -EINVAL);
	assert_int_equal(tcp_get_opt(t.s, t.conn, TCP_OPT_COUNT, &value), -EINVAL);
	assert_int_equal(tcp_set_opt(t.s, TCP_NO_CONN, TCP_OPT_NODELAY, 1), -EBADF);
	assert_int_equal(tcp_get_opt(t.s, TCP_NO_CONN, TCP_OPT_NODELAY, &value), -EBADF);
	tt_in(&t, TCP_RST | TCP_ACK, 0, 1, NULL, 0);
	assert_int_equal(set(&t, TCP_OPT_NODELAY, 1), -ENOTCONN);
	assert_int_equal(get(&t, t.conn, TCP_OPT_CORK), 0); /* still told */
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_set_and_read),       cmocka_unit_test(test_from_listener),
	        cmocka_unit_test(test_from_configuration), cmocka_unit_test(test_limits),
	        cmocka_unit_test(test_mss_before_the_syn), cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("tcp setopt", tests, NULL, NULL);
}
