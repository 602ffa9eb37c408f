/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams outward: out of applications' rings into sealed packets; the first to an id wait for its session. */
#include "session/datagram.h"
#include "session/ip.h"
#include "session/news.h"
#include "session/tx.h"
#include "tcp/csum.h"
#include "wire/lse.h"

#include <errno.h>
#include <string.h>

#define RUN_MOST  (4 * SESS_BURST) /* in a turn, so that arriving packets and timers get theirs */
#define PORT_MOST SESS_BURST       /* ... of one port, so that the others get theirs */

/* [next header, traffic class][header][payload] */
#define AT_HEADER  TUNNEL_INNER_BYTES
#define AT_PAYLOAD (AT_HEADER + UDP_HEADER_BYTES)

/* ---- one of them ---- */

static struct udp_header header_of(const uint8_t *inner)
{
	return (struct udp_header){be16_load(inner + AT_HEADER), be16_load(inner + AT_HEADER + 2)};
}

/* Writes the oldest record of the ring as it rides in a session: one copy, summed in the same pass. The header's place is a multiple of 8, so the
 * second piece begins at a whole word. */
static uint32_t build(struct worker_sessions *s, uint8_t *inner, struct bytering *ring,
                      const struct udp_header *h, const struct appdgram *head)
{
	uint16_t check;
	uint32_t sum, len[2];
	uint8_t *piece[2];

	appdgram_pieces(ring, sizeof(*head), head->len, piece, len);
	inner[0] = TRANSPORT_UDP;
	inner[1] = 0;
	udp_header_put(inner + AT_HEADER, h, head->len);
	sum = csum_pseudo(tcp_id_sum(s->id.b), tcp_id_sum(head->id.b), UDP_HEADER_BYTES + head->len,
	                  TRANSPORT_UDP);
	sum += tcp_csum_sum(inner + AT_HEADER, UDP_HEADER_BYTES);
	sum += tcp_csum_copy(inner + AT_PAYLOAD, piece[0], len[0]);
	sum += tcp_csum_copy(inner + AT_PAYLOAD + len[0], piece[1], len[1]);
	check = (uint16_t)~tcp_csum_fold(sum);
	be16_store(inner + AT_HEADER + UDP_AT_CHECKSUM, check ? check : UINT16_MAX);
	return AT_PAYLOAD + head->len;
}

static struct tunnel_end *end_to(const struct worker_sessions *s, uint32_t remote)
{
	uint32_t session = s->remotes[remote].session;
	struct tunnel_end *e = session == SESS_NONE ? NULL : s->table[session];

	return e && sess_may_send(e) ? e : NULL;
}

/* The len bytes that tx_inner() has room for, and that stand there, leave by e. */
static void send(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops,
                 const uint8_t *inner, uint32_t len, struct instant now)
{
	if (len - TUNNEL_INNER_BYTES > e->path_mtu) {
		struct udp_header h = header_of(inner);

		drop_count(s->w, DROP_TOO_BIG, 1);
		datagram_failed(s, e->remote, h.from, h.to, EMSGSIZE);
		return;
	}
	count_add(&s->w->count.datagrams_out, 1);
	tx_add(s, e, ops, len, TC_BE_NOT_ECT, now);
}

/* To this node itself. */
static void turn_round(struct worker_sessions *s, uint32_t remote, const uint8_t *inner,
                       uint32_t len)
{
	struct udp_header h = header_of(inner);

	count_add(&s->w->count.datagrams_out, 1);
	if (datagram_deliver(s, remote, &h, inner + AT_PAYLOAD, len - AT_PAYLOAD))
		return;
	drop_count(s->w, DROP_UDP_PORT, 1);
	datagram_failed(s, remote, h.from, h.to, ECONNREFUSED);
}

/* ---- holding ---- */

static void forget_held(struct worker_sessions *s, unsigned i)
{
	struct worker_datagrams *d = s->datagrams;
	uint32_t remote = d->held[i].remote;

	COYO_ASSERT(i < d->nheld && s->remotes[remote].held_udp > 0);
	rte_pktmbuf_free(d->held[i].m);
	d->nheld--;
	memmove(d->held + i, d->held + i + 1, (d->nheld - i) * sizeof(d->held[0]));
	s->remotes[remote].held_udp--;
	remote_release(s, remote);
}

static void hold(struct worker_sessions *s, uint32_t remote, const uint8_t *inner, uint32_t len,
                 struct instant now)
{
	struct worker_datagrams *d = s->datagrams;
	struct rte_mbuf *m;

	if (d->nheld == DATAGRAM_HELD_MAX || s->remotes[remote].held_udp == DATAGRAM_HELD_REMOTE) {
		drop_count(s->w, DROP_UDP_HELD, 1);
		return;
	}
	m = worker_mbuf(s->w);
	if (!m)
		return;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), inner, len);
	d->held[d->nheld++] = (struct datagram_held){.m = m, .remote = remote, .since = now};
	s->remotes[remote].held_udp++;
	sess_tick_soon(s, now);
}

static void give_up(struct worker_sessions *s, unsigned i, int err)
{
	const struct datagram_held *held = &s->datagrams->held[i];
	struct udp_header h = header_of(rte_pktmbuf_mtod(held->m, uint8_t *));

	drop_count(s->w, DROP_UDP_HELD, 1);
	datagram_failed(s, held->remote, h.from, h.to, err);
	forget_held(s, i);
}

