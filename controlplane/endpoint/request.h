/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of operators and applications: connect, ping, trace, lookup. */
#pragma once
#include "endpoint/session.h"
#include "wire/tunnel.h"

#define OAM_TTL_RATE 200 /* answers/s to packets whose TTL ran out */
#define REQUESTS_MAX 64  /* requests that wait for a session or for answers inside its tunnel */

enum request_timer_kind { TIMER_REQUEST = TIMERS_OF(PART_REQUEST) };

struct contact_info;

struct request {
	TAILQ_ENTRY(request) next;
	struct node_request q;
	struct timer timer;
	uint32_t seq; /* ping: number of the last one sent; trace: TTL of the last probe */
	uint32_t answered;
	uint8_t tries; /* trace: probes of this hop; while there is no tunnel: waits for it */
	bool running;  /* the session was ready once */
	struct instant born, sent;
};

struct requests {
	TAILQ_HEAD(, request) list;
	uint32_t count;
	struct bucket ttl_rate; /* oam.c: answers to packets whose TTL ran out */
};

/* 0 or -ENOMEM. */
int requests_new(struct node *n);
/* Requests under way end without an answer. */
void requests_free(struct node *n);

/* Begins a request, whose answers carry its cookie; the last one is ANS_DONE, at once where it cannot even begin. */
void request_begin(struct node *n, const struct node_request *q);
/* A session is ready: its requests run. */
void request_session_ready(struct node *n, struct session *s);
/* A session failed, err: positive errno: so do its requests. */
void request_session_failed(struct node *n, struct session *s, int err);
/* As news.lookup_done; cookie: the request's. */
void request_lookup_done(struct node *n, uint32_t cookie, const struct node_id *target, bool exact,
                         const struct contact_info *closest);
/* A timer of PART_REQUEST: sends the next packet, or ends the request. */
void request_timer(struct node *n, struct timer *t);

/* The far end of s has answered a ping, sealed. An answer to no ping of ours is ignored. */
void request_ping_answered(struct node *n, const struct session *s, const struct oam *m);
/* A hop of a trace along s has answered: a transit node, in clear, so that it is good for display only; or the far end,
 * sealed (last). */
void request_hop_answered(struct node *n, struct session *s, const struct oam *m, bool last);
