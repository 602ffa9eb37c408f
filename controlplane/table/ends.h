/* SPDX-License-Identifier: BSD-3-Clause */
/* The ends of all tunnels at this node, by id: the end closest to any id is found in one descent. */
#pragma once
#include "core/mem.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

struct lsp;

/* One direction of a tunnel, named by the end it leads to. Part of struct lsp. */
struct lsp_end {
	/* Other tunnels to the same id. The tree holds the one without `before`. */
	struct lsp_end *same, *before;
	struct lsp *lsp;
	const struct node_id *id; /* of the node at that end */
	bool forward;
	bool in; /* is in the index */
};

/* A crit-bit tree: an inner node names the first bit in which the ids below it differ. */
struct lsp_ends {
	struct mem *mem;
	void *root; /* tagged: struct lsp_end, or an inner node with the lowest bit set */
	uint32_t count;
};

/* An empty index; mem outlives it. */
void ends_init(struct lsp_ends *t, struct mem *mem);
/* Adds e, which stays where it is until removed; nothing if it is there already. Without memory e is left out: then only the tunnel's
 * own ends use the tunnel. */
void ends_add(struct lsp_ends *t, struct lsp_end *e);
/* Takes e out; nothing if it is not there. What that costs does not depend on how many tunnels lead to the same id. */
void ends_remove(struct lsp_ends *t, struct lsp_end *e);
/* Calls visit for each end, the closest to target (XOR) first, until it returns true. */
void ends_closest(const struct lsp_ends *t, const struct node_id *target,
                  bool (*visit)(void *arg, const struct lsp_end *e), void *arg);
