/* SPDX-License-Identifier: BSD-3-Clause */
/* The roots of one tree that this node knows by their own signed word, each with its newest sequence message: the best 16 that live, and the
 * best 16 that have fallen, so that an old message does not bring one of those back.
 * Pure: whoever calls has verified the signature and says what time it is. */
#pragma once
#include "base/time.h"
#include "wire/linkmsg.h"

#define ROOTS_LIVE   16
#define ROOTS_FALLEN 16
#define ROOTS_MAX    (ROOTS_LIVE + ROOTS_FALLEN)
/* A root whose number has not risen for so long has fallen, at whatever distance it is. */
#define ROOT_FALLEN (60 * NS_PER_S)
/* A sequence above this is none: a root that used up its numbers could never advance again. */
#define ROOT_SEQ_MAX (UINT64_MAX / 2)

/* What a root did wrong, for which it is held off by its id: 30 s, doubled by each further time. */
enum root_fault {
	ROOT_STALLS,      /* it fell silent while this node was under it; once is free */
	ROOT_EQUIVOCATES, /* it signed two messages of one number */
};

struct root {
	struct node_id id;
	uint64_t rank;          /* anchor_hash() of tree and id: lower is better */
	struct linkmsg_seq seq; /* the newest that was verified */
	struct instant seq_at;  /* when it advanced to that */
	uint16_t from;          /* link that this came by */
	bool silent;            /* fell silent: only a newer message makes it a root again */
	uint8_t strikes, stalls;
	struct instant fault_at;   /* the last of these */
	struct instant held_until; /* 0: never held off */
	/* Of a root that is a neighbour: when this node, its child, lost it (0: not), how often of late, and until when it is no parent. */
	struct instant lost_at, flaps_at, shunned_until;
	uint8_t flaps, shuns;
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
	ROOTS_USELESS, /* it would have no place beside better ones, or its number is none */
};

/* The root of that id, or NULL. Valid until the next roots_put(). */
struct root *roots_find(struct roots *r, const struct node_id *id);
/* m came by link `from`; id: hash of the message's key; keep: a root that is never forgotten, NULL: none. Changes nothing. */
enum roots_word roots_judge(const struct roots *r, const struct node_id *id, uint64_t rank,
                            const struct linkmsg_seq *m, uint16_t from, const struct node_id *keep,
                            struct instant now);
/* Stores a verified message that roots_judge() called newer, given the same rest. Of live roots, where there are too many, the worst goes that came
 * by the link that most came by: however many one neighbour tells of, the other neighbours' keep a place. Returns its root. */
struct root *roots_put(struct roots *r, const struct node_id *id, uint64_t rank,
                       const struct linkmsg_seq *m, uint16_t from, const struct node_id *keep,
                       struct instant now);
/* It did wrong: holds it off, unless that is free. A stall makes it silent. One strike is forgotten for every 20 minutes without. */
void root_strike(struct root *r, enum root_fault fault, struct instant now);
/* Whether nobody should be under it at present. */
static inline bool root_held(const struct root *r, struct instant now)
{
	return instant_before(now, r->held_until);
}
/* This node was its child and lost it, by the link or since it is no root any more. */
void root_lost(struct root *r, struct instant now);
/* It says that it is a root again. Where that follows a loss too often, it is no parent of this node for 30 s, doubling up to 4 minutes: no longer, since
 * the link may be to blame, and others may lead to it all the while. */
void root_back(struct root *r, struct instant now);
/* Whether it is not to be a parent itself at present. */
static inline bool root_shunned(const struct root *r, struct instant now)
{
	return instant_before(now, r->shunned_until);
}
