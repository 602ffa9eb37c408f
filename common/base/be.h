/* SPDX-License-Identifier: BSD-3-Clause */
/* Big-endian loads and stores on byte pointers of any alignment. */
#pragma once
#include <stdint.h>
#include <string.h>

/* Each load returns the number whose most significant byte is at p. p needs no alignment; 2, 4 or 8 bytes must be readable. */
static inline uint16_t be16_load(const void *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap16(v);
}

/* The number in the 4 bytes from p on, most significant byte first. */
static inline uint32_t be32_load(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap32(v);
}

/* The number in the 8 bytes from p on, most significant byte first. */
static inline uint64_t be64_load(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return __builtin_bswap64(v);
}

/* Each store writes v from p on, most significant byte first. p needs no alignment; 2, 4 or 8 bytes must be writable. */
static inline void be16_store(void *p, uint16_t v)
{
	v = __builtin_bswap16(v);
	memcpy(p, &v, sizeof(v));
}

/* Writes v into the 4 bytes from p on, most significant byte first. */
static inline void be32_store(void *p, uint32_t v)
{
	v = __builtin_bswap32(v);
	memcpy(p, &v, sizeof(v));
}

/* Writes v into the 8 bytes from p on, most significant byte first. */
static inline void be64_store(void *p, uint64_t v)
{
	v = __builtin_bswap64(v);
	memcpy(p, &v, sizeof(v));
}
