/* SPDX-License-Identifier: BSD-3-Clause */
/* The fixed-key vectors of PROTOCOL.md, made by the code and compared with the document; --print writes them for it. */
#include "tests/lib/hex.h"

#include "crypto/aead.h"
#include "crypto/cookie.h"
#include "crypto/identity.h"
#include "crypto/noise.h"
#include "crypto/pair.h"
#include "crypto/puzzle.h"
#include "tcp/csum.h"
#include "tcp/tcp.h"
#include "wire/udp.h"
#include "wire/hsmsg.h"
#include "wire/ip6.h"
#include "wire/kadmsg.h"
#include "wire/link.h"
#include "wire/linkmsg.h"
#include "wire/lspmsg.h"
#include "wire/routed.h"
#include "wire/tunnel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX  96
#define NETWORK   0x00000007u
#define HS1_TOTAL 272

struct row {
	char name[48];
	char *text;
};

struct rows {
	struct row row[ROWS_MAX];
	unsigned n;
};

static void add_text(struct rows *r, const char *name, const char *text)
{
	assert_true(r->n < ROWS_MAX);
	snprintf(r->row[r->n].name, sizeof(r->row[0].name), "%s", name);
	r->row[r->n++].text = strdup(text);
}

static void add(struct rows *r, const char *name, const void *bytes, size_t n)
{
	char *hex = malloc(2 * n + 1);

	hex_write(bytes, n, hex);
	add_text(r, name, hex);
	free(hex);
}

static void rows_free(struct rows *r)
{
	while (r->n > 0)
		free(r->row[--r->n].text);
}

/* Two nodes and the ephemerals they draw. */
struct world {
	struct identity a, b;
	uint8_t ea[32], eb[32];
};

static void counting(uint8_t *out, uint8_t first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)(first + i);
}

static void one_identity(struct rows *r, const char *who, uint8_t first, struct identity *me)
{
	char name[48], text[IDENTITY_TEXT_MAX];
	uint8_t seed[32];

	counting(seed, first, 32);
	assert_int_equal(identity_from_seed(me, seed), 0);
	snprintf(name, sizeof(name), "%s.seed", who);
	add(r, name, me->seed, 32);
	snprintf(name, sizeof(name), "%s.ed25519", who);
	add(r, name, me->ed_public, 32);
	snprintf(name, sizeof(name), "%s.x25519_secret", who);
	add(r, name, me->x_secret, 32);
	snprintf(name, sizeof(name), "%s.x25519", who);
	add(r, name, me->x_public, 32);
	snprintf(name, sizeof(name), "%s.id", who);
	add(r, name, me->id.b, ID_BYTES);
	id_to_text(&me->id, text);
	snprintf(name, sizeof(name), "%s.id_text", who);
	add_text(r, name, text);
	id_to_host(&me->id, text);
	snprintf(name, sizeof(name), "%s.id_host", who);
	add_text(r, name, text);
}

static void copy_fill(void *arg, void *out, size_t n)
{
	memcpy(out, arg, n);
}

static struct rng fixed(uint8_t *bytes)
{
	return (struct rng){.fill = copy_fill, .arg = bytes};
}

/* Frame: link header, envelope, mac1 over both; mac2 zero. */
static size_t frame(uint8_t *f, size_t cap, const struct link_header *head, size_t total,
                    const uint8_t *noise, size_t len, const struct node_id *addressee)
{
	struct link_header h = *head;

	total = hs_envelope_write(noise, len, total, f + LINK_HEADER_BYTES,
	                          cap - LINK_HEADER_BYTES);
	assert_true(total > 0);
	h.length = (uint16_t)total;
	link_header_put(f, &h);
	total += LINK_HEADER_BYTES;
	cookie_mac1(addressee, f, total - HS_MACS_BYTES, f + total - HS_MACS_BYTES);
	return total;
}

