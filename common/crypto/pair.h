/* SPDX-License-Identifier: BSD-3-Clause */
/* The key that two nodes have in common without a handshake, from both statics, and the MAC of a message between them under it. */
#pragma once
#include "crypto/identity.h"

#include <stddef.h>

#define PAIR_KEY_BYTES 32
#define PAIR_MAC_BYTES 16

/* The key of me and the owner of this Ed25519 key; it is the same at both. One Diffie-Hellman. 0, or -EINVAL for a key that is not on the
 * curve's main group. The caller wipes it. */
int pair_key(const struct identity *me, const uint8_t ed[32],
             uint8_t key[PAIR_KEY_BYTES]) COYO_NODISCARD;

/* The MAC of a message that `from` sends to `to`. Either of the two can make it; the order of the ids keeps a message from coming back to its
 * sender as the other's. */
void pair_mac(const uint8_t key[PAIR_KEY_BYTES], const struct node_id *from,
              const struct node_id *to, const void *msg, size_t len, uint8_t mac[PAIR_MAC_BYTES]);
