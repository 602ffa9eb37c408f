/* SPDX-License-Identifier: BSD-3-Clause */
/* The trials of mutate.h. */
#include "tests/lib/mutate.h"

#include "tests/lib/hex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUND_TRIPS  2000
#define RANDOM_RUNS  100000
#define RANDOM_BYTES 400
#define FLIP_RUNS    8
#define EDIT_RUNS    20000
#define DRAWS        4000
#define HEAD         256 /* bytes at the front that are watched */

static bool report(const struct codec *c, const char *trial, const uint8_t *msg, size_t len)
{
	char *hex = malloc(2 * len + 1);

	hex_write(msg, len, hex);
	fprintf(stderr, "%s: %s does not hold for %zu bytes %s\n", c->name, trial, len, hex);
	free(hex);
	return false;
}

static bool round_trips(const struct codec *c, const struct rng *rng, uint8_t *buf)
{
	for (unsigned i = 0; i < ROUND_TRIPS; i++) {
		size_t len = c->make(rng, buf, CODEC_MAX);
		bool accepted;

		if (!codec_hold(c, buf, len, &accepted) || !accepted)
			return report(c, "round trip", buf, len);
	}
	return true;
}

static bool noise(const struct codec *c, const struct rng *rng, uint8_t *buf)
{
	for (unsigned i = 0; i < RANDOM_RUNS; i++) {
		size_t len = rng_below(rng, RANDOM_BYTES + 1);

		rng_fill(rng, buf, len);
		if (!codec_hold(c, buf, len, NULL))
			return report(c, "random bytes", buf, len);
	}
	return true;
}

/* Every shorter length. A format without a length of its own may take a shorter one, but none is taken whole. */
static bool truncations(const struct codec *c, const struct rng *rng, uint8_t *buf)
{
	for (unsigned run = 0; run < FLIP_RUNS; run++) {
		size_t full = c->make(rng, buf, CODEC_MAX);

		for (size_t len = 0; len < full; len++)
			if (!codec_hold(c, buf, len, NULL))
				return report(c, "truncation", buf, len);
	}
	return true;
}

static bool flips(const struct codec *c, const struct rng *rng, uint8_t *buf)
{
	for (unsigned run = 0; run < FLIP_RUNS; run++) {
		size_t len = c->make(rng, buf, CODEC_MAX);

		for (size_t bit = 0; bit < len * 8; bit++) {
			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
			if (!codec_hold(c, buf, len, NULL))
				return report(c, "flipped bit", buf, len);
			buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
	return true;
}

/* A valid message with a few bytes changed, inserted or removed: gets deeper than noise. */
static bool edits(const struct codec *c, const struct rng *rng, uint8_t *buf)
{
	size_t full = c->make(rng, buf, CODEC_MAX);
	uint8_t *copy = malloc(CODEC_MAX);
	bool ok = true;

	for (unsigned i = 0; ok && i < EDIT_RUNS; i++) {
		size_t len = full;

		if (i % 64 == 0)
			len = full = c->make(rng, buf, CODEC_MAX);
		memcpy(copy, buf, len);
		for (uint64_t k = 1 + rng_below(rng, 4); k > 0 && len > 1; k--) {
			size_t at = rng_below(rng, rng_below(rng, 2) && len > 24 ? 24 : len);

			copy[at] =
			        rng_below(rng, 2) ? (uint8_t)rng_u64(rng) : (uint8_t)(copy[at] + 1);
			if (rng_below(rng, 8) == 0 && len + 1 < CODEC_MAX)
				copy[len++] = (uint8_t)rng_u64(rng);
			else if (rng_below(rng, 8) == 0)
				len--;
		}
		if (!codec_hold(c, copy, len, NULL))
			ok = report(c, "edit", copy, len);
	}
	free(copy);
	return ok;
}

/* What the messages of one kind have in common. */
struct kind {
	size_t least; /* bytes of the shortest, at most HEAD; 0: there was none */
	uint8_t first[HEAD];
	bool varies[HEAD];
};

static void watch(struct kind *k, const uint8_t *msg, size_t len)
{
	if (len > HEAD)
		len = HEAD;
	if (k->least == 0) {
		k->least = len;
		memcpy(k->first, msg, len);
	}
	if (len < k->least)
		k->least = len;
	for (size_t i = 0; i < k->least; i++)
		k->varies[i] |= msg[i] != k->first[i];
}

static bool as_declared(const struct codec *c, unsigned kind, const struct kind *k)
{
	for (size_t i = 0; i < k->least; i++) {
		bool fixed = i < 64 && (c->fixed & AT(i));

		if (k->varies[i] != fixed || (c->kind_bits && i == c->kind_at))
			continue;
		fprintf(stderr, "%s: byte %zu of kind %u %s\n", c->name, i, kind,
		        fixed ? "varies, though its row says that it is fixed"
		              : "is the same in all messages: make() draws too little");
		return false;
	}
	return true;
}

/* A field that make() forgets has one value in all messages, and then no other trial looks at it. */
static bool draws(const struct codec *c, const struct rng *rng, uint8_t *buf)
{
	struct kind *kinds = calloc(256, sizeof(*kinds));
	bool ok = true;

	for (unsigned i = 0; i < DRAWS; i++) {
		size_t len = c->make(rng, buf, CODEC_MAX);

		watch(&kinds[buf[c->kind_at] & c->kind_bits], buf, len);
	}
	for (unsigned i = 0; i < 256; i++)
		ok &= as_declared(c, i, &kinds[i]);
	free(kinds);
	return ok;
}

bool mutate_table(const struct codec *table, uint64_t seed)
{
	uint8_t *buf = malloc(CODEC_MAX);
	struct rng_seeded s;
	struct rng rng;
	bool ok = true;

	rng_seeded_init(&s, seed);
	rng = rng_from_seeded(&s);
	for (const struct codec *c = table; c->name; c++)
		ok &= round_trips(c, &rng, buf) && noise(c, &rng, buf) &&
		      truncations(c, &rng, buf) && flips(c, &rng, buf) && edits(c, &rng, buf) &&
		      draws(c, &rng, buf);
	free(buf);
	return ok;
}
