/* SPDX-License-Identifier: BSD-3-Clause */
/* Reader of tests/vectors: blocks of `name value` lines, an empty line between two blocks, # starts a comment. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define VECTOR_FIELDS_MAX 32
#define VECTOR_LINE_MAX   8192

struct vector {
	unsigned n;
	unsigned line; /* where the block begins, from 1 */
	char *name[VECTOR_FIELDS_MAX];
	char *value[VECTOR_FIELDS_MAX];
};

struct vectors {
	FILE *f;
	unsigned line;
};

/* False when the file cannot be opened. */
bool vectors_open(struct vectors *v, const char *path);
void vectors_close(struct vectors *v);

/* The next block; false at the end. Free each block. */
bool vectors_next(struct vectors *v, struct vector *out);
void vector_free(struct vector *b);

/* A field's text, or NULL. */
const char *vector_text(const struct vector *b, const char *name);
/* A field's hexadecimal bytes: their count, -1 when absent or damaged. */
long vector_hex(const struct vector *b, const char *name, uint8_t *out, size_t cap);
