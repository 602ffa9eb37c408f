/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 of the TUN in sessions: packets come out as they went in, whole or in two halves; what cannot go is held, given back or counted. */
#include "sessnet.h"
#include "base/be.h"
#include "seal/seal.h"
#include "session/ip.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct dp_tun_allow anything = {.last = 65535, .any = true};
static const struct dp_tun_cfg fd = {.prefix = 0xfd, .allow = &anything, .nallow = 1},
                               fc = {.prefix = 0xfc, .allow = &anything, .nallow = 1};
static struct sessnet n;
static struct rng_seeded seeded;

static int setup(void **state)
{
	sessnet_tun[0] = sessnet_tun[1] = &fd;
	rng_seeded_init(&seeded, 7);
	sessnet_start(&n, 1);
	return 0;
}

static int teardown(void **state)
{
	sessnet_stop(&n);
	return 0;
}

static uint64_t drops(unsigned side, enum drop_reason why)
{
	return n.side[side].w.drops[why];
}

/* A packet from one side to the other; its payload is random. */
static uint32_t make(unsigned from, uint8_t *p, uint32_t len)
{
	struct rng rng = rng_from_seeded(&seeded);
	const struct ip6_elided h = {.prefix = 0xfd,
	                             .traffic_class = (uint8_t)(rng_u64(&rng) & ~3u),
	                             /* None of which anything is known. */
	                             .next_header = (uint8_t)(0x80 | rng_u64(&rng)),
	                             .hop_limit = (uint8_t)rng_u64(&rng),
	                             .flow_label = (uint32_t)rng_below(&rng, 1 << 20)};

	rng_fill(&rng, p + IP6_HEADER_BYTES, len - IP6_HEADER_BYTES);
	ip6_header_put(p, &h, len - IP6_HEADER_BYTES, &n.cfg[from].id, &n.cfg[1 - from].id);
	return len;
}

/* As the TUN's thread puts it. False: the ring is full. */
static bool put(unsigned side, const uint8_t *p, uint32_t len)
{
	struct tunring *r = n.side[side].sess->ip->ring[0];
	struct tun_slot *slot = tunring_slot(&r->to_worker_tx, len);

	if (!slot)
		return false;
	slot->kind = TUN_PACKET;
	slot->len = len;
	slot->gso = (struct gso){0};
	slot->id = n.cfg[1 - side].id;
	memcpy(slot->packet, p, len);
	tunring_commit(&r->to_worker_tx, slot);
	return true;
}

/* What the TUN's thread finds: the kind, 0: nothing. */
static unsigned get(unsigned side, struct tun_slot *out)
{
	struct tunring *r = n.side[side].sess->ip->ring[0];
	const struct tun_slot *slot;

	ip_end_run(n.side[side].sess);
	slot = tunring_peek(&r->to_tun_rx);
	if (!slot)
		return 0;
	memcpy(out, slot, TUN_SLOT_HEAD + slot->len);
	tunring_done(&r->to_tun_rx, slot);
	return out->kind;
}

static void path_mtu(unsigned side, uint16_t mtu)
{
	struct cp_cmd c = {.type = CMD_SESSION_SET};

	c.u.session = (struct cp_session){.session = side + 1,
	                                  .out_link = SESSNET_LINK,
	                                  .path_mtu = mtu,
	                                  .out_label = n.side[1 - side].in_label,
	                                  .remote = n.cfg[1 - side].id};
	sessnet_command(&n, side, &c);
}

static void expect_same(unsigned side, const uint8_t *p, uint32_t len)
{
	struct tun_slot got;

	assert_int_equal(get(side, &got), TUN_PACKET);
	assert_int_equal(got.len, len);
	assert_memory_equal(got.packet, p, len);
	assert_true(id_eq(&got.id, &n.cfg[1 - side].id));
}

/* Every length, both ways, over paths on both sides of the border where a packet has to be split: it comes out byte by byte as it went in, and
 * only those that every way of IPv6 carries are split. */
