/* SPDX-License-Identifier: BSD-3-Clause */
/* The INI reader: `[section name]`, `key = value`, comments from # or ; at the start of a line or # after a blank. */
#include "ini.h"

#include <string.h>

void ini_init(struct ini *r, const char *text, size_t len)
{
	*r = (struct ini){.p = text, .end = text + len};
}

static bool blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *s)
{
	size_t n;

	while (blank(*s))
		s++;
	n = strlen(s);
	while (n > 0 && blank(s[n - 1]))
		n--;
	s[n] = '\0';
	return s;
}

static enum ini_kind refuse(struct ini *r, const char *why)
{
	r->error = why;
	return r->kind = INI_BAD;
}

/* Copies the next line into buf. NULL at the end of the text; r->error is set for a line that cannot be text. */
static char *line_take(struct ini *r)
{
	const char *nl;
	size_t n;

	if (r->p == r->end)
		return NULL;
	nl = memchr(r->p, '\n', (size_t)(r->end - r->p));
	n = (size_t)((nl ? nl : r->end) - r->p);
	r->line++;
	if (n > CONF_LINE_MAX)
		r->error = "the line is longer than 1024 bytes";
	else if (memchr(r->p, '\0', n))
		r->error = "the line holds a zero byte: this is not a text file";
	else
		memcpy(r->buf, r->p, n);
	r->buf[r->error ? 0 : n] = '\0';
	r->p = nl ? nl + 1 : r->end;
	return r->buf;
}

static void comment_cut(char *s)
{
	for (char *c = s; *c; c++)
		if (*c == '#' && (c == s || blank(c[-1]))) {
			*c = '\0';
			return;
		}
}

static enum ini_kind section(struct ini *r, char *s)
{
	char *close = strchr(s, ']');

	if (!close)
		return refuse(r, "a section starts with [ and ends with ]");
	if (close[1])
		return refuse(r, "nothing may follow the ] of a section");
	*close = '\0';
	s = trim(s + 1);
	if (!*s)
		return refuse(r, "the section has no name");
	r->key = s;
	while (*s && !blank(*s))
		s++;
	if (*s)
		*s++ = '\0';
	r->value = trim(s);
	return r->kind = INI_SECTION;
}

enum ini_kind ini_next(struct ini *r)
{
	char *s, *eq;

	r->error = NULL;
	r->key = r->value = NULL;
	while ((s = line_take(r)) != NULL) {
		if (r->error)
			return r->kind = INI_BAD;
		comment_cut(s);
		s = trim(s);
		if (!*s || *s == ';')
			continue;
		if (*s == '[')
			return section(r, s);
		eq = strchr(s, '=');
		if (!eq)
			return refuse(r, "expected `key = value` or `[section]`");
		*eq = '\0';
		r->key = trim(s);
		r->value = trim(eq + 1);
		if (!*r->key)
			return refuse(r, "there is no key before the =");
		return r->kind = INI_PAIR;
	}
	return r->kind = INI_END;
}
