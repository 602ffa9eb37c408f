/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 packets of a hostile node on their way to the TUN: read, let in or answered, put together as runs that a kernel takes, and cut again into
 * the packets that came. Of each packet the input chooses fields near the truth: a run's next segment, with this and that changed. */
#include "tests/fuzz/harness.h"

#include "base/be.h"
#include "session/gro.h"
#include "session/tun_flow.h"
#include "session/tun_packet.h"

#include <linux/virtio_net.h>
#include <stdlib.h>

#define PACKETS 64

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

static struct tun_flows flows;
static struct tun_slot *slot; /* of its own size, so that a byte too many is seen */
static uint8_t in[PACKETS][TUN_MTU_MOST];
static uint32_t len[PACKETS];
static unsigned n; /* packets in the slot */

/* The checksum as RFC 1071 has it, a word at a time. */
static uint16_t sum_of(const uint8_t *p, uint32_t bytes)
{
	uint32_t sum = p[6] + bytes - IP6_HEADER_BYTES;

	for (uint32_t i = 8; i < bytes; i++)
		sum += (uint32_t)p[i] << (i & 1 ? 0 : 8);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* What Linux asks of struct virtio_net_hdr and of the packet behind it (virtio_net_hdr_to_skb, tcp6_gso_segment, udp6_ufo_fragment). */
static void kernel_takes(void)
{
	bool tcp = slot->packet[6] == IP6_NEXT_TCP;
	struct virtio_net_hdr v;

	memcpy(&v, slot->vnet, sizeof(v));
	if (n == 1) {
		require(v.flags == 0 && v.gso_type == VIRTIO_NET_HDR_GSO_NONE && v.gso_size == 0);
		require(slot->len == len[0] && memcmp(slot->packet, in[0], len[0]) == 0);
		return;
	}
	require(slot->len <= GRO_MOST && be16_load(slot->packet + 4) == slot->len - 40);
	require(v.flags == VIRTIO_NET_HDR_F_NEEDS_CSUM && v.csum_start == 40);
	require(v.gso_type == (tcp ? VIRTIO_NET_HDR_GSO_TCPV6 : 5));
	require(v.csum_offset == (tcp ? 16 : 6));
	require(v.hdr_len == 40 + (tcp ? (slot->packet[52] >> 4) * 4 : 8) && v.gso_size > 0);
	require(v.hdr_len + v.gso_size < slot->len);
	require(tcp || be16_load(slot->packet + 44) == slot->len - 40);
	require(n == gso_pieces(&slot->gso, slot->len));
	for (unsigned i = 0; i < n; i++) {
		uint8_t out[TUN_MTU_MOST];

		require(gso_packet(&slot->gso, slot->packet, slot->len, i, out) == len[i]);
		/* A sum of 0 may also be 0xffff. */
		if (be16_load(in[i] + 40 + v.csum_offset) == 0xffff ||
		    be16_load(out + 40 + v.csum_offset) == 0xffff)
			memcpy(out + 40 + v.csum_offset, in[i] + 40 + v.csum_offset, 2);
		require(memcmp(out, in[i], len[i]) == 0);
	}
}

static void end(struct gro *g)
{
	if (gro_end(g))
		kernel_takes();
	n = 0;
}

static void packet(struct gro *g, const uint8_t *p, uint32_t bytes)
{
	struct node_id from = {{1}};
	uint8_t answer[TUN_ANSWER_MAX], *copy = malloc(bytes);
	struct ip6_elided h;
	struct tun_packet k;
	unsigned queue = 0;
	size_t said;

	memcpy(copy, p, bytes);
	require(ip6_header_get(copy, bytes, &h));
	tun_packet_read(copy, bytes, &k);
	if (k.kind != TUN_MALFORMED && tun_flows_in(&flows, &k, &from, (struct instant){1}, &queue))
		require(queue < 4);
	said = tun_answer(answer, ICMP6_UNREACHABLE, ICMP6_PROHIBITED, 0, copy + 24, copy, bytes);
	require(said <= sizeof(answer) && (said == 0 || k.kind != TUN_MALFORMED));
	if (said) { /* which nobody answers */
		require(tun_answer(answer, ICMP6_UNREACHABLE, 0, 0, answer + 8, answer, said) == 0);
	}
	if (n > 0 && n < PACKETS && gro_add(g, &h, copy + 40, bytes - 40)) {
		memcpy(in[n], p, bytes);
		len[n++] = bytes;
	} else {
		end(g);
		memcpy(in[0], p, bytes);
		len[0] = bytes;
		n = 1;
		slot->len = bytes;
		memcpy(slot->packet, p, bytes);
		gro_begin(g, slot, &h, 1u << GSO_TCP | 1u << GSO_UDP);
	}
	free(copy);
}

/* Four bytes a packet, and those that it takes over: {what, bytes of it, where to change, how}. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct dp_tun_allow some = {
	        .protocol = 6, .first = 80, .last = 90, .any = true};
	static const uint8_t seed[16];
	struct gro g = {0};
	uint32_t seq = 1;

	slot = malloc(sizeof(*slot));
	if (!flows.allow)
		tun_flows_init(&flows, &some, 1, 4, seed);
	memset(flows.frag, 0, sizeof(flows.frag)); /* all that what comes in changes here */
	n = 0;
	for (; size >= 4; data += 4, size -= 4) {
		uint8_t what = data[0], p[TUN_MTU_MOST] = {0x60};
		bool tcp = what & 1;
		uint32_t head = tcp ? 60 : 48,
		         bytes = head + (what & 2 ? 300 : 5 * (uint32_t)data[1]);

		p[6] = tcp ? 6 : 17;
		p[43] = 80;
		if (tcp) {
			be32_store(p + 44, seq);
			p[52] = 0x50;
			p[53] = 0x10;
		} else {
			be16_store(p + 44, (uint16_t)(bytes - 40));
		}
		for (uint32_t i = head; i < bytes; i++)
			p[i] = (uint8_t)(i * 7 + seq);
		if (what & 4) {
			uint32_t at = what & 8 ? 40 + data[2] % 20u : data[2] * 6u % bytes;

			p[at] ^= data[3];
		}
		if (what & 0x40) { /* any bytes behind the header */
			bytes = 40 + (data[1] < size - 4 ? data[1] : (uint32_t)size - 4);
			memcpy(p + 40, data + 4, bytes - 40);
			p[6] = data[2];
			data += bytes - 40;
			size -= bytes - 40;
		}
		/* What comes from a session has a header that was made for it, with the two nodes' addresses. */
		memset(p + 8, 0x11, 32);
		p[0] = 0x60 | (p[0] & 0xf);
		be16_store(p + 4, (uint16_t)(bytes - 40));
		if (!(what & 0x80) && bytes >= head) {
			be16_store(p + (tcp ? 56 : 46), 0);
			be16_store(p + (tcp ? 56 : 46), sum_of(p, bytes));
		}
		packet(&g, p, bytes);
		if (!(what & 0x10))
			seq += bytes - head;
	}
	end(&g);
	free(slot);
	return 0;
}