static void test_what_goes_in_comes_out(void **state)
{
	static const uint16_t mtus[] = {1186, 1166, 1246, 1240, 1466};
	uint8_t p[TUN_MTU_MOST];
	struct tun_slot got;

	sessnet_up(&n);
	for (unsigned i = 0; i < sizeof(mtus) / sizeof(mtus[0]); i++) {
		uint32_t fits = mtus[i] + 34u, most = fits < 1280 ? 1280 : fits;

		path_mtu(0, mtus[i]);
		path_mtu(1, mtus[i]);
		for (uint32_t len = 40; len <= TUN_MTU_MOST; len += len < 1100 ? 97 : 1) {
			unsigned side = len & 1;
			uint64_t before = n.side[side].w.count.session_out;

			assert_true(put(side, p, make(side, p, len)));
			sessnet_run(&n, 6 * NS_PER_MS);
			if (len <= most) {
				expect_same(1 - side, p, len);
				assert_int_equal(n.side[side].w.count.session_out - before,
				                 len <= fits ? 1 : 2);
			} else {
				assert_int_equal(get(side, &got), TUN_TOO_BIG);
				assert_int_equal(got.mtu, most);
				/* As much of it as its answer has room for. */
				assert_int_equal(got.len, TUN_ANSWER_MAX);
				assert_memory_equal(got.packet, p, got.len);
			}
			assert_int_equal(get(1 - side, &got), 0);
		}
	}
	assert_int_equal(drops(0, DROP_TUN_HALF) + drops(1, DROP_TUN_HALF), 0);
}

/* Halves are joined in any order and over loss: what comes out went in, and what is left of the others is let go of within two seconds. */
static void test_halves_over_loss(void **state)
{
	static uint8_t p[200][1280];
	unsigned next = 0, came = 0;
	struct tun_slot got;

	sessnet_up(&n);
	path_mtu(0, 1186);
	n.loss_ppm = 200000;
	for (unsigned i = 0; i < 200; i++) {
		assert_true(put(0, p[i], make(0, p[i], 1280)));
		sessnet_run(&n, 20 * NS_PER_MS);
	}
	while (get(1, &got)) {
		while (next < 200 && memcmp(p[next], got.packet, 1280) != 0)
			next++;
		assert_in_range(next, 0, 199);
		came++;
	}
	assert_in_range(came, 90, 165);
	sessnet_run(&n, 3 * NS_PER_S);
	assert_int_equal(n.side[1].sess->ip->nhalves, 0);
	assert_in_range(drops(1, DROP_TUN_HALF), 20, 110);
}

static void test_traffic_class_takes_the_mark_of_the_way(void **state)
{
	uint8_t p[100];
	struct tun_slot got;

	sessnet_up(&n);
	make(0, p, sizeof(p));
	p[0] = 0x6b;
	p[1] = (uint8_t)(0x80 | (p[1] & 0xf) | 0x20); /* traffic class 0xba: ECT(0) */
	put(0, p, sizeof(p));
	sess_poll(n.side[0].sess, n.now);
	n.side[1].inbox[0].m->hash.usr = 2; /* a router marked the label */
	sessnet_run(&n, 6 * NS_PER_MS);
	assert_int_equal(get(1, &got), TUN_PACKET);
	assert_int_equal(got.packet[1] >> 4, 0xb);
	p[1] |= 0x10;
	assert_memory_equal(got.packet, p, sizeof(p));
}

/* A router may mark one half alone: the packet is marked all the same, if it may be. */
static void test_either_half_takes_the_mark_of_the_way(void **state)
{
	uint8_t p[1280];
	struct tun_slot got;

	sessnet_up(&n);
	path_mtu(0, 1186);
	for (unsigned marked = 0; marked < 4; marked++)
		for (unsigned ecn = 0; ecn < 3; ecn++) {
			struct side *to = &n.side[1];
			bool ce = ecn != 0 && marked != 0;

			make(0, p, sizeof(p));
			p[1] = (uint8_t)((p[1] & 0xcf) | ecn << 4);
			put(0, p, sizeof(p));
			sess_poll(n.side[0].sess, n.now);
			for (unsigned i = 0; i < 2; i++)
				if (marked >> i & 1 && ecn)
					to->inbox[(to->head + i) % SESSNET_QUEUE].m->hash.usr = 2;
			sessnet_run(&n, 6 * NS_PER_MS);
			assert_int_equal(get(1, &got), TUN_PACKET);
			assert_int_equal(got.packet[1] >> 4 & 3, ce ? 3 : ecn);
		}
}

