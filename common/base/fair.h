/* SPDX-License-Identifier: BSD-3-Clause */
/* A rate that several parties share max-min: half of it is divided among those that use it at present, the rest is for whoever comes. */
#pragma once
#include "base/bucket.h"

#define FAIR_WINDOW \
	(2 * NS_PER_S) /* who has come within it, or the one before, uses the rate at present */

/* One party. Zeroed: it has not come yet. */
struct fair_part {
	struct bucket own;
	uint32_t window; /* in which it last came */
};

/* The rate. fair_init() first. */
struct fair {
	uint32_t rate; /* events a second, all parties together */
	struct bucket any;
	uint32_t window; /* number of the present one, from 1 */
	struct instant until;
	uint32_t came, came_before; /* parties in the present window, in the one before */
};

/* rate events a second, all parties together; 0: never limited. */
static inline void fair_init(struct fair *f, uint32_t rate)
{
	*f = (struct fair){.rate = rate, .window = 1};
	bucket_init(&f->any, rate / 2, rate / 2);
}

/* Takes one for p, if its own part or what is for anybody has one left. However many the others want, p is not refused while it takes no
 * more than its part: half of the rate, divided by the number of parties that use it. */
static inline bool fair_take(struct fair *f, struct fair_part *p, struct instant now)
{
	uint32_t parties, part;

	if (f->rate == 0)
		return true;
	if (instant_reached(f->until, now)) {
		/* Windows that nobody came in are passed over. */
		f->came_before = instant_sub(now, f->until) < FAIR_WINDOW ? f->came : 0;
		f->came = 0;
		f->window++;
		f->until = instant_add(now, FAIR_WINDOW);
	}
	if (p->window != f->window) {
		p->window = f->window;
		f->came++;
	}
	parties = f->came > f->came_before ? f->came : f->came_before;
	part = f->rate / 2 / parties;
	p->own.rate = p->own.burst = part ? part : 1;
	return bucket_take(&p->own, now) || bucket_take(&f->any, now);
}
