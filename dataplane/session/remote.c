/* SPDX-License-Identifier: BSD-3-Clause */
/* Remotes: the ids that connections name, before, during and after there is a session with them. */
#include "seal/seal.h"
#include "session/datagram.h"
#include "session/ip.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int remotes_init(struct worker_sessions *s, uint32_t n, const uint8_t seed[32])
{
	uint32_t chains = 64;

	while (chains < n)
		chains *= 2;
	s->remotes = calloc(n, sizeof(*s->remotes));
	s->chains = malloc(chains * sizeof(*s->chains));
	if (!s->remotes || !s->chains)
		return -ENOMEM;
	memset(s->chains, 0xff, chains * sizeof(*s->chains));
	memcpy(s->hash_key, seed, sizeof(s->hash_key));
	s->chain_mask = chains - 1;
	s->nremotes = n;
	s->free_remote = SESS_NONE;
	s->tick = INSTANT_NEVER;
	return 0;
}

void remotes_free(struct worker_sessions *s)
{
	free(s->remotes);
	free(s->chains);
}

/* Ids are hashes already, but nodes can choose theirs: without the two secret words somebody could fill one chain with many. */
static uint32_t *chain_of(const struct worker_sessions *s, const struct node_id *id)
{
	uint64_t a, b;
	unsigned __int128 p;

	memcpy(&a, id->b + 8, 8);
	memcpy(&b, id->b + 24, 8);
	p = (unsigned __int128)(a ^ s->hash_key[0]) * (b ^ s->hash_key[1]);
	a = (uint64_t)p ^ (uint64_t)(p >> 64);
	return &s->chains[(a ^ a >> 32) & s->chain_mask];
}

uint32_t remote_find(const struct worker_sessions *s, const struct node_id *id)
{
	uint32_t i = *chain_of(s, id);

	while (i != SESS_NONE && !id_eq(&s->remotes[i].id, id))
		i = s->remotes[i].next;
	return i;
}

uint32_t remote_get(struct worker_sessions *s, const struct node_id *id)
{
	uint32_t i = remote_find(s, id), *chain = chain_of(s, id);
	struct remote *p;

	if (i != SESS_NONE)
		return i;
	if (s->free_remote != SESS_NONE) {
		i = s->free_remote;
		s->free_remote = s->remotes[i].next;
	} else if (s->fresh < s->nremotes) {
		i = s->fresh++;
	} else {
		return SESS_NONE;
	}
	p = &s->remotes[i];
	*p = (struct remote){.id = *id,
	                     .session = SESS_NONE,
	                     .next = *chain,
	                     .used = true,
	                     .held = true,
	                     .self = id_eq(id, &s->id)};
	*chain = i;
	tcp_peer_set(s->tcp, i, tcp_id_sum(s->id.b), tcp_id_sum(id->b), 0);
	tcp_peer_hold(s->tcp, i, true);
	return i;
}

static void stop_wanting(struct worker_sessions *s, struct remote *p)
{
	COYO_ASSERT(!p->wanted || s->nwanted > 0);
	if (p->wanted)
		s->nwanted--;
	p->wanted = false;
}

void remote_release(struct worker_sessions *s, uint32_t remote)
{
	struct remote *p = &s->remotes[remote];
	uint32_t *link;

	if (!p->used || p->session != SESS_NONE || p->streams || p->in_use || p->held_ip ||
	    p->held_udp)
		return;
	stop_wanting(s, p);
	for (link = chain_of(s, &p->id); *link != remote; link = &s->remotes[*link].next)
		;
	*link = p->next;
	tcp_peer_clear(s->tcp, remote, ENETUNREACH);
	p->used = false;
	p->next = s->free_remote;
	s->free_remote = remote;
}

static void want(struct worker_sessions *s, const struct remote *p)
{
	struct dp_event ev = {.type = EVT_WANT, .u.want = {.remote = p->id}};

	worker_event(s->w, &ev);
}

void remote_update(struct worker_sessions *s, uint32_t remote, struct instant now)
{
	struct remote *p = &s->remotes[remote];
	struct tunnel_end *e = p->session == SESS_NONE ? NULL : s->table[p->session];
	bool hold = !p->self && (!e || e->out_label == LABEL_NONE || !e->tx ||
	                         e->tx->counter >= SEAL_REFUSE_AT);

	if (hold != p->held) {
		p->held = hold;
		tcp_peer_hold(s->tcp, remote, hold);
		if (!hold)
			tcp_path_up(s->tcp, remote);
		if (!hold && s->ip)
			s->ip->released = true;
		if (!hold)
			s->datagrams->released = true;
	}
	if (!hold) {
		stop_wanting(s, p);
	} else if (p->in_use && !p->wanted) {
		p->wanted = true;
		s->nwanted++;
		want(s, p);
	}
	if (p->wanted || s->look)
		sess_tick_soon(s, now);
	s->direct_look |= p->directs > 0;
}

void remote_incarnation(struct worker_sessions *s, uint32_t remote, uint32_t incarnation)
{
	struct remote *p = &s->remotes[remote];

	if (!incarnation)
		return;
	if (p->incarnation && p->incarnation != incarnation)
		tcp_peer_restarted(s->tcp, remote);
	p->incarnation = incarnation;
}

void remote_in_use(struct worker_sessions *s, uint32_t remote)
{
	struct remote *p = &s->remotes[remote];
	struct dp_event ev = {.type = EVT_SESSION_IDLE, .u.idle = {.session = p->session}};

	p->in_use = true;
	s->look |= p->streams == 0;
	if (p->session == SESS_NONE || p->told_in_use)
		return;
	p->told_in_use = worker_event(s->w, &ev);
}

static void tell_idle(struct worker_sessions *s, struct remote *p)
{
	struct dp_event ev = {.type = EVT_SESSION_IDLE,
	                      .u.idle = {.session = p->session, .idle = 1}};

	if (p->session != SESS_NONE && p->told_in_use && worker_event(s->w, &ev))
		p->told_in_use = false;
}

/* TCP keeps a connection for a while after its application has let go of it, and does not tell when it has ended: so look. */
static void let_go_of_unused(struct worker_sessions *s)
{
	s->look = false;
	for (uint32_t i = 0; i < s->fresh; i++) {
		struct remote *p = &s->remotes[i];

		if (!p->used || !p->in_use || p->streams)
			continue;
		if (p->ip_ticks)
			p->ip_ticks--;
		if (p->ip_ticks || tcp_peer_live(s->tcp, i)) {
			s->look = true;
			continue;
		}
		p->in_use = false;
		tell_idle(s, p);
		remote_release(s, i);
	}
}

void remotes_tick(struct worker_sessions *s)
{
	if (s->look)
		let_go_of_unused(s);
	for (uint32_t i = 0; s->nwanted && i < s->fresh; i++)
		if (s->remotes[i].used && s->remotes[i].wanted)
			want(s, &s->remotes[i]);
}
