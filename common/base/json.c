/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON writer (RFC 8259). */
#include "base/json.h"

#include <math.h>
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

/* Bytes of the well-formed UTF-8 sequence at s (RFC 3629, section 4), or 0. Stops at the final NUL. */
static unsigned utf8_len(const unsigned char *s)
{
	unsigned n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	if (s[0] > 0xf4)
		return 0;
	for (unsigned i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

/* The text may come from elsewhere: a byte that is no UTF-8 becomes U+FFFD, so that the document always parses. */
static void put_string(struct json *j, const char *s)
{
	char u[8];

	put(j, "\"", 1);
	while (*s) {
		unsigned char c = (unsigned char)*s;
		unsigned n = utf8_len((const unsigned char *)s);

		if (c == '"' || c == '\\') {
			put(j, "\\", 1);
			put(j, s, 1);
		} else if (c < 0x20 || c == 0x7f || n == 0) {
			snprintf(u, sizeof(u), "\\u%04x", n ? c : 0xfffdu);
			put(j, u, 6);
		} else {
			put(j, s, n);
		}
		s += n ? n : 1;
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

	if (!isfinite(value)) { /* JSON has no word for these */
		json_null(j, key);
		return;
	}
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
