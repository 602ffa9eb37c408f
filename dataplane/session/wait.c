/* SPDX-License-Identifier: BSD-3-Clause */
/* Sealed packets that arrive before their key wait here for a while: control may still be at work on the third handshake message. */
#include "session/wait.h"

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

static struct rte_mbuf *unproven_take(struct worker_sessions *s, uint32_t i)
{
	struct rte_mbuf *m = s->unproven[i];

	COYO_ASSERT(i < s->nunproven);
	s->nunproven--;
	memmove(s->unproven + i, s->unproven + i + 1, (s->nunproven - i) * sizeof(m));
	return m;
}

void wait_unproven(struct worker_sessions *s, struct rte_mbuf *m, struct instant now)
{
	uint32_t of_link = 0, oldest = 0;

	for (uint32_t i = s->nunproven; i-- > 0;)
		if (packet_of(s->unproven[i])->link == packet_of(m)->link) {
			of_link++;
			oldest = i;
		}
	if (of_link >= SESS_UNPROVEN_MAX / 2)
		drop_packet(s->w, DROP_SESSION_WAIT, unproven_take(s, oldest));
	else if (s->nunproven == SESS_UNPROVEN_MAX)
		drop_packet(s->w, DROP_SESSION_WAIT, unproven_take(s, 0));
	s->unproven[s->nunproven++] = m;
	s->unproven_at = now;
	sess_tick_soon(s, now);
}

void wait_proven(struct worker_sessions *s, struct tunnel_end *e, uint16_t link, uint32_t label,
                 struct instant now)
{
	for (uint32_t i = 0; i < s->nunproven;) {
		struct packet *p = packet_of(s->unproven[i]);

		if (p->link != link || p->label != label) {
			i++;
			continue;
		}
		p->session = e->index;
		wait_add(s, e, unproven_take(s, i), now);
	}
}

void wait_drop_unproven(struct worker_sessions *s)
{
	while (s->nunproven)
		drop_packet(s->w, DROP_NO_SESSION, unproven_take(s, s->nunproven - 1));
}

void wait_tick(struct worker_sessions *s, struct instant now)
{
	if (s->nunproven && instant_sub(now, s->unproven_at) > SESS_WAIT_NS)
		wait_drop_unproven(s);
	for (uint32_t i = 0; s->waiting && i < s->table_size; i++)
		if (s->table[i] && s->table[i]->nwait &&
		    instant_sub(now, s->table[i]->wait_since) > SESS_WAIT_NS)
			wait_drop(s, s->table[i], DROP_SESSION_NO_KEY);
}
