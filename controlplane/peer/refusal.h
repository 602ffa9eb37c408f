/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a link does not come up: what the two sides have told each other, for the operator. */
#pragma once
#include "core/ctx.h"

struct peer;
struct handshake;

/* Why a link does not come up: what one side told the other. */
struct peer_refusal {
	uint8_t reason; /* enum link_refusal; 0: none */
	bool by_us;     /* this node has refused its neighbour, not the reverse */
	uint8_t times;  /* in a row, of ours that were refused */
	uint8_t silent; /* in a row, of ours that had no answer since */
	uint32_t value;
};

/* What stands between this link and its neighbour, one sentence without a full stop; empty: nothing known. */
void peer_refusal_text(const struct node *n, const struct peer_refusal *r, char *out, size_t cap);
/* Keeps why the link does not come up, and tells the operator once for each change. */
void peer_refused(struct node *n, struct peer *p, struct peer_refusal why);
/* Another machine seems to use this node's key: remembered, and told to the operator every ten minutes. */
void peers_twin_seen(struct node *n);
/* A handshake has shown this node's own id: with itself over a link that leads back, which is not told apart by the id, or with a twin. */
void peers_own_id(struct node *n, const struct handshake *hs);
