/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside a tunnel: the control word with its counter, and OAM bodies. */
#pragma once
#include "base/assert.h"
#include "base/cc.h"
#include "base/cur.h"
#include "wire/id.h"

/* {0000 | type 2 | phase 2 | fragment 2 = 0 | length 6, be16 0, be64 counter} then ciphertext and tag. length: bytes from the control word on
 * when the whole is shorter than 64, else 0 (RFC 4385: cuts padding of short frames). */
#define TUNNEL_HEADER_BYTES 12
#define TUNNEL_TAG_BYTES    16
enum tunnel_type {
	TUNNEL_DATA =
	        0, /* sealed: {u8 next header, u8 traffic class, transport segment or ip6.h} */
	TUNNEL_HANDSHAKE = 1, /* clear; counter = message number */
	TUNNEL_OAM = 2,       /* sealed OAM body */
	TUNNEL_OAM_CLEAR = 3, /* OAM body of a transit or of a tunnel without a session */
};
#define TUNNEL_INNER_BYTES \
	2 /* next header and traffic class (of TCP: ECN alone) in front of the segment */
#define TRANSPORT_TCP  6
#define TRANSPORT_UDP  17 /* udp.h */
#define TRANSPORT_IPV6 41 /* a packet without its addresses, or half of one: ip6.h */

struct tunnel_header {
	uint8_t type;  /* enum tunnel_type */
	uint8_t phase; /* 0..3 */
	uint64_t counter;
};

/* total: bytes from the control word to the end of the packet, tag included. */
static inline void tunnel_header_put(uint8_t *p, const struct tunnel_header *h, size_t total)
{
	COYO_ASSERT(h->type <= TUNNEL_OAM_CLEAR && h->phase <= 3 && total >= TUNNEL_HEADER_BYTES);
	be32_store(p, (uint32_t)h->type << 26 | (uint32_t)h->phase << 24 |
	                      (total < 64 ? (uint32_t)total << 16 : 0));
	be64_store(p + 4, h->counter);
}

/* *total: len without padding. False: too short, first nibble not 0, reserved bits set, or a length that does not fit. */
static inline bool tunnel_header_get(const uint8_t *p, size_t len, struct tunnel_header *h,
                                     size_t *total)
{
	uint32_t w;
	size_t n;

	if (len < TUNNEL_HEADER_BYTES)
		return false;
	w = be32_load(p);
	n = w >> 16 & 0x3f;
	h->type = w >> 26 & 3;
	h->phase = w >> 24 & 3;
	h->counter = be64_load(p + 4);
	*total = n ? n : len;
	return w >> 28 == 0 && (w >> 22 & 3) == 0 && (w & 0xffff) == 0 && *total <= len &&
	       *total >= TUNNEL_HEADER_BYTES && (n || len >= 64);
}

/* OAM {u8 type, u8 flags, be16 sequence, be32 id, be64 sender's time (opaque to the other side), rest by type}. */
enum oam_type {
	OAM_ECHO_REQUEST = 1,
	OAM_ECHO_REPLY = 2,
	OAM_KEEPALIVE = 3, /* also: the third handshake message has arrived */
	OAM_TTL_EXCEEDED =
	        4, /* transit: {.., node id 64, be32 label it came with, be32 label it would have left with} */
	OAM_TRACE_PROBE = 5,
	OAM_TRACE_REPLY = 6, /* the far end: like TTL exceeded, with its own id */
	OAM_MTU = 7,
	OAM_PATH_GONE = 8,
	OAM_PATH_COMMIT =
	        9, /* id: low half of the tunnel's nonce; the sender uses that tunnel from now on; flags 1: seen */
	/* A datagram has found nobody at its port. id: its source port << 16 | its destination port. */
	OAM_PORT_UNREACHABLE = 10,
};
#define OAM_FLAG_ANSWER 1 /* keepalive: to be answered by a keepalive without this flag */
#define OAM_FLAG_SEEN   1 /* path commit: the receiver's own path commit has arrived */
#define OAM_BYTES       16
struct oam {
	uint8_t type;
	uint8_t flags;
	uint16_t sequence;
	uint32_t id;
	uint64_t time;
	bool has_node; /* types 4 and 6 */
	struct node_id node;
	uint32_t in_label, out_label;
};

/* Appends an OAM body of OAM_BYTES; node and both labels follow in the two types that name a node. wr_ok() tells whether it fitted. */
void oam_write(struct wr *w, const struct oam *m);
/* Reads an OAM body that takes up all of r. Where the type names no node, has_node is false and both labels are UINT32_MAX. False: cut
 * short, bytes left over, or a type not known; *m is then undefined. */
bool oam_read(struct rd *r, struct oam *m) COYO_NODISCARD;
