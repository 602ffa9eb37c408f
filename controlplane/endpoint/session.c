/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of sessions and each one's way to a tunnel: first set-up, retries, repair, better paths. */
#include "endpoint/session.h"

#include "anchor/anchor.h"

#include "kad/kad.h"

#include <errno.h>
#include <string.h>

#define ATTEMPT_NS      (800 * NS_PER_MS)
#define ATTEMPT_HOP     (8 * NS_PER_MS)
#define RETRY_NS        (300 * NS_PER_MS)
#define SEEK_NS         (100 * NS_PER_MS)
#define DEEP            32 /* hops to the root */
#define RESPONDER_WAITS (700 * NS_PER_MS)
#define REPAIR_GIVES_UP (60 * NS_PER_S)
#define HALF_OPEN       (8 * NS_PER_S)
#define PATH_FIRST      (2 * NS_PER_S)
#define PATH_CALM       (120 * NS_PER_S)
#define COMMIT_RETRY    (200 * NS_PER_MS)
#define COMMIT_TRIES    8
#define UNUSED_SESSION  (300 * NS_PER_S)

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
	bucket_init(&t->hs_rate, SESSION_HS_RATE, SESSION_HS_RATE);
	t->by_index = ctx_alloc(n, n->cfg.sessions_max * sizeof(t->by_index[0]));
	return t->by_index ? 0 : -ENOMEM;
}

void sessions_free(struct node *n)
{
	struct session *s;

	if (!n->sessions)
		return;
	while ((s = RB_ROOT(&n->sessions->tree)))
		session_destroy(n, s);
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
	s->worker = cp_session_worker(remote, n->cfg.workers);
	s->path_ns = PATH_FIRST;
	RB_INSERT(session_tree, &t->tree, s);
	arm(n, &s->timer, TIMER_SESSION, s, HALF_OPEN);
	return s;
}

void session_own(struct session *s, struct lsp *l)
{
	l->session = s->index;
	LIST_INSERT_HEAD(&s->tunnels, l, of_owner);
}

/* A set-up that failed before session_own() is in no list. */
static void disown(struct lsp *l)
{
	if (l->of_owner.le_prev) {
		LIST_REMOVE(l, of_owner);
		l->of_owner.le_prev = NULL;
	}
	l->session = SESSION_NONE;
}

void session_wipe_hs(struct node *n, struct session_hs *hs)
{
	explicit_bzero(hs, sizeof(*hs));
}

void session_destroy(struct node *n, struct session *s)
{
	struct cp_cmd c = {.type = CMD_SESSION_DEL};
	struct lsp *l;

	if (s->in_worker) {
		c.u.session.session = s->index;
		c.u.session.remote = s->remote;
		out_command(n, s->worker, &c);
	}
	n->news->session_failed(n, s, EHOSTUNREACH);
	disarm(n, &s->timer);
	disarm(n, &s->rekey_timer);
	disarm(n, &s->path_timer);
	disarm(n, &s->old_timer);
	ticket_cancel(n, &s->own_ticket);
	ticket_cancel(n, &s->answer_ticket);
	while ((l = LIST_FIRST(&s->tunnels))) {
		LIST_REMOVE(l, of_owner);
		l->session = SESSION_NONE;
	}
	n->sessions->by_index[s->index] = NULL;
	n->sessions->count--;
	RB_REMOVE(session_tree, &n->sessions->tree, s);
	explicit_bzero(s, sizeof(*s));
	ctx_free(n, s);
}

/* Tells the worker what this session's tunnel is (or that there is none now: hold). */
void session_set(struct node *n, struct session *s)
{
	struct cp_cmd c = {.type = CMD_SESSION_SET};
	const struct lsp *l = s->path;
	bool out = l && s->has_keys;

	c.u.session.session = s->index;
	c.u.session.remote = s->remote;
	c.u.session.out_label = LABEL_NONE;
	if (out) {
		const struct peer *p = l->role == LSP_INGRESS ? l->down : l->up;

		c.u.session.out_link = p->link;
		c.u.session.out_label = l->role == LSP_INGRESS ? l->fwd_out : l->rev_out;
	}
	c.u.session.path_mtu = l && l->mtu > LSP_OVERHEAD ? (uint16_t)(l->mtu - LSP_OVERHEAD) : 0;
	out_command(n, s->worker, &c);
	s->in_worker = true;
}

