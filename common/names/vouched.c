/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names that a node vouches for, text to struct and back: one way to write each, all others are refused. */
#include "names/vouched.h"

#include "base/assert.h"
#include "base/why.h"

#include <errno.h>
#include <stdio.h>

#define FIRST_LINE "coyo-names 1"

_Static_assert(VOUCHED_NAMES_MAX <= NAMES_MAX, "the table holds them");
_Static_assert(VOUCHED_NAMES_MAX *(ID_TEXT_LEN + NAMES_NAME_MAX + 2) + 1024 <= VOUCHED_TEXT_MAX,
               "the longest list fits: its head and its signature are well below 1024 bytes");

/* What is being read: the line at hand, and where the next one begins. */
struct reader {
	const char *at, *end;
	const char *line;
	size_t len;      /* of the line, without its end */
	unsigned number; /* of the line, from 1 */
};

/* Takes the next line. False: there is none, or it has no end. */
static bool next_line(struct reader *r)
{
	const char *nl = memchr(r->at, '\n', (size_t)(r->end - r->at));

	r->number++;
	if (!nl)
		return false;
	r->line = r->at;
	r->len = (size_t)(nl - r->at);
	r->at = nl + 1;
	return true;
}

/* The rest of a line that begins with this word and a blank; false: it does not. */
static bool after_word(const struct reader *r, const char *word, const char **rest, size_t *n)
{
	size_t k = strlen(word);

	if (r->len < k + 1 || memcmp(r->line, word, k) != 0 || r->line[k] != ' ')
		return false;
	*rest = r->line + k + 1;
	*n = r->len - k - 1;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_hex(const char *s, size_t n, uint8_t *out, size_t bytes)
{
	if (n != 2 * bytes)
		return false;
	for (size_t i = 0; i < bytes; i++) {
		int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool read_number(const char *s, size_t n, uint64_t *out)
{
	uint64_t v = 0;

	if (n == 0 || n > 16 || s[0] == '0')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	*out = v;
	return v <= VOUCHED_NUMBER_MAX;
}

/* An id in the one form that is written. */
static bool read_id(const char *s, size_t n, struct node_id *id)
{
	char text[ID_TEXT_LEN + 1];

	if (n != ID_TEXT_LEN || id_parse(s, n, id) != ID_PARSE_OK)
		return false;
	id_to_text(id, text);
	return memcmp(text, s, n) == 0;
}

/* A name in the one form that is written. */
static bool read_name(const char *s, size_t n, char name[NAMES_NAME_MAX + 1])
{
	char why[NAMES_WHY_MAX];
	struct node_id id;

	return names_read(s, n, name, &id, why) == NAMES_IS_NAME && strlen(name) == n &&
	       memcmp(name, s, n) == 0;
}

static int refuse(const struct reader *r, const char *what, char why[NAMES_WHY_MAX])
{
	return why_say(why, NAMES_WHY_MAX, EINVAL, "line %u of the list %s", r->number, what);
}

/* What stands before the names; the line behind it has been taken when this returns. */
static int read_head(struct reader *r, struct vouched *v, char why[NAMES_WHY_MAX])
{
	const char *s;
	size_t n;

	if (!next_line(r) || !after_word(r, "coyo-names", &s, &n))
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "this is no list of names, which begins with `" FIRST_LINE "`");
	if (n != 1 || *s != '1')
		return why_say(why, NAMES_WHY_MAX, EPROTONOSUPPORT,
		               "the list is of version %.*s, and this program knows version 1",
		               (int)(n < 20 ? n : 20), s);
	if (!next_line(r) || !after_word(r, "signer", &s, &n) || !read_id(s, n, &v->signer))
		return refuse(r, "is not `signer ID`", why);
	if (!next_line(r) || !after_word(r, "key", &s, &n) ||
	    !read_hex(s, n, v->key, sizeof(v->key)))
		return refuse(r, "is not `key` and 64 hexadecimal digits", why);
	if (!next_line(r) || !after_word(r, "serial", &s, &n) || !read_number(s, n, &v->serial))
		return refuse(r, "is not `serial NUMBER`", why);
	if (!next_line(r))
		return refuse(r, "has no end: the list is cut off", why);
	if (after_word(r, "expires", &s, &n)) {
		if (!read_number(s, n, &v->expires))
			return refuse(r, "is not `expires NUMBER`", why);
		if (!next_line(r))
			return refuse(r, "has no end: the list is cut off", why);
	}
	if (after_word(r, "as", &s, &n)) {
		if (!read_name(s, n, v->label))
			return refuse(r, "is not `as NAME`", why);
		if (!next_line(r))
			return refuse(r, "has no end: the list is cut off", why);
	}
	return 0;
}

/* One line of a name, which comes behind `before` in the alphabet. */
static int read_row(const struct reader *r, struct vouched *v, char before[NAMES_NAME_MAX + 1],
                    char why[NAMES_WHY_MAX])
{
	char name[NAMES_NAME_MAX + 1];
	struct node_id id;
	int order;

	if (v->names.n == VOUCHED_NAMES_MAX)
		return why_say(why, NAMES_WHY_MAX, E2BIG, "the list has more than %d names",
		               VOUCHED_NAMES_MAX);
	if (r->len < ID_TEXT_LEN + 2 || r->line[ID_TEXT_LEN] != ' ' ||
	    !read_id(r->line, ID_TEXT_LEN, &id))
		return refuse(r, "is not `ID NAME`", why);
	if (!read_name(r->line + ID_TEXT_LEN + 1, r->len - ID_TEXT_LEN - 1, name))
		return refuse(r, "has no name behind its id, in lower case and without .coyo", why);
	order = strcmp(before, name);
	if (order == 0)
		return why_say(why, NAMES_WHY_MAX, EEXIST, "`%.100s` stands twice in the list",
		               name);
	if (order > 0)
		return refuse(r, "is not in the order of the alphabet", why);
	memcpy(before, name, strlen(name) + 1);
	return names_add(&v->names, name, &id) == 0
	               ? 0
	               : why_say(why, NAMES_WHY_MAX, ENOMEM, "out of memory for the names");
}

static int read_all(struct reader *r, struct vouched *v, char why[NAMES_WHY_MAX])
{
	const char *text = r->at, *s = NULL;
	char before[NAMES_NAME_MAX + 1] = "";
	int err = read_head(r, v, why);
	size_t n = 0;

	while (err == 0 && !after_word(r, "signature", &s, &n)) {
		err = read_row(r, v, before, why);
		if (err == 0 && !next_line(r))
			err = refuse(r, "has no end: the list is cut off", why);
	}
	if (err < 0)
		return err;
	if (!read_hex(s, n, v->sig, sizeof(v->sig)))
		return refuse(r, "is not `signature` and 128 hexadecimal digits", why);
	if (r->at != r->end)
		return refuse(r, "is the signature, behind which nothing may stand", why);
	v->signed_len = (size_t)(r->line - text);
	return 0;
}

int vouched_read(struct vouched *v, const char *text, size_t len, char why[NAMES_WHY_MAX])
{
	struct reader r = {.at = text, .end = text + len};
	int err;

	*v = (struct vouched){0};
	if (len >= VOUCHED_TEXT_MAX)
		return why_say(why, NAMES_WHY_MAX, EFBIG, "a list of names is smaller than %u KiB",
		               VOUCHED_TEXT_MAX >> 10);
	err = read_all(&r, v, why);
	if (err < 0)
		vouched_free(v);
	return err;
}

static size_t put_hex(const uint8_t *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	return 2 * n;
}

size_t vouched_write(struct vouched *v, char *out)
{
	char id[ID_TEXT_LEN + 1], key[2 * VOUCHED_KEY_BYTES + 1];
	const struct names_row *row;
	char *p = out;

	COYO_ASSERT(v->names.n <= VOUCHED_NAMES_MAX);
	id_to_text(&v->signer, id);
	key[put_hex(v->key, sizeof(v->key), key)] = '\0';
	p += sprintf(p, FIRST_LINE "\nsigner %s\nkey %s\nserial %llu\n", id, key,
	             (unsigned long long)v->serial);
	if (v->expires)
		p += sprintf(p, "expires %llu\n", (unsigned long long)v->expires);
	if (*v->label)
		p += sprintf(p, "as %s\n", v->label);
	for (row = names_after(&v->names, ""); row; row = names_after(&v->names, row->name)) {
		id_to_text(&row->id, id);
		p += sprintf(p, "%s %s\n", id, row->name);
	}
	v->signed_len = (size_t)(p - out);
	return v->signed_len;
}

size_t vouched_write_signature(const struct vouched *v, char *out)
{
	char *p = out + v->signed_len;

	p += sprintf(p, "signature ");
	p += put_hex(v->sig, sizeof(v->sig), p);
	*p++ = '\n';
	*p = '\0';
	return (size_t)(p - out);
}

void vouched_free(struct vouched *v)
{
	names_free(&v->names);
}
