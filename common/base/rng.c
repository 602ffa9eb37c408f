/* SPDX-License-Identifier: BSD-3-Clause */
/* The seeded random stream of tests and simulation. */
#include "base/rng.h"

#include <string.h>

static uint64_t seeded_next(struct rng_seeded *s)
{
	uint64_t z = (s->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void seeded_fill(void *arg, void *out, size_t n)
{
	unsigned char *p = out;

	while (n > 0) {
		uint64_t v = seeded_next(arg);
		size_t k = n < sizeof(v) ? n : sizeof(v);

		memcpy(p, &v, k);
		p += k;
		n -= k;
	}
}

void rng_seeded_init(struct rng_seeded *s, uint64_t seed)
{
	s->state = seed;
}

struct rng rng_from_seeded(struct rng_seeded *s)
{
	return (struct rng){.fill = seeded_fill, .arg = s};
}
