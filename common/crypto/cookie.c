/* SPDX-License-Identifier: BSD-3-Clause */
/* The cookie exchange, by keyed BLAKE2b and XChaCha20-Poly1305. */
#include "crypto/cookie.h"

#include "base/assert.h"

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

static void renew(struct cookie_jar *jar, const struct rng *rng, struct instant now)
{
	int64_t age = instant_sub(now, jar->born);

	if (jar->any && age < COOKIE_SECRET_NS)
		return;
	if (jar->any && age < 2 * COOKIE_SECRET_NS)
		memcpy(jar->secret[1], jar->secret[0], 32);
	else /* the first one, or a jar so long unused that its last secret has died too */
		rng_fill(rng, jar->secret[1], 32);
	rng_fill(rng, jar->secret[0], 32);
	jar->born = now;
	jar->any = true;
}

void cookie_make(struct cookie_jar *jar, const struct rng *rng, struct instant now,
                 const void *source, size_t len, uint8_t cookie[COOKIE_BYTES])
{
	COYO_ASSERT(len > 0);
	renew(jar, rng, now);
	crypto_generichash(cookie, COOKIE_BYTES, source, len, jar->secret[0], 32);
}

bool cookie_check(struct cookie_jar *jar, const struct rng *rng, struct instant now,
                  const void *source, size_t source_len, const void *msg, size_t len,
                  const uint8_t mac2[COOKIE_MAC_BYTES])
{
	uint8_t cookie[COOKIE_BYTES], want[COOKIE_MAC_BYTES];
	bool ok = false;

	renew(jar, rng, now);
	for (unsigned i = 0; i < 2; i++) {
		crypto_generichash(cookie, COOKIE_BYTES, source, source_len, jar->secret[i], 32);
		cookie_mac2(cookie, msg, len, want);
		ok |= cookie_mac_equal(want, mac2);
	}
	return ok;
}

void cookie_seal(const struct node_id *me, const struct rng *rng,
                 const uint8_t mac1[COOKIE_MAC_BYTES], const uint8_t cookie[COOKIE_BYTES],
                 uint8_t out[COOKIE_REPLY_BYTES])
{
	uint8_t key[32];

	key_of("coyo cookie", me->b, ID_BYTES, key);
	rng_fill(rng, out, 24);
	crypto_aead_xchacha20poly1305_ietf_encrypt(out + 24, NULL, cookie, COOKIE_BYTES, mac1,
	                                           COOKIE_MAC_BYTES, NULL, out, key);
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
