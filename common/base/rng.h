/* SPDX-License-Identifier: BSD-3-Clause */
/* Injected randomness: the daemon passes the system's, tests and the simulator a seeded stream. */
#pragma once
#include "base/assert.h"

#include <stddef.h>
#include <stdint.h>

/* fill() writes n random bytes; arg is the source's own state. Never fails. */
struct rng {
	void (*fill)(void *arg, void *out, size_t n);
	void *arg;
};

/* Fills the n bytes at out with random bytes of the source. */
static inline void rng_fill(const struct rng *r, void *out, size_t n)
{
	r->fill(r->arg, out, n);
}

/* 64 random bits, in the byte order of the machine. */
static inline uint64_t rng_u64(const struct rng *r)
{
	uint64_t v;

	r->fill(r->arg, &v, sizeof(v));
	return v;
}

/* Uniform in [0, n) for n >= 1 (multiply-shift; bias < n / 2^64). */
static inline uint64_t rng_below(const struct rng *r, uint64_t n)
{
	COYO_ASSERT(n >= 1);
	return (uint64_t)(((unsigned __int128)rng_u64(r) * n) >> 64);
}

/* Deterministic stream for tests and simulation: SplitMix64 (Steele, Lea, Flood 2014). Not for keys. */
struct rng_seeded {
	uint64_t state;
};

/* Begins the stream that belongs to seed: the same seed gives the same bytes on every machine of the same byte order. */
void rng_seeded_init(struct rng_seeded *s, uint64_t seed);

/* A view of s as a source; s must outlive it. */
struct rng rng_from_seeded(struct rng_seeded *s);
