/* SPDX-License-Identifier: BSD-3-Clause */
/* Leads a handshake of this node from the second message to keys that the other side is known to use. */
#include "endpoint/initiate.h"

#include "endpoint/build.h"
#include "endpoint/end.h"
#include "endpoint/handshake.h"
#include "endpoint/keys.h"
#include "endpoint/path.h"
#include "endpoint/tell.h"

#define THIRD_RETRY (250 * NS_PER_MS) /* half a round trip where that is longer */
#define THIRD_TRIES 12
#define REKEY_RETRY NS_PER_S

static int64_t third_retry(const struct session *s)
{
	return s->rtt_ns / 2 > THIRD_RETRY ? s->rtt_ns / 2 : THIRD_RETRY;
}

/* The worker has our receiving key: our last message may now let the other side send under it. */
static void have_rx_key(struct node *n, void *session)
{
	struct session *s = session;
	struct session_hs *hs = &s->own;
	struct lsp *l = hs->lsp;
	int64_t left = n->cfg.key_reject_ns - instant_sub(n->now, s->key_at);

	if (hs->state != HS_DONE)
		return;
	keys_adopt(n, s, hs);
	s->confirmed = false;
	/* The other side sends under the old key until a packet of ours under the new one has arrived. The overlap therefore begins with
	 * its first packet under the new key (answer_key_used()); before that only the age of the old key ends its use. */
	if (left > n->cfg.key_overlap_ns)
		keys_retire_in(n, s, left);
	hs->tries = 0;
	if (l) {
		hs->lsp = NULL;
		s->initiator = true;
		s->commit_seq = 0;
		path_use(n, s, l);
	}
	if (!hs->ik)
		tell_send_handshake(n, s, 3, hs->msg, hs->msg_len);
	if (l)
		path_commit(n, s);
	else
		tell_send_keepalive(n, s, true);
	arm(n, &s->timer, TIMER_SESSION, s, third_retry(s));
}

void initiate_again(struct node *n, struct session *s)
{
	struct session_hs *hs = &s->own;

	if (hs->tries++ >= THIRD_TRIES) {
		if (hs->renews)
			handshake_wipe(hs);
		else
			end_begin_anew(n, s);
		return;
	}
	if (!hs->ik)
		tell_send_handshake(n, s, 3, hs->msg, hs->msg_len);
	tell_send_keepalive(n, s, true);
	arm(n, &s->timer, TIMER_SESSION, s, third_retry(s));
}

void initiate_reply(struct node *n, struct session *s, struct lsp *l, const struct reply_msg *m)
{
	struct session_hs *hs = &s->own;
	struct hs_envelope env;
	struct hs_payload p;

	if (hs->state != HS_OPEN || s->path || hs->ik != !!(m->flags & SETUP_FLAG_IK) ||
	    !hs_envelope_read(m->envelope, m->envelope_len, &env) ||
	    handshake_read(n, s, hs, env.noise, env.noise_len, true, &p) != 0) {
		/* Somebody on the way may have written it: the handshake goes on, and another attempt's reply may complete it. */
		count(n, CTR_SESSION_HS_STALE);
		lsp_release(n, l, TEAR_NO_STATE);
		build_again(n, s);
		return;
	}
	hs->phase = HS_PHASE(p.epoch);
	if (!handshake_phase_fits(n, s, hs->phase) || (!hs->ik && handshake_third(n, hs) != 0)) {
		handshake_wipe(hs);
		lsp_release(n, l, TEAR_NO_STATE);
		return;
	}
	hs->lsp = l;
	s->rtt_ns = instant_sub(n->now, l->born);
	keys_program_rx(n, s, hs, false, &s->own_ticket, have_rx_key);
}

void initiate_rx_second(struct node *n, struct session *s, const uint8_t *msg, size_t len)
{
	struct session_hs *hs = &s->own;
	struct hs_payload p;

	if (hs->state != HS_OPEN || !hs->ik || !session_has_keys(s) ||
	    handshake_read(n, s, hs, msg, len, true, &p) != 0) {
		count(n, CTR_SESSION_HS_STALE);
		return;
	}
	hs->phase = HS_PHASE(p.epoch);
	if (hs->phase == s->phase || !handshake_phase_fits(n, s, hs->phase)) {
		handshake_wipe(hs);
		return;
	}
	keys_program_rx(n, s, hs, false, &s->own_ticket, have_rx_key);
}

void initiate_rekey(struct node *n, struct session *s)
{
	if (!session_has_keys(s))
		return;
	if (instant_sub(n->now, s->key_at) >= n->cfg.key_reject_ns) {
		bool again = s->in_use;

		end_keys(n, s);
		if (again)
			(void)session_want(n, &s->remote);
		return;
	}
	arm(n, &s->rekey_timer, TIMER_SESSION_REKEY, s, REKEY_RETRY);
	if (!s->path || (s->own.state == HS_DONE && !s->confirmed))
		return;
	if (handshake_begin(n, s, true) != 0)
		return;
	s->own.renews = true;
	tell_send_handshake(n, s, 1, s->own.msg, s->own.msg_len);
}
