/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a segment's arrival (RFC 9293 3.10.7): input.c takes them in order, each tells it how to go on. */
#pragma once
#include "tcp/stack.h"

/* A SYN that is no answer and carries a FIN, where such are dropped: it neither opens, reopens nor repeats anything. */
static inline bool input_syn_fin(const struct tcp_stack *s, const struct seg *g)
{
	return s->cfg.drop_syn_fin &&
	       (g->flags & (TCP_SYN | TCP_FIN | TCP_ACK)) == (TCP_SYN | TCP_FIN);
}

/* ---- input_checks.c: before the ACK is looked at ---- */

enum input_verdict {
	INPUT_GOES_ON,
	INPUT_DONE,   /* refused, or all it said was done; the connection may be gone */
	INPUT_REOPENS /* a SYN that ends this TIME-WAIT: input_reopen() */
};

/* Window, PAWS, RST, SYN in synchronized states. Of a segment that is refused nothing is remembered: it may be answered and is
 * counted, and its last duplicate is reported to a peer that takes D-SACKs. */
enum input_verdict input_checks(struct tcp_stack *s, struct conn *c, struct seg *g);

/* After input_checks() and input_ack_acceptable(): the peer lives, and its timestamp is taken (RFC 7323 4.3). */
void input_accepted(struct tcp_stack *s, struct conn *c, const struct seg *g);

/* Cuts g to the receive window. */
void input_cut(struct tcp_stack *s, struct conn *c, struct seg *g);

/* Whether a segment out of place is answered. One that carries something is; a bare one, after `freely` of them, less and less often
 * until something acceptable comes: two such ends would answer one another for ever. */
bool input_may_answer(struct tcp_stack *s, struct conn *c, const struct seg *g, unsigned freely);

/* Whether the ACK field can be the peer's: of something that was sent, and no further back than the largest window it ever offered. */
static inline bool input_ack_in_range(const struct conn *c, const struct seg *g)
{
	return (g->flags & TCP_ACK) && !seq_gt(g->ack, c->snd_max) &&
	       !seq_lt(g->ack, c->snd_una - c->max_wnd);
}

/* ---- input_ack.c, input_data.c: false when the segment is done with (the connection may be gone) ---- */

/* The last check: the ACK field (RFC 9293, 3.10.7.4, fifth step). False: the segment is refused whole, and counted. One without an ACK is
 * dropped; one that acknowledges what was never sent, or what is long done, is answered at a limited rate with a challenge ACK (RFC 5961,
 * section 5), in SYN-RECEIVED with a reset; one that completes an opening for which the accept queue has no room is dropped. */
bool input_ack_acceptable(struct tcp_stack *s, struct conn *c, const struct seg *g);
/* The fifth step of RFC 9293, 3.10.7.4, for a segment that is acceptable: acknowledgement, window, SACK, ECN, and what they make of
 * recovery and timers. */
bool input_ack(struct tcp_stack *s, struct conn *c, const struct seg *g);
/* The sixth to eighth step: urgent pointer, payload and FIN. What lies in order becomes readable, what lies beyond a gap is kept for
 * later, and an ACK is scheduled. g was cut to the receive window before. */
bool input_data(struct tcp_stack *s, struct conn *c, struct seg *g);
/* The connection is open: text and FIN that came with the peer's SYN, and waited for this, are taken. */
void input_queued(struct tcp_stack *s, struct conn *c);

/* ---- cookie.c: SYN cookies ---- */

/* Answers the SYN g with a cookie, without any state. */
void cookie_send(struct tcp_stack *s, const struct conn *l, const struct seg *g);

enum cookie_verdict {
	COOKIE_NONE, /* g brings none of ours back */
	COOKIE_DONE, /* one, but there is no room for its connection */
	COOKIE_CONN  /* one; *c is its connection, in SYN-RECEIVED, for g to go on with */
};

/* Whether the ACK g for listener l acknowledges a SYN cookie that was made here and is not too old. *c is set with COOKIE_CONN alone; the
 * new connection counts against the listener's backlog and belongs to the stack. */
enum cookie_verdict cookie_back(struct tcp_stack *s, struct conn *l, const struct seg *g,
                                struct conn **c);

/* ---- input_syn.c: while a connection is being opened ---- */

/* A segment for listener l. The connection that it goes on with (its cookie brought that back), NULL: it is done with. */
struct conn *input_listen(struct tcp_stack *s, struct conn *l, const struct seg *g);
void input_syn_sent(struct tcp_stack *s, struct conn *c, struct seg *g);
/* The acceptable ACK g completes the opening of c. */
void input_syn_rcvd(struct tcp_stack *s, struct conn *c, const struct seg *g);
/* After INPUT_REOPENS: `old` ends, its listener gets a half-open connection in its place. */
void input_reopen(struct tcp_stack *s, struct conn *old, const struct seg *g);
