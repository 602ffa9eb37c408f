/* SPDX-License-Identifier: BSD-3-Clause */
/* The key of two nodes and its MAC: the same at both, nobody else's, and of exactly one message in one direction. */
#include "crypto/pair.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <string.h>

static void identity_of(struct identity *me, uint8_t first)
{
	const uint8_t seed[IDENTITY_SEED_BYTES] = {first};

	assert_int_equal(identity_from_seed(me, seed), 0);
}

static void key_of_two(void **state)
{
	struct identity a, b, c;
	uint8_t ab[32], ba[32], ac[32];

	identity_of(&a, 1);
	identity_of(&b, 2);
	identity_of(&c, 3);
	assert_int_equal(pair_key(&a, b.ed_public, ab), 0);
	assert_int_equal(pair_key(&b, a.ed_public, ba), 0);
	assert_int_equal(pair_key(&a, c.ed_public, ac), 0);
	assert_memory_equal(ab, ba, 32);
	assert_memory_not_equal(ab, ac, 32);
}

/* Keys of small order would give a key that everybody knows. */
static void no_key(void **state)
{
	static const uint8_t bad[][32] = {{0}, {1}, {0xec, 0xff, 0xff}};
	struct identity a;
	uint8_t key[32];

	identity_of(&a, 1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(pair_key(&a, bad[i], key), -EINVAL);
}

static void mac_of_one_message(void **state)
{
	struct identity a, b;
	uint8_t key[32], want[16], mac[16], msg[100] = {0};

	identity_of(&a, 1);
	identity_of(&b, 2);
	assert_int_equal(pair_key(&a, b.ed_public, key), 0);
	pair_mac(key, &a.id, &b.id, msg, sizeof(msg), want);
	pair_mac(key, &b.id, &a.id, msg, sizeof(msg), mac);
	assert_memory_not_equal(mac, want, 16); /* it does not come back as the other's */
	pair_mac(key, &a.id, &b.id, msg, sizeof(msg) - 1, mac);
	assert_memory_not_equal(mac, want, 16);
	for (unsigned bit = 0; bit < 8 * sizeof(msg); bit++) {
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
		pair_mac(key, &a.id, &b.id, msg, sizeof(msg), mac);
		assert_memory_not_equal(mac, want, 16);
		msg[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	key[31] ^= 1;
	pair_mac(key, &a.id, &b.id, msg, sizeof(msg), mac);
	assert_memory_not_equal(mac, want, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(key_of_two),
	        cmocka_unit_test(no_key),
	        cmocka_unit_test(mac_of_one_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
