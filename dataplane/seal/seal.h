/* SPDX-License-Identifier: BSD-3-Clause */
/* AEAD bursts of the workers: the fastest back end that proved itself at start, else the portable one; the same bytes either way. */
#pragma once
#include "crypto/aead.h"

#include <stdbool.h>
#include <string.h>

/* Packets sealed under one key after which another is asked for, and after which none more is sealed. */
#define SEAL_REKEY_AT  (UINT64_C(1) << 32)
#define SEAL_REFUSE_AT (UINT64_C(1) << 36)

/* How many keys may use a fast back end at once. Further keys use the portable one. */
#define SEAL_SESSIONS 2048

/* Chooses the back ends: to be called when EAL has started and no worker runs yet. Compares DPDK's synchronous crypto with the answers of the
 * portable back end, and does not use what is missing or differs. Never fails. */
void seal_start(void);
/* Frees what seal_start() has made. All keys have been wiped. */
void seal_stop(void);

/* Names the back end in use for an algorithm: static text for the operator. */
const char *seal_backend(enum aead_alg alg);

/* Like aead_key_init(), but the key works in one direction only (sealing or opening) and with one length of associated data, in bytes. Any
 * worker may call it. The key is to be wiped with seal_key_wipe(). */
int seal_key_init(struct aead_key *k, enum aead_alg alg, const uint8_t key[AEAD_KEY_BYTES],
                  bool sealing, uint16_t aad_len) COYO_NODISCARD;
/* Overwrites the key with zeros and gives its back end's session back. */
void seal_key_wipe(struct aead_key *k);

/* Whether k was made of this key, so that the command that brings it is a repetition. */
static inline bool seal_key_is(const struct aead_key *k, uint8_t alg,
                               const uint8_t key[AEAD_KEY_BYTES])
{
	return k->alg == alg && memcmp(k->key, key, AEAD_KEY_BYTES) == 0;
}

/* Like aead_seal_burst() and aead_open_burst(). The aad_len of every operation must be the one that the key was made for. */
void seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
void open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
