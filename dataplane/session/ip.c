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
	(4 * SESS_BURST) /* packets in a turn, so that arriving packets and timers get theirs */

int ip_start(struct worker_sessions *s)
{
	if (!s->w->cfg->tun)
		return 0;
	s->ip = calloc(1, sizeof(*s->ip));
	if (!s->ip)
		return -ENOMEM;
	s->ip->prefix = s->w->cfg->tun->prefix;
	s->ip->ring = tunring_new(&s->bridge);
	return s->ip->ring ? 0 : -ENOMEM;
}

void ip_free(struct worker_sessions *s)
{
	if (!s->ip)
		return;
	for (unsigned i = 0; i < s->ip->nheld; i++)
		rte_pktmbuf_free(s->ip->held[i].m);
	for (unsigned i = 0; i < s->ip->nhalves; i++)
		rte_pktmbuf_free(s->ip->half[i].m);
	tunring_free(s->ip->ring);
	free(s->ip);
	s->ip = NULL;
}

bool ip_waits(const struct worker_sessions *s)
{
	return s->ip && (s->ip->nheld || s->ip->nhalves);
}

/* A packet that cannot go, with the reason, back to the TUN, which makes the ICMPv6 message of it. */
static void give_back(struct worker_sessions *s, enum tun_slot_kind kind, uint32_t remote,
                      uint32_t mtu, const uint8_t *packet, uint32_t len)
{
	struct tun_slot *slot = tunring_slot(&s->ip->ring->to_tun_tx);

	if (!slot) {
		drop_count(s->w, DROP_TUN_FULL, 1);
		return;
	}
	slot->kind = (uint8_t)kind;
	slot->len = (uint16_t)len;
	slot->mtu = (uint16_t)mtu;
	slot->id = s->remotes[remote].id;
	memcpy(slot->packet, packet, len);
	tunring_commit(&s->ip->ring->to_tun_tx);
	s->ip->ring->to_tun_new = true;
}

/* ---- sending ---- */

/* One sealed packet with n bytes of payload. */
static void put(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops,
                const struct ip6_elided *h, const uint8_t *payload, uint32_t n, struct instant now)
{
	unsigned tc = (h->traffic_class & 3) == TCP_NOT_ECT ? TC_BE_NOT_ECT : TC_BE_ECT;
	uint8_t *p = tx_inner(s);
	uint32_t at;

	if (!p)
		return;
	p[0] = TRANSPORT_IPV6;
	p[1] = h->traffic_class;
	at = TUNNEL_INNER_BYTES + (uint32_t)ip6_elided_put(p + TUNNEL_INNER_BYTES, h);
	memcpy(p + at, payload, n);
	tx_add(s, e, ops, at + n, tc, now);
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
	struct tun_slot *slot;

	if (!s->ip)
		return -EINVAL;
	slot = tunring_slot(&s->ip->ring->to_tun_tx);
	if (!slot) /* it is asked for again */
		return 0;
	slot->kind = TUN_RESOLVED;
	slot->len = c->found ? 1 : 0;
	slot->id = c->id;
	memcpy(slot->packet, &c->target, sizeof(c->target));
	tunring_commit(&s->ip->ring->to_tun_tx);
	s->ip->ring->to_tun_new = true;
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

static void take(struct worker_sessions *s, const struct tun_slot *slot, struct aead_op *ops,
                 struct instant now)
{
	uint32_t remote, len = slot->len;
	struct tunnel_end *e;

	if (slot->kind == TUN_RESOLVE) {
		struct dp_event ev = {.type = EVT_RESOLVE, .u.want = {.remote = slot->id}};

		worker_event(s->w, &ev); /* one that is lost is asked for again */
		return;
	}
	if (slot->kind != TUN_PACKET || len < IP6_HEADER_BYTES || len > TUN_MTU_MOST) {
		drop_count(s->w, DROP_TUN_HEADER, 1);
		return;
	}
	remote = s->draining ? remote_find(s, &slot->id) : remote_get(s, &slot->id);
	if (remote == SESS_NONE) {
		drop_count(s->w, DROP_TUN_HELD, 1);
		return;
	}
	ip_use(s, remote, now);
	e = end_to(s, remote);
	if (likely_(e != NULL))
		send(s, e, ops, slot->packet, len, now);
	else
		hold(s, remote, slot->packet, len, now);
}

unsigned ip_run(struct worker_sessions *s, struct instant now)
{
	struct aead_op ops[SESS_BURST];
	const struct tun_slot *slot;
	struct tunring *r;
	unsigned done = 0;

	if (!s->ip)
		return 0;
	r = s->ip->ring;
	if (s->ip->released)
		send_released(s, ops, now);
	while (done < RUN_MOST && (slot = tunring_peek(&r->to_worker_rx))) {
		take(s, slot, ops, now);
		tunring_done(&r->to_worker_rx);
		done++;
	}
	tx_seal(s, ops);
	if (r->to_tun_new) {
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
