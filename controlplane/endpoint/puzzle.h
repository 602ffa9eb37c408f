/* SPDX-License-Identifier: BSD-3-Clause */
/* Puzzles of set-ups: a responder under load asks for one in place of an answer, and keeps nothing of whom it asked. The set-up comes again with
 * the solution in place of mac2. */
#pragma once
#include "base/fair.h"
#include "core/ctx.h"
#include "crypto/puzzle.h"

struct hs_envelope;
struct lsp;
struct setup_msg;

/* Part of struct sessions. */
struct puzzles {
	struct secret secret;
	/* Set-ups that are answered without one, shared by the links that they come by. */
	struct fair free;
	/* Solutions that were used, in two sets by the generation in which; NULL: none so far. */
	uint64_t *used;
	uint32_t nused; /* in the current generation */
	/* Of the puzzles asked now, since when, and whether solved ones had to be refused since then. */
	uint8_t bits;
	struct instant bits_at;
	bool pressed;
};

enum puzzle_verdict {
	PUZZLE_FREE, /* there is no load: answered without one */
	PUZZLE_RIGHT, /* it brings the solution of a puzzle that was asked here, for the first time */
	PUZZLE_NEEDED, /* a puzzle is to be solved first */
};

/* What solutions of p are searched by for a set-up between the ends of l with this nonce: puzzle_seed(). */
void puzzle_of_setup(const struct puzzle *p, const struct lsp *l, uint64_t nonce, uint8_t seed[32]);
/* Judges the set-up m of l, whose envelope has been read and whose mac1 is right, by a few hashes. */
enum puzzle_verdict puzzle_judge(struct node *n, const struct lsp *l, const struct setup_msg *m,
                                 const struct hs_envelope *env);
/* Refuses l by a puzzle for the same message; l is freed. */
void puzzle_ask(struct node *n, struct lsp *l, const struct setup_msg *m,
                const struct hs_envelope *env);
/* One with a solution had to be refused all the same: the next puzzles are harder. */
void puzzle_pressed(struct node *n);
