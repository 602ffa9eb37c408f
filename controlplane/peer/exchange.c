/* SPDX-License-Identifier: BSD-3-Clause */
/* The messages of a handshake between neighbours: written, read, sent in their padded envelopes, and the keys that follow from them. */
#include "peer/listen.h"
#include "peer/peer.h"

#include <errno.h>
#include <string.h>

const struct node_id hs_no_id;

struct hs_source hs_source_of(const struct dp_packet *pk)
{
	struct hs_source s = {
	        .family = pk->family, .addr_port = pk->addr_port, .local_if = pk->local_if};

	memcpy(s.addr, pk->addr, 16);
	memcpy(s.mac, pk->mac, 6);
	memcpy(s.local_addr, pk->local_addr, 16);
	return s;
}

void peer_rx_del(struct node *n, struct peer *p, struct rx_keys *k)
{
	struct cp_cmd c = {.type = CMD_LINK_RX_DEL};

	for (unsigned i = 0; i < k->count; i++) {
		c.u.key.link = p->link;
		c.u.key.index = k->index[i];
		out_command(n, cp_index_worker(k->index[i], n->cfg.workers), &c);
	}
	k->count = 0;
}

void hs_drop(struct node *n, struct handshake *hs)
{
	struct listener *l = hs->listener;
	struct peer *p = hs->peer;

	if (hs->ticket.waiting) /* its keys are in the workers already and will not be used */
		peer_rx_del(n, p, &hs->rx);
	ticket_cancel(n, &hs->ticket);
	explicit_bzero(hs, sizeof(*hs));
	hs->peer = p;
	hs->listener = l;
}

/* A handshake index that workers know as one of ours: of answers one after the other, so that no two that are open are alike; else random. Where
 * several links share a socket the low bits name the link, so that what answers this node's own finds its handshake. */
static uint32_t draw_index(struct node *n, const struct handshake *hs, bool initiator)
{
	const struct hsindex *x = &n->peers->index;
	const struct hs_source *to = &hs->to;
	uint32_t low;

	_Static_assert(CPDP_LINKS_MAX <= 1 << HSINDEX_FREE_BITS, "the link stays readable");
	_Static_assert(HALF_OPEN_MAX < 1 << HSINDEX_FREE_BITS, "no two are alike");
	if (!initiator)
		return hsindex_answer(x, ++n->peers->answers, to->family, to->addr, to->mac);
	low = (uint32_t)rng_u64(&n->cfg.rng) | 1;
	if (hs->peer->listener)
		low = low / CPDP_LINKS_MAX * CPDP_LINKS_MAX + hs->peer->link;
	return hsindex_own(x, low);
}

int hs_init(struct node *n, struct handshake *hs, struct peer *p, bool initiator, bool ik,
            const uint8_t *rs)
{
	uint8_t prologue[HS_PROLOGUE_MAX];
	size_t len = hs_prologue(n->cfg.network_id, HS_CONTEXT_LINK, NULL, NULL, prologue);

	hs->peer = p;
	hs->ik = ik;
	hs->born = n->now;
	hs->mine = draw_index(n, hs, initiator);
	hs->epoch = p ? p->local_epoch : (uint32_t)rng_u64(&n->cfg.rng);
	if (noise_init(&hs->noise, ik ? NOISE_IK : NOISE_XX, initiator, prologue, len,
	               n->cfg.identity->x_secret, n->cfg.identity->x_public, rs, &n->cfg.rng) != 0)
		return -EINVAL;
	if (initiator && ik)
		hs->stamp = generation_ask(&p->generations, &hs->noise);
	hs->active = true;
	return 0;
}

