/* SPDX-License-Identifier: BSD-3-Clause */
/* The door under floods whose mac1 is right: from addresses that are not the sender's, and from addresses that are. */
#include "base/rng.h"
#include "seal/door.h"
#include "wire/hsmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAME (LINK_HEADER_BYTES + HS1_ENVELOPE)
#define MAC1  (FRAME - HS_MACS_BYTES)
#define RATE  10000 /* hostile messages/s */
#define S     NS_PER_S

static const struct node_id me = {{1, 2, 3}}, other = {{9}}, nobody;
static const uint8_t key[32] = {7};

struct bed {
	struct door d;
	struct door_link l;
	struct rng_seeded seeded;
	struct rng rng;
	struct instant now;
	uint8_t f[FRAME];
};

static int open_bed(void **state)
{
	struct bed *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	door_init(&b->d, key, &me, 0);
	door_link_init(&b->l);
	rng_seeded_init(&b->seeded, 1);
	b->rng = rng_from_seeded(&b->seeded);
	b->now.ns = 1000 * S;
	*state = b;
	return 0;
}

static int close_bed(void **state)
{
	free(*state);
	return 0;
}

/* Address n of IPv4, port 7. */
static struct door_source at(uint32_t n)
{
	struct door_source s = {.link = 3, .port = 7, .family = 4};

	be32_store(s.addr, n);
	return s;
}

static struct link_header header(const uint8_t *f)
{
	struct link_header h;

	assert_true(link_header_get(f, FRAME, &h));
	return h;
}

/* A new first message of handshake index 0x1234, without mac2. */
static void write_first(struct bed *b, const struct node_id *to)
{
	struct link_header h = {.type = LINK_HS1, .length = HS1_ENVELOPE, .counter = 0x1234};

	link_header_put(b->f, &h);
	memset(b->f + LINK_HEADER_BYTES, 0, HS1_ENVELOPE);
	rng_fill(&b->rng, b->f + LINK_HEADER_BYTES + 2, 80);
	cookie_mac1(to, b->f, MAC1, b->f + MAC1);
}

static void add_mac2(struct bed *b, const uint8_t cookie[COOKIE_BYTES])
{
	cookie_mac2(cookie, b->f, MAC1 + COOKIE_MAC_BYTES, b->f + MAC1 + COOKIE_MAC_BYTES);
}

static enum door_verdict judge(struct bed *b, struct door_source from)
{
	struct link_header h = header(b->f);

	return door_judge(&b->d, &b->l, b->now, &from, b->f, &h);
}

/* The cookie that the door answers the message at hand by. */
static void take_cookie(struct bed *b, struct door_source from, const struct node_id *asked,
                        uint8_t cookie[COOKIE_BYTES])
{
	uint8_t out[DOOR_ANSWER_BYTES];
	struct link_header h = header(b->f), a;

	door_answer(&b->d, b->now, &from, b->f, &h, out);
	assert_true(link_header_get(out, sizeof(out), &a));
	assert_int_equal(a.type, LINK_COOKIE);
	assert_int_equal(a.receiver, 0x1234);
	assert_true(sizeof(out) < FRAME);
	assert_int_equal(cookie_open(asked, b->f + MAC1, out + LINK_HEADER_BYTES, cookie), 0);
}

/* What the address of a message that shows its cookie is judged by. */
static enum door_verdict with_cookie(struct bed *b, struct door_source from)
{
	uint8_t cookie[COOKIE_BYTES];

	write_first(b, &me);
	take_cookie(b, from, &me, cookie);
	add_mac2(b, cookie);
	return judge(b, from);
}

/* Uses up what passes without a cookie. */
static void load(struct bed *b)
{
	write_first(b, &me);
	for (unsigned i = 0; i < DOOR_UNPROVEN_BURST; i++)
		assert_int_equal(judge(b, at(i << 8)), DOOR_PASS);
	assert_int_equal(judge(b, at(5)), DOOR_COOKIE);
}

static void in_peace_nobody_needs_a_cookie(void **state)
{
	struct bed *b = *state;

	for (unsigned i = 0; i < 10 * DOOR_UNPROVEN; i++) {
		write_first(b, i & 1 ? &me : &nobody);
		assert_int_equal(judge(b, at(i)), DOOR_PASS);
		b->now.ns += S / DOOR_UNPROVEN;
	}
}

static void load_lasts_until_a_second_after_the_flood(void **state)
{
	struct bed *b = *state;

	load(b);
	for (unsigned i = 0; i < RATE; i++) {
		assert_int_equal(judge(b, at(i << 8)), DOOR_COOKIE);
		b->now.ns += S / RATE;
	}
	b->now.ns += S - S / RATE - 1;
	assert_int_equal(judge(b, at(5)), DOOR_COOKIE);
	b->now.ns += S / RATE + 1;
	assert_int_equal(judge(b, at(5)), DOOR_PASS);
}

