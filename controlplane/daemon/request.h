/* SPDX-License-Identifier: BSD-3-Clause */
/* What a request of the control protocol asks for, and how it is answered. */
#pragma once
struct ctl_client;
struct daemon;
struct dp_event;
struct node_answer;

/* Begins the request in c->req: answers at once, or leaves the client working or showing. */
void request_start(struct daemon *d, struct ctl_client *c);
/* Writes one slice of the view under way. */
void request_slice(struct daemon *d, struct ctl_client *c);
/* The node answers; there may be more answers to come. */
void request_answer(struct daemon *d, struct ctl_client *c, const struct node_answer *a);
/* Asks the workers for the next client that waits for `show connections`, unless they are at it for another one. */
void request_next_dump(struct daemon *d);
/* A worker sends a connection, or says that there are no more. */
void request_row(struct daemon *d, struct ctl_client *c, const struct dp_event *e);
/* The answer has not come in time. */
void request_timeout(struct daemon *d, struct ctl_client *c);
