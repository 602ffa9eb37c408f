/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum: 32-bit halves of vectors added into 64-bit lanes, folded once at the end. */
#include "tcp/csum.h"
#include "tcp/tcp.h"

#include <string.h>

typedef uint64_t lanes __attribute__((vector_size(32)));

/* The build for the widest vectors is chosen when the program is loaded; sanitizers and such choices at load time do not go together. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
        !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define WIDEST __attribute__((target_clones("avx2", "default")))
#else
#define WIDEST
#endif

/* Carries gather in the lanes' upper halves, so there is no chain of carries to wait for. */
#define LOW ((lanes){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX})

WIDEST static uint64_t sum_blocks(const uint8_t *p, size_t blocks)
{
	lanes a = {0}, b = {0}, v, w;

	for (; blocks; p += 64, blocks--) {
		memcpy(&v, p, 32);
		memcpy(&w, p + 32, 32);
		a += (v & LOW) + (v >> 32);
		b += (w & LOW) + (w >> 32);
	}
	a += b;
	a = (a & LOW) + (a >> 32);
	return a[0] + a[1] + a[2] + a[3];
}

WIDEST static uint64_t copy_blocks(uint8_t *to, const uint8_t *p, size_t blocks)
{
	lanes a = {0}, b = {0}, v, w;

	for (; blocks; p += 64, to += 64, blocks--) {
		memcpy(&v, p, 32);
		memcpy(&w, p + 32, 32);
		memcpy(to, &v, 32);
		memcpy(to + 32, &w, 32);
		a += (v & LOW) + (v >> 32);
		b += (w & LOW) + (w >> 32);
	}
	a += b;
	a = (a & LOW) + (a >> 32);
	return a[0] + a[1] + a[2] + a[3];
}

/* What blocks leave over: up to 63 bytes; then folded. */
static uint16_t finish(uint64_t sum, const uint8_t *p, size_t len)
{
	uint32_t w;

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

uint16_t tcp_csum_sum(const void *data, size_t len)
{
	const uint8_t *p = data;
	size_t blocks = len / 64;

	return finish(blocks ? sum_blocks(p, blocks) : 0, p + 64 * blocks, len % 64);
}

uint16_t tcp_csum_copy(void *dst, const void *src, size_t len)
{
	const uint8_t *p = src;
	uint8_t *to = dst;
	size_t blocks = len / 64;
	uint64_t sum = blocks ? copy_blocks(to, p, blocks) : 0;

	memcpy(to + 64 * blocks, p + 64 * blocks, len % 64);
	return finish(sum, p + 64 * blocks, len % 64);
}

uint16_t tcp_id_sum(const uint8_t id[64])
{
	return tcp_csum_sum(id, 64);
}
