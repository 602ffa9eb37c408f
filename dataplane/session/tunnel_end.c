/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnel ends: a session's keys and labels on this worker, as control sets them; packets pass by rx.c and tx.c. */
#include "seal/seal.h"
#include "session/datagram.h"
#include "session/ip.h"
#include "session/tx.h"
#include "session/wait.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void end_drop_rx_key(struct tunnel_end *e, unsigned phase)
{
	if (!e->rx[phase])
		return;
	seal_key_wipe(&e->rx[phase]->aead);
	free(e->rx[phase]);
	e->rx[phase] = NULL;
}

static void key_free_tx(struct tx_key **k)
{
	if (!*k)
		return;
	seal_key_wipe(&(*k)->aead);
	free(*k);
	*k = NULL;
}

/* The session through which packets to a remote leave from now on. */
static void send_on(struct worker_sessions *s, uint32_t remote, uint32_t session)
{
	struct remote *p = &s->remotes[remote];
	const struct tunnel_end *e = session == SESS_NONE ? NULL : s->table[session];

	p->session = session;
	p->told_in_use = false;
	if (!e)
		return;
	if (e->path_mtu > 20)
		tcp_peer_mtu(s->tcp, remote, (uint16_t)(e->path_mtu - 20));
	if (p->in_use)
		remote_in_use(s, remote);
}

/* A session with the remote, or SESS_NONE. */
static uint32_t any_end(const struct worker_sessions *s, uint32_t remote)
{
	if (s->remotes[remote].ends == 0)
		return SESS_NONE;
	for (uint32_t i = 0; i < s->table_size; i++)
		if (s->table[i] && s->table[i]->remote == remote)
			return i;
	return SESS_NONE;
}

void end_free(struct worker_sessions *s, struct tunnel_end *e, struct instant now)
{
	struct remote *p = &s->remotes[e->remote];
	uint32_t remote = e->remote;

	COYO_ASSERT(s->table[e->index] == e && p->used && p->ends > 0);
	wait_drop(s, e, DROP_NO_SESSION);
	ip_end_gone(s, e->index);
	key_free_tx(&e->tx);
	key_free_tx(&e->staged);
	for (unsigned i = 0; i < SESS_PHASES; i++)
		end_drop_rx_key(e, i);
	s->table[e->index] = NULL;
	p->ends--;
	if (p->session == e->index) {
		/* Connections outlive their session: they go on in another one; if there is none they are held, and control is asked for one. */
		send_on(s, remote, any_end(s, remote));
		datagram_path(s, remote);
		remote_update(s, remote, now);
		remote_release(s, remote);
	}
	free(e);
}

static struct tunnel_end *end_new(struct worker_sessions *s, const struct cp_session *c)
{
	uint32_t remote = remote_get(s, &c->remote);
	struct tunnel_end *e;

	if (remote == SESS_NONE)
		return NULL;
	e = calloc(1, sizeof(*e));
	if (!e) {
		remote_release(s, remote);
		return NULL;
	}
	e->index = c->session;
	e->remote = remote;
	e->out_label = LABEL_NONE;
	bucket_init(&e->punts, SESS_PUNT_RATE, SESS_PUNT_RATE);
	bucket_init(&e->echoes, SESS_ECHO_RATE, SESS_ECHO_RATE);
	bucket_init(&e->nobodies, SESS_NOBODY_RATE, SESS_NOBODY_RATE);
	COYO_ASSERT(!s->table[c->session]);
	s->table[c->session] = e;
	s->remotes[remote].ends++;
	send_on(s, remote, c->session);
	return e;
}

static void answer_echo(struct worker_sessions *s, struct tunnel_end *e)
{
	if (!e->echo_due || !sess_may_send(e))
		return;
	e->echo_due = false;
	tx_oam(s, e, e->echo, sizeof(e->echo), 0);
}

static void tx_key_set(struct worker_sessions *s, struct tunnel_end *e, struct tx_key *k,
                       struct instant now)
{
	key_free_tx(&e->tx);
	e->tx = k;
	remote_update(s, e->remote, now);
	answer_echo(s, e);
}

