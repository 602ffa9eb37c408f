/* SPDX-License-Identifier: BSD-3-Clause */
/* The header of virtio in front of packets of the TUN. */
#include "app/tun_vnet.h"
#include "base/be.h"
#include "tcp/csum.h"

#include <linux/virtio_net.h>

#define GSO_UDP_L4 5 /* VIRTIO_NET_HDR_GSO_UDP_L4 of Linux 6.2 */

/* The field has the sum of the pseudo-header, as whoever computes the rest wants it. */
static bool complete(struct tun_slot *slot, uint32_t start, uint32_t offset)
{
	uint16_t sum;

	if (start < IP6_HEADER_BYTES || start + offset + 2 > slot->len)
		return false;
	sum = (uint16_t)~tcp_csum_sum(slot->packet + start, slot->len - start);
	/* Of UDP 0 says that there is none, and 0xffff is the same sum. */
	be16_store(slot->packet + start + offset, sum ? sum : 0xffff);
	return true;
}

bool tun_vnet_read(struct tun_slot *slot)
{
	struct virtio_net_hdr v;

	memcpy(&v, slot->vnet, sizeof(v));
	slot->gso = (struct gso){0};
	switch (v.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return !(v.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) ||
		       complete(slot, v.csum_start, v.csum_offset);
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return gso_read(&slot->gso, GSO_TCP, v.gso_size, v.csum_start, slot->packet,
		                slot->len);
	case GSO_UDP_L4:
		return gso_read(&slot->gso, GSO_UDP, v.gso_size, v.csum_start, slot->packet,
		                slot->len);
	default:
		return false;
	}
}
