/* SPDX-License-Identifier: BSD-3-Clause */
/* Authenticated encryption in bursts under one key, with exchangeable back ends that give the same bytes. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stdint.h>

#define AEAD_KEY_BYTES 32
#define AEAD_TAG_BYTES 16

enum aead_alg {
	AEAD_CHACHA20_POLY1305 = 1, /* RFC 8439 */
	AEAD_AES256_GCM = 2,        /* NIST SP 800-38D, 12-byte nonce */
};

/* A key ready for use. Wipe with aead_key_wipe(). */
struct aead_key {
	uint8_t alg;
	uint8_t key[AEAD_KEY_BYTES];
	void *backend;                          /* the back end's own session, or NULL */
	uint8_t schedule[512] COYO_ALIGNED(64); /* expanded AES key of the portable back end */
};

/* One packet. Nonce = 4 zero bytes and the 64-bit counter: little-endian for ChaCha20-Poly1305, big-endian for AES-GCM
 * (Noise, sections 12.3 and 12.4). out may equal in. Sealing writes len + 16 bytes; opening reads len including the tag
 * and writes len - 16. */
struct aead_op {
	const uint8_t *in;
	uint8_t *out;
	const uint8_t *aad;
	uint64_t counter;
	uint32_t len;
	uint32_t aad_len;
	bool ok; /* opening: authentic */
};

/* False where the machine lacks the instructions. Call once before threads start. */
bool aead_available(enum aead_alg alg);

/* -ENOTSUP when the algorithm is unknown or not available. */
int aead_key_init(struct aead_key *k, enum aead_alg alg,
                  const uint8_t key[AEAD_KEY_BYTES]) COYO_NODISCARD;
void aead_key_wipe(struct aead_key *k);

/* libsodium does the work; the data plane may have a faster back end for the same bytes (dataplane/seal). */
void aead_seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
void aead_open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
