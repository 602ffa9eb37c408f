/* SPDX-License-Identifier: BSD-3-Clause */
/* Streams on their way to whoever listens; internal to dataplane/app. */
#pragma once
#include "app/gw.h"

/* gw_accept.c: what gateway.line_cost is to be; measured. */
uint32_t gw_line_cost(void);
/* Divides a backlog: how many streams of each worker and of this node may lie in the client's socket untaken, and how many wait in TCP.
 * Like Linux, backlog + 1 in all from one worker. -ENOMEM. */
int gw_divide_backlog(struct gateway *g, struct gw_listener *l, uint32_t backlog);
/* The worker may offer one connection more. */
void gw_credit(struct gateway *g, struct gw_listener *l, unsigned worker);
/* Looks at what the listener's client has taken: its workers get credit again, and who waits here goes on. */
void gw_look_taken(struct gateway *g, struct gw_listener *l);
/* Sends the accept lines that wait, as far as the client's socket takes them. */
void gw_pass_on(struct gateway *g, struct gw_client *c);
/* A connection has come for a listener. NULL: nobody takes it, and no memory to say so in order; else the stream, which tells the worker. */
struct gw_stream *gw_accepted(struct gateway *g, unsigned worker, const struct bridge_msg *m);
/* A client of this node asks for a stream to a listener of this node. */
void gw_connect_here(struct gateway *g, struct gw_client *c, const struct node_id *id,
                     uint16_t port);
/* The listener of client c is going: streams that c was not given are reset, and who waits here is refused. */
void gw_refuse_waiting(struct gateway *g, struct gw_listener *l, struct gw_client *c);
