/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of sessions, by id and by index, and which tunnels belong to each. */
#include "endpoint/session.h"

#include <errno.h>
#include <string.h>

static int order(struct session *a, struct session *b)
{
	return id_cmp(&a->remote, &b->remote);
}

RB_GENERATE_INTERNAL(session_tree, session, node, order, static __attribute__((unused)))

int sessions_new(struct node *n)
{
	struct sessions *t = ctx_alloc(n, sizeof(*t));

	if (!t)
		return -ENOMEM;
	n->sessions = t;
	RB_INIT(&t->tree);
	fair_init(&t->hs_rate, SESSION_HS_RATE);
	fair_init(&t->puzzles.free, SESSION_FREE_RATE);
	TAILQ_INIT(&t->solving);
	unproven_init(&t->unproven);
	t->by_index = ctx_alloc(n, n->cfg.sessions_max * sizeof(t->by_index[0]));
	return t->by_index ? 0 : -ENOMEM;
}

void sessions_free(struct node *n)
{
	struct unproven *u;
	struct session *s;

	if (!n->sessions)
		return;
	while ((s = RB_ROOT(&n->sessions->tree)))
		session_destroy(n, s);
	while ((u = TAILQ_FIRST(&n->sessions->unproven.by_age)))
		unproven_drop(n, u->lsp);
	ctx_free(n, n->sessions->puzzles.used);
	explicit_bzero(&n->sessions->puzzles.secret, sizeof(n->sessions->puzzles.secret));
	explicit_bzero(&n->sessions->secret, sizeof(n->sessions->secret));
	ctx_free(n, n->sessions->by_index);
	ctx_free(n, n->sessions);
	n->sessions = NULL;
}

struct session *session_find(struct node *n, const struct node_id *remote)
{
	struct session *s = RB_ROOT(&n->sessions->tree);

	while (s) {
		int d = id_cmp(remote, &s->remote);

		if (d == 0)
			return s;
		s = d < 0 ? RB_LEFT(s, node) : RB_RIGHT(s, node);
	}
	return NULL;
}

struct session *session_after(const struct node *n, struct session *s)
{
	return s ? session_tree_RB_NEXT(s) : session_tree_RB_MINMAX(&n->sessions->tree, RB_NEGINF);
}

struct session *session_at(struct node *n, uint32_t index)
{
	return index < n->cfg.sessions_max ? n->sessions->by_index[index] : NULL;
}

struct session *session_get(struct node *n, const struct node_id *remote)
{
	struct sessions *t = n->sessions;
	struct session *s = session_find(n, remote);
	uint32_t i;

	if (s)
		return s;
	if (t->count >= n->cfg.sessions_max) {
		count(n, CTR_SESSION_LIMIT);
		return NULL;
	}
	s = ctx_alloc(n, sizeof(*s));
	if (!s)
		return NULL;
	for (i = t->next; t->by_index[i]; i = (i + 1) % n->cfg.sessions_max)
		;
	t->next = (i + 1) % n->cfg.sessions_max;
	t->by_index[i] = s;
	t->count++;
	s->index = i;
	s->remote = *remote;
	s->old_phase = SESSION_NO_PHASE;
	s->worker = cp_session_worker(remote, n->cfg.workers);
	RB_INSERT(session_tree, &t->tree, s);
	arm(n, &s->timer, TIMER_SESSION, s, SESSION_HALF_OPEN);
	return s;
}

struct session *session_get_provisional(struct node *n, const struct node_id *remote)
{
	struct session *s = session_find(n, remote);

	if (s)
		return s;
	if (n->sessions->provisional >= (n->cfg.sessions_max + 3) / 4) {
		count(n, CTR_SESSION_LIMIT);
		return NULL;
	}
	s = session_get(n, remote);
	if (s) {
		s->provisional = true;
		n->sessions->provisional++;
	}
	return s;
}

