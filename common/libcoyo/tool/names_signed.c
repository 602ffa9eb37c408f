/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo names export, import, forget: lists of names that one person vouches for and another takes. */
#include "libcoyo/tool/control.h"
#include "libcoyo/tool/names.h"
#include "libcoyo/tool/verbs.h"

#include "base/why.h"
#include "crypto/vouch.h"
#include "program/program.h"
#include "resolve/contacts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define DAYS_MAX 3650
#define DAY_S    86400u
#define ROW_MAX  (ID_TEXT_LEN + NAMES_NAME_MAX + 2) /* of one name, with its end */

_Static_assert(DAYS_MAX *DAY_S <= CTL_EXPIRES_MAX, "what the daemon takes");
_Static_assert(VOUCHED_NAMES_MAX *ROW_MAX <= CTL_BODY_MAX, "as many names as a list has");

/* ---- export ---- */

struct export_args {
	const char *label, *control, *file;
	unsigned long days;
	char **names;
	int nnames;
};

/* NULL, or what is wrong. */
static const char *export_args(int argc, char **argv, struct export_args *a)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i += 2) {
		const char *value = i + 1 < argc ? argv[i + 1] : NULL;

		if (!value)
			return "an option of names export lacks what follows it";
		if (strcmp(argv[i], "--as") == 0)
			a->label = value;
		else if (strcmp(argv[i], "--control") == 0)
			a->control = value;
		else if (strcmp(argv[i], "-o") == 0)
			a->file = value;
		else if (strcmp(argv[i], "--expires") != 0)
			return "names export takes --as NAME, --expires DAYS, -o FILE and "
			       "--control "
			       "SOCKET, then names of your own";
		else if (!verb_number(value, DAYS_MAX, &a->days) || a->days == 0)
			return "--expires takes 1 to 3650 days";
	}
	a->names = argv + i;
	a->nnames = argc - i;
	return NULL;
}

static size_t put_line(char *out, const struct names_row *row)
{
	char id[ID_TEXT_LEN + 1];

	id_to_text(&row->id, id);
	return (size_t)sprintf(out, "%s %s\n", id, row->name);
}

/* The lines of the names that are to be in the list: those given, or all. The caller frees them. 0, or an exit status: it has been told. */
static int export_lines(const struct names_call *c, const struct export_args *a, char **lines,
                        size_t *len)
{
	char why[COYO_WHY_MAX], name[NAMES_NAME_MAX + 1];
	uint32_t count;
	struct names own;
	char *p;
	int r = petnames_load(&own, why);

	if (r < 0)
		return names_fail(c, PROGRAM_FAILED, r, why);
	count = a->nnames ? (uint32_t)a->nnames : own.n;
	*lines = p = malloc((size_t)count * ROW_MAX + 1);
	if (!p)
		r = names_fail(c, PROGRAM_FAILED, -ENOMEM, "out of memory for the names");
	else if (count == 0)
		r = names_fail(
		        c, PROGRAM_USAGE, -ENOENT,
		        "you have no names to vouch for: `coyo names add NAME ID` makes one");
	else if (count > VOUCHED_NAMES_MAX)
		r = names_fail(c, PROGRAM_USAGE, -E2BIG,
		               "a list has at most 1024 names: say which are to be in it");
	for (uint32_t i = 0; r == 0 && i < count; i++) {
		const struct names_row *row = &own.rows[i];

		if (a->nnames) {
			r = names_take(c, a->names[i], name);
			if (r)
				break;
			row = names_find(&own, name);
		}
		if (row) {
			p += put_line(p, row);
			continue;
		}
		snprintf(why, sizeof(why), "%.100s is no name of yours: `coyo names` lists them",
		         name);
		r = names_fail(c, PROGRAM_USAGE, -ENOENT, why);
	}
	*len = (size_t)(p - *lines);
	names_free(&own);
	return r;
}

/* The list goes where it is to go. */
static int export_write(const struct names_call *c, const char *file, const char *list)
{
	FILE *out = file ? fopen(file, "we") : stdout;
	char why[COYO_WHY_MAX];
	struct json j = {0};
	bool good;

	if (c->json && !file) {
		json_object(&j, NULL);
		json_str(&j, "list", list);
		json_object_end(&j);
		json_line_end(&j);
		return names_print(&j);
	}
	good = out && fputs(list, out) >= 0 && fflush(out) == 0;
	if (file && out && fclose(out) != 0)
		good = false;
	if (!good) {
		why_say(why, sizeof(why), errno, "cannot write %.200s: %s",
		        file ? file : "the list", strerror(errno));
		return names_fail(c, PROGRAM_FAILED, -errno, why);
	}
	if (!c->json)
		return PROGRAM_DONE;
	json_object(&j, NULL);
	json_str(&j, "file", file);
	json_object_end(&j);
	json_line_end(&j);
	return names_print(&j);
}

