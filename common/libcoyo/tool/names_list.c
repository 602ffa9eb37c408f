/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo names: all names of the user's own, and those that the user's contacts vouch for. */
#include "libcoyo/tool/names.h"
#include "libcoyo/coyo.h"
#include "program/program.h"
#include "resolve/contacts.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

/* One run. */
struct listing {
	const struct names_call *call;
	struct names own;
	uint64_t now_s;
	bool answers; /* the daemon does */
	int width;    /* of the longest name; 0: it is being found out */
	struct json json;
};

/* NAME.CONTACT, also where the two are too long to be looked for. */
static void join(const char *name, const char *contact, char out[2 * NAMES_NAME_MAX + 2])
{
	snprintf(out, 2 * NAMES_NAME_MAX + 2, "%s%s%s", name, contact ? "." : "",
	         contact ? contact : "");
}

static void show(struct listing *l, const char *name, const struct names_row *row,
                 const char *contact, bool expired, const struct node_id *daemon)
{
	char id[ID_TEXT_LEN + 1];

	id_to_text(&row->id, id);
	if (!l->call->json) {
		printf("%-*s  %s", l->width, name, id);
		if (contact)
			printf(expired ? "  # %s vouched, until the list expired"
			               : "  # %s vouches",
			       contact);
		if (daemon) {
			id_to_short(daemon, id);
			printf("  # not coyod's %s", id);
		}
		putchar('\n');
		return;
	}
	json_object(&l->json, NULL);
	json_str(&l->json, "name", name);
	json_str(&l->json, "id", id);
	if (contact) {
		json_str(&l->json, "contact", contact);
		json_bool(&l->json, "expired", expired);
	} else {
		json_null(&l->json, "contact");
	}
	if (daemon) {
		id_to_text(daemon, id);
		json_str(&l->json, "coyod", id);
	}
	json_object_end(&l->json);
}

static void own_name(struct listing *l, const struct names_row *row, bool measure)
{
	struct node_id other;
	bool differs;

	if (measure) {
		if ((int)strlen(row->name) > l->width)
			l->width = (int)strlen(row->name);
		return;
	}
	differs = names_daemon_differs(l->call->socket, row->name, &row->id, &other, &l->answers);
	show(l, row->name, row, NULL, false, differs ? &other : NULL);
}

/* The names of one contact, if it has given any. */
static int contact_names(struct listing *l, const struct names_row *contact, bool measure,
                         char why[PETNAMES_WHY_MAX])
{
	char name[2 * NAMES_NAME_MAX + 2];
	const struct names_row *row;
	struct vouched v;
	int r = contacts_load(&contact->id, &v, why);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (row = names_after(&v.names, ""); row; row = names_after(&v.names, row->name)) {
		join(row->name, contact->name, name);
		if (measure && (int)strlen(name) > l->width)
			l->width = (int)strlen(name);
		if (!measure)
			show(l, name, row, contact->name, v.expires && v.expires <= l->now_s, NULL);
	}
	vouched_free(&v);
	return 0;
}

static int all(struct listing *l, bool measure, char why[PETNAMES_WHY_MAX])
{
	const struct names_row *row;
	int r = 0;

	for (row = names_after(&l->own, ""); row; row = names_after(&l->own, row->name))
		own_name(l, row, measure);
	for (row = names_after(&l->own, ""); row && r == 0; row = names_after(&l->own, row->name))
		if (names_of(&l->own, &row->id) == row)
			r = contact_names(l, row, measure, why);
	return r;
}

/* A list whose signer the user calls nothing any more: none of its names can be looked for. */
static int nameless(void *arg, const struct vouched *v)
{
	struct listing *l = arg;
	char id[ID_TEXT_LEN + 1];

	if (names_of(&l->own, &v->signer))
		return 0;
	id_to_text(&v->signer, id);
	if (l->call->json)
		json_str(&l->json, NULL, id);
	else
		printf("# %u names by %s, which you call nothing\n", v->names.n, id);
	return 0;
}

int names_list(const struct names_call *c)
{
	struct listing l = {.call = c, .now_s = (uint64_t)time(NULL), .answers = true};
	char why[PETNAMES_WHY_MAX];
	int r = petnames_load(&l.own, why);

	if (r == 0)
		r = all(&l, true, why);
	json_object(&l.json, NULL);
	json_array(&l.json, "names");
	if (r == 0)
		r = all(&l, false, why);
	json_array_end(&l.json);
	json_array(&l.json, "nameless");
	if (r == 0)
		r = contacts_each(nameless, &l, why);
	json_array_end(&l.json);
	json_object_end(&l.json);
	json_line_end(&l.json);
	names_free(&l.own);
	if (r == 0 && c->json)
		return names_print(&l.json);
	json_free(&l.json);
	return r < 0 ? names_fail(c, PROGRAM_FAILED, r, why) : PROGRAM_DONE;
}