/* One message of the handshake: payload, noise bytes, whole frame, and the other side reads it. */
static void message(struct rows *r, const char *what, struct noise *from, struct noise *to,
                    const struct hs_payload *p, const struct link_header *h, size_t total,
                    const struct node_id *addressee)
{
	uint8_t payload[HS_PAYLOAD_MAX], noise[NOISE_MESSAGE_MAX], back[NOISE_MESSAGE_MAX],
	        f[NOISE_MESSAGE_MAX];
	size_t n = hs_payload_write(p, payload, sizeof(payload)), len, m;
	char name[48];

	snprintf(name, sizeof(name), "%s.payload", what);
	add(r, name, payload, n);
	assert_int_equal(noise_write(from, payload, n, noise, sizeof(noise), &len), 0);
	assert_int_equal(noise_read(to, noise, len, back, &m), 0);
	assert_int_equal(m, n);
	snprintf(name, sizeof(name), "%s.noise", what);
	add(r, name, noise, len);
	n = frame(f, sizeof(f), h, total, noise, len, addressee);
	snprintf(name, sizeof(name), "%s.frame", what);
	add(r, name, f, n);
}

static void keys(struct rows *r, const char *what, const struct noise *a, const struct noise *b,
                 uint8_t a_to_b[32])
{
	uint8_t tx[32], rx[32], tx2[32], rx2[32], lane[32];
	char name[48];

	noise_split(a, tx, rx);
	noise_split(b, tx2, rx2);
	assert_memory_equal(tx, rx2, 32);
	assert_memory_equal(rx, tx2, 32);
	memcpy(a_to_b, tx, 32);
	snprintf(name, sizeof(name), "%s.handshake_hash", what);
	add(r, name, a->h, NOISE_HASH);
	snprintf(name, sizeof(name), "%s.a_to_b", what);
	add(r, name, tx, 32);
	snprintf(name, sizeof(name), "%s.b_to_a", what);
	add(r, name, rx, 32);
	for (uint16_t i = 0; i < 2; i++) {
		noise_lane_key(tx, i, lane);
		snprintf(name, sizeof(name), "%s.a_to_b.lane%u", what, i);
		add(r, name, lane, 32);
	}
	noise_lane_key(rx, 0, lane);
	snprintf(name, sizeof(name), "%s.b_to_a.lane0", what);
	add(r, name, lane, 32);
	noise_generation(a, lane);
	noise_generation(b, tx2);
	assert_memory_equal(lane, tx2, 32);
	snprintf(name, sizeof(name), "%s.generation", what);
	add(r, name, lane, 32);
}

static struct hs_payload payload_of(const struct identity *me, uint32_t first_index)
{
	struct hs_payload p = {.tx_lanes = me ? 1 : 2, .caps = HS_CAP_CHACHA | HS_CAP_TRANSIT};

	p.epoch = 0x0e0e0000 | first_index >> 16;
	p.mtu = LINK_MTU_SAFE;
	if (me)
		memcpy(p.key, me->ed_public, 32);
	if (first_index & 0xffff) {
		p.nrx = 2;
		p.rx[0] = first_index;
		p.rx[1] = first_index + 1;
	}
	return p;
}

/* XX on a link: A sends with two lanes, B with one. */
static void link_xx(struct rows *r, struct world *w, uint8_t a_to_b[32])
{
	static const struct node_id nobody;
	uint8_t prologue[HS_PROLOGUE_MAX];
	size_t n = hs_prologue(NETWORK, HS_CONTEXT_LINK, NULL, NULL, prologue);
	struct rng ra = fixed(w->ea), rb = fixed(w->eb);
	struct hs_payload p1 = payload_of(NULL, 0), p2 = payload_of(&w->b, 0x0b000010),
	                  p3 = payload_of(&w->a, 0x0a000020);
	struct noise a, b;

	p3.tx_lanes = 2;
	p3.nrx = 1;
	add(r, "link.prologue", prologue, n);
	assert_int_equal(noise_init(&a, NOISE_XX, true, prologue, n, w->a.x_secret, w->a.x_public,
	                            NULL, &ra),
	                 0);
	assert_int_equal(noise_init(&b, NOISE_XX, false, prologue, n, w->b.x_secret, w->b.x_public,
	                            NULL, &rb),
	                 0);
	message(r, "link.xx1", &a, &b, &p1,
	        &(struct link_header){.type = LINK_HS1, .receiver = NETWORK, .counter = 0xa1},
	        HS1_TOTAL, &w->b.id);
	message(r, "link.xx2", &b, &a, &p2,
	        &(struct link_header){.type = LINK_HS2, .receiver = 0xa1, .counter = 0xb1}, 0,
	        &nobody);
	message(r, "link.xx3", &a, &b, &p3,
	        &(struct link_header){.type = LINK_HS3, .receiver = 0xb1, .counter = 0xa1}, 0,
	        &nobody);
	keys(r, "link", &a, &b, a_to_b);
}

