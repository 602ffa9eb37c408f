/* SPDX-License-Identifier: BSD-3-Clause */
/* The puzzles that others ask for in place of an answer: solved in slices, so that nothing else waits for long; then the set-up is sent again. */
#pragma once
#include "endpoint/session.h"

/* l, a set-up of s, was refused by this puzzle. True: it is being solved, and a set-up with the solution follows. False: it is too hard, or
 * there have been too many, or it is not about a handshake under way. */
bool solve_begin(struct node *n, struct session *s, const struct lsp *l, uint32_t tag_from,
                 uint32_t tag_to);
/* Puts a solution that is ready into the envelope of s's next set-up, and its name's nonce into *nonce; else changes nothing. */
void solve_use(struct session *s, uint8_t *envelope, size_t len, uint64_t *nonce);
/* A set-up with that envelope has left: the solution is good once. One that found no way leaves it for the next. */
void solve_spent(struct session *s);
/* TIMER_SESSION_SOLVE: a slice of work for the session whose turn it is. */
void solve_slice(struct node *n);
