/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether a neighbour is alive, how long the way to it is, and how its link ends in good order. */
#pragma once
#include "base/time.h"
#include "wire/linkmsg.h"

#include <stdbool.h>
#include <stdint.h>

struct node;
struct peer; /* peer/peer.h */

/* How much longer than usual a round trip over so many hops may take, ns, if all are as long as this node's longest link; 0 where none is
 * longer than 50 ms. */
int64_t peers_slow_ns(struct node *n, unsigned hops);

/* A message of ours was answered after rtt_ns. */
void peer_rtt_sample(struct peer *p, int64_t rtt_ns);
/* By when an answer has come that is not lost, ns after the question: the retransmission timeout of RFC 6298. 1 s while nothing has been
 * measured. */
int64_t peer_answer_wait(const struct peer *p);
/* Something authentic came from p, at the earliest at `at`: this may be the answer to a hello. */
void peer_heard(struct node *n, struct peer *p, struct instant at);
/* Data crossed the link just now: for a while hellos follow a silence sooner. */
void peer_used(struct node *n, struct peer *p);
/* A hello from p. On a plain link this is what brings it up. */
void peer_hello_rx(struct node *n, struct peer *p, const struct linkmsg_hello *m);
/* Says hello, with what the neighbour needs to measure the round trip. */
void peer_hello_tx(struct node *n, struct peer *p, bool reply_wanted);
/* The same with HELLO_FLAG_*. */
void peer_hello_flags_tx(struct node *n, struct peer *p, uint8_t flags);
/* A tunnel in use came to this link (+1) or left it (-1). */
void peer_tunnels(struct node *n, struct peer *p, int step);
/* The link came up: from here on silence is measured. */
void peer_live_start(struct node *n, struct peer *p);
/* The link is down or being deleted: no more hellos are sent. */
void peer_live_stop(struct node *n, struct peer *p);
/* A hello that wants an answer has just gone out: ask again soon if none comes. */
void peer_live_ask(struct node *n, struct peer *p);
/* Somebody waits for what p is sent now: unless p was heard just now it is asked at once whether it lives, and has no longer to answer than on a
 * link in use. */
void peer_live_urge(struct node *n, struct peer *p);
/* TIMER_PEER_LIVENESS: sends a hello, or takes the link down after too many without an answer. */
void peer_live_tick(struct node *n, struct peer *p);

#define LEAVE_TIMES \
	4 /* how often a neighbour is told that its link goes, before it does all the same */

/* Tells a neighbour that is up that its link goes now; where that is lost, silence tells it. */
void peer_say_goodbye(struct node *n, struct peer *p);
/* The node stops: every neighbour that is up is told. No event may follow, since a neighbour calls again at once. */
void peers_say_goodbye(struct node *n);
/* Removes a link in good order: the neighbour is told and news.peer_leaves() is called, and peer_del() follows when no tunnel in use crosses
 * the link any more, or after 2 s. A link that is not up or has no tunnel is deleted at once. */
void peer_leave(struct node *n, uint16_t link);
/* TIMER_PEER_LEAVE: tunnels may still cross the link. */
void peer_leave_tick(struct node *n, struct peer *p);
