/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum: 32-bit words added into 64-bit lanes, folded once at the end. */
#include "tcp/csum.h"
#include "tcp/tcp.h"

#include <string.h>

uint16_t tcp_csum_sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t lane[4] = {0, 0, 0, 0}, sum;
	uint32_t w[8];

	/* Carries gather in the lanes' upper halves: no carry chain, so the compiler can use vectors. */
	for (; len >= 32; p += 32, len -= 32) {
		memcpy(w, p, 32);
		for (int i = 0; i < 4; i++)
			lane[i] += (uint64_t)w[i] + w[i + 4];
	}
	sum = (lane[0] & UINT32_MAX) + (lane[0] >> 32) + (lane[1] & UINT32_MAX) + (lane[1] >> 32) +
	      (lane[2] & UINT32_MAX) + (lane[2] >> 32) + (lane[3] & UINT32_MAX) + (lane[3] >> 32);
	for (; len >= 4; p += 4, len -= 4) {
		memcpy(w, p, 4);
		sum += w[0];
	}
	if (len) {
		w[0] = 0;
		memcpy(w, p, len);
		sum += w[0];
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	/* Summed in the machine's order; a little-endian sum is the big-endian one with its bytes exchanged (RFC 1071 2B). */
	return __builtin_bswap16((uint16_t)sum);
}

uint16_t tcp_id_sum(const uint8_t id[64])
{
	return tcp_csum_sum(id, 64);
}
