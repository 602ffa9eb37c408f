/* SPDX-License-Identifier: BSD-3-Clause */
/* A streaming JSON writer into one growing string: commas and escapes are its business, structure the caller's. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
	char *text; /* NUL-terminated; owned by the writer until json_free() or json_take() */
	size_t len, cap;
	bool comma;  /* the next value or key needs one before it */
	bool failed; /* out of memory: text is then incomplete */
};

void json_init(struct json *j);
void json_free(struct json *j);

/* Containers. key is NULL inside arrays and at the top. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
/* Ends a document that stands on a line of its own: a newline; the next value begins another one. */
void json_line_end(struct json *j);

void json_str(struct json *j, const char *key, const char *value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_double(struct json *j, const char *key, double value);
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);
