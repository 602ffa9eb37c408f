/* SPDX-License-Identifier: BSD-3-Clause */
/* Solves the puzzles that responders under load ask for, a slice at a time for all sessions together. */
#include "endpoint/solve.h"

#include "base/be.h"
#include "crypto/cookie.h"
#include "endpoint/build.h"
#include "endpoint/handshake.h"

#include <string.h>

#define SLICE_HASHES 1024 /* some 0.3 ms */
#define SLICE_EVERY  NS_PER_MS
#define SOLVE_TRIES \
	4 /* puzzles of one demand for a tunnel; whoever asks for more does not want to answer */

bool solve_begin(struct node *n, struct session *s, const struct lsp *l, uint32_t tag_from,
                 uint32_t tag_to)
{
	uint8_t puzzle[8];

	/* Several attempts may be asked: they carry the same message, and one solution is enough. */
	if (s->solving.on)
		return true;
	be32_store(puzzle, tag_from);
	be32_store(puzzle + 4, tag_to);
	if (puzzle[0] == 0 || puzzle[0] > PUZZLE_BITS_MAX || s->solving.tries >= SOLVE_TRIES ||
	    s->own.state != HS_OPEN || l->setup_flags & SETUP_FLAG_REPAIR)
		return false;
	s->solving.puzzle.bits = puzzle[0];
	memcpy(s->solving.puzzle.nonce, puzzle + 1, PUZZLE_NONCE_BYTES);
	/* Of the next set-up, which the solution is good for and no other. */
	s->solving.nonce = rng_u64(&n->cfg.rng);
	puzzle_of_setup(&s->solving.puzzle, l, s->solving.nonce, s->solving.seed);
	s->solving.at = 0;
	s->solving.tries++;
	s->solving.on = true;
	s->solving.solved = false;
	TAILQ_INSERT_TAIL(&n->sessions->solving, s, solving.next);
	if (!timer_armed(&n->sessions->solve_timer))
		arm(n, &n->sessions->solve_timer, TIMER_SESSION_SOLVE, NULL, SLICE_EVERY);
	return true;
}

void solve_use(struct session *s, uint8_t *envelope, size_t len, uint64_t *nonce)
{
	uint8_t *mac2 = envelope + len - COOKIE_MAC_BYTES;

	if (!s->solving.solved)
		return;
	COYO_ASSERT(len >= HS_MACS_BYTES);
	mac2[0] = s->solving.puzzle.bits;
	memcpy(mac2 + 1, s->solving.puzzle.nonce, PUZZLE_NONCE_BYTES);
	be64_store(mac2 + 8, s->solving.at);
	*nonce = s->solving.nonce;
}

void solve_spent(struct session *s)
{
	s->solving.solved = false;
}

void solve_slice(struct node *n)
{
	struct session *s = TAILQ_FIRST(&n->sessions->solving);

	if (!s)
		return;
	TAILQ_REMOVE(&n->sessions->solving, s, solving.next);
	s->solving.on = false;
	if (s->path || s->own.state != HS_OPEN || !(session_wanted(s) || s->in_use)) {
		/* Nobody needs it any more. */
	} else if (puzzle_search(s->solving.seed, s->solving.puzzle.bits, &s->solving.at,
	                         SLICE_HASHES)) {
		count(n, CTR_PUZZLE_OWN);
		s->solving.solved = true;
		if (build_start_anyhow(n, s) != 0)
			build_again(n, s);
	} else {
		s->solving.on = true;
		TAILQ_INSERT_TAIL(&n->sessions->solving, s, solving.next);
	}
	if (!TAILQ_EMPTY(&n->sessions->solving))
		arm(n, &n->sessions->solve_timer, TIMER_SESSION_SOLVE, NULL, SLICE_EVERY);
}
