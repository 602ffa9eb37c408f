/* SPDX-License-Identifier: BSD-3-Clause */
/* AEAD bursts by libsodium. */
#include "crypto/aead.h"

#include "base/assert.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

_Static_assert(sizeof(crypto_aead_aes256gcm_state) <= sizeof(((struct aead_key *)0)->schedule),
               "schedule");

bool aead_available(enum aead_alg alg)
{
	if (sodium_init() < 0)
		return false;
	return alg == AEAD_CHACHA20_POLY1305 ||
	       (alg == AEAD_AES256_GCM && crypto_aead_aes256gcm_is_available());
}

int aead_key_init(struct aead_key *k, enum aead_alg alg, const uint8_t key[AEAD_KEY_BYTES])
{
	if (!aead_available(alg))
		return -ENOTSUP;
	memset(k, 0, sizeof(*k));
	k->alg = (uint8_t)alg;
	memcpy(k->key, key, AEAD_KEY_BYTES);
	if (alg == AEAD_AES256_GCM)
		crypto_aead_aes256gcm_beforenm((crypto_aead_aes256gcm_state *)(void *)k->schedule,
		                               key);
	return 0;
}

void aead_key_wipe(struct aead_key *k)
{
	sodium_memzero(k, sizeof(*k));
}

static void nonce_of(const struct aead_key *k, uint64_t counter, uint8_t nonce[12])
{
	uint64_t v = k->alg == AEAD_AES256_GCM ? __builtin_bswap64(counter) : counter;

	COYO_ASSERT(k->alg == AEAD_AES256_GCM || k->alg == AEAD_CHACHA20_POLY1305);
	memset(nonce, 0, 4);
	memcpy(nonce + 4, &v, 8);
}

void aead_seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	const crypto_aead_aes256gcm_state *st = (const void *)k->schedule;
	uint8_t nonce[12];

	for (unsigned i = 0; i < n; i++) {
		struct aead_op *o = &ops[i];

		nonce_of(k, o->counter, nonce);
		if (k->alg == AEAD_AES256_GCM)
			crypto_aead_aes256gcm_encrypt_afternm(o->out, NULL, o->in, o->len, o->aad,
			                                      o->aad_len, NULL, nonce, st);
		else
			crypto_aead_chacha20poly1305_ietf_encrypt(o->out, NULL, o->in, o->len,
			                                          o->aad, o->aad_len, NULL, nonce,
			                                          k->key);
		o->ok = true;
	}
}

void aead_open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n)
{
	const crypto_aead_aes256gcm_state *st = (const void *)k->schedule;
	uint8_t nonce[12];

	for (unsigned i = 0; i < n; i++) {
		struct aead_op *o = &ops[i];

		nonce_of(k, o->counter, nonce);
		if (o->len < AEAD_TAG_BYTES)
			o->ok = false;
		else if (k->alg == AEAD_AES256_GCM)
			o->ok = crypto_aead_aes256gcm_decrypt_afternm(o->out, NULL, NULL, o->in,
			                                              o->len, o->aad, o->aad_len,
			                                              nonce, st) == 0;
		else
			o->ok = crypto_aead_chacha20poly1305_ietf_decrypt(
			                o->out, NULL, NULL, o->in, o->len, o->aad, o->aad_len,
			                nonce, k->key) == 0;
	}
}
