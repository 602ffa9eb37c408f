/* SPDX-License-Identifier: BSD-3-Clause */
/* coyoctl's JSON reader takes exactly what a second, table-like reading of RFC 8259 takes, and what it took is written and read to the same. */
#include "base/json.h"
#include "ctl/jsonread.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define STRING_MAX 4000 /* longer ones the reader may refuse */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- the second reading: no tree, no recursion, a stack of what is open ---- */
struct scan {
	const uint8_t *p, *end;
	char open[JSON_DEPTH_MAX + 2];
	unsigned depth;
	bool doubtful; /* within what the reader may refuse though it is JSON */
};

static void skip(struct scan *s)
{
	while (s->p < s->end && strchr(" \t\n\r", *s->p) && *s->p)
		s->p++;
}

static bool scan_string(struct scan *s)
{
	const uint8_t *from = s->p;

	for (s->p++; s->p < s->end && *s->p != '"'; s->p++) {
		if (*s->p < 0x20)
			return false;
		if (*s->p != '\\')
			continue;
		if (++s->p == s->end || !*s->p || !strchr("\"\\/bfnrtu", *s->p))
			return false;
		for (unsigned k = 0; k < 4 && *s->p == 'u'; k++)
			if (s->end - s->p <= 4 || !s->p[1 + k] ||
			    !strchr("0123456789abcdefABCDEF", s->p[1 + k]))
				return false;
		if (*s->p == 'u')
			s->p += 4;
	}
	s->doubtful |= s->p - from > STRING_MAX;
	return s->p++ < s->end;
}

static bool scan_digits(struct scan *s)
{
	const uint8_t *from = s->p;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from;
}

static bool scan_number(struct scan *s)
{
	s->p += s->p < s->end && *s->p == '-';
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!scan_digits(s))
		return false;
	if (s->p < s->end && *s->p == '.' && (s->p++, !scan_digits(s)))
		return false;
	if (s->p == s->end || (*s->p | 0x20) != 'e')
		return true;
	s->p++;
	s->p += s->p < s->end && (*s->p == '+' || *s->p == '-');
	return scan_digits(s);
}

static bool scan_scalar(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	if (s->p < s->end && *s->p == '"')
		return scan_string(s);
	for (unsigned i = 0; i < 3; i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->p) >= n && memcmp(s->p, words[i], n) == 0)
			return s->p += n, true;
	}
	return scan_number(s);
}

static bool scan_key(struct scan *s)
{
	skip(s);
	if (s->p == s->end || *s->p != '"' || !scan_string(s))
		return false;
	skip(s);
	return s->p < s->end && *s->p++ == ':';
}

/* Behind a value: what is open is closed as far as it goes. True: another value follows. */
static bool scan_behind(struct scan *s, bool *bad)
{
	while (s->depth) {
		char open = s->open[s->depth - 1];

		skip(s);
		if (s->p < s->end && *s->p == ',') {
			s->p++;
			*bad = open == '{' && !scan_key(s);
			return !*bad;
		}
		*bad = s->p == s->end || *s->p++ != (open == '{' ? '}' : ']');
		if (*bad)
			return false;
		s->depth--;
	}
	return false;
}

/* Opens what stands here. True: it is empty, and with that a value is complete; *bad: it cannot be read on. */
static bool scan_open(struct scan *s, bool *bad)
{
	char open = (char)*s->p++;

	skip(s);
	if (s->p < s->end && *s->p == (open == '{' ? '}' : ']'))
		return s->p++, true;
	*bad = s->depth > JSON_DEPTH_MAX;
	if (*bad)
		return false;
	s->open[s->depth++] = open;
	*bad = open == '{' && !scan_key(s);
	return false;
}

static bool scan(struct scan *s)
{
	bool more = true, bad = false;

	while (more) {
		skip(s);
		if (s->depth > JSON_DEPTH_MAX)
			return false;
		if (s->p < s->end && (*s->p == '{' || *s->p == '[')) {
			if (!scan_open(s, &bad) && !bad)
				continue;
		} else {
			bad = !scan_scalar(s);
		}
		if (bad)
			return false;
		more = scan_behind(s, &bad);
		if (bad)
			return false;
	}
	skip(s);
	return s->p == s->end;
}

/* ---- written and read again ---- */
static void put(struct json *j, const struct jvalue *v)
{
	switch (v->type) {
	case J_NULL:
		json_null(j, v->key);
		break;
	case J_BOOL:
		json_bool(j, v->key, v->truth);
		break;
	case J_NUMBER:
		json_uint(j, v->key, (uint64_t)strlen(v->text));
		break;
	case J_STRING:
		json_str(j, v->key, v->text);
		break;
	default:
		(v->type == J_OBJECT ? json_object : json_array)(j, v->key);
		for (const struct jvalue *c = v->first; c; c = c->next)
			put(j, c);
		(v->type == J_OBJECT ? json_object_end : json_array_end)(j);
		break;
	}
}

static void same(const struct jvalue *a, const struct jvalue *b)
{
	for (; a && b; a = a->next, b = b->next) {
		if (a->type != b->type || a->truth != b->truth || !a->key != !b->key)
			abort();
		if (a->type == J_NUMBER &&
		    (isnan(a->number) || b->number != (double)strlen(a->text)))
			abort();
		same(a->first, b->first);
	}
	if (a || b)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scan s = {.p = data, .end = data + size};
	struct jvalue *v = json_read((const char *)data, size), *again;
	bool is_json = scan(&s);
	struct json j = {0};

	if (v ? !is_json : is_json && !s.doubtful)
		abort();
	if (!v)
		return 0;
	if (v->type == J_OBJECT && v->first && !jvalue_get(v, v->first->key))
		abort();
	put(&j, v);
	/* Replacing bytes that are no UTF-8 makes strings longer, perhaps too long. */
	again = json_read(j.text, j.len);
	if (again)
		same(v, again);
	else if (j.len < STRING_MAX)
		abort();
	jvalue_free(again);
	jvalue_free(v);
	json_free(&j);
	return 0;
}
