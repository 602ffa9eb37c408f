/* SPDX-License-Identifier: BSD-3-Clause */
/* One neighbour of a daemon under test: handshakes begun and answered, packets opened and sealed, hellos and probes answered. */
#include "neighbour.h"

#include "wire/hsmsg.h"
#include "wire/routed.h"

#include <stdlib.h>
#include <string.h>

#define REFUSED_S 5.0
#define MTU       1280

static void put(struct neighbour *n, const uint8_t *f, size_t len)
{
	n->world->frames_out++;
	n->world->put(n, f, len);
}

int neighbour_init(struct neighbour *n, struct neighbour_world *world, int fd)
{
	memset(n, 0, sizeof(*n));
	n->world = world;
	n->fd = fd;
	return identity_generate(&n->me, world->rng);
}

/* ---- handshakes ---- */

static void payload_of(struct neighbour *n, bool clear, unsigned grants, uint8_t *out, size_t *len)
{
	struct hs_payload p = {.tx_lanes = 1,
	                       .caps = HS_CAP_CHACHA | HS_CAP_TRANSIT,
	                       .epoch = n->epoch,
	                       .mtu = MTU};

	if (!clear)
		memcpy(p.key, n->me.ed_public, 32);
	p.nrx = (uint8_t)grants;
	if (grants) {
		memmove(&n->rx[1], &n->rx[0], (NEIGHBOUR_KEYS - 1) * sizeof(n->rx[0]));
		memset(&n->rx[0], 0, sizeof(n->rx[0]));
		n->rx[0].index = (uint32_t)rng_u64(n->world->rng);
	}
	/* As many indices as the reader has lanes; all have the key of lane 0, so that the daemon under test has one worker. */
	for (unsigned i = 0; i < grants; i++)
		p.rx[i] = n->rx[0].index;
	*len = hs_payload_write(&p, out, HS_PAYLOAD_MAX);
}

static size_t envelope(uint8_t *f, const struct link_header *head, const uint8_t *msg, size_t len,
                       size_t total)
{
	struct link_header h = *head;
	static const struct node_id nobody;

	total = hs_envelope_write(msg, len, total, f + LINK_HEADER_BYTES,
	                          NEIGHBOUR_FRAME_MAX - LINK_HEADER_BYTES);
	h.length = (uint16_t)total;
	link_header_put(f, &h);
	total += LINK_HEADER_BYTES;
	cookie_mac1(&nobody, f, total - HS_MACS_BYTES, f + total - HS_MACS_BYTES);
	return total;
}

static int init(struct neighbour *n, enum noise_pattern pattern, bool initiator)
{
	uint8_t prologue[HS_PROLOGUE_MAX];
	size_t len = hs_prologue(n->world->network, HS_CONTEXT_LINK, NULL, NULL, prologue);

	return noise_init(&n->noise, pattern, initiator, prologue, len, n->me.x_secret,
	                  n->me.x_public, NULL, n->world->rng);
}

void neighbour_begin(struct neighbour *n, double t)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX], f[NEIGHBOUR_FRAME_MAX];
	struct link_header h = {.type = LINK_HS1, .receiver = n->world->network};
	size_t len;

	n->mine = (uint32_t)rng_u64(n->world->rng) | 1;
	n->epoch = (uint32_t)rng_u64(n->world->rng);
	h.counter = n->mine;
	n->again_at = t + NEIGHBOUR_RETRY_S;
	if (init(n, NOISE_XX, true) != 0)
		return;
	payload_of(n, true, 0, payload, &len);
	if (noise_write(&n->noise, payload, len, msg, sizeof(msg), &len) != 0)
		return;
	len = envelope(f, &h, msg, len, NEIGHBOUR_ENVELOPE);
	memcpy(n->mac1, f + len - HS_MACS_BYTES, COOKIE_MAC_BYTES);
	if (n->has_cookie)
		cookie_mac2(n->cookie, f, len - COOKIE_MAC_BYTES, f + len - COOKIE_MAC_BYTES);
	n->begun = true;
	n->world->begun++;
	put(n, f, len);
}

/* Both secrets exist: rx[0] opens, tx seals under the index that the other side granted. */
static void keys(struct neighbour *n, const struct hs_payload *remote, struct aead_key *tx)
{
	uint8_t a[32], b[32], lane[32];

	noise_split(&n->noise, a, b);
	noise_lane_key(b, 0, lane);
	if (aead_key_init(&n->rx[0].key, AEAD_CHACHA20_POLY1305, lane) != 0)
		abort();
	noise_lane_key(a, 0, lane);
	if (aead_key_init(tx, AEAD_CHACHA20_POLY1305, lane) != 0)
		abort();
}

