/* SPDX-License-Identifier: BSD-3-Clause */
/* The contact table: ids in order, so that a k-bucket is a range and the closest to any id are found by halving. */
#pragma once
#include "anchor/anchor.h"
#include "base/time.h"
#include "core/mem.h"
#include "wire/record.h"

struct lsp;

#define CONTACT_TOKEN_BYTES 20
#define CONTACT_FAR         0xffff /* a distance that was not measured */

/* An id that this node knows of. Verified: it has sent back, under the key of the two, what this node had just drawn for it (the nonce of a
 * question or a token), or is a neighbour by the link's handshake. Others are known from reports only, whoever made them. */
struct contact {
	uint32_t at; /* index in the table */
	struct node_id id;
	uint64_t seq;          /* of its newest record known, whoever reported it */
	uint64_t signed_seq;   /* of its newest record that it sent itself */
	struct instant seen;   /* last answer; 0: never */
	struct instant asked;  /* last question */
	struct instant told;   /* last message that carried this node's record there */
	struct instant learnt; /* when its record last changed or was verified */
	int64_t rtt_ns;
	struct lsp *finger; /* label path to it that stands, or NULL */
	uint16_t bucket;
	uint8_t fails;
	uint8_t ntrees;
	uint8_t hops; /* that its last answer took, or its proof; 0: not measured */
	bool verified;
	bool paired; /* pair is the key of this node and it (crypto/pair.h); wiped with the contact */
	bool has_token; /* token is what it gave for this node's next question */
	uint8_t pair[32];
	uint8_t token[CONTACT_TOKEN_BYTES];
	bool finger_pending;
	bool neighbour;
	struct instant finger_retry;
	struct place place[]; /* as many as the anchor has trees */
};

/* A contact dropped as dead: for a while, others' reports of the same record do not bring it back. */
struct tombstone {
	struct node_id id;
	uint64_t seq;
	struct instant until;
};
#define TOMBSTONES   128
#define KAD_SIBLINGS 16
#define HEARSAY_MAX  384 /* unverified contacts kept */

struct contacts {
	const struct node_id *self;
	const struct anchor *anchor; /* distances are those of its trees */
	struct mem *mem;
	unsigned k;         /* bucket size */
	struct contact **v; /* by id */
	uint32_t count, cap, verified;
	uint32_t gains;        /* times that a sibling or a bucket's first contact verified */
	uint8_t fill[ID_BITS]; /* contacts per bucket */
	uint8_t good[ID_BITS]; /* of those: verified */
	struct tombstone dead[TOMBSTONES];
	uint8_t next_dead;
};

/* An empty table for the node `self`; everything given outlives it. */
void contacts_init(struct contacts *t, const struct node_id *self, unsigned k,
                   const struct anchor *anchor, struct mem *mem);
/* Frees all contacts; the table is empty and usable afterwards. */
void contacts_clear(struct contacts *t);

/* NULL: none. A contact stays where it is in memory until it is dropped. */
struct contact *contact_find(const struct contacts *t, const struct node_id *id);
/* Adds or renews the contact c describes. hops: the node has proved itself (see struct contact) so many hops from here, at most
 * COORDS_HOPS_MAX; 0: others reported it, or it says so without proof. A record with a newer number replaces an older one, and the node's
 * own one replaces a report. A report does not move a verified contact that owes no answer. A full bucket keeps the nearest as measured:
 * a report displaces nobody there but a contact that is unverified itself and has failed, whatever place it claims. Reports of nodes out
 * of reach are not believed. NULL: not admitted, or no memory. May drop another contact of the bucket. */
struct contact *contact_learn(struct contacts *t, struct instant now, const struct contact_info *c,
                              unsigned hops);
/* c's own record, authentic but perhaps sent long ago, came: takes over what is newer. Verifies nothing. */
void contact_renew(struct contacts *t, struct instant now, struct contact *c,
                   const struct contact_info *i);
/* Whether contact_learn() would admit, as verified, this node of which nothing is known yet, proved so many hops from here. */
bool contact_wanted(const struct contacts *t, const struct node_id *id, unsigned hops);
/* Frees c. dead: for a while, reports of this record or an older one do not bring it back. */
void contact_drop(struct contacts *t, struct instant now, struct contact *c, bool dead);

/* Contacts in order of the table: NULL gives the first. */
struct contact *contact_after(const struct contacts *t, struct contact *c);
/* The contacts of one bucket stand at *lo .. *hi - 1. */
void contact_bucket(const struct contacts *t, unsigned bucket, uint32_t *lo, uint32_t *hi);
/* Up to max contacts XOR-closest to target, closest first; verified_only: only verified ones that owe no answer. */
unsigned contact_closest(const struct contacts *t, const struct node_id *target, bool verified_only,
                         struct contact **out, unsigned max);
/* Hops along a tree from here to the place that c claims, or CONTACT_FAR when that is not comparable. Says whom to ask first, and nothing
 * else: whose answer counts, and how near it is, is measured. */
unsigned contact_claimed(const struct contacts *t, const struct contact *c);
/* Hops that c's last answer took, or CONTACT_FAR. */
unsigned contact_distance(const struct contact *c);
/* Fills out with what other nodes are told about c. */
void contact_to_info(const struct contact *c, struct contact_info *out);