/* A node of network 8 refuses a first message whose index is 0xa1. */
static void link_refused(struct rows *r)
{
	static const uint8_t mac1[COOKIE_MAC_BYTES] = "mac1 of a first";
	uint8_t f[LINK_HEADER_BYTES + LINK_REFUSED_BYTES];

	link_header_put(f, &(struct link_header){.type = LINK_REFUSED,
	                                         .length = LINK_REFUSED_BYTES,
	                                         .receiver = 0xa1});
	link_refused_put(f + LINK_HEADER_BYTES,
	                 &(struct link_refused){.reason = REFUSED_NETWORK, .value = 8});
	cookie_refusal_mac(mac1, f, LINK_HEADER_BYTES + LINK_REFUSED_MAC,
	                   f + LINK_HEADER_BYTES + LINK_REFUSED_MAC);
	add(r, "link.refused.mac1", mac1, sizeof(mac1));
	add(r, "link.refused.frame", f, sizeof(f));
}

static void seal(enum aead_alg alg, const uint8_t key[32], uint64_t counter, const void *aad,
                 size_t aad_len, const void *in, size_t len, uint8_t *out)
{
	struct aead_op op = {.in = in,
	                     .out = out,
	                     .aad = aad,
	                     .counter = counter,
	                     .len = (uint32_t)len,
	                     .aad_len = (uint32_t)aad_len};
	struct aead_key k;

	assert_int_equal(aead_key_init(&k, alg, key), 0);
	aead_seal_burst(&k, &op, 1);
	aead_key_wipe(&k);
}

/* One labelled packet sealed by A's lane 1, in both algorithms. */
static void link_data(struct rows *r, const uint8_t a_to_b[32])
{
	uint8_t lane[32], inner[8], f[LINK_HEADER_BYTES + sizeof(inner) + AEAD_TAG_BYTES];
	struct link_header h = {
	        .type = LINK_DATA, .length = sizeof(inner) + 16, .receiver = 0x0b000011};

	h.counter = 0x0102;
	noise_lane_key(a_to_b, 1, lane);
	be32_store(inner, lse_make(0x12345, TC_BE_ECT, true, TTL_START));
	memcpy(inner + 4, "data", 4);
	add(r, "link.data.inner", inner, sizeof(inner));
	link_header_put(f, &h);
	seal(AEAD_CHACHA20_POLY1305, lane, h.counter, f, LINK_HEADER_BYTES, inner, sizeof(inner),
	     f + LINK_HEADER_BYTES);
	add(r, "link.data.chacha.frame", f, sizeof(f));
	if (!aead_available(AEAD_AES256_GCM))
		return;
	seal(AEAD_AES256_GCM, lane, h.counter, f, LINK_HEADER_BYTES, inner, sizeof(inner),
	     f + LINK_HEADER_BYTES);
	add(r, "link.data.gcm.frame", f, sizeof(f));
}

