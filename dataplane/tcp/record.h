/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of outstanding segments, in sequence order in a ring and in sending order on a list: the SACK scoreboard's ground. */
#pragma once
#include "tcp/stack.h"

enum {
	REC_SACKED = 1,
	REC_LOST = 2,
	REC_RETX = 4 /* sent more than once */,
	REC_FIN = 8,
	REC_TIMED = 16 /* on the list */
};

#define REC_BYTES 32u

struct rec {
	uint32_t seq, len; /* sequence space: FIN counts */
	uint32_t tprev, tnext;
	int64_t tx; /* last sent */
	uint8_t flags, room8;
	uint16_t room16;
	/* SACKed records in a row from here on, as far as known; 0: only this one. Nothing when it is not SACKed. */
	uint32_t run;
};
_Static_assert(sizeof(struct rec) == REC_BYTES, "records must not straddle chunks");

/* Records are named by their ring position. */
static inline struct rec *rec_at(const struct tcp_stack *s, const struct conn *c, uint32_t pos)
{
	uint32_t room;

	return (struct rec *)(void *)tcp_buf_at(&s->pool, &c->rec, pos, &room);
}

/* The position behind the newest record, where the next will lie. Equal to rec.head when nothing is outstanding. */
static inline uint32_t rec_end(const struct conn *c)
{
	return c->rec.head + c->rec.len;
}

/* Adds a record for what is being sent at snd_nxt. NULL: no memory. */
struct rec *rec_push(struct tcp_stack *s, struct conn *c, uint32_t seq, uint32_t len,
                     uint8_t flags);

/* Position of the first record that ends after seq; rec_end() if none. */
uint32_t rec_find(const struct tcp_stack *s, const struct conn *c, uint32_t seq);

/* Removes the oldest record. */
void rec_pop(struct tcp_stack *s, struct conn *c);

/* Records that a walk over SACKed ones may step over at once, 1 or more. */
static inline uint32_t rec_run(const struct rec *r)
{
	return r->run ? r->run : 1;
}

/* All records of [first, end) are SACKed: who comes again steps over them at once, wherever he begins. So SACKs cost by what is new in
 * them, whatever ranges a peer repeats (path compression as in union-find). */
void rec_join(struct tcp_stack *s, struct conn *c, uint32_t first, uint32_t end);

/* The segment at pos is deemed lost: it no longer counts as in flight and is due to be sent again. No effect on one that is SACKed or
 * lost already. */
void rec_mark_lost(struct tcp_stack *s, struct conn *c, uint32_t pos);
/* The peer holds the segment at pos (RFC 2018): it counts neither as in flight nor as lost. No effect on
 * one that is SACKed already. */
void rec_mark_sacked(struct tcp_stack *s, struct conn *c, uint32_t pos);
/* Sent again just now: in flight once more, last on the list. */
void rec_mark_resent(struct tcp_stack *s, struct conn *c, uint32_t pos);

/* Position of the first lost record, rec_end() if none. */
uint32_t rec_next_lost(struct tcp_stack *s, struct conn *c);

/* Every record that is not SACKed becomes lost; forget_sacks: and SACKs are not believed any more. */
void rec_all_lost(struct tcp_stack *s, struct conn *c, bool forget_sacks);

/* Forgets all records: everything from snd_una on will be sent anew, cut to the present MSS. */
void rec_go_back(struct tcp_stack *s, struct conn *c);

/* What was deemed lost was not: in flight again. */
void rec_all_found(struct tcp_stack *s, struct conn *c);
