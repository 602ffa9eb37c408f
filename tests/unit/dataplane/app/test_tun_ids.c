/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and ids of the TUN: what is known is found, what is not is asked for again and again for a while, and packets wait within bounds. */
#include "app/tun_ids.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct tun_ids *t;
static struct instant now;

static int setup(void **state)
{
	t = calloc(1, sizeof(*t));
	now.ns = NS_PER_S;
	return t ? 0 : -1;
}

static int teardown(void **state)
{
	free(t);
	return 0;
}

static struct node_id id(uint32_t n)
{
	struct node_id v;

	for (unsigned i = 0; i < ID_BYTES; i++)
		v.b[i] = (uint8_t)((n * 2654435761u >> (i % 4 * 8)) + i * n);
	return v;
}

static const struct node_id *find(uint32_t n)
{
	struct node_id v = id(n);
	uint8_t addr[IP6_ADDR_BYTES];

	ip6_of_id(&v, 0xfd, addr);
	return tun_ids_find(t, addr);
}

static void test_known_are_found(void **state)
{
	unsigned kept = 0;

	assert_null(find(1));
	for (uint32_t i = 0; i < 20000; i++) {
		struct node_id v = id(i);

		tun_ids_learn(t, &v);
		tun_ids_learn(t, &v);
		assert_non_null(find(i));
		assert_true(id_eq(find(i), &v));
	}
	for (uint32_t i = 0; i < 20000; i++)
		kept += find(i) != NULL;
	assert_in_range(kept, TUN_IDS_SETS, TUN_IDS_SETS * TUN_IDS_WAYS);
}

static void test_asked_for(void **state)
{
	struct node_id target = id(1);
	struct tun_ask *a = tun_ask_begin(t, &target, 1, now);
	uint8_t packet[TUN_MTU_MOST] = {0x60};
	unsigned again_times = 0;
	bool again;

	assert_ptr_equal(tun_ask_find(t, &target), a);
	for (unsigned i = 0; i < TUN_ASK_HELD; i++)
		assert_true(tun_ask_hold(a, packet, sizeof(packet)));
	assert_false(tun_ask_hold(a, packet, 40));
	assert_null(tun_ask_due(t, now, &again));
	for (;;) {
		now = tun_ask_deadline(t);
		assert_ptr_equal(tun_ask_due(t, now, &again), a);
		if (!again)
			break;
		again_times++;
	}
	assert_int_equal(again_times, 9);
	assert_int_equal(a->state, TUN_ASK_FAILED);
	assert_int_equal(now.ns, NS_PER_S + TUN_ASK_LIFE);
	/* For a while it is known that there is none. */
	assert_ptr_equal(tun_ask_find(t, &target), a);
	now = tun_ask_deadline(t);
	assert_int_equal(now.ns, NS_PER_S + TUN_ASK_LIFE + TUN_FAILED_NS);
	assert_ptr_equal(tun_ask_due(t, now, &again), a);
	assert_false(again);
	assert_null(tun_ask_find(t, &target));
	assert_true(instant_is_never(tun_ask_deadline(t)));
}

static void test_bounded(void **state)
{
	struct node_id v;

	for (uint32_t i = 0; i < TUN_ASK_MAX; i++) {
		v = id(i);
		assert_non_null(tun_ask_begin(t, &v, i, now));
	}
	v = id(1000);
	assert_null(tun_ask_begin(t, &v, 1000, now));
}

/* Whoever tries many addresses, which all fail, again and again, keeps out nobody who asks for one. */
static void test_who_tries_many_leaves_room(void **state)
{
	unsigned tries = 0, got = 0;
	bool again;

	for (; tries < 100000; tries++) {
		struct node_id v = id(tries + 10);

		now.ns += NS_PER_MS;
		while (tun_ask_due(t, now, &again))
			;
		/* Two greedy ones, and now and then one that has not asked before. */
		got += tun_ask_begin(t, &v, tries % 2, now) != NULL;
		if (tries % 1000 == 0) {
			v = id(tries + 9);
			assert_non_null(tun_ask_begin(t, &v, 100 + tries, now));
		}
	}
	assert_in_range(got, 100, 1000);
}

/* What stays the same where one program tries many. */
static void test_askers(void **state)
{
	struct tun_packet udp = {.protocol = IP6_NEXT_UDP, .from = 5000, .to = 1},
	                  tcp = {.protocol = IP6_NEXT_TCP, .from = 1, .to = 22},
	                  echo = {.protocol = IP6_NEXT_ICMP, .from = 77}, other = tcp;
	uint32_t was = tun_asker(&udp);

	udp.to = 2;
	assert_int_equal(tun_asker(&udp), was);
	udp.from = 5001;
	assert_int_not_equal(tun_asker(&udp), was);
	other.from = 2;
	assert_int_equal(tun_asker(&other), tun_asker(&tcp));
	other.to = 23;
	assert_int_not_equal(tun_asker(&other), tun_asker(&tcp));
	assert_true(tun_asker(&echo) < 1 << 24 && tun_asker(&echo) != tun_asker(&tcp));
}

#define test(x) cmocka_unit_test_setup_teardown(x, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_known_are_found), test(test_asked_for),
	        test(test_bounded),         test(test_who_tries_many_leaves_room),
	        test(test_askers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
