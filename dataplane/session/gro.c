/* SPDX-License-Identifier: BSD-3-Clause */
/* Runs put together. */
#include "session/gro.h"
#include "base/be.h"
#include "tcp/csum.h"

#include <linux/virtio_net.h>

#define UDP_BYTES 8
#define UDP_CSUM  6
#define TCP_BYTES 20
#define TCP_CSUM  16
#define TCP_ACK   0x10
#define TCP_PSH   0x08
#define SIZE_LEAST \
	256 /* of TCP: a run of thousands of pieces is no service to whoever cuts it again */
#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4 of Linux 6.2 */

_Static_assert(sizeof(struct virtio_net_hdr) == TUN_VNET_BYTES, "as the interface has it");

/* Bytes of headers behind the IPv6 header of a packet that may be in a run; 0: it may not. Only headers that every piece has alike, and of which the
 * kernel makes the same again, are let in. */
static uint32_t head_of(uint8_t next_header, const uint8_t *l4, uint32_t n)
{
	uint32_t doff;

	if (next_header == IP6_NEXT_UDP)
		return n > UDP_BYTES && be16_load(l4 + 4) == n && be16_load(l4 + UDP_CSUM)
		               ? UDP_BYTES
		               : 0;
	if (next_header != IP6_NEXT_TCP || n < TCP_BYTES)
		return 0;
	doff = (l4[12] >> 4) * 4u;
	return doff >= TCP_BYTES && doff < n && !(l4[12] & 0x0f) &&
	                       (l4[13] & ~TCP_PSH) == TCP_ACK && be16_load(l4 + 18) == 0
	               ? doff
	               : 0;
}

void gro_begin(struct gro *g, struct tun_slot *slot, const struct ip6_elided *h, uint32_t kinds)
{
	const uint8_t *l4 = slot->packet + IP6_HEADER_BYTES;
	uint32_t n = slot->len - IP6_HEADER_BYTES, head;
	bool tcp = h->next_header == IP6_NEXT_TCP;

	*g = (struct gro){.slot = slot, .pieces = 1, .h = *h};
	if (!(kinds >> (tcp ? GSO_TCP : GSO_UDP) & 1))
		return;
	head = head_of(h->next_header, l4, n);
	if (head == 0 || (tcp && ((l4[13] & TCP_PSH) || n - head < SIZE_LEAST)))
		return;
	g->head = (uint16_t)head;
	g->size = (uint16_t)(n - head);
	g->next = be32_load(l4 + 4) + g->size;
}

static bool same_header(const struct ip6_elided *a, const struct ip6_elided *b)
{
	return a->next_header == b->next_header && a->flow_label == b->flow_label &&
	       a->traffic_class == b->traffic_class && a->hop_limit == b->hop_limit;
}

/* Everything alike but sequence number, flag PSH, and checksum. */
static bool same_tcp(const uint8_t *a, const uint8_t *b, uint32_t head)
{
	return memcmp(a, b, 4) == 0 && memcmp(a + 8, b + 8, 5) == 0 &&
	       memcmp(a + 14, b + 14, 2) == 0 && memcmp(a + 20, b + 20, head - 20) == 0;
}

/* Whether a checksum holds: `sum` is that of transport header and payload. */
static bool holds(const struct gro *g, uint32_t bytes, uint32_t sum)
{
	return tcp_csum_fold(sum + gso_pseudo(g->slot->packet, g->h.next_header, bytes)) == 0xffff;
}

bool gro_add(struct gro *g, const struct ip6_elided *h, const uint8_t *payload, uint32_t n)
{
	bool tcp = h->next_header == IP6_NEXT_TCP;
	uint8_t *first;
	uint32_t more;

	if (g->size == 0 || !same_header(&g->h, h) || n <= g->head ||
	    head_of(h->next_header, payload, n) != g->head)
		return false;
	first = g->slot->packet + IP6_HEADER_BYTES;
	more = n - g->head;
	if (more > g->size || g->slot->len + more > GRO_MOST ||
	    (tcp ? be32_load(payload + 4) != g->next || !same_tcp(first, payload, g->head)
	         : memcmp(first, payload, 4) != 0 || g->pieces == GRO_UDP_MOST))
		return false;
	/* The kernel takes a run's checksums as looked at: the first is when a second comes. One that is wrong the kernel drops by itself. */
	if (g->pieces == 1 &&
	    !holds(g, g->head + g->size, tcp_csum_sum(first, g->head + g->size))) {
		g->size = 0;
		return false;
	}
	/* What is copied in vain stands behind the packet's end. */
	if (!holds(g, n,
	           (uint32_t)tcp_csum_sum(payload, g->head) +
	                   tcp_csum_copy(g->slot->packet + g->slot->len, payload + g->head, more)))
		return false;
	g->slot->len += more;
	g->pieces++;
	g->next += more;
	if (tcp && (payload[13] & TCP_PSH))
		first[13] |= TCP_PSH;
	if (more < g->size || (tcp && (payload[13] & TCP_PSH))) {
		/* The last of a run may be shorter, and pushes. */
		g->slot->gso.size = g->size;
		g->size = 0;
	}
	return true;
}

/* What virtio_net_hdr_to_skb() of Linux looks at, and nothing that it refuses. */
static void run_headers(struct gro *g)
{
	struct tun_slot *slot = g->slot;
	uint8_t *l4 = slot->packet + IP6_HEADER_BYTES;
	uint32_t n = slot->len - IP6_HEADER_BYTES;
	bool tcp = g->h.next_header == IP6_NEXT_TCP;
	uint16_t size = g->size ? g->size : slot->gso.size;
	struct virtio_net_hdr v = {.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	                           .gso_type = tcp ? VIRTIO_NET_HDR_GSO_TCPV6 : GSO_UDP_L4,
	                           .hdr_len = (uint16_t)(IP6_HEADER_BYTES + g->head),
	                           .gso_size = size,
	                           .csum_start = IP6_HEADER_BYTES,
	                           .csum_offset = tcp ? TCP_CSUM : UDP_CSUM};

	slot->gso = (struct gso){.kind = tcp ? GSO_TCP : GSO_UDP,
	                         .size = size,
	                         .l4 = IP6_HEADER_BYTES,
	                         .head = v.hdr_len};
	be16_store(slot->packet + 4, (uint16_t)n);
	if (!tcp)
		be16_store(l4 + 4, (uint16_t)n);
	be16_store(l4 + v.csum_offset, gso_pseudo(slot->packet, g->h.next_header, n));
	memcpy(slot->vnet, &v, sizeof(v));
}

struct tun_slot *gro_end(struct gro *g)
{
	struct tun_slot *slot = g->slot;

	if (!slot)
		return NULL;
	if (g->pieces > 1)
		run_headers(g);
	else
		gro_single(slot);
	g->slot = NULL;
	return slot;
}