void session_established(struct node *n, struct session *s)
{
	COYO_ASSERT(!s->provisional || n->sessions->provisional > 0);
	n->sessions->provisional -= s->provisional;
	s->provisional = false;
}

void session_destroy(struct node *n, struct session *s)
{
	struct lsp *l;

	COYO_ASSERT(n->sessions->by_index[s->index] == s);
	n->news->session_failed(n, s, EHOSTUNREACH);
	disarm(n, &s->timer);
	disarm(n, &s->rekey_timer);
	disarm(n, &s->path_timer);
	disarm(n, &s->old_timer);
	ticket_cancel(n, &s->own_ticket);
	ticket_cancel(n, &s->answer_ticket);
	while ((l = LIST_FIRST(&s->tunnels)))
		session_disown(s, l);
	session_established(n, s);
	if (s->solving.on)
		TAILQ_REMOVE(&n->sessions->solving, s, solving.next);
	n->sessions->by_index[s->index] = NULL;
	n->sessions->count--;
	RB_REMOVE(session_tree, &n->sessions->tree, s);
	explicit_bzero(s, sizeof(*s));
	ctx_free(n, s);
}

/* ---- states ---- */

#define TO(state) (1u << (state))

/* For each state, the set of states that may follow it. */
static const uint8_t follows[] = {
        [SESSION_CLOSED] = TO(SESSION_CONNECTING) | TO(SESSION_PATHLESS),
        [SESSION_CONNECTING] = TO(SESSION_CLOSED) | TO(SESSION_REPAIRING),
        [SESSION_PATHLESS] = TO(SESSION_CLOSED) | TO(SESSION_REPAIRING) | TO(SESSION_UP),
        [SESSION_REPAIRING] = TO(SESSION_CONNECTING) | TO(SESSION_PATHLESS) | TO(SESSION_UP),
        [SESSION_UP] = TO(SESSION_CLOSED) | TO(SESSION_PATHLESS) | TO(SESSION_UP),
};

void session_enter(struct session *s, enum session_state to)
{
	COYO_ASSERT(follows[s->state] & TO(to));
	COYO_ASSERT((to == SESSION_UP) == (s->path != NULL));
	s->state = (uint8_t)to;
}

const char *session_state_text(const struct session *s)
{
	switch ((enum session_state)s->state) {
	case SESSION_CLOSED:
		return s->answer.state != HS_NONE ? "answering" : "closed";
	case SESSION_CONNECTING:
		return s->answer.state != HS_NONE ? "answering" : "connecting";
	case SESSION_PATHLESS:
		return s->in_use ? "repairing" : "idle";
	case SESSION_REPAIRING:
		return "repairing";
	case SESSION_UP:
		break;
	}
	return "up";
}

/* ---- tunnels ---- */

void session_own(struct session *s, struct lsp *l)
{
	COYO_ASSERT(l->role != LSP_TRANSIT && !l->finger);
	COYO_ASSERT(!l->of_owner.le_prev);
	l->session = s->index;
	LIST_INSERT_HEAD(&s->tunnels, l, of_owner);
}

struct session *session_owner(struct node *n, const struct lsp *l)
{
	return l->finger || l->session == SESSION_NONE ? NULL : session_at(n, l->session);
}

void session_forget(struct session *s, const struct lsp *l)
{
	for (unsigned i = 0; i < SESSION_BUILDS; i++)
		if (s->build[i].lsp == l)
			s->build[i].lsp = NULL;
	if (s->commit == l)
		s->commit = NULL;
	if (s->answer.lsp == l)
		s->answer.lsp = NULL;
	if (s->own.lsp == l)
		s->own.lsp = NULL;
}

void session_disown(struct session *s, struct lsp *l)
{
	COYO_ASSERT(l->session == s->index);
	session_forget(s, l);
	/* A tunnel whose set-up could not be sent is in no list yet. */
	if (l->of_owner.le_prev) {
		LIST_REMOVE(l, of_owner);
		l->of_owner.le_prev = NULL;
	}
	l->session = SESSION_NONE;
}
