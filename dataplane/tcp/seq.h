/* SPDX-License-Identifier: BSD-3-Clause */
/* Sequence numbers: comparisons modulo 2^32 (RFC 9293 section 3.4). */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/* Each comparison holds for numbers less than 2^31 apart, as windows of at most 2^30 bytes ensure. True: a comes before b. */
static inline bool seq_lt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* True: a comes before b or is b. */
static inline bool seq_leq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

/* True: a comes after b. */
static inline bool seq_gt(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) > 0;
}

/* True: a comes after b or is b. */
static inline bool seq_geq(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) >= 0;
}

/* The later of two sequence numbers. */
static inline uint32_t seq_max(uint32_t a, uint32_t b)
{
	return seq_gt(a, b) ? a : b;
}

/* The earlier of two sequence numbers. */
static inline uint32_t seq_min(uint32_t a, uint32_t b)
{
	return seq_lt(a, b) ? a : b;
}
