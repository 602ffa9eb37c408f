/* SPDX-License-Identifier: BSD-3-Clause */
/* Housekeeping: who is asked at a tick and who is left in peace, how the interval grows, when the contacts are worth saving. */
#include "asker.h"

#include "anchor/anchor.h"

#include <string.h>

#define TICK_MAX (300 * NS_PER_S)

/* The interval that the last tick set. It is shortened by up to a quarter, at random. */
static int64_t interval(const struct asker *b)
{
	return instant_sub(b->n->kad->tick_timer.at, b->n->now);
}

/* While this node's place changes, a tick waits, but not for ever. */
static void test_waits_for_the_trees(void **state)
{
	struct asker b;
	struct asker_sent s;

	asker_open(&b, 1);
	asker_contact(&b, 3, false);
	for (unsigned i = 0; i < 6; i++) {
		b.n->anchor->record_at = b.n->now;
		upkeep_tick(b.n);
		assert_int_equal(b.n->kad->ticks, 0);
		assert_true(timer_armed(&b.n->kad->tick_timer));
		assert_true(interval(&b) >= 300 * NS_PER_MS && interval(&b) < 450 * NS_PER_MS);
	}
	assert_false(asker_sent(&b, &s));
	b.n->anchor->record_at = b.n->now;
	upkeep_tick(b.n);
	assert_int_equal(b.n->kad->ticks, 1);
	assert_true(asker_sent(&b, &s));
	b.n->anchor->record_at = b.n->now;
	upkeep_tick(b.n); /* and the waiting begins anew */
	assert_int_equal(b.n->kad->ticks, 1);
	asker_close(&b);
}

/* Hearsay is asked, a few at a tick, each once in five seconds; meanwhile the interval stays as short as it is. */
static void test_verifies(void **state)
{
	enum { HEARSAY = 12 };
	struct asker b;
	struct asker_sent s;
	unsigned asked[HEARSAY] = {0}, total = 0;
	struct contact *c[HEARSAY];

	asker_open(&b, 2);
	for (unsigned i = 0; i < HEARSAY; i++)
		c[i] = asker_contact(&b, i, false);
	while (total < HEARSAY) {
		unsigned now = 0;

		upkeep_tick(b.n);
		assert_int_equal(b.n->kad->tick_ns, KAD_TICK_MIN);
		while (asker_sent(&b, &s)) {
			assert_int_equal(s.m.op, KAD_EXQ);
			for (unsigned i = 0; i < HEARSAY; i++)
				if (id_eq(&s.to, &c[i]->id)) {
					assert_int_equal(asked[i]++, 0);
					now++;
				}
		}
		/* Three siblings, and one for each of three buckets. */
		assert_in_range(now, HEARSAY - total < 3 ? 1 : 3, 6);
		total += now;
	}
	/* All have been asked: there is nothing to do but wait. */
	upkeep_tick(b.n);
	assert_true(b.n->kad->tick_ns > KAD_TICK_MIN);
	asker_close(&b);
}

/* While nothing changes the interval doubles up to its limit; what happens here shortens it at once, what others report only now and
 * then. */
static void test_interval(void **state)
{
	struct asker b;

	asker_open(&b, 3);
	for (int64_t want = 2 * KAD_TICK_MIN; want < TICK_MAX; want *= 2) {
		upkeep_tick(b.n);
		assert_int_equal(b.n->kad->tick_ns, want);
		assert_true(interval(&b) <= want && interval(&b) > want - want / 4 - 1);
		b.n->now.ns += interval(&b);
	}
	for (unsigned i = 0; i < 3; i++) {
		upkeep_tick(b.n);
		assert_int_equal(b.n->kad->tick_ns, TICK_MAX);
	}
	kad_speed_up(b.n, true);
	assert_int_equal(b.n->kad->tick_ns, KAD_TICK_MIN);
	assert_true(interval(&b) < KAD_TICK_MIN);
	b.n->kad->tick_ns = TICK_MAX;
	b.n->now.ns += 10 * NS_PER_S - 1;
	kad_speed_up(b.n, false);
	assert_int_equal(b.n->kad->tick_ns, TICK_MAX);
	b.n->now.ns++;
	kad_speed_up(b.n, false);
	assert_int_equal(b.n->kad->tick_ns, KAD_TICK_MIN);
	asker_close(&b);
}

static unsigned snapshots(struct asker *b)
{
	static struct node_output out;
	unsigned k = 0;

	while (node_output(b->n, &out))
		k += out.type == OUT_SNAPSHOT;
	return k;
}

