/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo names: the user's own names of nodes, and whether answers are for people or for programs. */
#include "libcoyo/tool/names.h"
#include "libcoyo/tool/qr.h"
#include "libcoyo/tool/verbs.h"

#include "base/why.h"
#include "program/program.h"
#include "resolve/ask.h"
#include "resolve/contacts.h"
#include "resolve/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAEMON_MS 1000 /* for what is said beside one's own names */

_Static_assert(COYO_WHY_MAX >= PETNAMES_WHY_MAX && COYO_WHY_MAX >= RESOLVE_WHY_MAX, "sentences");

int names_fail(const struct names_call *c, int status, int err, const char *why)
{
	struct json j = {0};

	if (!c->json)
		return verb_complain(status, why);
	json_object(&j, NULL);
	json_str(&j, "error", why);
	json_str(&j, "code", strerrorname_np(-err));
	json_object_end(&j);
	json_line_end(&j);
	(void)names_print(&j);
	return status;
}

int names_print(struct json *j)
{
	bool good = !j->failed && fputs(j->text, stdout) >= 0;

	json_free(j);
	return good ? PROGRAM_DONE : PROGRAM_FAILED;
}

/* An answer of one name and one id. */
static int print_name(const struct names_call *c, const char *name, const struct node_id *id)
{
	char text[ID_TEXT_LEN + 1];
	struct json j = {0};

	if (!c->json)
		return PROGRAM_DONE;
	json_object(&j, NULL);
	json_str(&j, "name", name);
	if (id) {
		id_to_text(id, text);
		json_str(&j, "id", text);
	}
	json_object_end(&j);
	json_line_end(&j);
	return names_print(&j);
}

int names_take(const struct names_call *c, const char *word, char name[NAMES_NAME_MAX + 1])
{
	char why[NAMES_WHY_MAX];
	struct node_id id;
	int kind = names_read(word, strlen(word), name, &id, why);

	if (kind == NAMES_IS_NAME)
		return 0;
	return names_fail(c, PROGRAM_USAGE, -EINVAL,
	                  kind < 0 ? why : "an id stands where a name is expected");
}

