/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of operators and applications: connect, ping, trace, lookup; and the OAM messages that answer them. */
#pragma once
#include "endpoint/session.h"

#define OAM_REQUESTS_MAX 64

enum oam_timer { TIMER_OAM = TIMERS_OF(PART_OAM) };

struct oam_request {
	TAILQ_ENTRY(oam_request) next;
	struct node_request q;
	struct timer timer;
	uint32_t seq; /* ping: next number; trace: hop asked */
	uint32_t answered;
	uint8_t tries;
	bool running; /* the session is ready */
	struct instant born, sent;
};

struct oams {
	TAILQ_HEAD(, oam_request) list;
	uint32_t count;
	struct bucket ttl_rate;
};

int oams_new(struct node *n);
void oams_free(struct node *n);
void oam_request(struct node *n, const struct node_request *q);
/* OAM at a tunnel's end. */
void oam_rx(struct node *n, const struct dp_packet *pk);
/* A labelled packet whose TTL ran out here: answered on the entry's twin. */
void oam_ttl_rx(struct node *n, const struct dp_packet *pk);
/* News of sessions, to the requests that wait for them. err: positive errno. */
void oam_session_ready(struct node *n, struct session *s);
void oam_session_failed(struct node *n, struct session *s, int err);
void oam_timer(struct node *n, struct timer *t);
void oam_lookup_done(struct node *n, uint32_t cookie, const struct node_id *target, bool exact,
                     const struct contact_info *closest);
