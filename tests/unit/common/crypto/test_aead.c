/* SPDX-License-Identifier: BSD-3-Clause */
/* AEAD bursts: Wycheproof's answers, nonce layout, in place, every flipped bit, wiped keys. */
#include "tests/lib/vectors.h"

#include "crypto/aead.h"
#include "base/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define BYTES_MAX 1024

struct known {
	uint8_t key[32], iv[12], aad[BYTES_MAX], msg[BYTES_MAX], ct[BYTES_MAX + 16];
	long aad_len, msg_len, ct_len;
	bool valid;
};

static void load(const struct vector *b, struct known *k)
{
	assert_int_equal(vector_hex(b, "key", k->key, 32), 32);
	assert_int_equal(vector_hex(b, "iv", k->iv, 12), 12);
	k->aad_len = vector_hex(b, "aad", k->aad, sizeof(k->aad));
	k->msg_len = vector_hex(b, "msg", k->msg, sizeof(k->msg));
	k->ct_len = vector_hex(b, "ct", k->ct, BYTES_MAX);
	assert_true(k->aad_len >= 0 && k->msg_len >= 0 && k->ct_len >= 0);
	assert_int_equal(vector_hex(b, "tag", k->ct + k->ct_len, 16), 16);
	k->ct_len += 16;
	k->valid = strcmp(vector_text(b, "result"), "valid") == 0;
}

/* Our interface makes the nonce from a counter: it takes the vectors whose nonce begins with four zero bytes. */
static bool through_bursts(enum aead_alg alg, const struct known *k)
{
	struct aead_key key;
	struct aead_op op = {.in = k->ct,
	                     .aad = k->aad,
	                     .len = (uint32_t)k->ct_len,
	                     .aad_len = (uint32_t)k->aad_len};
	uint8_t out[BYTES_MAX + 16];

	if (memcmp(k->iv, "\0\0\0\0", 4) != 0)
		return false;
	for (unsigned i = 0; i < 8; i++)
		op.counter |= (uint64_t)k->iv[4 + i] << 8 * (alg == AEAD_AES256_GCM ? 7 - i : i);
	op.out = out;
	assert_int_equal(aead_key_init(&key, alg, k->key), 0);
	aead_open_burst(&key, &op, 1);
	assert_int_equal(op.ok, k->valid);
	if (k->valid) {
		assert_memory_equal(out, k->msg, k->msg_len);
		op.in = k->msg;
		op.len = (uint32_t)k->msg_len;
		aead_seal_burst(&key, &op, 1);
		assert_memory_equal(out, k->ct, k->ct_len);
	}
	aead_key_wipe(&key);
	return true;
}

static unsigned wycheproof(const char *file, enum aead_alg alg, unsigned *ours)
{
	struct vectors v;
	struct vector b;
	struct known k;
	uint8_t out[BYTES_MAX];
	unsigned n = 0;

	assert_true(vectors_open(&v, file));
	while (vectors_next(&v, &b)) {
		int err;

		load(&b, &k);
		if (alg == AEAD_AES256_GCM)
			err = crypto_aead_aes256gcm_decrypt(
			        out, NULL, NULL, k.ct, (unsigned long long)k.ct_len, k.aad,
			        (unsigned long long)k.aad_len, k.iv, k.key);
		else
			err = crypto_aead_chacha20poly1305_ietf_decrypt(
			        out, NULL, NULL, k.ct, (unsigned long long)k.ct_len, k.aad,
			        (unsigned long long)k.aad_len, k.iv, k.key);
		assert_int_equal(err == 0, k.valid);
		if (k.valid)
			assert_memory_equal(out, k.msg, k.msg_len);
		*ours += through_bursts(alg, &k);
		n++;
		vector_free(&b);
	}
	vectors_close(&v);
	return n;
}

static void chacha_vectors(void **state)
{
	unsigned ours = 0;

	assert_int_equal(
	        wycheproof(VECTORS "/chacha20_poly1305.txt", AEAD_CHACHA20_POLY1305, &ours), 316);
	assert_int_equal(ours, 10);
}

static void gcm_vectors(void **state)
{
	unsigned ours = 0;

	if (!aead_available(AEAD_AES256_GCM))
		skip();
	assert_int_equal(wycheproof(VECTORS "/aes256_gcm.txt", AEAD_AES256_GCM, &ours), 66);
	assert_int_equal(ours, 1);
}

