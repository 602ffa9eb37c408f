/* SPDX-License-Identifier: BSD-3-Clause */
/* Signatures for large simulations: cheap and forgeable. */
#pragma once
#include "crypto/identity.h"

void hashsig_sign(const struct identity *me, const char *context, const void *msg, size_t len,
                  uint8_t sig[64]);
/* 0 or -EBADMSG. */
int hashsig_verify(const uint8_t key[32], const char *context, const void *msg, size_t len,
                   const uint8_t sig[64]);

/* Stands in for pair_key(): the two public keys, mixed. */
int hashsig_pair_key(const struct identity *me, const uint8_t ed[32], uint8_t key[32]);
/* Stands in for pair_mac(). */
void hashsig_pair_mac(const uint8_t key[32], const struct node_id *from, const struct node_id *to,
                      const void *msg, size_t len, uint8_t mac[16]);
