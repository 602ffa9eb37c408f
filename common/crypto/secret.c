/* SPDX-License-Identifier: BSD-3-Clause */
/* The rotating secret, and what is derived from it by keyed BLAKE2b. */
#include "crypto/secret.h"

#include "base/assert.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>

void secret_advance(struct secret *s, const struct rng *rng, struct instant now)
{
	/* Long unused: the current one is as old as what is forgotten. */
	s->before = s->generation && instant_sub(now, s->born) < 2 * SECRET_NS;
	s->generation++;
	rng_fill(rng, s->key[s->generation & 1], SECRET_BYTES);
	if (!s->before)
		sodium_memzero(s->key[~s->generation & 1], SECRET_BYTES);
	s->born = now;
}

uint32_t secret_renew(struct secret *s, const struct rng *rng, struct instant now)
{
	if (!s->generation || instant_sub(now, s->born) >= SECRET_NS)
		secret_advance(s, rng, now);
	return s->generation;
}

int secret_derive(const struct secret *s, uint32_t generation, const char *purpose,
                  const void *data, size_t len, uint8_t out[32])
{
	crypto_generichash_state st;

	if (generation == 0 ||
	    (generation != s->generation && !(s->before && generation == s->generation - 1)))
		return -ESTALE;
	crypto_generichash_init(&st, s->key[generation & 1], SECRET_BYTES, 32);
	/* With its end, so that no purpose and data read as another purpose and other data. */
	crypto_generichash_update(&st, (const uint8_t *)purpose, strlen(purpose) + 1);
	crypto_generichash_update(&st, data, len);
	crypto_generichash_final(&st, out, 32);
	sodium_memzero(&st, sizeof(st));
	return 0;
}
