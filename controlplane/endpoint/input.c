/* SPDX-License-Identifier: BSD-3-Clause */
/* Finds the session that a report is about and hands it to the file that deals with it. */
#include "endpoint/input.h"

#include "endpoint/answer.h"
#include "endpoint/build.h"
#include "endpoint/initiate.h"
#include "endpoint/keys.h"
#include "endpoint/path.h"
#include "endpoint/solve.h"
#include "endpoint/step.h"
#include "endpoint/tell.h"

/* ---- tunnels ---- */

void session_offer(struct node *n, struct lsp *l, const struct setup_msg *m)
{
	answer_offer(n, l, m);
}

void session_lsp_up(struct node *n, struct lsp *l, const struct reply_msg *m)
{
	struct session *s = session_owner(n, l);

	if (!s) {
		lsp_release(n, l, TEAR_REPLACED);
		return;
	}
	session_forget(s, l);
	if (l->setup_flags & SETUP_FLAG_REPAIR)
		path_up(n, s, l);
	else
		initiate_reply(n, s, l, m);
}

void session_lsp_failed(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                        uint32_t tag_to)
{
	struct session *s = session_owner(n, l);

	if (s)
		build_failed(n, s, l, code, tag_from, tag_to);
}

void session_lsp_gone(struct node *n, struct lsp *l)
{
	struct session *s = session_owner(n, l);

	if (s && s->path == l)
		path_lost(n, s);
}

void session_lsp_mtu(struct node *n, struct lsp *l)
{
	struct session *s = session_owner(n, l);

	if (s && s->path == l)
		tell_path(n, s);
}

void session_lsp_leaves(struct node *n, struct lsp *l, uint32_t tag_from, uint32_t tag_to)
{
	struct session *s = session_owner(n, l);

	if (s && s->path == l)
		path_leaves(n, s, tag_from, tag_to);
}

void session_lsp_over(struct node *n, struct lsp *l)
{
	struct session *s = session_owner(n, l);

	if (s)
		session_disown(s, l);
	unproven_drop(n, l);
}

/* ---- workers ---- */

void session_handshake_rx(struct node *n, const struct dp_packet *pk)
{
	struct session *s = session_at(n, pk->session);
	bool unproven = pk->session == CP_SESSION_NONE;
	struct tunnel_header h;
	const uint8_t *msg = pk->data + TUNNEL_HEADER_BYTES;
	size_t total, len;

	if ((!s && !unproven) || !tunnel_header_get(pk->data, pk->len, &h, &total) ||
	    h.type != TUNNEL_HANDSHAKE) {
		count(n, CTR_MALFORMED);
		return;
	}
	len = total - TUNNEL_HEADER_BYTES;
	if (unproven)
		answer_rx_proof(n, pk, msg, len);
	else if (pk->number == 1)
		answer_rx_first(n, s, pk, msg, len);
	else if (pk->number == 2)
		initiate_rx_second(n, s, msg, len);
	else
		count(n, CTR_SESSION_HS_STALE);
}

void session_key_used(struct node *n, uint32_t index, uint8_t phase)
{
	struct session *s = session_at(n, index);

	if (s)
		answer_key_used(n, s, phase);
}

void session_rekey_wanted(struct node *n, uint32_t index)
{
	struct session *s = session_at(n, index);

	if (s && session_has_keys(s) && s->own.state == HS_NONE)
		initiate_rekey(n, s);
}

void session_idle(struct node *n, uint32_t index, bool idle)
{
	struct session *s = session_at(n, index);

	if (!s)
		return;
	s->in_use = !idle;
	if (s->in_use)
		path_in_use(n, s);
}

/* ---- lookups, neighbourhood, time ---- */

void session_lookup_done(struct node *n, uint32_t index, bool exact, const struct contact_info *c)
{
	struct session *s = session_at(n, index);

	if (!s || !build_lookup_done(s, exact, c))
		return;
	if (s->path) {
		path_better(n, s);
		return;
	}
	/* Do not wait for the last attempt: the next one knows the place. */
	s->last_build.ns = 0;
	if (session_wanted(s) || s->in_use)
		arm(n, &s->timer, TIMER_SESSION, s, 0);
}

void session_topology_changed(struct node *n)
{
	for (struct session *s = session_after(n, NULL); s; s = session_after(n, s))
		path_topology_changed(n, s);
}

void session_timer(struct node *n, struct timer *t)
{
	struct session *s = t->owner;

	if (t->kind == TIMER_SESSION_UNPROVEN) {
		unproven_expire(n);
		return;
	}
	if (t->kind == TIMER_SESSION_SOLVE) {
		solve_slice(n);
		return;
	}
	COYO_ASSERT(session_at(n, s->index) == s);
	switch (t->kind) {
	case TIMER_SESSION_OLD_KEY:
		keys_retired(n, s);
		break;
	case TIMER_SESSION_REKEY:
		initiate_rekey(n, s);
		break;
	case TIMER_SESSION_PATH:
		path_better(n, s);
		break;
	default:
		step(n, s);
		break;
	}
}