static void noise_and_what_is_short_cost_nothing(void **state)
{
	struct bed *b = *state;
	struct link_header h;

	for (unsigned i = 0; i < 1000; i++) {
		write_first(b, &other);
		assert_int_equal(judge(b, at(i)), DOOR_MAC1);
		write_first(b, &me);
		b->f[LINK_HEADER_BYTES + 5] ^= 1;
		assert_int_equal(judge(b, at(i)), DOOR_MAC1);
		write_first(b, &me);
		h = header(b->f);
		h.length = HS1_ENVELOPE - 1;
		link_header_put(b->f, &h);
		assert_int_equal(judge(b, at(i)), DOOR_SHORT);
	}
	load(b);
}

static void a_cookie_is_its_askers_alone(void **state)
{
	struct bed *b = *state;
	struct door_source from = at(0x0a000001), x;
	uint8_t cookie[COOKIE_BYTES];

	load(b);
	for (unsigned i = 0; i < 2; i++) {
		write_first(b, i ? &me : &nobody);
		take_cookie(b, from, i ? &me : &nobody, cookie);
		write_first(b, i ? &me : &nobody);
		add_mac2(b, cookie);
		assert_int_equal(judge(b, from), DOOR_PASS);
		x = from;
		x.addr[3]++;
		assert_int_equal(judge(b, x), DOOR_MAC2);
		x = from;
		x.port++;
		assert_int_equal(judge(b, x), DOOR_MAC2);
		x = from;
		x.link++;
		assert_int_equal(judge(b, x), DOOR_MAC2);
		b->f[FRAME - 1] ^= 1;
		assert_int_equal(judge(b, from), DOOR_MAC2);
	}
	b->now.ns += 240 * S;
	load(b);
	write_first(b, &me);
	add_mac2(b, cookie);
	assert_int_equal(judge(b, from), DOOR_MAC2);
}

static void a_mac_is_an_address_too(void **state)
{
	struct bed *b = *state;
	struct door_source one = {.link = 3, .mac = {2, 0, 0, 0, 0, 1}}, two = one;
	uint8_t cookie[COOKIE_BYTES];

	two.mac[5] = 2;
	load(b);
	write_first(b, &me);
	take_cookie(b, one, &me, cookie);
	add_mac2(b, cookie);
	assert_int_equal(judge(b, two), DOOR_MAC2);
	for (unsigned i = 0; i < 100; i++)
		(void)judge(b, one);
	assert_int_equal(judge(b, one), DOOR_SHARE);
	assert_int_equal(with_cookie(b, two), DOOR_PASS);
}

/* Control and every other worker take this worker's cookies, and no two seal theirs under one nonce. */
static void workers_and_control_agree(void **state)
{
	struct bed *b = *state, *c;
	uint8_t src[COOKIE_SOURCE_BYTES], cookie[COOKIE_BYTES], one[DOOR_ANSWER_BYTES],
	        two[DOOR_ANSWER_BYTES];
	struct door_source from = at(77);
	struct cookie_jar control;
	struct link_header h;

	assert_int_equal(open_bed((void **)&c), 0);
	door_init(&c->d, key, &me, 1);
	load(c);
	write_first(b, &me);
	take_cookie(b, from, &me, cookie);
	add_mac2(b, cookie);
	memcpy(c->f, b->f, FRAME);
	assert_int_equal(judge(c, from), DOOR_PASS);
	cookie_jar_init(&control, key);
	cookie_source(from.link, from.addr, from.port, from.mac, src);
	assert_true(cookie_check(&control, b->now, src, sizeof(src), b->f, MAC1 + COOKIE_MAC_BYTES,
	                         b->f + MAC1 + COOKIE_MAC_BYTES));
	h = header(b->f);
	door_init(&b->d, key, &me, 0);
	door_init(&c->d, key, &me, 1);
	door_answer(&b->d, b->now, &from, b->f, &h, one);
	door_answer(&c->d, b->now, &from, b->f, &h, two);
	assert_memory_not_equal(one + LINK_HEADER_BYTES, two + LINK_HEADER_BYTES,
	                        COOKIE_NONCE_BYTES);
	door_answer(&b->d, b->now, &from, b->f, &h, two);
	assert_memory_not_equal(one + LINK_HEADER_BYTES, two + LINK_HEADER_BYTES,
	                        COOKIE_NONCE_BYTES);
	free(c);
}

