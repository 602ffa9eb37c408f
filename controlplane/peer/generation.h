/* SPDX-License-Identifier: BSD-3-Clause */
/* What a link keeps of its neighbour's handshakes from the beginning, and whose generations a first message by IK is read under. */
#pragma once
#include "core/ctx.h"
#include "core/generation.h"

struct peer;
struct handshake;

/* An XX with p whose other side has this static key is proven: its secret is p's newest generation. */
void peer_generation_add(struct node *n, struct peer *p, const uint8_t x_key[NOISE_DH],
                         const uint8_t secret[NOISE_PSK]);
/* Forgets them. */
void peer_generations_wipe(struct node *n, struct peer *p);
/* Reads hs's first message by IK into hs->remote, under the generations of the neighbour, of hs->peer or at hs->listener, whose static key it holds.
 * As generation_read(); -EBADMSG: not for this node's key. */
int peer_generation_read(struct node *n, struct handshake *hs, const uint8_t *msg,
                         size_t len) COYO_NODISCARD;
