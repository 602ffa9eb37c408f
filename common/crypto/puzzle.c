/* SPDX-License-Identifier: BSD-3-Clause */
/* Hash puzzles by BLAKE2b: asked by a keyed mac, solved by trying. */
#include "crypto/puzzle.h"

#include "base/be.h"

#include <sodium.h>
#include <string.h>

static int mac(const struct secret *s, uint32_t generation, uint8_t bits, const void *subject,
               size_t len, uint8_t out[32])
{
	uint8_t key[32];
	crypto_generichash_state st;
	int r = secret_derive(s, generation, "puzzle", &bits, 1, key);

	if (r != 0)
		return r;
	crypto_generichash_init(&st, key, sizeof(key), 32);
	crypto_generichash_update(&st, subject, len);
	crypto_generichash_final(&st, out, 32);
	sodium_memzero(key, sizeof(key));
	return 0;
}

int puzzle_make(const struct secret *s, uint32_t generation, uint8_t bits, const void *subject,
                size_t len, struct puzzle *p)
{
	uint8_t out[32];
	int r = mac(s, generation, bits, subject, len, out);

	if (r != 0)
		return r;
	p->bits = bits;
	memcpy(p->nonce, out, PUZZLE_NONCE_BYTES);
	return 0;
}

bool puzzle_ours(const struct secret *s, const struct puzzle *p, const void *subject, size_t len)
{
	uint8_t out[32];

	for (uint32_t back = 0; back < 2; back++)
		if (mac(s, s->generation - back, p->bits, subject, len, out) == 0 &&
		    sodium_memcmp(out, p->nonce, PUZZLE_NONCE_BYTES) == 0)
			return true;
	return false;
}

void puzzle_seed(const struct puzzle *p, const void *name, size_t len, uint8_t seed[32])
{
	crypto_generichash_state st;

	crypto_generichash_init(&st, NULL, 0, 32);
	crypto_generichash_update(&st, (const uint8_t *)"coyo puzzle", 11);
	crypto_generichash_update(&st, &p->bits, 1);
	crypto_generichash_update(&st, p->nonce, PUZZLE_NONCE_BYTES);
	crypto_generichash_update(&st, name, len);
	crypto_generichash_final(&st, seed, 32);
}

bool puzzle_solved(const uint8_t seed[32], uint8_t bits, uint64_t solution)
{
	uint8_t in[40], out[16];
	uint64_t head;

	memcpy(in, seed, 32);
	be64_store(in + 32, solution);
	crypto_generichash(out, sizeof(out), in, sizeof(in), NULL, 0);
	head = be64_load(out);
	return bits == 0 || (bits <= 64 && head >> (64 - bits) == 0);
}

bool puzzle_search(const uint8_t seed[32], uint8_t bits, uint64_t *next, unsigned n)
{
	for (; n > 0; n--, (*next)++)
		if (puzzle_solved(seed, bits, *next))
			return true;
	return false;
}