static void send_session(struct node *n, const struct session *s, uint8_t type, uint8_t number,
                         uint8_t ttl, const uint8_t *data, size_t len)
{
	struct cp_cmd c;

	memset(&c, 0, offsetof(struct cp_cmd, u.send_session.data));
	c.type = CMD_SEND_SESSION;
	c.u.send_session.session = s->index;
	c.u.send_session.clear = type == TUNNEL_HANDSHAKE || type == TUNNEL_OAM_CLEAR;
	c.u.send_session.tunnel_type = type;
	c.u.send_session.number = number;
	c.u.send_session.ttl = ttl;
	c.u.send_session.len = (uint16_t)len;
	memcpy(c.u.send_session.data, data, len);
	out_command(n, s->worker, &c);
}

void session_send_handshake(struct node *n, const struct session *s, uint8_t number,
                            const uint8_t *msg, size_t len)
{
	send_session(n, s, TUNNEL_HANDSHAKE, number, 0, msg, len);
}

void session_send_oam(struct node *n, struct session *s, const struct oam *m, uint8_t ttl)
{
	uint8_t buf[OAM_BYTES + ID_BYTES + 8];
	struct wr w = wr_init(buf, sizeof(buf));

	oam_write(&w, m);
	send_session(n, s, TUNNEL_OAM, 0, ttl, buf, wr_len(&w));
}

static void commit_send(struct node *n, struct session *s)
{
	struct oam m = {
	        .type = OAM_PATH_COMMIT, .sequence = s->commit_seq, .id = (uint32_t)s->path->nonce};

	session_send_oam(n, s, &m, 0);
	arm(n, &s->timer, TIMER_SESSION, s, COMMIT_RETRY);
}

/* Our new tunnel is to be used by the other side as well: said inside it, until seen. */
void session_commit(struct node *n, struct session *s)
{
	s->commit = s->path;
	s->commit_tries = 0;
	s->commit_seq++;
	commit_send(n, s);
}

/* From now on l carries the session; what carried it before is withdrawn (make before break). */
void session_use_path(struct node *n, struct session *s, struct lsp *l)
{
	struct lsp *old = s->path;

	if (old == l)
		return;
	s->path = l;
	s->commit = NULL;
	s->attempts = s->seeks = 0;
	s->stale_seq = 0;
	s->refused = 0;
	s->nnotvia = 0;
	s->wanted = false;
	session_set(n, s);
	if (old)
		lsp_retire(n, old);
	s->path_ns = PATH_FIRST;
	arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
	if (s->has_keys)
		n->news->session_ready(n, s);
}

static bool building(const struct session *s)
{
	for (unsigned i = 0; i < SESSION_BUILDS; i++)
		if (s->build[i].lsp)
			return true;
	return false;
}

static void drop_builds(struct node *n, struct session *s, const struct lsp *but)
{
	for (unsigned i = 0; i < SESSION_BUILDS; i++) {
		struct lsp *l = s->build[i].lsp;

		s->build[i].lsp = NULL;
		if (l && l != but)
			lsp_release(n, l, TEAR_REPLACED);
	}
}

/* A place for one more; the oldest gives way: nothing came back, and it would hold its place until its timer. */
static unsigned build_slot(struct node *n, struct session *s)
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

