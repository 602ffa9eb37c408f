/* SPDX-License-Identifier: BSD-3-Clause */
/* Assertions: what comments promise, checked while a build that is not a release runs. */
#pragma once
#include "base/cc.h"

#include <stdio.h>
#include <stdlib.h>

/* Prints the place and the condition that does not hold, and aborts. Defined in the header, so that a library that uses assertions need
 * not link another one for them. */
__attribute__((noreturn, cold, noinline, unused)) static void
coyo_assert_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
	abort();
}

/* States that cond holds here unless this code itself is wrong. Not for what a peer, a file or the system may do: that is checked and
 * refused. cond must have no side effect, because a release build (NDEBUG, which meson sets for buildtype=release) does not evaluate it. */
#ifdef NDEBUG
#define COYO_ASSERT(cond) ((void)sizeof(!(cond)))
#else
#define COYO_ASSERT(cond) (likely_(cond) ? (void)0 : coyo_assert_failed(__FILE__, __LINE__, #cond))
#endif
