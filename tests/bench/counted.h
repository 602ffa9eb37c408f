/* SPDX-License-Identifier: BSD-3-Clause */
/* For programs whose instructions scripts/cycles counts: which functions are counted, and which build this is. */
#pragma once
#include <stdio.h>

/* Of a function whose name starts with counted_: callgrind counts from its entry to its return, and nothing else. */
#define COUNTED __attribute__((noinline))

#ifdef __clang__
#define COUNTED_CC    "clang"
#define COUNTED_MAJOR __clang_major__
#else
#define COUNTED_CC    "gcc"
#define COUNTED_MAJOR __GNUC__
#endif

#if defined(__x86_64__)
#define COUNTED_ARCH "x86_64"
#elif defined(__aarch64__)
#define COUNTED_ARCH "aarch64"
#else
#define COUNTED_ARCH "other"
#endif

#ifdef NDEBUG
#define COUNTED_CHECKS "release"
#else
#define COUNTED_CHECKS "checked"
#endif

/* What instruction counts depend on beside the code: figures of two builds compare only where these lines are the same.
 * options: what meson was asked for (COUNTED_BUILD): DPDK's release, optimisation and sanitizers. */
static inline void counted_print_build(const char *options)
{
	printf("%s-%d %s %s %s\n", COUNTED_CC, COUNTED_MAJOR, COUNTED_ARCH, options,
	       COUNTED_CHECKS);
}
