/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 of the TUN, outward: packets wait for a session, are split where the path carries less than 1 280 bytes, and leave sealed. */
#include "session/ip.h"
#include "session/tx.h"
#include "wire/lse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Bytes of an IPv6 packet above those of a segment of the same size on the wire: its header without what stands in its place. */
#define ELIDED_GAIN (IP6_HEADER_BYTES - IP6_ELIDED_BYTES)

#define RUN_MOST \
	(4 *     \
	 SESS_BURST) /* packets of a queue in a turn, so that arriving packets and timers get theirs */

int ip_start(struct worker_sessions *s)
{
	const struct dp_tun_cfg *tun = s->w->cfg->tun;
	unsigned queues = tun && tun->queues ? tun->queues : 1;

	COYO_ASSERT(queues <= TUN_QUEUES_MAX);
	if (!tun)
		return 0;
	s->ip = calloc(1, sizeof(*s->ip));
	if (!s->ip)
		return -ENOMEM;
	s->ip->prefix = tun->prefix;
	tun_flows_init(&s->ip->flows, tun->allow, tun->nallow, queues, s->w->cfg->seed + 16);
	bucket_init(&s->ip->answers, IP_ANSWER_RATE, IP_ANSWER_RATE);
	for (; s->ip->nrings < queues; s->ip->nrings++) {
		s->ip->ring[s->ip->nrings] = tunring_new(&s->bridge);
		if (!s->ip->ring[s->ip->nrings])
			return -ENOMEM;
	}
	return 0;
}

void ip_free(struct worker_sessions *s)
{
	if (!s->ip)
		return;
	for (unsigned i = 0; i < s->ip->nheld; i++)
		rte_pktmbuf_free(s->ip->held[i].m);
	for (unsigned i = 0; i < s->ip->nhalves; i++)
		rte_pktmbuf_free(s->ip->half[i].m);
	for (unsigned i = 0; i < s->ip->nrings; i++)
		tunring_free(s->ip->ring[i]);
	free(s->ip);
	s->ip = NULL;
}

bool ip_sleep_ok(const struct worker_sessions *s)
{
	for (unsigned q = 0; s->ip && q < s->ip->nrings; q++)
		if (tunring_peek(&s->ip->ring[q]->to_worker_rx))
			return false;
	return true;
}

bool ip_waits(const struct worker_sessions *s)
{
	return s->ip && (s->ip->nheld || s->ip->nhalves);
}

struct tun_slot *ip_slot(struct worker_sessions *s, unsigned queue, uint32_t most)
{
	ip_end_run(s);
	return tunring_slot(&s->ip->ring[queue]->to_tun_tx, most);
}

/* The slot that ip_slot() gave is complete. */
static void commit(struct worker_sessions *s, unsigned queue, const struct tun_slot *slot)
{
	struct tunring *r = s->ip->ring[queue];

	tunring_commit(&r->to_tun_tx, slot);
	r->to_tun_new = true;
}

void ip_end_run(struct worker_sessions *s)
{
	const struct tun_slot *slot = gro_end(&s->ip->gro);

	if (slot)
		commit(s, s->ip->gro_queue, slot);
}

/* A packet that cannot go, with the reason, back to the TUN, which makes the ICMPv6 message of it. */
static void give_back(struct worker_sessions *s, enum tun_slot_kind kind, uint32_t remote,
                      uint32_t mtu, const uint8_t *packet, uint32_t len)
{
	struct tun_slot *slot;

	/* The message has no room for more of it. */
	if (len > TUN_ANSWER_MAX)
		len = TUN_ANSWER_MAX;
	slot = ip_slot(s, 0, len);
	if (!slot) {
		drop_count(s->w, DROP_TUN_FULL, 1);
		return;
	}
	slot->kind = (uint8_t)kind;
	slot->len = len;
	slot->mtu = (uint16_t)mtu;
	slot->id = s->remotes[remote].id;
	memcpy(slot->packet, packet, len);
	commit(s, 0, slot);
}

/* ---- sending ---- */

