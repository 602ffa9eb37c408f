/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes that neighbours begin: first messages answered from the table of half-open handshakes, third messages that complete them. */
#include "peer/listen.h"
#include "peer/peer.h"

#include <string.h>

/* The neighbour is where the second message of XX went to, which the third answers, and has asked the address that this left from. One that is up
 * and has not started anew moves only when it has answered a challenge there. */
static void take_address(struct node *n, struct peer *p, const struct handshake *hs)
{
	bool goes_on =
	        peer_up(p) && p->remote_epoch == hs->remote.epoch && p->local_epoch == hs->epoch;

	if (!peer_taken(p, &hs->id) && !(p->cfg.io.family && goes_on))
		peer_address_answered(n, p, &hs->to);
}

/* Workers have the receiving keys: the handshake is over, and its entry goes. */
static void answered(struct node *n, void *owner)
{
	struct halfopen *h = owner;

	if (!h->hs.ik)
		take_address(n, h->hs.peer, &h->hs);
	peer_established(n, h->hs.peer, &h->hs);
	halfopen_drop(n, h);
}

/* IK: only now may the second message let the other side send. */
static void send_second(struct node *n, void *owner)
{
	struct halfopen *h = owner;

	hs_send(n, &h->hs, LINK_HS2, &h->hs.to, h->hs.last, h->hs.last_len, NULL);
	answered(n, owner);
}

/* Whether a first message is to be dropped because too many come. Its sender gets a cookie, with which the next one passes. */
static bool under_load(struct node *n, const struct cp_link *via, const struct node_id *keyed,
                       const struct dp_packet *pk, const struct hs_envelope *env)
{
	struct peers *ps = n->peers;
	const uint8_t *macs = pk->data + LINK_HEADER_BYTES + env->mac1_at;
	uint8_t src[COOKIE_SOURCE_BYTES], f[LINK_HEADER_BYTES + COOKIE_REPLY_BYTES];
	uint8_t cookie[COOKIE_BYTES];
	struct hs_source to;
	struct link_header h;

	if (bucket_take(&ps->hs_rate, n->now))
		return false;
	cookie_source(pk->link, pk->addr, pk->addr_port, pk->mac, src);
	if (cookie_check(&ps->jar, n->now, src, sizeof(src), pk->data,
	                 LINK_HEADER_BYTES + env->mac1_at + COOKIE_MAC_BYTES,
	                 macs + COOKIE_MAC_BYTES))
		return false;
	count(n, CTR_HS_RATE);
	if (!link_header_get(pk->data, pk->len, &h) || h.length < COOKIE_REPLY_BYTES)
		return true;
	cookie_make(&ps->jar, n->now, src, sizeof(src), cookie);
	h = (struct link_header){
	        .type = LINK_COOKIE, .length = COOKIE_REPLY_BYTES, .receiver = (uint32_t)h.counter};
	link_header_put(f, &h);
	cookie_seal(keyed, &n->cfg.rng, macs, cookie, f + LINK_HEADER_BYTES);
	to = hs_source_of(pk);
	hs_send_frame(n, via, &to, f, sizeof(f));
	return true;
}

/* The id that mac1 of a first message is keyed by, this node's or none, or NULL: it is for somebody else. */
static const struct node_id *addressed_by(const struct node *n, const struct dp_packet *pk,
                                          const struct hs_envelope *env)
{
	const struct node_id *may[] = {&n->cfg.identity->id, &hs_no_id};
	size_t covered = LINK_HEADER_BYTES + env->mac1_at;
	uint8_t mac[COOKIE_MAC_BYTES];

	for (unsigned i = 0; i < 2; i++) {
		cookie_mac1(may[i], pk->data, covered, mac);
		if (cookie_mac_equal(mac, pk->data + covered))
			return may[i];
	}
	return NULL;
}

/* Refuses a handshake, and keeps why: at a listener as a sum; else where the link is not up, since the one refused may be the neighbour that is
 * missed. value: of a reason that has one. */
static void refuse(struct node *n, const struct handshake *hs, enum link_refusal reason,
                   uint32_t value)
{
	struct peer_refusal why = {.reason = (uint8_t)reason, .by_us = true, .value = value};

	if (reason == REFUSED_YOURSELF)
		peers_own_id(n, hs);
	hs_refuse(n, hs_via(hs), &hs->to, hs->theirs, hs->mac1, reason);
	if (hs->listener)
		hs->listener->refused[reason]++;
	else if (!peer_up(hs->peer) && reason != REFUSED_USE_XX)
		peer_refused(n, hs->peer, why);
}

/* Whose link a handshake that names its sender is for. False: it comes to nothing, and its sender has been told where that helps. */
static bool find_peer(struct node *n, struct handshake *hs)
{
	if (hs->listener) {
		hs->peer = listener_link(hs->listener, &hs->id);
		if (!hs->peer) {
			refuse(n, hs, REFUSED_USE_XX, 0);
			return false;
		}
		hs->epoch = hs->peer->local_epoch;
	}
	if (peer_taken(hs->peer, &hs->id)) {
		refuse(n, hs, REFUSED_BUSY, 0);
		return false;
	}
	return !hs_ours_wins(n, hs->peer, hs);
}

