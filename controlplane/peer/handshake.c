/* SPDX-License-Identifier: BSD-3-Clause */
/* Handshakes that this node begins with a neighbour: Noise XX at first contact, IK once the key is known. */
#include "peer/peer.h"

#include <string.h>

#define RETRY_MIN (250 * NS_PER_MS)
/* For the first RETRIES_SOON tries, about a minute: most links that were cut come back soon. */
#define RETRY_SOON   NS_PER_S
#define RETRY_MAX    (5 * NS_PER_S)
#define RETRIES_SOON 60
/* Longer than the round trip of most links; peer_handshake_wait() for the others. */
#define CROSSING     NS_PER_S
#define COOKIE_LIFE  (100 * NS_PER_S)
#define BAD_IK_TRIES 3
/* After a refusal: its cause goes away when an operator, or another neighbour, acts. */
#define RETRY_REFUSED_MIN (5 * NS_PER_S)
#define RETRY_REFUSED_MAX (30 * NS_PER_S)

/* The id that keys mac1 of our first message: zero where it is not known. */
static const struct node_id *first_addressee(const struct peer *p, const struct handshake *hs)
{
	if (p->cfg.expect_id)
		return &p->cfg.id;
	return hs->ik ? &p->id : &hs_no_id;
}

int64_t peer_handshake_wait(const struct peer *p)
{
	int64_t known = p->rtt_ns < 0 ? 0 : peer_answer_wait(p), late = p->hs_rtt_ns * 3 / 2;
	int64_t wait = known > late ? known : late;

	return wait < RETRY_MAX ? wait : RETRY_MAX;
}

int64_t peer_handshake_retry(struct node *n, struct peer *p)
{
	/* The pause grows by rounds: an address that has not been tried yet does not wait for the others. */
	unsigned known = peer_addresses_count(p), ends = known > 1 ? known : 1;
	unsigned round = p->hs_tries / ends;
	int64_t late =
	        RETRY_MAX / (int64_t)ends > RETRY_SOON ? RETRY_MAX / (int64_t)ends : RETRY_SOON;
	int64_t most = p->hs_tries < RETRIES_SOON ? RETRY_SOON : late;
	int64_t wait = RETRY_MIN << (round < 5 ? round : 5);

	if (p->hs_tries < UINT16_MAX)
		p->hs_tries++;
	wait = wait < most ? wait : most;
	if (wait < peer_handshake_wait(p))
		wait = peer_handshake_wait(p);
	if (p->refusal.times >= ends) {
		round = p->refusal.times / ends;
		wait = RETRY_REFUSED_MIN << (round < 4 ? round - 1 : 3);
		wait = wait < RETRY_REFUSED_MAX ? wait : RETRY_REFUSED_MAX;
	}
	return wait + (int64_t)rng_below(&n->cfg.rng, (uint64_t)wait / 8 + 1);
}

/* Replaces our own handshake, if any, by a new one, and sends its first message. */
static void begin(struct node *n, struct peer *p)
{
	bool ik = p->known && p->remote_lanes > 0 && !p->use_xx &&
	          generations_with(&p->generations, p->x_key) &&
	          (peer_up(p) || p->hs_tries < BAD_IK_TRIES);
	bool cookie = p->has_cookie && instant_sub(n->now, p->cookie_at) < COOKIE_LIFE;
	struct hs_first first = {.cookie = cookie ? p->cookie : NULL};
	struct handshake *hs = &p->own;
	uint8_t msg[HS_NOISE_MAX];
	size_t len;

	/* What one address has refused stands until no address has answered. */
	if (!p->newest.refused && p->refusal.times > 0 &&
	    ++p->refusal.silent >= peer_addresses_count(p))
		p->refusal = (struct peer_refusal){0};
	hs_drop(n, hs);
	if (hs_init(n, hs, p, true, ik, ik ? p->x_key : NULL) != 0)
		return;
	len = hs_write_next(n, hs, !ik, ik ? p->remote_lanes : 0, msg);
	if (len == 0) {
		p->known = false;
		hs_drop(n, hs);
		return;
	}
	first.addressee = first_addressee(p, hs);
	hs_send(n, hs, LINK_HS1, NULL, msg, len, &first);
	memmove(p->hs_try + 1, p->hs_try, sizeof(p->hs_try) - sizeof(p->hs_try[0]));
	p->hs_try[0] = (struct hs_try){hs->mine, n->now};
	p->newest.index = hs->mine;
	p->newest.ik = ik;
	p->newest.refused = false;
	memcpy(p->newest.mac1, hs->mac1, sizeof(p->newest.mac1));
}

void peer_handshake_start(struct node *n, struct peer *p)
{
	if (p->state == PEER_GONE || p->leave_told || !p->carrier ||
	    (p->listener && !peer_up(p) && !p->allowed))
		return;
	if (!p->cfg.io.sealed)
		peer_hello_tx(n, p, true);
	else if (p->cfg.initiate || p->known)
		begin(n, p);
	if (p->state == PEER_IDLE)
		p->state = PEER_HANDSHAKE;
	/* An up link rekeys at its own pace (TIMER_PEER_REKEY asks again). */
	if (peer_up(p))
		return;
	arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p, peer_handshake_retry(n, p));
}

static void established(struct node *n, void *owner)
{
	struct peer *p = owner;

	peer_established(n, p, &p->own);
}

/* XX: the workers have our receiving keys, so that the third message may let the other side send. */
static void send_third(struct node *n, void *owner)
{
	struct peer *p = owner;

	hs_send(n, &p->own, LINK_HS3, NULL, p->own.last, p->own.last_len, NULL);
	peer_established(n, p, &p->own);
}

