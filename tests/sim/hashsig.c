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

int hashsig_pair_key(const struct identity *me, const uint8_t ed[32], uint8_t key[32])
{
	for (unsigned i = 0; i < 32; i++)
		key[i] = me->ed_public[i] ^ ed[i];
	return 0;
}

static uint64_t mixed(uint64_t h, const uint8_t *p, size_t len)
{
	for (uint64_t word; len; p += len < 8 ? len : 8, len -= len < 8 ? len : 8) {
		word = len;
		memcpy(&word, p, len < 8 ? len : 8);
		h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 29;
	}
	return h;
}

void hashsig_pair_mac(const uint8_t key[32], const struct node_id *from, const struct node_id *to,
                      const void *msg, size_t len, uint8_t mac[16])
{
	uint64_t h[2];

	h[0] = mixed(mixed(mixed(mixed(1, key, 32), from->b, ID_BYTES), to->b, ID_BYTES), msg, len);
	h[1] = mixed(h[0], key, 32);
	memcpy(mac, h, sizeof(h));
}