/* IK between the ends of a tunnel: A knows B's key. */
static void session_ik(struct rows *r, struct world *w, uint8_t a_to_b[32])
{
	uint8_t prologue[HS_PROLOGUE_MAX], msg[2][NOISE_MESSAGE_MAX], back[NOISE_MESSAGE_MAX];
	size_t n = hs_prologue(NETWORK, HS_CONTEXT_SESSION, &w->a.id, &w->b.id, prologue), len[2],
	       m;
	struct rng ra = fixed(w->ea), rb = fixed(w->eb);
	struct hs_payload p[2] = {payload_of(&w->a, 0x0a000030), payload_of(&w->b, 0x0b000040)};
	uint8_t before[NOISE_PSK];
	struct noise x[2];

	for (unsigned i = 0; i < sizeof(before); i++)
		before[i] = (uint8_t)(0xe0 ^ i);
	p[0].stamp = 0x0102030405060708;
	add(r, "session.prologue", prologue, n);
	add(r, "session.ik.secret", before, sizeof(before));
	assert_int_equal(noise_init(&x[0], NOISE_IK, true, prologue, n, w->a.x_secret,
	                            w->a.x_public, w->b.x_public, &ra),
	                 0);
	assert_int_equal(noise_init(&x[1], NOISE_IK, false, prologue, n, w->b.x_secret,
	                            w->b.x_public, NULL, &rb),
	                 0);
	noise_set_psk(&x[0], before);
	noise_set_psk(&x[1], before);
	for (unsigned i = 0; i < 2; i++) {
		uint8_t payload[HS_PAYLOAD_MAX];
		size_t k = hs_payload_write(&p[i], payload, sizeof(payload));

		assert_int_equal(noise_write(&x[i], payload, k, msg[i], sizeof(msg[i]), &len[i]),
		                 0);
		assert_int_equal(noise_read(&x[1 - i], msg[i], len[i], back, &m), 0);
		add(r, i ? "session.ik2.payload" : "session.ik1.payload", payload, k);
		add(r, i ? "session.ik2.noise" : "session.ik1.noise", msg[i], len[i]);
	}
	keys(r, "session", &x[0], &x[1], a_to_b);
}

static void tunnel_packet(struct rows *r, const uint8_t a_to_b[32])
{
	static const char segment[] = "segment";
	uint8_t lane[32], inner[2 + 7], f[4 + TUNNEL_HEADER_BYTES + sizeof(inner) + 16];
	const struct tunnel_header h = {.type = TUNNEL_DATA, .phase = 1, .counter = 5};

	noise_lane_key(a_to_b, 0, lane);
	inner[0] = TRANSPORT_TCP;
	inner[1] = 2;
	memcpy(inner + 2, segment, 7);
	be32_store(f, lse_make(0xabcde, TC_BE_ECT, true, TTL_START));
	tunnel_header_put(f + 4, &h, sizeof(f) - 4);
	seal(AEAD_CHACHA20_POLY1305, lane, h.counter, f + 4, TUNNEL_HEADER_BYTES, inner,
	     sizeof(inner), f + 4 + TUNNEL_HEADER_BYTES);
	add(r, "tunnel.inner", inner, sizeof(inner));
	add(r, "tunnel.packet", f, sizeof(f));
}

/* A packet from A to B as it rides in their session: whole, and in two halves. */
static void ip6(struct rows *r, const struct world *w)
{
	static const char payload[] = "payload of a packet";
	const size_t n = sizeof(payload) - 1, front = 10;
	uint8_t p[IP6_HEADER_BYTES + sizeof(payload)], inner[2 + IP6_HALF_BYTES + sizeof(payload)];
	struct ip6_elided h = {.prefix = 0xfd,
	                       .traffic_class = 0xb9,
	                       .next_header = IP6_NEXT_UDP,
	                       .hop_limit = 63,
	                       .flow_label = 0x54321};
	size_t k;

	ip6_header_put(p, &h, n, &w->a.id, &w->b.id);
	memcpy(p + IP6_HEADER_BYTES, payload, n);
	add(r, "ip6.packet", p, IP6_HEADER_BYTES + n);
	inner[0] = TRANSPORT_IPV6;
	inner[1] = h.traffic_class;
	k = 2 + ip6_elided_put(inner + 2, &h);
	memcpy(inner + k, payload, n);
	add(r, "ip6.whole.inner", inner, k + n);
	h.form = IP6_FIRST;
	h.split = 0x0203;
	k = 2 + ip6_elided_put(inner + 2, &h);
	memcpy(inner + k, payload, front);
	add(r, "ip6.first.inner", inner, k + front);
	h.form = IP6_SECOND;
	k = 2 + ip6_elided_put(inner + 2, &h);
	memcpy(inner + k, payload + front, n - front);
	add(r, "ip6.second.inner", inner, k + n - front);
}

