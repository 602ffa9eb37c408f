/* SPDX-License-Identifier: BSD-3-Clause */
/* Which tunnel carries a session, and how both sides agree on it. */
#include "endpoint/path.h"

#include "endpoint/build.h"
#include "endpoint/tell.h"

#define RESPONDER_WAITS (700 * NS_PER_MS) /* the initiator repairs first */
#define PATH_FIRST      (2 * NS_PER_S)
#define PATH_LONGEST    (120 * NS_PER_S)
#define COMMIT_RETRY    (200 * NS_PER_MS)
#define COMMIT_TRIES    8
#define MOVE_TRIES      6

void path_use(struct node *n, struct session *s, struct lsp *l)
{
	struct lsp *old = s->path;

	COYO_ASSERT(session_has_keys(s) && l->session == s->index);
	if (old == l)
		return;
	s->path = l;
	session_enter(s, SESSION_UP);
	s->commit = s->leaves = NULL;
	build_reset(s);
	s->refused = 0;
	s->anew = false;
	s->nnotvia = 0;
	tell_path(n, s);
	if (old)
		lsp_retire(n, old);
	s->path_ns = PATH_FIRST;
	arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
	n->news->session_ready(n, s);
}

/* Loops are erased from every tunnel, so that one which leaves by the far end's own link crosses no other. The number of hops is not asked: at the
 * far end of a tunnel it may be that of the way that the set-up took. */
bool path_direct(const struct session *s)
{
	const struct lsp *l = s->path;
	const struct peer *p = !l ? NULL : l->role == LSP_INGRESS ? l->down : l->up;

	return p && id_eq(&p->id, &s->remote);
}

/* ---- both sides use the same tunnel ---- */

static void commit_send(struct node *n, struct session *s)
{
	struct oam m = {
	        .type = OAM_PATH_COMMIT, .sequence = s->commit_seq, .id = (uint32_t)s->path->nonce};

	tell_send_oam(n, s, &m, 0);
	arm(n, &s->timer, TIMER_SESSION, s,
	    s->rtt_ns / 2 > COMMIT_RETRY ? s->rtt_ns / 2 : COMMIT_RETRY);
}

void path_commit(struct node *n, struct session *s)
{
	COYO_ASSERT(session_ready(s));
	s->commit = s->path;
	s->commit_tries = 0;
	s->commit_seq++;
	commit_send(n, s);
}

void path_commit_again(struct node *n, struct session *s)
{
	if (s->commit_tries++ >= COMMIT_TRIES)
		s->commit = NULL;
	if (s->commit)
		commit_send(n, s);
}

/* Whether a commit of the other side is to be ignored. The later one counts; of two that cross, the one by the lower id, since otherwise
 * each side would withdraw the tunnel that the other has chosen. */
static bool commit_outdated(const struct node *n, const struct session *s, uint16_t sequence)
{
	int16_t ahead = (int16_t)(sequence - s->commit_seq);

	return ahead < 0 || (ahead == 0 && session_lower(n, s));
}

/* The tunnel with this nonce that the other side has built and that is up; NULL: none. */
static struct lsp *offered(const struct session *s, uint32_t nonce)
{
	struct lsp *l;

	LIST_FOREACH (l, &s->tunnels, of_owner)
		if (l->role == LSP_EGRESS && l->state == LSP_UP && (uint32_t)l->nonce == nonce)
			return l;
	return NULL;
}

bool path_offered(const struct session *s)
{
	const struct lsp *l;

	LIST_FOREACH (l, &s->tunnels, of_owner)
		if (l->role == LSP_EGRESS && l->state == LSP_UP)
			return true;
	return false;
}

void path_commit_rx(struct node *n, struct session *s, const struct oam *m)
{
	struct oam seen = {.type = OAM_PATH_COMMIT,
	                   .flags = OAM_FLAG_SEEN,
	                   .sequence = m->sequence,
	                   .id = m->id};
	struct lsp *l;

	if (m->flags & OAM_FLAG_SEEN) {
		if (s->commit && (uint32_t)s->commit->nonce == m->id)
			s->commit = NULL;
		return;
	}
	l = session_has_keys(s) && !commit_outdated(n, s, m->sequence) ? offered(s, m->id) : NULL;
	if (l) {
		s->commit_seq = m->sequence;
		s->initiator = false;
		build_drop(n, s, NULL);
		path_use(n, s, l);
	}
	if (s->path && (uint32_t)s->path->nonce == m->id)
		tell_send_oam(n, s, &seen, 0);
}