/* The first packets wait for the session that control is asked for, in order; the queue is bounded. */
static void test_held_until_there_is_a_session(void **state)
{
	uint8_t p[IP_HELD_REMOTE + 2][100];
	struct dp_event ev;

	for (unsigned i = 0; i < IP_HELD_REMOTE + 2; i++)
		put(0, p[i], make(0, p[i], 100));
	sessnet_run(&n, NS_PER_MS);
	assert_int_equal(sessnet_events(&n.side[0], EVT_WANT, &ev), 1);
	assert_true(id_eq(&ev.u.want.remote, &n.cfg[1].id));
	assert_int_equal(drops(0, DROP_TUN_HELD), 2);
	sessnet_run(&n, 2 * NS_PER_S);
	assert_int_equal(sessnet_events(&n.side[0], EVT_WANT, NULL), 3); /* asked again */
	sessnet_up(&n);
	sessnet_run(&n, 6 * NS_PER_MS);
	for (unsigned i = 0; i < IP_HELD_REMOTE; i++)
		expect_same(1, p[i], 100);
}

/* Where there is no way, or none is found in time, they go back to the TUN. */
static void test_unreachable_gives_back(void **state)
{
	struct cp_cmd c = {.type = CMD_UNREACHABLE,
	                   .u.unreachable = {.err = EHOSTUNREACH, .opening_ms = 1000}};
	struct tun_slot got;
	uint8_t p[100];

	c.u.unreachable.remote = n.cfg[1].id;
	put(0, p, make(0, p, 100));
	sessnet_run(&n, 500 * NS_PER_MS);
	sessnet_command(&n, 0, &c);
	assert_int_equal(get(0, &got), 0); /* it has not waited for so long */
	sessnet_run(&n, 600 * NS_PER_MS);
	sessnet_command(&n, 0, &c);
	assert_int_equal(get(0, &got), TUN_UNREACHABLE);
	assert_memory_equal(got.packet, p, 100);
	assert_true(id_eq(&got.id, &n.cfg[1].id));
	put(0, p, make(0, p, 100));
	sessnet_run(&n, 11 * NS_PER_S);
	assert_int_equal(get(0, &got), TUN_UNREACHABLE);
	/* Nothing is left of it: neither the remote nor a question to control. */
	sessnet_run(&n, 3 * NS_PER_S);
	assert_int_equal(remote_find(n.side[0].sess, &n.cfg[1].id), SESS_NONE);
	assert_int_equal(n.side[0].sess->nwanted, 0);
}

/* Control hears that the session is in use, on both sides, and some time after the last packet that it is not. */
static void test_use_and_its_end_are_told(void **state)
{
	struct dp_event ev;
	struct tun_slot got;
	uint8_t p[100];

	sessnet_up(&n);
	for (unsigned i = 0; i < 30; i++) {
		put(0, p, make(0, p, 100));
		sessnet_run(&n, NS_PER_S);
		assert_int_equal(get(1, &got), TUN_PACKET);
	}
	for (unsigned side = 0; side < 2; side++) {
		assert_int_equal(sessnet_events(&n.side[side], EVT_SESSION_IDLE, &ev), 1);
		assert_int_equal(ev.u.idle.idle, 0);
	}
	sessnet_run(&n, (IP_IDLE_TICKS + 2) * NS_PER_S);
	for (unsigned side = 0; side < 2; side++) {
		assert_int_equal(sessnet_events(&n.side[side], EVT_SESSION_IDLE, &ev), 2);
		assert_int_equal(ev.u.idle.idle, 1);
	}
}

static void test_full_ring_is_counted(void **state)
{
	enum { MOST = TUNRING_BYTES / 256 }; /* slots of a packet of 100 bytes */
	uint8_t p[100];
	struct tun_slot got;
	unsigned came = 0;

	sessnet_up(&n);
	make(0, p, 100);
	for (unsigned i = 0; i < MOST + 50; i++) {
		put(0, p, 100);
		sessnet_run(&n, 10 * NS_PER_US);
	}
	sessnet_run(&n, 10 * NS_PER_MS);
	assert_int_equal(drops(1, DROP_TUN_FULL), 50);
	while (get(1, &got))
		came++;
	assert_int_equal(came, MOST);
}

/* ---- runs ---- */

