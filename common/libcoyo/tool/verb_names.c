/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo names: the user's own names of nodes. */
#include "libcoyo/tool/qr.h"
#include "libcoyo/tool/verbs.h"
#include "program/program.h"
#include "resolve/ask.h"
#include "resolve/petnames.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DAEMON_MS 1000 /* for what is said beside one's own names */

_Static_assert(COYO_WHY_MAX >= PETNAMES_WHY_MAX && COYO_WHY_MAX >= RESOLVE_WHY_MAX, "sentences");

/* A word that must be a name, written as the table has it. 0 or an exit status. */
static int take_name(const char *word, char name[NAMES_NAME_MAX + 1])
{
	char why[NAMES_WHY_MAX];
	struct node_id id;
	int kind = names_read(word, strlen(word), name, &id, why);

	if (kind == NAMES_IS_NAME)
		return 0;
	return verb_complain(PROGRAM_USAGE,
	                     kind < 0 ? why : "an id stands where a name is expected");
}

/* Whether the daemon gives this name to another id. Where it does not say, it does not. *answers becomes false where none answers, and it is not
 * asked again. */
static bool daemon_differs(const char *socket, const char *name, const struct node_id *id,
                           struct node_id *other, bool *answers)
{
	struct app_request req = {.type = APP_REQ_RESOLVE};
	struct app_answer ans;
	char why[APP_WHY_MAX];
	int r;

	if (!*answers)
		return false;
	memcpy(req.name, name, strlen(name) + 1);
	r = ask_daemon(socket, &req, DAEMON_MS, &ans, why);
	*answers = r == 0 || r == -ENOENT;
	if (r < 0 || ans.type != APP_ANS_IS)
		return false;
	*other = ans.id;
	return !id_eq(&ans.id, id);
}

/* Own names in the order of the alphabet; those that hide one of the daemon's say so. */
static int list(const char *socket)
{
	char why[COYO_WHY_MAX], id[ID_TEXT_LEN + 1], brief[ID_SHORT_LEN + 1];
	const struct names_row *row;
	struct names own = {0};
	bool answers = true;
	int width = 0;

	if (petnames_load(&own, why) < 0)
		return verb_complain(PROGRAM_FAILED, why);
	for (uint32_t i = 0; i < own.n; i++)
		if ((int)strlen(own.rows[i].name) > width)
			width = (int)strlen(own.rows[i].name);
	for (row = names_after(&own, ""); row; row = names_after(&own, row->name)) {
		struct node_id other;

		id_to_text(&row->id, id);
		printf("%-*s  %s", width, row->name, id);
		if (daemon_differs(socket, row->name, &row->id, &other, &answers)) {
			id_to_short(&other, brief);
			printf("  # not coyod's %s", brief);
		}
		putchar('\n');
	}
	names_free(&own);
	return PROGRAM_DONE;
}

static int add(const char *socket, const char *word, const char *id_text)
{
	char name[NAMES_NAME_MAX + 1], why[COYO_WHY_MAX], brief[ID_SHORT_LEN + 1];
	enum id_parse_result parsed;
	struct node_id id, other;
	bool answers = true;
	int r = take_name(word, name);

	if (r)
		return r;
	parsed = id_parse(id_text, strlen(id_text), &id);
	if (parsed != ID_PARSE_OK)
		return verb_complain(PROGRAM_USAGE, id_parse_error(parsed));
	r = petnames_add(name, &id, why);
	if (r < 0)
		return verb_complain(PROGRAM_FAILED, why);
	if (daemon_differs(socket, name, &id, &other, &answers)) {
		id_to_short(&other, brief);
		fprintf(stderr, "coyo: coyod calls %s so; your own names go first\n", brief);
	}
	return PROGRAM_DONE;
}

static int drop(const char *word)
{
	char name[NAMES_NAME_MAX + 1], why[COYO_WHY_MAX];
	int r = take_name(word, name);

	if (r)
		return r;
	r = petnames_remove(name, why);
	return r < 0 ? verb_complain(r == -ENOENT ? PROGRAM_USAGE : PROGRAM_FAILED, why)
	             : PROGRAM_DONE;
}

/* Every own name of an id, then the daemon's. */
static int show(const char *socket, const char *word)
{
	struct app_request req = {.type = APP_REQ_NAME};
	char why[COYO_WHY_MAX];
	struct names own = {0};
	struct app_answer ans;
	bool any = false;
	int r = resolve_name(socket, word, DAEMON_MS, &req.id, why);

	if (r < 0)
		return verb_complain_of_name(r, why);
	if (petnames_load(&own, why) < 0)
		return verb_complain(PROGRAM_FAILED, why);
	for (uint32_t i = 0; i < own.n; i++)
		if (id_eq(&own.rows[i].id, &req.id)) {
			printf("%s  yours\n", own.rows[i].name);
			any = true;
		}
	names_free(&own);
	r = ask_daemon(socket, &req, DAEMON_MS, &ans, why);
	if (r == 0 && ans.type == APP_ANS_IS)
		printf("%s  coyod's\n", ans.name);
	else if (r != -ENOENT && !any)
		return verb_complain_of(r, why);
	else if (!any)
		return verb_complain(PROGRAM_FAILED, why);
	return PROGRAM_DONE;
}

/* The id that a name means, or an id itself, as a QR code. */
static int draw(const char *socket, const char *word)
{
	char why[COYO_WHY_MAX];
	struct node_id id;
	int r = resolve_name(socket, word, DAEMON_MS, &id, why);

	if (r < 0)
		return verb_complain_of_name(r, why);
	return qr_show(&id, why) < 0 ? verb_complain(PROGRAM_FAILED, why) : PROGRAM_DONE;
}

int verb_names(int argc, char **argv, const char *socket)
{
	const char *what = argc > 1 ? argv[1] : "list";

	if (strcmp(what, "list") == 0 && argc <= 2)
		return list(socket);
	if (strcmp(what, "add") == 0 && argc == 4)
		return add(socket, argv[2], argv[3]);
	if (strcmp(what, "remove") == 0 && argc == 3)
		return drop(argv[2]);
	if (strcmp(what, "show") == 0 && argc == 3)
		return show(socket, argv[2]);
	if (strcmp(what, "show") == 0 && argc == 4 && strcmp(argv[2], "--qr") == 0)
		return draw(socket, argv[3]);
	return verb_misuse("names takes list, add NAME ID, remove NAME or show [--qr] ID|NAME");
}