bool names_daemon_differs(const char *socket, const char *name, const struct node_id *id,
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

static int add(const struct names_call *c, const char *word, const char *id_text)
{
	char name[NAMES_NAME_MAX + 1], why[COYO_WHY_MAX], brief[ID_SHORT_LEN + 1];
	enum id_parse_result parsed;
	struct node_id id, other;
	bool answers = true;
	int r = names_take(c, word, name);

	if (r)
		return r;
	parsed = id_parse(id_text, strlen(id_text), &id);
	if (parsed != ID_PARSE_OK)
		return names_fail(c, PROGRAM_USAGE, -EINVAL, id_parse_error(parsed));
	r = petnames_add(name, &id, why);
	if (r < 0)
		return names_fail(c, PROGRAM_FAILED, r, why);
	if (names_daemon_differs(c->socket, name, &id, &other, &answers)) {
		id_to_short(&other, brief);
		fprintf(stderr, "coyo: coyod calls %s so; your own names go first\n", brief);
	}
	return print_name(c, name, &id);
}

static int drop(const struct names_call *c, const char *word)
{
	char name[NAMES_NAME_MAX + 1], why[COYO_WHY_MAX];
	int r = names_take(c, word, name);

	if (r)
		return r;
	r = petnames_remove(name, why);
	return r < 0 ? names_fail(c, r == -ENOENT ? PROGRAM_USAGE : PROGRAM_FAILED, r, why)
	             : print_name(c, name, NULL);
}

/* ---- show ---- */

/* What an id is called, as far as it has been found out. */
struct shown {
	const struct names_call *call;
	struct names own;
	struct node_id id;
	uint64_t now_s;
	bool any;
	struct json json;
};

/* from: "own", "contact" with its name, or "coyod". */
static void show_one(struct shown *s, const char *name, const char *from, const char *contact)
{
	s->any = true;
	if (!s->call->json) {
		if (contact)
			printf("%s  %s's\n", name, contact);
		else
			printf("%s  %s\n", name, strcmp(from, "own") == 0 ? "yours" : "coyod's");
		return;
	}
	json_object(&s->json, NULL);
	json_str(&s->json, "name", name);
	json_str(&s->json, "from", from);
	if (contact)
		json_str(&s->json, "contact", contact);
	json_object_end(&s->json);
}

/* What one contact calls it. */
static int show_contact(void *arg, const struct vouched *v)
{
	char name[NAMES_NAME_MAX + 1];
	struct shown *s = arg;
	const struct names_row *contact = names_of(&s->own, &v->signer);

	if (!contact || (v->expires && v->expires <= s->now_s))
		return 0;
	for (uint32_t i = 0; i < v->names.n; i++)
		if (id_eq(&v->names.rows[i].id, &s->id) &&
		    contacts_join(v->names.rows[i].name, contact->name, name))
			show_one(s, name, "contact", contact->name);
	return 0;
}

static int show_end(struct shown *s)
{
	char id[ID_TEXT_LEN + 1];

	json_array_end(&s->json);
	id_to_text(&s->id, id);
	json_str(&s->json, "id", id);
	json_object_end(&s->json);
	json_line_end(&s->json);
	if (s->call->json)
		return names_print(&s->json);
	json_free(&s->json);
	return PROGRAM_DONE;
}

/* Every own name of an id, then its contacts', then the daemon's. */
static int show(const struct names_call *c, const char *word)
{
	struct shown s = {.call = c, .now_s = (uint64_t)time(NULL)};
	struct app_request req = {.type = APP_REQ_NAME};
	struct app_answer ans;
	char why[COYO_WHY_MAX];
	int r = resolve_name(c->socket, word, DAEMON_MS, &s.id, why);

	if (r < 0)
		return names_fail(c, verb_status_of_name(r), r, why);
	r = petnames_load(&s.own, why);
	if (r < 0)
		return names_fail(c, PROGRAM_FAILED, r, why);
	json_object(&s.json, NULL);
	json_array(&s.json, "names");
	for (uint32_t i = 0; i < s.own.n; i++)
		if (id_eq(&s.own.rows[i].id, &s.id))
			show_one(&s, s.own.rows[i].name, "own", NULL);
	r = contacts_each(show_contact, &s, why);
	names_free(&s.own);
	if (r < 0) {
		json_free(&s.json);
		return names_fail(c, PROGRAM_FAILED, r, why);
	}
	req.id = s.id;
	r = ask_daemon(c->socket, &req, DAEMON_MS, &ans, why);
	if (r == 0 && ans.type == APP_ANS_IS)
		show_one(&s, ans.name, "coyod", NULL);
	else if (r == 0)
		r = why_say(why, sizeof(why), EPROTO,
		            "coyod's answer is no name: is it of another version?");
	if (s.any)
		return show_end(&s);
	json_free(&s.json);
	return names_fail(c, r == -ENOENT ? PROGRAM_FAILED : verb_status_of(r), r, why);
}

/* The id that a name means, or an id itself, as a QR code. */
static int draw(const struct names_call *c, const char *word)
{
	char why[COYO_WHY_MAX];
	struct node_id id;
	int r = resolve_name(c->socket, word, DAEMON_MS, &id, why);

	if (r < 0)
		return names_fail(c, verb_status_of_name(r), r, why);
	r = qr_show(&id, why);
	return r < 0 ? names_fail(c, PROGRAM_FAILED, r, why) : PROGRAM_DONE;
}

/* Takes --json out of the words, wherever it stands. */
static int take_json(int argc, char **argv, bool *json)
{
	int n = 0;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--json") == 0)
			*json = true;
		else
			argv[n++] = argv[i];
	}
	return n;
}

int verb_names(int argc, char **argv, const char *socket)
{
	struct names_call c = {.socket = socket};
	const char *what;

	argc = take_json(argc, argv, &c.json);
	what = argc > 1 ? argv[1] : "list";
	if (strcmp(what, "list") == 0 && argc <= 2)
		return names_list(&c);
	if (strcmp(what, "add") == 0 && argc == 4)
		return add(&c, argv[2], argv[3]);
	if (strcmp(what, "remove") == 0 && argc == 3)
		return drop(&c, argv[2]);
	if (strcmp(what, "show") == 0 && argc == 3)
		return show(&c, argv[2]);
	if (strcmp(what, "show") == 0 && argc == 4 && strcmp(argv[2], "--qr") == 0)
		return draw(&c, argv[3]);
	if (strcmp(what, "export") == 0)
		return names_export(&c, argc - 1, argv + 1);
	if (strcmp(what, "import") == 0)
		return names_import(&c, argc - 1, argv + 1);
	if (strcmp(what, "forget") == 0)
		return names_forget(&c, argc - 1, argv + 1);
	return verb_misuse(
	        "names takes list, add NAME ID, remove NAME, show [--qr] ID|NAME, export "
	        "[NAME...], import FILE or forget CONTACT");
}
