/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a segment's arrival (RFC 9293 3.10.7): input.c takes them in order, each tells it how to go on. */
#pragma once
#include "tcp/stack.h"

/* ---- input_checks.c: before the ACK is looked at ---- */

enum input_verdict {
	INPUT_GOES_ON,
	INPUT_DONE,   /* refused, or all it said was done; the connection may be gone */
	INPUT_REOPENS /* a SYN that ends this TIME-WAIT: input_reopen() */
};

/* Window, PAWS, RST, SYN in synchronized states. Cuts g to the receive window. */
enum input_verdict input_checks(struct tcp_stack *s, struct conn *c, struct seg *g);

/* Cuts g to the receive window. */
void input_cut(struct tcp_stack *s, struct conn *c, struct seg *g);

/* Whether a segment out of place is answered. One that carries something is; a bare one, after `freely` of them, less and less often
 * until something acceptable comes: two such ends would answer one another for ever. */
bool input_may_answer(struct tcp_stack *s, struct conn *c, const struct seg *g, unsigned freely);

/* ---- input_ack.c, input_data.c: false when the segment is done with (the connection may be gone) ---- */

/* The fifth step of RFC 9293, 3.10.7.4: acknowledgement, window, SACK, ECN, and what they make of recovery and timers. An
 * acknowledgement of what was never sent is dropped and, at a limited rate, answered with a challenge ACK (RFC 5961, section 5). */
bool input_ack(struct tcp_stack *s, struct conn *c, const struct seg *g);
/* The sixth to eighth step: urgent pointer, payload and FIN. What lies in order becomes readable, what lies beyond a gap is kept for
 * later, and an ACK is scheduled. g was cut to the receive window before. */
bool input_data(struct tcp_stack *s, struct conn *c, struct seg *g);

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
/* False: done with, as above. */
bool input_syn_rcvd(struct tcp_stack *s, struct conn *c, const struct seg *g);
/* After INPUT_REOPENS: `old` ends, its listener gets a half-open connection in its place. */
void input_reopen(struct tcp_stack *s, struct conn *old, const struct seg *g);
