/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator or a local application asks of a node, and the answers. */
#pragma once
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

enum node_request_type {
	REQ_LOOKUP = 1, /* which contact is closest to this id; is it the id itself */
	REQ_PING,       /* round trip through the tunnel (builds it when missing) */
	REQ_TRACE,      /* one answer per hop, then done */
	REQ_CONNECT,    /* build tunnel and session; the answer says when it stands */
	REQ_DRAIN, /* accept no new tunnels, withdraw those in transit; answered when that has begun */
};

struct node_request {
	uint32_t type;
	uint32_t cookie; /* comes back in every answer */
	struct node_id id;
	uint32_t count;       /* ping: how many */
	uint32_t interval_ms; /* ping */
};

enum node_answer_type {
	ANS_LOOKUP = 1,
	ANS_PING,
	ANS_TRACE_HOP,
	ANS_CONNECTED,
	ANS_FAILED, /* err says why */
	ANS_DONE,   /* nothing follows for this cookie */
};

struct node_answer {
	uint32_t type;
	uint32_t cookie;
	/* ANS_FAILED: positive errno; EMULTIHOP: too far, more than 255 hops. */
	int32_t err;
	bool exact;        /* ANS_LOOKUP: the id itself answered */
	struct node_id id; /* lookup: closest; trace: the node at this hop */
	uint32_t seq;      /* ping, trace hop number from 1 */
	int64_t rtt_ns;
	/* ANS_CONNECTED: the set-up's physical hops; lookup: hops of the path in use. */
	uint32_t hops;
	int64_t setup_ns;  /* ANS_CONNECTED: request to tunnel */
	uint32_t in_label; /* trace: label the probe carried into that node */
	uint32_t out_label;
	char text[96]; /* ANS_FAILED: cause and remedy in one sentence */
};
