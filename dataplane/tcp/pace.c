/* SPDX-License-Identifier: BSD-3-Clause */
/* Pacing: data leaves at a share of cwnd per round trip in place of bursts; each segment is stamped with its departure. */
#include "tcp/stack.h"

/* Segments due within one tick of the wheel are handed out together, each with its own departure. */
#define PACE_AHEAD (INT64_C(1) << WHEEL_SHIFT)

/* The window the rate is taken from; PRR's own is small while a recovery begins. */
static uint64_t pace_window(const struct conn *c)
{
	return c->ca == CA_RECOVERY && c->cc.ssthresh > c->cc.cwnd ? c->cc.ssthresh : c->cc.cwnd;
}

static uint64_t pace_percent(const struct tcp_stack *s, const struct conn *c)
{
	return c->cc.cwnd < c->cc.ssthresh ? s->cfg.pacing_start_pct : s->cfg.pacing_avoid_pct;
}

/* Pacing smooths bursts, it must not stop a connection: a longer round trip was mostly one whose acknowledgements were lost, and at
 * one segment per window of it what is left would take hours. */
static uint64_t pace_round(const struct tcp_stack *s, const struct conn *c)
{
	int64_t most = s->cfg.pacing_round_max_ns;

	return (uint64_t)(c->srtt < most ? c->srtt : most);
}

/* Time that len bytes take; 0: no rate is known yet. */
static int64_t pace_interval(const struct tcp_stack *s, const struct conn *c, uint32_t len)
{
	int64_t t = 0, least;

	COYO_ASSERT(pace_window(c));
	if (c->srtt)
		t = (int64_t)((uint64_t)len * pace_round(s, c) * 100 /
		              (pace_window(c) * pace_percent(s, c)));
	if (c->pace_max) {
		least = (int64_t)((uint64_t)len * NS_PER_S / c->pace_max);
		t = t > least ? t : least;
	}
	return t;
}

uint64_t pace_rate(const struct tcp_stack *s, const struct conn *c)
{
	uint64_t rate = c->pace_max;

	if (!(c->modes & CM_PACED))
		return 0;
	if (c->srtt) {
		rate = pace_window(c) * pace_percent(s, c) / 100 * NS_PER_S / pace_round(s, c);
		if (c->pace_max && c->pace_max < rate)
			rate = c->pace_max;
	}
	return rate;
}

bool pace_due(struct tcp_stack *s, struct conn *c)
{
	if (!(c->modes & CM_PACED) || c->pace_at <= s->now + PACE_AHEAD)
		return true;
	s->n.paced += c->pace_wait == INT64_MAX;
	c->pace_wait = c->pace_at - PACE_AHEAD;
	timer_set(s, c, c->pace_wait);
	return false;
}

int64_t pace_sent(struct tcp_stack *s, struct conn *c, uint32_t len)
{
	int64_t interval, earliest, at;

	if (!(c->modes & CM_PACED))
		return s->now;
	interval = pace_interval(s, c, len);
	/* After a pause a few may leave at once. */
	earliest = s->now - interval * (s->cfg.pacing_burst - 1);
	at = c->pace_at > earliest ? c->pace_at : earliest;
	c->pace_at = at + interval;
	return at > s->now ? at : s->now;
}