/* Each honest neighbour needs two messages: nothing else passes. */
static void flood_from_addresses_that_are_not_its_own(void **state)
{
	struct bed *b = *state;
	unsigned hostile = 0, honest = 0, joined = 0;

	for (unsigned i = 0; i < 10 * RATE; i++) {
		write_first(b, &me);
		if (i & 1)
			memset(b->f + FRAME - COOKIE_MAC_BYTES, 9, COOKIE_MAC_BYTES);
		hostile += judge(b, at((uint32_t)rng_u64(&b->rng))) == DOOR_PASS;
		b->now.ns += S / RATE;
		if (i % 200 == 199) { /* 50 joins/s */
			struct door_source from = at((uint32_t)rng_u64(&b->rng));
			enum door_verdict v;

			honest++;
			write_first(b, &me);
			v = judge(b, from);
			joined += v == DOOR_PASS ||
			          (v == DOOR_COOKIE && with_cookie(b, from) == DOOR_PASS);
		}
	}
	printf("spoofed: %u of %u hostile messages passed, %u of %u honest joins\n", hostile,
	       10 * RATE, joined, honest);
	assert_true(hostile <= DOOR_UNPROVEN_BURST + DOOR_UNPROVEN);
	assert_int_equal(joined, honest);
}

/* The hostile have cookies and use them all the time; an honest neighbour tries again after 250 ms, 500 ms, then each second. */
static void flood_from(struct bed *b, unsigned prefixes, unsigned joined_least)
{
	enum { JOINS = 400 };
	struct {
		uint32_t addr;
		int64_t at, wait;
		bool in;
	} h[JOINS];
	unsigned passed = 0, joined = 0, hopeless = 0;
	int64_t since = b->now.ns;

	for (unsigned i = 0; i < JOINS; i++) {
		h[i].addr = 0xc0000000 | (uint32_t)rng_below(&b->rng, 1 << 24) << 4;
		h[i].at = since + 2 * S + i * (10 * S / JOINS);
		h[i].wait = S / 4;
		h[i].in = false;
	}
	for (unsigned i = 0; i < 17 * RATE; i++) {
		passed += with_cookie(b, at((i % prefixes) << 8 | (i & 0xff))) == DOOR_PASS;
		b->now.ns += S / RATE;
		for (unsigned k = 0; i % 100 == 0 && k < JOINS; k++) {
			if (h[k].in || b->now.ns < h[k].at)
				continue;
			h[k].in = with_cookie(b, at(h[k].addr)) == DOOR_PASS;
			h[k].at = b->now.ns + h[k].wait;
			h[k].wait = h[k].wait < S ? 2 * h[k].wait : S;
			passed += h[k].in;
		}
	}
	for (unsigned k = 0; k < JOINS; k++) {
		joined += h[k].in;
		hopeless += !h[k].in;
	}
	printf("%u prefixes that answer: %u honest joins of %d, %u messages/s passed\n", prefixes,
	       joined, JOINS, passed / 17);
	assert_true(passed <= 17 * DOOR_PROVEN + DOOR_PROVEN_BURST);
	assert_int_equal(joined + hopeless, JOINS);
	assert_true(joined >= joined_least);
}

static void flood_from_addresses_that_answer(void **state)
{
	static const unsigned prefixes[] = {1, 40, 250, 2000};

	for (unsigned i = 0; i < 4; i++) {
		struct bed *b = *state;

		door_init(&b->d, key, &me, 0);
		door_link_init(&b->l);
		flood_from(b, prefixes[i], 396);
	}
}

static enum door_verdict judge_other(struct bed *b, struct door_source from, uint8_t type,
                                     uint32_t index)
{
	struct link_header h = {.type = type, .length = HS1_ENVELOPE, .receiver = index};
	uint8_t f[FRAME] = {0};

	link_header_put(f, &h);
	return door_judge(&b->d, &b->l, b->now, &from, f, &h);
}

static const uint8_t answer_types[] = {LINK_HS2, LINK_COOKIE, LINK_REFUSED};

/* What answers this node's own messages, and what goes on with a handshake, has a budget of its own. */
static void answers_pass_beside_a_flood(void **state)
{
	struct bed *b = *state;

	load(b);
	for (unsigned i = 0; i < 1000; i++) {
		struct door_source from = at(i % 10 << 8);
		uint32_t third = hsindex_answer(&b->d.index, i, 4, from.addr, from.mac),
		         own = hsindex_own(&b->d.index, i);

		for (unsigned k = 0; k < 20; k++)
			assert_int_not_equal(judge(b, at(k << 16)), DOOR_PASS);
		if (i & 1)
			assert_int_equal(judge_other(b, from, LINK_HS3, third), DOOR_PASS);
		else
			assert_int_equal(judge_other(b, from, answer_types[i % 3], own), DOOR_PASS);
		b->now.ns += S / 500;
	}
}

