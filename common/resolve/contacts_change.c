/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names of the user's contacts: kept where they are newer, and removed. */
#include "resolve/contactfile.h"

#include "base/why.h"

#include <errno.h>
#include <unistd.h>

struct text {
	const char *p;
	size_t n;
};

static void put(FILE *out, const void *arg)
{
	const struct text *t = arg;

	(void)fwrite(t->p, 1, t->n, out);
}

/* The folder, locked, and the list as it is. A descriptor, or -errno. */
static int begin(struct contactfile *f, const struct node_id *signer, char why[PETNAMES_WHY_MAX])
{
	int r = contactfile_load(f, signer, why), folder;

	/* The path is known; what was read before the lock is read again under it. */
	if (r < 0)
		return r;
	contactfile_free(f);
	folder = private_lock(f->path, why);
	if (folder < 0)
		return folder;
	r = contactfile_load(f, signer, why);
	if (r == 0)
		return folder;
	close(folder);
	return r;
}

/* Whether this list may take the place of the one there is. 0, 1: it is the same, or -ESTALE. */
static int compare(const struct contactfile *f, const struct vouched *v, const char *text,
                   size_t len, char why[PETNAMES_WHY_MAX])
{
	if (!f->text || v->serial > f->list.serial)
		return 0;
	if (f->len == len && memcmp(f->text, text, len) == 0)
		return 1;
	return why_say(why, PETNAMES_WHY_MAX, ESTALE,
	               "the list has serial %llu, and you have a newer one of this contact, %llu: "
	               "ask for a new list, or `coyo names forget` the one you have",
	               (unsigned long long)v->serial, (unsigned long long)f->list.serial);
}

int contacts_keep(const struct vouched *v, const char *text, size_t len, char why[PETNAMES_WHY_MAX])
{
	const struct text t = {.p = text, .n = len};
	struct contactfile f;
	int folder = begin(&f, &v->signer, why), r;

	if (folder < 0)
		return folder;
	r = compare(&f, v, text, len, why);
	if (r == 0)
		r = private_replace(f.path, folder, put, &t, why);
	contactfile_free(&f);
	close(folder);
	return r;
}

int contacts_forget(const struct node_id *signer, char why[PETNAMES_WHY_MAX])
{
	struct contactfile f;
	int r = contactfile_load(&f, signer, why);
	bool there = r < 0 || f.text;

	/* A file that is wrong can be removed, too. */
	if (r == 0)
		contactfile_free(&f);
	else if (!*f.path)
		return r;
	if (there && unlink(f.path) == 0)
		return 0;
	if (!there || errno == ENOENT)
		return why_say(why, PETNAMES_WHY_MAX, ENOENT,
		               "there is no list of names by this contact: `coyo names` says whose "
		               "there are");
	return why_say(why, PETNAMES_WHY_MAX, errno, "cannot remove %.200s: %s", f.path,
	               strerror(errno));
}
