/* SPDX-License-Identifier: BSD-3-Clause */
/* What a request of the control protocol asks for, and how it is answered. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct ctl_client;
struct daemon;
struct node_answer;

/* Begins the request in c->req: answers at once, or leaves the client working or showing. */
void request_start(struct daemon *d, struct ctl_client *c);
/* Writes one slice of the view under way. */
void request_slice(struct daemon *d, struct ctl_client *c);
/* The node answers; there may be more answers to come. */
void request_answer(struct daemon *d, struct ctl_client *c, const struct node_answer *a);
/* A number for what is asked of the node or a worker, by which the answer is known; never 0 nor STOP_COOKIE. */
uint32_t request_cookie(struct daemon *d);
/* The answer of the node or of a worker has not come in time. */
void request_timeout(struct daemon *d, struct ctl_client *c);
/* Whether the client waits for a drain's tunnels to be withdrawn: then request_drain_step() is due every 50 ms. */
bool request_draining(const struct ctl_client *c);
/* Answers it when none is left; request_timeout() answers with those that are. */
void request_drain_step(struct daemon *d, struct ctl_client *c);
