/* SPDX-License-Identifier: BSD-3-Clause */
/* Generations: what a node keeps of its handshakes from the beginning (XX) with another one, so that a replayed first message of IK is known.
 *
 * Each XX that has been proven leaves a secret on both sides. IK is made with it and carries a stamp that only rises, so that a message of an
 * older generation cannot be read, and one of this generation is taken once. Nothing of it outlives the process: who has started anew has no
 * generation, and begins by XX. IK leaves no generation: if one whose second message is lost did, the two sides would hold different ones.
 * Two are kept, since the other side may not have had the proof of the newer one yet, and since two handshakes that cross may be completed in
 * either order. */
#pragma once
#include "crypto/noise.h"
#include "wire/hsmsg.h"

#define GENERATIONS 2

struct generation {
	uint8_t secret[NOISE_PSK];
	uint64_t sent; /* stamp of this node's newest first message */
	uint64_t seen; /* highest stamp of the other side's */
	bool valid;
};

/* All zero: none. To be overwritten with zeros when it goes. */
struct generations {
	uint8_t x_key[NOISE_DH];          /* the other side's static key */
	struct generation g[GENERATIONS]; /* newest first */
};

/* Whether there is a generation with this static key. */
bool generations_with(const struct generations *t, const uint8_t x_key[NOISE_DH]);
/* A completed XX with this static key has been proven by a message of the other side: it is the newest generation. Those with another key are
 * forgotten. */
void generation_add(struct generations *t, const struct noise *xx);
/* The same of an XX whose state is gone: secret is what noise_generation() gave. */
void generation_add_secret(struct generations *t, const uint8_t x_key[NOISE_DH],
                           const uint8_t secret[NOISE_PSK]);
/* Gives the newest secret to x, the initiator of an IK. Returns the stamp that its first message must carry. There must be a generation. */
uint64_t generation_ask(struct generations *t, struct noise *x);
/* Reads the first message of IK, of which x has read the static key, and its payload into *p. 0; -ESTALE: of no generation here, or older than one
 * that was taken, so that its sender should begin by XX; -EALREADY: the one that was taken last, once more. x is of no use after an error. */
int generation_read(struct generations *t, struct noise *x, const uint8_t *msg, size_t len,
                    struct hs_payload *p) COYO_NODISCARD;