/* A datagram from A to B as it rides in their session, and the answer where B has nobody at that port. */
static void udp(struct rows *r, const struct world *w)
{
	static const char payload[] = "datagram of odd length";
	const size_t n = sizeof(payload);
	const struct udp_header h = {.from = 40001, .to = 7};
	const struct oam m = {.type = OAM_PORT_UNREACHABLE, .id = (uint32_t)h.from << 16 | h.to};
	uint8_t inner[2 + UDP_HEADER_BYTES + sizeof(payload)] = {TRANSPORT_UDP, 0}, body[OAM_BYTES];
	struct wr out = wr_init(body, sizeof(body));
	uint32_t sum = csum_pseudo(tcp_id_sum(w->a.id.b), tcp_id_sum(w->b.id.b),
	                           (uint32_t)(UDP_HEADER_BYTES + n), TRANSPORT_UDP);

	udp_header_put(inner + 2, &h, n);
	memcpy(inner + 2 + UDP_HEADER_BYTES, payload, n);
	sum += tcp_csum_sum(inner + 2, UDP_HEADER_BYTES + n);
	be16_store(inner + 2 + UDP_AT_CHECKSUM, (uint16_t)~tcp_csum_fold(sum));
	add(r, "udp.inner", inner, sizeof(inner));
	oam_write(&out, &m);
	add(r, "udp.nobody", body, sizeof(body));
}

static void cookies(struct rows *r, const struct world *w)
{
	uint8_t source[COOKIE_SOURCE_BYTES], secret[32], cookie[COOKIE_BYTES], nonce[24],
	        reply[COOKIE_REPLY_BYTES], mac[COOKIE_MAC_BYTES];
	struct rng rn = fixed(nonce);

	counting(secret, 0xc0, sizeof(secret));
	counting(source, 1, sizeof(source));
	counting(nonce, 0x90, sizeof(nonce));
	cookie_mac1(&w->b.id, "message", 7, mac);
	add(r, "mac1.of_message_to_b", mac, sizeof(mac));
	cookie_of(secret, source, sizeof(source), cookie);
	add(r, "cookie.secret", secret, 32);
	add(r, "cookie.source", source, sizeof(source));
	add(r, "cookie.cookie", cookie, sizeof(cookie));
	cookie_seal(&w->b.id, &rn, mac, cookie, reply);
	add(r, "cookie.reply", reply, sizeof(reply));
	cookie_mac2(cookie, "message", 7, mac);
	add(r, "mac2.of_message", mac, sizeof(mac));
}

/* The puzzle of a set-up from a to b, and the first number that solves it. */
static void puzzles(struct rows *r, const struct world *w)
{
	struct puzzle p = {.bits = 12};
	uint8_t name[2 * ID_BYTES + 8], seed[32], mac2[COOKIE_MAC_BYTES];
	uint64_t solution = 0;

	counting(p.nonce, 0x70, sizeof(p.nonce));
	memcpy(name, w->a.id.b, ID_BYTES);
	memcpy(name + ID_BYTES, w->b.id.b, ID_BYTES);
	be64_store(name + 2 * ID_BYTES, 0x0102030405060708);
	puzzle_seed(&p, name, sizeof(name), seed);
	if (!puzzle_search(seed, p.bits, &solution, 1000000))
		abort();
	mac2[0] = p.bits;
	memcpy(mac2 + 1, p.nonce, sizeof(p.nonce));
	be64_store(mac2 + 8, solution);
	add(r, "puzzle.seed", seed, sizeof(seed));
	add(r, "puzzle.mac2", mac2, sizeof(mac2));
}

