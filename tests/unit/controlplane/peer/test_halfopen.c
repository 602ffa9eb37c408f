/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of half-open handshakes: who gives way when it is full, what grows too old, what goes with a link. */
#include "ground.h"

#include "peer/peer.h"

#include <string.h>

static const struct news silent = {0};

struct table {
	struct ground g;
	struct node *n;
	struct peer *p;
};

static void open_table(struct table *t)
{
	struct node_link_cfg cfg = {.io = {.link = 3, .mtu = 1400, .sealed = true}, .name = "n"};

	ground_open(&t->g, 1);
	t->n = ground_node(&t->g, &silent);
	assert_int_equal(peers_new(t->n), 0);
	assert_int_equal(peer_add(t->n, &cfg), 0);
	t->p = peer_by_link(t->n, 3);
}

static void close_table(struct table *t)
{
	peers_free(t->n);
	ctx_destroy(t->n);
	ground_close(&t->g);
}

/* A handshake from 10.a.b.c that came by a link. */
static struct halfopen *add(struct table *t, uint16_t link, unsigned a, unsigned b, unsigned c)
{
	struct handshake hs = {0};
	struct halfopen *h;

	assert_int_equal(hs_init(t->n, &hs, t->p, false, false, NULL), 0);
	hs.to = (struct hs_source){.family = 4, .addr = {10, (uint8_t)a, (uint8_t)b, (uint8_t)c}};
	h = halfopen_add(t->n, link, &hs);
	assert_non_null(h);
	assert_false(hs.active);
	ground_drain(t->n, 0);
	return h;
}

static unsigned held(struct table *t, uint16_t link, int b, int c)
{
	struct halfopen *h;
	unsigned k = 0;

	TAILQ_FOREACH (h, &t->n->peers->half_open.by_age, next)
		k += h->link == link && (b < 0 || h->addr[2] == b) && (c < 0 || h->addr[3] == c);
	return k;
}

/* A flood by one link, many times as long as the table, displaces itself and none of the few by another link. */
static void test_flood_by_one_link(void **state)
{
	struct table t;

	open_table(&t);
	for (unsigned i = 0; i < 20; i++)
		add(&t, 3, 1, i, 1);
	for (unsigned i = 0; i < 5 * HALF_OPEN_MAX; i++)
		add(&t, 4, i >> 16, i >> 8 & 0xff, i & 0xff);
	assert_int_equal(t.n->peers->half_open.count, HALF_OPEN_MAX);
	assert_int_equal(held(&t, 3, -1, -1), 20);
	/* And newcomers there still find room. */
	for (unsigned i = 0; i < 20; i++)
		add(&t, 3, 1, i, 2);
	assert_int_equal(held(&t, 3, -1, -1), 40);
	assert_int_equal(t.n->counters[CTR_HS_HALF_OPEN],
	                 20 + 5 * HALF_OPEN_MAX - HALF_OPEN_MAX + 20);
	close_table(&t);
}

/* The same inside one link, among /24 prefixes, and inside a prefix among addresses. */
static void test_flood_from_one_prefix(void **state)
{
	struct table t;
	struct halfopen *oldest;

	open_table(&t);
	for (unsigned i = 0; i < 20; i++)
		add(&t, 4, 0, i, 1);
	add(&t, 4, 0, 200, 7);
	oldest = add(&t, 4, 0, 200, 9);
	for (unsigned i = 0; i < 3 * HALF_OPEN_MAX; i++)
		add(&t, 4, 0, 200, 9);
	for (unsigned b = 0; b < 20; b++)
		assert_int_equal(held(&t, 4, (int)b, -1), 1);
	assert_int_equal(held(&t, 4, 200, 7), 1);
	assert_int_equal(held(&t, 4, 200, 9), HALF_OPEN_MAX - 21);
	/* The oldest of the flood went first. */
	TAILQ_FOREACH (oldest, &t.n->peers->half_open.by_age, next)
		if (oldest->addr[2] == 200 && oldest->addr[3] == 9)
			break;
	assert_non_null(oldest);
	assert_int_equal(oldest->number, 3 * HALF_OPEN_MAX + 22 - (HALF_OPEN_MAX - 21));
	close_table(&t);
}

