/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of a user's own names: the file is replaced as a whole, by one process at a time, and what a person has written stays. */
#include "resolve/petfile.h"

#include "base/why.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The next word of *p, which then stands behind it; 0: none. */
static size_t next_word(const char **p, const char *end, const char **word)
{
	while (*p < end && strchr(" \t\r", **p))
		++*p;
	*word = *p;
	while (*p < end && !strchr(" \t\r", **p))
		++*p;
	return (size_t)(*p - *word);
}

static bool is_name(const char *word, size_t n, const char *name)
{
	char bare[NAMES_NAME_MAX + 1], why[NAMES_WHY_MAX];
	struct node_id id;

	return names_read(word, n, bare, &id, why) == NAMES_IS_NAME && strcmp(bare, name) == 0;
}

/* One line without a name; nothing of it where no other name is left. */
static void put_line_without(FILE *f, const char *line, size_t len, const char *name)
{
	const char *hash = memchr(line, '#', len), *end = hash ? hash : line + len;
	const char *p = line, *word;
	unsigned names = 0, hits = 0;
	size_t n;

	(void)next_word(&p, end, &word); /* the id */
	while ((n = next_word(&p, end, &word))) {
		names++;
		hits += is_name(word, n, name);
	}
	if (hits == 0)
		fprintf(f, "%.*s\n", (int)len, line);
	if (hits == 0 || hits == names)
		return;
	p = line;
	n = next_word(&p, end, &word);
	fprintf(f, "%.*s", (int)n, word);
	while ((n = next_word(&p, end, &word)))
		if (!is_name(word, n, name))
			fprintf(f, " %.*s", (int)n, word);
	if (hash)
		fprintf(f, " %.*s", (int)(line + len - hash), hash);
	fputc('\n', f);
}

/* A change of the text. */
struct change {
	const struct petfile *f;
	const char *without; /* a name that is taken away, or NULL */
	const char *with;    /* one that is added at the end, or NULL */
	const struct node_id *id;
};

static void put_text(FILE *out, const void *arg)
{
	const struct change *c = arg;
	const struct petfile *f = c->f;
	char text[ID_TEXT_LEN + 1];
	const char *next;

	for (const char *p = f->text; p && p < f->text + f->len; p = next) {
		size_t n = petfile_line(f, p, &next);

		if (c->without)
			put_line_without(out, p, n, c->without);
		else
			fprintf(out, "%.*s\n", (int)n, p);
	}
	if (c->with) {
		id_to_text(c->id, text);
		fprintf(out, "%s %s\n", text, c->with);
	}
}

/* Puts a file with such a text in place of the one there is. */
static int write_anew(const struct petfile *f, int folder, const char *without, const char *with,
                      const struct node_id *id, char why[PETNAMES_WHY_MAX])
{
	const struct change c = {.f = f, .without = without, .with = with, .id = id};

	return private_replace(f->path, folder, put_text, &c, why);
}

/* What a change begins with: the file, read under the lock. The folder's descriptor, or -errno. */
static int begin(struct petfile *f, char why[PETNAMES_WHY_MAX])
{
	int r = petfile_find(f), folder;

	if (r < 0)
		return why_say(why, PETNAMES_WHY_MAX, -r,
		               "there is no place for your own names: $HOME is not set");
	folder = private_lock(f->path, why);
	if (folder < 0)
		return folder;
	r = petfile_load(f, why);
	if (r == 0)
		return folder;
	close(folder);
	return r;
}

int petnames_add(const char *name, const struct node_id *id, char why[PETNAMES_WHY_MAX])
{
	const struct names_row *known;
	char text[ID_TEXT_LEN + 1];
	struct petfile f;
	int folder = begin(&f, why), r;

	if (folder < 0)
		return folder;
	known = names_find(&f.names, name);
	if (!known && f.names.n == NAMES_MAX) {
		r = why_say(why, PETNAMES_WHY_MAX, ENOSPC, "you have %d names already: remove some",
		            NAMES_MAX);
	} else if (!known) {
		r = write_anew(&f, folder, NULL, name, id, why);
	} else if (id_eq(&known->id, id)) {
		r = 1;
	} else {
		id_to_text(&known->id, text);
		r = why_say(why, PETNAMES_WHY_MAX, EEXIST,
		            "%.60s is your name for %s: remove it first", name, text);
	}
	petfile_free(&f);
	close(folder);
	return r;
}

int petnames_remove(const char *name, char why[PETNAMES_WHY_MAX])
{
	struct petfile f;
	int folder = begin(&f, why), r;

	if (folder < 0)
		return folder;
	if (names_find(&f.names, name))
		r = write_anew(&f, folder, name, NULL, NULL, why);
	else
		r = why_say(why, PETNAMES_WHY_MAX, ENOENT,
		            "%.100s is no name of yours: `coyo names` lists them", name);
	petfile_free(&f);
	close(folder);
	return r;
}
