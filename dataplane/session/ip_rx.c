/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 of the TUN, inward: opened packets get their addresses back, halves wait for each other, and the ring takes them. */
#include "session/ip.h"

#include <string.h>

/* A packet that nobody asked for: the sender is told so (RFC 4443, 3.1), which ends a connect there at once. */
static void refuse(struct worker_sessions *s, const struct tunnel_end *e,
                   const struct tun_packet *p, const struct tun_slot *slot, struct instant now)
{
	uint8_t out[TUN_ANSWER_MAX];
	size_t n;

	drop_count(s->w, DROP_TUN_REFUSED, 1);
	if (p->kind != TUN_FLOW || !bucket_take(&s->ip->answers, now))
		return;
	n = tun_answer(out, ICMP6_UNREACHABLE, ICMP6_PROHIBITED, 0, slot->packet + 24, slot->packet,
	               slot->len);
	if (n)
		ip_send_own(s, s->table[e->index], out, (uint32_t)n, now);
}

/* Whether the packet may come in, and by which queue; one that may not is dealt with. */
static bool may_come(struct worker_sessions *s, const struct tunnel_end *e,
                     const struct tun_slot *slot, struct instant now, unsigned *queue)
{
	struct tun_packet p;

	tun_packet_read(slot->packet, slot->len, &p);
	if (p.kind == TUN_MALFORMED) {
		drop_count(s->w, DROP_TUN_HEADER, 1);
		return false;
	}
	if (tun_flows_in(&s->ip->flows, &p, &slot->id, now, queue))
		return true;
	refuse(s, e, &p, slot, now);
	return false;
}

/* A slot of this queue, with room for a run where there is any; *kinds: what may become one there. */
static struct tun_slot *slot_of(struct worker_sessions *s, unsigned queue, uint32_t len,
                                uint32_t *kinds)
{
	struct tun_slot *slot;

	*kinds = atomic_load_explicit(&s->ip->ring[queue]->runs, memory_order_relaxed);
	slot = *kinds ? ip_slot(s, queue, TUN_RUN_MOST) : NULL;
	if (slot)
		return slot;
	*kinds = 0;
	return ip_slot(s, queue, len);
}

/* Where the packet in slot belongs to another queue than that whose ring it stands in: a slot there with the same, or NULL. */
static struct tun_slot *moved(struct worker_sessions *s, const struct tun_slot *slot,
                              unsigned queue, uint32_t *kinds)
{
	struct tun_slot *to;

	s->ip->gro_queue = queue;
	to = slot_of(s, queue, slot->len, kinds);
	if (to)
		memcpy(to, slot, TUN_SLOT_HEAD + slot->len);
	return to;
}

/* The packet from e with up to two pieces of payload goes into the ring, behind the last where it continues that. */
static void deliver(struct worker_sessions *s, const struct tunnel_end *e,
                    const struct ip6_elided *h, const uint8_t *front, uint32_t nfront,
                    const uint8_t *rest, uint32_t nrest, struct instant now)
{
	const struct node_id *from = &s->remotes[e->remote].id;
	uint32_t len = IP6_HEADER_BYTES + nfront + nrest, kinds;
	struct worker_ip *ip = s->ip;
	struct tun_slot *slot;
	unsigned queue;

	if (len > TUN_MTU_MOST) {
		drop_count(s->w, DROP_TUN_HEADER, 1);
		return;
	}
	if (!nrest && ip->gro.slot && ip->gro_remote == e->remote &&
	    gro_add(&ip->gro, h, front, nfront))
		return;
	/* Most likely it is of the same flow as the last, or there is one queue. */
	slot = slot_of(s, ip->gro_queue, len, &kinds);
	if (slot) {
		slot->kind = TUN_PACKET;
		slot->len = len;
		slot->id = *from;
		ip6_header_put(slot->packet, h, nfront + nrest, from, &s->id);
		memcpy(slot->packet + IP6_HEADER_BYTES, front, nfront);
		if (nrest)
			memcpy(slot->packet + IP6_HEADER_BYTES + nfront, rest, nrest);
		if (!may_come(s, e, slot, now, &queue))
			return;
		if (queue != ip->gro_queue)
			slot = moved(s, slot, queue, &kinds);
	}
	if (!slot) {
		drop_count(s->w, DROP_TUN_FULL, 1);
		return;
	}
	gro_begin(&ip->gro, slot, h, nrest ? 0 : kinds);
	ip->gro_remote = e->remote;
}

/* ---- halves ---- */

static void forget(struct worker_sessions *s, unsigned i)
{
	struct worker_ip *ip = s->ip;
	struct tunnel_end *e = end_of(s, ip->half[i].session);

	COYO_ASSERT(i < ip->nhalves && e && e->ip_halves > 0);
	e->ip_halves--;
	rte_pktmbuf_free(ip->half[i].m);
	ip->nhalves--;
	memmove(ip->half + i, ip->half + i + 1, (ip->nhalves - i) * sizeof(ip->half[0]));
}