void end_phase_used(struct worker_sessions *s, struct tunnel_end *e, unsigned phase,
                    struct instant now)
{
	struct tx_key *k = e->staged;

	if (!k || k->phase != phase)
		return;
	e->staged = NULL;
	tx_key_set(s, e, k, now);
}

int end_set(struct worker_sessions *s, const struct cp_session *c, struct instant now)
{
	struct tunnel_end *e = end_of(s, c->session);
	uint16_t segment = c->path_mtu > SESS_SEG_MAX ? SESS_SEG_MAX : c->path_mtu;
	bool moved;

	if (c->session >= s->table_size || (c->out_label != LABEL_NONE && c->out_label > 0xfffff))
		return -EINVAL;
	if (e && !id_eq(&s->remotes[e->remote].id, &c->remote)) {
		end_free(s, e, now);
		e = NULL;
	}
	if (!e)
		e = end_new(s, c);
	if (!e)
		return -ENOMEM;
	moved = e->out_label != LABEL_NONE &&
	        (e->out_label != c->out_label || e->out_link != c->out_link);
	e->out_link = c->out_link;
	e->out_label = c->out_label;
	e->hops = c->hops;
	if (segment != e->path_mtu && segment > 20 && s->remotes[e->remote].session == e->index)
		tcp_peer_mtu(s->tcp, e->remote, (uint16_t)(segment - 20));
	e->path_mtu = segment;
	datagram_path(s, e->remote);
	if (c->in_label)
		wait_proven(s, e, c->in_link, c->in_label, now);
	remote_update(s, e->remote, now);
	if (moved && s->remotes[e->remote].session == e->index)
		tcp_path_moved(s->tcp, e->remote, now);
	answer_echo(s, e);
	return 0;
}

/* A key in use keeps its counter: a repeated command must never repeat a nonce. */
int end_tx_key(struct worker_sessions *s, const struct cp_lane_key *c, struct instant now)
{
	struct tunnel_end *e = end_of(s, c->session);
	struct tx_key *k;

	if (!e || c->index >= SESS_PHASES)
		return -EINVAL;
	if (c->link == CP_KEY_WHEN_USED && e->staged &&
	    seal_key_is(&e->staged->aead, c->alg, c->key))
		return 0;
	if (e->tx && seal_key_is(&e->tx->aead, c->alg, c->key)) {
		key_free_tx(&e->staged);
		return 0;
	}
	k = aligned_alloc(COYO_CACHELINE,
	                  (sizeof(*k) + COYO_CACHELINE - 1) / COYO_CACHELINE * COYO_CACHELINE);
	if (!k)
		return -ENOMEM;
	if (seal_key_init(&k->aead, c->alg, c->key, true, TUNNEL_HEADER_BYTES) < 0) {
		free(k);
		return -ENOTSUP;
	}
	k->counter = 0;
	k->phase = (uint8_t)c->index;
	k->rekey_told = false;
	key_free_tx(&e->staged);
	if (c->link == CP_KEY_WHEN_USED)
		e->staged = k;
	else
		tx_key_set(s, e, k, now);
	return 0;
}

/* A key in use keeps its window: a repeated command must never let a packet in again. */
int end_rx_key(struct worker_sessions *s, const struct cp_lane_key *c)
{
	struct tunnel_end *e = end_of(s, c->session);
	struct rx_key *k;

	if (!e || c->index >= SESS_PHASES)
		return -EINVAL;
	if (e->rx[c->index] && seal_key_is(&e->rx[c->index]->aead, c->alg, c->key))
		return 0;
	k = aligned_alloc(COYO_CACHELINE,
	                  (sizeof(*k) + COYO_CACHELINE - 1) / COYO_CACHELINE * COYO_CACHELINE);
	if (!k)
		return -ENOMEM;
	if (seal_key_init(&k->aead, c->alg, c->key, false, TUNNEL_HEADER_BYTES) < 0) {
		free(k);
		return -ENOTSUP;
	}
	memset(&k->window, 0, sizeof(k->window));
	k->used = false;
	k->incarnation = c->incarnation;
	end_drop_rx_key(e, c->index);
	e->rx[c->index] = k;
	return 1;
}