/* Whether what the daemon gave is a list that others will take. */
static int export_check(const char *list, char why[COYO_WHY_MAX])
{
	char sentence[NAMES_WHY_MAX] = "the signature is wrong";
	struct vouched v;
	int r = vouched_read(&v, list, strlen(list), sentence);

	if (r == 0) {
		r = vouch_verify(&v, list);
		vouched_free(&v);
	}
	return r == 0 ? 0
	              : why_say(why, COYO_WHY_MAX, EPROTO,
	                        "coyod's list is no good: %s; is it of another version?", sentence);
}

int names_export(const struct names_call *c, int argc, char **argv)
{
	struct ctl_request req = {.verb = CTL_VOUCH};
	struct export_args a = {0};
	const char *wrong = export_args(argc, argv, &a);
	char *lines = NULL, *list = NULL, why[COYO_WHY_MAX];
	size_t len = 0;
	int status, r;

	if (wrong)
		return verb_misuse(wrong);
	status = a.label ? names_take(c, a.label, req.target) : 0;
	if (status == 0)
		status = export_lines(c, &a, &lines, &len);
	if (status == 0) {
		req.body = (uint32_t)len;
		req.expires_s = (uint32_t)a.days * DAY_S;
		r = control_vouch(a.control, &req, lines, &list, why);
		if (r == 0)
			r = export_check(list, why);
		status = r < 0 ? names_fail(c, verb_status_of(r), r, why)
		               : export_write(c, a.file, list);
	}
	free(lines);
	free(list);
	return status;
}

/* ---- import ---- */

/* A list that is being taken. */
struct import {
	const struct names_call *call;
	const char *file;
	char *text;
	size_t len;
	struct vouched list;
	char contact[NAMES_NAME_MAX + 1]; /* --contact's, or as the user calls the signer */
	bool bind;                        /* the contact is to become a name of the user's */
};

/* Reads as much as a list may have and one byte more. */
static int import_read(struct import *m, char why[COYO_WHY_MAX])
{
	bool in = strcmp(m->file, "-") == 0;
	FILE *f = in ? stdin : fopen(m->file, "re");
	int r = 0;

	if (!f)
		return why_say(why, COYO_WHY_MAX, errno, "cannot read %.200s: %s", m->file,
		               strerror(errno));
	m->text = malloc(VOUCHED_TEXT_MAX);
	if (m->text)
		m->len = fread(m->text, 1, VOUCHED_TEXT_MAX, f);
	if (!m->text)
		r = why_say(why, COYO_WHY_MAX, ENOMEM, "out of memory for the list");
	else if (ferror(f))
		r = why_say(why, COYO_WHY_MAX, errno, "cannot read %.200s: %s", m->file,
		            strerror(errno));
	if (!in)
		fclose(f);
	return r;
}

/* Whether the list is what its signer has made, and still counts. */
static int import_verify(struct import *m, char why[COYO_WHY_MAX])
{
	char sentence[NAMES_WHY_MAX];
	int r = vouched_read(&m->list, m->text, m->len, sentence);

	if (r < 0)
		return why_say(why, COYO_WHY_MAX, -r,
		               "%.60s: %s; ask its signer for a list that `coyo names export` made",
		               m->file, sentence);
	if (vouch_verify(&m->list, m->text) < 0)
		return why_say(why, COYO_WHY_MAX, EBADMSG,
		               "%.60s: the signature is not that of the node it names: the list "
		               "was changed on its way, or forged; ask its signer for it again",
		               m->file);
	if (m->list.expires && m->list.expires <= (uint64_t)time(NULL))
		return why_say(why, COYO_WHY_MAX, ESTALE,
		               "%.60s: the list has expired; ask its signer for a newer one",
		               m->file);
	return 0;
}

/* Finds out how the user calls the signer, or is to call it from now on. */
static int import_contact(struct import *m, const struct names *own, char why[COYO_WHY_MAX])
{
	const struct names_row *known = names_of(own, &m->list.signer),
	                       *given = *m->contact ? names_find(own, m->contact) : NULL;
	char id[ID_TEXT_LEN + 1], other[ID_SHORT_LEN + 1];

	id_to_text(&m->list.signer, id);
	if (given && !id_eq(&given->id, &m->list.signer)) {
		id_to_short(&given->id, other);
		return why_say(why, COYO_WHY_MAX, EEXIST,
		               "%.60s is your name for %s, and the list is signed by %s: give "
		               "another name to --contact",
		               m->contact, other, id);
	}
	if (*m->contact) {
		m->bind = !given;
		return 0;
	}
	if (known) {
		memcpy(m->contact, known->name, sizeof(m->contact));
		return 0;
	}
	return why_say(why, COYO_WHY_MAX, ENOKEY,
	               "you have no name for %s, who signed the list%s%.60s: if you know whose id "
	               "it is, name it by --contact NAME",
	               id, *m->list.label ? " and calls itself " : "", m->list.label);
}

