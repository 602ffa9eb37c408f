/* SPDX-License-Identifier: BSD-3-Clause */
/* Lists of names of the user's contacts: read, and what a name means by them. */
#include "resolve/contactfile.h"

#include "base/why.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#define FOLDER "contacts"

int contactfile_load(struct contactfile *f, const struct node_id *signer,
                     char why[PETNAMES_WHY_MAX])
{
	char leaf[sizeof(FOLDER "/") + ID_TEXT_LEN] = FOLDER "/", sentence[NAMES_WHY_MAX];
	int r;

	id_to_text(signer, leaf + sizeof(FOLDER));
	*f = (struct contactfile){0};
	r = private_path(f->path, leaf);
	if (r < 0)
		return why_say(why, PETNAMES_WHY_MAX, -r,
		               "there is no place for names of your contacts: $HOME is not set, or "
		               "too long");
	r = private_read(f->path, VOUCHED_TEXT_MAX, &f->text, &f->len, why);
	if (r < 0 || !f->text)
		return r;
	r = vouched_read(&f->list, f->text, f->len, sentence);
	if (r == 0 && !id_eq(&f->list.signer, signer)) {
		vouched_free(&f->list);
		r = why_say(sentence, sizeof(sentence), EINVAL, "the list is another signer's");
	}
	if (r == 0)
		return 0;
	free(f->text);
	f->text = NULL;
	return why_say(why, PETNAMES_WHY_MAX, -r, "%.110s: %s; remove the file", f->path, sentence);
}

void contactfile_free(struct contactfile *f)
{
	free(f->text);
	f->text = NULL;
	vouched_free(&f->list);
}

int contacts_load(const struct node_id *signer, struct vouched *v, char why[PETNAMES_WHY_MAX])
{
	struct contactfile f;
	int r;

	r = contactfile_load(&f, signer, why);
	if (r < 0)
		return r;
	if (!f.text)
		return why_say(why, PETNAMES_WHY_MAX, ENOENT,
		               "there is no list of names by this contact: `coyo names import` "
		               "takes one");
	free(f.text);
	*v = f.list;
	return 0;
}

/* Whom the name's end calls a contact. *dot: the dot before it. NULL: nobody. */
static const struct names_row *contact_of(const struct names *own, const char *name,
                                          const char **dot)
{
	const struct names_row *row;

	for (*dot = strchr(name, '.'); *dot; *dot = strchr(*dot + 1, '.')) {
		row = names_find(own, *dot + 1);
		if (row)
			return row;
	}
	return NULL;
}

int contacts_find(const struct names *own, const char *name, uint64_t now_s, struct node_id *id,
                  char why[PETNAMES_WHY_MAX])
{
	const struct names_row *contact, *row;
	char bare[NAMES_NAME_MAX + 1] = "";
	const char *dot;
	struct vouched v;
	int r;

	contact = contact_of(own, name, &dot);
	if (!contact)
		return 1;
	r = contacts_load(&contact->id, &v, why);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	memcpy(bare, name, (size_t)(dot - name));
	row = names_find(&v.names, bare);
	if (!row)
		r = 1;
	else if (v.expires && v.expires <= now_s)
		r = why_say(why, PETNAMES_WHY_MAX, ESTALE,
		            "the names of your contact %.120s have expired: ask for a newer list, "
		            "and `coyo names import` it",
		            contact->name);
	else
		*id = row->id;
	vouched_free(&v);
	return r;
}

bool contacts_join(const char *name, const char *contact, char out[NAMES_NAME_MAX + 1])
{
	char joined[2 * NAMES_NAME_MAX + 2], why[NAMES_WHY_MAX];
	struct node_id id;
	int n = snprintf(joined, sizeof(joined), "%s.%s", name, contact);

	return names_read(joined, (size_t)n, out, &id, why) == NAMES_IS_NAME;
}

int contacts_each(int (*visit)(void *arg, const struct vouched *v), void *arg,
                  char why[PETNAMES_WHY_MAX])
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *folder;
	int r = 0;

	if (private_path(path, FOLDER) < 0)
		return 0;
	folder = opendir(path);
	if (!folder && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
		return 0;
	if (!folder)
		return why_say(why, PETNAMES_WHY_MAX, errno, "cannot read the folder %.200s: %s",
		               path, strerror(errno));
	while (r == 0 && (e = readdir(folder))) {
		struct node_id signer;
		struct vouched v;

		/* What begins to be written has a longer name. */
		if (strlen(e->d_name) != ID_TEXT_LEN ||
		    id_parse(e->d_name, ID_TEXT_LEN, &signer) != ID_PARSE_OK)
			continue;
		r = contacts_load(&signer, &v, why);
		if (r == 0) {
			r = visit(arg, &v);
			vouched_free(&v);
		} else if (r == -ENOENT) {
			r = 0; /* it has just been removed */
		}
	}
	closedir(folder);
	return r;
}

struct search {
	const struct names *own;
	const uint8_t *start;
	uint64_t now_s;
	struct node_id *id;
	char *name;
};

static int look(void *arg, const struct vouched *v)
{
	const struct search *s = arg;
	const struct names_row *row = names_of_start(&v->names, s->start),
	                       *contact = names_of(s->own, &v->signer);

	if (!row || !contact || (v->expires && v->expires <= s->now_s) ||
	    !contacts_join(row->name, contact->name, s->name))
		return 0;
	*s->id = row->id;
	return 1;
}

int contacts_of_start(const struct names *own, const uint8_t start[15], uint64_t now_s,
                      struct node_id *id, char name[NAMES_NAME_MAX + 1], char why[PETNAMES_WHY_MAX])
{
	struct search s = {.own = own, .start = start, .now_s = now_s, .id = id, .name = name};
	int r = own->n ? contacts_each(look, &s, why) : 0;

	return r < 0 ? r : !r;
}