/* Starts one more tunnel. */
static int build(struct node *n, struct session *s)
{
	struct lsp_request q = {
	        .dst = s->remote, .session = s->index, .worker = s->worker, .nnotvia = s->nnotvia};
	uint8_t envelope[LSP_ENVELOPE_MAX];
	unsigned slot = build_slot(n, s);
	int r;

	if (s->has_keys) {
		q.flags = SETUP_FLAG_REPAIR;
	} else {
		bool ik = s->known && s->attempts < 2;

		/* One handshake serves every attempt: the first reply that comes back takes it. */
		if (!s->own.active || s->own.done || s->own.ik != ik || s->own.noise.message != 1) {
			r = session_hs_begin(n, s, ik);
			if (r != 0)
				return r;
		}
		q.flags = ik ? SETUP_FLAG_IK : 0;
		q.envelope = envelope;
		q.envelope_len = (uint16_t)session_envelope(n, &s->remote, &s->own, true, envelope);
	}
	memcpy(q.notvia, s->notvia, sizeof(q.notvia));
	if (s->has_place) {
		q.places = &s->place;
		q.nplaces = 1;
	}
	s->build[slot].placed = s->has_place;
	s->last_build = n->now;
	r = lsp_build(n, &q, &s->build[slot].lsp);
	if (r == 0)
		session_own(s, s->build[slot].lsp);
	return r;
}

static void seek(struct node *n, struct session *s)
{
	int64_t wait = SEEK_NS << min_u64(s->seeks, s->has_keys ? 6 : 4);

	if (s->looking || (s->sought.ns && instant_sub(n->now, s->sought) < wait))
		return;
	/* With nobody to ask it is over before it returns. */
	s->looking = true;
	if (lookup_start(n, LOOKUP_SESSION, s->index, &s->remote, NULL, s->stale_seq) != 0) {
		s->looking = false;
	} else {
		s->sought = n->now;
		if (s->seeks < UINT8_MAX)
			s->seeks++;
	}
}

static void give_up(struct node *n, struct session *s, int err)
{
	struct cp_cmd c = {.type = CMD_UNREACHABLE};

	c.u.unreachable.err = err;
	c.u.unreachable.remote = s->remote;
	out_command(n, s->worker, &c);
	drop_builds(n, s, NULL);
	s->wanted = false;
	s->attempts = s->seeks = 0;
	s->stale_seq = 0;
	s->has_place = false;
	s->nnotvia = 0;
	n->news->session_failed(n, s, err);
	if (s->has_keys)
		session_lose_keys(n, s);
	arm(n, &s->timer, TIMER_SESSION, s, NS_PER_S);
}

void session_lose_keys(struct node *n, struct session *s)
{
	s->has_keys = s->confirmed = false;
	disarm(n, &s->rekey_timer);
	disarm(n, &s->old_timer);
	s->has_old = false;
	s->commit = NULL;
	session_wipe_hs(n, &s->own);
	if (s->path) {
		struct lsp *l = s->path;

		s->path = NULL;
		lsp_release(n, l, TEAR_ADMIN);
	}
	if (s->in_worker) {
		struct cp_cmd c = {.type = CMD_SESSION_DEL};

		c.u.session.session = s->index;
		c.u.session.remote = s->remote;
		out_command(n, s->worker, &c);
		s->in_worker = false;
	}
	s->in_use = false;
	arm(n, &s->timer, TIMER_SESSION, s, NS_PER_S);
}

void session_begin_anew(struct node *n, struct session *s)
{
	struct lsp *l = s->path;

	if (!s->in_use) {
		session_lose_keys(n, s);
		return;
	}
	s->has_keys = s->confirmed = false;
	disarm(n, &s->rekey_timer);
	session_wipe_hs(n, &s->own);
	s->path = s->commit = NULL;
	session_set(n, s); /* what is to be sent waits */
	if (l)
		lsp_release(n, l, TEAR_ADMIN);
	(void)session_want(n, &s->remote);
}

static void old_phase_gone(struct node *n, struct session *s)
{
	struct cp_cmd c = {.type = CMD_SESSION_RX_DEL};

	if (!s->has_old)
		return;
	s->has_old = false;
	disarm(n, &s->old_timer);
	c.u.key.session = s->index;
	c.u.key.index = s->old_phase;
	out_command(n, s->worker, &c);
}

