/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a routed datagram goes next: greedy by id over contacts and their paths, or by coords along the anchor.
 *
 * A decision only: functions over tables that they are given, which change nothing but the datagram's own route extension and send
 * nothing. */
#pragma once
#include "anchor/anchor.h"
#include "core/ctx.h"
#include "peer/peer.h"
#include "table/contact.h"
#include "table/ends.h"
#include "wire/record.h"
#include "wire/routed.h"

struct lsp;

/* What a decision reads. */
struct route_tables {
	const struct node_id *self;
	const struct peers *peers;
	const struct anchor *anchor;
	const struct contacts *contacts;
	const struct lsp_ends *ends;
	struct instant now;
};

/* A node's own tables. */
static inline struct route_tables route_tables(const struct node *n)
{
	return (struct route_tables){
	        .self = &n->cfg.identity->id,
	        .peers = n->peers,
	        .anchor = n->anchor,
	        .contacts = n->contacts,
	        .ends = n->ends,
	        .now = n->now,
	};
}

/* A decision. tunnel_label LABEL_NONE: the datagram goes to the neighbour itself (label stack [13]); else along a tunnel
 * ([1][label][13]). */
struct route_step {
	struct peer *peer;
	uint32_t tunnel_label;
};

enum route_result { ROUTE_STEP = 0, ROUTE_HERE = 1, ROUTE_DEAD_END = 2 };

/* What is asked. ext is changed to what the next hop must see. */
struct route_query {
	const struct node_id *dst;
	struct route_ext *ext;
	struct peer *from;           /* the neighbour it came from; NULL: this node sends it */
	struct lsp *tunnel;          /* it came along this tunnel; NULL: along none ... */
	bool tunnel_forward;         /* ... in the direction away from its source */
	unsigned hops;               /* hops it may still take */
	const uint32_t (*notvia)[2]; /* excluded hops, each as the tags of its two nodes */
	unsigned nnotvia;
	/* A set-up's complete record of the nodes it passed, which a way around excluded hops must not pass again; NULL: incomplete. */
	const uint32_t *passed;
	unsigned npassed;
};

/* The next step for q, put into *step when the result is ROUTE_STEP. ROUTE_HERE: dst is this node. ROUTE_DEAD_END: no
 * neighbour is of use; q->ext then still says which node the datagram was committed to. */
enum route_result route_next(const struct route_tables *t, const struct route_query *q,
                             struct route_step *step);

/* Where route_next() knows no way for a datagram of this node's own: to the usable neighbour that is closest to dst by id, even if that is farther
 * than this node, since it may know better. It cannot loop, as every later commitment must be closer than that neighbour. */
enum route_result route_astray(const struct route_tables *t, const struct route_query *q,
                               struct route_step *step);

/* Fills e for a datagram of this node: by coords where the places given can be compared with ours, else greedy by id. */
void route_ext_begin(const struct route_tables *t, struct route_ext *e, uint8_t next,
                     const struct place *places, unsigned nplaces);

/* The first step of a datagram of this node, with the extension that it takes along: along the destination's own finger where one
 * stands, else as route_next() says. places: the destination's, as far as known. */
enum route_result route_first(const struct route_tables *t, const struct node_id *dst,
                              const struct place *places, unsigned nplaces, uint8_t next,
                              struct route_ext *e, struct route_step *step);
