/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether datagrams may leave in runs: the verdict, without clock or messages. */
#include "peer/runs.h"

#include "base/assert.h"

/* Suspicion asks for so many lost, and more than a tenth of what was sent, by twice the deviation of a count: what loses one in twenty is
 * never suspected, and ten of which only the first came always are. */
#define SUSPECT_LOST  8
#define SUSPECT_SHARE 10
/* Members remembered from before the newest sample: damage that begins is to stand out at once. */
#define MEMORY 48
/* A trial ends when by the loss among members so many would have been lost. Runs are guilty if a quarter of that was or less: the loss that
 * raised the suspicion is the way's worst, so half of it is its ordinary one. */
#define TRIAL_LOST  32
#define GUILTY_PART 4
#define TRIAL_NS    (30 * NS_PER_S) /* or when nothing like runs is sent for so long */
#define RETRY_SENT  64 /* members of runs that show, when tried again, that these pass */
#define PAUSE_MIN   (10 * NS_PER_S)
#define PAUSE_MAX   (600 * NS_PER_S)

static int64_t longer(int64_t last)
{
	if (!last)
		return PAUSE_MIN;
	return 2 * last < PAUSE_MAX ? 2 * last : PAUSE_MAX;
}

static void add(struct runs_tally *t, unsigned sent, unsigned lost)
{
	COYO_ASSERT(lost <= sent);
	t->sent += sent;
	t->lost += lost;
}

static bool suspicious(const struct runs_tally *t)
{
	uint64_t over = (uint64_t)t->lost * SUSPECT_SHARE; /* in parts of 1 / SUSPECT_SHARE */

	if (t->lost < SUSPECT_LOST || over < t->sent)
		return false;
	over -= t->sent;
	return over * over >= 4ull * SUSPECT_SHARE * SUSPECT_SHARE * t->lost;
}

static bool enter(struct runs *r, enum runs_state state, struct instant until)
{
	r->state = state;
	r->until = until;
	r->singly = (struct runs_tally){0};
	if (state != RUNS_TRIAL)
		r->together = (struct runs_tally){0};
	return true;
}

static bool convict(struct runs *r, struct instant now)
{
	/* After runs have worked for longer than the last pause it is another fault, or another way. */
	if (r->pause && r->state == RUNS_TRIAL && instant_sub(now, r->on_at) > r->pause)
		r->pause = 0;
	r->pause = longer(r->pause);
	r->hold = 0;
	r->convicted = r->together;
	return enter(r, RUNS_OFF, instant_add(now, r->pause));
}

/* The way loses single datagrams as well: the next suspicion must wait. */
static bool acquit(struct runs *r, struct instant now)
{
	r->hold = longer(r->hold);
	return enter(r, RUNS_ON, instant_add(now, r->hold));
}

static bool tried(struct runs *r, struct instant now)
{
	uint64_t expected = (uint64_t)r->singly.sent * r->together.lost;

	COYO_ASSERT(r->together.sent > 0);
	if (expected < (uint64_t)TRIAL_LOST * r->together.sent)
		return false;
	return (uint64_t)GUILTY_PART * r->singly.lost * r->together.sent <= expected
	               ? convict(r, now)
	               : acquit(r, now);
}

bool runs_judge(struct runs *r, unsigned sent, unsigned lost, struct instant now)
{
	switch (r->state) {
	case RUNS_ON:
		while (r->together.sent > MEMORY)
			r->together =
			        (struct runs_tally){r->together.sent / 2, r->together.lost / 2};
		add(&r->together, sent, lost);
		if (!suspicious(&r->together) || instant_before(now, r->until))
			return false;
		return enter(r, RUNS_TRIAL, instant_add(now, TRIAL_NS));
	case RUNS_TRIAL:
		add(&r->singly, sent, lost);
		return tried(r, now);
	case RUNS_RETRY:
		add(&r->together, sent, lost);
		if (suspicious(&r->together))
			return convict(r, now);
		if (r->together.sent < RETRY_SENT)
			return false;
		r->on_at = now;
		return enter(r, RUNS_ON, now);
	default:
		return false;
	}
}

bool runs_tick(struct runs *r, struct instant now)
{
	if (r->state == RUNS_TRIAL && instant_reached(r->until, now))
		return enter(r, RUNS_ON, now);
	if (r->state == RUNS_OFF && instant_reached(r->until, now))
		return enter(r, RUNS_RETRY, now);
	return false;
}

uint8_t runs_mode(const struct runs *r)
{
	return r->state == RUNS_ON      ? LINK_RUNS_ALL
	       : r->state == RUNS_RETRY ? LINK_RUNS_ONE
	                                : LINK_RUNS_NONE;
}
