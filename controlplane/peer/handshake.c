/* SPDX-License-Identifier: BSD-3-Clause */
/* The handshake between neighbours: Noise XX at first contact, IK once the key is known, in padded envelopes with macs. */
#include "peer/peer.h"

#include "wire/link.h"

#include <errno.h>
#include <string.h>

#define RETRY_MIN (250 * NS_PER_MS)
/* For the first RETRIES_SOON tries, about a minute: most links that were cut come back soon. */
#define RETRY_SOON   NS_PER_S
#define RETRY_MAX    (5 * NS_PER_S)
#define RETRIES_SOON 60
#define CROSSING \
	NS_PER_S /* longer than the round trip of most links; peer_handshake_wait() for the others */
#define HS_LIFE      (10 * NS_PER_S)
#define COOKIE_LIFE  (100 * NS_PER_S)
#define BAD_IK_TRIES 3

static const struct node_id no_id;

static void fill_payload(struct node *n, struct peer *p, struct handshake *hs, bool clear,
                         unsigned lanes, struct hs_payload *out)
{
	*out = (struct hs_payload){
	        .tx_lanes = n->cfg.workers,
	        .caps = (n->cfg.aes_gcm ? HS_CAP_AES_GCM : 0) | HS_CAP_CHACHA |
	                (n->cfg.transit ? HS_CAP_TRANSIT : 0),
	        .epoch = p->local_epoch,
	        .mtu = p->cfg.io.mtu,
	};
	if (!clear)
		memcpy(out->key, n->cfg.identity->ed_public, 32);
	/* Index i names worker i % workers, so that the neighbour's lanes spread over ours. */
	for (unsigned i = 0; i < lanes; i++) {
		uint32_t v = (uint32_t)rng_u64(&n->cfg.rng) & 0x7fffffff;

		v -= v % n->cfg.workers;
		hs->rx.index[i] = v + i % n->cfg.workers;
		out->rx[i] = hs->rx.index[i];
	}
	hs->rx.count = out->nrx = (uint8_t)lanes;
}

/* The sender of a frame as bytes, to which a cookie is bound. */
static size_t source_of(const struct dp_packet *pk, uint8_t out[26])
{
	memset(out, 0, 26);
	memcpy(out, pk->addr, 16);
	be16_store(out + 16, pk->addr_port);
	memcpy(out + 18, pk->mac, 6);
	be16_store(out + 24, pk->link);
	return 26;
}

static struct hs_source source(const struct dp_packet *pk)
{
	struct hs_source s = {.family = pk->family, .addr_port = pk->addr_port};

	memcpy(s.addr, pk->addr, 16);
	memcpy(s.mac, pk->mac, 6);
	return s;
}

static void send_frame(struct node *n, struct peer *p, const struct hs_source *to,
                       const uint8_t *frame, size_t len)
{
	struct cp_cmd c;

	memset(&c, 0, offsetof(struct cp_cmd, u.send.data));
	c.type = CMD_SEND;
	c.u.send.link = p->link;
	c.u.send.raw = 1;
	c.u.send.len = (uint16_t)len;
	if (to) {
		c.u.send.has_addr = 1;
		c.u.send.family = to->family;
		c.u.send.addr_port = to->addr_port;
		memcpy(c.u.send.addr, to->addr, 16);
		memcpy(c.u.send.mac, to->mac, 6);
	}
	memcpy(c.u.send.data, frame, len);
	out_command(n, p->cfg.io.owner, &c);
}

/* The id that keys mac1 of our first message: zero where it is not known. */
static const struct node_id *first_addressee(const struct peer *p, const struct handshake *hs)
{
	if (p->cfg.expect_id)
		return &p->cfg.id;
	return hs->ik ? &p->id : &no_id;
}

/* Frame = link header, envelope with noise bytes. mac1's key: the responder's id in a first message where known, else zero. */
static void send_noise(struct node *n, struct peer *p, struct handshake *hs, uint8_t type,
                       const struct hs_source *to, const uint8_t *noise, size_t len)
{
	uint8_t f[LINK_HEADER_BYTES + NOISE_MESSAGE_MAX];
	struct link_header h = {
	        .type = type, .flags = hs->ik ? LINK_FLAG_IK : 0, .counter = hs->mine};
	const struct node_id *addressee = &no_id;
	size_t total;

	h.receiver = type == LINK_HS1 ? 0 : hs->theirs;
	total = hs_envelope_write(noise, len, type == LINK_HS1 ? HS1_ENVELOPE : 0,
	                          f + LINK_HEADER_BYTES, sizeof(f) - LINK_HEADER_BYTES);
	if (!total)
		return;
	h.length = (uint16_t)total;
	link_header_put(f, &h);
	total += LINK_HEADER_BYTES;
	if (type == LINK_HS1)
		addressee = first_addressee(p, hs);
	cookie_mac1(addressee, f, total - HS_MACS_BYTES, f + total - HS_MACS_BYTES);
	if (type == LINK_HS1) {
		memcpy(hs->mac1, f + total - HS_MACS_BYTES, COOKIE_MAC_BYTES);
		if (p->has_cookie && instant_sub(n->now, p->cookie_at) < COOKIE_LIFE)
			cookie_mac2(p->cookie, f, total - COOKIE_MAC_BYTES,
			            f + total - COOKIE_MAC_BYTES);
	}
	send_frame(n, p, to, f, total);
}

