/* SPDX-License-Identifier: BSD-3-Clause */
/* End-to-end handshakes: XX or IK inside set-up and reply, IK inside the tunnel for new keys. */
#include "endpoint/session.h"

#include "crypto/cookie.h"

#include <errno.h>
#include <string.h>

#define THIRD_RETRY (250 * NS_PER_MS)
#define THIRD_TRIES 12
#define REKEY_RETRY NS_PER_S

static void payload_fill(struct node *n, bool clear, uint8_t phase, struct hs_payload *p)
{
	*p = (struct hs_payload){
	        .tx_lanes = 1,
	        .caps = (n->cfg.aes_gcm ? HS_CAP_AES_GCM : 0) | HS_CAP_CHACHA,
	        .epoch = phase,
	};
	if (!clear)
		memcpy(p->key, n->cfg.identity->ed_public, 32);
}

static int hs_init(struct node *n, struct session *s, struct session_hs *hs, bool initiator,
                   bool ik)
{
	uint8_t prologue[HS_PROLOGUE_MAX];
	const struct node_id *me = &n->cfg.identity->id;
	size_t len = hs_prologue(n->cfg.network_id, HS_CONTEXT_SESSION, initiator ? me : &s->remote,
	                         initiator ? &s->remote : me, prologue);

	session_wipe_hs(n, hs);
	hs->ik = ik;
	hs->born = n->now;
	if (noise_init(&hs->noise, ik ? NOISE_IK : NOISE_XX, initiator, prologue, len,
	               n->cfg.identity->x_secret, n->cfg.identity->x_public,
	               initiator && ik ? s->x_key : NULL, &n->cfg.rng) != 0)
		return -EINVAL;
	hs->active = true;
	return 0;
}

static int hs_write(struct node *n, struct session_hs *hs, bool clear)
{
	uint8_t buf[HS_PAYLOAD_MAX];
	struct hs_payload p;
	size_t len;

	payload_fill(n, clear, hs->phase, &p);
	len = hs_payload_write(&p, buf, sizeof(buf));
	return noise_write(&hs->noise, buf, len, hs->msg, sizeof(hs->msg), &hs->msg_len);
}

/* Reads a message; check: it must name the session's remote. */
static int hs_read(struct node *n, struct session *s, struct session_hs *hs, const uint8_t *msg,
                   size_t len, bool check, struct hs_payload *p)
{
	uint8_t buf[NOISE_MESSAGE_MAX], x[32];
	struct node_id id;
	size_t out;

	if (len > sizeof(buf) || noise_read(&hs->noise, msg, len, buf, &out) != 0 ||
	    !hs_payload_read(buf, out, p))
		goto bad;
	if (check) {
		identity_id_of_key(p->key, &id);
		if (!id_eq(&id, &s->remote) || identity_x_of_ed(p->key, x) != 0 ||
		    memcmp(x, hs->noise.rs, 32) != 0)
			goto bad;
		memcpy(s->key, p->key, 32);
		memcpy(s->x_key, x, 32);
		s->known = true;
		hs->alg = n->cfg.aes_gcm && (p->caps & HS_CAP_AES_GCM) ? 2 : 1;
	}
	return 0;
bad:
	count(n, CTR_SESSION_HS_FAILED);
	return -EBADMSG;
}

static bool lower(const struct node *n, const struct session *s)
{
	return id_cmp(&n->cfg.identity->id, &s->remote) < 0;
}

/* Even in handshakes that the lower id begins, odd in the other's, so that two that cross never share one. */
static bool phase_fits(const struct node *n, const struct session *s, uint8_t phase)
{
	return (phase & 1) == !lower(n, s);
}

/* Of the two that the asker's handshake may have, the one not in use. */
static uint8_t next_phase(const struct node *n, const struct session *s)
{
	uint8_t phase = lower(n, s);

	return s->has_keys && s->phase == phase ? phase + 2 : phase;
}

int session_hs_begin(struct node *n, struct session *s, bool ik)
{
	int r = hs_init(n, s, &s->own, true, ik);

	if (r == 0)
		r = hs_write(n, &s->own, !ik);
	if (r != 0) {
		s->own.active = false;
		s->known = false;
	}
	return r;
}

