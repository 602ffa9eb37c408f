/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum: 32-bit halves of vectors added into 64-bit lanes, folded once at the end. */
#include "tcp/csum.h"
#include "tcp/tcp.h"

#include <string.h>

typedef uint64_t lanes __attribute__((vector_size(32)));

/* Carries gather in the lanes' upper halves, so there is no chain of carries to wait for. The build for the widest vectors is chosen
 * when the program is loaded; sanitizers and such choices at load time do not go together. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
        !defined(__SANITIZE_ADDRESS__)
__attribute__((target_clones("avx2", "default")))
#endif
static uint64_t
sum_blocks(const uint8_t *p, size_t blocks)
{
	const lanes low = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
	lanes a = {0}, b = {0}, v, w;

	for (; blocks; p += 64, blocks--) {
		memcpy(&v, p, 32);
		memcpy(&w, p + 32, 32);
		a += (v & low) + (v >> 32);
		b += (w & low) + (w >> 32);
	}
	a += b;
	a = (a & low) + (a >> 32);
	return a[0] + a[1] + a[2] + a[3];
}

uint16_t tcp_csum_sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t sum = 0;
	uint32_t w;

	if (len >= 64) {
		sum = sum_blocks(p, len / 64);
		p += len & ~(size_t)63;
		len &= 63;
	}
	for (; len >= 4; p += 4, len -= 4) {
		memcpy(&w, p, 4);
		sum += w;
	}
	if (len) {
		w = 0;
		memcpy(&w, p, len);
		sum += w;
	}
	sum = (sum & UINT32_MAX) + (sum >> 32);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	/* Summed in the machine's order; a little-endian sum is the big-endian one with its bytes exchanged (RFC 1071 2B). */
	return __builtin_bswap16((uint16_t)sum);
}

uint16_t tcp_id_sum(const uint8_t id[64])
{
	return tcp_csum_sum(id, 64);
}
