/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of a user's own names: read with suspicion, replaced as a whole. */
#include "resolve/petnames.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (8u << 20)

/* Where the file is: its folder, and the folder above that. */
struct place {
	char above[PATH_MAX], folder[PATH_MAX], file[PATH_MAX];
};

/* A file as it was read. */
struct text {
	char *text; /* NULL: there is none */
	size_t len;
};

COYO_PRINTF(3, 4) static int fail(char why[PETNAMES_WHY_MAX], int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, PETNAMES_WHY_MAX, format, ap);
	va_end(ap);
	return -err;
}

/* -ENOENT: no home is known. Relative paths in XDG_CONFIG_HOME are ignored, as its specification says. */
static int find_place(struct place *p)
{
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int n;

	if (config && *config == '/')
		n = snprintf(p->above, sizeof(p->above), "%s", config);
	else if (home && *home == '/')
		n = snprintf(p->above, sizeof(p->above), "%s/.config", home);
	else
		return -ENOENT;
	if (n < 0 || n > PATH_MAX - 32)
		return -ENAMETOOLONG;
	/* The lengths were looked at above. */
	memcpy(p->folder, p->above, (size_t)n + 1);
	strcat(p->folder, "/coyo");
	memcpy(p->file, p->folder, strlen(p->folder) + 1);
	strcat(p->file, "/names");
	return 0;
}

