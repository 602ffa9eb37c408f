/* SPDX-License-Identifier: BSD-3-Clause */
/* The Noise state machine: tokens of XX and IKpsk1 in a table, symmetric state by BLAKE2b and ChaCha20-Poly1305. */
#include "crypto/noise.h"

#include "base/assert.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

enum token { T_END = 0, T_E, T_S, T_EE, T_ES, T_SE, T_SS, T_PSK };

/* [pattern][message][token] (Noise section 7.5) */
static const uint8_t tokens[2][4][6] = {
        [NOISE_XX] = {{T_E}, {T_E, T_EE, T_S, T_ES}, {T_S, T_SE}},
        [NOISE_IK] = {{T_E, T_ES, T_S, T_SS, T_PSK}, {T_E, T_EE, T_SE}},
};
static const uint8_t messages[2] = {[NOISE_XX] = 3, [NOISE_IK] = 2};
static const char *const names[2] = {
        [NOISE_XX] = "Noise_XX_25519_ChaChaPoly_BLAKE2b",
        [NOISE_IK] = "Noise_IKpsk1_25519_ChaChaPoly_BLAKE2b",
};

/* HMAC with BLAKE2b's 128-byte block, as Noise asks; not keyed BLAKE2b. */
static void hmac(const uint8_t *key, size_t key_len, const void *a, size_t a_len, const void *b,
                 size_t b_len, uint8_t out[64])
{
	crypto_generichash_state st;
	uint8_t pad[128], inner[64];

	COYO_ASSERT(key_len <= sizeof(pad)); /* a longer one would have to be hashed first */
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] = (uint8_t)((i < key_len ? key[i] : 0) ^ 0x36);
	crypto_generichash_init(&st, NULL, 0, 64);
	crypto_generichash_update(&st, pad, sizeof(pad));
	crypto_generichash_update(&st, a, a_len);
	crypto_generichash_update(&st, b, b_len);
	crypto_generichash_final(&st, inner, 64);
	for (size_t i = 0; i < sizeof(pad); i++)
		pad[i] ^= 0x36 ^ 0x5c;
	crypto_generichash_init(&st, NULL, 0, 64);
	crypto_generichash_update(&st, pad, sizeof(pad));
	crypto_generichash_update(&st, inner, 64);
	crypto_generichash_final(&st, out, 64);
	sodium_memzero(pad, sizeof(pad));
	sodium_memzero(inner, sizeof(inner));
}

/* Noise's HKDF; o3 NULL: two outputs. */
static void hkdf(const uint8_t ck[64], const void *ikm, size_t len, uint8_t o1[64], uint8_t o2[64],
                 uint8_t *o3)
{
	uint8_t temp[64];

	hmac(ck, 64, ikm, len, NULL, 0, temp);
	hmac(temp, 64, NULL, 0, "\x01", 1, o1);
	hmac(temp, 64, o1, 64, "\x02", 1, o2);
	if (o3)
		hmac(temp, 64, o2, 64, "\x03", 1, o3);
	sodium_memzero(temp, sizeof(temp));
}

static void mix_hash(struct noise *x, const void *data, size_t len)
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, NOISE_HASH);
	crypto_generichash_update(&st, x->h, NOISE_HASH);
	crypto_generichash_update(&st, data, len);
	crypto_generichash_final(&st, x->h, NOISE_HASH);
}

/* MixKey, or with `hash` MixKeyAndHash. */
static void mix_key(struct noise *x, const uint8_t ikm[32], bool hash)
{
	uint8_t ck[64], k[64], temp[64];

	if (hash) {
		hkdf(x->ck, ikm, 32, ck, temp, k);
		mix_hash(x, temp, sizeof(temp));
	} else {
		hkdf(x->ck, ikm, 32, ck, k, NULL);
	}
	memcpy(x->ck, ck, 64);
	memcpy(x->k, k, 32);
	x->n = 0;
	x->has_k = true;
	sodium_memzero(ck, sizeof(ck));
	sodium_memzero(k, sizeof(k));
	sodium_memzero(temp, sizeof(temp));
}

/* A pattern with a pre-shared secret mixes ephemeral keys into the key too (Noise section 9.2). */
static void mix_ephemeral(struct noise *x, const uint8_t e[32])
{
	mix_hash(x, e, 32);
	if (x->pattern == NOISE_IK)
		mix_key(x, e, false);
}

static void nonce_of(uint64_t n, uint8_t out[12])
{
	memset(out, 0, 4);
	memcpy(out + 4, &n, 8);
}

static size_t encrypt_and_hash(struct noise *x, const void *plain, size_t len, uint8_t *out)
{
	uint8_t nonce[12];

	if (!x->has_k) {
		if (len)
			memcpy(out, plain, len);
		mix_hash(x, out, len);
		return len;
	}
	nonce_of(x->n++, nonce);
	crypto_aead_chacha20poly1305_ietf_encrypt(out, NULL, plain, len, x->h, NOISE_HASH, NULL,
	                                          nonce, x->k);
	mix_hash(x, out, len + NOISE_TAG);
	return len + NOISE_TAG;
}

