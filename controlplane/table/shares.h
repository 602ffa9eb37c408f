/* SPDX-License-Identifier: BSD-3-Clause */
/* Shares: who holds how many of the tunnels that others build by way of this node or to it, and which gives way when there is no more room.
 *
 * While there is room anybody gets it. Without room, tunnels are shared max-min: first among the links that their set-ups came by, inside a
 * link among the sources that those name. A neighbour can name sources as it likes, and so takes only from its own share. */
#pragma once
#include "core/ctx.h"
#include "wire/id.h"

#include <bsd/sys/tree.h>
#include <sys/queue.h>

struct lsp;
struct tunnel_link;

TAILQ_HEAD(tunnel_list, lsp);

/* The tunnels of one source that came by one link; freed with the last of them. */
struct tunnel_source {
	RB_ENTRY(tunnel_source) of_id, of_held; /* among those of the link */
	struct tunnel_link *link;
	struct node_id id;
	uint32_t held;
	struct tunnel_list pending, standing; /* oldest first */
};

RB_HEAD(tunnel_sources, tunnel_source);
RB_HEAD(tunnel_sources_held, tunnel_source);

/* The tunnels that came by one link; freed with the last of them. */
struct tunnel_link {
	RB_ENTRY(tunnel_link) of_number, of_held;
	uint16_t number;
	uint32_t held;
	struct tunnel_sources sources;
	struct tunnel_sources_held by_held;
};

RB_HEAD(tunnel_links, tunnel_link);
RB_HEAD(tunnel_links_held, tunnel_link);

/* Part of struct lsps. */
struct shares {
	struct tunnel_links links;
	struct tunnel_links_held by_held;
	uint32_t held; /* all tunnels that are counted */
};

/* No tunnel is counted. */
void shares_init(struct shares *s);
/* Counts l for its source and its link up. Without memory it is not counted. */
void shares_take(struct node *n, struct lsp *l);
/* Does not count l any more. Nothing if it is not counted. */
void shares_give(struct node *n, struct lsp *l);
/* l, if it is counted, is not pending any more. */
void shares_stand(struct lsp *l);
/* The tunnel that gives way to a new one of src by a link: one of the link, or the source inside the newcomer's link, that holds most, if
 * that is at least two more than the newcomer holds; pending ones first, then the oldest. NULL: the newcomer itself has no claim. */
struct lsp *shares_victim(const struct shares *s, uint16_t link, const struct node_id *src);
/* How many tunnels are counted for a link. */
uint32_t shares_of_link(const struct shares *s, uint16_t link);