static int take(int fd, size_t size, struct text *t)
{
	t->text = malloc(size + 1);
	if (!t->text)
		return -ENOMEM;
	while (t->len < size) {
		ssize_t n = read(fd, t->text + t->len, size - t->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		t->len += (size_t)n;
	}
	return 0;
}

/* Names decide whom one talks to: a file that others may change is not one's own. */
static int check_owner(const char *path, const struct stat *st, char why[PETNAMES_WHY_MAX])
{
	if (!S_ISREG(st->st_mode))
		return fail(why, EPERM, "%.200s is no file", path);
	if (st->st_uid != geteuid())
		return fail(why, EPERM, "%.200s belongs to another user, whose names are not yours",
		            path);
	if (st->st_mode & 022)
		return fail(why, EPERM, "%.200s can be written by others; chmod 600 it", path);
	if (st->st_size > (off_t)FILE_MAX)
		return fail(why, EFBIG, "%.200s is larger than %u MiB", path, FILE_MAX >> 20);
	return 0;
}

/* Where there is no file, or none that may be seen, t stays empty. */
static int read_file(const char *path, struct text *t, char why[PETNAMES_WHY_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st;

	*t = (struct text){0};
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		r = fail(why, errno, "cannot read %.200s: %s", path, strerror(errno));
	} else {
		r = check_owner(path, &st, why);
		if (r == 0) {
			r = take(fd, (size_t)st.st_size, t);
			if (r < 0)
				fail(why, -r, "cannot read %.200s: %s", path, strerror(-r));
		}
	}
	if (fd >= 0)
		close(fd);
	if (r < 0) {
		free(t->text);
		*t = (struct text){0};
	}
	return r;
}

/* The length of the line at p, and in *next where the next one begins. */
static size_t line_length(const struct text *t, const char *p, const char **next)
{
	size_t left = (size_t)(t->text + t->len - p);
	const char *nl = memchr(p, '\n', left);

	*next = nl ? nl + 1 : t->text + t->len;
	return nl ? (size_t)(nl - p) : left;
}

static int add_lines(const char *path, const struct text *t, struct names *names,
                     char why[PETNAMES_WHY_MAX])
{
	char sentence[NAMES_WHY_MAX];
	unsigned line = 1;
	const char *next;

	for (const char *p = t->text; p && p < t->text + t->len; p = next, line++) {
		size_t n = line_length(t, p, &next);
		int r = names_add_line(names, p, n, sentence);

		if (r < 0)
			return fail(why, -r, "%.110s:%u: %s", path, line, sentence);
	}
	return 0;
}

/* Text and names of the file. */
static int load(const struct place *p, struct text *t, struct names *names,
                char why[PETNAMES_WHY_MAX])
{
	int r = read_file(p->file, t, why);

	if (r == 0)
		r = add_lines(p->file, t, names, why);
	if (r < 0) {
		free(t->text);
		*t = (struct text){0};
		names_free(names);
	}
	return r;
}

int petnames_load(struct names *t, char why[PETNAMES_WHY_MAX])
{
	struct place p;
	struct text text;
	int r = find_place(&p);

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return fail(why, -r, "the path of your own names is too long");
	r = load(&p, &text, t, why);
	free(text.text);
	return r;
}

/* ---- changes ---- */

/* The folder, locked: whoever changes the names holds it. A descriptor, or -errno. */
static int lock_folder(const struct place *p, char why[PETNAMES_WHY_MAX])
{
	int fd;

	(void)mkdir(p->above, 0700);
	(void)mkdir(p->folder, 0700);
	fd = open(p->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(why, errno, "cannot use the folder %.200s: %s", p->folder,
		            strerror(errno));
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR) {
			int err = errno;

			close(fd);
			return fail(why, err, "cannot lock the folder %.200s: %s", p->folder,
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

/* Writes the file anew: text without a name, and with one for an id at its end. Either may be NULL. */
static int write_anew(const struct place *p, int folder, const struct text *t, const char *without,
                      const char *with, const struct node_id *id, char why[PETNAMES_WHY_MAX])
{
	char fresh[PATH_MAX + 16], text[ID_TEXT_LEN + 1];
	const char *next;
	bool good;
	FILE *f;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.XXXXXX", p->file);
	fd = mkostemp(fresh, O_CLOEXEC); /* with mode 0600 */
	f = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!f) {
		int err = errno;

		if (fd >= 0)
			close(fd);
		return fail(why, err, "cannot write %.200s: %s", p->file, strerror(err));
	}
	for (const char *at = t->text; at && at < t->text + t->len; at = next) {
		size_t n = line_length(t, at, &next);

		if (without)
			put_line_without(f, at, n, without);
		else
			fprintf(f, "%.*s\n", (int)n, at);
	}
	if (with) {
		id_to_text(id, text);
		fprintf(f, "%s %s\n", text, with);
	}
	good = fflush(f) == 0 && fsync(fd) == 0;
	good = fclose(f) == 0 && good && rename(fresh, p->file) == 0 && fsync(folder) == 0;
	if (good)
		return 0;
	fd = errno;
	(void)unlink(fresh);
	return fail(why, fd, "cannot write %.200s: %s", p->file, strerror(fd));
}

/* What a change of the file begins with: place, lock, text and names. The folder's descriptor, or -errno. */
static int begin(struct place *p, struct text *t, struct names *names, char why[PETNAMES_WHY_MAX])
{
	int r = find_place(p), folder;

	if (r < 0)
		return fail(why, -r, "there is no place for your own names: $HOME is not set");
	folder = lock_folder(p, why);
	if (folder < 0)
		return folder;
	r = load(p, t, names, why);
	if (r == 0)
		return folder;
	close(folder);
	return r;
}

int petnames_add(const char *name, const struct node_id *id, char why[PETNAMES_WHY_MAX])
{
	struct names names = {0};
	struct place p;
	struct text t;
	char text[ID_TEXT_LEN + 1];
	int folder = begin(&p, &t, &names, why), r;
	const struct names_row *known;

	if (folder < 0)
		return folder;
	known = names_find(&names, name);
	if (!known && names.n == NAMES_MAX) {
		r = fail(why, ENOSPC, "you have %d names already: remove some", NAMES_MAX);
	} else if (!known) {
		r = write_anew(&p, folder, &t, NULL, name, id, why);
	} else if (id_eq(&known->id, id)) {
		r = 1;
	} else {
		id_to_text(&known->id, text);
		r = fail(why, EEXIST, "%.60s is your name for %s: remove it first", name, text);
	}
	free(t.text);
	names_free(&names);
	close(folder);
	return r;
}

int petnames_remove(const char *name, char why[PETNAMES_WHY_MAX])
{
	struct names names = {0};
	struct place p;
	struct text t;
	int folder = begin(&p, &t, &names, why), r;

	if (folder < 0)
		return folder;
	if (names_find(&names, name))
		r = write_anew(&p, folder, &t, name, NULL, NULL, why);
	else
		r = fail(why, ENOENT, "%.100s is no name of yours: `coyo names` lists them", name);
	free(t.text);
	names_free(&names);
	close(folder);
	return r;
}
