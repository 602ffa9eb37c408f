/* SPDX-License-Identifier: BSD-3-Clause */
/* Attempts at a tunnel for a session: set-ups under way, the hops they exclude, the destination's place, how long to wait. */
#pragma once
#include "endpoint/session.h"

struct contact_info;

/* A worker or a request needs to reach `remote`: makes the session if there is none, and has step.c begin attempts at a tunnel. If there is
 * a tunnel, tells the worker of it again. 0, -ESHUTDOWN while draining, -EINVAL for this node's own id, -ENOMEM at the limit. */
int session_want(struct node *n, const struct node_id *remote);

/* Sets the counts of attempts and lookups to zero. */
void build_reset(struct session *s);
/* Starts one more set-up; if all slots are taken, gives up the oldest. 0, or a negative errno when there is no way from here. */
int build_start(struct node *n, struct session *s);
/* Where no way is known from here: leaves it to a neighbour to find one, unless that has been tried often. As build_start(). */
int build_astray(struct node *n, struct session *s);
/* The same; if the excluded hops leave no way, includes them again. */
int build_start_anyhow(struct node *n, struct session *s);
/* Whether a set-up is under way. */
bool build_any(const struct session *s);
/* Withdraws every set-up under way but one (NULL: all). */
void build_drop(struct node *n, struct session *s, const struct lsp *but);
/* l, a set-up of s, did not come up; code and tags as in news.lsp_failed. */
void build_failed(struct node *n, struct session *s, struct lsp *l, uint8_t code, uint32_t tag_from,
                  uint32_t tag_to);
/* Excludes the hop between the nodes with these tags from the next attempts; whether it was not excluded before. If none is named (0), or there
 * are too many, includes all hops again: the excluded ones may have been the only way. */
bool build_avoid(struct session *s, uint32_t tag_from, uint32_t tag_to);
/* An attempt that might succeed now begins at once, unless one is under way. s needs a tunnel. */
void build_soon(struct node *n, struct session *s);
/* An attempt came to nothing: if no other is under way and a tunnel is wanted, the next one begins soon. */
void build_again(struct node *n, struct session *s);

/* Begins a lookup of the destination's place, unless one runs or the last one began too recently. */
void build_lookup(struct node *n, struct session *s);
/* The lookup has ended; exact and c as in news.lookup_done. True: it gave the destination's place. */
bool build_lookup_done(struct session *s, bool exact, const struct contact_info *c);

/* How long to wait for an attempt before another one is made beside it, ns. */
int64_t build_attempt_timeout(struct node *n, const struct session *s);
/* When the next attempt is due, ns from now; never later than the moment of giving up. */
int64_t build_next(struct node *n, const struct session *s);
/* How long attempts go on before the session is given up, ns from want_since; longer where keys stand. */
int64_t build_time_limit(struct node *n, const struct session *s);
/* When to try again if there was no way at all, ns from now; longer with each lookup made meanwhile. */
int64_t build_retry_lookup(const struct session *s);
