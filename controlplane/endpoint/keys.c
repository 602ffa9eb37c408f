/* SPDX-License-Identifier: BSD-3-Clause */
/* Puts a handshake's keys into the worker and takes old ones out. */
#include "endpoint/keys.h"

#include "endpoint/tell.h"

#include <string.h>

void keys_program_rx(struct node *n, struct session *s, struct session_hs *hs, bool follow,
                     struct ticket *t, void (*then)(struct node *n, void *session))
{
	uint8_t rx[32];

	COYO_ASSERT(hs->state == HS_OPEN);
	noise_split(&hs->noise, hs->tx_secret, rx);
	hs->state = HS_DONE;
	/* The old key has the same phase: the new key replaces it in the worker, and must not be removed in its place later. */
	if (s->old_phase == hs->phase) {
		s->old_phase = SESSION_NO_PHASE;
		disarm(n, &s->old_timer);
	}
	if (!s->in_worker)
		tell_path(n, s);
	if (follow)
		tell_tx_key(n, s, hs->phase, hs->alg, hs->tx_secret, true);
	tell_rx_key(n, s, hs, rx);
	explicit_bzero(rx, sizeof(rx));
	ticket_wait(n, t, then, s);
}

void keys_adopt(struct node *n, struct session *s, struct session_hs *hs)
{
	COYO_ASSERT(hs->state == HS_DONE);
	if (session_has_keys(s) && s->phase != hs->phase) {
		keys_retire(n, s, s->phase);
		s->rekeys++;
	}
	tell_tx_key(n, s, hs->phase, hs->alg, hs->tx_secret, false);
	explicit_bzero(hs->tx_secret, 32);
	if (!session_has_keys(s))
		session_enter(s, session_wanted(s) ? SESSION_REPAIRING : SESSION_PATHLESS);
	s->use_xx = false;
	session_established(n, s);
	s->phase = hs->phase;
	s->alg = hs->alg;
	s->key_at = n->now;
	/* The lower id renews first, so that the two rarely begin at once. */
	arm(n, &s->rekey_timer, TIMER_SESSION_REKEY, s,
	    n->cfg.rekey_ns + (session_lower(n, s) ? 0 : n->cfg.rekey_ns / 8));
}

void keys_proven(struct session *s, const struct session_hs *hs)
{
	if (!hs->ik)
		generation_add(&s->generations, &hs->noise);
}

void keys_retired(struct node *n, struct session *s)
{
	if (s->old_phase == SESSION_NO_PHASE)
		return;
	disarm(n, &s->old_timer);
	tell_rx_del(n, s, s->old_phase);
	s->old_phase = SESSION_NO_PHASE;
}

void keys_retire_in(struct node *n, struct session *s, int64_t ns)
{
	if (s->old_phase != SESSION_NO_PHASE)
		arm(n, &s->old_timer, TIMER_SESSION_OLD_KEY, s, ns);
}

void keys_retire(struct node *n, struct session *s, uint8_t phase)
{
	COYO_ASSERT(phase < SESSION_PHASES);
	if (s->old_phase != phase)
		keys_retired(n, s);
	s->old_phase = phase;
	keys_retire_in(n, s, n->cfg.key_overlap_ns);
}
