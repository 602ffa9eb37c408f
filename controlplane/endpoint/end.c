/* SPDX-License-Identifier: BSD-3-Clause */
/* Takes sessions down: the keys only, the attempts too, or the session altogether. */
#include "endpoint/end.h"

#include "endpoint/build.h"
#include "endpoint/handshake.h"
#include "endpoint/tell.h"

void end_keys(struct node *n, struct session *s)
{
	struct lsp *l = s->path;

	COYO_ASSERT(session_has_keys(s));
	s->confirmed = false;
	disarm(n, &s->rekey_timer);
	disarm(n, &s->old_timer);
	s->old_phase = SESSION_NO_PHASE;
	s->commit = NULL;
	handshake_wipe(&s->own);
	s->path = NULL;
	session_enter(s, session_wanted(s) ? SESSION_CONNECTING : SESSION_CLOSED);
	if (l)
		lsp_release(n, l, TEAR_ADMIN);
	tell_end(n, s);
	s->in_use = false;
	arm(n, &s->timer, TIMER_SESSION, s, NS_PER_S);
}

void end_begin_anew(struct node *n, struct session *s)
{
	struct lsp *l = s->path;

	COYO_ASSERT(session_ready(s));
	if (!s->in_use) {
		end_keys(n, s);
		return;
	}
	s->confirmed = false;
	disarm(n, &s->rekey_timer);
	handshake_wipe(&s->own);
	s->path = s->commit = NULL;
	session_enter(s, SESSION_CLOSED);
	tell_path(n, s);
	if (l)
		lsp_release(n, l, TEAR_ADMIN);
	(void)session_want(n, &s->remote);
}

void end_give_up(struct node *n, struct session *s, int err)
{
	tell_unreachable(n, s, err, 0);
	build_drop(n, s, NULL);
	if (session_wanted(s))
		session_enter(s, session_has_keys(s) ? SESSION_PATHLESS : SESSION_CLOSED);
	build_reset(s);
	s->has_place = false;
	s->nnotvia = 0;
	n->news->session_failed(n, s, err);
	if (session_has_keys(s))
		end_keys(n, s);
	arm(n, &s->timer, TIMER_SESSION, s, NS_PER_S);
}

void end_session(struct node *n, struct session *s)
{
	struct lsp *l;

	tell_end(n, s);
	/* Whoever is at the other end of one would go on sending into it until it is silent for too long. */
	while ((l = LIST_FIRST(&s->tunnels))) {
		session_disown(s, l);
		lsp_release(n, l, TEAR_ADMIN);
	}
	session_destroy(n, s);
}