/* Ends a handshake and overwrites its secrets; hs is inactive. */
static void hs_drop(struct node *n, struct peer *p, struct handshake *hs)
{
	COYO_ASSERT(hs->peer == p);
	if (hs->ticket.waiting) /* its keys are in the workers already and will not be used */
		peer_rx_del(n, p, &hs->rx);
	ticket_cancel(n, &hs->ticket);
	explicit_bzero(hs, sizeof(*hs));
	hs->peer = p;
}

static int hs_init(struct node *n, struct peer *p, struct handshake *hs, bool initiator, bool ik)
{
	uint8_t prologue[HS_PROLOGUE_MAX];
	size_t len = hs_prologue(n->cfg.network_id, HS_CONTEXT_LINK, NULL, NULL, prologue);

	hs_drop(n, p, hs);
	hs->ik = ik;
	hs->born = n->now;
	hs->mine = (uint32_t)rng_u64(&n->cfg.rng) | 1;
	if (noise_init(&hs->noise, ik ? NOISE_IK : NOISE_XX, initiator, prologue, len,
	               n->cfg.identity->x_secret, n->cfg.identity->x_public,
	               initiator && ik ? p->x_key : NULL, &n->cfg.rng) != 0)
		return -EINVAL;
	hs->active = true;
	return 0;
}

int64_t peer_handshake_wait(const struct peer *p)
{
	int64_t known = p->rtt_ns < 0 ? 0 : peer_answer_wait(p), late = p->hs_rtt_ns * 3 / 2;
	int64_t wait = known > late ? known : late;

	return wait < RETRY_MAX ? wait : RETRY_MAX;
}

int64_t peer_handshake_retry(struct node *n, struct peer *p)
{
	int64_t most = p->hs_tries < RETRIES_SOON ? RETRY_SOON : RETRY_MAX;
	int64_t wait = RETRY_MIN << (p->hs_tries < 5 ? p->hs_tries : 5);

	if (p->hs_tries < UINT8_MAX)
		p->hs_tries++;
	wait = wait < most ? wait : most;
	if (wait < peer_handshake_wait(p))
		wait = peer_handshake_wait(p);
	return wait + (int64_t)rng_below(&n->cfg.rng, (uint64_t)wait / 8 + 1);
}

void peer_handshake_start(struct node *n, struct peer *p)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX];
	struct hs_payload pl;
	size_t len;
	bool ik = p->known && p->remote_lanes > 0 && (peer_up(p) || p->hs_tries < BAD_IK_TRIES);

	if (p->state == PEER_GONE || !p->carrier)
		return;
	if (!p->cfg.io.sealed) {
		peer_hello_tx(n, p, true);
	} else if (p->cfg.initiate || p->known) {
		if (hs_init(n, p, &p->own, true, ik) != 0)
			return;
		fill_payload(n, p, &p->own, !ik, ik ? p->remote_lanes : 0, &pl);
		len = hs_payload_write(&pl, payload, sizeof(payload));
		if (noise_write(&p->own.noise, payload, len, msg, sizeof(msg), &len) != 0) {
			p->known = false;
			hs_drop(n, p, &p->own);
		} else {
			send_noise(n, p, &p->own, LINK_HS1, NULL, msg, len);
			memmove(p->hs_try + 1, p->hs_try, sizeof(p->hs_try) - sizeof(p->hs_try[0]));
			p->hs_try[0] = (struct hs_try){p->own.mine, n->now};
		}
	}
	if (p->state == PEER_IDLE)
		p->state = PEER_HANDSHAKE;
	/* An up link rekeys at its own pace (TIMER_PEER_REKEY asks again). */
	if (peer_up(p))
		return;
	arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p, peer_handshake_retry(n, p));
}

