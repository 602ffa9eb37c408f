/* SPDX-License-Identifier: BSD-3-Clause */
/* The sealed link header and the handshake envelope: what stands in front of every frame between two neighbours. */
#pragma once
#include "base/assert.h"
#include "base/cc.h"
#include "base/cur.h"

#define LINK_HEADER_BYTES   16
#define LINK_VERSION        2
#define LINK_UDP_PORT_PLAIN 6635 /* RFC 7510 */
#define ETHERTYPE_MPLS      0x8847
#define ETHERTYPE_SEALED    0x88B5
#define LINK_MTU_SAFE       1280
#define LINK_MTU_LEAST      1200 /* labelled bytes that every link carries: the largest control packet */

enum link_msg_type {
	LINK_HS1 = 1,
	LINK_HS2 = 2,
	LINK_HS3 = 3,
	LINK_COOKIE = 4,
	LINK_DATA = 5,
	LINK_REFUSED = 6,
};

#define LINK_FLAG_IK 1 /* handshake messages: Noise_IK, else Noise_XX */

/* Of the protocol as a whole: in the prologue of handshakes, their payloads, set-ups, messages of Kademlia. What every version has alike, so that
 * the others can be told apart and told so: the header, the shape of a first message with its macs, and refusals. */
#define PROTOCOL_VERSION LINK_VERSION

/* {type << 4 | version, flags, be16 length of what follows, be32 receiver index, be64 counter}: all associated data.
 * Handshakes: receiver index = the addressee's handshake index (in the first: the sender's network number), counter = the sender's. */
struct link_header {
	uint8_t type;    /* enum link_msg_type */
	uint8_t version; /* link_header_put() writes LINK_VERSION */
	uint8_t flags;
	uint16_t length;
	uint32_t receiver;
	uint64_t counter;
};

/* Writes the LINK_HEADER_BYTES at p. h->type is one of enum link_msg_type; h->length counts the bytes that follow the header. */
static inline void link_header_put(uint8_t *p, const struct link_header *h)
{
	COYO_ASSERT(h->type >= LINK_HS1 && h->type <= LINK_REFUSED);
	p[0] = (uint8_t)(h->type << 4 | LINK_VERSION);
	p[1] = h->flags;
	be16_store(p + 2, h->length);
	be32_store(p + 4, h->receiver);
	be64_store(p + 8, h->counter);
}

/* False: too short, a type not known, another version than this one's in what is neither a first message nor a refusal, or length runs past the
 * frame (a longer frame is padding). */
static inline bool link_header_get(const uint8_t *p, size_t len, struct link_header *h)
{
	if (len < LINK_HEADER_BYTES)
		return false;
	h->type = p[0] >> 4;
	h->version = p[0] & 0xf;
	h->flags = p[1];
	h->length = be16_load(p + 2);
	h->receiver = be32_load(p + 4);
	h->counter = be64_load(p + 8);
	return (h->version == LINK_VERSION || h->type == LINK_HS1 || h->type == LINK_REFUSED) &&
	       h->type >= LINK_HS1 && h->type <= LINK_REFUSED &&
	       h->length <= len - LINK_HEADER_BYTES;
}

/* Why a handshake is not answered, or comes to nothing. */
enum link_refusal {
	REFUSED_NETWORK = 1,      /* value: the network number of whoever refuses */
	REFUSED_NOT_ACCEPTED = 2, /* only others are */
	REFUSED_FULL = 3,
	REFUSED_BUSY = 4,   /* another neighbour is up on this link */
	REFUSED_USE_XX = 5, /* the key is not known, or the message is stale: begin anew, by XX */
	REFUSED_YOURSELF = 6,
	REFUSED_VERSION = 7, /* value: the version of whoever refuses */
	LINK_REFUSALS
};

#define LINK_REFUSED_BYTES 24 /* reason, 3 zeros, value, mac */
#define LINK_REFUSED_MAC   8  /* bytes of them that stand before the mac */

struct link_refused {
	uint8_t reason; /* enum link_refusal, or one that a later version knows */
	uint32_t value;
};

/* Writes the LINK_REFUSED_MAC bytes at p, behind which the mac (cookie_refusal_mac()) follows. */
static inline void link_refused_put(uint8_t *p, const struct link_refused *r)
{
	COYO_ASSERT(r->reason != 0);
	be32_store(p, (uint32_t)r->reason << 24);
	be32_store(p + 4, r->value);
}

/* False: too short, or no reason. The bytes that must be zero may be anything. */
static inline bool link_refused_get(const uint8_t *p, size_t len, struct link_refused *r)
{
	if (len < LINK_REFUSED_BYTES)
		return false;
	r->reason = p[0];
	r->value = be32_load(p + 4);
	return r->reason != 0;
}
