/* SPDX-License-Identifier: BSD-3-Clause */
/* Key pairs, key files and signatures with context, by libsodium. */
#include "crypto/identity.h"

#include "base/assert.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define KEY_LINE   "coyo-secret-key-1 "
#define SIGNED_MAX 4096

void identity_id_of_key(const uint8_t key[32], struct node_id *out)
{
	crypto_generichash(out->b, ID_BYTES, key, 32, NULL, 0);
}

int identity_x_of_ed(const uint8_t ed[32], uint8_t x[32])
{
	return crypto_sign_ed25519_pk_to_curve25519(x, ed) == 0 ? 0 : -EINVAL;
}

int identity_from_seed(struct identity *me, const uint8_t seed[IDENTITY_SEED_BYTES])
{
	if (sodium_init() < 0)
		return -EINVAL;
	memmove(me->seed, seed, IDENTITY_SEED_BYTES);
	crypto_sign_seed_keypair(me->ed_public, me->ed_secret, me->seed);
	if (crypto_sign_ed25519_sk_to_curve25519(me->x_secret, me->ed_secret) != 0)
		return -EINVAL;
	crypto_scalarmult_base(me->x_public, me->x_secret);
	identity_id_of_key(me->ed_public, &me->id);
	return 0;
}

int identity_generate(struct identity *me, const struct rng *rng)
{
	uint8_t seed[IDENTITY_SEED_BYTES];
	int err;

	rng_fill(rng, seed, sizeof(seed));
	err = identity_from_seed(me, seed);
	sodium_memzero(seed, sizeof(seed));
	return err;
}

void identity_wipe(struct identity *me)
{
	sodium_memzero(me, sizeof(*me));
}

/* seed 32 and a 4-byte checksum, so that a damaged file is told from another key */
static void checked_seed(const uint8_t seed[32], uint8_t out[36])
{
	uint8_t h[32];

	memcpy(out, seed, 32);
	crypto_generichash(h, sizeof(h), seed, 32, (const uint8_t *)KEY_LINE, sizeof(KEY_LINE) - 1);
	memcpy(out + 32, h, 4);
}

int identity_to_text(const struct identity *me, char out[IDENTITY_TEXT_MAX])
{
	uint8_t raw[36];
	char hex[73];
	int n;

	checked_seed(me->seed, raw);
	sodium_bin2hex(hex, sizeof(hex), raw, sizeof(raw));
	n = snprintf(out, IDENTITY_TEXT_MAX,
	             "# Secret key of one node. Whoever reads it can be that node.\n" KEY_LINE
	             "%s\n",
	             hex);
	COYO_ASSERT(n > 0 && n < IDENTITY_TEXT_MAX);
	sodium_memzero(raw, sizeof(raw));
	sodium_memzero(hex, sizeof(hex));
	return n;
}

int identity_from_text(struct identity *me, const char *text, size_t len)
{
	uint8_t raw[36], want[36];
	const char *end = text + len, *p = text;
	size_t got = 0;
	int err = -EBADMSG;

	while (p < end && (*p == '#' || *p == '\n')) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		p = nl ? nl + 1 : end;
	}
	if ((size_t)(end - p) < sizeof(KEY_LINE) - 1 ||
	    memcmp(p, KEY_LINE, sizeof(KEY_LINE) - 1) != 0)
		return -EINVAL;
	p += sizeof(KEY_LINE) - 1;
	if ((size_t)(end - p) < 72 ||
	    sodium_hex2bin(raw, sizeof(raw), p, 72, NULL, &got, NULL) != 0 || got != sizeof(raw))
		return -EBADMSG;
	for (p += 72; p < end; p++)
		if (*p != '\n' && *p != '\r' && *p != ' ')
			return -EBADMSG;
	checked_seed(raw, want);
	if (sodium_memcmp(raw, want, sizeof(raw)) == 0)
		err = identity_from_seed(me, raw);
	sodium_memzero(raw, sizeof(raw));
	sodium_memzero(want, sizeof(want));
	return err;
}

/* Signed bytes: context length 1, context, message. -1 when they do not fit. */
static long with_context(uint8_t *buf, const char *context, const void *msg, size_t len)
{
	size_t c = strlen(context);

	if (c > 255 || len > SIGNED_MAX)
		return -1;
	buf[0] = (uint8_t)c;
	memcpy(buf + 1, context, c);
	memcpy(buf + 1 + c, msg, len);
	return (long)(1 + c + len);
}

void sig_sign(const struct identity *me, const char *context, const void *msg, size_t len,
              uint8_t sig[64])
{
	uint8_t buf[SIGNED_MAX + 256];
	long n = with_context(buf, context, msg, len);

	if (n < 0)
		memset(sig, 0, 64);
	else
		crypto_sign_detached(sig, NULL, buf, (unsigned long long)n, me->ed_secret);
}

int sig_verify(const uint8_t key[32], const char *context, const void *msg, size_t len,
               const uint8_t sig[64])
{
	uint8_t buf[SIGNED_MAX + 256];
	long n = with_context(buf, context, msg, len);

	if (n < 0 || crypto_sign_verify_detached(sig, buf, (unsigned long long)n, key) != 0)
		return -EBADMSG;
	return 0;
}
