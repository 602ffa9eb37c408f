/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts set-ups for a session, learns from those that fail, and looks up where the destination stands. */
#include "endpoint/build.h"

#include "anchor/anchor.h"
#include "endpoint/handshake.h"
#include "endpoint/solve.h"
#include "endpoint/tell.h"
#include "kad/kad.h"

#include <errno.h>
#include <string.h>

#define ATTEMPT_NS      (800 * NS_PER_MS)
#define ATTEMPT_HOP     (8 * NS_PER_MS) /* added for each hop between this node and the root */
#define RETRY_NS        (300 * NS_PER_MS)
#define LOOKUP_PAUSE    (100 * NS_PER_MS) /* between two lookups, doubling */
#define REPAIR_GIVES_UP (60 * NS_PER_S)
#define ASTRAY_TRIES    6

/* ---- time ---- */

/* What long links add to a round trip to the other end. */
static int64_t slow(struct node *n, const struct session *s)
{
	int64_t ours = peers_slow_ns(n, n->anchor->tree[0].coords.hops + 1u);

	return ours > s->rtt_ns ? ours : s->rtt_ns;
}

int64_t build_time_limit(struct node *n, const struct session *s)
{
	/* Time for a lookup, an attempt and another. */
	return session_has_keys(s) ? REPAIR_GIVES_UP
	                           : n->cfg.connect_timeout_ns * 9 / 10 + 3 * slow(n, s);
}

/* In a deep tree ways are long, and answers take longer. */
int64_t build_attempt_timeout(struct node *n, const struct session *s)
{
	return ATTEMPT_NS + ATTEMPT_HOP * anchor_depth(n->anchor) + slow(n, s);
}

/* A repair is tried often while a user may still be waiting, then less and less often. */
int64_t build_next(struct node *n, const struct session *s)
{
	int64_t waited = instant_sub(n->now, s->want_since);
	int64_t left = build_time_limit(n, s) - waited;
	int64_t full = build_attempt_timeout(n, s);
	int64_t wait = !session_has_keys(s)     ? full
	               : waited < 3 * NS_PER_S  ? full / 2
	               : waited < 10 * NS_PER_S ? full
	                                        : 3 * full;

	return wait < left ? wait : left;
}

int64_t build_retry_lookup(const struct session *s)
{
	return LOOKUP_PAUSE << min_u64(s->lookups_made, 3);
}

/* ns until the next attempt after a failed one. The second follows at once; later ones wait longer if the session has keys, since a
 * repair has more time. */
static int64_t retry_after_failure(const struct session *s)
{
	unsigned more = session_has_keys(s) && s->attempts > 2 ? s->attempts - 3u : 0;

	return s->attempts <= 2 ? NS_PER_MS : RETRY_NS << (more < 3 ? more : 3);
}

/* ---- set-ups under way ---- */

void build_reset(struct session *s)
{
	s->attempts = s->lookups_made = 0;
	s->too_far = false;
	s->stale_seq = 0;
	s->solving.tries = 0;
}

bool build_any(const struct session *s)
{
	for (unsigned i = 0; i < SESSION_BUILDS; i++)
		if (s->build[i].lsp)
			return true;
	return false;
}

void build_drop(struct node *n, struct session *s, const struct lsp *but)
{
	for (unsigned i = 0; i < SESSION_BUILDS; i++) {
		struct lsp *l = s->build[i].lsp;

		s->build[i].lsp = NULL;
		if (l && l != but)
			lsp_release(n, l, TEAR_REPLACED);
	}
}

/* A free slot. When all are taken, the oldest attempt is given up: it has had no reply, and its slot would stay taken until its
 * timer fires. */
static unsigned free_slot(struct node *n, struct session *s)
{
	unsigned oldest = 0;

	for (unsigned i = 0; i < SESSION_BUILDS; i++) {
		if (!s->build[i].lsp)
			return i;
		if (instant_before(s->build[i].lsp->born, s->build[oldest].lsp->born))
			oldest = i;
	}
	lsp_release(n, s->build[oldest].lsp, TEAR_REPLACED);
	s->build[oldest].lsp = NULL;
	return oldest;
}

/* Puts the first message of a handshake into q. All attempts carry the same one: the first reply completes it. */
static int first_message(struct node *n, struct session *s, struct lsp_request *q,
                         uint8_t envelope[LSP_ENVELOPE_MAX])
{
	struct session_hs *hs = &s->own;
	bool ik = s->known && !s->use_xx && generations_with(&s->generations, s->x_key) &&
	          (session_has_keys(s) ? s->refused : s->attempts) < 2;

	if (hs->state != HS_OPEN || hs->ik != ik || hs->renews || hs->noise.message != 1) {
		int r = handshake_begin(n, s, ik);

		if (r != 0)
			return r;
	}
	q->flags = ik ? SETUP_FLAG_IK : 0;
	q->envelope = envelope;
	q->envelope_len = (uint16_t)handshake_envelope(&s->remote, hs, true, envelope);
	return 0;
}

static int start(struct node *n, struct session *s, bool astray)
{
	struct lsp_request q = {.dst = s->remote,
	                        .astray = astray,
	                        .session = s->index,
	                        .worker = s->worker,
	                        .nnotvia = s->nnotvia};
	uint8_t envelope[LSP_ENVELOPE_MAX];
	unsigned slot = free_slot(n, s);
	int r;

	COYO_ASSERT(!s->build[slot].lsp && s->nnotvia <= SETUP_NOTVIA_MAX);
	if (session_has_keys(s) && !s->anew) {
		q.flags = SETUP_FLAG_REPAIR;
	} else {
		r = first_message(n, s, &q, envelope);
		if (r != 0)
			return r;
		solve_use(s, envelope, q.envelope_len, &q.nonce);
	}
	s->anew = false;
	memcpy(q.notvia, s->notvia, sizeof(q.notvia));
	if (s->has_place) {
		q.places = &s->place;
		q.nplaces = 1;
	}
	s->build[slot].by_place = s->has_place;
	s->last_build = n->now;
	r = lsp_build(n, &q, &s->build[slot].lsp);
	if (r != 0)
		return r;
	if (q.envelope_len)
		solve_spent(s);
	session_own(s, s->build[slot].lsp);
	return 0;
}