/* The payload's key must be the handshake's static, and the id the expected one. */
static bool identify(struct node *n, struct peer *p, struct handshake *hs)
{
	uint8_t x[32];

	if (identity_x_of_ed(hs->remote.key, x) != 0 || memcmp(x, hs->noise.rs, 32) != 0) {
		count(n, CTR_HS_FAILED);
		return false;
	}
	identity_id_of_key(hs->remote.key, &hs->id);
	if (id_eq(&hs->id, &n->cfg.identity->id)) {
		count(n, CTR_HS_WRONG_ID);
		return false;
	}
	if (p->cfg.expect_id && !id_eq(&hs->id, &p->cfg.id)) {
		char s[ID_SHORT_LEN + 1];

		count(n, CTR_HS_WRONG_ID);
		if (hs->warned)
			return false;
		hs->warned = true;
		id_to_short(&hs->id, s);
		out_log(n, 4,
		        "link %s: the neighbour is %s, not the peer configured; nothing is "
		        "exchanged with it",
		        p->cfg.name, s);
		return false;
	}
	return true;
}

/* Reads the next message. named: its payload must be the neighbour's own (identify()), with a receiver index for us. On failure, which is
 * counted, the handshake is as before: anybody can send such a message, and the true one may still come. */
static bool read_next(struct node *n, struct peer *p, struct handshake *hs,
                      const struct hs_envelope *env, bool named)
{
	uint8_t payload[NOISE_MESSAGE_MAX];
	struct handshake next = *hs;
	bool good = false;
	size_t len;

	if (env->noise_len > sizeof(payload) ||
	    noise_read(&next.noise, env->noise, env->noise_len, payload, &len) != 0 ||
	    !hs_payload_read(payload, len, &next.remote) || (named && next.remote.nrx < 1))
		count(n, CTR_HS_FAILED);
	else
		good = !named || identify(n, p, &next);
	hs->warned = next.warned;
	if (good) {
		hs->noise = next.noise;
		hs->remote = next.remote;
		hs->id = next.id;
	}
	explicit_bzero(&next, sizeof(next));
	return good;
}

/* Both secrets exist: gives the workers the receiving keys and runs `then`, with hs, when they have acknowledged. */
static void program_rx(struct node *n, struct peer *p, struct handshake *hs,
                       void (*then)(struct node *, void *))
{
	uint8_t rx[32];

	noise_split(&hs->noise, hs->tx_secret, rx);
	for (unsigned i = 0; i < hs->rx.count; i++) {
		struct cp_cmd c = {.type = CMD_LINK_RX_KEY};

		c.u.key.link = p->link;
		c.u.key.lane = (uint8_t)i;
		c.u.key.index = hs->rx.index[i];
		c.u.key.alg = n->cfg.aes_gcm && (hs->remote.caps & HS_CAP_AES_GCM) ? 2 : 1;
		noise_lane_key(rx, (uint16_t)i, c.u.key.key);
		out_command(n, cp_index_worker(hs->rx.index[i], n->cfg.workers), &c);
		explicit_bzero(&c, sizeof(c));
	}
	explicit_bzero(rx, sizeof(rx));
	ticket_wait(n, &hs->ticket, then, hs);
}

static void established(struct node *n, void *owner)
{
	struct handshake *hs = owner;

	peer_established(n, hs->peer, hs);
}

/* XX initiator: the workers have our receiving keys, so that the third message may let the other side send. */
static void send_third(struct node *n, void *owner)
{
	struct handshake *hs = owner;
	struct peer *p = hs->peer;

	send_noise(n, p, hs, LINK_HS3, NULL, hs->last, hs->last_len);
	peer_established(n, p, hs);
}

/* IK responder: the same for the second message. */
static void send_second(struct node *n, void *owner)
{
	struct handshake *hs = owner;
	struct peer *p = hs->peer;

	send_noise(n, p, hs, LINK_HS2, &hs->to, hs->last, hs->last_len);
	peer_established(n, p, hs);
}

/* Whether our own handshake goes on and the neighbour's, which crossed it, is ignored: the lower id's wins. Ours does not count once it
 * has had no answer for CROSSING: it was sent before the neighbour was there. */
static bool ours_wins(struct node *n, const struct peer *p, const struct node_id *remote)
{
	int64_t crossing = peer_handshake_wait(p) > CROSSING ? peer_handshake_wait(p) : CROSSING;

	return p->own.active && !p->own.keyed && instant_sub(n->now, p->own.born) < crossing &&
	       id_cmp(&n->cfg.identity->id, remote) < 0;
}

