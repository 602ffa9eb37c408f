/* SPDX-License-Identifier: BSD-3-Clause */
/* The clock that waits and time limits are counted by. */
#pragma once
#include "base/time.h"

#include <stdint.h>
#include <time.h>

/* Now, in ns since some time in the past. */
static inline int64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NS_PER_S + t.tv_nsec;
}