/* Answers to nothing, and third messages whose index was given to another prefix, do not get in the way of true ones. */
static void flood_of_answers(void **state)
{
	struct door_source from = at(0x0a000001), far = at(0x0b000001);
	struct bed *b = *state;
	unsigned passed = 0;
	uint32_t third, own;

	third = hsindex_answer(&b->d.index, 5, 4, from.addr, from.mac);
	own = hsindex_own(&b->d.index, 5);
	for (unsigned i = 0; i < 10 * RATE; i++) {
		struct door_source any = at((uint32_t)rng_u64(&b->rng));
		uint32_t index = (uint32_t)rng_u64(&b->rng);

		passed += judge_other(b, any, LINK_HS3, i & 1 ? index : third) == DOOR_PASS;
		passed += judge_other(b, any, answer_types[i % 3], index) == DOOR_PASS;
		if (i % 200 == 0) {
			assert_int_equal(judge_other(b, from, LINK_HS3, third), DOOR_PASS);
			assert_int_equal(judge_other(b, any, answer_types[i % 3], own), DOOR_PASS);
			assert_int_equal(judge_other(b, far, LINK_HS3, third), DOOR_INDEX);
			assert_int_equal(judge_other(b, from, LINK_HS3, own), DOOR_INDEX);
			assert_int_equal(judge_other(b, from, LINK_HS2, third), DOOR_INDEX);
		}
		b->now.ns += S / RATE;
	}
	assert_true(passed < 100);
}

/* Whoever has been given an index wears it out, and nobody else's. */
static void one_index_has_one_share(void **state)
{
	struct door_source from = at(0x0a000001), other_source = at(0x0a000100);
	uint32_t mine, theirs, own;
	struct bed *b = *state;

	mine = hsindex_answer(&b->d.index, 1, 4, from.addr, from.mac);
	theirs = hsindex_answer(&b->d.index, 1, 4, other_source.addr, from.mac);
	own = hsindex_own(&b->d.index, 77);
	for (unsigned i = 0; i < 100; i++) {
		(void)judge_other(b, from, LINK_HS3, mine);
		(void)judge_other(b, at((uint32_t)rng_u64(&b->rng)), LINK_HS2, own);
	}
	assert_int_equal(judge_other(b, from, LINK_HS3, mine), DOOR_SHARE);
	assert_int_equal(judge_other(b, from, LINK_HS2, own), DOOR_SHARE);
	assert_int_equal(judge_other(b, other_source, LINK_HS3, theirs), DOOR_PASS);
	assert_int_equal(judge_other(b, from, LINK_HS2, hsindex_own(&b->d.index, 78)), DOOR_PASS);
}

static void cookies_have_a_rate(void **state)
{
	struct bed *b = *state;
	unsigned given = 0;

	load(b);
	for (unsigned i = 0; i < 10 * DOOR_COOKIES; i++) { /* in one second */
		enum door_verdict v = judge(b, at(i << 8));

		given += v == DOOR_COOKIE;
		assert_true(v == DOOR_COOKIE || v == DOOR_NO_COOKIE);
		b->now.ns += S / (10 * DOOR_COOKIES);
	}
	assert_in_range(given, DOOR_COOKIES, DOOR_COOKIES + DOOR_COOKIES / 10 + 1);
}

/* Shares go by /24 of IPv4 and /56 of IPv6. */
static void a_prefix_has_one_share(void **state)
{
	struct bed *b = *state;
	struct door_source v6 = {.link = 3, .port = 7, .family = 6, .addr = {0x20, 1}};
	unsigned four = 0, six = 0;

	for (unsigned i = 0; i < 200; i++) {
		v6.addr[7] = (uint8_t)i;
		v6.addr[15] = (uint8_t)i;
		four += with_cookie(b, at(0x0a000000 | i)) == DOOR_PASS;
		six += with_cookie(b, v6) == DOOR_PASS;
	}
	assert_in_range(four, 5, 20);
	assert_in_range(six, 5, 20);
	assert_int_equal(with_cookie(b, at(0x0a000100)), DOOR_PASS);
	v6.addr[6] = 1;
	assert_int_equal(with_cookie(b, v6), DOOR_PASS);
}

#define T(f) cmocka_unit_test_setup_teardown(f, open_bed, close_bed)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        T(in_peace_nobody_needs_a_cookie),
	        T(load_lasts_until_a_second_after_the_flood),
	        T(noise_and_what_is_short_cost_nothing),
	        T(a_cookie_is_its_askers_alone),
	        T(a_mac_is_an_address_too),
	        T(workers_and_control_agree),
	        T(flood_from_addresses_that_are_not_its_own),
	        T(flood_from_addresses_that_answer),
	        T(answers_pass_beside_a_flood),
	        T(flood_of_answers),
	        T(one_index_has_one_share),
	        T(cookies_have_a_rate),
	        T(a_prefix_has_one_share),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
