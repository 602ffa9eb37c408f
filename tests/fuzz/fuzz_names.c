/* SPDX-License-Identifier: BSD-3-Clause */
/* Any characters as a name and as the lines of a file of names: refused with a sentence, or read again to the same, and found in the table. */
#include "tests/fuzz/harness.h"

#include "names/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static void sentence(const char why[NAMES_WHY_MAX])
{
	require(memchr(why, '\0', NAMES_WHY_MAX) && *why && !strchr(why, '\n'));
}

/* What the header promises of a name, told in another way. */
static bool well_formed(const char *name)
{
	size_t len = strlen(name), label = 0;
	const char *last = strrchr(name, '.');

	if (len == 0 || len > NAMES_NAME_MAX)
		return false;
	for (size_t i = 0; i <= len; i++) {
		char c = name[i];

		if (c == '.' || c == '\0') {
			if (label == 0 || label > NAMES_LABEL_MAX || name[i - 1] == '-')
				return false;
			label = 0;
		} else {
			if (c == '-' ? label == 0
			             : !(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9'))
				return false;
			label++;
		}
	}
	last = last ? last + 1 : name;
	return strcmp(last, "coyo") != 0 && strspn(last, "0123456789") != strlen(last);
}

static void one(const char *text, size_t len)
{
	char name[NAMES_NAME_MAX + 1], again[NAMES_NAME_MAX + 1], host[NAMES_NAME_MAX + 7];
	char why[NAMES_WHY_MAX];
	struct node_id id, other;
	int r;

	memset(name, 'x', sizeof(name));
	memset(why, 'x', sizeof(why));
	r = names_read(text, len, name, &id, why);
	if (r == NAMES_IS_ID) {
		char form[ID_TEXT_LEN + 1];

		id_to_text(&id, form);
		require(names_read(form, ID_TEXT_LEN, name, &other, why) == NAMES_IS_ID);
		require(id_eq(&id, &other));
	} else if (r == NAMES_IS_NAME) {
		require(memchr(name, '\0', sizeof(name)) && well_formed(name));
		require(names_read(name, strlen(name), again, &id, why) == NAMES_IS_NAME);
		require(strcmp(name, again) == 0);
		/* A name is never the text of an id, and with .coyo it means the same. */
		require(id_parse(name, strlen(name), &id) != ID_PARSE_OK);
		strcpy(host, name);
		strcat(host, ".coyo.");
		require(names_read(host, strlen(host), again, &id, why) == NAMES_IS_NAME);
		require(strcmp(name, again) == 0);
	} else {
		require(r == -EINVAL);
		sentence(why);
	}
}

/* As a program reads a file: line by line, on behind a line that was refused. */
static void lines(const char *text, size_t len)
{
	struct names t = {0};
	char why[NAMES_WHY_MAX];

	for (size_t at = 0; at < len;) {
		const char *nl = memchr(text + at, '\n', len - at);
		size_t n = nl ? (size_t)(nl - text) - at : len - at;
		uint32_t before = t.n;

		memset(why, 'x', sizeof(why));
		if (names_add_line(&t, text + at, n, why) != 0)
			sentence(why);
		require(t.n >= before);
		at += n + 1;
	}
	for (uint32_t i = 0; i < t.n; i++) {
		require(names_find(&t, t.rows[i].name) == &t.rows[i]);
		require(id_eq(&names_of(&t, &t.rows[i].id)->id, &t.rows[i].id));
		require(names_of(&t, &t.rows[i].id) <= &t.rows[i]);
	}
	names_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *in = malloc(size ? size : 1);

	if (size)
		memcpy(in, data, size);
	one(in, size);
	lines(in, size);
	free(in);
	return 0;
}