/* The primitive called with a nonce laid out by hand gives the same bytes: little-endian for ChaCha, big for GCM. */
static void nonce_layout(void **state)
{
	static const uint8_t nonce[2][12] = {{0, 0, 0, 0, 8, 7, 6, 5, 4, 3, 2, 1},
	                                     {0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8}};
	static const uint8_t key[32] = {3};
	uint8_t a[21], b[21];

	for (enum aead_alg alg = AEAD_CHACHA20_POLY1305; alg <= AEAD_AES256_GCM; alg++) {
		struct aead_op op = {.in = (const uint8_t *)"hello",
		                     .out = a,
		                     .aad = (const uint8_t *)"head",
		                     .counter = 0x0102030405060708,
		                     .len = 5,
		                     .aad_len = 4};
		struct aead_key k;

		if (!aead_available(alg))
			continue;
		assert_int_equal(aead_key_init(&k, alg, key), 0);
		aead_seal_burst(&k, &op, 1);
		(alg == AEAD_AES256_GCM ? crypto_aead_aes256gcm_encrypt
		                        : crypto_aead_chacha20poly1305_ietf_encrypt)(
		        b, NULL, (const uint8_t *)"hello", 5, (const uint8_t *)"head", 4, NULL,
		        nonce[alg - 1], key);
		assert_memory_equal(a, b, sizeof(a));
	}
}

#define BURST 33

static void fill_ops(struct aead_op *ops, uint8_t (*buf)[256], uint8_t (*aad)[16],
                     const struct rng *rng)
{
	for (unsigned i = 0; i < BURST; i++) {
		rng_fill(rng, buf[i], 256);
		rng_fill(rng, aad[i], 16);
		ops[i] = (struct aead_op){.in = buf[i],
		                          .out = buf[i],
		                          .aad = aad[i],
		                          .counter = rng_u64(rng),
		                          .len = (uint32_t)rng_below(rng, 241),
		                          .aad_len = (uint32_t)rng_below(rng, 17)};
	}
}

static void in_place_bursts(void **state)
{
	static uint8_t buf[BURST][256], was[BURST][256], aad[BURST][16];
	struct aead_op ops[BURST];
	struct rng_seeded s;
	struct rng rng;

	rng_seeded_init(&s, 3);
	rng = rng_from_seeded(&s);
	for (enum aead_alg alg = AEAD_CHACHA20_POLY1305; alg <= AEAD_AES256_GCM; alg++) {
		struct aead_key k;
		uint8_t key[32];

		if (!aead_available(alg))
			continue;
		rng_fill(&rng, key, 32);
		assert_int_equal(aead_key_init(&k, alg, key), 0);
		fill_ops(ops, buf, aad, &rng);
		memcpy(was, buf, sizeof(was));
		aead_seal_burst(&k, ops, BURST);
		for (unsigned i = 0; i < BURST; i++) {
			ops[i].len += AEAD_TAG_BYTES;
			if (i % 5 == 1)
				ops[i].in[0] ? (buf[i][0] = 0) : (buf[i][0] = 1);
			if (i % 5 == 2)
				ops[i].counter++;
		}
		aead_open_burst(&k, ops, BURST);
		for (unsigned i = 0; i < BURST; i++) {
			assert_int_equal(ops[i].ok, i % 5 != 1 && i % 5 != 2);
			if (ops[i].ok)
				assert_memory_equal(buf[i], was[i], ops[i].len - 16);
		}
		aead_key_wipe(&k);
		for (unsigned i = 0; i < sizeof(k); i++)
			assert_int_equal(((uint8_t *)&k)[i], 0);
	}
}

static void every_bit_counts(void **state)
{
	static const uint8_t key[32] = {9};
	uint8_t ct[20 + 16], aad[16] = {1, 2, 3}, out[20];

	for (enum aead_alg alg = AEAD_CHACHA20_POLY1305; alg <= AEAD_AES256_GCM; alg++) {
		struct aead_op op = {
		        .in = out, .out = ct, .aad = aad, .counter = 7, .len = 20, .aad_len = 16};
		struct aead_key k;

		if (!aead_available(alg))
			continue;
		memset(out, 0x55, sizeof(out));
		assert_int_equal(aead_key_init(&k, alg, key), 0);
		aead_seal_burst(&k, &op, 1);
		op.in = ct;
		op.out = out;
		for (unsigned i = 0; i < (sizeof(ct) + sizeof(aad)) * 8; i++) {
			uint8_t *p = i < sizeof(ct) * 8 ? &ct[i / 8] : &aad[i / 8 - sizeof(ct)];

			*p ^= (uint8_t)(1u << i % 8);
			op.len = sizeof(ct);
			aead_open_burst(&k, &op, 1);
			assert_false(op.ok);
			*p ^= (uint8_t)(1u << i % 8);
		}
		for (op.len = 0; op.len < sizeof(ct); op.len++) {
			aead_open_burst(&k, &op, 1);
			assert_false(op.ok);
		}
		aead_open_burst(&k, &op, 1);
		assert_true(op.ok);
	}
}

static void unknown_algorithm(void **state)
{
	static const uint8_t key[32];
	struct aead_key k;

	assert_false(aead_available((enum aead_alg)3));
	assert_int_equal(aead_key_init(&k, (enum aead_alg)3, key), -ENOTSUP);
	assert_int_equal(aead_key_init(&k, (enum aead_alg)0, key), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(chacha_vectors),   cmocka_unit_test(gcm_vectors),
	        cmocka_unit_test(nonce_layout),     cmocka_unit_test(in_place_bursts),
	        cmocka_unit_test(every_bit_counts), cmocka_unit_test(unknown_algorithm),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
