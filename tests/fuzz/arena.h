/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory at a fixed place that goes back to how it was: a network is warmed up once, and every input starts from there. Included ahead of all
 * else (-include) by the files that are to use it; a sanitizer sees overruns and late uses of its pieces as it does malloc's. */
#pragma once
#include <stddef.h>
#include <stdlib.h>

void *arena_malloc(size_t n);
void *arena_calloc(size_t k, size_t n);
void *arena_realloc(void *p, size_t n);
void arena_free(void *p);
/* What is in the arena now is what arena_restore() brings back. Once. */
void arena_keep(void);
void arena_restore(void);

#ifndef ARENA_ITSELF
#define malloc  arena_malloc
#define calloc  arena_calloc
#define realloc arena_realloc
#define free    arena_free
#endif