static int decrypt_and_hash(struct noise *x, const uint8_t *in, size_t len, uint8_t *plain)
{
	uint8_t nonce[12];

	if (!x->has_k) {
		if (len)
			memcpy(plain, in, len);
	} else {
		nonce_of(x->n++, nonce);
		if (len < NOISE_TAG ||
		    crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, in, len, x->h,
		                                              NOISE_HASH, nonce, x->k) != 0)
			return -EBADMSG;
	}
	mix_hash(x, in, len);
	return 0;
}

/* A zero result means a low-order public key: the handshake must end. */
static int mix_dh(struct noise *x, const uint8_t secret[32], const uint8_t public[32])
{
	uint8_t dh[32];
	int err = crypto_scalarmult(dh, secret, public) == 0 ? 0 : -EBADMSG;

	if (!err)
		mix_key(x, dh, false);
	sodium_memzero(dh, sizeof(dh));
	return err;
}

/* A token that has no bytes in the message. */
static int secret_token(struct noise *x, uint8_t token)
{
	switch (token) {
	case T_PSK:
		if (!x->has_psk)
			return -EPROTO;
		mix_key(x, x->psk, true);
		return 0;
	case T_EE:
		return mix_dh(x, x->e, x->re);
	case T_ES:
		return x->initiator ? mix_dh(x, x->e, x->rs) : mix_dh(x, x->s, x->re);
	case T_SE:
		return x->initiator ? mix_dh(x, x->s, x->re) : mix_dh(x, x->e, x->rs);
	default:
		return mix_dh(x, x->s, x->rs);
	}
}

int noise_init(struct noise *x, enum noise_pattern pattern, bool initiator, const void *prologue,
               size_t prologue_len, const uint8_t s[32], const uint8_t s_pub[32], const uint8_t *rs,
               const struct rng *rng)
{
	size_t n = strlen(names[pattern]);

	COYO_ASSERT(n <= NOISE_HASH);
	if (sodium_init() < 0 || (pattern == NOISE_IK && initiator && !rs))
		return -EINVAL;
	memset(x, 0, sizeof(*x));
	x->pattern = (uint8_t)pattern;
	x->initiator = initiator;
	memcpy(x->h, names[pattern], n); /* the name is shorter than the hash: zero-padded */
	memcpy(x->ck, x->h, NOISE_HASH);
	mix_hash(x, prologue, prologue_len);
	memcpy(x->s, s, 32);
	memcpy(x->s_pub, s_pub, 32);
	if (rs) {
		memcpy(x->rs, rs, 32);
		x->has_rs = true;
	}
	if (pattern == NOISE_IK)
		mix_hash(x, initiator ? x->rs : x->s_pub, 32);
	rng_fill(rng, x->e, 32);
	crypto_scalarmult_base(x->e_pub, x->e);
	return 0;
}

void noise_set_psk(struct noise *x, const uint8_t psk[NOISE_PSK])
{
	COYO_ASSERT(x->pattern == NOISE_IK && x->message == 0);
	memcpy(x->psk, psk, NOISE_PSK);
	x->has_psk = true;
}

void noise_wipe(struct noise *x)
{
	sodium_memzero(x, sizeof(*x));
}

/* Bytes the next message adds to its payload. */
static size_t overhead(const struct noise *x)
{
	bool has_k = x->has_k;
	size_t n = 0;

	for (const uint8_t *t = tokens[x->pattern][x->message]; *t; t++) {
		if (*t == T_E) {
			n += NOISE_DH;
			has_k |= x->pattern == NOISE_IK;
		} else if (*t == T_S)
			n += NOISE_DH + (has_k ? NOISE_TAG : 0);
		else
			has_k = true;
	}
	return n + (has_k ? NOISE_TAG : 0);
}

static bool my_turn(const struct noise *x, bool writing)
{
	return !x->failed && x->message < messages[x->pattern] &&
	       ((x->message % 2 == 0) == x->initiator) == writing;
}

int noise_write(struct noise *x, const void *payload, size_t len, uint8_t *out, size_t cap,
                size_t *out_len)
{
	uint8_t *p = out;
	size_t total;
	int err = 0;

	if (!my_turn(x, true) || (x->pattern == NOISE_IK && !x->has_psk))
		return -EPROTO;
	total = overhead(x) + len;
	if (len > NOISE_MESSAGE_MAX || total > cap)
		return -ENOSPC;
	for (const uint8_t *t = tokens[x->pattern][x->message]; *t && !err; t++) {
		if (*t == T_E) {
			memcpy(p, x->e_pub, 32);
			mix_ephemeral(x, p);
			p += 32;
		} else if (*t == T_S) {
			p += encrypt_and_hash(x, x->s_pub, 32, p);
		} else {
			err = secret_token(x, *t);
		}
	}
	if (err) {
		x->failed = true;
		return err;
	}
	p += encrypt_and_hash(x, payload, len, p);
	COYO_ASSERT((size_t)(p - out) == total);
	*out_len = total;
	x->message++;
	return 0;
}

