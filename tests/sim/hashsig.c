/* SPDX-License-Identifier: BSD-3-Clause */
/* Signatures for large simulations: a hash over key, context and message. Anyone can make one, nobody here does. */
#include "hashsig.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

static void hashsig(const uint8_t key[32], const char *context, const void *msg, size_t len,
                    uint8_t sig[64])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, key, 32, 64);
	crypto_generichash_update(&h, (const uint8_t *)context, strlen(context) + 1);
	crypto_generichash_update(&h, msg, len);
	crypto_generichash_final(&h, sig, 64);
}

void hashsig_sign(const struct identity *me, const char *context, const void *msg, size_t len,
                  uint8_t sig[64])
{
	hashsig(me->ed_public, context, msg, len, sig);
}

int hashsig_verify(const uint8_t key[32], const char *context, const void *msg, size_t len,
                   const uint8_t sig[64])
{
	uint8_t want[64];

	hashsig(key, context, msg, len, want);
	return memcmp(want, sig, sizeof(want)) == 0 ? 0 : -EBADMSG;
}
