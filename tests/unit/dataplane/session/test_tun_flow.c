/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may send to the TUN: answers to what went out while they are awaited, and what is allowed; nobody else. */
#include "session/tun_flow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct tun_flows f;
static struct node_id id[3];
static uint8_t addr[3][IP6_ADDR_BYTES]; /* of them; 0 is this node */
static struct instant now;
static unsigned queue; /* of the packet that came in last */

#define QUEUES 4

static int setup(void **state)
{
	static const uint8_t seed[16] = {1, 2, 3};

	for (unsigned i = 0; i < 3; i++) {
		memset(id[i].b, 0x10 + (int)i, ID_BYTES);
		ip6_of_id(&id[i], 0xfd, addr[i]);
	}
	now.ns = NS_PER_S;
	tun_flows_init(&f, NULL, 0, QUEUES, seed);
	return 0;
}

static struct tun_packet packet(unsigned from, unsigned to, uint8_t protocol, uint16_t sport,
                                uint16_t dport)
{
	return (struct tun_packet){.kind = TUN_FLOW,
	                           .protocol = protocol,
	                           .from = sport,
	                           .to = dport,
	                           .source = addr[from],
	                           .dest = addr[to]};
}

static void out(unsigned to, uint8_t protocol, uint16_t sport, uint16_t dport)
{
	struct tun_packet p = packet(0, to, protocol, sport, dport);

	tun_flows_out(&f, &p, 0, now);
}

static bool in(unsigned from, uint8_t protocol, uint16_t sport, uint16_t dport)
{
	struct tun_packet p = packet(from, 0, protocol, sport, dport);

	return tun_flows_in(&f, &p, &id[from], now, &queue);
}

static void test_answers_only(void **state)
{
	assert_false(in(1, 6, 80, 5000));
	out(1, 6, 5000, 80);
	assert_true(in(1, 6, 80, 5000));
	assert_false(in(2, 6, 80, 5000));  /* of somebody else, */
	assert_false(in(1, 6, 81, 5000));  /* from another port, */
	assert_false(in(1, 6, 80, 5001));  /* to another, */
	assert_false(in(1, 17, 80, 5000)); /* by another protocol */
	out(1, 132, 0, 0);
	assert_true(in(1, 132, 0, 0));
}

static void test_ages(void **state)
{
	out(1, 17, 5000, 53);
	now.ns += TUN_FLOW_UDP_NS - 1;
	assert_true(in(1, 17, 53, 5000)); /* which keeps it */
	now.ns += TUN_FLOW_UDP_NS - 1;
	assert_true(in(1, 17, 53, 5000));
	now.ns += TUN_FLOW_UDP_NS;
	assert_false(in(1, 17, 53, 5000));
	out(1, 6, 5000, 80);
	now.ns += 2 * 3600 * NS_PER_S;
	assert_true(in(1, 6, 80, 5000));
}

static void test_echoes(void **state)
{
	struct tun_packet p = packet(0, 1, IP6_NEXT_ICMP, 77, 0);
	static const struct dp_tun_allow icmp = {.protocol = 58, .last = 65535, .any = true};

	p.icmp = ICMP6_ECHO;
	tun_flows_out(&f, &p, 0, now);
	p = packet(1, 0, IP6_NEXT_ICMP, 77, 0);
	p.icmp = ICMP6_ECHO_REPLY;
	assert_true(tun_flows_in(&f, &p, &id[1], now, &queue));
	p.icmp = ICMP6_ECHO; /* a question is no answer */
	assert_false(tun_flows_in(&f, &p, &id[1], now, &queue));
	f.allow = &icmp;
	f.nallow = 1;
	assert_true(tun_flows_in(&f, &p, &id[1], now, &queue));
	p.icmp = ICMP6_ECHO_REPLY; /* nor an answer a question */
	p.from = 78;
	assert_false(tun_flows_in(&f, &p, &id[1], now, &queue));
}

/* An error is let in if it is about something that went to the node that sends it. */
static void test_errors(void **state)
{
	struct tun_packet p = packet(0, 1, 17, 5000, 53);

	out(1, 17, 5000, 53);
	p.kind = TUN_ERROR;
	assert_true(tun_flows_in(&f, &p, &id[1], now, &queue));
	assert_false(tun_flows_in(&f, &p, &id[2], now, &queue));
	p.to = 54;
	assert_false(tun_flows_in(&f, &p, &id[1], now, &queue));
}

static void test_allowed(void **state)
{
	struct dp_tun_allow rules[] = {{.protocol = 6, .first = 22, .last = 22, .from = id[1]},
	                               {.protocol = 17, .first = 10, .last = 20, .any = true}};

	f.allow = rules;
	f.nallow = 2;
	assert_true(in(1, 6, 9999, 22));
	assert_false(in(2, 6, 9999, 22));
	assert_false(in(1, 6, 9999, 23));
	assert_false(in(1, 17, 9999, 22));
	assert_true(in(2, 17, 9999, 10) && in(2, 17, 9999, 20) && in(1, 17, 9999, 15));
	assert_false(in(2, 17, 9999, 9) || in(2, 17, 9999, 21));
	f.nallow = 0;
}

/* Whoever may call this node's servers, and does so from all its ports, takes no room from what this node itself has begun; errors about what the
 * servers have said come all the same. */
