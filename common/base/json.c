/* SPDX-License-Identifier: BSD-3-Clause */
/* The JSON writer (RFC 8259). */
#include "base/json.h"
#include "base/assert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void json_free(struct json *j)
{
	free(j->text);
	*j = (struct json){0};
}

/* Room for n more bytes and a NUL; NULL, and failed, without memory. The caller adds to len what it has written. */
static char *room(struct json *j, size_t n)
{
	if (j->failed)
		return NULL;
	COYO_ASSERT(j->text ? j->len < j->cap : j->len == 0 && j->cap == 0);
	if (j->len + n + 1 > j->cap) {
		size_t cap = (j->len + n + 1) * 2 + 256;
		char *t = realloc(j->text, cap);

		if (!t) {
			j->failed = true;
			return NULL;
		}
		j->text = t;
		j->cap = cap;
	}
	return j->text + j->len;
}

static void put(struct json *j, const char *s, size_t n)
{
	char *to = room(j, n);

	if (!to)
		return;
	memcpy(to, s, n);
	to[n] = '\0';
	j->len += n;
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

/* Bytes from s on that stand for themselves. */
static size_t plain(const char *s)
{
	size_t n = 0;

	while ((unsigned char)s[n] >= 0x20 && (unsigned char)s[n] < 0x7f && s[n] != '"' &&
	       s[n] != '\\')
		n++;
	return n;
}

/* The text may come from elsewhere: a byte that is no UTF-8 becomes U+FFFD, so that the document always parses. */
static void put_string(struct json *j, const char *s)
{
	char u[8];

	put(j, "\"", 1);
	for (;;) {
		size_t n = plain(s);
		unsigned char c = (unsigned char)s[n];

		put(j, s, n);
		s += n;
		if (!c)
			break;
		n = utf8_len((const unsigned char *)s);
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

void json_line_end(struct json *j)
{
	put(j, "\n", 1);
	j->comma = false;
}

void json_str(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	put_string(j, value);
}

/* Views write millions of numbers: snprintf() would be most of their cost. */
static void put_uint(struct json *j, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + value % 10);
	while (value /= 10);
	put(j, digits + at, sizeof(digits) - at);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	begin(j, key);
	put_uint(j, value);
}

void json_double(struct json *j, const char *key, double value)
{
	char b[48];
	int n;

	if (!isfinite(value)) { /* JSON has no word for these */
		json_null(j, key);
		return;
	}
	n = snprintf(b, sizeof(b), "%.6g", value);
	COYO_ASSERT(n > 0 && (size_t)n < sizeof(b));
	begin(j, key);
	put(j, b, (size_t)n);
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
