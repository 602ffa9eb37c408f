/* SPDX-License-Identifier: BSD-3-Clause */
/* Deadlines of connections: five per connection on one wheel node; when each is set, moved and stopped. What they do is in fire.c. */
#include "tcp/rto.h"
#include "tcp/stack.h"

int64_t timer_next(const struct conn *c)
{
	int64_t at = c->rtx_at < c->aux_at ? c->rtx_at : c->aux_at;

	at = c->delack_at < at ? c->delack_at : at;
	at = c->pace_wait < at ? c->pace_wait : at;
	return c->life_at < at ? c->life_at : at;
}

void timer_set(struct tcp_stack *s, struct conn *c, int64_t at)
{
	COYO_ASSERT(timer_next(c) <= at); /* it is one of them */
	if (at != INT64_MAX)
		tcp_wheel_arm(&s->wheel, c->index, timer_next(c));
}

void timer_rtx_stop(struct conn *c)
{
	c->rtx_kind = RTX_NONE;
	c->rtx_at = INT64_MAX;
}

/* RFC 9293 3.8.6.1: the first probe after a retransmission time-out, then ever rarer. */
static int64_t persist_interval(const struct tcp_cfg *cfg, const struct conn *c)
{
	int64_t t = c->rto > cfg->persist_min_ns ? c->rto : cfg->persist_min_ns;

	for (unsigned i = 0; i < c->backoff && t < cfg->persist_max_ns; i++)
		t *= 2;
	return t < cfg->persist_max_ns ? t : cfg->persist_max_ns;
}

void timer_rtx(struct tcp_stack *s, struct conn *c, enum conn_rtx kind)
{
	int64_t limit = c->una_moved + c->user_timeout;

	c->rtx_kind = (uint8_t)kind;
	c->rtx_at = s->now + (kind == RTX_PERSIST ? persist_interval(&s->cfg, c)
	                                          : rto_backed_off(&s->cfg, c));
	/* Giving up comes on time, not with the next retransmission. */
	if (c->user_timeout && conn_synchronized(c) && c->rtx_at > limit)
		c->rtx_at = limit > s->now ? limit : s->now + NS_PER_MS;
	COYO_ASSERT(kind != RTX_NONE && c->rtx_at > s->now);
	timer_set(s, c, c->rtx_at);
}

void timer_user(struct tcp_stack *s, struct conn *c)
{
	int64_t limit = c->una_moved + c->user_timeout;

	if (!c->user_timeout || !conn_synchronized(c) ||
	    (c->snd_nxt == c->snd_una && !c->snd.len) || c->rtx_at <= limit)
		return;
	if (c->rtx_kind == RTX_NONE) {
		/* Output was not asked yet: it sets a timer, within this limit. Where a hold stopped the timer only patience runs. */
		if (!s->peers[c->peer].held)
			return;
		c->rtx_kind = c->rec.len ? RTX_RTO : RTX_PERSIST;
	}
	c->rtx_at = limit > s->now ? limit : s->now + NS_PER_MS;
	timer_set(s, c, c->rtx_at);
}

void timer_rto_restart(struct tcp_stack *s, struct conn *c)
{
	timer_rtx(s, c, RTX_RTO);
}

void timer_life(struct tcp_stack *s, struct conn *c, enum conn_life kind, int64_t delay)
{
	c->life_kind = (uint8_t)kind;
	c->life_at =
	        kind == LIFE_NONE ? INT64_MAX : instant_add((struct instant){s->now}, delay).ns;
	timer_set(s, c, c->life_at);
}

void timer_tlp(struct tcp_stack *s, struct conn *c)
{
	int64_t pto;

	if (c->aux_kind == AUX_REO)
		return;
	c->aux_kind = AUX_NONE;
	c->aux_at = INT64_MAX;
	if (!s->cfg.tail_loss_probe || !(c->flags & CF_SACK) || c->ca >= CA_RECOVERY ||
	    c->sacked_bytes || (c->flags & CF_TLP_OUT) || c->rtx_kind != RTX_RTO ||
	    c->snd_nxt == c->snd_una)
		return;
	pto = c->srtt ? 2 * c->srtt : s->cfg.tlp_no_rtt_ns;
	if (c->snd_nxt - c->snd_una <= c->mss)
		pto += s->cfg.tlp_delack_ns;
	if (pto < s->cfg.tlp_min_ns)
		pto = s->cfg.tlp_min_ns;
	c->aux_kind = AUX_TLP;
	/* Never after the retransmission time-out, which it replaces then. */
	c->aux_at = s->now + pto < c->rtx_at ? s->now + pto : c->rtx_at;
	COYO_ASSERT(c->rec.len);
	timer_set(s, c, c->aux_at);
}

struct instant tcp_next_deadline(const struct tcp_stack *s)
{
	return (struct instant){.ns = tcp_wheel_next(&s->wheel)};
}
