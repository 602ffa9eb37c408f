/* SPDX-License-Identifier: BSD-3-Clause */
/* How the calls of coyo.h end: -1 and errno where what stands below them returns a negative errno. */
#pragma once
#include <errno.h>
#include <sys/types.h>

/* The value that the caller gets. */
static inline ssize_t call_end(ssize_t r)
{
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}
