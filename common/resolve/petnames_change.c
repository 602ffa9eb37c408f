/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes of a user's own names: the file is replaced as a whole, by one process at a time, and what a person has written stays. */
#include "resolve/petfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Cuts the last part of a path off. */
static void up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash)
		*slash = '\0';
}

/* The folder, made where it is missing, and locked: whoever changes the names holds it. A descriptor, or -errno. */
static int lock_folder(const struct petfile *f, char why[PETNAMES_WHY_MAX])
{
	char folder[PATH_MAX], above[PATH_MAX];
	int fd, err;

	memcpy(folder, f->path, sizeof(folder));
	up(folder);
	memcpy(above, folder, sizeof(above));
	up(above);
	(void)mkdir(above, 0700);
	(void)mkdir(folder, 0700);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return petfile_fail(why, errno, "cannot use the folder %.200s: %s", folder,
		                    strerror(errno));
	while (flock(fd, LOCK_EX) < 0) {
		if (errno == EINTR)
			continue;
		err = errno;
		close(fd);
		return petfile_fail(why, err, "cannot lock the folder %.200s: %s", folder,
		                    strerror(err));
	}
	return fd;
}

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

/* The text without a name, and with one for an id at its end; either may be NULL. */
static void put_text(FILE *out, const struct petfile *f, const char *without, const char *with,
                     const struct node_id *id)
{
	char text[ID_TEXT_LEN + 1];
	const char *next;

	for (const char *p = f->text; p && p < f->text + f->len; p = next) {
		size_t n = petfile_line(f, p, &next);

		if (without)
			put_line_without(out, p, n, without);
		else
			fprintf(out, "%.*s\n", (int)n, p);
	}
	if (with) {
		id_to_text(id, text);
		fprintf(out, "%s %s\n", text, with);
	}
}

/* Puts a file with such a text in place of the one there is. */
static int write_anew(const struct petfile *f, int folder, const char *without, const char *with,
                      const struct node_id *id, char why[PETNAMES_WHY_MAX])
{
	char fresh[PATH_MAX + 16];
	int fd, err;
	bool good;
	FILE *out;

	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", f->path);
	fd = mkostemp(fresh, O_CLOEXEC); /* with mode 0600 */
	out = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!out) {
		err = errno;
		if (fd >= 0) {
			close(fd);
			(void)unlink(fresh);
		}
		return petfile_fail(why, err, "cannot write %.200s: %s", f->path, strerror(err));
	}
	put_text(out, f, without, with, id);
	good = fflush(out) == 0 && fsync(fd) == 0;
	good = fclose(out) == 0 && good && rename(fresh, f->path) == 0;
	if (good) {
		/* The change is made; not every file system can sync a folder. */
		(void)fsync(folder);
		return 0;
	}
	err = errno;
	(void)unlink(fresh);
	return petfile_fail(why, err, "cannot write %.200s: %s", f->path, strerror(err));
}

/* What a change begins with: the file, read under the lock. The folder's descriptor, or -errno. */
static int begin(struct petfile *f, char why[PETNAMES_WHY_MAX])
{
	int r = petfile_find(f), folder;

	if (r < 0)
		return petfile_fail(why, -r,
		                    "there is no place for your own names: $HOME is not set");
	folder = lock_folder(f, why);
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
		r = petfile_fail(why, ENOSPC, "you have %d names already: remove some", NAMES_MAX);
	} else if (!known) {
		r = write_anew(&f, folder, NULL, name, id, why);
	} else if (id_eq(&known->id, id)) {
		r = 1;
	} else {
		id_to_text(&known->id, text);
		r = petfile_fail(why, EEXIST, "%.60s is your name for %s: remove it first", name,
		                 text);
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
		r = petfile_fail(why, ENOENT, "%.100s is no name of yours: `coyo names` lists them",
		                 name);
	petfile_free(&f);
	close(folder);
	return r;
}
