/* SPDX-License-Identifier: BSD-3-Clause */
/* The cookie exchange, by keyed BLAKE2b and XChaCha20-Poly1305. */
#include "crypto/cookie.h"

#include "base/assert.h"
#include "base/be.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static void key_of(const char *label, const void *secret, size_t len, uint8_t key[32])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, 32);
	crypto_generichash_update(&st, (const uint8_t *)label, strlen(label));
	crypto_generichash_update(&st, secret, len);
	crypto_generichash_final(&st, key, 32);
}

void cookie_keys_of(const struct node_id *id, struct cookie_keys *k)
{
	key_of("coyo mac1", id->b, ID_BYTES, k->mac1);
	key_of("coyo cookie", id->b, ID_BYTES, k->seal);
}

void cookie_mac1_by(const struct cookie_keys *addressee, const void *msg, size_t len,
                    uint8_t mac[COOKIE_MAC_BYTES])
{
	crypto_generichash(mac, COOKIE_MAC_BYTES, msg, len, addressee->mac1, 32);
}

void cookie_mac1(const struct node_id *addressee, const void *msg, size_t len,
                 uint8_t mac[COOKIE_MAC_BYTES])
{
	uint8_t key[32];

	key_of("coyo mac1", addressee->b, ID_BYTES, key);
	crypto_generichash(mac, COOKIE_MAC_BYTES, msg, len, key, sizeof(key));
}

void cookie_mac2(const uint8_t cookie[COOKIE_BYTES], const void *msg, size_t len,
                 uint8_t mac[COOKIE_MAC_BYTES])
{
	crypto_generichash(mac, COOKIE_MAC_BYTES, msg, len, cookie, COOKIE_BYTES);
}

bool cookie_mac_equal(const uint8_t a[COOKIE_MAC_BYTES], const uint8_t b[COOKIE_MAC_BYTES])
{
	return sodium_memcmp(a, b, COOKIE_MAC_BYTES) == 0;
}

void cookie_source(uint16_t link, const uint8_t addr[16], uint16_t port, const uint8_t mac[6],
                   uint8_t out[COOKIE_SOURCE_BYTES])
{
	memcpy(out, addr, 16);
	be16_store(out + 16, port);
	memcpy(out + 18, mac, 6);
	be16_store(out + 24, link);
}

void cookie_jar_init(struct cookie_jar *jar, const uint8_t key[32])
{
	memcpy(jar->key, key, sizeof(jar->key));
	jar->period = -1;
}

static void secret_of(const struct cookie_jar *jar, int64_t period, uint8_t secret[32])
{
	uint8_t name[13 + 8] = "coyo cookies ";

	be64_store(name + 13, (uint64_t)period);
	crypto_generichash(secret, 32, name, sizeof(name), jar->key, sizeof(jar->key));
}

/* The secrets of now. */
static void renew(struct cookie_jar *jar, struct instant now)
{
	int64_t period = now.ns / COOKIE_SECRET_NS;

	COYO_ASSERT(now.ns >= 0);
	if (period == jar->period)
		return;
	secret_of(jar, period, jar->secret[0]);
	secret_of(jar, period - 1, jar->secret[1]);
	jar->period = period;
}

void cookie_of(const uint8_t secret[32], const void *source, size_t len,
               uint8_t cookie[COOKIE_BYTES])
{
	crypto_generichash(cookie, COOKIE_BYTES, source, len, secret, 32);
}

void cookie_make(struct cookie_jar *jar, struct instant now, const void *source, size_t len,
                 uint8_t cookie[COOKIE_BYTES])
{
	COYO_ASSERT(len > 0);
	renew(jar, now);
	cookie_of(jar->secret[0], source, len, cookie);
}

bool cookie_check(struct cookie_jar *jar, struct instant now, const void *source, size_t source_len,
                  const void *msg, size_t len, const uint8_t mac2[COOKIE_MAC_BYTES])
{
	uint8_t cookie[COOKIE_BYTES], want[COOKIE_MAC_BYTES];

	renew(jar, now);
	for (unsigned i = 0; i < 2; i++) {
		cookie_of(jar->secret[i], source, source_len, cookie);
		cookie_mac2(cookie, msg, len, want);
		if (cookie_mac_equal(want, mac2))
			return true;
	}
	return false;
}

bool cookie_known(struct cookie_jar *jar, struct instant now, const void *source, size_t len,
                  const uint8_t cookie[COOKIE_BYTES])
{
	uint8_t want[COOKIE_BYTES];

	renew(jar, now);
	for (unsigned i = 0; i < 2; i++) {
		cookie_of(jar->secret[i], source, len, want);
		if (cookie_mac_equal(want, cookie))
			return true;
	}
	return false;
}

void cookie_seal_by(const struct cookie_keys *me, const uint8_t nonce[COOKIE_NONCE_BYTES],
                    const uint8_t mac1[COOKIE_MAC_BYTES], const uint8_t cookie[COOKIE_BYTES],
                    uint8_t out[COOKIE_REPLY_BYTES])
{
	memcpy(out, nonce, COOKIE_NONCE_BYTES);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + COOKIE_NONCE_BYTES, NULL, cookie,
	                                           COOKIE_BYTES, mac1, COOKIE_MAC_BYTES, NULL,
	                                           nonce, me->seal);
}

void cookie_seal(const struct node_id *me, const struct rng *rng,
                 const uint8_t mac1[COOKIE_MAC_BYTES], const uint8_t cookie[COOKIE_BYTES],
                 uint8_t out[COOKIE_REPLY_BYTES])
{
	uint8_t nonce[COOKIE_NONCE_BYTES];
	struct cookie_keys k;

	cookie_keys_of(me, &k);
	rng_fill(rng, nonce, sizeof(nonce));
	cookie_seal_by(&k, nonce, mac1, cookie, out);
}

int cookie_open(const struct node_id *addressee, const uint8_t mac1[COOKIE_MAC_BYTES],
                const uint8_t in[COOKIE_REPLY_BYTES], uint8_t cookie[COOKIE_BYTES])
{
	uint8_t key[32];

	key_of("coyo cookie", addressee->b, ID_BYTES, key);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(cookie, NULL, NULL, in + 24,
	                                               COOKIE_BYTES + 16, mac1, COOKIE_MAC_BYTES,
	                                               in, key) != 0)
		return -EBADMSG;
	return 0;
}

void cookie_refusal_mac(const uint8_t mac1[COOKIE_MAC_BYTES], const void *msg, size_t len,
                        uint8_t mac[COOKIE_MAC_BYTES])
{
	uint8_t key[32];

	key_of("coyo refused", mac1, COOKIE_MAC_BYTES, key);
	crypto_generichash(mac, COOKIE_MAC_BYTES, msg, len, key, sizeof(key));
}