static void drop_half(struct worker_sessions *s, unsigned i)
{
	drop_count(s->w, DROP_TUN_HALF, 1);
	forget(s, i);
}

void ip_end_gone(struct worker_sessions *s, uint32_t session)
{
	for (unsigned i = 0; s->ip && i < s->ip->nhalves;)
		if (s->ip->half[i].session == session)
			drop_half(s, i);
		else
			i++;
}

void ip_halves_tick(struct worker_sessions *s, struct instant now)
{
	while (s->ip->nhalves && instant_sub(now, s->ip->half[0].since) > IP_HALF_NS)
		drop_half(s, 0);
}

/* Room for one more half of this session. Where it has its share its own oldest gives way, where there is no room the oldest of those that have
 * most. */
static void make_room(struct worker_sessions *s, uint32_t session)
{
	const struct worker_ip *ip = s->ip;
	bool own = s->table[session]->ip_halves >= IP_HALF_END;
	unsigned most = 0, victim = 0;

	if (!own && ip->nhalves < IP_HALF_MAX)
		return;
	for (unsigned i = 0; i < ip->nhalves; i++) {
		unsigned n = s->table[ip->half[i].session]->ip_halves;

		if (n <= most || (own && ip->half[i].session != session))
			continue;
		most = n;
		victim = i;
	}
	drop_half(s, victim);
}

static void keep(struct worker_sessions *s, const struct ip_half *half)
{
	struct worker_ip *ip = s->ip;

	make_room(s, half->session);
	ip->half[ip->nhalves++] = *half;
	s->table[half->session]->ip_halves++;
	/* The burst that it came with frees it once. */
	rte_mbuf_refcnt_update(half->m, 1);
	sess_tick_soon(s, half->since);
}

/* The half that belongs to this one, or -1. One of the same form is its predecessor of 65 536 packets ago, or a forgery of the other end: it is
 * dropped. */
static int other_half(struct worker_sessions *s, const struct ip_half *half)
{
	for (unsigned i = 0; i < s->ip->nhalves; i++) {
		const struct ip_half *o = &s->ip->half[i];

		if (o->session != half->session || o->h.split != half->h.split)
			continue;
		if (o->h.form != half->h.form)
			return (int)i;
		drop_half(s, i);
		break;
	}
	return -1;
}

static void join(struct worker_sessions *s, const struct tunnel_end *e, const struct ip_half *half)
{
	const struct ip_half *first, *second;
	struct ip6_elided h;
	int at;

	/* The tick comes once a second: without this one's look a half could be joined with one of another packet that came up to two seconds later. */
	ip_halves_tick(s, half->since);
	at = other_half(s, half);
	if (at < 0) {
		keep(s, half);
		return;
	}
	first = half->h.form == IP6_FIRST ? half : &s->ip->half[at];
	second = half->h.form == IP6_FIRST ? &s->ip->half[at] : half;
	/* Only packets that every way of IPv6 carries are split. */
	if (IP6_HEADER_BYTES + first->len + second->len > IP6_MTU_LEAST) {
		drop_count(s->w, DROP_TUN_HALF, 1);
		drop_half(s, (unsigned)at);
		return;
	}
	h = first->h;
	/* A mark on either half is a mark on the packet (RFC 3168, section 5.3). */
	if ((second->h.traffic_class & 3) == TCP_CE && (h.traffic_class & 3) != TCP_NOT_ECT)
		h.traffic_class |= TCP_CE;
	deliver(s, e, &h, first->payload, first->len, second->payload, second->len, half->since);
	forget(s, (unsigned)at);
}

void ip_rx(struct worker_sessions *s, const struct tunnel_end *e, struct rte_mbuf *m,
           uint8_t traffic_class, const uint8_t *p, uint32_t len, struct instant now)
{
	struct ip_half half = {.m = m, .session = e->index, .since = now};
	size_t n;

	if (!s->ip) {
		drop_count(s->w, DROP_TRANSPORT, 1);
		return;
	}
	n = ip6_elided_get(p, len, &half.h);
	if (n == 0) {
		drop_count(s->w, DROP_TUN_HEADER, 1);
		return;
	}
	if (half.h.prefix != s->ip->prefix) {
		drop_count(s->w, DROP_TUN_PREFIX, 1);
		return;
	}
	ip_use(s, e->remote, now);
	half.h.traffic_class = traffic_class;
	half.payload = p + n;
	half.len = len - (uint32_t)n;
	if (likely_(half.h.form == IP6_WHOLE))
		deliver(s, e, &half.h, half.payload, half.len, NULL, 0, now);
	else
		join(s, e, &half);
}