size_t session_envelope(struct node *n, const struct node_id *addressee,
                        const struct session_hs *hs, bool first, uint8_t out[LSP_ENVELOPE_MAX])
{
	static const struct node_id zero;
	size_t total = hs_envelope_write(hs->msg, hs->msg_len, first ? SESSION_ENVELOPE : 0, out,
	                                 LSP_ENVELOPE_MAX);

	if (total)
		cookie_mac1(first ? addressee : &zero, out, total - HS_MACS_BYTES,
		            out + total - HS_MACS_BYTES);
	return total;
}

static void key_command(struct node *n, struct session *s, uint32_t type, uint8_t phase,
                        uint8_t alg, const uint8_t secret[32], uint16_t when)
{
	struct cp_cmd c = {.type = type};

	c.u.key.link = when;
	c.u.key.session = s->index;
	c.u.key.index = phase;
	c.u.key.alg = alg;
	noise_lane_key(secret, 0, c.u.key.key);
	out_command(n, s->worker, &c);
	explicit_bzero(&c, sizeof(c));
}

/* A handshake of ours that counts before the other side's is under way or done. */
static bool ours_first(const struct node *n, const struct session *s)
{
	return s->answer.obsolete || (lower(n, s) && s->own.active);
}

/* Derives, programs the receiving key; then runs when acknowledged. The sending secret waits in hs. */
static void program_rx(struct node *n, struct session *s, struct session_hs *hs,
                       void (*then)(struct node *, void *))
{
	uint8_t rx[32];

	noise_split(&hs->noise, hs->tx_secret, rx);
	hs->done = true;
	if (s->has_old && s->old_phase == hs->phase) {
		s->has_old = false;
		disarm(n, &s->old_timer);
	}
	if (!s->in_worker)
		session_set(n, s);
	/* What an answering side is asked under the new key it must not answer under the old one. */
	if (hs == &s->answer && !ours_first(n, s))
		key_command(n, s, CMD_SESSION_TX_KEY, hs->phase, hs->alg, hs->tx_secret,
		            CP_KEY_WHEN_USED);
	key_command(n, s, CMD_SESSION_RX_KEY, hs->phase, hs->alg, rx, 0);
	explicit_bzero(rx, sizeof(rx));
	ticket_wait(n, hs == &s->own ? &s->own_ticket : &s->answer_ticket, then, s);
}

/* hs's keys are the session's from here on. */
void session_adopt_keys(struct node *n, struct session *s, struct session_hs *hs)
{
	if (s->has_keys && s->phase != hs->phase) {
		session_old_phase(n, s, s->phase);
		s->rekeys++;
	}
	key_command(n, s, CMD_SESSION_TX_KEY, hs->phase, hs->alg, hs->tx_secret, 0);
	explicit_bzero(hs->tx_secret, 32);
	s->has_keys = true;
	s->phase = hs->phase;
	s->alg = hs->alg;
	s->key_at = n->now;
	arm(n, &s->rekey_timer, TIMER_SESSION_REKEY, s,
	    n->cfg.rekey_ns +
	            (id_cmp(&n->cfg.identity->id, &s->remote) < 0 ? 0 : n->cfg.rekey_ns / 8));
}

static void keepalive(struct node *n, struct session *s, bool answer)
{
	struct oam m = {.type = OAM_KEEPALIVE, .flags = answer ? OAM_FLAG_ANSWER : 0};

	session_send_oam(n, s, &m, 0);
}

/* ---- the side that begins ---- */

/* Our receiving key stands: the other side may have its own. */
static void initiator_done(struct node *n, void *arg)
{
	struct session *s = arg;
	struct session_hs *hs = &s->own;
	struct lsp *l = hs->lsp;
	int64_t left = n->cfg.key_reject_ns - instant_sub(n->now, s->key_at);

	if (!hs->active || !hs->done)
		return;
	session_adopt_keys(n, s, hs);
	s->confirmed = false;
	/* The other side sends under the old key until it has heard from us under the new one: the overlap begins when it is
	 * seen to have (session_key_used()), or the old key gets too old. */
	if (s->has_old && left > n->cfg.key_overlap_ns)
		arm(n, &s->old_timer, TIMER_SESSION_OLD_KEY, s, left);
	hs->tries = 0;
	if (l) {
		hs->lsp = NULL;
		s->initiator = true;
		s->commit_seq = 0;
		s->setup_ns = instant_sub(n->now, s->want_since);
		session_use_path(n, s, l);
	}
	if (!hs->ik)
		session_send_handshake(n, s, 3, hs->msg, hs->msg_len);
	if (l)
		session_commit(n, s);
	else
		keepalive(n, s, true);
	arm(n, &s->timer, TIMER_SESSION, s, THIRD_RETRY);
}