/* Reads a first message. False: nothing more is to be said. */
static bool read_first(struct node *n, struct handshake *hs, const struct hs_envelope *env, bool ik)
{
	if (hs_init(n, hs, hs->peer, false, ik, NULL) != 0)
		return false;
	if (!hs_read_next(n, hs, env, ik)) {
		if (hs->refuse)
			refuse(n, hs, hs->refuse, 0);
		return false;
	}
	return !ik || find_peer(n, hs);
}

/* Answers a first message. IK: the second message waits until the workers have the receiving keys. */
static void answer(struct node *n, struct halfopen *half)
{
	struct handshake *hs = &half->hs;

	hs->last_len = hs_write_next(n, hs, false, hs->remote.tx_lanes, hs->last);
	if (hs->last_len == 0) {
		halfopen_drop(n, half);
	} else if (hs->ik) {
		hs->keyed = true;
		hs_program_rx(n, hs, send_second, half);
	} else {
		hs_send(n, hs, LINK_HS2, &hs->to, hs->last, hs->last_len, NULL);
	}
}

void answer_first_rx(struct node *n, struct peer *p, struct listener *l, const struct dp_packet *pk,
                     const struct link_header *h, const struct hs_envelope *env)
{
	struct handshake hs = {
	        .peer = p, .listener = l, .theirs = (uint32_t)h->counter, .to = hs_source_of(pk)};
	const struct node_id *keyed = addressed_by(n, pk, env);
	struct halfopen *half;

	if (!keyed) {
		count(n, CTR_HS_MAC1);
		return;
	}
	memcpy(hs.mac1, pk->data + LINK_HEADER_BYTES + env->mac1_at, sizeof(hs.mac1));
	if (h->version != LINK_VERSION) {
		count(n, CTR_HS_VERSION);
		refuse(n, &hs, REFUSED_VERSION, h->version);
		return;
	}
	if (h->receiver != n->cfg.network_id) {
		count(n, CTR_HS_NETWORK);
		refuse(n, &hs, REFUSED_NETWORK, h->receiver);
		return;
	}
	if (under_load(n, hs_via(&hs), keyed, pk, env))
		return;
	/* Since anybody can send what cannot be read, a message takes a place only when it was. */
	if (read_first(n, &hs, env, h->flags & LINK_FLAG_IK)) {
		if (hs.ik)
			halfopens_drop_ik(n, pk->link, hs.peer);
		half = halfopen_add(n, pk->link, &hs);
		if (half)
			answer(n, half);
	}
	explicit_bzero(&hs, sizeof(hs));
}

/* The third message has proven the neighbour's id at a listener: its link, made now if it has none. The neighbour is where the second message
 * reached it. False: it gets none. */
static bool join(struct node *n, struct handshake *hs)
{
	struct listener *l = hs->listener;
	struct peer *p = listener_link(l, &hs->id);
	unsigned why = 0;

	if (!p)
		why = listener_admit(n, l, &hs->id, &hs->to, hs->epoch, &p);
	if (why) {
		refuse(n, hs, why, 0);
		return false;
	}
	hs->peer = p;
	return true;
}

/* Two XX crossed and both come about: the lower id's counts. Ours was complete when theirs, which this node had answered before, was not; the
 * neighbour takes ours when its third message arrives, whether it has finished its own before or not. */
static bool crossed_by_ours(const struct node *n, const struct handshake *theirs)
{
	const struct peer *p = theirs->peer;

	return p->own_done_at.ns && !instant_before(p->own_done_at, theirs->born) &&
	       id_cmp(&n->cfg.identity->id, &theirs->id) < 0;
}

void answer_third_rx(struct node *n, struct peer *p, struct listener *l,
                     const struct link_header *h, const struct hs_envelope *env)
{
	struct halfopen *half = halfopen_find(n, l ? l->io.link : p->link, h->receiver);
	struct handshake *hs = half ? &half->hs : NULL;
	uint8_t lanes;

	if (!hs || hs->ik || hs->keyed) {
		count(n, CTR_HS_STALE);
		return;
	}
	lanes = hs->remote.tx_lanes;
	if (!hs_read_next(n, hs, env, true)) {
		if (hs->refuse)
			refuse(n, hs, hs->refuse, 0);
		return;
	}
	if (hs->remote.tx_lanes != lanes) {
		count(n, CTR_HS_FAILED);
		halfopen_drop(n, half);
		return;
	}
	if (!l && peer_taken(p, &hs->id))
		refuse(n, hs, REFUSED_BUSY, 0);
	if ((l && !join(n, hs)) || peer_taken(hs->peer, &hs->id) || hs_ours_wins(n, hs->peer, hs) ||
	    crossed_by_ours(n, hs)) {
		halfopen_drop(n, half);
		return;
	}
	hs->keyed = true;
	if (hs->peer->rtt_ns < 0)
		peer_rtt_sample(hs->peer, instant_sub(n->now, hs->born));
	hs_drop(n, &hs->peer->own);
	hs_program_rx(n, hs, answered, half);
}