static void fill_payload(struct node *n, struct handshake *hs, bool clear, unsigned lanes,
                         struct hs_payload *out)
{
	*out = (struct hs_payload){
	        .tx_lanes = n->cfg.workers,
	        .caps = (n->cfg.aes_gcm ? HS_CAP_AES_GCM : 0) | HS_CAP_CHACHA |
	                (n->cfg.transit ? HS_CAP_TRANSIT : 0),
	        .epoch = hs->epoch,
	        .mtu = hs_via(hs)->mtu,
	        .stamp = hs->stamp,
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

size_t hs_write_next(struct node *n, struct handshake *hs, bool clear, unsigned lanes,
                     uint8_t out[HS_NOISE_MAX])
{
	uint8_t payload[HS_PAYLOAD_MAX];
	struct hs_payload pl;
	size_t len;

	fill_payload(n, hs, clear, lanes, &pl);
	len = hs_payload_write(&pl, payload, sizeof(payload));
	return noise_write(&hs->noise, payload, len, out, HS_NOISE_MAX, &len) == 0 ? len : 0;
}

const struct cp_link *hs_via(const struct handshake *hs)
{
	COYO_ASSERT(hs->peer || hs->listener);
	return hs->peer ? &hs->peer->cfg.io : &hs->listener->io;
}

void hs_send_frame(struct node *n, const struct cp_link *via, const struct hs_source *to,
                   const uint8_t *frame, size_t len)
{
	struct cp_cmd c;

	memset(&c, 0, offsetof(struct cp_cmd, u.send.data));
	c.type = CMD_SEND;
	c.u.send.link = via->link;
	c.u.send.raw = 1;
	c.u.send.len = (uint16_t)len;
	if (to) {
		c.u.send.has_addr = 1;
		c.u.send.family = to->family;
		c.u.send.addr_port = to->addr_port;
		memcpy(c.u.send.addr, to->addr, 16);
		memcpy(c.u.send.mac, to->mac, 6);
		memcpy(c.u.send.local_addr, to->local_addr, 16);
		c.u.send.local_if = to->local_if;
	}
	memcpy(c.u.send.data, frame, len);
	out_command(n, via->owner, &c);
}

/* Frame = link header, envelope with the Noise bytes, macs. */
void hs_send(struct node *n, struct handshake *hs, uint8_t type, const struct hs_source *to,
             const uint8_t *noise, size_t len, const struct hs_first *first)
{
	uint8_t f[LINK_HEADER_BYTES + NOISE_MESSAGE_MAX];
	struct link_header h = {
	        .type = type, .flags = hs->ik ? LINK_FLAG_IK : 0, .counter = hs->mine};
	size_t total;

	h.receiver = first ? n->cfg.network_id : hs->theirs;
	total = hs_envelope_write(noise, len, first ? HS1_ENVELOPE : 0, f + LINK_HEADER_BYTES,
	                          sizeof(f) - LINK_HEADER_BYTES);
	if (!total)
		return;
	h.length = (uint16_t)total;
	link_header_put(f, &h);
	total += LINK_HEADER_BYTES;
	cookie_mac1(first ? first->addressee : &hs_no_id, f, total - HS_MACS_BYTES,
	            f + total - HS_MACS_BYTES);
	if (first) {
		memcpy(hs->mac1, f + total - HS_MACS_BYTES, COOKIE_MAC_BYTES);
		if (first->cookie)
			cookie_mac2(first->cookie, f, total - COOKIE_MAC_BYTES,
			            f + total - COOKIE_MAC_BYTES);
	}
	hs_send_frame(n, hs_via(hs), to, f, total);
}

void hs_refuse(struct node *n, const struct cp_link *via, const struct hs_source *to,
               uint32_t receiver, const uint8_t mac1[COOKIE_MAC_BYTES], enum link_refusal reason)
{
	uint8_t f[LINK_HEADER_BYTES + LINK_REFUSED_BYTES];
	struct link_header h = {
	        .type = LINK_REFUSED, .length = LINK_REFUSED_BYTES, .receiver = receiver};
	struct link_refused r = {.reason = (uint8_t)reason};

	if (!bucket_take(&n->peers->refusals, n->now)) {
		count(n, CTR_HS_REFUSED_RATE);
		return;
	}
	count(n, CTR_HS_REFUSED);
	if (reason == REFUSED_NETWORK)
		r.value = n->cfg.network_id;
	if (reason == REFUSED_VERSION)
		r.value = LINK_VERSION;
	link_header_put(f, &h);
	link_refused_put(f + LINK_HEADER_BYTES, &r);
	cookie_refusal_mac(mac1, f, LINK_HEADER_BYTES + LINK_REFUSED_MAC,
	                   f + LINK_HEADER_BYTES + LINK_REFUSED_MAC);
	hs_send_frame(n, via, to, f, sizeof(f));
}

/* The payload's key must be the handshake's static, and the id the expected one. */
static bool identify(struct node *n, struct handshake *hs)
{
	const struct peer *p = hs->peer;
	char s[ID_SHORT_LEN + 1];
	uint8_t x[32];

	if (identity_x_of_ed(hs->remote.key, x) != 0 || memcmp(x, hs->noise.rs, 32) != 0) {
		count(n, CTR_HS_FAILED);
		return false;
	}
	identity_id_of_key(hs->remote.key, &hs->id);
	if (id_eq(&hs->id, &n->cfg.identity->id)) {
		count(n, CTR_HS_WRONG_ID);
		hs->refuse = REFUSED_YOURSELF;
		return false;
	}
	if (!p || !p->cfg.expect_id || id_eq(&hs->id, &p->cfg.id))
		return true;
	count(n, CTR_HS_WRONG_ID);
	hs->refuse = REFUSED_NOT_ACCEPTED;
	if (hs->warned)
		return false;
	hs->warned = true;
	id_to_short(&hs->id, s);
	out_log(n, 4,
	        "link %s: the neighbour is %s, not the peer configured; nothing is exchanged with "
	        "it",
	        p->cfg.name, s);
	return false;
}

/* The next message and its payload: 0 or a negative errno, with hs->refuse where the sender of a first message by IK is to begin by XX. */
static int open_next(struct node *n, struct handshake *hs, const struct hs_envelope *env)
{
	uint8_t payload[NOISE_MESSAGE_MAX];
	size_t len;
	int err;

	if (hs->ik && !hs->noise.initiator) {
		err = peer_generation_read(n, hs, env->noise, env->noise_len);
		hs->refuse = err == -ESTALE ? REFUSED_USE_XX : 0;
		return err;
	}
	if (env->noise_len > sizeof(payload) ||
	    noise_read(&hs->noise, env->noise, env->noise_len, payload, &len) != 0)
		return -EBADMSG;
	return hs_payload_read(payload, len, &hs->remote) ? 0 : -EBADMSG;
}

bool hs_read_next(struct node *n, struct handshake *hs, const struct hs_envelope *env, bool named)
{
	struct handshake next = *hs;
	bool good = false;
	int err;

	next.refuse = 0;
	err = open_next(n, &next, env);
	if (err || (named && next.remote.nrx < 1))
		count(n, err == -ESTALE || err == -EALREADY ? CTR_HS_OLD : CTR_HS_FAILED);
	else
		good = !named || identify(n, &next);
	hs->warned = next.warned;
	hs->refuse = next.refuse;
	if (good) {
		hs->noise = next.noise;
		hs->remote = next.remote;
		hs->id = next.id;
	}
	explicit_bzero(&next, sizeof(next));
	return good;
}

void hs_program_rx(struct node *n, struct handshake *hs, void (*then)(struct node *n, void *owner),
                   void *owner)
{
	uint8_t rx[32];

	noise_split(&hs->noise, hs->tx_secret, rx);
	for (unsigned i = 0; i < hs->rx.count; i++) {
		struct cp_cmd c = {.type = CMD_LINK_RX_KEY};

		c.u.key.link = hs->peer->link;
		c.u.key.lane = (uint8_t)i;
		c.u.key.index = hs->rx.index[i];
		c.u.key.alg = n->cfg.aes_gcm && (hs->remote.caps & HS_CAP_AES_GCM) ? 2 : 1;
		noise_lane_key(rx, (uint16_t)i, c.u.key.key);
		out_command(n, cp_index_worker(hs->rx.index[i], n->cfg.workers), &c);
		explicit_bzero(&c, sizeof(c));
	}
	explicit_bzero(rx, sizeof(rx));
	ticket_wait(n, &hs->ticket, then, owner);
}