void session_old_phase(struct node *n, struct session *s, uint8_t phase)
{
	if (s->old_phase != phase)
		old_phase_gone(n, s);
	s->old_phase = phase;
	s->has_old = true;
	arm(n, &s->old_timer, TIMER_SESSION_OLD_KEY, s, n->cfg.key_overlap_ns);
}

static int64_t patience(const struct node *n, const struct session *s)
{
	return s->has_keys ? REPAIR_GIVES_UP : n->cfg.connect_timeout_ns * 9 / 10;
}

/* How long an attempt is waited for before another is made: the deeper the tree, the longer the ways. */
static int64_t attempt_ns(const struct node *n)
{
	return ATTEMPT_NS + ATTEMPT_HOP * n->anchor->tree[0].coords.hops;
}

/* Repair hurries while a user may still be waiting, then backs off; the end of patience is never overslept. */
static int64_t next_attempt(const struct node *n, const struct session *s)
{
	int64_t waited = instant_sub(n->now, s->want_since), left = patience(n, s) - waited;
	int64_t full = attempt_ns(n);
	int64_t wait = !s->has_keys             ? full
	               : waited < 3 * NS_PER_S  ? full / 2
	               : waited < 10 * NS_PER_S ? full
	                                        : 3 * full;

	return wait < left ? wait : left;
}

/* What is to be left out may leave no way at all: then it is not left out. */
static int build_anyhow(struct node *n, struct session *s)
{
	if (s->nnotvia == 0)
		return -EHOSTUNREACH;
	s->nnotvia = 0;
	return build(n, s);
}

/* What this session needs next; runs from its timer only, so that no hook acts in the middle of another part's work. */
void session_step(struct node *n, struct session *s)
{
	int64_t again;

	if (s->answer.active && instant_sub(n->now, s->answer.born) > HALF_OPEN)
		session_wipe_hs(n, &s->answer);
	if (s->path && s->has_keys) {
		if (s->own.done && !s->confirmed)
			session_hs_resend(n, s);
		if (s->commit_tries++ >= COMMIT_TRIES)
			s->commit = NULL;
		if (s->commit)
			commit_send(n, s);
		return;
	}
	if (!s->wanted && !(s->in_use && s->has_keys)) {
		if (!s->has_keys && !s->answer.active && !building(s))
			session_destroy(n, s);
		else if (s->has_keys && instant_sub(n->now, s->want_since) >= UNUSED_SESSION)
			session_destroy(n, s);
		else
			arm(n, &s->timer, TIMER_SESSION, s,
			    s->has_keys ? UNUSED_SESSION / 4 : HALF_OPEN);
		return;
	}
	if (instant_sub(n->now, s->want_since) >= patience(n, s)) {
		give_up(n, s, s->has_keys ? ETIMEDOUT : EHOSTUNREACH);
		return;
	}
	arm(n, &s->timer, TIMER_SESSION, s, next_attempt(n, s));
	/* In a deep tree a greedy walk may run out of hops: where the other end stands is asked for at once. */
	if (s->attempts > 0 || n->anchor->tree[0].coords.hops > DEEP)
		seek(n, s);
	if (building(s) &&
	    instant_sub(n->now, s->last_build) < (s->has_keys ? attempt_ns(n) / 2 : attempt_ns(n)))
		return;
	if (build(n, s) == 0 || build_anyhow(n, s) == 0) {
		if (s->attempts < UINT8_MAX)
			s->attempts++;
		return;
	}
	/* Nobody is known who is nearer, or no neighbour is up: where the other end stands is asked for at once, and again soon. */
	seek(n, s);
	again = SEEK_NS << min_u64(s->seeks, 3);
	arm(n, &s->timer, TIMER_SESSION, s,
	    again < next_attempt(n, s) ? again : next_attempt(n, s));
}

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
		session_set(n, s);
		return 0;
	}
	if (!s->wanted) {
		s->wanted = true;
		s->want_since = n->now;
		s->attempts = s->seeks = 0;
		s->stale_seq = 0;
		arm(n, &s->timer, TIMER_SESSION, s, 0);
	}
	return 0;
}

