/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum (RFC 1071) over segments and node ids. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* Sum of the bytes as big-endian 16-bit words, an odd last byte padded with zero; folded to 16 bits, not complemented. */
uint16_t tcp_csum_sum(const void *data, size_t len);

/* Copies len bytes and sums them in the same pass; dst is only written. */
uint16_t tcp_csum_copy(void *dst, const void *src, size_t len);

/* Folds a sum of 16-bit words. */
static inline uint16_t tcp_csum_fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* Pseudo-header part: ids' sums, length of the segment or datagram, next header. */
static inline uint32_t csum_pseudo(uint16_t src_sum, uint16_t dst_sum, uint32_t len, uint8_t next)
{
	return (uint32_t)src_sum + dst_sum + (len >> 16) + (len & 0xffff) + next;
}

/* The same of TCP. */
static inline uint32_t tcp_csum_pseudo(uint16_t src_sum, uint16_t dst_sum, uint32_t len)
{
	return csum_pseudo(src_sum, dst_sum, len, 6);
}