size_t neighbour_seal(struct neighbour *n, const void *packet, size_t len, uint8_t *f)
{
	struct link_header h = {.type = LINK_DATA,
	                        .length = (uint16_t)(len + AEAD_TAG_BYTES),
	                        .receiver = n->tx_index,
	                        .counter = n->tx_counter++};
	struct aead_op op = {.in = packet,
	                     .out = f + LINK_HEADER_BYTES,
	                     .aad = f,
	                     .counter = h.counter,
	                     .len = (uint32_t)len,
	                     .aad_len = LINK_HEADER_BYTES};

	link_header_put(f, &h);
	aead_seal_burst(&n->tx, &op, 1);
	return LINK_HEADER_BYTES + len + AEAD_TAG_BYTES;
}

/* Begins a packet of link-local messages. */
static struct wr local_begin(void *buf, size_t cap)
{
	struct wr w = wr_init(buf, cap);

	control_stack_write(&w, UINT32_MAX, 1);
	ach_write(&w, ACH_LINKLOCAL);
	return w;
}

static void local_put(struct neighbour *n, const uint8_t *packet, const struct wr *w)
{
	uint8_t f[NEIGHBOUR_FRAME_MAX];

	if (wr_ok(w))
		put(n, f, neighbour_seal(n, packet, wr_len(w), f));
}

void neighbour_hello(struct neighbour *n, bool wants_answer, double t)
{
	struct linkmsg_hello m = {.sent_us = (uint64_t)(t * 1e6),
	                          .echo_us = n->hello_us,
	                          .epoch = n->epoch,
	                          .mtu = MTU,
	                          .flags = wants_answer ? HELLO_FLAG_REPLY_WANTED : 0};
	uint8_t packet[256];
	struct wr w = local_begin(packet, sizeof(packet));

	m.id = n->me.id;
	m.held_us = n->hello_us ? (uint32_t)((t - n->hello_at) * 1e6) : 0;
	linkmsg_hello_write(&w, &m);
	local_put(n, packet, &w);
}

/* The link carries whatever came over it. */
static void probed(struct neighbour *n, const struct linkmsg_probe *m)
{
	struct linkmsg_probe answer = {.id = m->id, .size = m->size, .answer = true};
	uint8_t packet[NEIGHBOUR_FRAME_MAX - LINK_HEADER_BYTES - AEAD_TAG_BYTES];
	struct wr w = local_begin(packet, sizeof(packet));

	if (m->answer || n->world->mute)
		return;
	linkmsg_probe_write(&w, &answer);
	local_put(n, packet, &w);
}

static bool read_next(struct neighbour *n, const struct hs_envelope *e, struct hs_payload *remote)
{
	uint8_t payload[NOISE_MESSAGE_MAX];
	size_t len;

	return e->noise_len <= sizeof(payload) &&
	       noise_read(&n->noise, e->noise, e->noise_len, payload, &len) == 0 &&
	       hs_payload_read(payload, len, remote);
}

static void second(struct neighbour *n, const struct link_header *h, const struct hs_envelope *e,
                   double t)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX], f[NEIGHBOUR_FRAME_MAX];
	struct link_header out = {
	        .type = LINK_HS3, .receiver = (uint32_t)h->counter, .counter = n->mine};
	struct hs_payload remote;
	size_t len;

	if (!n->begun || h->receiver != n->mine || !read_next(n, e, &remote) || remote.nrx < 1) {
		n->world->bad++;
		return;
	}
	n->begun = false;
	payload_of(n, false, remote.tx_lanes, payload, &len);
	if (noise_write(&n->noise, payload, len, msg, sizeof(msg), &len) != 0)
		return;
	keys(n, &remote, &n->tx);
	noise_generation(&n->noise, n->generation);
	n->tx_index = remote.rx[0];
	n->tx_counter = 0;
	put(n, f, envelope(f, &out, msg, len, 0));
	n->world->complete++;
	n->again_at = t + NEIGHBOUR_RETRY_S;
	n->heard_at = t;
}

static bool read_ik(struct neighbour *n, const struct hs_envelope *e, struct hs_payload *remote)
{
	noise_set_psk(&n->noise, n->generation);
	return read_next(n, e, remote);
}

/* The daemon renews its keys: IK, which this side answers. */
static void first(struct neighbour *n, const struct link_header *h, const struct hs_envelope *e)
{
	uint8_t payload[HS_PAYLOAD_MAX], msg[NOISE_MESSAGE_MAX], f[NEIGHBOUR_FRAME_MAX];
	struct link_header out = {.type = LINK_HS2,
	                          .flags = LINK_FLAG_IK,
	                          .receiver = (uint32_t)h->counter,
	                          .counter = rng_u64(n->world->rng) & 0xffffffff};
	struct hs_payload remote;
	size_t len;

	if (!(h->flags & LINK_FLAG_IK) || n->begun || init(n, NOISE_IK, false) != 0 ||
	    noise_read_static(&n->noise, e->noise, e->noise_len) != 0 || !read_ik(n, e, &remote)) {
		n->world->bad++;
		return;
	}
	payload_of(n, false, remote.tx_lanes, payload, &len);
	if (noise_write(&n->noise, payload, len, msg, sizeof(msg), &len) != 0)
		return;
	keys(n, &remote, &n->tx_next);
	n->tx_next_index = remote.rx[0];
	n->tx_next_rx = n->rx[0].index;
	put(n, f, envelope(f, &out, msg, len, 0));
}

