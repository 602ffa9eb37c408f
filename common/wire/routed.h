/* SPDX-License-Identifier: BSD-3-Clause */
/* The routed datagram: label stack, associated channel header, the 136-byte header with two ids, and the route extension. */
#pragma once
#include "wire/record.h"
#include "wire/id.h"
#include "wire/lse.h"

#define ACH_BYTES           4
#define ACH_ROUTED          0x7FF8
#define ACH_LINKLOCAL       0x7FF9
#define ROUTED_HEADER_BYTES 136
#define ROUTED_NEXT_AT      6 /* where the next header stands */
#define ROUTED_HOP_LIMIT    255
#define CONTROL_PACKET_MAX  1200 /* label stack included */

enum routed_next {
	NEXT_SETUP = 1,
	NEXT_REPLY = 2,
	NEXT_TEAR = 3,
	NEXT_REFRESH = 4,
	NEXT_KAD = 5,
	NEXT_ECHO = 6,
	NEXT_ERROR = 7,
	NEXT_ROUTE = 43,
};

/* {0xC << 28 | traffic class << 20 | flow label, be16 payload length, u8 next header, u8 hop limit, source 64, destination 64}. */
struct routed_header {
	uint16_t length; /* after the header */
	uint8_t next;
	uint8_t hop_limit;
	struct node_id src;
	struct node_id dst;
};

/* Appends the ROUTED_HEADER_BYTES, with the traffic class of control packets and flow label 0. wr_ok() tells whether they fitted. */
void routed_header_write(struct wr *w, const struct routed_header *h);
/* False unless the version nibble is right and length fits what is left (what follows is padding, and r is cut
 * short before it). */
bool routed_header_read(struct rd *r, struct routed_header *h) COYO_NODISCARD;

/* Route extension, the first extension of every routed datagram but those that follow set-up state:
 * {u8 next header, u8 length in 4-byte units without these first 4, u8 mode, u8 flags, be16 committed distance, u8 tree, u8 0,
 *  be64 root, committed id 64 (where flags say so), coords, zero padding to 4}. */
enum route_mode {
	ROUTE_GREEDY =
	        0, /* towards ever closer ids; coords, if any, are those of the committed contact */
	ROUTE_COORDS = 1, /* to the destination by its coords */
};
#define ROUTE_FLAG_FELL_BACK 1 /* the coords led nowhere, and the datagram has changed to greedy */
#define ROUTE_FLAG_COMMITTED 2 /* the committed id is valid */
#define ROUTE_FLAG_WAYPOINT  4 /* coords are valid */

struct route_ext {
	uint8_t next;
	uint8_t mode;  /* enum route_mode */
	uint8_t flags; /* ROUTE_FLAG_* */
	uint8_t tree;
	uint16_t distance; /* tree distance to the waypoint when last committed; strictly falls */
	uint64_t root;     /* of coords */
	struct node_id committed;
	struct coords coords;
};

/* Appends the extension, padded to a multiple of 4 bytes. e->committed is written only where ROUTE_FLAG_COMMITTED says that it is
 * valid. wr_ok() tells whether all fitted. */
void route_ext_write(struct wr *w, const struct route_ext *e);
/* Reads the extension and leaves r behind it. e->committed is all zero where the message carries none. False: cut short, a mode not
 * known, another route extension behind this one, a tree out of range, or more padding than 3 bytes; *e is then undefined. */
bool route_ext_read(struct rd *r, struct route_ext *e) COYO_NODISCARD;

/* {0x10, 0, be16 channel}: RFC 5586. */
void ach_write(struct wr *w, uint16_t channel);
/* The channel type, or -1. */
int ach_read(struct rd *r);

/* Top of a control packet: reads the stack down to the GAL. *tunnel_label = LABEL_NONE when the stack is [13], the label under
 * router alert when it is [1][label][13]. False for any other shape. TTL: of the tunnel label, else of the GAL. */
bool control_stack_read(struct rd *r, uint32_t *tunnel_label, uint8_t *ttl) COYO_NODISCARD;
/* Writes [13], or [1][label][13] unless label is UINT32_MAX. */
void control_stack_write(struct wr *w, uint32_t tunnel_label, uint8_t ttl);
