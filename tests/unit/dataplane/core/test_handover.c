/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets between two workers: each kind comes out where its stage looks, in order, and who sleeps is woken. */
#include "core/handover.h"
#include "../room.h"
#include "core/ring.h"

static struct room r = {.cfg.name = "handover"};

static int setup(void **state)
{
	room_start(&r);
	return 0;
}

static int teardown(void **state)
{
	/* What nobody took any more is freed with the ring. */
	handover(&r.w[0], 1, worker_mbuf(&r.w[0]));
	room_end(&r);
	return 0;
}

static void give(enum packet_kind kind, uint16_t number)
{
	struct rte_mbuf *m = worker_mbuf(&r.w[0]);

	assert_non_null(m);
	*packet_of(m) = (struct packet){.kind = (uint8_t)kind, .link = number};
	handover(&r.w[0], 1, m);
}

static void expect(struct rte_mbuf **m, unsigned n, uint16_t first, unsigned step)
{
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(packet_of(m[i])->link, first + i * step);
	rte_pktmbuf_free_bulk(m, n);
}

static void test_kinds_go_to_their_stage(void **state)
{
	static const enum packet_kind kinds[] = {PACKET_FRAME, PACKET_SESSION, PACKET_TX,
	                                         PACKET_TX_RAW};
	struct burst b = {0};

	assert_false(handover_waiting(&r.w[1]));
	for (uint16_t i = 0; i < 20; i++)
		give(kinds[i % 4], i);
	assert_true(handover_waiting(&r.w[1]));
	assert_false(handover_waiting(&r.w[0]));
	assert_int_equal(handover_take(&r.w[1], 1, &b), 0); /* no ring from itself */
	assert_int_equal(handover_take(&r.w[1], 0, &b), 20);
	assert_false(handover_waiting(&r.w[1]));
	assert_int_equal(b.nsealed, 5);
	assert_int_equal(b.nlocal, 5);
	assert_int_equal(b.nlabelled, 0);
	assert_int_equal(b.nleaving, 10);
	for (unsigned i = 0; i < b.nleaving; i++)
		assert_int_equal(packet_of(b.leaving[i])->kind, i % 2 ? PACKET_TX_RAW : PACKET_TX);
	expect(b.sealed, b.nsealed, 0, 4);
	expect(b.local, b.nlocal, 1, 4);
	rte_pktmbuf_free_bulk(b.leaving, b.nleaving);
}

static void test_no_more_than_the_burst_has_room_for(void **state)
{
	struct burst b = {.nlabelled = 10};

	for (uint16_t i = 0; i < 100; i++)
		give(PACKET_FRAME, i);
	assert_int_equal(handover_take(&r.w[1], 0, &b), BURST - 10);
	assert_int_equal(burst_room(&b), 0);
	assert_int_equal(handover_take(&r.w[1], 0, &b), 0);
	expect(b.sealed, b.nsealed, 0, 1);
	b = (struct burst){0};
	assert_int_equal(handover_take(&r.w[1], 0, &b), 100 - (BURST - 10));
	expect(b.sealed, b.nsealed, BURST - 10, 1);
}

/* A full ring and a worker that does not exist cost the packet, and say so. */
static void test_drops_are_counted(void **state)
{
	struct burst b = {0};
	unsigned taken = 0;

	for (unsigned i = 0; i < HANDOVER_SLOTS + 50; i++)
		give(PACKET_FRAME, 7);
	assert_int_equal(r.w[0].drops[DROP_HANDOVER_FULL], 51); /* a ring keeps one slot empty */
	handover(&r.w[0], ROOM_WORKERS, worker_mbuf(&r.w[0]));
	handover(&r.w[0], 0, worker_mbuf(&r.w[0]));
	assert_int_equal(r.w[0].drops[DROP_HANDOVER_FULL], 53);
	while (handover_take(&r.w[1], 0, &b)) {
		taken += b.nsealed;
		expect(b.sealed, b.nsealed, 7, 0);
		b.nsealed = 0;
	}
	assert_int_equal(taken, HANDOVER_SLOTS - 1);
}

static void test_only_a_sleeper_is_woken(void **state)
{
	struct burst b = {0};

	handover_wake(&r.w[0]);
	(void)room_woken(r.w[1].wake_fd);
	give(PACKET_FRAME, 0);
	handover_wake(&r.w[0]);
	assert_false(room_woken(r.w[1].wake_fd));
	atomic_store(&r.w[1].sleeping, true);
	handover_wake(&r.w[0]); /* nothing was given since */
	assert_false(room_woken(r.w[1].wake_fd));
	give(PACKET_FRAME, 0);
	handover_wake(&r.w[0]);
	assert_true(room_woken(r.w[1].wake_fd));
	assert_false(room_woken(r.w[0].wake_fd));
	atomic_store(&r.w[1].sleeping, false);
	assert_int_equal(handover_take(&r.w[1], 0, &b), 2);
	rte_pktmbuf_free_bulk(b.sealed, b.nsealed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_kinds_go_to_their_stage),
	        cmocka_unit_test(test_no_more_than_the_burst_has_room_for),
	        cmocka_unit_test(test_drops_are_counted),
	        cmocka_unit_test(test_only_a_sleeper_is_woken),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