/* The third message, or the first packet under IK's keys, may have been lost. */
void session_hs_resend(struct node *n, struct session *s)
{
	struct session_hs *hs = &s->own;

	if (hs->tries++ >= THIRD_TRIES) {
		if (hs->renews)
			session_wipe_hs(
			        n, hs); /* the other side has the key; new ones are made in time */
		else
			session_begin_anew(n, s);
		return;
	}
	if (!hs->ik)
		session_send_handshake(n, s, 3, hs->msg, hs->msg_len);
	keepalive(n, s, true);
	arm(n, &s->timer, TIMER_SESSION, s, THIRD_RETRY);
}

void session_hs_reply(struct node *n, struct session *s, struct lsp *l, const struct reply_msg *m)
{
	struct session_hs *hs = &s->own;
	struct hs_envelope env;
	struct hs_payload p;

	if (!hs->active || hs->done || s->has_keys || hs->ik != !!(m->flags & SETUP_FLAG_IK) ||
	    !hs_envelope_read(m->envelope, m->envelope_len, &env) ||
	    hs_read(n, s, hs, env.noise, env.noise_len, true, &p) != 0) {
		count(n, CTR_SESSION_HS_STALE);
		if (!hs->done)
			hs->active = false;
		lsp_release(n, l, TEAR_NO_STATE);
		return;
	}
	hs->phase = p.epoch & 3;
	if (!phase_fits(n, s, hs->phase) || (!hs->ik && hs_write(n, hs, false) != 0)) {
		hs->active = false;
		lsp_release(n, l, TEAR_NO_STATE);
		return;
	}
	hs->lsp = l;
	program_rx(n, s, hs, initiator_done);
}

/* ---- the side that answers ---- */

/* Two handshakes crossed and ours, the lower id's, was finished first: it counts. */
static bool ours_counts(const struct node *n, const struct session *s)
{
	return s->answer.obsolete ||
	       (s->has_keys && !s->confirmed && s->own.active && s->own.done && lower(n, s));
}

/* Our own handshake is not needed any more, nor is a tunnel that it brought and that is not in use yet. */
static void drop_own(struct node *n, struct session *s)
{
	struct lsp *l = s->own.lsp;

	session_wipe_hs(n, &s->own);
	if (l && l != s->path && l != s->answer.lsp)
		lsp_release(n, l, TEAR_REPLACED);
}

static void activate(struct node *n, struct session *s)
{
	struct session_hs *hs = &s->answer;
	struct lsp *l = hs->lsp;

	if (ours_counts(n, s)) {
		/* The other side may have sent under its keys until it had ours. */
		session_old_phase(n, s, hs->phase);
		session_wipe_hs(n, hs);
		return;
	}
	session_adopt_keys(n, s, hs);
	s->confirmed = true;
	drop_own(n, s);
	if (l) {
		s->initiator = false;
		s->commit_seq = 0;
		session_use_path(n, s, l);
	}
	session_wipe_hs(n, hs);
	keepalive(n, s, false);
	arm(n, &s->timer, TIMER_SESSION, s, s->path && !s->commit ? 60 * NS_PER_S : THIRD_RETRY);
}

static void xx_activate(struct node *n, void *arg)
{
	struct session *s = arg;

	if (s->answer.active && s->answer.done)
		activate(n, s);
}

/* Answers a set-up with the second message. */
static void answer_offer(struct node *n, struct session *s, struct lsp *l)
{
	uint8_t env[LSP_ENVELOPE_MAX];
	size_t len = session_envelope(n, &s->remote, &s->answer, false, env);

	if (lsp_accept(n, l, s->index, s->worker, env, len) == 0)
		return;
	lsp_refuse(n, l, SETUP_BUSY);
}

/* IK: the reply lets the other side use the key, which the worker now holds. */
static void ik_reply(struct node *n, void *arg)
{
	struct session *s = arg;
	struct session_hs *hs = &s->answer;

	if (!hs->active)
		return;
	if (!hs->lsp) {
		session_send_handshake(n, s, 2, hs->msg, hs->msg_len);
		return;
	}
	answer_offer(n, s, hs->lsp);
}

