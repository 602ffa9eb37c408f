/* SPDX-License-Identifier: BSD-3-Clause */
/* The order in which names are looked for: a user's own names first, so that nobody can put another node in their place; then those that the
 * user's contacts vouch for, which are below the contact's name; then the daemon's. */
#include "resolve/resolve.h"
#include "resolve/ask.h"
#include "resolve/contacts.h"
#include "resolve/petnames.h"

#include "base/why.h"

#include <errno.h>
#include <string.h>
#include <time.h>

_Static_assert(RESOLVE_ASK == 1, "what contacts.h returns where a list does not say");
_Static_assert(RESOLVE_WHY_MAX >= PETNAMES_WHY_MAX && RESOLVE_WHY_MAX >= APP_WHY_MAX, "sentences");

/* Asks the daemon a question that is answered with `is ID NAME`. */
static int ask(const char *socket, const struct app_request *req, int timeout_ms,
               struct app_answer *ans, char why[RESOLVE_WHY_MAX])
{
	int r = ask_daemon(socket, req, timeout_ms, ans, why);

	if (r == 0 && ans->type != APP_ANS_IS)
		return why_say(why, RESOLVE_WHY_MAX, EPROTO,
		               "coyod's answer is no name: is it of another version?");
	return r;
}

int resolve_own(const char *text, struct app_request *req, struct node_id *id,
                char why[RESOLVE_WHY_MAX])
{
	struct names own = {0};
	const struct names_row *row;
	int r;

	*req = (struct app_request){.type = APP_REQ_RESOLVE};
	r = names_read(text, strlen(text), req->name, id, why);
	if (r != NAMES_IS_NAME)
		return r < 0 ? r : 0;
	r = petnames_load(&own, why);
	if (r < 0)
		return r;
	row = names_find(&own, req->name);
	if (row)
		*id = row->id;
	else
		r = contacts_find(&own, req->name, (uint64_t)time(NULL), id, why);
	names_free(&own);
	return r;
}

int resolve_name(const char *socket, const char *text, int timeout_ms, struct node_id *id,
                 char why[RESOLVE_WHY_MAX])
{
	struct app_request req;
	struct app_answer ans;
	int r = resolve_own(text, &req, id, why);

	if (r != RESOLVE_ASK)
		return r;
	r = ask(socket, &req, timeout_ms, &ans, why);
	if (r == 0)
		*id = ans.id;
	if (r == -ENOENT)
		why_say(why, RESOLVE_WHY_MAX, ENOENT,
		        "nobody is called %.120s here: neither `coyo names` nor [names] in coyod's "
		        "configuration has it",
		        req.name);
	return r;
}

int resolve_start(const char *socket, const uint8_t start[15], int timeout_ms, struct node_id *id,
                  char name[NAMES_NAME_MAX + 1], char why[RESOLVE_WHY_MAX])
{
	struct app_request req = {.type = APP_REQ_NAME, .start = true};
	struct names own = {0};
	const struct names_row *row;
	struct app_answer ans;
	int r = petnames_load(&own, why);

	if (r < 0)
		return r;
	row = names_of_start(&own, start);
	if (row) {
		*id = row->id;
		memcpy(name, row->name, sizeof(row->name));
	}
	if (!row)
		r = contacts_of_start(&own, start, (uint64_t)time(NULL), id, name, why);
	names_free(&own);
	if (r != RESOLVE_ASK)
		return r;
	memcpy(req.id.b, start, 15);
	r = ask(socket, &req, timeout_ms, &ans, why);
	if (r == 0) {
		*id = ans.id;
		memcpy(name, ans.name, sizeof(ans.name));
	}
	return r;
}
