/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss detection and repair: SACK (2018, 6675), RACK-TLP (8985), PRR (9937), NewReno without SACK (6582), the undo
 * of needless recoveries (3522, 5682). */
#pragma once
#include "tcp/stack.h"

/* What one acknowledgement said. */
struct ack_news {
	uint32_t acked;     /* una advance, sequence space */
	uint32_t delivered; /* newly known to have arrived, by ACK or SACK */
	uint32_t originals; /* ... of these, sent only once and before `recover` */
	uint32_t lost;      /* newly deemed lost */
	uint32_t prior_flight;
	int64_t rtt; /* sample, -1: none */
	bool dsack, window_moved, ece;
};

/* The window that a recovery aims at, in place of what PRR has just left of it: to be called before ca leaves CA_RECOVERY. */
static inline void recovery_window(struct conn *c)
{
	if (c->ca == CA_RECOVERY)
		c->cc.cwnd = c->cc.ssthresh;
}

/* sack.c: moves snd_una to g->ack and takes off the records below; reads the SACK option into the records. */
void sack_una(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a);
void sack_ranges(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a);

/* loss.c: sets a->lost. */
void loss_detect(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a);
/* Deems lost what RACK says by now; returns the bytes. Arms the reordering timer for the rest. */
uint32_t loss_by_time(struct tcp_stack *s, struct conn *c);
/* RFC 6675 NextSeg() rules (3) and (4), where neither a lost segment nor new data may go: a record or rec_end(). */
uint32_t loss_rescue(struct tcp_stack *s, struct conn *c);

/* undo.c: before a time-out is acted upon; and for each ACK in recovery or loss: true when that was needless and is undone. */
void undo_timeout(struct tcp_stack *s, struct conn *c);
bool undo_ack(struct tcp_stack *s, struct conn *c, const struct seg *g, const struct ack_news *a);

/* recovery.c: after sack_una() and sack_ranges(): finds losses, moves between open, recovery and loss, sets the window. */
void recovery_ack(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a);

/* The reordering timer fired. */
void recovery_reorder_timer(struct tcp_stack *s, struct conn *c);
/* The retransmission timer fired. */
void recovery_timeout(struct tcp_stack *s, struct conn *c);
/* The peer was released or its path changed: all is sent again, without blame. */
void recovery_restart(struct tcp_stack *s, struct conn *c);
/* A congestion signal without a loss to repair (ECN-Echo once per window, RFC 3168 6.1.2; a tail loss that its probe repaired);
 * flight: what was in the network. False: reduced already. */
bool recovery_cwr(struct tcp_stack *s, struct conn *c, uint32_t flight);
