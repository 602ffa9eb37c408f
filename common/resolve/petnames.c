/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of a user's own names: found, and read with suspicion. */
#include "resolve/petfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (8u << 20)

int petfile_fail(char why[PETNAMES_WHY_MAX], int err, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, PETNAMES_WHY_MAX, format, ap);
	va_end(ap);
	return -err;
}

int petfile_find(struct petfile *f)
{
	const char *config = secure_getenv("XDG_CONFIG_HOME"), *home = secure_getenv("HOME");
	int n;

	f->text = NULL;
	f->len = 0;
	f->names = (struct names){0};
	/* A relative path there is ignored, as the XDG Base Directory Specification says. */
	if (config && *config == '/')
		n = snprintf(f->path, sizeof(f->path), "%s/coyo/names", config);
	else if (home && *home == '/')
		n = snprintf(f->path, sizeof(f->path), "%s/.config/coyo/names", home);
	else
		return -ENOENT;
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int take(int fd, size_t size, struct petfile *f)
{
	f->text = malloc(size + 1);
	if (!f->text)
		return -ENOMEM;
	while (f->len < size) {
		ssize_t n = read(fd, f->text + f->len, size - f->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		f->len += (size_t)n;
	}
	return 0;
}

/* Names decide whom one talks to: a file that others may change is not one's own. */
static int check_owner(const char *path, const struct stat *st, char why[PETNAMES_WHY_MAX])
{
	if (!S_ISREG(st->st_mode))
		return petfile_fail(why, EPERM, "%.200s is no file", path);
	if (st->st_uid != geteuid())
		return petfile_fail(why, EPERM,
		                    "%.200s belongs to another user, whose names are not yours",
		                    path);
	if (st->st_mode & 022)
		return petfile_fail(why, EPERM, "%.200s can be written by others; chmod 600 it",
		                    path);
	if (st->st_size > (off_t)FILE_MAX)
		return petfile_fail(why, EFBIG, "%.200s is larger than %u MiB", path,
		                    FILE_MAX >> 20);
	return 0;
}

/* Where there is no file, or none that may be seen, it holds nothing. */
static int read_file(struct petfile *f, char why[PETNAMES_WHY_MAX])
{
	int fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK), r;
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (fd < 0)
		return petfile_fail(why, errno, "cannot read %.200s: %s", f->path, strerror(errno));
	r = fstat(fd, &st) < 0 ? petfile_fail(why, errno, "cannot read %.200s", f->path)
	                       : check_owner(f->path, &st, why);
	if (r == 0) {
		r = take(fd, (size_t)st.st_size, f);
		if (r < 0)
			petfile_fail(why, -r, "cannot read %.200s: %s", f->path, strerror(-r));
	}
	close(fd);
	return r;
}

size_t petfile_line(const struct petfile *f, const char *p, const char **next)
{
	size_t left = (size_t)(f->text + f->len - p);
	const char *nl = memchr(p, '\n', left);

	*next = nl ? nl + 1 : f->text + f->len;
	return nl ? (size_t)(nl - p) : left;
}

static int add_lines(struct petfile *f, char why[PETNAMES_WHY_MAX])
{
	char sentence[NAMES_WHY_MAX];
	unsigned line = 1;
	const char *next;

	for (const char *p = f->text; p && p < f->text + f->len; p = next, line++) {
		size_t n = petfile_line(f, p, &next);
		int r = names_add_line(&f->names, p, n, sentence);

		if (r < 0)
			return petfile_fail(why, -r, "%.110s:%u: %s", f->path, line, sentence);
	}
	return 0;
}

int petfile_load(struct petfile *f, char why[PETNAMES_WHY_MAX])
{
	int r = read_file(f, why);

	if (r == 0)
		r = add_lines(f, why);
	if (r < 0)
		petfile_free(f);
	return r;
}

void petfile_free(struct petfile *f)
{
	free(f->text);
	f->text = NULL;
	f->len = 0;
	names_free(&f->names);
}

int petnames_load(struct names *t, char why[PETNAMES_WHY_MAX])
{
	struct petfile f;
	int r = petfile_find(&f);

	*t = (struct names){0};
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return petfile_fail(why, -r, "the path of your own names is too long");
	r = petfile_load(&f, why);
	*t = f.names;
	free(f.text);
	return r;
}
