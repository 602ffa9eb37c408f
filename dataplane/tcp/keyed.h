/* SPDX-License-Identifier: BSD-3-Clause */
/* A keyed hash of short inputs (SipHash-1-3 of two words): connection table, ISNs, ports, timestamp offsets. */
#pragma once
#include <stdint.h>

struct tcp_key {
	uint64_t k0, k1;
};

#define KEYED_ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))
#define KEYED_ROUND(v0, v1, v2, v3)                                              \
	do {                                                                     \
		v0 += v1, v1 = KEYED_ROTL(v1, 13) ^ v0, v0 = KEYED_ROTL(v0, 32); \
		v2 += v3, v3 = KEYED_ROTL(v3, 16) ^ v2;                          \
		v0 += v3, v3 = KEYED_ROTL(v3, 21) ^ v0;                          \
		v2 += v1, v1 = KEYED_ROTL(v1, 17) ^ v2, v2 = KEYED_ROTL(v2, 32); \
	} while (0)

/* Unpredictable without the key; a and b are the whole input. */
static inline uint64_t tcp_keyed(const struct tcp_key *k, uint64_t a, uint64_t b)
{
	uint64_t v0 = k->k0 ^ UINT64_C(0x736f6d6570736575);
	uint64_t v1 = k->k1 ^ UINT64_C(0x646f72616e646f6d);
	uint64_t v2 = k->k0 ^ UINT64_C(0x6c7967656e657261);
	uint64_t v3 = k->k1 ^ UINT64_C(0x7465646279746573);
	const uint64_t words[3] = {a, b, UINT64_C(16) << 56};

	for (int i = 0; i < 3; i++) {
		v3 ^= words[i];
		KEYED_ROUND(v0, v1, v2, v3);
		v0 ^= words[i];
	}
	v2 ^= 0xff;
	for (int i = 0; i < 3; i++)
		KEYED_ROUND(v0, v1, v2, v3);
	return v0 ^ v1 ^ v2 ^ v3;
}
