/* SPDX-License-Identifier: BSD-3-Clause */
/* Which file a program's name means, and whether a library can be loaded into it. */
#pragma once
#include "libcoyo/coyo.h"

#include <limits.h>

/* The file that execvp() would start for a name, in path (PATH_MAX bytes). 0, or -ENOENT with a sentence in why. */
int run_find(const char *name, char path[PATH_MAX], char why[COYO_WHY_MAX]);
/* Whether LD_PRELOAD has an effect on a program: not on one that is linked statically, that has the rights of another user or of its own, that
 * is of another word size, or that has another C library. Of a script the interpreter is asked. 0, or -EPERM with a sentence in why; what cannot be
 * read is let through. */
int run_check(const char *path, char why[COYO_WHY_MAX]);