static void test_callers_take_no_room(void **state)
{
	struct dp_tun_allow rule = {.protocol = 6, .first = 22, .last = 22, .from = id[2]};
	struct tun_packet p = packet(0, 2, 6, 22, 9999);

	f.allow = &rule;
	f.nallow = 1;
	out(1, 17, 5000, 53);
	for (unsigned port = 1; port < 65536; port++) {
		assert_true(in(2, 6, (uint16_t)port, 22));
		out(2, 6, 22, (uint16_t)port);
	}
	assert_true(in(1, 17, 53, 5000));
	p.kind = TUN_ERROR;
	assert_true(tun_flows_in(&f, &p, &id[2], now, &queue));
	assert_false(tun_flows_in(&f, &p, &id[1], now, &queue)); /* somebody else's, about that */
	p.from = 23;
	assert_false(tun_flows_in(&f, &p, &id[2], now, &queue));
	/* To somebody whom the rule is not for, from the same port, there is a flow as ever. */
	out(1, 6, 22, 80);
	assert_true(in(1, 6, 80, 22));
	f.nallow = 0;
}

/* The later fragments of a packet follow its first; without it nobody knows what they belong to. */
static void test_fragments(void **state)
{
	struct tun_packet first = packet(1, 0, 17, 53, 5000), rest = first;

	first.fragment = rest.fragment = true;
	first.id = rest.id = 12345;
	rest.kind = TUN_FRAGMENT;
	assert_false(tun_flows_in(&f, &first, &id[1], now, &queue));
	assert_false(tun_flows_in(&f, &rest, &id[1], now, &queue));
	out(1, 17, 5000, 53);
	assert_true(tun_flows_in(&f, &first, &id[1], now, &queue));
	assert_true(tun_flows_in(&f, &rest, &id[1], now, &queue));
	rest.source = addr[2];
	assert_false(tun_flows_in(&f, &rest, &id[2], now, &queue));
	rest.source = addr[1];
	rest.id++;
	assert_false(tun_flows_in(&f, &rest, &id[1], now, &queue));
	rest.id--;
	now.ns += TUN_FRAG_NS;
	assert_false(tun_flows_in(&f, &rest, &id[1], now, &queue));
}

/* Whoever sends many packets in fragments drives out its own only. */
static void test_fragments_of_one_sender_leave_room(void **state)
{
	struct tun_packet first = packet(1, 0, 17, 53, 5000), rest, many;

	first.fragment = true;
	first.id = 7;
	rest = first;
	rest.kind = TUN_FRAGMENT;
	out(1, 17, 5000, 53);
	out(2, 17, 5000, 53);
	assert_true(tun_flows_in(&f, &first, &id[1], now, &queue));
	many = first;
	many.source = addr[2];
	for (unsigned i = 0; i < 1000; i++) {
		now.ns += NS_PER_MS;
		many.id = i;
		many.kind = TUN_FLOW;
		assert_true(tun_flows_in(&f, &many, &id[2], now, &queue));
		many.kind = TUN_FRAGMENT;
		assert_true(tun_flows_in(&f, &many, &id[2], now, &queue));
		assert_true(tun_flows_in(&f, &rest, &id[1], now, &queue));
	}
	/* The newest of its own are known. */
	many.id = 999 - TUN_FRAGS_EACH + 1;
	assert_true(tun_flows_in(&f, &many, &id[2], now, &queue));
	many.id--;
	assert_false(tun_flows_in(&f, &many, &id[2], now, &queue));
}

/* Answers come by the queue of their questions, fragments too; what is allowed by one that only its flow decides, and all of them are used. */
static void test_a_flow_stays_on_its_queue(void **state)
{
	static const struct dp_tun_allow any = {.last = 65535, .any = true};
	struct tun_packet p = packet(0, 1, 17, 5000, 53), first = packet(1, 0, 17, 53, 5000), rest;
	unsigned used[QUEUES] = {0};

	for (unsigned q = 0; q < QUEUES; q++) {
		tun_flows_out(&f, &p, q, now);
		assert_true(in(1, 17, 53, 5000));
		assert_int_equal(queue, q);
		first.fragment = true;
		first.id = q;
		assert_true(tun_flows_in(&f, &first, &id[1], now, &queue));
		rest = first;
		rest.kind = TUN_FRAGMENT;
		queue = 99;
		assert_true(tun_flows_in(&f, &rest, &id[1], now, &queue));
		assert_int_equal(queue, q);
	}
	f.allow = &any;
	f.nallow = 1;
	for (unsigned port = 0; port < 1000; port++) {
		unsigned first_queue;

		assert_true(in(2, 6, (uint16_t)(10000 + port), 80));
		first_queue = queue;
		assert_in_range(first_queue, 0, QUEUES - 1);
		used[first_queue]++;
		assert_true(in(2, 6, (uint16_t)(10000 + port), 80));
		assert_int_equal(queue, first_queue);
	}
	for (unsigned q = 0; q < QUEUES; q++)
		assert_in_range(used[q], 150, 350);
	f.nallow = 0;
}

/* However many flows there are, the newest stay, and none becomes another. */
static void test_many(void **state)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < 100000; i++) {
		now.ns += NS_PER_MS;
		out(1 + i % 2, 17, (uint16_t)(i >> 4), (uint16_t)(1000 + (i & 15)));
	}
	for (unsigned i = 99000; i < 100000; i++)
		kept += in(1 + i % 2, 17, (uint16_t)(1000 + (i & 15)), (uint16_t)(i >> 4));
	assert_true(kept >= 995);
	assert_false(in(1, 17, 999, 99000 >> 4));
}

#define test(x) cmocka_unit_test_setup(x, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_answers_only), test(test_ages),
	        test(test_echoes),       test(test_errors),
	        test(test_allowed),      test(test_callers_take_no_room),
	        test(test_fragments),    test(test_fragments_of_one_sender_leave_room),
	        test(test_many),         test(test_a_flow_stays_on_its_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
