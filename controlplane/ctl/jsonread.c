/* SPDX-License-Identifier: BSD-3-Clause */
/* Recursive descent with a depth limit; every node is its own allocation. */
#include "ctl/jsonread.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	const char *p, *end;
};

static struct jvalue *value(struct reader *r, unsigned depth);

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
}

static bool take(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool word(struct reader *r, const char *w)
{
	size_t n = strlen(w);

	if ((size_t)(r->end - r->p) < n || memcmp(r->p, w, n) != 0)
		return false;
	r->p += n;
	return true;
}

static bool hex4(struct reader *r, unsigned *out)
{
	*out = 0;
	for (int i = 0; i < 4; i++) {
		char c = r->p < r->end ? *r->p++ : '\0';
		unsigned d;

		if (c >= '0' && c <= '9')
			d = (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			d = (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
		*out = *out << 4 | d;
	}
	return true;
}

/* A code unit as UTF-8; surrogates become a question mark: coyod writes none. */
static char *put_utf8(char *o, unsigned c)
{
	if (c < 0x80) {
		*o++ = (char)c;
	} else if (c < 0x800) {
		*o++ = (char)(0xc0 | c >> 6);
		*o++ = (char)(0x80 | (c & 0x3f));
	} else if (c >= 0xd800 && c < 0xe000) {
		*o++ = '?';
	} else {
		*o++ = (char)(0xe0 | c >> 12);
		*o++ = (char)(0x80 | (c >> 6 & 0x3f));
		*o++ = (char)(0x80 | (c & 0x3f));
	}
	return o;
}

static char *escape(struct reader *r, char *o)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at;
	unsigned u;
	char c;

	if (r->p == r->end)
		return NULL;
	c = *r->p++;
	if (c == 'u')
		return hex4(r, &u) ? put_utf8(o, u) : NULL;
	at = c ? strchr(from, c) : NULL;
	if (!at)
		return NULL;
	*o++ = to[at - from];
	return o;
}

/* The decoded text is never longer than what stands between the quotes. */
static char *string(struct reader *r)
{
	char *out, *o;

	if (!take(r, '"'))
		return NULL;
	out = o = malloc((size_t)(r->end - r->p) + 1 < 4096 ? (size_t)(r->end - r->p) + 1 : 4096);
	if (!out)
		return NULL;
	while (r->p < r->end && *r->p != '"' && o - out < 4090) {
		if ((unsigned char)*r->p < 0x20)
			break;
		if (*r->p != '\\') {
			*o++ = *r->p++;
			continue;
		}
		r->p++;
		o = escape(r, o);
		if (!o)
			break;
	}
	if (!o || !take(r, '"')) {
		free(out);
		return NULL;
	}
	*o++ = '\0';
	char *tight = realloc(out, (size_t)(o - out));

	return tight ? tight : out;
}

static bool digits(struct reader *r)
{
	const char *from = r->p;

	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		r->p++;
	return r->p > from;
}

static bool number(struct reader *r, struct jvalue *v)
{
	const char *from = r->p;

	(void)take(r, '-');
	if (!take(r, '0') && !digits(r))
		return false;
	if (take(r, '.') && !digits(r))
		return false;
	if (take(r, 'e') || take(r, 'E')) {
		if (!take(r, '+'))
			(void)take(r, '-');
		if (!digits(r))
			return false;
	}
	v->type = J_NUMBER;
	v->text = strndup(from, (size_t)(r->p - from));
	if (!v->text)
		return false;
	v->number = strtod(v->text, NULL);
	return true;
}

static bool members(struct reader *r, struct jvalue *v, unsigned depth)
{
	bool object = v->type == J_OBJECT;
	char close = object ? '}' : ']';
	struct jvalue **tail = &v->first;

	r->p++;
	blanks(r);
	if (take(r, close))
		return true;
	do {
		char *key = NULL;

		blanks(r);
		if (object) {
			key = string(r);
			blanks(r);
			if (!key || !take(r, ':')) {
				free(key);
				return false;
			}
		}
		*tail = value(r, depth + 1);
		if (!*tail) {
			free(key);
			return false;
		}
		(*tail)->key = key;
		tail = &(*tail)->next;
		blanks(r);
	} while (take(r, ','));
	return take(r, close);
}

static bool fill(struct reader *r, struct jvalue *v, unsigned depth)
{
	switch (*r->p) {
	case '{':
	case '[':
		v->type = *r->p == '{' ? J_OBJECT : J_ARRAY;
		return members(r, v, depth);
	case '"':
		v->type = J_STRING;
		v->text = string(r);
		return v->text != NULL;
	case 't':
	case 'f':
		v->type = J_BOOL;
		v->truth = *r->p == 't';
		return word(r, v->truth ? "true" : "false");
	case 'n':
		return word(r, "null");
	default:
		return number(r, v);
	}
}

static struct jvalue *value(struct reader *r, unsigned depth)
{
	struct jvalue *v;

	blanks(r);
	if (depth > JSON_DEPTH_MAX || r->p == r->end)
		return NULL;
	v = calloc(1, sizeof(*v));
	if (v && !fill(r, v, depth)) {
		jvalue_free(v);
		return NULL;
	}
	return v;
}

struct jvalue *json_read(const char *text, size_t len)
{
	struct reader r = {text, text + len};
	struct jvalue *v = value(&r, 0);

	blanks(&r);
	if (v && r.p != r.end) {
		jvalue_free(v);
		return NULL;
	}
	return v;
}

void jvalue_free(struct jvalue *v)
{
	while (v) {
		struct jvalue *next = v->next;

		jvalue_free(v->first);
		free(v->key);
		free(v->text);
		free(v);
		v = next;
	}
}

const struct jvalue *jvalue_get(const struct jvalue *object, const char *key)
{
	if (!object || object->type != J_OBJECT)
		return NULL;
	for (const struct jvalue *v = object->first; v; v = v->next)
		if (strcmp(v->key, key) == 0)
			return v;
	return NULL;
}

const char *jvalue_text(const struct jvalue *object, const char *key)
{
	const struct jvalue *v = jvalue_get(object, key);

	return v && v->type == J_STRING ? v->text : NULL;
}
