/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of two statics by X25519 and HKDF-BLAKE2b, and MACs by keyed BLAKE2b. */
#include "crypto/pair.h"

#include "crypto/noise.h"

#include <errno.h>
#include <sodium.h>

#define LABEL "IPvCoyo contact 1"

int pair_key(const struct identity *me, const uint8_t ed[32], uint8_t key[PAIR_KEY_BYTES])
{
	uint8_t x[32], shared[32];

	if (identity_x_of_ed(ed, x) != 0 || crypto_scalarmult(shared, me->x_secret, x) != 0)
		return -EINVAL;
	noise_key_for(LABEL, shared, key);
	sodium_memzero(shared, sizeof(shared));
	return 0;
}

void pair_mac(const uint8_t key[PAIR_KEY_BYTES], const struct node_id *from,
              const struct node_id *to, const void *msg, size_t len, uint8_t mac[PAIR_MAC_BYTES])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, key, PAIR_KEY_BYTES, PAIR_MAC_BYTES);
	crypto_generichash_update(&st, from->b, ID_BYTES);
	crypto_generichash_update(&st, to->b, ID_BYTES);
	crypto_generichash_update(&st, msg, len);
	crypto_generichash_final(&st, mac, PAIR_MAC_BYTES);
	sodium_memzero(&st, sizeof(st));
}