/* ---- a path is lost, another one is built ---- */

void path_lost(struct node *n, struct session *s)
{
	COYO_ASSERT(session_ready(s));
	s->path = s->leaves = NULL;
	session_enter(s, SESSION_PATHLESS);
	s->has_place = false;
	tell_path(n, s);
	s->want_since = n->now;
	build_reset(s);
	s->path_ns = PATH_FIRST;
	arm(n, &s->timer, TIMER_SESSION, s,
	    s->initiator ? NS_PER_MS
	                 : RESPONDER_WAITS + peers_slow_ns(n, n->anchor->tree[0].coords.hops));
}

void path_up(struct node *n, struct session *s, struct lsp *l)
{
	if (!session_has_keys(s) || (session_settled(s) && l->hops >= s->path->hops)) {
		lsp_release(n, l, TEAR_REPLACED);
		return;
	}
	if (!s->path)
		s->rebuilds++;
	s->rtt_ns = instant_sub(n->now, l->born);
	s->initiator = true;
	build_drop(n, s, l);
	path_use(n, s, l);
	path_commit(n, s);
}

/* ---- a path is about to be lost ---- */

void path_leaves(struct node *n, struct session *s, uint32_t tag_from, uint32_t tag_to)
{
	COYO_ASSERT(session_ready(s));
	if (s->leaves == s->path || !s->in_use)
		return;
	s->leaves = s->path;
	build_reset(s);
	build_avoid(s, tag_from, tag_to);
	arm(n, &s->timer, TIMER_SESSION, s,
	    s->initiator ? 0 : RESPONDER_WAITS + peers_slow_ns(n, n->anchor->tree[0].coords.hops));
}

void path_move(struct node *n, struct session *s)
{
	if (!s->path || session_settled(s) || build_any(s) || s->attempts == MOVE_TRIES)
		return;
	s->attempts++;
	if (build_start_anyhow(n, s) != 0)
		build_lookup(n, s);
	if (!timer_armed(&s->timer))
		arm(n, &s->timer, TIMER_SESSION, s, build_attempt_timeout(n, s) / 2);
}

/* ---- shorter paths ---- */

/* One hop to a neighbour, or two to any other node, cannot be improved. */
static bool may_be_longer(struct node *n, const struct session *s)
{
	return s->path->hops > (peer_by_id(n, &s->remote) ? 1 : 2);
}

/* The first set-up went greedily by id; a shorter path is tried along the anchor, for which the place of the other end has to be
 * looked up first. */
void path_better(struct node *n, struct session *s)
{
	if (!s->in_use || !session_ready(s) || !s->initiator)
		return;
	if (may_be_longer(n, s) && !build_any(s)) {
		if (s->has_place)
			(void)build_start(n, s);
		else
			build_lookup(n, s);
	}
	arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
	s->path_ns = s->path_ns * 2 < PATH_LONGEST ? s->path_ns * 2 : PATH_LONGEST;
	if (s->path_ns == PATH_LONGEST)
		s->has_place = false; /* the next search begins with a lookup */
}

void path_in_use(struct node *n, struct session *s)
{
	if (session_ready(s) && !timer_armed(&s->path_timer))
		arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
}

void path_topology_changed(struct node *n, struct session *s)
{
	/* What failed a moment ago may succeed now. The other side is still given time to repair first. */
	if (!s->path && session_has_keys(s) && (session_wanted(s) || s->in_use) &&
	    (s->initiator || s->attempts))
		build_soon(n, s);
	if (!s->in_use || !session_ready(s) || !s->initiator || s->path_ns <= PATH_FIRST)
		return;
	s->path_ns = PATH_FIRST;
	s->has_place = false;
	arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
}
