/* SPDX-License-Identifier: BSD-3-Clause */
/* Names that applications ask for: a table that control hands over whole and that nobody changes afterwards, so that no lock is needed. */
#include "app/gw.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void gateway_set_names(struct gateway *g, struct names *names)
{
	/* A table that the gateway has not taken is nobody's any more. */
	names_discard(atomic_exchange(&g->names_to_come, names));
}

static const struct names *current(struct gateway *g)
{
	static const struct names none;
	struct names *fresh = atomic_exchange(&g->names_to_come, NULL);

	if (fresh) {
		names_discard(g->names);
		g->names = fresh;
	}
	return g->names ? g->names : &none;
}

void gw_resolve(struct gateway *g, const struct app_request *req, struct app_answer *ans)
{
	const struct names *t = current(g);
	const struct names_row *row = req->type == APP_REQ_RESOLVE ? names_find(t, req->name)
	                              : req->start                 ? names_of_start(t, req->id.b)
	                                                           : names_of(t, &req->id);

	*ans = (struct app_answer){.type = APP_ANS_IS};
	if (row) {
		ans->id = row->id;
		memcpy(ans->name, row->name, sizeof(ans->name));
		return;
	}
	ans->type = APP_ANS_ERROR;
	ans->err = ENOENT;
	if (req->type == APP_REQ_RESOLVE)
		snprintf(ans->why, sizeof(ans->why),
		         "nobody is called %.90s here: see [names] in coyod's configuration",
		         req->name);
	else
		snprintf(ans->why, sizeof(ans->why), "this id has no name here");
}

void gw_names_end(struct gateway *g)
{
	names_discard(atomic_exchange(&g->names_to_come, NULL));
	names_discard(g->names);
	g->names = NULL;
}
