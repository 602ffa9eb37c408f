/* SPDX-License-Identifier: BSD-3-Clause */
/* The door against its twin, which keeps a list of all messages that ever passed: both judge the same random course of strangers. */
#include "base/rng.h"
#include "seal/door.h"
#include "wire/hsmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#define FRAME    (LINK_HEADER_BYTES + HS1_ENVELOPE)
#define MAC1     (FRAME - HS_MACS_BYTES)
#define PREFIXES 64
#define STEPS    20000
#define MS       NS_PER_MS

/* Tokens as a number that time fills up, in ns of the time that a token takes. */
struct tokens {
	double have, most, each;
	int64_t at;
};

struct twin {
	struct tokens unproven, proven;
	int64_t load_until, spacing, spaced_at;
	int64_t next[PREFIXES]; /* when a prefix would be on its distance again */
};

static bool tokens_take(struct tokens *t, int64_t now)
{
	t->have += (double)(now - t->at);
	t->have = t->have > t->most ? t->most : t->have;
	t->at = now;
	if (t->have < t->each)
		return false;
	t->have -= t->each;
	return true;
}

static struct tokens tokens(double rate, double burst)
{
	double each = 1e9 / rate;

	return (struct tokens){.have = each * burst, .most = each * burst, .each = each};
}

static enum door_verdict twin_proven(struct twin *t, int64_t now, unsigned prefix)
{
	int64_t since = now - t->spaced_at;

	if (t->next[prefix] > now + 200 * MS)
		return DOOR_SHARE;
	if (!tokens_take(&t->proven, now)) {
		if (since >= 100 * MS) {
			t->spacing = t->spacing >= 4000 * MS ? 8000 * MS : 2 * t->spacing;
			t->spaced_at = now;
		}
		return DOOR_FULL;
	}
	t->next[prefix] = (t->next[prefix] > now ? t->next[prefix] : now) + t->spacing;
	if (since >= 1000 * MS) {
		t->spacing = t->spacing <= 40 * MS ? 20 * MS : t->spacing / 2;
		t->spaced_at = now;
	}
	return DOOR_PASS;
}

/* mac2: 0 none, 1 wrong, 2 right. */
static enum door_verdict twin_judge(struct twin *t, int64_t now, unsigned prefix, bool mac1,
                                    unsigned mac2)
{
	if (!mac1)
		return DOOR_MAC1;
	if (mac2 == 2)
		return twin_proven(t, now, prefix);
	if (!tokens_take(&t->unproven, now))
		t->load_until = now + 1000 * MS;
	if (now >= t->load_until)
		return DOOR_PASS;
	return mac2 ? DOOR_MAC2 : DOOR_COOKIE;
}

static const struct node_id me = {{1}};
static const uint8_t key[32] = {2};

/* A message of a prefix that is as good as told. */
static void write_message(struct door *d, struct instant now, const struct door_source *from,
                          bool mac1, unsigned mac2, uint8_t f[FRAME])
{
	uint8_t name[COOKIE_SOURCE_BYTES], cookie[COOKIE_BYTES];
	struct link_header h = {.type = LINK_HS1, .length = HS1_ENVELOPE};

	memset(f, 0, FRAME);
	link_header_put(f, &h);
	cookie_mac1(&me, f, MAC1, f + MAC1);
	f[MAC1] ^= !mac1;
	if (mac2 == 1)
		f[FRAME - 1] = 1;
	if (mac2 != 2)
		return;
	cookie_source(from->link, from->addr, from->port, from->mac, name);
	cookie_make(&d->jar, now, name, sizeof(name), cookie);
	cookie_mac2(cookie, f, MAC1 + COOKIE_MAC_BYTES, f + MAC1 + COOKIE_MAC_BYTES);
}

/* Quiet times, a few who want much, all who want much. */
static void course(uint64_t seed, unsigned seen[DOOR_FULL + 1])
{
	struct twin t = {.unproven = tokens(DOOR_UNPROVEN, DOOR_UNPROVEN_BURST),
	                 .proven = tokens(DOOR_PROVEN, DOOR_PROVEN_BURST),
	                 .spacing = 20 * MS};
	struct door *d = calloc(1, sizeof(*d));
	struct instant now = {.ns = 1000 * NS_PER_S};
	unsigned many = 1, wants = 1;
	struct rng_seeded s;
	struct door_link l;
	struct rng rng;

	assert_non_null(d);
	rng_seeded_init(&s, seed);
	rng = rng_from_seeded(&s);
	door_init(d, key, &me, 0);
	door_link_init(&l);
	t.unproven.at = t.proven.at = now.ns;
	for (unsigned i = 0; i < STEPS; i++) {
		struct door_source from = {.link = 1, .port = 9, .family = 4};
		bool mac1 = rng_below(&rng, 50) > 0;
		unsigned mac2 = (unsigned)rng_below(&rng, 3), prefix;
		enum door_verdict v;
		struct link_header h;
		uint8_t f[FRAME];

		if (i % 1000 == 0) {
			many = 1 + (unsigned)rng_below(&rng, PREFIXES);
			wants = 1 + (unsigned)rng_below(&rng, 5);
		}
		prefix = (unsigned)rng_below(&rng, many);
		now.ns += (int64_t)rng_below(&rng, 10 * MS / (wants * wants * wants)) * 2;
		from.addr[1] = (uint8_t)prefix;
		from.addr[3] = (uint8_t)i;
		write_message(d, now, &from, mac1, mac2, f);
		assert_true(link_header_get(f, FRAME, &h));
		v = door_judge(d, &l, now, &from, f, &h);
		assert_int_equal(v, twin_judge(&t, now.ns, prefix, mac1, mac2));
		seen[v]++;
	}
	free(d);
}

static void test_random_strangers(void **state)
{
	unsigned seen[DOOR_FULL + 1] = {0};
	static const enum door_verdict all[] = {DOOR_PASS, DOOR_MAC1,  DOOR_COOKIE,
	                                        DOOR_MAC2, DOOR_SHARE, DOOR_FULL};

	for (uint64_t seed = 1; seed <= 10; seed++)
		course(seed, seen);
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		assert_true(seen[all[i]] > 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_strangers)};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
