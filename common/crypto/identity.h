/* SPDX-License-Identifier: BSD-3-Clause */
/* A node's key pair: Ed25519 for signatures, its X25519 image for Noise, and the id that is the hash of the public key. */
#pragma once
#include "base/cc.h"
#include "base/rng.h"
#include "wire/id.h"

#define IDENTITY_SEED_BYTES 32
#define IDENTITY_TEXT_MAX   256 /* a key file's text, with its NUL */

struct identity {
	uint8_t seed[32];
	uint8_t ed_secret[64];
	uint8_t ed_public[32];
	uint8_t x_secret[32];
	uint8_t x_public[32];
	struct node_id id;
};

/* BLAKE2b-512 of the Ed25519 public key. */
void identity_id_of_key(const uint8_t key[32], struct node_id *out);

/* 0, or -EINVAL when the seed yields no usable key (does not happen by chance). Wipe with identity_wipe(). */
int identity_from_seed(struct identity *me, const uint8_t seed[IDENTITY_SEED_BYTES]) COYO_NODISCARD;
int identity_generate(struct identity *me, const struct rng *rng) COYO_NODISCARD;
void identity_wipe(struct identity *me);

/* Ed25519 -> X25519 (RFC 7748, section 4.1). -EINVAL for a key that is not on the curve's main group. */
int identity_x_of_ed(const uint8_t ed[32], uint8_t x[32]) COYO_NODISCARD;

/* The key file's text: a comment that warns, one line with the secret. Returns its length. */
int identity_to_text(const struct identity *me, char out[IDENTITY_TEXT_MAX]);

/* -EINVAL: not a key file of ours; -EBADMSG: the key line is damaged. */
int identity_from_text(struct identity *me, const char *text, size_t len) COYO_NODISCARD;

/* Ed25519 over context length, context, message: every signature has its own context string (< 256 characters). */
void sig_sign(const struct identity *me, const char *context, const void *msg, size_t len,
              uint8_t sig[64]);
/* 0 or -EBADMSG. len <= 4096. */
int sig_verify(const uint8_t key[32], const char *context, const void *msg, size_t len,
               const uint8_t sig[64]) COYO_NODISCARD;
