/* SPDX-License-Identifier: BSD-3-Clause */
/* Answers set-ups and handshakes of the other side, and decides between two handshakes that cross. */
#include "endpoint/answer.h"

#include "endpoint/end.h"
#include "endpoint/handshake.h"
#include "endpoint/keys.h"
#include "endpoint/path.h"
#include "endpoint/stateless.h"
#include "endpoint/tell.h"

#include <errno.h>
#include <string.h>

#define CONFIRMED_STEP (60 * NS_PER_S)
#define COMMIT_STEP    (250 * NS_PER_MS)

/* ---- two handshakes that cross: the one begun by the lower id counts ---- */

/* Whether a handshake of ours, under way or done, takes precedence over the one that we answer. */
static bool ours_first(const struct node *n, const struct session *s)
{
	return s->answer.obsolete || (session_lower(n, s) && s->own.state != HS_NONE);
}

/* Whether a handshake of ours takes precedence and its keys are in use already. */
static bool ours_counts(const struct node *n, const struct session *s)
{
	return s->answer.obsolete || (session_has_keys(s) && !s->confirmed &&
	                              s->own.state == HS_DONE && session_lower(n, s));
}

/* Discards our own handshake, and the tunnel that it brought unless that is in use or about to be. */
static void drop_own(struct node *n, struct session *s)
{
	struct lsp *l = s->own.lsp;

	handshake_wipe(&s->own);
	if (l && l != s->path && l != s->answer.lsp)
		lsp_release(n, l, TEAR_REPLACED);
}

/* ---- from the worker's acknowledgement to keys in use ---- */

/* The other side is known to hold the keys of its handshake: they become the session's, unless our handshake counts. */
static void activate(struct node *n, struct session *s)
{
	struct session_hs *hs = &s->answer;
	struct lsp *l = hs->lsp;

	if (ours_counts(n, s)) {
		/* Packets that the other side sent under its own keys, before it had ours, may still arrive. */
		keys_retire(n, s, hs->phase);
		handshake_wipe(hs);
		return;
	}
	keys_adopt(n, s, hs);
	keys_proven(s, hs);
	s->confirmed = true;
	drop_own(n, s);
	if (l) {
		s->initiator = false;
		s->commit_seq = 0;
		path_use(n, s, l);
	}
	handshake_wipe(hs);
	tell_send_keepalive(n, s, false);
	arm(n, &s->timer, TIMER_SESSION, s, s->path && !s->commit ? CONFIRMED_STEP : COMMIT_STEP);
}

/* XX: the third message has come, which shows that the other side holds the keys; now the worker has ours too. */
static void xx_have_rx_key(struct node *n, void *session)
{
	struct session *s = session;

	if (s->answer.state == HS_DONE)
		activate(n, s);
}

/* IK: answers a set-up with the second message. */
static void accept(struct node *n, struct session *s, struct lsp *l)
{
	uint8_t env[LSP_ENVELOPE_MAX];
	size_t len = handshake_envelope(&s->remote, &s->answer, false, env);

	if (lsp_accept(n, l, s->index, s->worker, env, len) != 0)
		lsp_refuse(n, l, SETUP_BUSY);
}

/* IK: the worker has the receiving key now, so that the second message may let the other side send under it. */
static void ik_have_rx_key(struct node *n, void *session)
{
	struct session *s = session;
	struct session_hs *hs = &s->answer;

	if (hs->state == HS_NONE)
		return;
	if (hs->lsp)
		accept(n, s, hs->lsp);
	else
		tell_send_handshake(n, s, 2, hs->msg, hs->msg_len);
}

static void program_rx(struct node *n, struct session *s, void (*then)(struct node *, void *))
{
	keys_program_rx(n, s, &s->answer, !ours_first(n, s), &s->answer_ticket, then);
}

/* ---- set-ups ---- */

static void offer_finger(struct node *n, struct lsp *l)
{
	if (lsp_accept(n, l, SESSION_NONE, -1, NULL, 0) != 0)
		lsp_refuse(n, l, SETUP_BUSY);
}

static void offer_repair(struct node *n, struct lsp *l)
{
	struct session *s = session_find(n, &l->src);

	if (!s || !session_has_keys(s)) {
		lsp_refuse(n, l, s && s->generations.g[0].valid ? SETUP_REFUSED : SETUP_USE_XX);
		return;
	}
	session_own(s, l);
	if (lsp_accept(n, l, s->index, s->worker, NULL, 0) != 0)
		lsp_refuse(n, l, SETUP_BUSY);
}

/* IK: makes s->answer the answer to a first message. 0 or a negative errno: anybody can send what cannot be read, so that only then an answer
 * that was under way is replaced. */