static void refused(struct neighbour *n, const uint8_t *f, const struct link_header *h, double t)
{
	struct link_refused r;
	uint8_t mac[COOKIE_MAC_BYTES];

	cookie_refusal_mac(n->mac1, f, LINK_HEADER_BYTES + LINK_REFUSED_MAC, mac);
	if (h->receiver != n->mine || !link_refused_get(f + LINK_HEADER_BYTES, h->length, &r) ||
	    !cookie_mac_equal(mac, f + LINK_HEADER_BYTES + LINK_REFUSED_MAC)) {
		n->world->bad++;
		return;
	}
	n->world->refused[r.reason & 7]++;
	n->begun = false;
	n->again_at = t + REFUSED_S;
}

static void cookie(struct neighbour *n, const uint8_t *f, const struct link_header *h, double t)
{
	static const struct node_id nobody;

	if (h->length < COOKIE_REPLY_BYTES ||
	    cookie_open(&nobody, n->mac1, f + LINK_HEADER_BYTES, n->cookie) != 0)
		return;
	n->world->cookies++;
	n->has_cookie = true;
	n->again_at = t;
}

/* ---- data ---- */

static void took_effect(struct neighbour *n, const struct neighbour_rx_key *k)
{
	if (n->tx_next_rx != k->index || k->used)
		return;
	n->tx = n->tx_next;
	n->tx_index = n->tx_next_index;
	n->tx_counter = 0;
	n->tx_next_rx = 0;
	n->world->rekeys++;
}

static void hello_rx(struct neighbour *n, const struct linkmsg_hello *m, double t)
{
	n->world->hellos_in++;
	n->hello_us = m->sent_us;
	n->hello_at = t;
	if ((m->flags & HELLO_FLAG_REPLY_WANTED) && !n->world->mute)
		neighbour_hello(n, false, t);
}

static void local(struct neighbour *n, struct rd *r, double t)
{
	struct linkmsg_head h;
	struct rd body;
	union {
		struct linkmsg_hello hello;
		struct linkmsg_probe probe;
	} m;

	while (rd_left(r) > 0 && linkmsg_next(r, &h, &body))
		if (h.type == LINKMSG_HELLO && linkmsg_hello_read(&body, &m.hello))
			hello_rx(n, &m.hello, t);
		else if (h.type == LINKMSG_PROBE && linkmsg_probe_read(&body, &m.probe))
			probed(n, &m.probe);
		else if (n->world->message)
			n->world->message(n, &h, &body);
}

static void labelled(struct neighbour *n, const uint8_t *p, size_t len, double t)
{
	struct rd r = rd_init(p, len);
	uint32_t label;
	uint8_t ttl;

	if (control_stack_read(&r, &label, &ttl) && ach_read(&r) == ACH_LINKLOCAL)
		local(n, &r, t);
	else if (n->world->packet)
		n->world->packet(n, p, len);
}

static void data(struct neighbour *n, uint8_t *f, const struct link_header *h, double t)
{
	struct aead_op op = {.in = f + LINK_HEADER_BYTES,
	                     .out = f + LINK_HEADER_BYTES,
	                     .aad = f,
	                     .counter = h->counter,
	                     .len = h->length,
	                     .aad_len = LINK_HEADER_BYTES};

	for (unsigned i = 0; i < NEIGHBOUR_KEYS; i++) {
		if (n->rx[i].index != h->receiver || h->length < AEAD_TAG_BYTES)
			continue;
		aead_open_burst(&n->rx[i].key, &op, 1);
		if (!op.ok)
			break;
		n->heard_at = t;
		took_effect(n, &n->rx[i]);
		n->rx[i].used = true;
		n->up = true;
		labelled(n, f + LINK_HEADER_BYTES, h->length - AEAD_TAG_BYTES, t);
		return;
	}
	n->world->bad++;
}

void neighbour_receive(struct neighbour *n, uint8_t *f, size_t len, double t)
{
	struct link_header h;
	struct hs_envelope e;

	n->world->frames_in++;
	if (!link_header_get(f, len, &h))
		n->world->bad++;
	else if (h.type == LINK_DATA)
		data(n, f, &h, t);
	else if (h.type == LINK_REFUSED)
		refused(n, f, &h, t);
	else if (h.type == LINK_COOKIE)
		cookie(n, f, &h, t);
	else if (!hs_envelope_read(f + LINK_HEADER_BYTES, h.length, &e))
		n->world->bad++;
	else if (h.type == LINK_HS2)
		second(n, &h, &e, t);
	else if (h.type == LINK_HS1)
		first(n, &h, &e);
}
