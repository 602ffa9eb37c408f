/* SPDX-License-Identifier: BSD-3-Clause */
/* Compiler attributes and the few macros every part uses. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define COYO_NODISCARD    __attribute__((warn_unused_result))
#define COYO_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define COYO_EXPORT       __attribute__((visibility("default")))
#define COYO_CACHELINE    64
#define COYO_ALIGNED(n)   __attribute__((aligned(n)))
/* Of a static inline function that does nothing but fetch ahead. GCC 12 sees no effect in such a function and drops the calls of it before it would
 * have put the body there; the test `prefetches` looks for the instruction. */
#define COYO_PREFETCHES __attribute__((always_inline))

#define likely_(x)   __builtin_expect(!!(x), 1)
#define unlikely_(x) __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a)                  (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(p, type, member) ((type *)((char *)(p) - offsetof(type, member)))

/* Fetches the cache line of p for writing: other cores lose their copies of it now instead of when it is written. For
 * __builtin_prefetch(p, 1) GCC emits a prefetch for reading, unless it builds for a CPU that is sure to have this instruction; CPUs
 * that do not have it treat it as no operation. */
static inline COYO_PREFETCHES void prefetch_write(void *p)
{
#ifdef __x86_64__
	__asm__ volatile("prefetchw %0" : "+m"(*(char *)p));
#else
	__builtin_prefetch(p, 1);
#endif
}

/* The smaller of two unsigned numbers. A function, so that each argument is evaluated once. */
static inline uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* The larger of two unsigned numbers; each argument is evaluated once. */
static inline uint64_t max_u64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}