static void test_snapshot(void **state)
{
	struct asker b;

	asker_open(&b, 4);
	b.n->now.ns += 30 * NS_PER_S;
	upkeep_tick(b.n);
	assert_int_equal(snapshots(&b), 0); /* nothing to save */
	b.n->kad->snapshot_changes = 1;
	upkeep_tick(b.n);
	assert_int_equal(snapshots(&b), 1);
	b.n->kad->snapshot_changes = 1;
	b.n->now.ns += 30 * NS_PER_S;
	upkeep_tick(b.n);
	assert_int_equal(snapshots(&b), 0); /* too soon */
	b.n->now.ns++;
	upkeep_tick(b.n);
	assert_int_equal(snapshots(&b), 1);
	b.n->now.ns += 31 * NS_PER_S;
	upkeep_tick(b.n);
	assert_int_equal(snapshots(&b), 0); /* saved already */
	asker_close(&b);
}

/* Empty buckets are looked into in turn with an id that belongs there, ever more rarely; those that siblings cover are not. */
static void test_empty_buckets(void **state)
{
	struct asker b;
	struct peer *near = calloc(8, sizeof(*near));
	unsigned looked[ID_BITS] = {0}, looks = 0;
	int64_t wait = KAD_REFRESH_MIN;

	asker_open(&b, 5);
	assert_non_null(near);
	for (unsigned i = 0; i < 8; i++) { /* neighbours, which are never given up */
		near[i] = (struct peer){.id = asker_contact(&b, 20 + 2 * i, true)->id,
		                        .link = b.p->link,
		                        .state = PEER_UP};
		peers_index(b.n->peers, &near[i], true);
	}
	b.n->kad->refresh_bucket = 15;
	for (unsigned i = 0; i < 8; i++) {
		const struct lookup *l = &b.n->kad->lookup[0];
		unsigned bits;

		b.n->kad->refresh_at = b.n->now;
		b.n->now.ns += wait - 1;
		upkeep_tick(b.n);
		assert_false(l->active);
		b.n->now.ns++;
		upkeep_tick(b.n);
		assert_true(l->active);
		assert_int_equal(l->purpose, LOOKUP_REFRESH);
		bits = id_common_prefix(&l->target, &b.g.identity.id);
		assert_true(bits < 20);
		assert_int_equal(bits + 1, b.n->kad->refresh_bucket);
		assert_int_equal(b.n->contacts->fill[bits], 0);
		assert_int_equal(looked[bits]++, 0);
		looks++;
		wait *= 2;
		assert_int_equal(b.n->kad->refresh_ns, wait);
		disarm(b.n, &b.n->kad->tick_timer);
		asker_pass(&b, 30 * NS_PER_S); /* nobody answers */
		assert_false(l->active);
		(void)ground_drain(b.n, 0);
	}
	assert_int_equal(looks, 8);
	for (unsigned i = 0; i < 8; i++)
		peers_index(b.n->peers, &near[i], false);
	free(near);
	asker_close(&b);
}

/* The link that a neighbour came up on has another neighbour later: the first is one no more, at the latest when the second leaves. */
static void test_neighbour_replaced(void **state)
{
	for (unsigned how = 0; how < 3; how++) {
		struct asker b;
		struct contact *first, *second;

		asker_open(&b, 6);
		kad_neighbours(b.n);
		first = contact_find(b.n->contacts, &b.p->id);
		second = asker_contact(&b, 9, true);
		assert_true(first->neighbour && !second->neighbour);
		peers_index(b.n->peers, b.p, false);
		b.p->id = second->id;
		peers_index(b.n->peers, b.p, true);
		if (how == 0)
			kad_peer_up(b.n, b.p);
		else if (how == 1)
			upkeep_tick(b.n);
		else
			peers_index(b.n->peers, b.p, false), kad_peer_down(b.n, b.p);
		assert_false(first->neighbour);
		assert_int_equal(first->fails, 1);
		assert_int_equal(second->neighbour, how != 2);
		if (how == 2)
			peers_index(b.n->peers, b.p, true);
		(void)ground_drain(b.n, 0);
		asker_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_waits_for_the_trees),
	        cmocka_unit_test(test_verifies),
	        cmocka_unit_test(test_interval),
	        cmocka_unit_test(test_snapshot),
	        cmocka_unit_test(test_empty_buckets),
	        cmocka_unit_test(test_neighbour_replaced),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
