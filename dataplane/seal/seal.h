/* SPDX-License-Identifier: BSD-3-Clause */
/* AEAD bursts of the workers: the fastest back end that proved itself at start, else the portable one; the same bytes either way. */
#pragma once
#include "crypto/aead.h"

#include <stdbool.h>
#include <string.h>

/* Packets sealed under one key after which another is asked for, and after which none more is sealed. */
#define SEAL_REKEY_AT  (UINT64_C(1) << 32)
#define SEAL_REFUSE_AT (UINT64_C(1) << 36)

/* Sessions a back end may hold at once; keys beyond use the portable one. */
#define SEAL_SESSIONS 2048

/* After EAL has started, before worker threads. Tries DPDK's synchronous crypto against known answers of the portable back end; whatever is
 * missing or differs is not used. Never fails. */
void seal_start(void);
void seal_stop(void);

/* The back end in use for an algorithm, as text for the operator. */
const char *seal_backend(enum aead_alg alg);

/* Like aead_key_init(), for one direction and one length of associated data. Any worker; wipe with seal_key_wipe(). */
int seal_key_init(struct aead_key *k, enum aead_alg alg, const uint8_t key[AEAD_KEY_BYTES],
                  bool sealing, uint16_t aad_len) COYO_NODISCARD;
void seal_key_wipe(struct aead_key *k);

/* True when k was made of this key: a command repeats it. */
static inline bool seal_key_is(const struct aead_key *k, uint8_t alg,
                               const uint8_t key[AEAD_KEY_BYTES])
{
	return k->alg == alg && memcmp(k->key, key, AEAD_KEY_BYTES) == 0;
}

/* Like aead_seal_burst() and aead_open_burst(). Every op's aad_len is the key's. */
void seal_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
void open_burst(const struct aead_key *k, struct aead_op *ops, unsigned n);