/* ---- what becomes of tunnels ---- */

static struct session *owner(struct node *n, const struct lsp *l)
{
	return l->finger || l->session == SESSION_NONE ? NULL : session_at(n, l->session);
}

static void forget(struct session *s, const struct lsp *l)
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

void session_lsp_over(struct node *n, struct lsp *l)
{
	struct session *s = owner(n, l);

	if (!s)
		return;
	forget(s, l);
	disown(l);
}

void session_lsp_up(struct node *n, struct lsp *l, const struct reply_msg *m)
{
	struct session *s = owner(n, l);
	bool better;

	if (!s) {
		lsp_release(n, l, TEAR_REPLACED);
		return;
	}
	forget(s, l);
	s->first_hops = l->hops_first;
	if (!(l->setup_flags & SETUP_FLAG_REPAIR)) {
		session_hs_reply(n, s, l, m);
		return;
	}
	better = !s->path || l->hops < s->path->hops;
	if (!s->has_keys || !better) {
		lsp_release(n, l, TEAR_REPLACED);
		return;
	}
	if (!s->path)
		s->rebuilds++;
	s->initiator = true;
	drop_builds(n, s, l);
	session_use_path(n, s, l);
	session_commit(n, s);
}

/* After a refusal: at once by the second way, then ever later where there is time. */
static int64_t retry_ns(const struct session *s)
{
	unsigned more = s->has_keys && s->attempts > 2 ? s->attempts - 3u : 0;

	return s->attempts <= 2 ? NS_PER_MS : RETRY_NS << (more < 3 ? more : 3);
}

static bool was_placed(const struct session *s, const struct lsp *l)
{
	for (unsigned i = 0; i < SESSION_BUILDS; i++)
		if (s->build[i].lsp == l)
			return s->build[i].placed;
	return false;
}

/* The hop that failed is left out of the next attempts. Nothing named: what was left out may have been the only way. */
static void learn_notvia(struct session *s, uint32_t tag_from, uint32_t tag_to)
{
	if (!tag_from || !tag_to || s->nnotvia == SETUP_NOTVIA_MAX) {
		s->nnotvia = 0;
		return;
	}
	s->notvia[s->nnotvia][0] = tag_from;
	s->notvia[s->nnotvia++][1] = tag_to;
}

void session_lsp_failed(struct node *n, struct lsp *l, uint8_t code, uint32_t tag_from,
                        uint32_t tag_to)
{
	struct session *s = owner(n, l);

	if (!s)
		return;
	/* A place that did not lead there is looked up anew; one that came meanwhile is still to be tried. */
	if (was_placed(s, l)) {
		s->has_place = false;
		s->stale_seq = s->place_seq;
	}
	forget(s, l);
	if (code == SETUP_REFUSED && s->has_keys && !s->path && ++s->refused >= 2)
		s->want_since =
		        (struct instant){n->now.ns - REPAIR_GIVES_UP}; /* it has forgotten us */
	learn_notvia(s, tag_from, tag_to);
	if (s->path || building(s))
		return;
	if (s->wanted || s->in_use)
		arm(n, &s->timer, TIMER_SESSION, s, retry_ns(s));
}

void session_lsp_gone(struct node *n, struct lsp *l)
{
	struct session *s = owner(n, l);

	if (!s || s->path != l)
		return;
	s->path = NULL;
	s->has_place = false;
	session_set(n, s);
	s->want_since = n->now;
	s->attempts = s->seeks = 0;
	s->stale_seq = 0;
	s->path_ns = PATH_FIRST;
	arm(n, &s->timer, TIMER_SESSION, s, s->initiator ? NS_PER_MS : RESPONDER_WAITS);
}

