/* SPDX-License-Identifier: BSD-3-Clause */
/* Names as text: what is one, what is an id, what is neither and why; lines of a file of names. */
#include "names/names.h"

#include "base/why.h"

#include <errno.h>

static const char suffix[] = ".coyo";
#define SUFFIX_LEN (sizeof(suffix) - 1)

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Without the dot that ends an absolute name, and without .coyo. */
static size_t bare_length(const char *text, size_t len)
{
	if (len > 0 && text[len - 1] == '.')
		len--;
	if (len < SUFFIX_LEN)
		return len;
	for (size_t i = 0; i < SUFFIX_LEN; i++)
		if (lower(text[len - SUFFIX_LEN + i]) != suffix[i])
			return len;
	return len - SUFFIX_LEN;
}

/* What is as long as an id is one that was perhaps mistyped: a name of that length could never be told from it. */
static bool long_as_id(const char *text, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n <= ID_TEXT_LEN; i++)
		n += text[i] != '.';
	return n == ID_TEXT_LEN;
}

/* One label of `whole`, which is what messages quote. */
static int check_label(const char *label, size_t n, const char *whole, int width,
                       char why[NAMES_WHY_MAX])
{
	if (n == 0)
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "`%.*s` is no name: nothing stands before or between its dots",
		               width, whole);
	if (n > NAMES_LABEL_MAX)
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "`%.*s...` is no name, which has at most %d characters between "
		               "dots, and no id, which has %d in all",
		               width < 24 ? width : 24, whole, NAMES_LABEL_MAX, ID_TEXT_LEN);
	for (size_t i = 0; i < n; i++) {
		char c = label[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
			return why_say(why, NAMES_WHY_MAX, EINVAL,
			               "`%.*s` is no name: a name has letters, digits and hyphens, "
			               "with dots between",
			               width, whole);
	}
	if (label[0] == '-' || label[n - 1] == '-')
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "`%.*s` is no name: a hyphen stands between other characters only",
		               width, whole);
	return 0;
}

/* What every label allows and the whole does not. last: its last label. */
static int check_whole(const char *name, const char *last, char why[NAMES_WHY_MAX])
{
	static const char *const taken[] = {"any", "none"};

	if (strspn(last, "0123456789") == strlen(last))
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "`%.60s` is no name: its last part is a number, as of an address",
		               name);
	if (strcmp(last, suffix + 1) == 0)
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "`%.60s` is no name: .coyo is what follows a name, once", name);
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (strcmp(name, taken[i]) == 0)
			return why_say(why, NAMES_WHY_MAX, EINVAL,
			               "`%s` is no name: it is a word of the configuration", name);
	return 0;
}

static int read_name(const char *text, size_t len, char name[NAMES_NAME_MAX + 1],
                     char why[NAMES_WHY_MAX])
{
	int width = (int)(len < 60 ? len : 60);
	size_t last = 0;

	if (len == 0)
		return why_say(why, NAMES_WHY_MAX, EINVAL, "a name has at least one character");
	if (len > NAMES_NAME_MAX)
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "`%.24s...` is no name, which has at most %d characters, and no id, "
		               "which has %d",
		               text, NAMES_NAME_MAX, ID_TEXT_LEN);
	for (size_t i = 0; i < len; i++)
		name[i] = lower(text[i]);
	name[len] = '\0';
	for (size_t at = 0; at <= len;) {
		const char *dot = memchr(name + at, '.', len - at);
		size_t n = dot ? (size_t)(dot - name) - at : len - at;
		int r = check_label(name + at, n, text, width, why);

		if (r < 0)
			return r;
		last = at;
		at += n + 1;
	}
	return check_whole(name, name + last, why);
}

int names_read(const char *text, size_t len, char name[NAMES_NAME_MAX + 1], struct node_id *id,
               char why[NAMES_WHY_MAX])
{
	size_t bare = bare_length(text, len);
	enum id_parse_result parsed;
	int r;

	if (!long_as_id(text, bare)) {
		r = read_name(text, bare, name, why);
		return r < 0 ? r : NAMES_IS_NAME;
	}
	parsed = id_parse(text, bare, id);
	if (parsed == ID_PARSE_OK)
		return NAMES_IS_ID;
	return why_say(why, NAMES_WHY_MAX, EINVAL, "%s", id_parse_error(parsed));
}

/* ---- lines of a file ---- */

/* The next word of *p, which then stands behind it; 0: none. */
static size_t next_word(const char **p, const char *end, const char **word)
{
	const char *s = *p;

	while (s < end && (*s == ' ' || *s == '\t' || *s == '\r'))
		s++;
	*word = s;
	while (s < end && *s != ' ' && *s != '\t' && *s != '\r')
		s++;
	*p = s;
	return (size_t)(s - *word);
}

static int add_word(struct names *t, const char *word, size_t n, const struct node_id *id,
                    char why[NAMES_WHY_MAX])
{
	char name[NAMES_NAME_MAX + 1];
	struct node_id other;
	int r = names_read(word, n, name, &other, why);

	if (r < 0)
		return r;
	if (r == NAMES_IS_ID)
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "an id stands where a name is expected: ID NAME...");
	switch (names_add(t, name, id)) {
	case 0:
	case -EALREADY:
		return 0;
	case -EEXIST:
		return why_say(why, NAMES_WHY_MAX, EEXIST, "`%.100s` means another id already",
		               name);
	case -ENOSPC:
		return why_say(why, NAMES_WHY_MAX, ENOSPC, "there are more than %d names",
		               NAMES_MAX);
	default:
		return why_say(why, NAMES_WHY_MAX, ENOMEM, "out of memory for the names");
	}
}

int names_add_line(struct names *t, const char *line, size_t len, char why[NAMES_WHY_MAX])
{
	const char *hash = memchr(line, '#', len), *end = hash ? hash : line + len, *word;
	size_t n = next_word(&line, end, &word);
	enum id_parse_result parsed;
	struct node_id id;
	int r = 0;

	if (n == 0)
		return 0;
	parsed = id_parse(word, n, &id);
	if (parsed != ID_PARSE_OK)
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "a line is `ID NAME...`, and its first word is no id: %s",
		               id_parse_error(parsed));
	n = next_word(&line, end, &word);
	if (n == 0)
		return why_say(why, NAMES_WHY_MAX, EINVAL,
		               "no name follows the id: a line is `ID NAME...`");
	while (r == 0 && n > 0) {
		r = add_word(t, word, n, &id, why);
		n = next_word(&line, end, &word);
	}
	return r;
}
