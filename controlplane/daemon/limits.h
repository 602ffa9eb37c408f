/* SPDX-License-Identifier: BSD-3-Clause */
/* The limit of open files: as high as this user may have it, and enough for what is configured. */
#pragma once
#include <stddef.h>

struct conf;

/* Raises the soft limit of open files to the hard one. */
void limits_raise(void);
/* -EMFILE, with one sentence that names the number in err, when what c configures needs more open files than the limit. 0 otherwise. */
int limits_check(const struct conf *c, char *err, size_t errcap);
