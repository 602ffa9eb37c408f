/* SPDX-License-Identifier: BSD-3-Clause */
/* The file of a user's own names: found, and read with suspicion. */
#include "resolve/petfile.h"

#include "base/why.h"

#include <errno.h>
#include <stdlib.h>

#define FILE_MAX (8u << 20)

int petfile_find(struct petfile *f)
{
	f->text = NULL;
	f->len = 0;
	f->names = (struct names){0};
	return private_path(f->path, "names");
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
			return why_say(why, PETNAMES_WHY_MAX, -r, "%.110s:%u: %s", f->path, line,
			               sentence);
	}
	return 0;
}

int petfile_load(struct petfile *f, char why[PETNAMES_WHY_MAX])
{
	int r = private_read(f->path, FILE_MAX, &f->text, &f->len, why);

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
		return why_say(why, PETNAMES_WHY_MAX, -r, "the path of your own names is too long");
	r = petfile_load(&f, why);
	*t = f.names;
	free(f.text);
	return r;
}
