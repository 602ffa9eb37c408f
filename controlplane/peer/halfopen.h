/* SPDX-License-Identifier: BSD-3-Clause */
/* Half-open handshakes: first messages that this node has answered and whose senders have not proven themselves yet.
 *
 * One table for all links. While it has room anybody gets a place. When it is full, places are shared max-min: first among the links
 * that the messages arrived on, inside a link among source prefixes (/24, /56), inside a prefix among addresses. The oldest entry of
 * whoever holds most gives way, never one of somebody who holds fewer; where all hold as many, whose oldest has waited longest. So a flood
 * displaces itself. */
#pragma once
#include "peer/handshake.h"

#include <bsd/sys/tree.h>

#define HALF_OPEN_MAX  1024
#define HALF_OPEN_LIFE (10 * NS_PER_S)

struct halfopen {
	RB_ENTRY(halfopen) of_source, of_index;
	TAILQ_ENTRY(halfopen) next;
	uint64_t number;                     /* in the order in which they came */
	uint16_t link;                       /* that the first message came by */
	uint8_t prefix[SOURCE_PREFIX_BYTES]; /* of its source */
	uint8_t addr[16];
	struct handshake hs; /* of hs.peer's link */
};

RB_HEAD(halfopen_sources, halfopen);
RB_HEAD(halfopen_indices, halfopen);
struct halfopens {
	struct halfopen_sources by_source;         /* by link, prefix, address and number */
	struct halfopen_indices by_index;          /* by hs.mine */
	TAILQ_HEAD(halfopen_age, halfopen) by_age; /* oldest first */
	uint32_t count;
	uint64_t added; /* ever */
	struct timer timer;
};

/* An empty table. */
void halfopens_init(struct halfopens *t);
/* Drops every entry. */
void halfopens_clear(struct node *n);
/* Moves the handshake, just begun, into a new entry; *hs is empty afterwards. Where there is no room another entry gives way, or, if that would
 * be one of somebody who holds fewer, its own source's oldest. NULL: no memory, or its index is taken. */
struct halfopen *halfopen_add(struct node *n, uint16_t link, struct handshake *hs);
/* The entry whose index on our side is `mine`, which came by this link, or NULL. */
struct halfopen *halfopen_find(struct node *n, uint16_t link, uint32_t mine);
/* Ends its handshake and frees it. */
void halfopen_drop(struct node *n, struct halfopen *h);
/* Drops the entries of p's handshakes by IK: their initiator has begun another one, and waits for the answer to that alone. */
void halfopens_drop_ik(struct node *n, uint16_t link, const struct peer *p);
/* Drops every entry that came by a link and is for p (NULL: for anybody). */
void halfopens_drop(struct node *n, uint16_t link, const struct peer *p);
/* Whether an entry younger than age_ns is for p. */
bool halfopens_recent(struct node *n, const struct peer *p, int64_t age_ns);
/* TIMER_PEER_HALF_OPEN: drops what is too old. */
void halfopens_expire(struct node *n);
