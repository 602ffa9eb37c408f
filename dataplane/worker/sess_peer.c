/* SPDX-License-Identifier: BSD-3-Clause */
/* Peers: the ids that connections name, before, during and after there is a session with them. */
#include "worker/sess_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int sess_peers_init(struct sessions *s, uint32_t n, const uint8_t seed[32])
{
	uint32_t chains = 64;

	while (chains < n)
		chains *= 2;
	s->peers = calloc(n, sizeof(*s->peers));
	s->chains = malloc(chains * sizeof(*s->chains));
	if (!s->peers || !s->chains)
		return -ENOMEM;
	memset(s->chains, 0xff, chains * sizeof(*s->chains));
	memcpy(s->hash_key, seed, sizeof(s->hash_key));
	s->chain_mask = chains - 1;
	s->npeers = n;
	s->free_peer = SESS_NONE;
	s->tick = INSTANT_NEVER;
	return 0;
}

void sess_peers_free(struct sessions *s)
{
	free(s->peers);
	free(s->chains);
}

/* Ids are hashes already, but their owners choose them: two secret words keep chains short. */
static uint32_t *chain_of(const struct sessions *s, const struct node_id *id)
{
	uint64_t a, b;
	unsigned __int128 p;

	memcpy(&a, id->b + 8, 8);
	memcpy(&b, id->b + 24, 8);
	p = (unsigned __int128)(a ^ s->hash_key[0]) * (b ^ s->hash_key[1]);
	a = (uint64_t)p ^ (uint64_t)(p >> 64);
	return &s->chains[(a ^ a >> 32) & s->chain_mask];
}

uint32_t peer_find(const struct sessions *s, const struct node_id *remote)
{
	uint32_t i = *chain_of(s, remote);

	while (i != SESS_NONE && !id_eq(&s->peers[i].remote, remote))
		i = s->peers[i].next;
	return i;
}

uint32_t peer_get(struct sessions *s, const struct node_id *remote)
{
	uint32_t i = peer_find(s, remote), *chain = chain_of(s, remote);
	struct peer *p;

	if (i != SESS_NONE)
		return i;
	if (s->free_peer != SESS_NONE) {
		i = s->free_peer;
		s->free_peer = s->peers[i].next;
	} else if (s->fresh < s->npeers) {
		i = s->fresh++;
	} else {
		return SESS_NONE;
	}
	p = &s->peers[i];
	*p = (struct peer){.remote = *remote,
	                   .session = SESS_NONE,
	                   .next = *chain,
	                   .used = true,
	                   .held = true};
	*chain = i;
	tcp_peer_set(s->tcp, i, tcp_id_sum(s->id.b), tcp_id_sum(remote->b), 0);
	tcp_peer_hold(s->tcp, i, true);
	return i;
}

static void stop_wanting(struct sessions *s, struct peer *p)
{
	if (p->wanted)
		s->nwanted--;
	p->wanted = false;
}

void peer_release(struct sessions *s, uint32_t peer)
{
	struct peer *p = &s->peers[peer];
	uint32_t *link;

	if (!p->used || p->session != SESS_NONE || p->streams || p->in_use)
		return;
	stop_wanting(s, p);
	for (link = chain_of(s, &p->remote); *link != peer; link = &s->peers[*link].next)
		;
	*link = p->next;
	tcp_peer_clear(s->tcp, peer, ENETUNREACH);
	p->used = false;
	p->next = s->free_peer;
	s->free_peer = peer;
}

static void want(struct sessions *s, const struct peer *p)
{
	struct dp_event ev = {.type = EVT_WANT, .u.want = {.remote = p->remote}};

	worker_event(s->w, &ev);
}

static void tick_soon(struct sessions *s, struct instant now)
{
	if (instant_is_never(s->tick))
		s->tick = instant_add(now, SESS_TICK_NS);
}

void peer_update(struct sessions *s, uint32_t peer, struct instant now)
{
	struct peer *p = &s->peers[peer];
	struct session *x = p->session == SESS_NONE ? NULL : s->table[p->session];
	bool hold = !x || x->out_label == LABEL_NONE || !x->tx || x->tx->counter >= SESS_REFUSE_AT;

	if (hold != p->held) {
		p->held = hold;
		tcp_peer_hold(s->tcp, peer, hold);
		if (!hold)
			tcp_path_up(s->tcp, peer);
	}
	if (!hold) {
		stop_wanting(s, p);
	} else if (p->in_use && !p->wanted) {
		p->wanted = true;
		s->nwanted++;
		want(s, p);
	}
	if (p->wanted || s->look)
		tick_soon(s, now);
}

void peer_in_use(struct sessions *s, uint32_t peer)
{
	struct peer *p = &s->peers[peer];
	struct dp_event ev = {.type = EVT_SESSION_IDLE, .u.idle = {.session = p->session}};

	p->in_use = true;
	s->look |= p->streams == 0;
	if (p->session == SESS_NONE || p->told_in_use)
		return;
	p->told_in_use = worker_event(s->w, &ev);
}

static void tell_idle(struct sessions *s, struct peer *p)
{
	struct dp_event ev = {.type = EVT_SESSION_IDLE,
	                      .u.idle = {.session = p->session, .idle = 1}};

	if (p->session != SESS_NONE && p->told_in_use && worker_event(s->w, &ev))
		p->told_in_use = false;
}

/* Connections that applications have let go of live on in TCP for a while: only a look finds their end. */
static void let_go_of_unused(struct sessions *s)
{
	s->look = false;
	for (uint32_t i = 0; i < s->fresh; i++) {
		struct peer *p = &s->peers[i];

		if (!p->used || !p->in_use || p->streams)
			continue;
		if (tcp_peer_live(s->tcp, i)) {
			s->look = true;
			continue;
		}
		p->in_use = false;
		tell_idle(s, p);
		peer_release(s, i);
	}
}

void peers_tick(struct sessions *s, struct instant now)
{
	if (!instant_reached(s->tick, now))
		return;
	s->tick = INSTANT_NEVER;
	if (s->look)
		let_go_of_unused(s);
	for (uint32_t i = 0; s->nwanted && i < s->fresh; i++)
		if (s->peers[i].used && s->peers[i].wanted)
			want(s, &s->peers[i]);
	for (uint32_t i = 0; s->waiting && i < s->table_size; i++)
		if (s->table[i] && s->table[i]->nwait &&
		    instant_sub(now, s->table[i]->wait_since) > SESS_WAIT_NS)
			rx_drop_waiting(s, s->table[i], DROP_SESSION_NO_KEY);
	if (s->nwanted || s->look || s->waiting)
		tick_soon(s, now);
}
