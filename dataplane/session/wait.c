/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealed packets that arrive before their key wait here for a while: control may still be at work on the third handshake message. */
#include "session/priv.h"

#include <string.h>

void wait_add(struct worker_sessions *s, struct tunnel_end *e, struct rte_mbuf *m,
              struct instant now)
{
	if (e->nwait == SESS_WAIT_MAX || s->waiting >= SESS_WAIT_ALL) {
		drop_packet(s->w, DROP_SESSION_WAIT, m);
		return;
	}
	if (e->nwait == 0)
		e->wait_since = now;
	e->wait[e->nwait++] = m;
	s->waiting++;
	sess_tick_soon(s, now);
}

unsigned wait_take(struct worker_sessions *s, struct tunnel_end *e,
                   struct rte_mbuf *m[SESS_WAIT_MAX])
{
	unsigned n = e->nwait;

	COYO_ASSERT(n <= SESS_WAIT_MAX && s->waiting >= n);
	memcpy(m, e->wait, n * sizeof(m[0]));
	e->nwait = 0;
	s->waiting -= n;
	return n;
}

void wait_drop(struct worker_sessions *s, struct tunnel_end *e, enum drop_reason why)
{
	for (unsigned i = 0; i < e->nwait; i++)
		drop_packet(s->w, why, e->wait[i]);
	COYO_ASSERT(s->waiting >= e->nwait);
	s->waiting -= e->nwait;
	e->nwait = 0;
}

void wait_tick(struct worker_sessions *s, struct instant now)
{
	for (uint32_t i = 0; s->waiting && i < s->table_size; i++)
		if (s->table[i] && s->table[i]->nwait &&
		    instant_sub(now, s->table[i]->wait_since) > SESS_WAIT_NS)
			wait_drop(s, s->table[i], DROP_SESSION_NO_KEY);
}
