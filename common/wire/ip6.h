/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 in a session: the view of ids as addresses, and packets without the addresses, which follow from the session's two ids. */
#pragma once
#include "base/assert.h"
#include "base/cc.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define IP6_ADDR_BYTES   16
#define IP6_ID_BYTES     15 /* of an id in an address: all but the prefix byte */
#define IP6_HEADER_BYTES 40
#define IP6_MTU_LEAST    1280 /* RFC 8200, section 5: what every way of IPv6 carries */
#define IP6_NEXT_TCP     6
#define IP6_NEXT_UDP     17
#define IP6_NEXT_ICMP    58

/* {form 2 | 0 2 | prefix 8 | flow label 20, next header 8, hop limit 8} in front of the payload; halves have a be16 more, the split's number.
 * The traffic class is the byte in front of it (tunnel.h), the payload length follows from the packet's. */
#define IP6_ELIDED_BYTES 6
#define IP6_HALF_BYTES   8
enum ip6_form {
	IP6_WHOLE = 0,
	IP6_FIRST = 1,  /* the front of the payload of a packet that was split in two */
	IP6_SECOND = 2, /* its rest; all other fields are those of the first half */
};

struct ip6_elided {
	uint8_t form;   /* enum ip6_form */
	uint8_t prefix; /* first byte of both addresses */
	uint8_t traffic_class, next_header, hop_limit;
	uint32_t flow_label;
	uint16_t split; /* halves: equal in both, else 0 */
};

/* The address of an id: the prefix byte, then the leading 120 bits of the id. */
static inline void ip6_of_id(const struct node_id *id, uint8_t prefix, uint8_t out[IP6_ADDR_BYTES])
{
	out[0] = prefix;
	memcpy(out + 1, id->b, IP6_ID_BYTES);
}

/* Whether addr[1..15] are the leading 120 bits of id; the prefix byte is not looked at. */
static inline bool ip6_is_id(const uint8_t addr[IP6_ADDR_BYTES], const struct node_id *id)
{
	return memcmp(addr + 1, id->b, IP6_ID_BYTES) == 0;
}

/* The least id that has this address: its leading 120 bits, then zeros. */
static inline struct node_id ip6_least_id(const uint8_t addr[IP6_ADDR_BYTES])
{
	struct node_id id = {0};

	memcpy(id.b, addr + 1, IP6_ID_BYTES);
	return id;
}

/* Bytes in front of the payload by form. */
static inline size_t ip6_elided_bytes(uint8_t form)
{
	return form == IP6_WHOLE ? IP6_ELIDED_BYTES : IP6_HALF_BYTES;
}

/* Writes ip6_elided_bytes() at p, and returns them; the traffic class is the caller's to write. */
size_t ip6_elided_put(uint8_t *p, const struct ip6_elided *h);
/* Reads what ip6_elided_put() wrote; len may be longer. *h: the traffic class is 0. Returns bytes in front of the payload; 0: cut short, or a
 * form or bits that are not known. */
size_t ip6_elided_get(const uint8_t *p, size_t len, struct ip6_elided *h);

/* Reads the header of an IPv6 packet as a whole one to be elided; prefix is that of its source. False: shorter than a header, another
 * version, or a payload length that is not len - 40. */
bool ip6_header_get(const uint8_t *p, size_t len, struct ip6_elided *h) COYO_NODISCARD;
/* Writes the 40 bytes of the header in front of a payload (at most 65 535 bytes) from one id to another. */
void ip6_header_put(uint8_t *p, const struct ip6_elided *h, size_t payload,
                    const struct node_id *from, const struct node_id *to);