int build_start(struct node *n, struct session *s)
{
	return start(n, s, false);
}

int build_astray(struct node *n, struct session *s)
{
	return s->attempts < ASTRAY_TRIES ? start(n, s, true) : -EHOSTUNREACH;
}

int build_start_anyhow(struct node *n, struct session *s)
{
	int r = build_start(n, s);

	if (r == 0)
		return 0;
	if (s->nnotvia == 0)
		return -EHOSTUNREACH;
	s->nnotvia = 0;
	return build_start(n, s);
}

/* ---- a set-up has failed ---- */

static bool was_by_place(const struct session *s, const struct lsp *l)
{
	for (unsigned i = 0; i < SESSION_BUILDS; i++)
		if (s->build[i].lsp == l)
			return s->build[i].by_place;
	return false;
}

bool build_avoid(struct session *s, uint32_t tag_from, uint32_t tag_to)
{
	/* Several attempts may have failed at the same hop. */
	for (unsigned i = 0; i < s->nnotvia; i++)
		if (s->notvia[i][0] == tag_from && s->notvia[i][1] == tag_to)
			return false;
	if (!tag_from || !tag_to || s->nnotvia == SETUP_NOTVIA_MAX) {
		s->nnotvia = 0;
		return false;
	}
	s->notvia[s->nnotvia][0] = tag_from;
	s->notvia[s->nnotvia++][1] = tag_to;
	return true;
}

void build_again(struct node *n, struct session *s)
{
	if (session_settled(s) || build_any(s))
		return;
	if (session_wanted(s) || s->in_use)
		arm(n, &s->timer, TIMER_SESSION, s, retry_after_failure(s));
}

void build_soon(struct node *n, struct session *s)
{
	if (!build_any(s))
		arm(n, &s->timer, TIMER_SESSION, s, NS_PER_MS);
}

void build_failed(struct node *n, struct session *s, struct lsp *l, uint8_t code, uint32_t tag_from,
                  uint32_t tag_to)
{
	if (code == SETUP_PUZZLE && solve_begin(n, s, l, tag_from, tag_to)) {
		session_forget(s, l);
		return;
	}
	if (code == SETUP_PUZZLE)
		tag_from = tag_to = 0;
	/* An attempt that went by the destination's place failed: the place may be wrong, and a newer record is looked for. */
	if (was_by_place(s, l)) {
		s->has_place = false;
		s->stale_seq = s->place_seq;
	}
	session_forget(s, l);
	/* The other side has forgotten the session, or somebody on the way says so in its name: the next attempt makes new keys, and the old
	 * ones stay until that has succeeded. If it fails, a repair is tried again. */
	if (code == SETUP_REFUSED && session_has_keys(s) && !s->path) {
		s->anew = l->setup_flags & SETUP_FLAG_REPAIR;
		if (s->refused < UINT8_MAX)
			s->refused++;
	}
	/* It holds no keys with this node: nothing but a handshake from the beginning is of use. */
	if (code == SETUP_USE_XX) {
		s->use_xx = true;
		s->anew = session_has_keys(s) && !s->path;
	}
	s->too_far |= code == SETUP_TOO_FAR;
	/* A repair that has learnt of a hop to be left out goes another way at once. */
	if (build_avoid(s, tag_from, tag_to) && session_has_keys(s) && !s->path)
		build_soon(n, s);
	else
		build_again(n, s);
}

/* ---- the destination's place ---- */

void build_lookup(struct node *n, struct session *s)
{
	int64_t pause = LOOKUP_PAUSE << min_u64(s->lookups_made, session_has_keys(s) ? 6 : 4);

	if (s->looking || (s->lookup_at.ns && instant_sub(n->now, s->lookup_at) < pause))
		return;
	/* Set before the call, since a lookup with nobody to ask ends within it. */
	s->looking = true;
	if (lookup_start(n, LOOKUP_SESSION, s->index, &s->remote, NULL, s->stale_seq) != 0) {
		s->looking = false;
		return;
	}
	s->lookup_at = n->now;
	if (s->lookups_made < UINT8_MAX)
		s->lookups_made++;
}

bool build_lookup_done(struct session *s, bool exact, const struct contact_info *c)
{
	s->looking = false;
	if (!exact || !c || c->ntrees == 0) {
		s->stale_seq =
		        0; /* there is no newer record: the place may be right and the way was at fault */
		return false;
	}
	s->place = c->place[0];
	s->has_place = true;
	s->place_seq = c->seq;
	return true;
}

/* ---- the demand for a session ---- */

int session_want(struct node *n, const struct node_id *remote)
{
	struct session *s;

	if (n->draining)
		return -ESHUTDOWN;
	if (id_eq(remote, &n->cfg.identity->id))
		return -EINVAL;
	s = session_get(n, remote);
	if (!s)
		return -ENOMEM;
	if (session_ready(s)) {
		tell_path(n, s);
		return 0;
	}
	if (!session_wanted(s)) {
		session_enter(s, session_has_keys(s) ? SESSION_REPAIRING : SESSION_CONNECTING);
		s->want_since = n->now;
		build_reset(s);
		arm(n, &s->timer, TIMER_SESSION, s, 0);
	}
	return 0;
}
