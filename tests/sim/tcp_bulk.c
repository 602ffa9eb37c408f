/* SPDX-License-Identifier: BSD-3-Clause */
/* Bulk transfers over bad networks: every byte intact, in time, for many seeds. */
#include "tcpnet.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>

static void bulk(uint64_t seed, const struct tcpnet_path *p, uint64_t bytes, int64_t limit,
                 bool sack, bool ts, enum tcp_cc cc)
{
	struct tcpnet n;
	struct tcp_cfg cfg;
	struct tcp_info i;
	uint32_t a, b;
	int64_t t;

	tcpnet_cfg(&cfg);
	cfg.sack = sack;
	cfg.timestamps = ts;
	cfg.cc = cc;
	tcpnet_init(&n, seed, &cfg, &cfg);
	tcpnet_both(&n, p);
	tcpnet_pair(&n, 80, &a, &b);
	t = tcpnet_bulk(&n, 0, a, b, bytes, limit);
	tcp_info(n.stack[0], a, &i);
	printf("seed %llu sack %d ts %d %s: %.3f s, %.1f Mbit/s, sent %llu lost %llu rtx %llu rto "
	       "%llu fast %llu tlp %llu undo %llu\n",
	       (unsigned long long)seed, sack, ts, i.cc_name, (double)t / 1e9,
	       bytes * 8e3 / (double)t, (unsigned long long)n.sent[0],
	       (unsigned long long)n.lost[0], (unsigned long long)i.retransmits,
	       (unsigned long long)i.rtos, (unsigned long long)i.fast_recoveries,
	       (unsigned long long)i.probes, (unsigned long long)i.spurious);
	assert_true(t > 0);
	/* And back again over the same connection. */
	assert_true(tcpnet_bulk(&n, 1, b, a, bytes / 4, limit) > 0);
	tcpnet_free(&n);
}

static void test_clean(void **state)
{
	const struct tcpnet_path p = {
	        .bit_s = 1e9, .delay_ns = 5 * NS_PER_MS, .queue_bytes = 2000000};

	(void)state;
	bulk(1, &p, 20000000, 5 * NS_PER_S, true, true, TCP_CC_CUBIC);
	bulk(1, &p, 20000000, 5 * NS_PER_S, true, true, TCP_CC_NEWRENO);
	bulk(1, &p, 20000000, 5 * NS_PER_S, false, false, TCP_CC_NEWRENO);
}

static void test_hostile_20_seeds(void **state)
{
	const struct tcpnet_path p = {.bit_s = 200e6,
	                              .delay_ns = 10 * NS_PER_MS,
	                              .queue_bytes = 500000,
	                              .loss = 0.01,
	                              .duplicate = 0.01,
	                              .corrupt = 0.005,
	                              .reorder = 0.02,
	                              .reorder_ns = 5 * NS_PER_MS};

	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++)
		bulk(seed, &p, 1500000, 60 * NS_PER_S, seed % 4 != 0, seed % 3 != 0,
		     seed & 1 ? TCP_CC_CUBIC : TCP_CC_NEWRENO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_clean),
	        cmocka_unit_test(test_hostile_20_seeds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
