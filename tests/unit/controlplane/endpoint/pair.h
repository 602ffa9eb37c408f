/* SPDX-License-Identifier: BSD-3-Clause */
/* Two beds that know nothing of each other but what the test carries across: one asks for a session, the other answers. */
#pragma once
#include "bed.h"

#include "endpoint/handshake.h"

/* A message inside the envelope of a set-up or of a reply. */
struct pair_envelope {
	uint8_t data[LSP_ENVELOPE_MAX];
	size_t len;
};

struct pair {
	struct bed asks, answers;
	struct session *own;       /* the asker's */
	struct pair_envelope said; /* by the answerer to the last set-up, where at once */
};

void pair_open(struct pair *p, uint64_t seed, bool asker_is_lower);
/* Fails the test when anything is left allocated on either side. */
void pair_close(struct pair *p);

/* Both hold a generation with one another from before, and the asker knows the answerer's key. */
void pair_known(struct pair *p);
/* The asker begins a handshake, by IK after pair_known(): its first message, as it stands in a set-up. */
void pair_first(struct pair *p, bool ik, struct pair_envelope *e);
/* A set-up with this envelope arrives at the answerer as from src. The tunnel, or NULL when it was refused. */
struct lsp *pair_offer(struct pair *p, uint64_t nonce, const struct node_id *src, uint8_t flags,
                       const struct pair_envelope *e);
/* The answerer's session with the asker, or NULL. */
struct session *pair_answering(struct pair *p);
/* The answer of s, or, NULL, what was said to the last set-up, reaches the asker by a tunnel that stands at its end; the tunnel. */
struct lsp *pair_reply(struct pair *p, uint64_t nonce, const struct session *s);
/* What the asker said last comes to the answerer inside the tunnel whose label this is. */
void pair_third(struct pair *p, uint32_t label, const uint8_t *msg, size_t len);
/* A first message comes to the answerer inside the tunnel of its session s. */
void pair_rekey(struct pair *p, struct session *s, const uint8_t *msg, size_t len);