/* Whether a first message is to be dropped because too many come. Its sender gets a cookie, with which the next one passes. */
static bool under_load(struct node *n, struct peer *p, const struct node_id *keyed,
                       const struct dp_packet *pk, const struct hs_envelope *env)
{
	struct peers *ps = n->peers;
	const uint8_t *macs = pk->data + LINK_HEADER_BYTES + env->mac1_at;
	uint8_t src[26], f[LINK_HEADER_BYTES + COOKIE_REPLY_BYTES], cookie[COOKIE_BYTES];
	size_t src_len = source_of(pk, src);
	struct hs_source to;
	struct link_header h;

	if (bucket_take(&ps->hs_rate, n->now))
		return false;
	if (cookie_check(&ps->jar, &n->cfg.rng, n->now, src, src_len, pk->data,
	                 LINK_HEADER_BYTES + env->mac1_at + COOKIE_MAC_BYTES,
	                 macs + COOKIE_MAC_BYTES))
		return false;
	count(n, CTR_HS_RATE);
	if (!link_header_get(pk->data, pk->len, &h) || h.length < COOKIE_REPLY_BYTES)
		return true;
	cookie_make(&ps->jar, &n->cfg.rng, n->now, src, src_len, cookie);
	h = (struct link_header){
	        .type = LINK_COOKIE, .length = COOKIE_REPLY_BYTES, .receiver = (uint32_t)h.counter};
	link_header_put(f, &h);
	cookie_seal(keyed, &n->cfg.rng, macs, cookie, f + LINK_HEADER_BYTES);
	to = source(pk);
	send_frame(n, p, &to, f, sizeof(f));
	return true;
}

/* A slot to answer a handshake in: a free or an expired one, else the oldest, whose handshake is given up. */
static struct handshake *answer_slot(struct node *n, struct peer *p)
{
	struct handshake *best = &p->answer[0];

	for (unsigned i = 0; i < PEER_HS_SLOTS; i++) {
		struct handshake *h = &p->answer[i];

		if (!h->active || instant_sub(n->now, h->born) > HS_LIFE)
			return h;
		if (instant_before(h->born, best->born))
			best = h;
	}
	return best;
}

/* Reads a first message. The handshake in which it is to be answered, or NULL: nothing is to be said. Since anybody can send what cannot
 * be read, another answer makes room only when the message was. */
static struct handshake *answer_begin(struct node *n, struct peer *p, const struct hs_envelope *env,
                                      bool ik)
{
	struct handshake fresh = {.peer = p}, *hs = NULL;

	if (hs_init(n, p, &fresh, false, ik) == 0 && read_next(n, p, &fresh, env, ik) &&
	    !(ik && ours_wins(n, p, &fresh.id))) {
		hs = answer_slot(n, p);
		hs_drop(n, p, hs);
		*hs = fresh;
	}
	explicit_bzero(&fresh, sizeof(fresh));
	return hs;
}

static void rx_first(struct node *n, struct peer *p, const struct dp_packet *pk,
                     const struct link_header *h, const struct hs_envelope *env)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX], mac[COOKIE_MAC_BYTES];
	size_t covered = LINK_HEADER_BYTES + env->mac1_at, len;
	const struct node_id *keyed = &n->cfg.identity->id;
	struct handshake *hs;
	struct hs_payload pl;
	unsigned lanes;
	bool ik = h->flags & LINK_FLAG_IK;

	cookie_mac1(keyed, pk->data, covered, mac);
	if (!cookie_mac_equal(mac, pk->data + covered)) {
		keyed = &no_id;
		cookie_mac1(keyed, pk->data, covered, mac);
		if (!cookie_mac_equal(mac, pk->data + covered)) {
			count(n, CTR_HS_MAC1);
			return;
		}
	}
	if (under_load(n, p, keyed, pk, env))
		return;
	hs = answer_begin(n, p, env, ik);
	if (!hs)
		return;
	hs->theirs = (uint32_t)h->counter;
	hs->to = source(pk);
	lanes = hs->remote.tx_lanes;
	fill_payload(n, p, hs, false, lanes, &pl);
	len = hs_payload_write(&pl, payload, sizeof(payload));
	if (noise_write(&hs->noise, payload, len, msg, sizeof(msg), &len) != 0) {
		hs_drop(n, p, hs);
		return;
	}
	if (!ik) {
		send_noise(n, p, hs, LINK_HS2, &hs->to, msg, len);
		return;
	}
	memcpy(hs->last, msg, len);
	hs->last_len = len;
	program_rx(n, p, hs, send_second);
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

