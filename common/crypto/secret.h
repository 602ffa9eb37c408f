/* SPDX-License-Identifier: BSD-3-Clause */
/* A secret that changes with time, from which a node computes anew what it would otherwise have to remember of strangers. */
#pragma once
#include "base/cc.h"
#include "base/rng.h"
#include "base/time.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SECRET_BYTES 32
#define SECRET_NS \
	(30 * NS_PER_S) /* a generation is current for so long, and known for as long again */

/* Zeroed: no generation yet. Holds key material: wipe it when done. */
struct secret {
	uint8_t key[2][SECRET_BYTES]; /* by the lowest bit of the generation */
	uint32_t generation;          /* the current one, from 1 */
	struct instant born;          /* when it was drawn */
	bool before;                  /* the one before it is known */
};

/* Draws a new generation from rng if there is none or the current one is SECRET_NS old. Returns the number of the current one. */
uint32_t secret_renew(struct secret *s, const struct rng *rng, struct instant now);
/* Draws a new generation before its time. */
void secret_advance(struct secret *s, const struct rng *rng, struct instant now);
/* 32 bytes from a generation, a purpose (text) and data: the same for the same, and nothing to anybody without the secret. -ESTALE: that
 * generation is forgotten, or was never drawn. */
int secret_derive(const struct secret *s, uint32_t generation, const char *purpose,
                  const void *data, size_t len, uint8_t out[32]) COYO_NODISCARD;
