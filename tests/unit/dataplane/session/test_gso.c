/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs of segments, cut and put together, beside a twin that goes byte by byte; and any packets of a hostile node, of which only runs come that a
 * kernel takes. */
#include "session/gro.h"
#include "base/be.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <linux/virtio_net.h>

#define TCP_KINDS (1u << GSO_TCP)
#define ALL_KINDS (1u << GSO_TCP | 1u << GSO_UDP)

static struct rng_seeded seeded;
static struct rng rng;
static struct tun_slot slot;

static int setup(void **state)
{
	rng_seeded_init(&seeded, 11);
	rng = rng_from_seeded(&seeded);
	return 0;
}

/* ---- the twin: everything byte by byte ---- */

static uint16_t twin_sum(const uint8_t *packet, size_t l4, size_t len, uint8_t protocol)
{
	uint32_t sum = protocol;

	for (size_t i = 0; i < 32; i++)
		sum += (uint32_t)packet[8 + i] << (i & 1 ? 0 : 8);
	sum += (uint32_t)(len - l4);
	for (size_t i = l4; i < len; i++)
		sum += (uint32_t)packet[i] << ((i - l4) & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Packet i of a run with payload from `head` on, or 0: there are no more. */
static size_t twin_piece(const uint8_t *run, size_t len, size_t l4, size_t head, size_t size,
                         bool tcp, unsigned i, uint8_t *out)
{
	size_t from = head + i * size, to = from + size < len ? from + size : len, n = 0;
	uint32_t seq = 0;
	uint16_t sum;

	if (from >= len)
		return 0;
	for (size_t k = 0; k < head; k++)
		out[n++] = run[k];
	for (size_t k = from; k < to; k++)
		out[n++] = run[k];
	put16(out + 4, (uint32_t)(n - 40));
	if (tcp) {
		for (unsigned k = 0; k < 4; k++)
			seq = seq << 8 | run[l4 + 4 + k];
		seq += (uint32_t)(i * size);
		put16(out + l4 + 4, seq >> 16);
		put16(out + l4 + 6, seq & 0xffff);
		if (to < len)
			out[l4 + 13] &= 0xf6;
		if (i)
			out[l4 + 13] &= 0x7f;
	} else {
		put16(out + l4 + 4, (uint32_t)(n - l4));
	}
	put16(out + l4 + (tcp ? 16 : 6), 0);
	sum = (uint16_t)~twin_sum(out, l4, n, tcp ? 6 : 17);
	put16(out + l4 + (tcp ? 16 : 6), sum || tcp ? sum : 0xffff);
	return n;
}

/* ---- packets ---- */

/* A packet of random contents with that many payload bytes, its checksum left out. Returns where the payload begins. */
static size_t make(uint8_t *p, bool tcp, size_t extensions, size_t payload)
{
	size_t l4 = 40 + extensions, doff = tcp ? 20 + 4 * rng_below(&rng, 11) : 8;

	rng_fill(&rng, p, l4 + doff + payload);
	p[0] = 0x60 | (p[0] & 0xf);
	be16_store(p + 4, (uint16_t)(l4 - 40 + doff + payload));
	p[6] = extensions ? 60 : tcp ? 6 : 17;
	if (tcp)
		p[l4 + 12] = (uint8_t)(doff / 4 << 4);
	return l4 + doff;
}

static void test_cut_as_the_twin_does(void **state)
{
	static uint8_t run[TUN_RUN_MOST], ours[1600], twins[1600];

	for (unsigned i = 0; i < 3000; i++) {
		bool tcp = rng_below(&rng, 2);
		size_t size = 1 + rng_below(&rng, 1400), most = size * 44,
		       l4 = 40 + 8 * rng_below(&rng, 3);
		size_t payload = 1 + rng_below(&rng, (uint32_t)(most > 60000 ? 60000 : most));
		size_t head = make(run, tcp, l4 - 40, payload), len = head + payload, n;
		unsigned k = 0;
		struct gso g;

		assert_true(gso_read(&g, tcp ? GSO_TCP : GSO_UDP, (uint16_t)size, (uint16_t)l4, run,
		                     len));
		assert_int_equal(g.head, head);
		while ((n = twin_piece(run, len, l4, head, size, tcp, k, twins))) {
			memset(ours, 0xee, sizeof(ours));
			assert_int_equal(gso_packet(&g, run, len, k, ours), n);
			assert_memory_equal(ours, twins, n);
			assert_int_equal(ours[n], 0xee);
			assert_int_equal(gso_piece_bytes(&g, len, k), n - 40);
			k++;
		}
		assert_int_equal(gso_pieces(&g, len), k);
	}
}

static void test_what_is_no_run_is_refused(void **state)
{
	uint8_t p[200] = {0x60};
	struct gso g;

	p[52] = 0x50;
	assert_true(gso_read(&g, GSO_TCP, 1, 40, p, 61));
	assert_false(gso_read(&g, GSO_TCP, 1, 40, p, 60)); /* no payload */
	assert_false(gso_read(&g, GSO_TCP, 0, 40, p, 61));
	assert_false(gso_read(&g, GSO_TCP, 1, 39, p, 61));
	assert_false(gso_read(&g, GSO_NONE, 1, 40, p, 61));
	p[52] = 0x60;
	assert_false(gso_read(&g, GSO_TCP, 1, 40, p, 64)); /* options are cut short */
	p[52] = 0x40;
	assert_false(gso_read(&g, GSO_TCP, 1, 40, p, 100));
	assert_true(gso_read(&g, GSO_UDP, 1, 40, p, 49));
	assert_false(gso_read(&g, GSO_UDP, 1, 40, p, 48));
}

/* ---- put together ---- */

static struct ip6_elided header(const uint8_t *p, size_t n)
{
	struct ip6_elided h;

	assert_true(ip6_header_get(p, n, &h));
	return h;
}

static void begin(struct gro *g, const uint8_t *p, size_t n, uint32_t kinds)
{
	struct ip6_elided h = header(p, n);

	memset(&slot, 0xaa, TUN_SLOT_HEAD);
	slot.len = (uint32_t)n;
	memcpy(slot.packet, p, n);
	gro_begin(g, &slot, &h, kinds);
}

static bool add(struct gro *g, const uint8_t *p, size_t n)
{
	struct ip6_elided h = header(p, n);

	return gro_add(g, &h, p + 40, (uint32_t)n - 40);
}

/* What virtio_net_hdr_to_skb() and its callers ask of a header in front of this packet. */
static void kernel_takes(const struct tun_slot *s)
{
	struct virtio_net_hdr v;
	bool tcp;

	memcpy(&v, s->vnet, sizeof(v));
	assert_in_range(s->len, 40, GRO_MOST);
	if (v.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
		assert_true(v.flags == 0 && v.gso_size == 0 && v.csum_start == 0 && v.hdr_len == 0);
		assert_int_equal(s->gso.kind, GSO_NONE);
		return;
	}
	tcp = v.gso_type == VIRTIO_NET_HDR_GSO_TCPV6;
	assert_true(tcp || v.gso_type == 5);
	assert_int_equal(v.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(s->packet[6], tcp ? 6 : 17);
	assert_int_equal(be16_load(s->packet + 4), s->len - 40);
	assert_true(v.csum_start == 40 && v.csum_offset == (tcp ? 16 : 6));
	assert_int_equal(v.hdr_len, 40 + (tcp ? (s->packet[52] >> 4) * 4 : 8));
	assert_in_range(v.gso_size, tcp ? 256 : 1, TUN_MTU_MOST);
	assert_true(v.hdr_len + v.gso_size < s->len); /* more than one */
	if (!tcp)
		assert_int_equal(be16_load(s->packet + 44), s->len - 40);
	/* The field has what is left of the sum when the rest is taken from it. */
	assert_int_equal(be16_load(s->packet + 40 + v.csum_offset),
	                 gso_pseudo(s->packet, s->packet[6], s->len - 40));
}

/* Any run that the twin cuts comes together as one again, and its pieces are what went in. */
static void test_together_as_they_were(void **state)
{
	static uint8_t run[TUN_RUN_MOST], piece[50][1600], again[1600];

	for (unsigned i = 0; i < 2000; i++) {
		bool tcp = rng_below(&rng, 2);
		size_t size = 256 + rng_below(&rng, 1100),
		       payload = 1 + rng_below(&rng, (uint32_t)(size * 44));
		size_t head, len, n[50];
		unsigned pieces = 0;
		struct gro g;

		payload = payload < size + 1 ? size + 1 : payload;
		head = make(run, tcp, 0, payload);
		len = head + payload;
		if (tcp) {
			run[53] = 0x10 | (i & 8); /* ACK, of some PSH */
			run[58] = run[59] = 0;
		}
		while ((n[pieces] =
		                twin_piece(run, len, 40, head, size, tcp, pieces, piece[pieces])))
			pieces++;
		begin(&g, piece[0], n[0], ALL_KINDS);
		for (unsigned k = 1; k < pieces; k++)
			assert_true(add(&g, piece[k], n[k]));
		assert_ptr_equal(gro_end(&g), &slot);
		assert_null(gro_end(&g));
		kernel_takes(&slot);
		assert_int_equal(slot.len, len);
		assert_memory_equal(slot.packet + head, run + head, payload);
		assert_int_equal(gso_pieces(&slot.gso, slot.len), pieces);
		for (unsigned k = 0; k < pieces; k++) {
			assert_int_equal(gso_packet(&slot.gso, slot.packet, slot.len, k, again),
			                 n[k]);
			assert_memory_equal(again, piece[k], n[k]);
		}
	}
}

/* A segment of `payload` bytes that is right. */
static size_t segment(uint8_t *p, uint32_t seq, size_t payload, uint8_t flags)
{
	memset(p, 7, 60 + payload);
	p[0] = 0x60;
	be16_store(p + 4, (uint16_t)(20 + payload));
	p[6] = 6;
	be32_store(p + 44, seq);
	p[52] = 0x50;
	p[53] = flags;
	be16_store(p + 58, 0);
	be16_store(p + 56, 0);
	be16_store(p + 56, (uint16_t)~twin_sum(p, 40, 60 + payload, 6));
	return 60 + payload;
}

/* A datagram likewise. */
static size_t datagram(uint8_t *p, size_t payload)
{
	memset(p, 9, 48 + payload);
	p[0] = 0x60;
	be16_store(p + 4, (uint16_t)(8 + payload));
	p[6] = 17;
	be16_store(p + 44, (uint16_t)(8 + payload));
	be16_store(p + 46, 0);
	be16_store(p + 46, (uint16_t)~twin_sum(p, 40, 48 + payload, 17));
	return 48 + payload;
}

/* Whether `b`, changed at one byte and summed anew, follows `a`. */
static bool follows(size_t at, uint8_t with, bool sum)
{
	uint8_t a[1600], b[1600];
	size_t na = segment(a, 1000, 500, 0x10), nb = segment(b, 1500, 500, 0x10);
	struct gro g;

	begin(&g, a, na, ALL_KINDS);
	b[at] = with;
	if (sum) {
		be16_store(b + 56, 0);
		be16_store(b + 56, (uint16_t)~twin_sum(b, 40, nb, 6));
	}
	return add(&g, b, nb);
}

static void test_only_what_follows_is_added(void **state)
{
	assert_true(follows(100, 1, true));
	assert_false(follows(100, 1, false)); /* a checksum that is wrong */
	assert_false(follows(1, 1, true));    /* traffic class or flow label */
	assert_false(follows(3, 1, true));
	assert_false(follows(7, 1, true));  /* hop limit */
	assert_false(follows(41, 1, true)); /* ports */
	assert_false(follows(43, 1, true));
	assert_false(follows(47, 1, true));    /* sequence number */
	assert_false(follows(51, 1, true));    /* acknowledged */
	assert_false(follows(52, 0x51, true)); /* a reserved bit */
	assert_false(follows(52, 0x60, true)); /* options */
	for (unsigned f = 0; f < 256; f++)
		assert_int_equal(follows(53, (uint8_t)f, true), f == 0x10 || f == 0x18);
	assert_false(follows(55, 1, true)); /* window */
	assert_false(follows(59, 1, true)); /* urgent */
}

/* Longer than the first: no. Shorter, or pushed: yes, as the last. Too short altogether, or of a kind that the kernel does not take: never. */
static void test_ends_of_runs(void **state)
{
	uint8_t p[1600];
	struct gro g;

	begin(&g, p, segment(p, 0, 500, 0x10), ALL_KINDS);
	assert_false(add(&g, p, segment(p, 500, 501, 0x10)));
	assert_true(add(&g, p, segment(p, 500, 499, 0x10)));
	assert_false(add(&g, p, segment(p, 999, 499, 0x10)));
	kernel_takes(gro_end(&g));
	begin(&g, p, segment(p, 0, 500, 0x10), ALL_KINDS);
	assert_true(add(&g, p, segment(p, 500, 500, 0x18)));
	assert_false(add(&g, p, segment(p, 1000, 500, 0x10)));
	assert_int_equal(gro_end(&g)->packet[53], 0x18);
	begin(&g, p, segment(p, 0, 500, 0x18), ALL_KINDS);
	assert_false(add(&g, p, segment(p, 500, 500, 0x10)));
	begin(&g, p, segment(p, 0, 255, 0x10), ALL_KINDS);
	assert_false(add(&g, p, segment(p, 255, 255, 0x10)));
	begin(&g, p, segment(p, 0, 500, 0x10), 1u << GSO_UDP);
	assert_false(add(&g, p, segment(p, 500, 500, 0x10)));
	begin(&g, p, datagram(p, 100), TCP_KINDS);
	assert_false(add(&g, p, datagram(p, 100)));
	/* No more than a run may have. */
	begin(&g, p, datagram(p, 10), ALL_KINDS);
	for (unsigned i = 1; i < GRO_UDP_MOST; i++)
		assert_true(add(&g, p, datagram(p, 10)));
	assert_false(add(&g, p, datagram(p, 10)));
	kernel_takes(gro_end(&g));
	begin(&g, p, segment(p, 0, 1400, 0x10), ALL_KINDS);
	for (uint32_t seq = 1400; add(&g, p, segment(p, seq, 1400, 0x10)); seq += 1400)
		;
	assert_in_range(gro_end(&g)->len, GRO_MOST - 1400, GRO_MOST);
	kernel_takes(&slot);
	/* The first one's checksum is looked at, too. */
	segment(p, 0, 500, 0x10);
	p[70] ^= 1;
	begin(&g, p, 560, ALL_KINDS);
	assert_false(add(&g, p, segment(p, 500, 500, 0x10)));
	assert_false(add(&g, p, segment(p, 500, 500, 0x10)));
	kernel_takes(gro_end(&g));
	/* A datagram without checksum, or whose length is another's. */
	begin(&g, p, datagram(p, 100), ALL_KINDS);
	datagram(p, 100);
	be16_store(p + 46, 0);
	assert_false(add(&g, p, 148));
	datagram(p, 100);
	be16_store(p + 44, 107);
	be16_store(p + 46, 0);
	be16_store(p + 46, (uint16_t)~twin_sum(p, 40, 148, 17));
	assert_false(add(&g, p, 148));
}

/* What a hostile node may send: packets that nearly follow, changed anywhere, of any length, with sums that hold or do not. */
static void test_any_packets(void **state)
{
	static uint8_t p[2][1600], out[1600];
	unsigned runs = 0;
	struct gro g = {0};

	for (unsigned i = 0; i < 400000; i++) {
		bool tcp = rng_below(&rng, 4) != 0;
		size_t n, payload = rng_below(&rng, 8) ? 300 : rng_below(&rng, 1440);

		n = tcp ? segment(p[0], g.slot ? g.next : 1, payload, 0x10)
		        : datagram(p[0], payload);
		for (unsigned k = rng_below(&rng, 8) ? 0 : 1 + rng_below(&rng, 3); k; k--)
			p[0][rng_below(&rng, (uint32_t)(rng_below(&rng, 2) ? n : 64))] ^=
			        (uint8_t)(1u << rng_below(&rng, 8));
		if (rng_below(&rng, 16) == 0)
			n = 40 + rng_below(&rng, (uint32_t)n - 39);
		/* What ip_rx() gives has a header that it has made. */
		p[0][0] = 0x60 | (p[0][0] & 0xf);
		be16_store(p[0] + 4, (uint16_t)(n - 40));
		if (rng_below(&rng, 2) && n >= 60) {
			size_t at = p[0][6] == 6 ? 56 : 46;

			be16_store(p[0] + at, 0);
			be16_store(p[0] + at, (uint16_t)~twin_sum(p[0], 40, n, p[0][6]));
		}
		if (g.slot && add(&g, p[0], n))
			continue;
		if (gro_end(&g)) {
			kernel_takes(&slot);
			if (slot.gso.kind != GSO_NONE) {
				unsigned pieces = gso_pieces(&slot.gso, slot.len);

				runs++;
				for (unsigned k = 0; k < pieces; k++)
					assert_in_range(gso_packet(&slot.gso, slot.packet, slot.len,
					                           k, out),
					                41, TUN_MTU_MOST);
			}
		}
		begin(&g, p[0], n, ALL_KINDS);
	}
	assert_true(runs > 1000);
}

#define test(x) cmocka_unit_test_setup(x, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
	        test(test_cut_as_the_twin_does),  test(test_what_is_no_run_is_refused),
	        test(test_together_as_they_were), test(test_only_what_follows_is_added),
	        test(test_ends_of_runs),          test(test_any_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
