/* SPDX-License-Identifier: BSD-3-Clause */
/* Tags of handshake indices, by SipHash-2-4. */
#include "crypto/hsindex.h"

#include "base/be.h"

#include <sodium.h>
#include <string.h>

#define LOW ((1u << HSINDEX_FREE_BITS) - 1)

void hsindex_init(struct hsindex *x, const uint8_t cookie_key[32])
{
	static const char what[] = "coyo handshake indices";

	crypto_generichash(x->key, sizeof(x->key), (const uint8_t *)what, sizeof(what) - 1,
	                   cookie_key, 32);
}

/* The low bits with their tag; prefix: eight bytes, which of answers begin with their family, and of own handshakes are none's. */
static uint32_t tagged(const struct hsindex *x, uint32_t low,
                       const uint8_t prefix[SOURCE_PREFIX_BYTES])
{
	uint8_t in[4 + SOURCE_PREFIX_BYTES], tag[crypto_shorthash_BYTES];

	_Static_assert(crypto_shorthash_KEYBYTES == sizeof(x->key), "SipHash");
	low &= LOW;
	be32_store(in, low);
	memcpy(in + 4, prefix, SOURCE_PREFIX_BYTES);
	crypto_shorthash(tag, in, sizeof(in), x->key);
	return (be32_load(tag) & ~LOW) | low;
}

void source_prefix(uint8_t family, const uint8_t addr[16], const uint8_t mac[6],
                   uint8_t prefix[SOURCE_PREFIX_BYTES])
{
	memset(prefix, 0, SOURCE_PREFIX_BYTES);
	prefix[0] = family;
	if (family)
		memcpy(prefix + 1, addr, family == 4 ? 3 : 7);
	else if (mac)
		memcpy(prefix + 1, mac, 6);
}

static const uint8_t own[SOURCE_PREFIX_BYTES] = {0xff};

uint32_t hsindex_own(const struct hsindex *x, uint32_t low)
{
	return tagged(x, low, own);
}

bool hsindex_own_is(const struct hsindex *x, uint32_t index)
{
	return tagged(x, index, own) == index;
}

uint32_t hsindex_answer(const struct hsindex *x, uint32_t low, uint8_t family,
                        const uint8_t addr[16], const uint8_t mac[6])
{
	uint8_t prefix[SOURCE_PREFIX_BYTES];

	source_prefix(family, addr, mac, prefix);
	return tagged(x, low, prefix);
}

bool hsindex_answer_is(const struct hsindex *x, uint32_t index, uint8_t family,
                       const uint8_t addr[16], const uint8_t mac[6])
{
	return hsindex_answer(x, index, family, addr, mac) == index;
}
