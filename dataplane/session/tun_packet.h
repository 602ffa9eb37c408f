/* SPDX-License-Identifier: BSD-3-Clause */
/* What the TUN needs to know of an IPv6 packet: its protocol and ports, and the ICMPv6 messages that answer it. Pure. */
#pragma once
#include "wire/ip6.h"

#define ICMP6_UNREACHABLE 1
#define ICMP6_TOO_BIG     2
#define ICMP6_ERRORS      127 /* types up to this are errors, RFC 4443 */
#define ICMP6_ECHO        128
#define ICMP6_ECHO_REPLY  129

#define ICMP6_PROHIBITED 1 /* codes of ICMP6_UNREACHABLE */
#define ICMP6_ADDRESS    3

enum tun_packet_kind {
	TUN_MALFORMED = 0, /* no IPv6 packet, or its headers are cut short or too many */
	TUN_FLOW,          /* of a flow */
	TUN_ERROR, /* an ICMPv6 error: the fields are those of the packet in it, which its receiver has sent */
	TUN_FRAGMENT,   /* a fragment without the first bytes: no ports */
	TUN_OTHER_ICMP, /* router and neighbour discovery and the like, which have no place here */
};

struct tun_packet {
	uint8_t kind;     /* enum tun_packet_kind */
	uint8_t protocol; /* the next header behind extension headers */
	uint16_t from,
	        to;    /* ports; of an echo from is its identifier, to 0; 0 of other protocols */
	uint8_t icmp;  /* type, of ICMPv6 */
	bool fragment; /* one of several, of which `id` is the number */
	uint32_t id;
	const uint8_t *source, *dest; /* in the packet, of an error in that within */
};

/* Looks at the n bytes of a packet. Nothing is written, nothing beyond n is read. */
void tun_packet_read(const uint8_t *p, size_t n, struct tun_packet *out);

#define TUN_ANSWER_MAX IP6_MTU_LEAST
/* Makes the ICMPv6 error (RFC 4443: as much of the packet as fits 1 280 bytes) that answers packet p of n bytes, from `source` to where p came
 * from. value: the MTU of ICMP6_TOO_BIG, else 0. Returns its length, 0: that packet is not to be answered, being an error itself, or no packet. */
size_t tun_answer(uint8_t out[TUN_ANSWER_MAX], uint8_t type, uint8_t code, uint32_t value,
                  const uint8_t source[IP6_ADDR_BYTES], const uint8_t *p, size_t n);
