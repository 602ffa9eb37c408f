/* SPDX-License-Identifier: BSD-3-Clause */
/* Assertions: what comments promise, checked while a build that is not a release runs. */
#pragma once
#include "base/cc.h"

#include <stdio.h>
#include <stdlib.h>

/* Prints where and what, and aborts. In the header, so that a library that stands alone needs no other for it. */
__attribute__((noreturn, cold, noinline, unused)) static void
coyo_assert_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: assertion failed: %s\n", file, line, what);
	abort();
}

/* What must hold here unless the code itself is wrong; never for what a peer, a file or the system may do. cond has no side effect: a
 * release build (NDEBUG, which meson sets for buildtype=release) does not evaluate it. */
#ifdef NDEBUG
#define COYO_ASSERT(cond) ((void)sizeof(!(cond)))
#else
#define COYO_ASSERT(cond) (likely_(cond) ? (void)0 : coyo_assert_failed(__FILE__, __LINE__, #cond))
#endif