void datagram_unreachable(struct worker_sessions *s, uint32_t remote, int err, int64_t age_ns,
                          struct instant now)
{
	struct worker_datagrams *d = s->datagrams;

	for (unsigned i = 0; i < d->nheld;)
		if (d->held[i].remote == remote && instant_sub(now, d->held[i].since) >= age_ns)
			give_up(s, i, err);
		else
			i++;
}

void datagram_tick(struct worker_sessions *s, struct instant now)
{
	struct worker_datagrams *d = s->datagrams;

	while (d->nheld && instant_sub(now, d->held[0].since) > DATAGRAM_HELD_NS)
		give_up(s, 0, EHOSTUNREACH);
}

static void send_released(struct worker_sessions *s, struct aead_op *ops, struct instant now)
{
	struct worker_datagrams *d = s->datagrams;

	d->released = false;
	for (unsigned i = 0; i < d->nheld;) {
		struct tunnel_end *e = end_to(s, d->held[i].remote);
		struct rte_mbuf *m = d->held[i].m;
		uint8_t *inner = e ? tx_inner(s) : NULL;

		if (!inner) {
			i++;
			continue;
		}
		memcpy(inner, rte_pktmbuf_mtod(m, uint8_t *), m->data_len);
		send(s, e, ops, inner, m->data_len, now);
		datagram_path(s, e->remote);
		forget_held(s, i);
	}
}

/* ---- a port ---- */

/* The remote that a datagram goes to, or SESS_NONE: it does not go. Ids that this worker has not heard of cost the application from its share. */
static uint32_t remote_to(struct worker_sessions *s, struct app_stream *st,
                          const struct node_id *id, struct instant now)
{
	uint32_t remote = remote_find(s, id);

	if (unlikely_(cp_session_worker(id, s->w->workers) != s->w->number)) {
		count_add(&s->w->count.app_nonsense, 1);
		return SESS_NONE;
	}
	if (remote == SESS_NONE && !s->draining && bucket_take(&st->port->ids, now))
		remote = remote_get(s, id);
	if (remote == SESS_NONE)
		drop_count(s->w, DROP_UDP_HELD, 1);
	return remote;
}

static void take(struct worker_sessions *s, struct app_listener *l, struct app_stream *st,
                 const struct appdgram *head, struct aead_op *ops, struct instant now)
{
	const struct udp_header h = {.from = l->own_port, .to = head->port};
	uint32_t remote = remote_to(s, st, &head->id, now), len;
	struct tunnel_end *e;
	uint8_t *inner;

	if (remote == SESS_NONE)
		return;
	ip_use(s, remote, now);
	inner = tx_inner(s);
	if (!inner)
		return;
	len = build(s, inner, &st->side.out, &h, head);
	e = end_to(s, remote);
	if (s->remotes[remote].self)
		turn_round(s, remote, inner, len);
	else if (likely_(e != NULL))
		send(s, e, ops, inner, len, now);
	else
		hold(s, remote, inner, len, now);
	datagram_noted(s, st, remote);
}

/* Sends what one port's slot holds, at most so many. Returns how many. */
static unsigned run_port(struct worker_sessions *s, struct app_listener *l, struct aead_op *ops,
                         unsigned most, struct instant now)
{
	struct app_stream *st = TAILQ_FIRST(&l->posted);
	struct appdgram head;
	unsigned done = 0;
	int there = 0;

	/* Its own slot may be taken from it by what it sends to itself. */
	while (done < most && TAILQ_FIRST(&l->posted) == st && st &&
	       (there = appdgram_first(&st->side.out, datagram_unsent(st), &head)) > 0) {
		take(s, l, st, &head, ops, now);
		bytering_consume(&st->side.out, appdgram_bytes(head.len));
		done++;
	}
	if (!st || TAILQ_FIRST(&l->posted) != st)
		return done;
	if (done && bytering_used(&st->side.out) <= st->side.out.cap / 2 &&
	    atomic_exchange(&st->side.shared->out_full, 0))
		news_room(s, st);
	if (there < 0 || st->side.out.broken)
		datagram_break(s, st);
	else if (st->closing && datagram_unsent(st) == 0)
		datagram_withdraw(s, st);
	return done;
}

/* False: its slot has nothing to send. */
static bool has_more(struct app_listener *l)
{
	struct app_stream *st = TAILQ_FIRST(&l->posted);

	return st && datagram_unsent(st) > 0;
}

unsigned datagram_run(struct worker_sessions *s, struct instant now)
{
	struct worker_datagrams *d = s->datagrams;
	struct aead_op ops[SESS_BURST];
	unsigned done = 0;

	if (unlikely_(d->released))
		send_released(s, ops, now);
	while (d->sending_first && done < RUN_MOST) {
		struct app_listener *l = d->sending_first;

		d->sending_first = l->next_sending;
		if (!d->sending_first)
			d->sending_last = NULL;
		l->sending = false;
		done += run_port(s, l, ops, PORT_MOST, now);
		if (has_more(l))
			datagram_kick(s, l);
		/* It may be one that has only waited for this. */
		s->listeners_ready |= l->unlistened;
	}
	tx_seal(s, ops);
	return done;
}
