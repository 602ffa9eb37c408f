/* SPDX-License-Identifier: BSD-3-Clause */
/* Anti-replay window over 64-bit counters (the bitmap of RFC 6479): check before opening, commit after. */
#pragma once
#include "base/assert.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define REPLAY_WORDS 64
/* How far behind the newest counter a packet may still arrive: one word is kept free for the slide. */
#define REPLAY_WINDOW ((REPLAY_WORDS - 1) * 64)

/* Zeroed: nothing received yet. Touched by one worker alone. */
struct replay {
	uint64_t next; /* newest counter received + 1 */
	uint64_t bits[REPLAY_WORDS];
};

/* The window has passed this counter: whether it was received is not known any more. */
static inline bool replay_forgotten(const struct replay *r, uint64_t counter)
{
	return counter < r->next && r->next - counter > REPLAY_WINDOW;
}

/* Received, of a counter that is not forgotten. */
static inline bool replay_seen(const struct replay *r, uint64_t counter)
{
	COYO_ASSERT(!replay_forgotten(r, counter));
	return counter < r->next &&
	       (r->bits[counter / 64 % REPLAY_WORDS] & (UINT64_C(1) << (counter % 64)));
}

/* False: seen before, or too old to tell. Changes nothing, so that a forged packet cannot move the window. */
static inline bool replay_check(const struct replay *r, uint64_t counter)
{
	if (counter == UINT64_MAX)
		return false;
	if (counter >= r->next)
		return true;
	if (r->next - counter > REPLAY_WINDOW)
		return false;
	return !(r->bits[counter / 64 % REPLAY_WORDS] & (UINT64_C(1) << (counter % 64)));
}

/* Records an authentic counter that replay_check() allowed. */
static inline void replay_commit(struct replay *r, uint64_t counter)
{
	COYO_ASSERT(replay_check(r, counter));
	if (counter >= r->next) {
		uint64_t from = r->next ? (r->next - 1) / 64 : 0, to = counter / 64;

		if (to - from >= REPLAY_WORDS)
			memset(r->bits, 0, sizeof(r->bits));
		else
			for (uint64_t w = from + 1; w <= to; w++)
				r->bits[w % REPLAY_WORDS] = 0;
		r->next = counter + 1;
	}
	r->bits[counter / 64 % REPLAY_WORDS] |= UINT64_C(1) << (counter % 64);
}