/* A TCP or UDP packet of side 0, or a run of them with `size` payload bytes a piece, as the TUN's thread puts it. */
static void put_run(uint8_t protocol, uint16_t port, uint32_t payload, uint16_t size)
{
	struct tunring *r = n.side[0].sess->ip->ring[0];
	const struct ip6_elided h = {.prefix = 0xfd, .next_header = protocol, .hop_limit = 64};
	struct tun_slot *slot = tunring_slot(&r->to_worker_tx, TUN_RUN_MOST);
	uint32_t head = protocol == IP6_NEXT_TCP ? 60 : 48;
	struct rng rng = rng_from_seeded(&seeded);

	slot->kind = TUN_PACKET;
	slot->id = n.cfg[1].id;
	slot->len = head + payload;
	memset(slot->packet, 0, head);
	ip6_header_put(slot->packet, &h, slot->len - 40, &n.cfg[0].id, &n.cfg[1].id);
	rng_fill(&rng, slot->packet + head, payload);
	be16_store(slot->packet + 40, port);
	be16_store(slot->packet + 42, 80);
	if (protocol == IP6_NEXT_TCP) {
		slot->packet[52] = 0x50;
		slot->packet[53] = 0x10;
	} else {
		be16_store(slot->packet + 44, (uint16_t)(8 + payload));
	}
	assert_true(gso_read(&slot->gso, protocol == IP6_NEXT_TCP ? GSO_TCP : GSO_UDP, size, 40,
	                     slot->packet, slot->len));
	tunring_commit(&r->to_worker_tx, slot);
}

/* What the kernel had given as one leaves as pieces that fit the way, and comes to the other kernel as one. */
static void test_runs_stay_together(void **state)
{
	static struct tun_slot got;

	sessnet_up(&n);
	path_mtu(0, 1246);
	for (unsigned i = 0; i < 4; i++) {
		uint8_t protocol = i & 1 ? IP6_NEXT_UDP : IP6_NEXT_TCP;
		uint64_t before = n.side[0].w.count.session_out;
		uint32_t head = i & 1 ? 48 : 60;

		/* This kernel takes runs of TCP, and in the end of UDP too. */
		atomic_store(&n.side[1].sess->ip->ring[0]->runs, i < 2 ? 1u << GSO_TCP : 6);
		put_run(protocol, (uint16_t)(1000 + i), 15 * 1200 + 7, 1200);
		/* One turn of each side. */
		sess_poll(n.side[0].sess, n.now);
		sessnet_run(&n, 6 * NS_PER_MS);
		assert_int_equal(n.side[0].w.count.session_out - before, 16);
		if (i == 1) {
			for (unsigned k = 0; k < 16; k++) {
				assert_int_equal(get(1, &got), TUN_PACKET);
				assert_int_equal(got.len, k < 15 ? 1248 : 55);
				assert_int_equal(got.gso.kind, GSO_NONE);
			}
			continue;
		}
		for (unsigned bytes = 0; bytes < 15 * 1200 + 7; bytes += got.len - head)
			assert_int_equal(get(1, &got), TUN_PACKET);
		assert_int_equal(got.gso.kind, i & 1 ? GSO_UDP : GSO_TCP);
		assert_int_equal(get(1, &got), 0);
	}
}

/* Where a piece does not fit it is split as any packet is; where it is longer than that allows, the kernel is told once. */
static void test_runs_over_narrow_ways(void **state)
{
	static struct tun_slot got;
	unsigned came = 0;

	sessnet_up(&n);
	path_mtu(0, 1186);
	put_run(IP6_NEXT_TCP, 1000, 10 * 1220, 1220);
	sessnet_run(&n, 6 * NS_PER_MS);
	while (get(1, &got)) {
		assert_int_equal(got.len, 1280);
		came++;
	}
	assert_int_equal(came, 10);
	put_run(IP6_NEXT_TCP, 1000, 10 * 1221, 1221);
	sessnet_run(&n, 6 * NS_PER_MS);
	assert_int_equal(get(1, &got), 0);
	assert_int_equal(get(0, &got), TUN_TOO_BIG);
	assert_int_equal(got.mtu, 1280);
	assert_int_equal(get(0, &got), 0);
	put_run(IP6_NEXT_TCP, 1000, 10 * 1441, 1441); /* more than any packet has */
	sessnet_run(&n, 6 * NS_PER_MS);
	assert_int_equal(drops(0, DROP_TUN_HEADER), 1);
}