/* Two floods share: neither ends with more than the other by one. */
static void test_two_floods_share(void **state)
{
	struct table t;

	open_table(&t);
	for (unsigned i = 0; i < HALF_OPEN_MAX; i++)
		add(&t, 4, 0, 0, 1);
	for (unsigned i = 0; i < 2 * HALF_OPEN_MAX; i++)
		add(&t, 5, 0, 0, 1);
	assert_int_equal(held(&t, 4, -1, -1), HALF_OPEN_MAX / 2);
	assert_int_equal(held(&t, 5, -1, -1), HALF_OPEN_MAX / 2);
	close_table(&t);
}

/* Where no prefix holds more than another, as in a flood whose addresses are drawn at random, the oldest entry gives way, wherever its
 * prefix stands in the order: an honest one has the time in which the table fills anew. */
static void test_flood_from_all_prefixes(void **state)
{
	struct table t;
	unsigned k = 0;

	open_table(&t);
	for (; k < HALF_OPEN_MAX; k++)
		add(&t, 4, 1 + (k >> 8), k & 0xff, 1);
	add(&t, 4, 0, 0, 7);
	add(&t, 4, 255, 0, 7);
	add(&t, 4, 3, 77, 7); /* two of one prefix now: this one stays */
	for (unsigned i = 0; i < HALF_OPEN_MAX - 4; i++, k++) {
		add(&t, 4, 1 + (k >> 8), k & 0xff, 1);
		assert_int_equal(held(&t, 4, -1, 7), 3);
	}
	for (unsigned i = 0; i < 8; i++, k++)
		add(&t, 4, 1 + (k >> 8), k & 0xff, 1);
	assert_int_equal(held(&t, 4, -1, 7), 0);
	close_table(&t);
}

static void test_found_by_link_and_index(void **state)
{
	struct table t;
	struct halfopen *h;
	uint32_t mine;

	open_table(&t);
	for (unsigned i = 0; i < 100; i++)
		add(&t, 4, 0, 0, i);
	h = add(&t, 3, 0, 0, 1);
	mine = h->hs.mine;
	assert_ptr_equal(halfopen_find(t.n, 3, mine), h);
	assert_null(halfopen_find(t.n, 4, mine));
	assert_true(halfopens_recent(t.n, t.p, 1));
	halfopen_drop(t.n, h);
	assert_null(halfopen_find(t.n, 3, mine));
	assert_int_equal(held(&t, 4, -1, -1), 100);
	halfopens_drop(t.n, 4, t.p);
	assert_int_equal(t.n->peers->half_open.count, 0);
	assert_false(halfopens_recent(t.n, t.p, 1));
	close_table(&t);
}

/* Nothing stays longer than HALF_OPEN_LIFE, also when nobody calls any more. */
static void test_too_old(void **state)
{
	struct table t;
	struct timer *timer;

	open_table(&t);
	add(&t, 4, 0, 0, 1);
	t.n->now.ns += HALF_OPEN_LIFE / 2;
	add(&t, 4, 0, 0, 2);
	disarm(t.n, &t.p->hs_timer);
	for (unsigned left = 2; left > 0; left--) {
		assert_int_equal(t.n->peers->half_open.count, left);
		t.n->now = timers_next(&t.n->timers);
		timer = timers_pop(&t.n->timers, t.n->now);
		assert_int_equal(timer->kind, TIMER_PEER_HALF_OPEN);
		peer_timer(t.n, timer);
	}
	assert_int_equal(t.n->peers->half_open.count, 0);
	assert_true(instant_is_never(timers_next(&t.n->timers)));
	close_table(&t);
}

static void test_prefix(void **state)
{
	const uint8_t v4[16] = {192, 0, 2, 77}, v6[16] = {0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5};
	uint8_t p[9] = {0};

	source_prefix(4, v4, NULL, p);
	assert_memory_equal(p, "\x04\xc0\x00\x02\x00\x00\x00\x00\x00", 9);
	source_prefix(6, v6, NULL, p);
	assert_memory_equal(p, "\x06\x20\x01\x0d\xb8\x01\x02\x03\x00", 9);
	source_prefix(0, v6, NULL, p);
	assert_memory_equal(p, "\0\0\0\0\0\0\0\0\0", 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_flood_by_one_link),
	        cmocka_unit_test(test_flood_from_one_prefix),
	        cmocka_unit_test(test_two_floods_share),
	        cmocka_unit_test(test_flood_from_all_prefixes),
	        cmocka_unit_test(test_found_by_link_and_index),
	        cmocka_unit_test(test_too_old),
	        cmocka_unit_test(test_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
