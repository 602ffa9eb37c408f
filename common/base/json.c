/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON writer (RFC 8259). */
#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_init(struct json *j)
{
	*j = (struct json){0};
}

void json_free(struct json *j)
{
	free(j->text);
	*j = (struct json){0};
}

static void put(struct json *j, const char *s, size_t n)
{
	if (j->failed)
		return;
	if (j->len + n + 1 > j->cap) {
		size_t cap = (j->len + n + 1) * 2 + 256;
		char *t = realloc(j->text, cap);

		if (!t) {
			j->failed = true;
			return;
		}
		j->text = t;
		j->cap = cap;
	}
	memcpy(j->text + j->len, s, n);
	j->len += n;
	j->text[j->len] = '\0';
}

static void put_string(struct json *j, const char *s)
{
	char u[8];

	put(j, "\"", 1);
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\') {
			put(j, "\\", 1);
			put(j, s, 1);
		} else if (c < 0x20 || c >= 0x7f) {
			snprintf(u, sizeof(u), "\\u%04x", c);
			put(j, u, 6);
		} else {
			put(j, s, 1);
		}
	}
	put(j, "\"", 1);
}

static void begin(struct json *j, const char *key)
{
	if (j->comma)
		put(j, ",", 1);
	if (key) {
		put_string(j, key);
		put(j, ":", 1);
	}
	j->comma = true;
}

static void open_with(struct json *j, const char *key, const char *c)
{
	begin(j, key);
	put(j, c, 1);
	j->comma = false;
}

static void close_with(struct json *j, const char *c)
{
	put(j, c, 1);
	j->comma = true;
}

void json_object(struct json *j, const char *key)
{
	open_with(j, key, "{");
}

void json_object_end(struct json *j)
{
	close_with(j, "}");
}

void json_array(struct json *j, const char *key)
{
	open_with(j, key, "[");
}

void json_array_end(struct json *j)
{
	close_with(j, "]");
}

void json_str(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	put_string(j, value);
}

void json_int(struct json *j, const char *key, int64_t value)
{
	char b[32];

	begin(j, key);
	put(j, b, (size_t)snprintf(b, sizeof(b), "%lld", (long long)value));
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	char b[32];

	begin(j, key);
	put(j, b, (size_t)snprintf(b, sizeof(b), "%llu", (unsigned long long)value));
}

void json_double(struct json *j, const char *key, double value)
{
	char b[48];

	begin(j, key);
	put(j, b, (size_t)snprintf(b, sizeof(b), "%.6g", value));
}

void json_bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	put(j, value ? "true" : "false", value ? 4 : 5);
}

void json_null(struct json *j, const char *key)
{
	begin(j, key);
	put(j, "null", 4);
}