static void rx_second(struct node *n, struct peer *p, const struct link_header *h,
                      const struct hs_envelope *env)
{
	uint8_t payload[HS_PAYLOAD_MAX];
	struct handshake *hs = &p->own;
	struct hs_payload pl;
	int64_t took;
	size_t len;

	if (!hs->active || h->receiver != hs->mine || hs->keyed) {
		answered_late(n, p, h->receiver);
		return;
	}
	if (!read_next(n, p, hs, env, true))
		return;
	took = instant_sub(n->now, hs->born);
	peer_rtt_sample(p, took);
	/* Handshakes crossed: if the neighbour's id is lower, its own handshake, to which our answer is still under way, replaces ours. */
	if (!hs->ik && !peer_up(p) && id_cmp(&hs->id, &n->cfg.identity->id) < 0)
		for (unsigned i = 0; i < PEER_HS_SLOTS; i++)
			if (p->answer[i].active && instant_sub(n->now, p->answer[i].born) <
			                                   (took > RETRY_MIN ? took : RETRY_MIN)) {
				hs_drop(n, p, hs);
				return;
			}
	hs->theirs = (uint32_t)h->counter;
	hs->keyed = true;
	if (hs->ik) {
		if (hs->remote.tx_lanes != hs->rx.count) {
			/* It has other workers now than when we last met: start over with XX. */
			p->known = false;
			hs_drop(n, p, hs);
			return;
		}
		program_rx(n, p, hs, established);
		return;
	}
	fill_payload(n, p, hs, false, hs->remote.tx_lanes, &pl);
	len = hs_payload_write(&pl, payload, sizeof(payload));
	if (noise_write(&hs->noise, payload, len, hs->last, sizeof(hs->last), &hs->last_len) != 0) {
		hs_drop(n, p, hs);
		return;
	}
	program_rx(n, p, hs, send_third);
}

static void rx_third(struct node *n, struct peer *p, const struct link_header *h,
                     const struct hs_envelope *env)
{
	for (unsigned i = 0; i < PEER_HS_SLOTS; i++) {
		struct handshake *hs = &p->answer[i];
		uint8_t lanes;

		if (!hs->active || hs->ik || hs->keyed || h->receiver != hs->mine)
			continue;
		lanes = hs->remote.tx_lanes;
		if (!read_next(n, p, hs, env, true))
			return;
		if (hs->remote.tx_lanes != lanes)
			count(n, CTR_HS_FAILED);
		if (hs->remote.tx_lanes != lanes || ours_wins(n, p, &hs->id)) {
			hs_drop(n, p, hs);
			return;
		}
		hs->keyed = true;
		if (p->rtt_ns < 0)
			peer_rtt_sample(p, instant_sub(n->now, hs->born));
		/* The third message answers the second, which went there. */
		if (hs->to.family && (p->cfg.io.family == 0 || !peer_up(p)))
			peer_address_use(n, p, hs->to.family, hs->to.addr, hs->to.addr_port);
		hs_drop(n, p, &p->own);
		program_rx(n, p, hs, established);
		return;
	}
	count(n, CTR_HS_STALE);
}

static void rx_cookie(struct node *n, struct peer *p, const struct dp_packet *pk,
                      const struct link_header *h)
{
	const struct node_id *who = first_addressee(p, &p->own);

	if (!p->own.active || h->receiver != p->own.mine || h->length < COOKIE_REPLY_BYTES ||
	    cookie_open(who, p->own.mac1, pk->data + LINK_HEADER_BYTES, p->cookie) != 0) {
		count(n, CTR_HS_STALE);
		return;
	}
	p->has_cookie = true;
	p->cookie_at = n->now;
	if (!peer_up(p))
		arm(n, &p->hs_timer, TIMER_PEER_HANDSHAKE, p, RETRY_MIN);
}

void peer_handshake_rx(struct node *n, struct peer *p, const struct dp_packet *pk)
{
	struct link_header h;
	struct hs_envelope env;

	if (p->state == PEER_GONE || !p->cfg.io.sealed)
		return;
	if (!link_header_get(pk->data, pk->len, &h)) {
		count(n, CTR_HS_MALFORMED);
		return;
	}
	if (h.type == LINK_COOKIE) {
		rx_cookie(n, p, pk, &h);
		return;
	}
	if (!hs_envelope_read(pk->data + LINK_HEADER_BYTES, h.length, &env)) {
		count(n, CTR_HS_MALFORMED);
		return;
	}
	if (h.type == LINK_HS1)
		rx_first(n, p, pk, &h, &env);
	else if (h.type == LINK_HS2)
		rx_second(n, p, &h, &env);
	else if (h.type == LINK_HS3)
		rx_third(n, p, &h, &env);
}