static int begin(struct node *n, struct session *s, const uint8_t *msg, size_t len)
{
	struct session_hs hs;
	struct hs_payload p;
	int r = handshake_init(n, s, &hs, false, true);

	if (r == 0)
		r = handshake_read(n, s, &hs, msg, len, true, &p);
	if (r == 0) {
		memcpy(hs.first, msg, sizeof(hs.first));
		hs.phase = handshake_phase_next(n, &s->remote, s);
		r = handshake_write(n, &hs, false);
	}
	if (r == 0)
		s->answer = hs;
	handshake_wipe(&hs);
	return r;
}

/* The same first message came by another tunnel and gets the same answer, of which the asker uses the first to arrive. Until the worker
 * has the key nothing may be answered: the tunnel is refused. */
static void offer_again(struct node *n, struct session *s, struct lsp *l)
{
	if (s->answer_ticket.waiting) {
		lsp_refuse(n, l, SETUP_BUSY);
		return;
	}
	session_own(s, l);
	accept(n, s, l);
}

/* IK: the sender has shown that it has its key. */
static void offer_ik(struct node *n, struct lsp *l, const struct hs_envelope *env)
{
	bool known = session_find(n, &l->src);
	struct session *s = session_get_provisional(n, &l->src);
	struct session_hs *hs;
	int r;

	if (!s) {
		lsp_refuse(n, l, SETUP_BUSY);
		return;
	}
	hs = &s->answer;
	if (hs->state != HS_NONE && hs->msg_len &&
	    memcmp(hs->first, env->noise, sizeof(hs->first)) == 0) {
		offer_again(n, s, l);
		return;
	}
	r = begin(n, s, env->noise, env->noise_len);
	if (r != 0) {
		lsp_refuse(n, l, r == -ESTALE || r == -EALREADY ? SETUP_USE_XX : SETUP_REFUSED);
		if (!known)
			end_session(n, s);
		return;
	}
	hs->lsp = l;
	session_own(s, l);
	/* A timer that runs is left alone: it may repeat a third message or a commit, or begin an attempt, all of them sooner. */
	if (!timer_armed(&s->timer))
		arm(n, &s->timer, TIMER_SESSION, s, SESSION_HALF_OPEN);
	program_rx(n, s, ik_have_rx_key);
}

/* XX: anybody may have sent it, in any name. The tunnel is all that is kept. */
static void offer_xx(struct node *n, struct lsp *l, const struct hs_envelope *env)
{
	struct unproven *u = unproven_add(n, l);
	uint8_t out[LSP_ENVELOPE_MAX];
	struct session_hs hs;
	size_t len;
	int r;

	if (!u) {
		lsp_refuse(n, l, SETUP_BUSY);
		return;
	}
	u->generation = secret_renew(&n->sessions->secret, &n->cfg.rng, n->now);
	u->phase = handshake_phase_next(n, &l->src, session_find(n, &l->src));
	r = stateless_answer(n, l, env->noise, env->noise_len, &hs);
	len = r == 0 ? handshake_envelope(&l->src, &hs, false, out) : 0;
	handshake_wipe(&hs);
	if (r != 0) {
		count(n, CTR_SESSION_HS_FAILED);
		lsp_refuse(n, l, SETUP_REFUSED);
	} else if (lsp_accept(n, l, SESSION_NONE, cp_session_worker(&l->src, n->cfg.workers), out,
	                      len) != 0) {
		lsp_refuse(n, l, SETUP_BUSY);
	}
}

void answer_offer(struct node *n, struct lsp *l, const struct setup_msg *m)
{
	struct hs_envelope env;
	enum puzzle_verdict v;

	COYO_ASSERT(l->role == LSP_EGRESS);
	if (m->flags & SETUP_FLAG_FINGER) {
		offer_finger(n, l);
		return;
	}
	if (m->flags & SETUP_FLAG_REPAIR) {
		offer_repair(n, l);
		return;
	}
	if (!hs_envelope_read(m->envelope, m->envelope_len, &env) || env.noise_len < NOISE_DH ||
	    !handshake_mac_ok(n, m->envelope, &env)) {
		count(n, CTR_SESSION_HS_FAILED);
		lsp_refuse(n, l, SETUP_REFUSED);
		return;
	}
	/* Who is not known here has nothing to go on from. */
	if ((m->flags & SETUP_FLAG_IK) && !session_find(n, &l->src)) {
		count(n, CTR_SESSION_HS_OLD);
		lsp_refuse(n, l, SETUP_USE_XX);
		return;
	}
	v = puzzle_judge(n, l, m, &env);
	if (v == PUZZLE_NEEDED) {
		puzzle_ask(n, l, m, &env);
		return;
	}
	if (!fair_take(&n->sessions->hs_rate, &l->up->hs_share, n->now)) {
		if (v == PUZZLE_RIGHT)
			puzzle_pressed(n);
		count(n, CTR_SESSION_HS_RATE);
		lsp_refuse(n, l, SETUP_BUSY);
		return;
	}
	if (m->flags & SETUP_FLAG_IK)
		offer_ik(n, l, &env);
	else
		offer_xx(n, l, &env);
}

