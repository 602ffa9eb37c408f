/* SPDX-License-Identifier: BSD-3-Clause */
/* The roots of one tree that this node knows by their own signed word: the best 16 by rank, each with its newest sequence message.
 * Pure: whoever calls has verified the signature and says what time it is. */
#pragma once
#include "base/time.h"
#include "wire/linkmsg.h"

#define ROOTS_MAX 16
/* A sequence above this is none: a root that used up its numbers could never advance again. */
#define ROOT_SEQ_MAX (UINT64_MAX / 2)

struct root {
	struct node_id id;
	uint64_t rank;          /* anchor_hash() of tree and id: lower is better */
	struct linkmsg_seq seq; /* the newest that was verified */
	struct instant seq_at;  /* when it advanced to that */
	bool silent;            /* fell silent: only a newer message makes it a root again */
};

struct roots {
	unsigned n;
	struct root root[ROOTS_MAX]; /* best first */
};

/* What a sequence message is to what is known of its root. */
enum roots_word {
	ROOTS_NEWER, /* or of a root not known: to be verified, then stored by roots_put() */
	ROOTS_SAME,  /* known, byte for byte */
	ROOTS_OLDER, /* the sender is to be given the newer one */
	ROOTS_TWO, /* another message of a number that is known: if it is signed too, the root equivocates */
	ROOTS_USELESS, /* there are 16 better roots, or its number is none */
};

/* The root of that id, or NULL. Valid until the next roots_put(). */
struct root *roots_find(struct roots *r, const struct node_id *id);
/* id: hash of the message's key; keep: a root that is never forgotten, NULL: none. Changes nothing. */
enum roots_word roots_judge(const struct roots *r, const struct node_id *id, uint64_t rank,
                            const struct linkmsg_seq *m, const struct node_id *keep);
/* Stores a verified message that roots_judge() called newer, given the same keep; the 17th best root is forgotten. Returns its root. */
struct root *roots_put(struct roots *r, const struct node_id *id, uint64_t rank,
                       const struct linkmsg_seq *m, const struct node_id *keep, struct instant now);
