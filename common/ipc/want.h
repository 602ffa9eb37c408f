/* SPDX-License-Identifier: BSD-3-Clause */
/* What a worker asks control about ids, and the answer. */
#pragma once
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

/* EVT_WANT: a session with it is wanted. EVT_RESOLVE: only its leading 120 bits are known, the others are zero. */
struct dp_want {
	struct node_id remote;
	/* EVT_RESOLVE: which of this node's programs asks, below 2^24; look-ups are shared among them. */
	uint32_t asker;
	/* EVT_WANT: for connections that go to a neighbour over its own link, or nowhere. */
	uint8_t direct; /* 0: no */
};

/* CMD_RESOLVED: the id that begins as the target of an EVT_RESOLVE does, or that there is none. */
struct cp_resolved {
	struct node_id target, id;
	bool found; /* else id is zero */
};