/* A chain of a thousand nodes below the root's port 70, and a place of which the last two hops do not fit. */
static void coords_of(struct rows *r)
{
	struct coords chain = {0}, deep = {0};
	uint8_t buf[4 + COORDS_BYTES_MAX];
	struct wr out = wr_init(buf, sizeof(buf));

	assert_true(coords_push(&chain, 70));
	for (unsigned i = 0; i < 1000; i++)
		assert_true(coords_push(&chain, 1));
	coords_write(&out, &chain);
	add(r, "coords.chain", buf, wr_len(&out));
	for (unsigned i = 0; i < COORDS_BYTES_MAX + 2; i++)
		assert_true(coords_push(&deep, (uint16_t)(1 + i % 2)));
	out = wr_init(buf, sizeof(buf));
	coords_write(&out, &deep);
	add(r, "coords.deep", buf, wr_len(&out));
}

static void record_of(struct rows *r, const struct world *w, struct record *rec)
{
	uint8_t buf[RECORD_MAX];
	struct wr out = wr_init(buf, sizeof(buf));

	*rec = (struct record){.seq = 3, .puzzle = 0, .ntrees = 1};
	memcpy(rec->key, w->a.ed_public, 32);
	rec->place[0].root = be64_load(w->b.id.b);
	assert_true(coords_push(&rec->place[0].coords, 5));
	for (unsigned i = 0; i < 3; i++)
		assert_true(coords_push(&rec->place[0].coords, 300));
	record_write(&out, rec);
	sig_sign(&w->a, RECORD_CONTEXT, buf, wr_len(&out) - RECORD_SIG_BYTES, rec->sig);
	out = wr_init(buf, sizeof(buf));
	record_write(&out, rec);
	add(r, "record", buf, wr_len(&out));
}

static void link_local(struct rows *r, const struct world *w)
{
	struct linkmsg_hello hello = {.sent_us = 1000000,
	                              .echo_us = 999000,
	                              .held_us = 50,
	                              .flags = HELLO_FLAG_REPLY_WANTED,
	                              .id = w->a.id,
	                              .epoch = 0x0e0e0a00,
	                              .mtu = LINK_MTU_SAFE};
	struct linkmsg_seq seq = {.tree = 0, .seq = 42};
	struct linkmsg_seen seen = {
	        .answer = true, .unknown = 3, .index = 0x0b0c0d0e, .first = 0x0102030405060708};
	struct linkmsg_ann ann = {.seq = 9, .ntrees = 2};
	uint8_t buf[256], body[9];
	struct wr out = wr_init(buf, sizeof(buf));

	ann.tree[0] = (struct ann_tree){.root = w->b.id, .port = 7};
	ann.tree[1] = (struct ann_tree){.root = w->a.id, .port = 7, .is_parent = true};
	control_stack_write(&out, UINT32_MAX, 1);
	ach_write(&out, ACH_LINKLOCAL);
	linkmsg_hello_write(&out, &hello);
	add(r, "hello.packet", buf, wr_len(&out));
	memcpy(seq.key, w->a.ed_public, 32);
	linkmsg_seq_signed(&seq, body);
	sig_sign(&w->a, SEQ_CONTEXT, body, sizeof(body), seq.sig);
	out = wr_init(buf, sizeof(buf));
	linkmsg_seq_write(&out, &seq);
	add(r, "seq", buf, wr_len(&out));
	for (unsigned i = 0; i < sizeof(seen.bits); i++)
		seen.bits[i] = (uint8_t)(0x80 + i);
	out = wr_init(buf, sizeof(buf));
	linkmsg_seen_write(&out, &seen);
	add(r, "seen.answer", buf, wr_len(&out));
	for (unsigned i = 0; i < 4; i++)
		assert_true(coords_push(&ann.tree[0].coords, i ? 300 : 5));
	out = wr_init(buf, sizeof(buf));
	linkmsg_ann_write(&out, &ann);
	add(r, "ann", buf, wr_len(&out));
}