/* A second message that no handshake waits for. Where it answers a try that a later one has replaced, the later one is given the time
 * that the answer took. */
static void answered_late(struct node *n, struct peer *p, uint32_t index)
{
	count(n, CTR_HS_STALE);
	for (unsigned i = 1; i < PEER_HS_TRIES; i++) {
		int64_t took = instant_sub(n->now, p->hs_try[i].sent), left;

		if (!p->hs_try[i].sent.ns || p->hs_try[i].index != index || took <= p->hs_rtt_ns)
			continue;
		p->hs_rtt_ns = took;
		left = peer_handshake_wait(p) - instant_sub(n->now, p->own.born);
		if (!peer_up(p) && p->own.active && !p->own.keyed && left > 0)
			arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p, left);
	}
}

void handshake_second_rx(struct node *n, struct peer *p, const struct link_header *h,
                         const struct hs_envelope *env)
{
	struct handshake *hs = &p->own;
	int64_t took;

	if (!hs->active || h->receiver != hs->mine || hs->keyed) {
		answered_late(n, p, h->receiver);
		return;
	}
	if (!hs_read_next(n, hs, env, true)) {
		if (hs->refuse == REFUSED_YOURSELF)
			peers_own_id(n, hs);
		if (hs->refuse && !peer_up(p))
			peer_refused(n, p,
			             (struct peer_refusal){.reason = hs->refuse, .by_us = true});
		return;
	}
	if (peer_taken(p, &hs->id)) {
		hs_drop(n, hs);
		return;
	}
	took = instant_sub(n->now, hs->born);
	if (!p->rtt_by_hello)
		peer_rtt_sample(p, took);
	/* Handshakes crossed: if the neighbour's id is lower, its own handshake, to which our answer is still under way, replaces ours. Once:
	 * anybody can send first messages, and what does not come about must not hold ours up. */
	if (!hs->ik && !peer_up(p) && !p->gave_way && id_cmp(&hs->id, &n->cfg.identity->id) < 0 &&
	    halfopens_recent(n, p, took > RETRY_MIN ? took : RETRY_MIN)) {
		p->gave_way = true;
		hs_drop(n, hs);
		return;
	}
	hs->theirs = (uint32_t)h->counter;
	hs->keyed = true;
	if (hs->ik) {
		if (hs->remote.tx_lanes != hs->rx.count) {
			/* It has other workers now than when we last met: start over with XX. */
			p->known = false;
			hs_drop(n, hs);
			return;
		}
		hs_program_rx(n, hs, established, p);
		return;
	}
	hs->last_len = hs_write_next(n, hs, false, hs->remote.tx_lanes, hs->last);
	if (hs->last_len == 0)
		hs_drop(n, hs);
	else
		hs_program_rx(n, hs, send_third, p);
}

void handshake_cookie_rx(struct node *n, struct peer *p, const struct dp_packet *pk,
                         const struct link_header *h)
{
	const struct node_id *who = first_addressee(p, &p->own);
	bool first;

	if (!p->own.active || p->own.keyed || h->receiver != p->own.mine ||
	    h->length < COOKIE_REPLY_BYTES ||
	    cookie_open(who, p->own.mac1, pk->data + LINK_HEADER_BYTES, p->cookie) != 0) {
		count(n, CTR_HS_STALE);
		return;
	}
	first = !p->has_cookie || instant_sub(n->now, p->cookie_at) >= COOKIE_LIFE;
	p->has_cookie = true;
	p->cookie_at = n->now;
	/* The first one is shown at once. Others that come soon after it would be those of somebody on the way who wants to hear from us often. */
	if (first)
		peer_handshake_start(n, p);
	else if (!peer_up(p))
		arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p, RETRY_MIN);
}

/* A refusal of our newest first message, or of the third that followed it. */
void handshake_refused_rx(struct node *n, struct peer *p, const struct dp_packet *pk,
                          const struct link_header *h)
{
	const uint8_t *body = pk->data + LINK_HEADER_BYTES;
	uint8_t mac[COOKIE_MAC_BYTES];
	struct link_refused r;

	cookie_refusal_mac(p->newest.mac1, pk->data, LINK_HEADER_BYTES + LINK_REFUSED_MAC, mac);
	if (p->newest.index == 0 || h->receiver != p->newest.index || p->newest.refused ||
	    !link_refused_get(body, h->length, &r) ||
	    !cookie_mac_equal(mac, body + LINK_REFUSED_MAC)) {
		count(n, CTR_HS_STALE);
		return;
	}
	count(n, CTR_HS_OWN_REFUSED);
	p->newest.refused = true;
	if (r.reason == REFUSED_USE_XX && p->newest.ik) {
		if (!p->own.active || p->own.keyed)
			return; /* it has been answered, too */
		p->use_xx = true;
		peer_handshake_start(n, p);
		return;
	}
	if (peer_up(p))
		return;
	p->confirming = false;
	hs_drop(n, &p->own);
	peer_refused(n, p, (struct peer_refusal){.reason = r.reason, .value = r.value});
	arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p, peer_handshake_retry(n, p));
}

/* Ours does not count once it has had no answer for CROSSING: it was sent before the neighbour was there. By IK it does not count beside the
 * neighbour's XX either: whoever holds no generation for ours begins with that, and cannot answer it. */
bool hs_ours_wins(const struct node *n, const struct peer *p, const struct handshake *theirs)
{
	int64_t crossing = peer_handshake_wait(p) > CROSSING ? peer_handshake_wait(p) : CROSSING;

	if (!p->own.active || p->own.keyed || (p->own.ik && !theirs->ik))
		return false;
	return instant_sub(n->now, p->own.born) < crossing &&
	       id_cmp(&n->cfg.identity->id, &theirs->id) < 0;
}
