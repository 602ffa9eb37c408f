/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory of the simulator's own: out of memory ends the program with a message. */
#pragma once
#include <stdio.h>
#include <stdlib.h>

static inline void *mem_check(void *p)
{
	if (p == NULL) {
		fputs("coyosim: out of memory\n", stderr);
		exit(3);
	}
	return p;
}

/* Zeroed. */
static inline void *mem_new(size_t n)
{
	return mem_check(calloc(1, n ? n : 1));
}

static inline void *mem_resize(void *p, size_t n)
{
	return mem_check(realloc(p, n ? n : 1));
}