static void routed(struct rows *r, const struct world *w, const struct record *rec)
{
	static struct kad_msg kad; /* tens of kilobytes */
	struct routed_header h = {
	        .next = NEXT_ROUTE, .hop_limit = ROUTED_HOP_LIMIT, .src = w->a.id, .dst = w->b.id};
	struct route_ext e = {.next = NEXT_KAD, .mode = ROUTE_GREEDY};
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr out = wr_init(buf, sizeof(buf)), at;

	control_stack_write(&out, 0x54321, TTL_START);
	ach_write(&out, ACH_ROUTED);
	at = out;
	routed_header_write(&out, &h);
	route_ext_write(&out, &e);
	kad.op = KAD_FIND;
	memset(kad.nonce, 0x0f, sizeof(kad.nonce));
	kad.flags = KAD_FLAG_TOKEN;
	memset(kad.token, 0x1e, sizeof(kad.token));
	kad.target = w->b.id;
	kad.self = *rec;
	kad_write(&out, &kad);
	assert_true(wr_ok(&out));
	h.length = (uint16_t)(wr_len(&out) - wr_len(&at) - ROUTED_HEADER_BYTES);
	routed_header_write(&at, &h);
	add(r, "find.packet", buf, wr_len(&out));
}

/* From a to b, with a MAC where the flags say so. */
static void add_kad(struct rows *r, const struct world *w, const char *name,
                    const struct kad_msg *kad)
{
	uint8_t buf[CONTROL_PACKET_MAX], key[PAIR_KEY_BYTES];
	struct wr out = wr_init(buf, sizeof(buf));

	kad_write(&out, kad);
	assert_true(wr_ok(&out));
	assert_int_equal(pair_key(&w->a, w->b.ed_public, key), 0);
	if (kad->flags & KAD_FLAG_MAC)
		pair_mac(key, &w->a.id, &w->b.id, buf, wr_len(&out) - KAD_MAC_BYTES,
		         out.p - KAD_MAC_BYTES);
	add(r, name, buf, wr_len(&out));
}

/* One message of each op but FIND. Whatever an op does not carry has a value here too, so that it would be seen. */
static void kademlia(struct rows *r, const struct world *w, const struct record *rec)
{
	static struct kad_msg kad; /* tens of kilobytes */

	uint8_t key[PAIR_KEY_BYTES];

	assert_int_equal(pair_key(&w->b, w->a.ed_public, key), 0);
	add(r, "pair.key", key, sizeof(key));
	for (unsigned i = 0; i < sizeof(kad.nonce); i++)
		kad.nonce[i] = (uint8_t)(i + 1);
	memset(kad.token, 0x1e, sizeof(kad.token));
	kad.full = UINT64_C(0x8000000000000005);
	kad.target = w->b.id;
	kad.self = *rec;
	kad_have_begin(&kad, 9);
	kad_have_add(&kad, &w->a.id, 3);
	kad_have_add(&kad, &w->b.id, 4);
	add(r, "exq.filter", kad.have, kad.have_len);
	kad.op = KAD_RETRY;
	kad.flags = KAD_FLAG_TOKEN;
	add_kad(r, w, "retry.message", &kad);
	kad.op = KAD_UPDATE;
	kad.flags = KAD_FLAG_TOKEN | KAD_FLAG_MAC;
	add_kad(r, w, "update.message", &kad);
	kad.count = 1;
	kad.c[0] = (struct contact_info){.id = w->b.id, .seq = 4};
	kad.op = KAD_EXQ;
	kad.flags = 0;
	add_kad(r, w, "exq.message", &kad);
	kad.count = 2;
	kad.c[1] = (struct contact_info){
	        .id = w->a.id, .seq = 3, .ntrees = 1, .place = {rec->place[0]}};
	kad.op = KAD_EXR;
	kad.flags = KAD_FLAG_TOKEN | KAD_FLAG_MAC | KAD_FLAG_PROVE;
	add_kad(r, w, "exr.message", &kad);
	kad.op = KAD_FOUND;
	kad.flags = KAD_FLAG_TOKEN | KAD_FLAG_MAC | KAD_FLAG_MORE;
	add_kad(r, w, "found.message", &kad);
}

