/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the thread of the TUN interface and one worker: a ring of packet slots each way. Neither side waits for the other: what finds its
 * ring full is dropped and counted by the side that had it. */
#pragma once
#include "ipc/bytering.h"
#include "session/bridge.h"
#include "wire/ip6.h"

#define TUNRING_SLOTS 1024 /* each way, a power of two */
#define TUN_MTU_MOST  1500 /* largest packet in a slot, bytes */

enum tun_slot_kind {
	TUN_PACKET = 1, /* to the worker: an IPv6 packet to id; from it: one from id */
	TUN_TOO_BIG, /* from the worker: a packet to id that the path does not carry, and mtu, which it does */
	TUN_UNREACHABLE, /* from the worker: a packet to id to which there is no way */
	TUN_RESOLVE,     /* to the worker: which id begins like this one (ip6_least_id()) */
	TUN_RESOLVED, /* from the worker: len 1: id does, 0: none; the id asked for is where a packet would be */
};

struct tun_slot {
	uint8_t kind; /* enum tun_slot_kind */
	uint8_t pad;
	uint16_t len;
	uint16_t mtu;
	uint16_t pad2;
	struct node_id id;
	uint8_t packet[2048 - 72]; /* with its IPv6 header */
};
_Static_assert(sizeof(struct tun_slot) == 2048, "a power of two, so that slots never wrap");
_Static_assert(sizeof(((struct tun_slot *)0)->packet) >= TUN_MTU_MOST, "a packet fits a slot");

/* One for each worker. Both threads use it; each ring's ends say whose they are. */
struct tunring {
	struct bridge *bridge; /* by which the worker is woken */
	struct bytering_shared to_worker_shared, to_tun_shared;
	/* Set by the TUN's thread before it sleeps, taken back by whoever comes first; it and its eventfd are given before the first packet. */
	_Atomic uint32_t *tun_asleep;
	int tun_fd;
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

/* A free slot of the ring (fill it, then commit), or NULL: full. */
static inline struct tun_slot *tunring_slot(struct bytering *r)
{
	void *piece;

	return bytering_reserve(r, &piece) >= sizeof(struct tun_slot) ? piece : NULL;
}

/* The slot that tunring_slot() gave is complete. */
static inline void tunring_commit(struct bytering *r)
{
	bytering_commit(r, sizeof(struct tun_slot));
}

/* The oldest slot in place (tunring_done() after use), or NULL. */
static inline const struct tun_slot *tunring_peek(struct bytering *r)
{
	const void *piece;

	return bytering_peek(r, &piece) >= sizeof(struct tun_slot) ? piece : NULL;
}

/* The slot that tunring_peek() returned is the writer's again. */
static inline void tunring_done(struct bytering *r)
{
	bytering_consume(r, sizeof(struct tun_slot));
}
