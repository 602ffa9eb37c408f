/* SPDX-License-Identifier: BSD-3-Clause */
/* mac1, mac2 and the cookie: whose they are, how long they live, what tampering does. */
#include "crypto/cookie.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

static const struct node_id me = {{1, 2, 3}}, other = {{1, 2, 4}};

static struct instant at(int64_t s)
{
	return (struct instant){.ns = s * NS_PER_S};
}

static void mac1(void **state)
{
	uint8_t a[16], b[16], c[16];

	cookie_mac1(&me, "message", 7, a);
	cookie_mac1(&other, "message", 7, b);
	cookie_mac1(&me, "messagf", 7, c);
	assert_false(cookie_mac_equal(a, b));
	assert_false(cookie_mac_equal(a, c));
	cookie_mac1(&me, "message!", 7, b);
	assert_true(cookie_mac_equal(a, b));
	for (unsigned i = 0; i < 128; i++) {
		b[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_false(cookie_mac_equal(a, b));
		b[i / 8] ^= (uint8_t)(1u << i % 8);
	}
}

/* The definition, step by step: BLAKE2b-128 keyed by BLAKE2b-256("coyo mac1" || id). */
static void mac1_definition(void **state)
{
	uint8_t key_in[9 + ID_BYTES], key[32], want[16], got[16];

	memcpy(key_in, "coyo mac1", 9);
	memcpy(key_in + 9, me.b, ID_BYTES);
	crypto_generichash(key, 32, key_in, sizeof(key_in), NULL, 0);
	crypto_generichash(want, 16, (const uint8_t *)"abc", 3, key, 32);
	cookie_mac1(&me, "abc", 3, got);
	assert_memory_equal(got, want, 16);
}

struct side {
	struct rng_seeded s;
	struct rng rng;
	struct cookie_jar jar;
};

static void side_init(struct side *x, uint64_t seed)
{
	uint8_t key[32];

	memset(x, 0, sizeof(*x));
	rng_seeded_init(&x->s, seed);
	x->rng = rng_from_seeded(&x->s);
	rng_fill(&x->rng, key, sizeof(key));
	cookie_jar_init(&x->jar, key);
}

static bool check(struct side *x, int64_t s, const char *source, const char *msg,
                  const uint8_t mac2[16])
{
	return cookie_check(&x->jar, at(s), source, strlen(source), msg, strlen(msg), mac2);
}

static void only_its_source_and_message(void **state)
{
	struct side x, y;
	uint8_t cookie[16], mac2[16];

	side_init(&x, 1);
	side_init(&y, 2);
	cookie_make(&x.jar, at(5), "10.0.0.1:7", 10, cookie);
	cookie_mac2(cookie, "msg", 3, mac2);
	assert_true(check(&x, 5, "10.0.0.1:7", "msg", mac2));
	assert_false(check(&x, 5, "10.0.0.1:8", "msg", mac2));
	assert_false(check(&x, 5, "10.0.0.1:", "msg", mac2));
	assert_false(check(&x, 5, "10.0.0.1:7", "msh", mac2));
	assert_false(check(&y, 5, "10.0.0.1:7", "msg", mac2));
	for (unsigned i = 0; i < 128; i++) {
		mac2[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_false(check(&x, 5, "10.0.0.1:7", "msg", mac2));
		mac2[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	memset(mac2, 0, 16);
	assert_false(check(&x, 5, "10.0.0.1:7", "msg", mac2));
}

static void lives_for_two_secrets(void **state)
{
	struct side x;
	uint8_t cookie[16], mac2[16];

	side_init(&x, 3);
	cookie_make(&x.jar, at(0), "a", 1, cookie);
	cookie_mac2(cookie, "m", 1, mac2);
	assert_true(check(&x, 119, "a", "m", mac2));
	assert_true(check(&x, 120, "a", "m", mac2)); /* the secret before */
	assert_true(check(&x, 239, "a", "m", mac2));
	assert_false(check(&x, 240, "a", "m", mac2));
	/* The last that a secret gives is good for 120 s: longer than it is shown. */
	cookie_make(&x.jar, at(599), "a", 1, cookie);
	cookie_mac2(cookie, "m", 1, mac2);
	assert_true(check(&x, 719, "a", "m", mac2));
	assert_false(check(&x, 720, "a", "m", mac2));
}

/* Threads that have the key and read one clock need tell each other nothing. */
static void all_jars_of_a_key_agree(void **state)
{
	struct side x, y;
	uint8_t cookie[16], mac2[16];

	side_init(&x, 6);
	side_init(&y, 6);
	cookie_make(&x.jar, at(100), "a", 1, cookie);
	cookie_mac2(cookie, "m", 1, mac2);
	assert_true(check(&y, 200, "a", "m", mac2)); /* its first use */
	cookie_make(&x.jar, at(1000), "a", 1, cookie);
	cookie_mac2(cookie, "m", 1, mac2);
	assert_true(check(&y, 1000, "a", "m", mac2));
	assert_false(check(&x, 100, "a", "m", mac2));
}

/* What stands ready says the same as what is computed anew. */
static void ready_keys(void **state)
{
	uint8_t a[16], b[16], nonce[COOKIE_NONCE_BYTES], one[COOKIE_REPLY_BYTES],
	        two[COOKIE_REPLY_BYTES], cookie[16] = {3};
	struct cookie_keys k;
	struct side x, y;

	side_init(&x, 7);
	side_init(&y, 7);
	cookie_keys_of(&me, &k);
	cookie_mac1(&me, "message", 7, a);
	cookie_mac1_by(&k, "message", 7, b);
	assert_memory_equal(a, b, 16);
	rng_fill(&y.rng, nonce, sizeof(nonce));
	cookie_seal(&me, &x.rng, a, cookie, one);
	cookie_seal_by(&k, nonce, a, cookie, two);
	assert_memory_equal(one, two, sizeof(one));
}

/* Each field of a source stands at a place of its own. */
static void sources(void **state)
{
	static const uint8_t addr[16] = {1, 2, 3, 4}, mac[6] = {5, 6, 7, 8, 9, 10};
	uint8_t s[COOKIE_SOURCE_BYTES];

	cookie_source(0x1314, addr, 0x1112, mac, s);
	assert_memory_equal(s, addr, 16);
	assert_memory_equal(s + 16, "\x11\x12\x05\x06\x07\x08\x09\x0a\x13\x14", 10);
}

/* A jar nobody asked for hours does not honour hours-old cookies. */
static void dies_while_quiet(void **state)
{
	struct side x;
	uint8_t cookie[16], mac2[16];

	side_init(&x, 4);
	cookie_make(&x.jar, at(0), "a", 1, cookie);
	cookie_mac2(cookie, "m", 1, mac2);
	assert_false(check(&x, 3600, "a", "m", mac2));
	side_init(&x, 4);
	cookie_make(&x.jar, at(0), "a", 1, cookie);
	assert_true(check(&x, 200, "a", "m", mac2));
}

static void sealed_for_its_asker(void **state)
{
	struct side x;
	uint8_t cookie[16], out[16], reply[COOKIE_REPLY_BYTES], mac[16] = {7};

	side_init(&x, 5);
	cookie_make(&x.jar, at(0), "a", 1, cookie);
	cookie_seal(&me, &x.rng, mac, cookie, reply);
	assert_int_equal(cookie_open(&me, mac, reply, out), 0);
	assert_memory_equal(out, cookie, 16);
	assert_int_equal(cookie_open(&other, mac, reply, out), -EBADMSG);
	mac[15] ^= 1;
	assert_int_equal(cookie_open(&me, mac, reply, out), -EBADMSG);
	mac[15] ^= 1;
	for (unsigned i = 0; i < sizeof(reply) * 8; i++) {
		reply[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_int_equal(cookie_open(&me, mac, reply, out), -EBADMSG);
		reply[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	assert_int_equal(cookie_open(&me, mac, reply, out), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(mac1),
	        cmocka_unit_test(mac1_definition),
	        cmocka_unit_test(only_its_source_and_message),
	        cmocka_unit_test(lives_for_two_secrets),
	        cmocka_unit_test(all_jars_of_a_key_agree),
	        cmocka_unit_test(ready_keys),
	        cmocka_unit_test(sources),
	        cmocka_unit_test(dies_while_quiet),
	        cmocka_unit_test(sealed_for_its_asker),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
