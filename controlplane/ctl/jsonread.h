/* SPDX-License-Identifier: BSD-3-Clause */
/* A small JSON reader (RFC 8259) into a tree: bounded depth and size, enough for coyod's answers. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stddef.h>

enum jtype { J_NULL = 0, J_BOOL, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

struct jvalue {
	enum jtype type;
	char *key;  /* inside objects */
	char *text; /* strings: decoded (outside ASCII: UTF-8); numbers: as they stood */
	double number;
	bool truth;
	struct jvalue *first, *next; /* children; siblings */
};

#define JSON_DEPTH_MAX 16

/* Parses one document and nothing after it but blanks. NULL: not JSON, too deep, or out of memory. Owner: jvalue_free(). */
struct jvalue *json_read(const char *text, size_t len) COYO_NODISCARD;
/* Frees a value, its children and the siblings behind it. */
void jvalue_free(struct jvalue *v);

/* Member of an object, or NULL. */
const struct jvalue *jvalue_get(const struct jvalue *object, const char *key);
/* Text of a string member, or NULL. */
const char *jvalue_text(const struct jvalue *object, const char *key);
