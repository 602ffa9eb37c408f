/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker knows about a packet beside its bytes. It stands in the private area of the mbuf. */
#pragma once
#include "core/dpdk.h"

#include <stdbool.h>
#include <stdint.h>

/* Where a packet comes from, or what is to happen to one that crosses to another worker. */
enum packet_kind {
	PACKET_RECEIVED = 0, /* taken from a port or a socket by this worker */
	PACKET_FRAME,        /* sealed frame from its link header; the other worker owns the key */
	PACKET_SESSION,      /* from the tunnel control word; the other worker owns the session */
	PACKET_TX,           /* complete link frame to be transmitted on `link` */
	PACKET_TX_RAW,       /* the same to the address given here, where there is one */
};

struct packet {
	uint16_t link;    /* in-link of what was received, out-link of what leaves */
	uint8_t kind;     /* enum packet_kind */
	uint32_t label;   /* in-label */
	uint32_t session; /* where the label names one */
	uint8_t tc;       /* of the in-label */
	uint8_t family;   /* 4, 6: addr and port are valid; 0: mac is, or nothing */
	uint16_t port;    /* host order */
	uint8_t mac[6];
	uint8_t addr[16];
	uint8_t local
	        [16]; /* own address and interface it came to, or is to leave from; zero: not known, or any */
	uint32_t local_if;
};

#define PACKET_BYTES 64
_Static_assert(sizeof(struct packet) <= PACKET_BYTES, "private area");

/* The packet's struct in its mbuf. What it holds is undefined until whoever received or made the packet has written it. */
static inline struct packet *packet_of(struct rte_mbuf *m)
{
	return (struct packet *)rte_mbuf_to_priv(m);
}