/* A sealed packet begins with its elided header; *at: where its payload goes. NULL: there is no buffer. */
static uint8_t *put_header(struct worker_sessions *s, const struct ip6_elided *h, uint32_t *at)
{
	uint8_t *p = tx_inner(s);

	if (!p)
		return NULL;
	p[0] = TRANSPORT_IPV6;
	p[1] = h->traffic_class;
	*at = TUNNEL_INNER_BYTES + (uint32_t)ip6_elided_put(p + TUNNEL_INNER_BYTES, h);
	return p;
}

static unsigned class_of(const struct ip6_elided *h)
{
	return (h->traffic_class & 3) == TCP_NOT_ECT ? TC_BE_NOT_ECT : TC_BE_ECT;
}

/* One with n bytes of payload. */
static void put(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops,
                const struct ip6_elided *h, const uint8_t *payload, uint32_t n, struct instant now)
{
	uint32_t at;
	uint8_t *p = put_header(s, h, &at);

	if (!p)
		return;
	memcpy(p + at, payload, n);
	tx_add(s, e, ops, at + n, class_of(h), now);
}

/* Two of equal size, so that both fit wherever one of them does. */
static void put_halves(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops,
                       struct ip6_elided *h, const uint8_t *payload, uint32_t n, struct instant now)
{
	uint32_t front = (n + 1) / 2;

	h->split = ++e->ip_split;
	h->form = IP6_FIRST;
	put(s, e, ops, h, payload, front, now);
	h->form = IP6_SECOND;
	put(s, e, ops, h, payload + front, n - front, now);
}

/* Bytes of a run's piece as a packet. */
static uint32_t piece_len(const struct tun_slot *run, unsigned i)
{
	return IP6_HEADER_BYTES + (uint32_t)gso_piece_bytes(&run->gso, run->len, i);
}

/* One piece of a run, cut where it is to be sealed. */
static void put_piece(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops,
                      const struct ip6_elided *h, const struct tun_slot *run, unsigned i,
                      struct instant now)
{
	uint32_t at;
	uint8_t *p = put_header(s, h, &at);

	if (!p)
		return;
	at += (uint32_t)gso_piece(&run->gso, run->packet, run->len, i, p + at);
	tx_add(s, e, ops, at, class_of(h), now);
}

static void send(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops,
                 const uint8_t *packet, uint32_t len, struct instant now)
{
	uint32_t fits = e->path_mtu + ELIDED_GAIN, n = len - IP6_HEADER_BYTES;
	struct ip6_elided h;

	if (!ip6_header_get(packet, len, &h) || h.prefix != s->ip->prefix) {
		drop_count(s->w, DROP_TUN_HEADER, 1);
		return;
	}
	if (likely_(len <= fits))
		put(s, e, ops, &h, packet + IP6_HEADER_BYTES, n, now);
	else if (len <= IP6_MTU_LEAST && (n + 1) / 2 + IP6_HALF_BYTES <= e->path_mtu)
		put_halves(s, e, ops, &h, packet + IP6_HEADER_BYTES, n, now);
	else if (len <= IP6_MTU_LEAST)
		drop_count(s->w, DROP_TOO_BIG, 1);
	else
		give_back(s, TUN_TOO_BIG, e->remote, fits > IP6_MTU_LEAST ? fits : IP6_MTU_LEAST,
		          packet, len);
}

/* A run goes as pieces; where they are too long it comes back as a whole, once. */
static void send_run(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops,
                     const struct tun_slot *run, struct instant now)
{
	uint32_t fits = e->path_mtu + ELIDED_GAIN;
	unsigned pieces = gso_pieces(&run->gso, run->len);
	uint8_t piece[IP6_MTU_LEAST];
	struct ip6_elided h;

	if (!ip6_header_get(run->packet, run->len, &h) || h.prefix != s->ip->prefix ||
	    piece_len(run, 0) > TUN_MTU_MOST) {
		drop_count(s->w, DROP_TUN_HEADER, 1);
		return;
	}
	if (piece_len(run, 0) > fits && piece_len(run, 0) > IP6_MTU_LEAST) {
		give_back(s, TUN_TOO_BIG, e->remote, fits > IP6_MTU_LEAST ? fits : IP6_MTU_LEAST,
		          run->packet, run->len);
		return;
	}
	for (unsigned i = 0; i < pieces; i++)
		if (likely_(piece_len(run, i) <= fits))
			put_piece(s, e, ops, &h, run, i, now);
		else
			send(s, e, ops, piece,
			     (uint32_t)gso_packet(&run->gso, run->packet, run->len, i, piece), now);
}

