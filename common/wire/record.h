/* SPDX-License-Identifier: BSD-3-Clause */
/* The node record: what a node says of itself, sequence-numbered and signed, without a clock. */
#pragma once
#include "wire/coords.h"
#include "wire/id.h"

#define RECORD_CONTEXT   "IPvCoyo record 1"
#define RECORD_TREES_MAX 2
#define RECORD_SIG_BYTES 64
#define RECORD_MAX \
	(32 + 8 + 8 + 2 + RECORD_TREES_MAX * (8 + 4 + COORDS_BYTES_MAX) + RECORD_SIG_BYTES)

/* One tree's place: root tag (first 8 bytes of the root's id) tells whether two places can be compared. */
struct place {
	uint64_t root;
	struct coords coords;
};

/* {key 32, be64 seq, be64 puzzle nonce, u8 ntrees, u8 flags, ntrees x {be64 root, coords}, signature 64}.
 * The signature covers everything before it under RECORD_CONTEXT. The id is the hash of key and is not carried. */
struct record {
	uint8_t key[32];
	uint64_t seq;
	uint64_t puzzle;
	uint8_t ntrees;
	uint8_t flags;
	struct place place[RECORD_TREES_MAX];
	uint8_t sig[RECORD_SIG_BYTES];
};

#define RECORD_FLAG_NO_TRANSIT 1

/* Appends the record, its signature included; ntrees is at most RECORD_TREES_MAX. wr_ok() tells whether it fitted, which RECORD_MAX
 * bytes always do. */
void record_write(struct wr *w, const struct record *r);
/* The signed part's bytes go to *body, *body_len (inside the reader's buffer). */
bool record_read(struct rd *r, struct record *out, const uint8_t **body,
                 size_t *body_len) COYO_NODISCARD;

/* What a third party passes on of a contact, unsigned: {id 64, be64 seq, u8 ntrees, ntrees x {be64 root, coords}}. */
struct contact_info {
	struct node_id id;
	uint64_t seq;
	uint8_t ntrees;
	struct place place[RECORD_TREES_MAX];
};

/* Appends a contact; ntrees is at most RECORD_TREES_MAX. wr_ok() tells whether it fitted. */
void contact_info_write(struct wr *w, const struct contact_info *c);
/* Reads one contact and leaves r behind it. False: cut short, too many trees, or coordinates that are malformed; *c is then undefined. */
bool contact_info_read(struct rd *r, struct contact_info *c) COYO_NODISCARD;
