/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the thread of one queue of the TUN interface and one worker: a ring of packets each way. Neither side waits for the other: what finds its
 * ring full is dropped and counted by the side that had it. */
#pragma once
#include "ipc/bytering.h"
#include "session/bridge.h"
#include "session/gso.h"
#include "wire/ip6.h"

#define TUNRING_BYTES  (UINT32_C(1) << 22) /* each way, a power of two */
#define TUN_MTU_MOST   1500  /* largest packet that is sent or was received as one, bytes */
#define TUN_RUN_MOST   65575 /* largest run of pieces of one flow: 65 535 and an IPv6 header */
#define TUN_VNET_BYTES 10    /* struct virtio_net_hdr of linux/virtio_net.h */
#define TUN_QUEUES_MAX 16

enum tun_slot_kind {
	TUN_PACKET = 1, /* to the worker: an IPv6 packet to id; from it: one from id */
	TUN_TOO_BIG, /* from the worker: the start of a packet to id that the path does not carry, and mtu, which it does */
	TUN_UNREACHABLE, /* from the worker: the start of a packet to id to which there is no way */
	TUN_RESOLVE,     /* to the worker: which id begins like this one (ip6_least_id()) */
	TUN_RESOLVED, /* from the worker: whether one does (found), and which; the id asked for is where a packet would be */
	TUN_PAD, /* what is left of the ring before its end; of the slot there is no more than this */
};

/* Lengths in bytes. As much of it is in the ring as packet needs. */
struct tun_slot {
	uint8_t kind; /* enum tun_slot_kind */
	bool found;
	uint16_t mtu;
	uint32_t len;   /* of packet */
	struct gso gso; /* TUN_PACKET */
	struct node_id id;
	uint32_t asker; /* TUN_RESOLVE: for control, ipc/want.h */
	uint8_t pad[2];
	/* In front of a packet, for the interface to read and write the two at once; the TUN's threads alone look at it. */
	uint8_t vnet[TUN_VNET_BYTES];
	uint8_t packet[TUN_RUN_MOST + 1]; /* with its IPv6 header */
};
#define TUN_SLOT_HEAD offsetof(struct tun_slot, packet)
_Static_assert(TUN_SLOT_HEAD % 16 == 0 &&
                       offsetof(struct tun_slot, vnet) + TUN_VNET_BYTES == TUN_SLOT_HEAD,
               "the interface's header and the packet are one piece");

/* The interface's header and the packet behind it, in one piece. */
static inline uint8_t *tun_slot_raw(struct tun_slot *slot)
{
	return (uint8_t *)slot + offsetof(struct tun_slot, vnet);
}

/* One for each worker and queue. Both threads use it; each ring's ends say whose they are. */
struct tunring {
	struct bridge *bridge; /* by which the worker is woken */
	struct bytering_shared to_worker_shared, to_tun_shared;
	/* Set by the TUN's thread before it sleeps, taken back by whoever comes first; it and its eventfd are given before the first packet. */
	_Atomic uint32_t *tun_asleep;
	int tun_fd;
	_Atomic uint32_t
	        runs; /* bits of 1 << enum gso_kind: what the kernel takes as one; set by the TUN's thread */
	uint8_t *memory;
	struct bytering to_worker_tx /* TUN's */ COYO_ALIGNED(COYO_CACHELINE);
	struct bytering to_tun_rx /* TUN's */;
	struct bytering to_worker_rx /* worker's */ COYO_ALIGNED(COYO_CACHELINE);
	struct bytering to_tun_tx /* worker's */;
	bool to_tun_new; /* something was put since the TUN's thread was last woken: the worker's */
};

/* Empty rings towards the worker that b wakes; b outlives them. NULL: no memory. */
struct tunring *tunring_new(struct bridge *b);
/* Neither thread uses it any more. NULL is allowed. */
void tunring_free(struct tunring *r);

/* Bytes in the ring of a slot with a packet of len bytes. */
static inline uint32_t tunring_bytes(uint32_t len)
{
	return ((uint32_t)TUN_SLOT_HEAD + len + COYO_CACHELINE - 1) & ~(COYO_CACHELINE - 1u);
}

/* A free slot of the ring with room for a packet of `most` bytes (fill it, then commit), or NULL: full. */
struct tun_slot *tunring_slot(struct bytering *r, uint32_t most);

/* The slot that tunring_slot() gave is complete. */
static inline void tunring_commit(struct bytering *r, const struct tun_slot *slot)
{
	bytering_commit(r, tunring_bytes(slot->len));
}

/* The oldest slot in place (tunring_done() after use), or NULL. */
struct tun_slot *tunring_peek(struct bytering *r);

/* The slot that tunring_peek() returned is the writer's again. */
static inline void tunring_done(struct bytering *r, const struct tun_slot *slot)
{
	bytering_consume(r, tunring_bytes(slot->len));
}