void ip_send_own(struct worker_sessions *s, struct tunnel_end *e, const uint8_t *packet,
                 uint32_t len, struct instant now)
{
	struct aead_op ops[SESS_BURST];

	if (!sess_may_send(e))
		return;
	send(s, e, ops, packet, len, now);
	tx_seal(s, ops);
}

static struct tunnel_end *end_to(const struct worker_sessions *s, uint32_t remote)
{
	uint32_t session = s->remotes[remote].session;
	struct tunnel_end *e = session == SESS_NONE ? NULL : s->table[session];

	return e && sess_may_send(e) ? e : NULL;
}

/* ---- holding ---- */

static void forget_held(struct worker_sessions *s, unsigned i)
{
	struct worker_ip *ip = s->ip;
	uint32_t remote = ip->held[i].remote;

	COYO_ASSERT(i < ip->nheld && s->remotes[remote].held_ip > 0);
	rte_pktmbuf_free(ip->held[i].m);
	ip->nheld--;
	memmove(ip->held + i, ip->held + i + 1, (ip->nheld - i) * sizeof(ip->held[0]));
	s->remotes[remote].held_ip--;
	remote_release(s, remote);
}

static void hold(struct worker_sessions *s, uint32_t remote, const uint8_t *packet, uint32_t len,
                 struct instant now)
{
	struct worker_ip *ip = s->ip;
	struct rte_mbuf *m;

	if (ip->nheld == IP_HELD_MAX || s->remotes[remote].held_ip == IP_HELD_REMOTE) {
		drop_count(s->w, DROP_TUN_HELD, 1);
		return;
	}
	m = worker_mbuf(s->w);
	if (!m)
		return;
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), packet, len);
	ip->held[ip->nheld++] = (struct ip_held){.m = m, .remote = remote, .since = now};
	s->remotes[remote].held_ip++;
	sess_tick_soon(s, now);
}

static void hold_run(struct worker_sessions *s, uint32_t remote, const struct tun_slot *run,
                     struct instant now)
{
	unsigned pieces = gso_pieces(&run->gso, run->len);
	uint8_t piece[TUN_MTU_MOST];

	for (unsigned i = 0; i < pieces && piece_len(run, 0) <= TUN_MTU_MOST; i++)
		hold(s, remote, piece,
		     (uint32_t)gso_packet(&run->gso, run->packet, run->len, i, piece), now);
}

static void send_released(struct worker_sessions *s, struct aead_op *ops, struct instant now)
{
	struct worker_ip *ip = s->ip;

	ip->released = false;
	for (unsigned i = 0; i < ip->nheld;) {
		struct tunnel_end *e = end_to(s, ip->held[i].remote);
		struct rte_mbuf *m = ip->held[i].m;

		if (!e) {
			i++;
			continue;
		}
		send(s, e, ops, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, now);
		forget_held(s, i);
	}
}

static void give_back_held(struct worker_sessions *s, unsigned i)
{
	struct rte_mbuf *m = s->ip->held[i].m;

	give_back(s, TUN_UNREACHABLE, s->ip->held[i].remote, 0, rte_pktmbuf_mtod(m, uint8_t *),
	          m->data_len);
	forget_held(s, i);
}

void ip_unreachable(struct worker_sessions *s, uint32_t remote, int64_t age_ns, struct instant now)
{
	for (unsigned i = 0; s->ip && i < s->ip->nheld;) {
		const struct ip_held *h = &s->ip->held[i];

		if (h->remote == remote && instant_sub(now, h->since) >= age_ns)
			give_back_held(s, i);
		else
			i++;
	}
}

