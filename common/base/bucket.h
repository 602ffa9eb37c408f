/* SPDX-License-Identifier: BSD-3-Clause */
/* Token bucket: how often something may happen, in O(1) and without a timer. */
#pragma once
#include "base/assert.h"
#include "base/time.h"

#include <stdbool.h>

/* Allows rate events a second on average, and burst of them at once. A zeroed bucket that is given its rate and burst starts full. */
struct bucket {
	uint32_t rate, burst;
	int64_t debt_ns; /* how far the bucket is from full, in time */
	struct instant last;
};

/* Sets up a full bucket: rate tokens a second (0: bucket_take() never refuses), at most burst of them saved up. A burst of 0 refuses all. */
static inline void bucket_init(struct bucket *b, uint32_t rate, uint32_t burst)
{
	*b = (struct bucket){.rate = rate, .burst = burst};
}

/* Takes one token if there is one. rate 0: never limited. */
static inline bool bucket_take(struct bucket *b, struct instant now)
{
	int64_t cost, room;

	if (b->rate == 0)
		return true;
	cost = NS_PER_S / b->rate;
	room = cost * b->burst;
	if (instant_before(b->last, now)) {
		int64_t passed = instant_sub(now, b->last);

		b->debt_ns = b->debt_ns > passed ? b->debt_ns - passed : 0;
		b->last = now;
	}
	COYO_ASSERT(b->debt_ns >= 0);
	if (b->debt_ns + cost > room)
		return false;
	b->debt_ns += cost;
	return true;
}
