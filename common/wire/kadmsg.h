/* SPDX-License-Identifier: BSD-3-Clause */
/* Kademlia's questions and answers, routed echo and routed error. */
#pragma once
#include "wire/record.h"

#define KAD_VERSION      1
#define KAD_CONTACTS_MAX 16
#define KAD_HAVE_MAX     128 /* bytes of the filter in EXQ */
#define KAD_HAVE_UNIT    8

enum kad_op {
	KAD_EXQ = 1, /* exchange: here are contacts near you, give me yours near me */
	KAD_EXR = 2,
	KAD_UPDATE = 3, /* my new record; no answer */
	KAD_FIND = 4,   /* contacts closest to target */
	KAD_FOUND = 5,
};

/* {u8 version, u8 op, u8 flags, u8 count, be32 rpc, target 64 (FIND and FOUND), (EXQ) {be64 full, u8 filter's units of 8 bytes, filter},
 * sender's record, count x contact info}. */
struct kad_msg {
	uint8_t op; /* enum kad_op */
	uint8_t flags;
	uint8_t count;
	uint32_t rpc;  /* drawn at random by the asker; the answer repeats it */
	uint64_t full; /* EXQ: bit b: the asker's bucket of ids that share b bits with it is full */
	uint8_t have_len; /* bytes of have, a multiple of KAD_HAVE_UNIT */
	struct node_id target;
	struct record self;
	const uint8_t *self_body; /* reading: the signed bytes of self */
	size_t self_body_len;
	uint8_t have[KAD_HAVE_MAX]; /* EXQ: Bloom filter of what the asker has heard of already */
	struct contact_info c[KAD_CONTACTS_MAX];
};

/* Writes as many of m->count contacts as fit; the message's own count says how many did. */
void kad_write(struct wr *w, const struct kad_msg *m);
bool kad_read(struct rd *r, struct kad_msg *m) COYO_NODISCARD;

/* Empties the filter and sizes it for this many records. m->rpc must be set before: it salts the filter. */
void kad_have_begin(struct kad_msg *m, unsigned records);
void kad_have_add(struct kad_msg *m, const struct node_id *id, uint64_t seq);
/* Whether the asker has heard of this record. For a few records in a hundred the answer is true by mistake; which these are differs from
 * question to question. */
bool kad_have(const struct kad_msg *m, const struct node_id *id, uint64_t seq);

/* Routed error {u8 code, u8 next header of what failed, be16 0, be32 rpc or low half of the nonce, id 64 it was about}. */
enum routed_error { ROUTED_DEAD_END = 1, ROUTED_HOP_LIMIT_OUT = 2 };
struct error_msg {
	uint8_t code;
	uint8_t next;
	uint32_t ref;
	struct node_id about;
};
void error_write(struct wr *w, const struct error_msg *m);
bool error_read(struct rd *r, struct error_msg *m) COYO_NODISCARD;