int ip_resolved(struct worker_sessions *s, const struct cp_resolved *c)
{
	if (!s->ip)
		return -EINVAL;
	/* Whichever queue has asked; where there is no room it asks again. */
	for (unsigned q = 0; q < s->ip->nrings; q++) {
		struct tun_slot *slot = ip_slot(s, q, sizeof(c->target));

		if (!slot)
			continue;
		slot->kind = TUN_RESOLVED;
		slot->found = c->found;
		slot->id = c->id;
		slot->len = sizeof(c->target);
		memcpy(slot->packet, &c->target, sizeof(c->target));
		commit(s, q, slot);
	}
	return 0;
}

/* ---- a turn ---- */

void ip_use(struct worker_sessions *s, uint32_t remote, struct instant now)
{
	struct remote *p = &s->remotes[remote];

	p->ip_ticks = IP_IDLE_TICKS;
	if (likely_(p->in_use))
		return;
	remote_in_use(s, remote);
	remote_update(s, remote, now);
}

/* A packet of the TUN, or a run. Returns how many packets it is. */
static unsigned take(struct worker_sessions *s, const struct tun_slot *slot, unsigned queue,
                     struct aead_op *ops, struct instant now)
{
	bool run = slot->gso.kind != GSO_NONE;
	uint32_t remote, len = slot->len;
	struct tunnel_end *e;
	struct tun_packet p;

	if (slot->kind == TUN_RESOLVE) {
		struct dp_event ev = {.type = EVT_RESOLVE,
		                      .u.want = {.remote = slot->id, .asker = slot->asker}};

		worker_event(s->w, &ev); /* one that is lost is asked for again */
		return 1;
	}
	if (slot->kind != TUN_PACKET || len < IP6_HEADER_BYTES || (!run && len > TUN_MTU_MOST)) {
		drop_count(s->w, DROP_TUN_HEADER, 1);
		return 1;
	}
	tun_packet_read(slot->packet, len, &p);
	tun_flows_out(&s->ip->flows, &p, queue, now);
	remote = s->draining ? remote_find(s, &slot->id) : remote_get(s, &slot->id);
	if (remote == SESS_NONE) {
		drop_count(s->w, DROP_TUN_HELD, 1);
		return 1;
	}
	ip_use(s, remote, now);
	e = end_to(s, remote);
	if (run) {
		if (likely_(e != NULL))
			send_run(s, e, ops, slot, now);
		else
			hold_run(s, remote, slot, now);
		return gso_pieces(&slot->gso, len);
	}
	if (likely_(e != NULL))
		send(s, e, ops, slot->packet, len, now);
	else
		hold(s, remote, slot->packet, len, now);
	return 1;
}

/* What one queue has put into its ring. Returns packets. */
static unsigned run_queue(struct worker_sessions *s, unsigned queue, struct aead_op *ops,
                          struct instant now)
{
	struct bytering *r = &s->ip->ring[queue]->to_worker_rx;
	const struct tun_slot *slot;
	unsigned done = 0;

	while (done < RUN_MOST && (slot = tunring_peek(r))) {
		done += take(s, slot, queue, ops, now);
		tunring_done(r, slot);
	}
	return done;
}

unsigned ip_run(struct worker_sessions *s, struct instant now)
{
	struct aead_op ops[SESS_BURST];
	unsigned done = 0;

	if (!s->ip)
		return 0;
	if (s->ip->released)
		send_released(s, ops, now);
	for (unsigned q = 0; q < s->ip->nrings; q++)
		done += run_queue(s, q, ops, now);
	tx_seal(s, ops);
	ip_end_run(s);
	for (unsigned q = 0; q < s->ip->nrings; q++) {
		struct tunring *r = s->ip->ring[q];

		if (!r->to_tun_new)
			continue;
		r->to_tun_new = false;
		bridge_wake(r->tun_asleep, r->tun_fd);
	}
	return done;
}

void ip_tick(struct worker_sessions *s, struct instant now)
{
	struct worker_ip *ip = s->ip;

	if (!ip)
		return;
	while (ip->nheld && instant_sub(now, ip->held[0].since) > IP_HELD_NS)
		give_back_held(s, 0);
	ip_halves_tick(s, now);
}