static void offer_finger(struct node *n, struct lsp *l)
{
	if (lsp_accept(n, l, SESSION_NONE, -1, NULL, 0) != 0)
		lsp_refuse(n, l, SETUP_BUSY);
}

static void offer_repair(struct node *n, struct lsp *l)
{
	struct session *s = session_find(n, &l->src);

	if (!s || !s->has_keys) {
		lsp_refuse(n, l, SETUP_REFUSED);
		return;
	}
	session_own(s, l);
	if (lsp_accept(n, l, s->index, s->worker, NULL, 0) != 0)
		lsp_refuse(n, l, SETUP_BUSY);
}

static bool mac1_ok(struct node *n, const uint8_t *envelope, const struct hs_envelope *env)
{
	uint8_t mac[COOKIE_MAC_BYTES];

	cookie_mac1(&n->cfg.identity->id, envelope, env->mac1_at, mac);
	return cookie_mac_equal(mac, envelope + env->mac1_at);
}

void session_offer(struct node *n, struct lsp *l, const struct setup_msg *m)
{
	struct hs_envelope env;
	struct hs_payload p;
	struct session *s;
	struct session_hs *hs;
	bool ik = m->flags & SETUP_FLAG_IK;

	if (m->flags & SETUP_FLAG_FINGER) {
		offer_finger(n, l);
		return;
	}
	if (m->flags & SETUP_FLAG_REPAIR) {
		offer_repair(n, l);
		return;
	}
	if (!hs_envelope_read(m->envelope, m->envelope_len, &env) ||
	    !mac1_ok(n, m->envelope, &env)) {
		count(n, CTR_SESSION_HS_FAILED);
		lsp_refuse(n, l, SETUP_REFUSED);
		return;
	}
	if (!bucket_take(&n->sessions->hs_rate, n->now)) {
		count(n, CTR_SESSION_HS_RATE);
		lsp_refuse(n, l, SETUP_BUSY);
		return;
	}
	s = session_get(n, &l->src);
	if (!s) {
		lsp_refuse(n, l, SETUP_BUSY);
		return;
	}
	hs = &s->answer;
	if (env.noise_len < sizeof(hs->first)) {
		count(n, CTR_SESSION_HS_FAILED);
		lsp_refuse(n, l, SETUP_REFUSED);
		return;
	}
	if (hs->active && hs->msg_len && memcmp(hs->first, env.noise, sizeof(hs->first)) == 0) {
		/* The same first message by another way: the same answer, which the first waits to give while the workers
		 * have not the key. The asker uses whichever comes first. */
		if (s->answer_ticket.waiting) {
			lsp_refuse(n, l, SETUP_BUSY);
			return;
		}
		session_own(s, l);
		answer_offer(n, s, l);
		return;
	}
	if (hs_init(n, s, hs, false, ik) != 0 ||
	    hs_read(n, s, hs, env.noise, env.noise_len, ik, &p) != 0) {
		hs->active = false;
		lsp_refuse(n, l, SETUP_REFUSED);
		return;
	}
	hs->phase = next_phase(n, s);
	hs->lsp = l;
	session_own(s, l);
	memcpy(hs->first, env.noise, sizeof(hs->first));
	if (hs_write(n, hs, false) != 0) {
		hs->active = false;
		lsp_refuse(n, l, SETUP_REFUSED);
		return;
	}
	/* Not later than what is due already: a third message or a commit of ours to be said again, an attempt to be made. */
	if (!timer_armed(&s->timer))
		arm(n, &s->timer, TIMER_SESSION, s, 8 * NS_PER_S);
	if (ik) {
		program_rx(n, s, hs, ik_reply);
		return;
	}
	if (!s->in_worker)
		session_set(n, s);
	answer_offer(n, s, l);
}

/* ---- handshake packets inside the tunnel ---- */

static void rx_first(struct node *n, struct session *s, const uint8_t *msg, size_t len)
{
	struct session_hs *hs = &s->answer;
	struct hs_payload p;

	if (!s->has_keys || !bucket_take(&n->sessions->hs_rate, n->now))
		return;
	/* Crossing rekeys: the lower id's goes on. */
	if (s->own.active && !s->own.done && lower(n, s))
		return;
	if (hs_init(n, s, hs, false, true) != 0 || hs_read(n, s, hs, msg, len, true, &p) != 0) {
		hs->active = false;
		return;
	}
	hs->phase = next_phase(n, s);
	if (hs_write(n, hs, false) != 0) {
		hs->active = false;
		return;
	}
	program_rx(n, s, hs, ik_reply);
}

