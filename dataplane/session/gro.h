/* SPDX-License-Identifier: BSD-3-Clause */
/* In-order packets of one flow put together as one, as the kernel's receive offload does it: what follows is added where it stands, in the ring. What
 * comes of it can be cut into the very packets that went in. Pure. */
#pragma once
#include "session/tunring.h"

#define GRO_MOST     65535 /* bytes of a run with its IPv6 header */
#define GRO_UDP_MOST 64    /* datagrams in a run: what the kernel cuts again */

/* What may still grow; all zero: nothing. */
struct gro {
	/* With a whole packet, or a run of them, not yet committed; NULL: nothing. */
	struct tun_slot *slot;
	struct ip6_elided h; /* of the packets */
	uint32_t next;       /* TCP: the sequence number that follows */
	uint16_t size;       /* payload bytes of the first packet; 0: nothing can follow */
	uint16_t pieces, head;
};

/* A slot of the ring that has a whole packet with these fields in its header. kinds: bits of 1 << enum gso_kind that may become runs. Where they may
 * not, and the slot has less room than a run needs, kinds is 0. */
void gro_begin(struct gro *g, struct tun_slot *slot, const struct ip6_elided *h, uint32_t kinds);
/* Adds a packet of the same two nodes: h, and n bytes behind its header. False: it does not follow, or its checksum is wrong, and nothing has
 * changed. */
bool gro_add(struct gro *g, const struct ip6_elided *h, const uint8_t *payload, uint32_t n);
/* Completes the slot's headers, of packet and interface, and forgets it. NULL: there is none. */
struct tun_slot *gro_end(struct gro *g);
/* The interface's header in front of a packet that is no run. */
static inline void gro_single(struct tun_slot *slot)
{
	memset(slot->vnet, 0, sizeof(slot->vnet));
	slot->gso = (struct gso){0};
}