/* Every name of the list can be looked for below the contact's. */
static int import_names(const struct import *m, char why[COYO_WHY_MAX])
{
	char joined[NAMES_NAME_MAX + 1];

	for (uint32_t i = 0; i < m->list.names.n; i++) {
		const char *name = m->list.names.rows[i].name;

		if (!contacts_join(name, m->contact, joined))
			return why_say(why, COYO_WHY_MAX, ENAMETOOLONG,
			               "%.60s.%.60s is no name: together they are too long, or as "
			               "long as an id; name the signer otherwise by --contact",
			               name, m->contact);
	}
	return 0;
}

/* 0, 1: it was there already, or a negative errno with a sentence. */
static int import_all(struct import *m, char why[COYO_WHY_MAX])
{
	struct names own = {0};
	int r = import_read(m, why), kept;

	if (r == 0)
		r = import_verify(m, why);
	if (r == 0)
		r = petnames_load(&own, why);
	if (r == 0)
		r = import_contact(m, &own, why);
	if (r == 0)
		r = import_names(m, why);
	names_free(&own);
	if (r < 0)
		return r;
	kept = contacts_keep(&m->list, m->text, m->len, why);
	r = kept >= 0 && m->bind ? petnames_add(m->contact, &m->list.signer, why) : 0;
	return r < 0 ? r : kept;
}

static int import_tell(const struct import *m, bool there)
{
	char id[ID_TEXT_LEN + 1];
	struct json j = {0};

	if (!m->call->json) {
		printf("%s vouches for %u name%s: NAME.%s%s\n", m->contact, m->list.names.n,
		       m->list.names.n == 1 ? "" : "s", m->contact,
		       there ? " (you had this list already)" : "");
		return PROGRAM_DONE;
	}
	id_to_text(&m->list.signer, id);
	json_object(&j, NULL);
	json_str(&j, "contact", m->contact);
	json_str(&j, "signer", id);
	json_uint(&j, "serial", m->list.serial);
	if (m->list.expires)
		json_uint(&j, "expires", m->list.expires);
	else
		json_null(&j, "expires");
	json_uint(&j, "names", m->list.names.n);
	json_bool(&j, "replaced", !there);
	json_object_end(&j);
	json_line_end(&j);
	return names_print(&j);
}

int names_import(const struct names_call *c, int argc, char **argv)
{
	struct import m = {.call = c};
	const char *contact = NULL;
	char why[COYO_WHY_MAX];
	int r;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--contact") == 0 && i + 1 < argc && !contact)
			contact = argv[++i];
		else if (!m.file && (argv[i][0] != '-' || !argv[i][1]))
			m.file = argv[i];
		else
			return verb_misuse("names import takes a FILE, or -, and --contact NAME");
	}
	if (!m.file)
		return verb_misuse("names import takes a FILE, or -, and --contact NAME");
	r = contact ? names_take(c, contact, m.contact) : 0;
	if (r)
		return r;
	r = import_all(&m, why);
	r = r < 0 ? names_fail(c, PROGRAM_FAILED, r, why) : import_tell(&m, r == 1);
	vouched_free(&m.list);
	free(m.text);
	return r;
}

/* ---- forget ---- */

/* A contact, or the id of one who is called nothing any more. */
int names_forget(const struct names_call *c, int argc, char **argv)
{
	char name[NAMES_NAME_MAX + 1], why[COYO_WHY_MAX], id[ID_TEXT_LEN + 1];
	const struct names_row *row;
	struct node_id signer;
	struct json j = {0};
	struct names own;
	int kind, r;

	if (argc != 2)
		return verb_misuse("names forget takes a contact: a name of yours, or an id");
	kind = names_read(argv[1], strlen(argv[1]), name, &signer, why);
	if (kind < 0)
		return names_fail(c, PROGRAM_USAGE, kind, why);
	if (kind == NAMES_IS_NAME) {
		r = petnames_load(&own, why);
		if (r < 0)
			return names_fail(c, PROGRAM_FAILED, r, why);
		row = names_find(&own, name);
		if (row)
			signer = row->id;
		names_free(&own);
		if (!row) {
			snprintf(why, sizeof(why),
			         "%.100s is no name of yours: `coyo names` lists them", name);
			return names_fail(c, PROGRAM_USAGE, -ENOENT, why);
		}
	}
	r = contacts_forget(&signer, why);
	if (r < 0)
		return names_fail(c, r == -ENOENT ? PROGRAM_USAGE : PROGRAM_FAILED, r, why);
	if (!c->json)
		return PROGRAM_DONE;
	id_to_text(&signer, id);
	json_object(&j, NULL);
	json_str(&j, "forgotten", id);
	json_object_end(&j);
	json_line_end(&j);
	return names_print(&j);
}
