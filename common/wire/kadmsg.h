/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's questions and answers, routed echo and routed error. */
#pragma once
#include "wire/link.h"
#include "wire/record.h"

#define KAD_VERSION      PROTOCOL_VERSION
#define KAD_CONTACTS_MAX 16
#define KAD_HAVE_MAX     128 /* bytes of the filter in EXQ */
#define KAD_HAVE_UNIT    8
#define KAD_NONCE_BYTES  16
#define KAD_TOKEN_BYTES  20
#define KAD_MAC_BYTES    16
#define KAD_FLAGS_AT     2 /* where the flags stand */

enum kad_op {
	KAD_EXQ = 1, /* exchange: here are contacts near you, give me yours near me */
	KAD_EXR = 2,
	KAD_UPDATE = 3, /* my new record; no answer */
	KAD_FIND = 4,   /* contacts closest to target */
	KAD_FOUND = 5,
	KAD_RETRY = 6, /* instead of an answer: ask again and bring this token */
};

/* A token follows the nonce. In an answer it is for the asker to bring along in later questions, in a question it is the one that the node
 * asked gave. RETRY always has one. */
#define KAD_FLAG_TOKEN 1
/* The last KAD_MAC_BYTES are a MAC of all before them under the key of the two nodes (crypto/pair.h). EXR and FOUND always have one. */
#define KAD_FLAG_MAC 2
/* EXR, FOUND: contacts are missing because the question brought no token that is good for its sender's place. */
#define KAD_FLAG_MORE 4
/* EXR, FOUND: the asker may become a contact; it has to bring the token at once, in a message with a MAC. */
#define KAD_FLAG_PROVE 8

/* {u8 version, u8 op, u8 flags, u8 count, nonce 16, token 20 (where flags say so), target 64 (FIND), (EXQ) {be64 full, u8 filter's units of
 * 8 bytes, filter}, sender's record (not in RETRY), count x contact info, mac 16 (where flags say so)}. */
struct kad_msg {
	uint8_t op;    /* enum kad_op */
	uint8_t flags; /* KAD_FLAG_*; others are passed over */
	uint8_t count;
	uint8_t nonce[KAD_NONCE_BYTES]; /* drawn at random by the asker; the answer repeats it */
	uint8_t token[KAD_TOKEN_BYTES];
	uint64_t full; /* EXQ: bit b: the asker's bucket of ids that share b bits with it is full */
	uint8_t have_len; /* bytes of have, a multiple of KAD_HAVE_UNIT */
	struct node_id target;
	struct record self;
	const uint8_t *self_body; /* reading: the signed bytes of self */
	size_t self_body_len;
	const uint8_t *body; /* reading: what the MAC covers */
	size_t body_len;
	uint8_t mac[KAD_MAC_BYTES];
	uint8_t have[KAD_HAVE_MAX]; /* EXQ: Bloom filter of what the asker has heard of already */
	struct contact_info c[KAD_CONTACTS_MAX];
};

/* What a routed error says instead of the nonce: its first four bytes. */
static inline uint32_t kad_ref(const uint8_t nonce[KAD_NONCE_BYTES])
{
	return be32_load(nonce);
}

/* Writes as many of m->count contacts as fit, and returns how many did, which the message's own count says too. */
unsigned kad_write(struct wr *w, const struct kad_msg *m);
bool kad_read(struct rd *r, struct kad_msg *m) COYO_NODISCARD;

/* Empties the filter and sizes it for this many records. m->nonce must be set before: it salts the filter. */
void kad_have_begin(struct kad_msg *m, unsigned records);
void kad_have_add(struct kad_msg *m, const struct node_id *id, uint64_t seq);
/* Whether the asker has heard of this record. For a few records in a hundred the answer is true by mistake; which these are differs from
 * question to question. */
bool kad_have(const struct kad_msg *m, const struct node_id *id, uint64_t seq);

/* Routed error {u8 code, u8 next header of what failed, be16 0, be32 first bytes of the Kademlia nonce or low half of the nonce, id 64 it was about}. */
enum routed_error { ROUTED_DEAD_END = 1, ROUTED_HOP_LIMIT_OUT = 2 };
struct error_msg {
	uint8_t code;
	uint8_t next;
	uint32_t ref;
	struct node_id about;
};
void error_write(struct wr *w, const struct error_msg *m);
bool error_read(struct rd *r, struct error_msg *m) COYO_NODISCARD;
