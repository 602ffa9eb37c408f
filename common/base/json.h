/* SPDX-License-Identifier: BSD-3-Clause */
/* A streaming JSON writer into one growing string: commas and escapes are its business, structure the caller's. */
#pragma once
#include "base/cc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed: an empty document. */
struct json {
	char *text; /* NUL-terminated; owned by the writer until json_free() */
	size_t len, cap;
	bool comma;  /* the next value or key needs one before it */
	bool failed; /* out of memory: text is then incomplete */
};

/* Frees the text and leaves an empty writer, ready to be used again. */
void json_free(struct json *j);

/* Containers. key is NULL inside arrays and at the top. */
void json_object(struct json *j, const char *key);
void json_object_end(struct json *j);
void json_array(struct json *j, const char *key);
void json_array_end(struct json *j);
/* Writes the newline that ends a document, so that each stands on a line of its own; the next value begins another document. */
void json_line_end(struct json *j);

/* A string. Each byte of value (NUL-terminated) that is not part of well-formed UTF-8 becomes U+FFFD, so that the document parses
 * whatever a peer or a file has put into it. key as for containers. */
void json_str(struct json *j, const char *key, const char *value);
/* A number in decimal, all 64 bits of it. Readers that hold numbers as doubles lose what is above 2^53. */
void json_uint(struct json *j, const char *key, uint64_t value);
/* A number with six significant digits; null for infinities and NaN, which JSON cannot express. */
void json_double(struct json *j, const char *key, double value);
/* true or false. */
void json_bool(struct json *j, const char *key, bool value);
/* null: the key is there and its value is not known. */
void json_null(struct json *j, const char *key);