static int read_token(struct noise *x, uint8_t token, const uint8_t **p, const uint8_t *end)
{
	size_t n = NOISE_DH + (token == T_S && x->has_k ? NOISE_TAG : 0);
	int err;

	if (token != T_E && token != T_S)
		return secret_token(x, token);
	if ((size_t)(end - *p) < n)
		return -EBADMSG;
	if (token == T_E) {
		memcpy(x->re, *p, 32);
		mix_ephemeral(x, *p);
		err = 0;
	} else {
		err = decrypt_and_hash(x, *p, n, x->rs);
		x->has_rs = err == 0;
	}
	*p += n;
	return err;
}

/* Reads tokens of the next message up to and including `last`, and T_END: all of them. x is changed whether that succeeds or not. */
static int read_tokens(struct noise *x, const uint8_t *msg, size_t len, uint8_t last)
{
	const uint8_t *p, *end = msg + len, *t = tokens[x->pattern][x->message];
	bool more = true;
	int err = 0;

	if (len < x->read)
		return -EBADMSG;
	p = msg + x->read;
	while (t[x->token] && more && !err) {
		more = t[x->token] != last;
		err = read_token(x, t[x->token], &p, end);
		x->token++;
	}
	x->read = (uint8_t)(p - msg);
	return err;
}

int noise_read_static(struct noise *x, const uint8_t *msg, size_t len)
{
	struct noise next;
	int err;

	if (!my_turn(x, false) || x->pattern != NOISE_IK || x->message != 0 || x->token != 0)
		return -EPROTO;
	next = *x;
	err = read_tokens(&next, msg, len, T_S);
	if (!err)
		*x = next;
	noise_wipe(&next);
	return err;
}

int noise_read(struct noise *x, const uint8_t *msg, size_t len, uint8_t *payload,
               size_t *payload_len)
{
	struct noise next;
	int err;

	if (!my_turn(x, false) || (x->pattern == NOISE_IK && !x->has_psk && !x->initiator))
		return -EPROTO;
	next = *x;
	err = read_tokens(&next, msg, len, T_END);
	if (!err)
		err = decrypt_and_hash(&next, msg + next.read, len - next.read, payload);
	if (!err) {
		*payload_len = len - next.read - (next.has_k ? NOISE_TAG : 0);
		next.message++;
		next.token = next.read = 0;
		*x = next;
	}
	noise_wipe(&next);
	return err;
}

void noise_split(const struct noise *x, uint8_t tx[32], uint8_t rx[32])
{
	uint8_t k1[64], k2[64];

	COYO_ASSERT(!x->failed && x->message == messages[x->pattern]);
	hkdf(x->ck, NULL, 0, k1, k2, NULL);
	memcpy(tx, x->initiator ? k1 : k2, 32);
	memcpy(rx, x->initiator ? k2 : k1, 32);
	sodium_memzero(k1, sizeof(k1));
	sodium_memzero(k2, sizeof(k2));
}

void noise_generation(const struct noise *x, uint8_t out[NOISE_PSK])
{
	uint8_t k1[64], k2[64], k3[64];

	COYO_ASSERT(!x->failed && x->message == messages[x->pattern]);
	hkdf(x->ck, NULL, 0, k1, k2, k3);
	memcpy(out, k3, NOISE_PSK);
	sodium_memzero(k1, sizeof(k1));
	sodium_memzero(k2, sizeof(k2));
	sodium_memzero(k3, sizeof(k3));
}

void noise_lane_key(const uint8_t direction[32], uint16_t lane, uint8_t out[32])
{
	static const char label[] = "coyo lane";
	uint8_t info[sizeof(label) + 1], prk[64], okm[64];

	memcpy(info, label, sizeof(label) - 1);
	info[sizeof(label) - 1] = (uint8_t)(lane >> 8);
	info[sizeof(label)] = (uint8_t)lane;
	hmac(direction, 32, info, sizeof(info), NULL, 0, prk);
	hmac(prk, 64, "\x01", 1, NULL, 0, okm);
	memcpy(out, okm, 32);
	sodium_memzero(prk, sizeof(prk));
	sodium_memzero(okm, sizeof(okm));
}

void noise_key_for(const char *label, const uint8_t secret[32], uint8_t out[32])
{
	uint8_t prk[64], okm[64];

	hmac((const uint8_t *)label, strlen(label), secret, 32, NULL, 0, prk);
	hmac(prk, 64, "\x01", 1, NULL, 0, okm);
	memcpy(out, okm, 32);
	sodium_memzero(prk, sizeof(prk));
	sodium_memzero(okm, sizeof(okm));
}
