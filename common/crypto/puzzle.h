/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash puzzles as in HIP (RFC 7401, sections 4.1.2 and 5.2.4): who asks for work first does some that is cheap to check.
 *
 * A puzzle is asked without keeping anything: its nonce is a mac, by a secret of the asker, over what it is asked for (the subject). Its solution
 * holds for one name only, so that it cannot be used for two. */
#pragma once
#include "crypto/secret.h"

#define PUZZLE_NONCE_BYTES 7
#define PUZZLE_BITS_MAX    20 /* more than this nobody solves: a million hashes on average */

struct puzzle {
	uint8_t bits; /* leading zero bits wanted of the hash, 1..PUZZLE_BITS_MAX */
	uint8_t nonce[PUZZLE_NONCE_BYTES];
};

/* Makes the puzzle of that many bits for a subject under a generation of the secret. -ESTALE: not known, as in secret_derive(). */
int puzzle_make(const struct secret *s, uint32_t generation, uint8_t bits, const void *subject,
                size_t len, struct puzzle *p) COYO_NODISCARD;
/* Whether p was made for this subject by this secret, in its current generation or the one before: one hash each. */
bool puzzle_ours(const struct secret *s, const struct puzzle *p, const void *subject, size_t len);

/* What a solution for this name is searched by: 32 bytes that are hashed with each try. */
void puzzle_seed(const struct puzzle *p, const void *name, size_t len, uint8_t seed[32]);
/* Whether the hash of seed and solution begins with so many zero bits: one hash. bits beyond 64 are never reached. */
bool puzzle_solved(const uint8_t seed[32], uint8_t bits, uint64_t solution);
/* Tries n solutions from *next on. True: *next is one. False: none of them is, and *next is the first not tried. */
bool puzzle_search(const uint8_t seed[32], uint8_t bits, uint64_t *next, unsigned n);