/* Later commits win; of two that cross the lower id's, or each side would withdraw what the other has chosen. */
static bool outdated(const struct node *n, const struct session *s, uint16_t sequence)
{
	int16_t ahead = (int16_t)(sequence - s->commit_seq);

	return ahead < 0 || (ahead == 0 && id_cmp(&n->cfg.identity->id, &s->remote) < 0);
}

/* The tunnel of that name which the other side has built and which stands. */
static struct lsp *offered(const struct session *s, uint32_t nonce)
{
	struct lsp *l;

	LIST_FOREACH (l, &s->tunnels, of_owner)
		if (l->role == LSP_EGRESS && l->state == LSP_UP && (uint32_t)l->nonce == nonce)
			return l;
	return NULL;
}

/* The other side says, sealed, that it uses this tunnel from now on (or has seen that we do). */
void session_commit_rx(struct node *n, struct session *s, const struct oam *m)
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
	l = s->has_keys && !outdated(n, s, m->sequence) ? offered(s, m->id) : NULL;
	if (l) {
		s->commit_seq = m->sequence;
		s->initiator = false;
		drop_builds(n, s, NULL);
		session_use_path(n, s, l);
	}
	if (s->path && (uint32_t)s->path->nonce == m->id)
		session_send_oam(n, s, &seen, 0);
}

/* Two hops to one that is no neighbour cannot be bettered. */
static bool may_be_longer(struct node *n, const struct session *s)
{
	return s->path->hops > (peer_by_id(n, &s->remote) ? 1 : 2);
}

/* Looks for a shorter path, along the anchor: soon after a change, ever more seldom in peace. The first set-up went greedily by
 * id; where the other end stands has to be looked up first. */
static void better_path(struct node *n, struct session *s)
{
	if (!s->in_use || !session_ready(s) || !s->initiator)
		return;
	if (may_be_longer(n, s) && !building(s)) {
		if (s->has_place)
			(void)build(n, s);
		else
			seek(n, s);
	}
	arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
	s->path_ns = s->path_ns * 2 < PATH_CALM ? s->path_ns * 2 : PATH_CALM;
	if (s->path_ns == PATH_CALM)
		s->has_place = false; /* look anew when it comes round again */
}

void session_lookup_done(struct node *n, uint32_t index, bool exact, const struct contact_info *c)
{
	struct session *s = session_at(n, index);

	if (!s)
		return;
	s->looking = false;
	if (!exact || !c || c->ntrees == 0) {
		s->stale_seq = 0; /* nobody knows better: the way may have been at fault */
		return;
	}
	s->place = c->place[0];
	s->has_place = true;
	s->place_seq = c->seq;
	if (s->path) {
		better_path(n, s);
		return;
	}
	s->last_build.ns = 0;
	if (s->wanted || s->in_use)
		arm(n, &s->timer, TIMER_SESSION, s, 0);
}

void session_idle(struct node *n, uint32_t index, bool idle)
{
	struct session *s = session_at(n, index);

	if (!s)
		return;
	s->in_use = !idle;
	if (s->in_use && session_ready(s) && !timer_armed(&s->path_timer))
		arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
}

void session_topology_changed(struct node *n)
{
	for (struct session *s = session_after(n, NULL); s; s = session_after(n, s))
		if (s->in_use && session_ready(s) && s->initiator && s->path_ns > PATH_FIRST) {
			s->path_ns = PATH_FIRST;
			s->has_place = false;
			arm(n, &s->path_timer, TIMER_SESSION_PATH, s, s->path_ns);
		}
}

void session_timer(struct node *n, struct timer *t)
{
	struct session *s = t->owner;

	if (t->kind == TIMER_SESSION_OLD_KEY)
		old_phase_gone(n, s);
	else if (t->kind == TIMER_SESSION_REKEY)
		session_rekey(n, s);
	else if (t->kind == TIMER_SESSION_PATH)
		better_path(n, s);
	else
		session_step(n, s);
}
