/* SPDX-License-Identifier: BSD-3-Clause */
/* Who may send to this node's TUN: answers to what went out, and what the configuration allows. Pure. */
#pragma once
#include "session/tun_packet.h"
#include "base/time.h"
#include "dataplane.h"

#include <stdbool.h>
#include <stdint.h>

/* How long an answer may come after the last packet of its flow, either way (RFC 5382, RFC 4787, RFC 5508). */
#define TUN_FLOW_TCP_NS   (7440 * NS_PER_S)
#define TUN_FLOW_UDP_NS   (300 * NS_PER_S)
#define TUN_FLOW_OTHER_NS (60 * NS_PER_S)

#define TUN_FLOW_SETS  2048 /* a power of two */
#define TUN_FLOW_WAYS  8
#define TUN_FRAGS      64
#define TUN_FRAGS_EACH 8 /* of one sender */
#define TUN_FRAG_NS    (60 * NS_PER_S)

struct tun_flow {
	uint8_t remote[IP6_ADDR_BYTES]; /* the prefix byte is the protocol */
	uint16_t local_port, remote_port;
	uint8_t queue; /* of the interface, on which it goes out */
	int64_t until; /* of the clock; 0: free */
};

/* A packet in fragments whose first one was let in. */
struct tun_frag {
	uint8_t remote[IP6_ADDR_BYTES];
	uint32_t id;
	uint8_t queue;
	int64_t until;
};

struct tun_flows {
	uint64_t key[2]; /* secret, so that nobody fills one set on purpose */
	const struct dp_tun_allow *allow;
	unsigned nallow, queues;
	struct tun_flow set[TUN_FLOW_SETS][TUN_FLOW_WAYS];
	struct tun_frag frag[TUN_FRAGS];
};

/* An empty table for an interface with so many queues. allow stays the caller's; seed is secret and random. */
void tun_flows_init(struct tun_flows *f, const struct dp_tun_allow *allow, unsigned nallow,
                    unsigned queues, const uint8_t seed[16]);
/* A packet has gone out by this queue: its answers may come. Where a set is full, the flow that would end first gives way. Answers that are allowed anyway take no
 * room. */
void tun_flows_out(struct tun_flows *f, const struct tun_packet *p, unsigned queue,
                   struct instant now);
/* Whether a packet from id, which its source is, may come in; if so, *queue is the one for it: that by which its flow goes out, or one that is the
 * same for all packets of the flow. */
bool tun_flows_in(struct tun_flows *f, const struct tun_packet *p, const struct node_id *id,
                  struct instant now, unsigned *queue);
