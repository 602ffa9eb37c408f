/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading one line of a script, character by character. */
#include "scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void skip(struct scan *s)
{
	while (*s->p && isspace((unsigned char)*s->p))
		s->p++;
	/* A comment begins at the start of a word. */
	if (*s->p == '#')
		s->p += strlen(s->p);
}

bool scan_end(struct scan *s)
{
	skip(s);
	return !*s->p;
}

static size_t word_length(const char *p)
{
	size_t n = 0;

	while (p[n] && !isspace((unsigned char)p[n]))
		n++;
	return n;
}

bool scan_word(struct scan *s, char *out, size_t cap)
{
	size_t n;

	skip(s);
	n = word_length(s->p);
	if (!n || n >= cap)
		return false;
	memcpy(out, s->p, n);
	out[n] = 0;
	s->p += n;
	return true;
}

bool scan_is(struct scan *s, const char *word)
{
	size_t n = strlen(word);

	skip(s);
	if (word_length(s->p) != n || strncmp(s->p, word, n) != 0)
		return false;
	s->p += n;
	return true;
}

bool scan_text(struct scan *s, const char *text)
{
	size_t n = strlen(text);

	skip(s);
	if (strncmp(s->p, text, n) != 0)
		return false;
	s->p += n;
	return true;
}

bool scan_u64(struct scan *s, uint64_t *out)
{
	char *end;

	skip(s);
	if (!isdigit((unsigned char)*s->p))
		return false;
	errno = 0;
	*out = strtoull(s->p, &end, s->p[0] == '0' && s->p[1] == 'x' ? 16 : 10);
	s->p = end;
	return errno == 0;
}

bool scan_u32(struct scan *s, uint32_t *out)
{
	uint64_t v;

	if (!scan_u64(s, &v) || v > UINT32_MAX)
		return false;
	*out = (uint32_t)v;
	return true;
}

void scan_name(struct scan *s, char *out, size_t cap)
{
	size_t n = 0;

	while ((islower((unsigned char)*s->p) || isdigit((unsigned char)*s->p) || *s->p == '_') &&
	       n + 1 < cap)
		out[n++] = *s->p++;
	out[n] = 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

size_t scan_hex(struct scan *s, uint8_t *out, size_t cap)
{
	size_t n = 0;

	skip(s);
	while (n < cap && hex_digit(s->p[0]) >= 0 && hex_digit(s->p[1]) >= 0) {
		out[n++] = (uint8_t)(hex_digit(s->p[0]) << 4 | hex_digit(s->p[1]));
		s->p += 2;
	}
	return n;
}

static const struct {
	const char *name;
	int value;
} errors[] = {
#define E(x) {#x, x}
        E(EAGAIN),        E(EPIPE),      E(EBADF),        E(EINVAL),       E(ENOTCONN),
        E(ECONNRESET),    E(ETIMEDOUT),  E(ECONNREFUSED), E(ECONNABORTED), E(EADDRINUSE),
        E(EADDRNOTAVAIL), E(ENOBUFS),    E(ENOMEM),       E(EHOSTUNREACH), E(ENETUNREACH),
        E(ENETDOWN),      E(EOPNOTSUPP), E(EISCONN),      E(ENOPROTOOPT),  E(EINPROGRESS),
#undef E
};

int errno_value(const char *name)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strcmp(errors[i].name, name) == 0)
			return errors[i].value;
	return 0;
}

const char *errno_name(int value)
{
	static char other[16];

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].value == value)
			return errors[i].name;
	snprintf(other, sizeof(other), "E%d", value);
	return other;
}