/* ---- inside the tunnel ---- */

/* Whether one more handshake message that came by a link may be computed. */
static bool may_compute(struct node *n, const struct dp_packet *pk)
{
	struct peer *from = peer_by_link(n, pk->link);

	if (from && fair_take(&n->sessions->hs_rate, &from->hs_share, n->now))
		return true;
	count(n, CTR_SESSION_HS_RATE);
	return false;
}

void answer_rx_first(struct node *n, struct session *s, const struct dp_packet *pk,
                     const uint8_t *msg, size_t len)
{
	struct session_hs *hs = &s->answer;

	if (!session_has_keys(s) || !may_compute(n, pk))
		return;
	/* When rekeys cross, the one begun by the lower id goes on. */
	if (s->own.state == HS_OPEN && session_lower(n, s))
		return;
	/* The same message once more: another answer would replace, in the worker, the key that the asker may use already. */
	if (hs->state == HS_DONE && hs->ik && len >= sizeof(hs->first) &&
	    memcmp(hs->first, msg, sizeof(hs->first)) == 0) {
		if (!s->answer_ticket.waiting)
			tell_send_handshake(n, s, 2, hs->msg, hs->msg_len);
		return;
	}
	if (begin(n, s, msg, len) == 0)
		program_rx(n, s, ik_have_rx_key);
}

/* The tunnel without a session that pk came along, or NULL. */
static struct lsp *unproven_of(struct node *n, const struct dp_packet *pk)
{
	struct peer *from = peer_by_link(n, pk->link);
	bool forward;
	struct lsp *l = from ? lsp_by_label(n, from, pk->in_label, &forward) : NULL;

	return l && forward && l->unproven && l->state == LSP_UP ? l : NULL;
}

/* The other end of l is proven to be that of s: the tunnel becomes the session's, and its handshake the one answered. */
static void proven(struct node *n, struct session *s, struct lsp *l, const struct session_hs *hs)
{
	/* Ours has been finished and used since this one was answered: it counts if ours goes first. */
	bool obsolete = session_lower(n, s) && s->own_used.ns &&
	                !instant_before(s->own_used, l->unproven->born);

	unproven_drop(n, l);
	session_own(s, l);
	lsp_bind(n, l, s->index);
	tell_proven(n, s, l);
	handshake_wipe(&s->answer);
	s->answer = *hs;
	s->answer.lsp = l;
	s->answer.obsolete = obsolete;
	if (!timer_armed(&s->timer))
		arm(n, &s->timer, TIMER_SESSION, s, SESSION_HALF_OPEN);
	program_rx(n, s, xx_have_rx_key);
}

void answer_rx_proof(struct node *n, const struct dp_packet *pk, const uint8_t *msg, size_t len)
{
	struct lsp *l = unproven_of(n, pk);
	struct session *s = l ? session_find(n, &l->src) : NULL;
	struct session_hs hs = {0};
	uint8_t x_key[32];
	int r;

	/* The session has come to use this very phase meanwhile: its keys must not be replaced. */
	if (!l || pk->number != 3 || (s && session_has_keys(s) && s->phase == l->unproven->phase)) {
		count(n, CTR_SESSION_HS_STALE);
		return;
	}
	if (!may_compute(n, pk))
		return;
	r = stateless_proof(n, l, msg, len, &hs, x_key);
	s = r == 0 ? session_get_provisional(n, &l->src) : NULL;
	if (s) {
		memcpy(s->x_key, x_key, sizeof(x_key));
		s->known = true;
		proven(n, s, l, &hs);
	} else if (r == 0) {
		lsp_release(n, l, TEAR_NO_ROOM);
	} else {
		count(n, CTR_SESSION_HS_FAILED);
	}
	handshake_wipe(&hs);
}

void answer_key_used(struct node *n, struct session *s, uint8_t phase)
{
	if (s->answer.state == HS_DONE && s->answer.ik && s->answer.phase == phase) {
		activate(n, s);
		return;
	}
	if (s->phase == phase)
		keys_retire_in(n, s, n->cfg.key_overlap_ns);
	if (s->own.state == HS_DONE && session_has_keys(s) && s->phase == phase) {
		s->confirmed = true;
		keys_proven(s, &s->own);
		s->own_used = n->now;
		handshake_wipe(&s->own);
		s->answer.obsolete = s->answer.state != HS_NONE && session_lower(n, s);
	}
}