/* As the TCP engine keeps it of each peer. */
static void pseudo(struct rows *r, const struct world *w)
{
	uint8_t sum[2];

	be16_store(sum, tcp_csum_fold((uint32_t)tcp_id_sum(w->a.id.b) + tcp_id_sum(w->b.id.b)));
	add(r, "pseudo.ids_sum", sum, 2);
}

static void make(struct rows *r)
{
	struct world w;
	struct record rec;
	uint8_t a_to_b[32];

	r->n = 0;
	one_identity(r, "a", 0x00, &w.a);
	one_identity(r, "b", 0x20, &w.b);
	counting(w.ea, 0x40, 32);
	counting(w.eb, 0x60, 32);
	add(r, "a.ephemeral_secret", w.ea, 32);
	add(r, "b.ephemeral_secret", w.eb, 32);
	link_xx(r, &w, a_to_b);
	link_data(r, a_to_b);
	link_refused(r);
	session_ik(r, &w, a_to_b);
	tunnel_packet(r, a_to_b);
	ip6(r, &w);
	udp(r, &w);
	cookies(r, &w);
	puzzles(r, &w);
	coords_of(r);
	record_of(r, &w, &rec);
	link_local(r, &w);
	routed(r, &w, &rec);
	kademlia(r, &w, &rec);
	pseudo(r, &w);
}

static void print(const struct rows *r)
{
	printf("```vectors\n");
	for (unsigned i = 0; i < r->n; i++) {
		const char *t = r->row[i].text;

		printf("%s:\n", r->row[i].name);
		for (size_t at = 0; at < strlen(t); at += 96)
			printf("  %.96s\n", t + at);
	}
	printf("```\n");
}

/* The document's rows: between ```vectors and ```, a name with a colon, then indented lines that belong together. */
static void document(struct rows *r)
{
	FILE *f = fopen(PROTOCOL_MD, "r");
	char line[512];
	bool inside = false;

	assert_non_null(f);
	r->n = 0;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\r\n")] = '\0';
		if (strncmp(line, "```", 3) == 0) {
			inside = strcmp(line, "```vectors") == 0;
		} else if (inside && line[0] != ' ' && strchr(line, ':')) {
			*strchr(line, ':') = '\0';
			add_text(r, line, "");
		} else if (inside && r->n > 0) {
			char **t = &r->row[r->n - 1].text;

			*t = realloc(*t, strlen(*t) + strlen(line) + 1);
			strcat(*t, line + strspn(line, " "));
		}
	}
	fclose(f);
}

static const char *find(const struct rows *r, const char *name)
{
	for (unsigned i = 0; i < r->n; i++)
		if (strcmp(r->row[i].name, name) == 0)
			return r->row[i].text;
	return NULL;
}

static void document_is_right(void **state)
{
	static struct rows made, written;

	make(&made);
	document(&written);
	for (unsigned i = 0; i < made.n; i++) {
		const char *t = find(&written, made.row[i].name);

		if (!t)
			fail_msg("PROTOCOL.md lacks %s", made.row[i].name);
		if (strcmp(t, made.row[i].text) != 0)
			fail_msg("PROTOCOL.md has another %s; the code makes %s", made.row[i].name,
			         made.row[i].text);
	}
	for (unsigned i = 0; i < written.n; i++)
		if (!find(&made, written.row[i].name) &&
		    (aead_available(AEAD_AES256_GCM) || !strstr(written.row[i].name, "gcm")))
			fail_msg("PROTOCOL.md has a vector nobody makes: %s", written.row[i].name);
	assert_true(made.n > 40);
	rows_free(&made);
	rows_free(&written);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(document_is_right)};

	if (!aead_available(AEAD_CHACHA20_POLY1305))
		return 1;
	if (argc > 1 && strcmp(argv[1], "--print") == 0) {
		static struct rows r;

		make(&r);
		print(&r);
		rows_free(&r);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
