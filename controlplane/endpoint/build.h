/* SPDX-License-Identifier: BSD-3-Clause */
/* Attempts at a tunnel for a session: set-ups under way, what they are to avoid, where the destination stands, how long to wait. */
#pragma once
#include "endpoint/session.h"

struct contact_info;

/* Somebody here needs to reach remote: makes the session where there is none and opens attempts, which step.c makes. Where a tunnel
 * stands the worker is told of it again. 0, -ESHUTDOWN while draining, -EINVAL for this node's own id, -ENOMEM at the limit. */
int session_want(struct node *n, const struct node_id *remote);

/* Attempts are counted anew. */
void build_reset(struct session *s);
/* Starts one more set-up; without room the oldest is given up. 0, or a negative errno when there is no way from here. */
int build_start(struct node *n, struct session *s);
/* The same, and without regard to what is to be left out where that leaves no way. */
int build_start_anyhow(struct node *n, struct session *s);
/* A set-up is under way. */
bool build_any(const struct session *s);
/* Withdraws every set-up under way but one (NULL: all). */
void build_drop(struct node *n, struct session *s, const struct lsp *but);
/* l, a set-up of s, did not come up; code and tags as in news.lsp_failed. */
void build_failed(struct node *n, struct session *s, struct lsp *l, uint8_t code, uint32_t tag_from,
                  uint32_t tag_to);

/* Asks the network where the destination stands, unless a lookup runs or the last one was a moment ago. */
void build_lookup(struct node *n, struct session *s);
/* The lookup has ended; exact and c as in news.lookup_done. True: there is a place to build to. */
bool build_lookup_done(struct session *s, bool exact, const struct contact_info *c);

/* How long an attempt is waited for before another is made beside it, ns. */
int64_t build_attempt_timeout(const struct node *n);
/* When the next attempt is due, ns from now; never later than the moment of giving up. */
int64_t build_next(const struct node *n, const struct session *s);
/* How long attempts go on before the session is given up, ns from want_since; longer where keys stand. */
int64_t build_time_limit(const struct node *n, const struct session *s);
/* When to try again where no way was known at all, ns from now: soon after the lookups that are made meanwhile. */
int64_t build_retry_lookup(const struct session *s);