/* The first pieces of a run wait for a session. */
static void test_runs_are_held(void **state)
{
	static struct tun_slot got;

	put_run(IP6_NEXT_UDP, 1000, 20 * 100, 100);
	sessnet_run(&n, NS_PER_MS);
	assert_int_equal(drops(0, DROP_TUN_HELD), 20 - IP_HELD_REMOTE);
	sessnet_up(&n);
	sessnet_run(&n, 6 * NS_PER_MS);
	for (unsigned i = 0; i < IP_HELD_REMOTE; i++) {
		assert_int_equal(get(1, &got), TUN_PACKET);
		assert_int_equal(got.len, 148);
	}
}

/* ---- what nobody asked for ---- */

/* It never comes as far as the TUN; its sender is told, at a bounded rate, and takes that as an answer to what it has sent. */
static void test_refused(void **state)
{
	static const struct dp_tun_cfg closed = {.prefix = 0xfd};
	static struct tun_slot got;
	unsigned told = 0;

	sessnet_stop(&n);
	sessnet_tun[0] = sessnet_tun[1] = &closed;
	sessnet_start(&n, 1);
	sessnet_up(&n);
	for (uint16_t i = 0; i < 3 * IP_ANSWER_RATE; i++) {
		put_run(IP6_NEXT_UDP, i, 1, 1);
		sessnet_run(&n, NS_PER_MS);
		while (get(0, &got)) {
			assert_int_equal(got.packet[6], IP6_NEXT_ICMP);
			assert_int_equal(got.packet[40], 1);
			assert_int_equal(got.packet[41], 1);
			assert_memory_equal(got.packet + 9, n.cfg[1].id.b, IP6_ID_BYTES);
			told++;
		}
	}
	sessnet_run(&n, 10 * NS_PER_MS);
	assert_int_equal(get(1, &got), 0);
	assert_int_equal(drops(1, DROP_TUN_REFUSED), 3 * IP_ANSWER_RATE);
	assert_in_range(told, IP_ANSWER_RATE, 2 * IP_ANSWER_RATE);
}

/* Of several queues an answer comes by that of its question, whatever came before. */
static void test_queues(void **state)
{
	static const struct dp_tun_cfg four = {.prefix = 0xfd, .queues = 4};
	static struct tun_slot got;

	sessnet_stop(&n);
	sessnet_tun[0] = &fd;
	sessnet_tun[1] = &four;
	sessnet_start(&n, 1);
	sessnet_up(&n);
	for (unsigned i = 0; i < 64; i++) {
		unsigned q = i * 7 / 3 % 4;
		struct tunring *r = n.side[1].sess->ip->ring[q];
		struct tun_slot *slot = tunring_slot(&r->to_worker_tx, 100);
		const struct ip6_elided h = {
		        .prefix = 0xfd, .next_header = IP6_NEXT_UDP, .hop_limit = 64};

		slot->kind = TUN_PACKET;
		slot->id = n.cfg[0].id;
		slot->gso = (struct gso){0};
		slot->len = 100;
		memset(slot->packet, 0, 100);
		ip6_header_put(slot->packet, &h, 60, &n.cfg[1].id, &n.cfg[0].id);
		be16_store(slot->packet + 40, 80);
		be16_store(slot->packet + 42, (uint16_t)i);
		tunring_commit(&r->to_worker_tx, slot);
		sessnet_run(&n, 6 * NS_PER_MS);
		assert_int_equal(get(0, &got), TUN_PACKET);
		/* And the answer. */
		put_run(IP6_NEXT_UDP, (uint16_t)i, 50, 1000);
		sessnet_run(&n, 6 * NS_PER_MS);
		ip_end_run(n.side[1].sess);
		for (unsigned k = 0; k < 4; k++) {
			struct bytering *b = &n.side[1].sess->ip->ring[k]->to_tun_rx;
			struct tun_slot *s = tunring_peek(b);

			assert_int_equal(s != NULL, k == q);
			if (s)
				tunring_done(b, s);
		}
	}
}

/* ---- a hostile other end ---- */

