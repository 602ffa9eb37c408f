/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunnels to this node whose other end has been answered (XX) and has not proven itself: who they are kept for is known only by the third
 * message, and until then there is no session and nothing else of that id.
 *
 * One table, bounded. Without room its places are shared max-min by the links that the set-ups came by: the oldest of the link that holds
 * most gives way, so that a flood displaces itself. */
#pragma once
#include "core/ctx.h"

#define UNPROVEN_MAX 4096

struct lsp;

/* One such tunnel: no more than it takes to write the answer once more. */
struct unproven {
	TAILQ_ENTRY(unproven) of_link, of_age;
	struct unproven_link *link;
	struct lsp *lsp;
	struct instant born;
	uint64_t serial;     /* no other answer's, ever */
	uint32_t generation; /* of the secret that it was made with */
	uint8_t phase;       /* that it named */
};

TAILQ_HEAD(unproven_list, unproven);

/* Those that came by one link; freed with the last of them. */
struct unproven_link {
	LIST_ENTRY(unproven_link) next;
	uint16_t number;
	uint32_t held;
	struct unproven_list tunnels; /* oldest first */
};

/* Part of struct sessions. */
struct unprovens {
	LIST_HEAD(, unproven_link) links;
	struct unproven_list by_age; /* oldest first */
	uint32_t count;
	uint64_t serial; /* the last one given */
	struct timer timer;
};

/* An empty table. */
void unproven_init(struct unprovens *t);
/* Enters l, with a serial of its own; another tunnel may be withdrawn for it. NULL: no memory. Until unproven_drop() or the tunnel's end. */
struct unproven *unproven_add(struct node *n, struct lsp *l);
/* l is proven or over. Nothing if it is not in the table. */
void unproven_drop(struct node *n, struct lsp *l);
/* How many came by a link. */
uint32_t unproven_of_link(const struct node *n, uint16_t link);
/* TIMER_SESSION_UNPROVEN: withdraws those that are SESSION_HALF_OPEN old. */
void unproven_expire(struct node *n);