static void rx_second(struct node *n, struct session *s, const uint8_t *msg, size_t len)
{
	struct session_hs *hs = &s->own;
	struct hs_payload p;

	if (!hs->active || hs->done || !hs->ik || !s->has_keys ||
	    hs_read(n, s, hs, msg, len, true, &p) != 0) {
		count(n, CTR_SESSION_HS_STALE);
		return;
	}
	hs->phase = p.epoch & 3;
	if (hs->phase == s->phase || !phase_fits(n, s, hs->phase)) {
		hs->active = false;
		return;
	}
	program_rx(n, s, hs, initiator_done);
}

static void rx_third(struct node *n, struct session *s, const struct dp_packet *pk,
                     const uint8_t *msg, size_t len)
{
	struct peer *from = peer_by_link(n, pk->link);
	struct lsp *l;
	bool forward;
	struct session_hs *hs = &s->answer;
	struct hs_payload p;

	if (!hs->active || hs->done || hs->ik || hs_read(n, s, hs, msg, len, true, &p) != 0) {
		count(n, CTR_SESSION_HS_STALE);
		return;
	} /* It names the tunnel that its sender has chosen. */
	l = from ? lsp_by_label(n, from, pk->in_label, &forward) : NULL;
	if (l && l->role == LSP_EGRESS && l->session == s->index)
		hs->lsp = l;
	program_rx(n, s, hs, xx_activate);
}

void session_handshake_rx(struct node *n, const struct dp_packet *pk)
{
	struct session *s = session_at(n, pk->session);
	struct tunnel_header h;
	size_t total;

	if (!s || !tunnel_header_get(pk->data, pk->len, &h, &total) || h.type != TUNNEL_HANDSHAKE) {
		count(n, CTR_MALFORMED);
		return;
	}
	if (pk->number == 1)
		rx_first(n, s, pk->data + TUNNEL_HEADER_BYTES, total - TUNNEL_HEADER_BYTES);
	else if (pk->number == 2)
		rx_second(n, s, pk->data + TUNNEL_HEADER_BYTES, total - TUNNEL_HEADER_BYTES);
	else if (pk->number == 3)
		rx_third(n, s, pk, pk->data + TUNNEL_HEADER_BYTES, total - TUNNEL_HEADER_BYTES);
	else
		count(n, CTR_SESSION_HS_STALE);
}

/* First packet opened under a phase: the other side holds the keys. */
void session_key_used(struct node *n, uint32_t index, uint8_t phase)
{
	struct session *s = session_at(n, index);

	if (!s)
		return;
	if (s->answer.active && s->answer.done && s->answer.ik && s->answer.phase == phase) {
		activate(n, s);
		return;
	}
	if (s->has_old && s->phase == phase)
		arm(n, &s->old_timer, TIMER_SESSION_OLD_KEY, s, n->cfg.key_overlap_ns);
	if (s->own.done && s->has_keys && s->phase == phase) {
		s->confirmed = true;
		session_wipe_hs(n, &s->own);
		s->answer.obsolete = s->answer.active && lower(n, s);
	}
}

void session_rekey(struct node *n, struct session *s)
{
	if (!s->has_keys)
		return;
	if (instant_sub(n->now, s->key_at) >= n->cfg.key_reject_ns) {
		bool again = s->in_use;

		session_lose_keys(n, s);
		if (again)
			(void)session_want(n, &s->remote);
		return;
	}
	arm(n, &s->rekey_timer, TIMER_SESSION_REKEY, s, REKEY_RETRY);
	if (!s->path || (s->own.active && s->own.done && !s->confirmed))
		return;
	if (session_hs_begin(n, s, true) != 0)
		return;
	s->own.renews = true;
	session_send_handshake(n, s, 1, s->own.msg, s->own.msg_len);
}

void session_rekey_wanted(struct node *n, uint32_t index)
{
	struct session *s = session_at(n, index);

	if (s && s->has_keys && !s->own.active)
		session_rekey(n, s);
}