/* Seals inner bytes as side 0's session would, under a counter that it has not used. */
static void inject(const uint8_t *inner, uint32_t len, uint64_t counter)
{
	uint8_t f[TUNNEL_HEADER_BYTES + 2048 + 16], sealed[2048 + 16];
	const struct tunnel_header h = {.type = TUNNEL_DATA, .counter = counter};
	struct tunnel_end *e = n.side[0].sess->table[1];
	struct aead_op op;

	tunnel_header_put(f, &h, TUNNEL_HEADER_BYTES + len + TUNNEL_TAG_BYTES);
	op = (struct aead_op){.in = inner,
	                      .out = sealed,
	                      .aad = f,
	                      .counter = counter,
	                      .len = len,
	                      .aad_len = TUNNEL_HEADER_BYTES};
	seal_burst(&e->tx->aead, &op, 1);
	memcpy(f + TUNNEL_HEADER_BYTES, sealed, len + TUNNEL_TAG_BYTES);
	sessnet_inject(&n, 1, f, TUNNEL_HEADER_BYTES + len + TUNNEL_TAG_BYTES);
}

static uint32_t half(uint8_t *inner, uint8_t form, uint16_t split, uint32_t payload)
{
	const struct ip6_elided h = {
	        .form = form, .prefix = 0xfd, .next_header = 17, .hop_limit = 9, .split = split};

	inner[0] = TRANSPORT_IPV6;
	inner[1] = 0;
	memset(inner + 2 + ip6_elided_put(inner + 2, &h), form, payload);
	return 2 + (uint32_t)ip6_elided_bytes(form) + payload;
}

/* Any halves in any order hold no more than their share of memory, end within two seconds, and never make a packet that could not have been
 * split. */
static void test_hostile_halves(void **state)
{
	struct rng rng = rng_from_seeded(&seeded);
	uint8_t inner[2048];
	struct tun_slot got;
	uint64_t counter = 100;

	sessnet_up(&n);
	for (unsigned i = 0; i < 5000; i++) {
		inject(inner,
		       half(inner, (uint8_t)(1 + rng_below(&rng, 2)), (uint16_t)rng_below(&rng, 6),
		            (uint32_t)rng_below(&rng, 1200)),
		       counter++);
		assert_in_range(n.side[1].sess->ip->nhalves, 0, IP_HALF_END);
		while (get(1, &got)) {
			assert_in_range(got.len, IP6_HEADER_BYTES, IP6_MTU_LEAST);
			assert_int_equal(got.packet[6], 17);
		}
	}
	assert_true(drops(1, DROP_TUN_HALF) > 1000);
	sessnet_run(&n, 3 * NS_PER_S);
	assert_int_equal(n.side[1].sess->ip->nhalves, 0);
	/* A half goes with its session. */
	inject(inner, half(inner, IP6_FIRST, 9, 100), counter++);
	assert_int_equal(n.side[1].sess->ip->nhalves, 1);
	end_free(n.side[1].sess, n.side[1].sess->table[2], n.now);
	assert_int_equal(n.side[1].sess->ip->nhalves, 0);
}

/* A half that arrives at side 1 in this session. */
static void half_of(uint32_t session, uint8_t form, uint16_t split)
{
	struct worker_sessions *s = n.side[1].sess;
	struct rte_mbuf *m = worker_mbuf(s->w);
	uint8_t inner[200];
	uint32_t len = half(inner, form, split, 100);

	memcpy(rte_pktmbuf_append(m, (uint16_t)len), inner, len);
	ip_rx(s, s->table[session], m, 0, rte_pktmbuf_mtod(m, uint8_t *) + 2, len - 2, n.now);
	rte_pktmbuf_free(m);
}

/* Where there is no room for all halves, sessions that fill it give way, and not one that has a single half. */
static void test_halves_are_shared(void **state)
{
	enum { GREEDY = IP_HALF_MAX / IP_HALF_END + 4, FIRST = 3, HONEST = FIRST + GREEDY };
	struct tun_slot got;

	sessnet_up(&n);
	for (uint32_t i = FIRST; i <= HONEST; i++)
		sessnet_session(&n, 1, i, LABEL_NONE);
	half_of(HONEST, IP6_FIRST, 1);
	for (uint16_t split = 1; split <= 20; split++)
		for (uint32_t i = FIRST; i < HONEST; i++)
			half_of(i, IP6_FIRST, split);
	assert_int_equal(n.side[1].sess->ip->nhalves, IP_HALF_MAX);
	half_of(HONEST, IP6_SECOND, 1);
	assert_int_equal(get(1, &got), TUN_PACKET);
	assert_int_equal(get(1, &got), 0);
	/* And all of them go with their sessions. */
	for (uint32_t i = FIRST; i <= HONEST; i++)
		end_free(n.side[1].sess, n.side[1].sess->table[i], n.now);
	assert_int_equal(n.side[1].sess->ip->nhalves, 0);
}

