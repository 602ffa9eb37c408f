/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of one file of endpoint stand on: the parts below it, one link, and a recorder in place of who hears of sessions. */
#pragma once
#include "tests/unit/controlplane/core/ground.h"

#include "endpoint/session.h"

struct bed {
	struct ground g;
	struct node *n;
};

/* What was reported of sessions since bed_open(). */
struct bed_heard {
	unsigned ready, failed;
	int err; /* of the last failure */
};

extern struct bed_heard bed_heard;

void bed_open(struct bed *b, uint64_t seed);
/* Fails the test when anything is left allocated. */
void bed_close(struct bed *b);

/* A session with an id that is lower or higher than this node's, in a state without a tunnel. */
struct session *bed_session(struct bed *b, bool we_are_lower, enum session_state state);
/* A tunnel of s that stands: role LSP_INGRESS or LSP_EGRESS. Its length is 4 hops. */
struct lsp *bed_tunnel(struct bed *b, struct session *s, uint64_t nonce, enum lsp_role role);
/* The oldest command of this type that waits to be carried out; what was queued before it is thrown away. False: there is none. */
bool bed_command(struct bed *b, uint32_t type, struct cp_cmd *c);
