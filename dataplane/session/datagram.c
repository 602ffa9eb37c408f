/* SPDX-License-Identifier: BSD-3-Clause */
/* Ports for datagrams: who holds one, for which peer, and what is told to who does. */
#include "session/datagram.h"
#include "session/news.h"

#include <errno.h>
#include <stdlib.h>

int datagram_start(struct worker_sessions *s)
{
	s->datagrams = calloc(1, sizeof(*s->datagrams));
	return s->datagrams ? 0 : -ENOMEM;
}

void datagram_stop(struct worker_sessions *s)
{
	struct worker_datagrams *d = s->datagrams;

	for (unsigned i = 0; d && i < d->nheld; i++)
		rte_pktmbuf_free(d->held[i].m);
	if (d)
		*d = (struct worker_datagrams){.nheld = 0};
}

static struct app_listener **chain_of(struct worker_sessions *s, uint16_t port)
{
	return &s->datagrams->chain[port % DATAGRAM_CHAINS];
}

static struct app_listener *holder_of(struct worker_sessions *s, uint16_t port)
{
	struct app_listener *l = *chain_of(s, port);

	while (l && l->own_port != port)
		l = l->next_of_own_port;
	return l;
}

static bool is_for(const struct worker_sessions *s, const struct app_listener *l, uint32_t remote,
                   uint16_t port)
{
	return l->peer_port == port && id_eq(&l->peer, &s->remotes[remote].id);
}

struct app_listener *datagram_holder(struct worker_sessions *s, uint32_t remote,
                                     const struct udp_header *h)
{
	struct app_listener *l = holder_of(s, h->to);

	return l && (l->peer_port == 0 || is_for(s, l, remote, h->from)) ? l : NULL;
}

void datagram_open(struct worker_sessions *s, struct app_listener *l, uint16_t port)
{
	struct app_listener **chain = chain_of(s, port);

	l->datagrams = true;
	l->own_port = port;
	l->next_of_own_port = *chain;
	*chain = l;
	s->datagrams->nports++;
}

void datagram_bound(struct worker_sessions *s, struct app_stream *st)
{
	const struct app_segment *seg = st->port->seg;
	uint32_t slot = (uint32_t)(st - seg->slots);

	appseg_fixed_view(&st->side.out, seg->at, &seg->layout, slot, false);
	appseg_fixed_view(&st->side.in, seg->at, &seg->layout, slot, true);
	st->posted->in_most = st->side.in.cap;
	atomic_fetch_or(&st->side.shared->told, APPSEG_BOUND);
	news_in(s, st);
}

void datagram_close(struct worker_sessions *s, struct app_listener *l)
{
	struct app_listener **link = chain_of(s, l->own_port);
	struct app_stream *st = TAILQ_FIRST(&l->posted);

	while (*link != l)
		link = &(*link)->next_of_own_port;
	*link = l->next_of_own_port;
	s->datagrams->nports--;
	if (st && !st->closing)
		datagram_let_go(s, st);
}

uint32_t datagram_unsent(struct app_stream *st)
{
	uint32_t n = bytering_used(&st->side.out);

	return st->closing ? (uint32_t)min_u64(n, st->last - st->side.out.mine) : n;
}

void datagram_withdraw(struct worker_sessions *s, struct app_stream *st)
{
	TAILQ_REMOVE(&st->posted->posted, st, watch_link);
	st->posted = NULL;
	st->closing = true;
	news_gone(s, st);
}

void datagram_break(struct worker_sessions *s, struct app_stream *st)
{
	count_add(&s->w->count.app_nonsense, 1);
	if (st->closing) {
		datagram_withdraw(s, st);
		return;
	}
	TAILQ_REMOVE(&st->posted->posted, st, watch_link);
	st->posted = NULL;
	st->ended = true;
	news_ended(s, st, EPROTO);
}

void datagram_kick(struct worker_sessions *s, struct app_listener *l)
{
	struct worker_datagrams *d = s->datagrams;

	if (l->sending)
		return;
	l->sending = true;
	l->next_sending = NULL;
	if (d->sending_last)
		d->sending_last->next_sending = l;
	else
		d->sending_first = l;
	d->sending_last = l;
}

void datagram_let_go(struct worker_sessions *s, struct app_stream *st)
{
	st->last = st->side.out.mine + datagram_unsent(st);
	st->closing = true;
	datagram_kick(s, st->posted);
}

static uint32_t longest(const struct worker_sessions *s, uint32_t remote)
{
	const struct remote *p = &s->remotes[remote];

	if (p->self)
		return APPDGRAM_MOST;
	if (p->session == SESS_NONE || s->table[p->session]->path_mtu <= UDP_HEADER_BYTES)
		return 0;
	return (uint32_t)min_u64(s->table[p->session]->path_mtu - UDP_HEADER_BYTES, APPDGRAM_MOST);
}

void datagram_noted(struct worker_sessions *s, struct app_stream *st, uint32_t remote)
{
	appdgram_path_set(appseg_paths(news_slot(st)), &s->remotes[remote].id, longest(s, remote));
}

void datagram_peer(struct worker_sessions *s, struct app_stream *st, const struct node_id *id,
                   uint16_t port)
{
	struct app_listener *l = st->posted;
	uint32_t remote = remote_find(s, id);

	l->peer = *id;
	l->peer_port = port;
	if (port && remote != SESS_NONE)
		datagram_noted(s, st, remote);
}

int datagram_option(struct app_stream *st, uint32_t option, int64_t value)
{
	if (!st->posted->datagrams || option != APPLANE_OPT_IN_MOST || value < 1)
		return -EINVAL;
	st->posted->in_most = (uint32_t)min_u64((uint64_t)value, st->side.in.cap);
	return 0;
}

void datagram_path(struct worker_sessions *s, uint32_t remote)
{
	const struct node_id *id = &s->remotes[remote].id;
	uint32_t most = longest(s, remote);

	for (uint32_t i = 0; s->datagrams->nports && i < DATAGRAM_CHAINS; i++)
		for (struct app_listener *l = s->datagrams->chain[i]; l; l = l->next_of_own_port) {
			struct app_stream *st = TAILQ_FIRST(&l->posted);
			struct appdgram_path *paths = st ? appseg_paths(news_slot(st)) : NULL;

			if (paths &&
			    atomic_load(&appdgram_path(paths, id)->key) == appdgram_key(id))
				appdgram_path_set(paths, id, most);
		}
}

void datagram_failed(struct worker_sessions *s, uint32_t remote, uint16_t from, uint16_t to,
                     int err)
{
	struct app_listener *l = holder_of(s, from);
	struct app_stream *st = l ? TAILQ_FIRST(&l->posted) : NULL;

	if (!st || st->closing || !is_for(s, l, remote, to))
		return;
	atomic_store(&st->side.shared->err, err);
	atomic_fetch_or(&st->side.shared->told, APPSEG_DATAGRAM_ERROR);
	news_in(s, st);
}
