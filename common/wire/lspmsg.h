/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up and reply: the two messages that make a tunnel. */
#pragma once
#include "wire/coords.h"
#include "wire/id.h"
#include "wire/link.h"

#define SETUP_VERSION    PROTOCOL_VERSION
#define SETUP_RECORD_MAX 255
#define SETUP_NOTVIA_MAX 8

#define SETUP_FLAG_FINGER   1 /* a contact's own path: no session, empty envelope */
#define SETUP_FLAG_OVERFLOW 2 /* the record left hops out */
#define SETUP_FLAG_REPAIR   4 /* carries an existing session: empty envelope */
#define SETUP_FLAG_IK       8 /* the envelope is Noise_IK's first message, else Noise_XX's */

/* {u8 version, u8 flags, be16 path mtu, be64 nonce, u8 hops, u8 notvia count, u8 record count, u8 0, be32 reverse label,
 *  be16 envelope length, be16 0, notvia x {be32 from, be32 to}, record x be32 tag, envelope}. A tag is the first 4 bytes of a node's id. */
struct setup_msg {
	uint8_t flags;
	uint16_t mtu;   /* smallest link MTU so far */
	uint64_t nonce; /* with the source id names the set-up; drawn at random */
	uint8_t hops;   /* links crossed so far */
	uint8_t nnotvia;
	uint8_t nrecord;
	/* The sender's in-label for the way back, on the link it is sent over. */
	uint32_t reverse_label;
	uint32_t notvia[SETUP_NOTVIA_MAX][2];
	uint32_t record[SETUP_RECORD_MAX]; /* nodes passed, the source first */
	const uint8_t *envelope;
	uint16_t envelope_len;
};

/* {u8 version, u8 flags, be16 path mtu, be64 nonce, u8 first packet's hops, u8 hops so far on the way back, be16 envelope length,
 *  be32 forward label, envelope}. */
struct reply_msg {
	uint8_t flags;
	uint16_t mtu;
	uint64_t nonce;
	uint8_t hops_first;
	uint8_t hops;
	/* The sender's in-label for the way forth, on the link it is sent over. */
	uint32_t forward_label;
	const uint8_t *envelope;
	uint16_t envelope_len;
};

/* The first 4 bytes of an id, as records and "not via" pairs name nodes. Tags may collide: two ids with the same tag are not the same node. */
static inline uint32_t id_tag(const struct node_id *id)
{
	return (uint32_t)id->b[0] << 24 | (uint32_t)id->b[1] << 16 | (uint32_t)id->b[2] << 8 |
	       id->b[3];
}

/* Appends a set-up. nnotvia is at most SETUP_NOTVIA_MAX, envelope has envelope_len bytes (NULL when 0). wr_ok() tells whether it fitted. */
void setup_write(struct wr *w, const struct setup_msg *m);
/* Reads a set-up that takes up all of r. m->envelope points into the reader's buffer and is valid as long as that is. False: cut short,
 * bytes left over, another version, too many pairs, or a label that no neighbour may grant; *m is then undefined. */
bool setup_read(struct rd *r, struct setup_msg *m) COYO_NODISCARD;
/* Appends a reply; envelope has envelope_len bytes (NULL when 0). wr_ok() tells whether it fitted. */
void reply_write(struct wr *w, const struct reply_msg *m);
/* Reads a reply that takes up all of r. m->envelope points into the reader's buffer and is valid as long as that is. False: cut short,
 * bytes left over, another version, or a label that no neighbour may grant; *m is then undefined. */
bool reply_read(struct rd *r, struct reply_msg *m) COYO_NODISCARD;
