/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands keep their order and their numbers whatever the rings do; acknowledgements come back in the node's numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "daemon/daemon.h"
#include "daemon/links.h"
#include "daemon/loop.h"
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct daemon d;

static int setup(void **state)
{
	(void)state;
	fake_daemon_open(&d);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_daemon_close(&d);
	return 0;
}

static void node_sends(uint8_t worker, uint32_t type)
{
	struct node_output out = {.type = OUT_COMMAND};

	out.u.command.worker = worker;
	out.u.command.cmd.type = type;
	fake_output(d.node, &out);
	loop_outputs(&d);
}

static void own(unsigned worker)
{
	struct cp_cmd c = {.type = CMD_DRAIN};

	pump_own_command(&d, worker, &c);
}

static void in_order(unsigned worker, uint32_t n)
{
	assert_int_equal(fake.nlog[worker], n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(fake.log[worker][i].seq, i + 1);
}

static void test_numbers(void **state)
{
	(void)state;
	node_sends(CPDP_ALL_WORKERS, CMD_LINK_SET); /* 0: 1  1: 1 */
	own(CPDP_ALL_WORKERS);                      /* 0: 2  1: 2 */
	own(1);                                     /*       1: 3 */
	node_sends(1, CMD_ILM_SET);                 /*       1: 4 */
	node_sends(0, CMD_ILM_SET);                 /* 0: 3       */
	node_sends(1, CMD_SEND);                    /*       1: 5 */
	in_order(0, 3);
	in_order(1, 5);
	pump_acks(&d);
	assert_int_equal(fake.acks[0], 2);
	assert_int_equal(fake.acks[1], 3);
	for (unsigned i = 0; i < d.workers; i++)
		assert_int_equal(d.pump.w[i].acked, d.pump.w[i].seq);
	assert_false(d.pump.numbers_differ);
}

/* Each single acknowledgement is translated, not only the last. */
static void test_partial_acks(void **state)
{
	static const uint64_t expected[] = {0, 1, 1, 1, 2, 3};

	(void)state;
	fake.hold_acks = true;
	node_sends(0, CMD_LINK_SET);
	own(0);
	own(0);
	node_sends(0, CMD_LINK_SET);
	node_sends(0, CMD_LINK_SET);
	for (uint64_t i = 1; i <= 5; i++) {
		fake.acked[0] = i;
		pump_acks(&d);
		assert_int_equal(fake.acks[0], expected[i]);
	}
	assert_int_equal(fake.nacks, 3);
	/* A number never given out is not believed. */
	fake.acked[0] = 6;
	pump_acks(&d);
	assert_int_equal(fake.nacks, 3);
	assert_int_equal(d.pump.w[0].acked, 5);
}

static void test_overflow(void **state)
{
	(void)state;
	fake.room = 2;
	for (int i = 0; i < 10; i++)
		node_sends(0, i & 1 ? CMD_SEND : CMD_ILM_SET);
	assert_int_equal(fake.nlog[0], 2);
	assert_true(pump_pending(&d));
	/* A later command must not overtake although there is room again. */
	fake.room = 100;
	node_sends(0, CMD_LINK_DEL);
	assert_int_equal(fake.nlog[0], 2);
	pump_flush(&d);
	in_order(0, 11);
	assert_int_equal(fake.log[0][10].type, CMD_LINK_DEL);
	assert_int_equal(fake.log[0][3].type, CMD_SEND);
	assert_false(pump_pending(&d));
}

static void test_bounded(void **state)
{
	(void)state;
	fake.room = 0;
	for (unsigned i = 0; i < PUMP_QUEUE_SOFT; i++)
		node_sends(0, CMD_ILM_SET);
	node_sends(0, CMD_SEND);
	assert_int_equal(d.pump.packets_lost, 1);
	for (unsigned i = PUMP_QUEUE_SOFT + 1; i < PUMP_QUEUE_HARD; i++)
		node_sends(0, CMD_ILM_SET);
	assert_false(d.pump.broken);
	node_sends(0, CMD_ILM_SET);
	assert_true(d.pump.broken);
	fake.room = UINT32_MAX;
	pump_flush(&d);
	assert_int_equal(fake.nlog[0], PUMP_QUEUE_HARD);
	assert_int_equal(fake.log[0][PUMP_QUEUE_SOFT].type, CMD_NOP);
	assert_int_equal(fake.log[0][PUMP_QUEUE_SOFT].seq, PUMP_QUEUE_SOFT + 1);
}

static void test_static(void **state)
{
	static const char text[] =
	        "[node]\nkey = k\n[port p]\ndevice = x\n[link g]\ntype = ethernet\nport = p\n"
	        "seal = no\ncontrol = no\n[lsp a]\nin-link = g\nin-label = 100-5099\nout-link = g\n"
	        "out-label = 10000-14999\n[lsp b]\nin-link = g\nin-label = 16\nout-link = g\n"
	        "out-label = 17\n";
	struct dp_port_cfg port = {.name = "p"};
	struct conf_errors e = {0};
	char err[200];
	uint32_t seen = 0;

	(void)state;
	assert_int_equal(conf_parse(&d.conf, "t", text, strlen(text), NULL, &e), 0);
	fake.dp.ports = &port;
	fake.dp.nports = 1;
	assert_int_equal(links_open(&d, &d.conf.links[0], err, sizeof(err)), 0);
	assert_int_equal(links_start(&d, 0, &d.conf.links[0], err, sizeof(err)), 0);
	assert_int_equal(fake.nlinks, 0); /* the node never hears of it */
	assert_int_equal(fake.log[0][0].type, CMD_LINK_SET);
	assert_int_equal(fake.log[0][1].type, CMD_LINK_OPEN);
	fake.room = 3000;
	for (int i = 0; i < 10 && cross_pending(&d); i++) {
		pump_flush(&d);
		cross_flush(&d);
		fake.room = 3000;
	}
	pump_flush(&d);
	assert_false(pump_pending(&d) || cross_pending(&d));
	in_order(0, 2 + 5001);
	in_order(1, 2 + 5001);
	for (uint32_t i = 2; i < 5002; i++, seen++) {
		assert_int_equal(fake.log[1][i].in_label, 100 + seen);
		assert_int_equal(fake.log[1][i].out_label, 10000 + seen);
	}
	assert_int_equal(fake.log[1][5002].in_label, 16);
	pump_acks(&d);
	assert_int_equal(fake.nacks, 0); /* none of them was the node's */
	conf_free(&d.conf);
	conf_errors_free(&e);
}

static void test_poll(void **state)
{
	static const char text[] = "[node]\nkey = k\n[link u]\ntype = udp-socket\n"
	                           "local = 127.0.0.1:0\nremote = 127.0.0.1:9\n";
	struct conf_errors e = {0};
	char err[200];

	(void)state;
	assert_true(instant_is_never(links_poll_next(&d)));
	assert_int_equal(conf_parse(&d.conf, "t", text, strlen(text), NULL, &e), 0);
	d.now.ns = 100 * NS_PER_S;
	assert_int_equal(links_open(&d, &d.conf.links[0], err, sizeof(err)), 0);
	assert_int_equal(links_start(&d, 0, &d.conf.links[0], err, sizeof(err)), 0);
	assert_true(fake.links[0].initiate);
	assert_int_equal(fake.links[0].io.family, 4);
	assert_int_equal(fake.links[0].io.remote_port, 9);
	assert_int_equal(fake.links[0].io.mtu, 1440);
	assert_true(fake.links[0].io.fd >= 0);
	links_poll(&d);
	assert_int_equal(fake.rx + fake.tx, 0);
	assert_int_equal(instant_sub(d.poll_at, d.now), 500 * NS_PER_MS);
	fake.counters[0].rx_packets = 5;
	links_poll(&d);
	assert_int_equal(fake.rx, 5);
	assert_int_equal(instant_sub(d.poll_at, d.now), 500 * NS_PER_MS);
	fake.counters[0].tx_data_packets = 7;
	links_poll(&d);
	assert_int_equal(fake.rx, 5);
	assert_int_equal(fake.tx, 7);
	assert_int_equal(instant_sub(d.poll_at, d.now), 100 * NS_PER_MS);
	fake.counters[0].rx_packets = 2; /* the number is used again */
	links_poll(&d);
	assert_int_equal(fake.rx, 7);
	links_remove(&d, 0);
	loop_outputs(&d);
	assert_int_equal(fake.ndel, 1);
	assert_int_equal(links_find(&d, "u"), -1);
	assert_int_equal(d.links[0].fd, -1);
	conf_free(&d.conf);
	conf_errors_free(&e);
}

/* Two links on one port: the second bind fails with cause and remedy. */
static void test_taken(void **state)
{
	char text[200], err[256];
	struct conf_errors e = {0};

	(void)state;
	snprintf(text, sizeof(text),
	         "[node]\nkey = k\n[link u]\ntype = udp-socket\n"
	         "local = 127.0.0.1:0\nremote = 127.0.0.1:9\n");
	assert_int_equal(conf_parse(&d.conf, "t", text, strlen(text), NULL, &e), 0);
	assert_int_equal(links_open(&d, &d.conf.links[0], err, sizeof(err)), 0);
	d.conf.links[0].local.port = d.links[0].io.local_port;
	assert_true(links_open(&d, &d.conf.links[0], err, sizeof(err)) < 0);
	assert_non_null(strstr(err, "link u: cannot use local = 127.0.0.1:"));
	assert_non_null(strstr(err, "another process (or link) has this port"));
	conf_free(&d.conf);
	conf_errors_free(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test_setup_teardown(test_numbers, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_partial_acks, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_static, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_poll, setup, teardown),
	        cmocka_unit_test_setup_teardown(test_taken, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