/* A half waits for a second at most, wherever in it the worker's tick is: numbers come again. */
static void test_halves_of_two_packets_are_not_joined(void **state)
{
	uint8_t inner[2048];
	struct tun_slot got;

	sessnet_up(&n);
	for (unsigned i = 0; i < 20; i++) {
		inject(inner, half(inner, IP6_FIRST, 7, 100), 100 + 2 * i);
		sessnet_run(&n, IP_HALF_NS + (1 + i) * NS_PER_MS);
		inject(inner, half(inner, IP6_SECOND, 7, 100), 101 + 2 * i);
		assert_int_equal(get(1, &got), 0);
		sessnet_run(&n, 3 * NS_PER_S + i * 50 * NS_PER_MS);
	}
	inject(inner, half(inner, IP6_FIRST, 7, 100), 200);
	sessnet_run(&n, IP_HALF_NS - NS_PER_MS);
	inject(inner, half(inner, IP6_SECOND, 7, 100), 201);
	assert_int_equal(get(1, &got), TUN_PACKET);
}

static void test_malformed(void **state)
{
	static const uint8_t unknown[] = {132, 0, 1, 2, 3, 4, 5, 6, 7, 8},
	                     datagram[] = {17, 0, 1, 2};
	uint8_t inner[2048], p[100];
	struct tun_slot got;
	uint32_t len;

	sessnet_up(&n);
	for (len = 2; len < 8; len++) {
		half(inner, IP6_WHOLE, 0, 0);
		inject(inner, len, 100 + len);
	}
	assert_int_equal(drops(1, DROP_TUN_HEADER), 6);
	inject(inner, half(inner, IP6_WHOLE, 0, TUN_MTU_MOST - 39), 110); /* too long */
	assert_int_equal(drops(1, DROP_TUN_HEADER), 7);
	inject(unknown, sizeof(unknown), 120);
	assert_int_equal(drops(1, DROP_TRANSPORT), 1);
	inject(datagram, sizeof(datagram), 121);
	assert_int_equal(drops(1, DROP_UDP), 1);
	assert_int_equal(get(1, &got), 0);
	/* From the TUN's side: what is no IPv6 packet of this prefix. */
	make(0, p, 100);
	p[8] = 0xfc;
	put(0, p, 100);
	put(0, p, 39);
	make(0, p, 100);
	put(0, p, 99);
	sessnet_run(&n, NS_PER_MS);
	assert_int_equal(drops(0, DROP_TUN_HEADER), 3);
}

static void test_another_prefix(void **state)
{
	struct tun_slot got;
	uint8_t p[100];

	sessnet_stop(&n);
	sessnet_tun[1] = &fc;
	sessnet_start(&n, 2);
	sessnet_up(&n);
	put(0, p, make(0, p, 100));
	sessnet_run(&n, 6 * NS_PER_MS);
	assert_int_equal(get(1, &got), 0);
	assert_int_equal(drops(1, DROP_TUN_PREFIX), 1);
	/* And one that has no TUN. */
	sessnet_stop(&n);
	sessnet_tun[1] = NULL;
	sessnet_start(&n, 3);
	assert_null(n.side[1].sess->ip);
	sessnet_up(&n);
	put(0, p, make(0, p, 100));
	sessnet_run(&n, 6 * NS_PER_MS);
	assert_int_equal(drops(1, DROP_TRANSPORT), 1);
}

#define test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_what_goes_in_comes_out),
	        test(test_halves_over_loss),
	        test(test_traffic_class_takes_the_mark_of_the_way),
	        test(test_either_half_takes_the_mark_of_the_way),
	        test(test_held_until_there_is_a_session),
	        test(test_unreachable_gives_back),
	        test(test_use_and_its_end_are_told),
	        test(test_full_ring_is_counted),
	        test(test_runs_stay_together),
	        test(test_runs_over_narrow_ways),
	        test(test_runs_are_held),
	        test(test_refused),
	        test(test_queues),
	        test(test_hostile_halves),
	        test(test_halves_are_shared),
	        test(test_halves_of_two_packets_are_not_joined),
	        test(test_malformed),
	        test(test_another_prefix),
	};

	sessnet_global();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
