/* SPDX-License-Identifier: BSD-3-Clause */
/* Ids of addresses, for the TUN: what this node knows, else a lookup. */
#pragma once
#include "core/ctx.h"

struct contact_info;

/* A worker asks which id begins with the leading 120 bits of target. It is answered by CMD_RESOLVED, at once or when a lookup ends; not at
 * all where too many lookups are under way, or this asker (below 2^24) has its share of them, since it asks again. */
void resolve_asked(struct node *n, uint8_t worker, uint32_t asker, const struct node_id *target);
/* The lookup has ended; the fields as in news.lookup_done, ref being asker * 256 + worker. */
void resolve_lookup_done(struct node *n, uint32_t ref, const struct node_id *target, bool exact,
                         const struct contact_info *closest);
