/* SPDX-License-Identifier: BSD-3-Clause */
/* What each deadline of a connection does when it comes: send again, probe, keep alive, give up, acknowledge. */
#include "tcp/record.h"
#include "tcp/recovery.h"

#include <errno.h>

static void give_up(struct tcp_stack *s, struct conn *c)
{
	s->n.timed_out++;
	if (c->soft_err && !conn_synchronized(c))
		conn_end(s, c, c->soft_err, 0);
	else
		conn_give_up(s, c, c->soft_err ? c->soft_err : ETIMEDOUT);
}

static uint32_t retry_limit(const struct tcp_stack *s, const struct conn *c)
{
	if (c->state == TCP_SYN_SENT)
		return s->cfg.syn_retries;
	if (c->state == TCP_SYN_RCVD)
		return s->cfg.synack_retries;
	return s->cfg.data_retries;
}

/* A FIN waits: there was no memory for its record. */
static bool fin_unsent(const struct conn *c)
{
	return (c->flags & CF_FIN_QUEUED) && c->snd_nxt == conn_data_end(c);
}

/* The retransmission, SYN or persist timer. False: the connection is gone. */
static bool rtx_fired(struct tcp_stack *s, struct conn *c)
{
	uint8_t kind = c->rtx_kind;
	bool limited =
	        c->user_timeout && conn_synchronized(c) && (c->snd_nxt != c->snd_una || c->snd.len);

	COYO_ASSERT(kind != RTX_NONE);
	if (limited && s->now - c->una_moved >= c->user_timeout) {
		give_up(s, c);
		return false;
	}
	if (kind == RTX_PERSIST && !c->snd.len && !fin_unsent(c)) {
		/* A writer that found no memory tries again. */
		timer_rtx_stop(c);
		if (c->flags & CF_WANT_WRITE) {
			c->flags &= ~(uint32_t)CF_WANT_WRITE;
			conn_event(s, c, TCP_EV_WRITABLE);
		}
		return true;
	}
	/* Who never was a connection has no claim to wait for the path: a listener's backlog would stay full. */
	if (s->peers[c->peer].held && !(kind == RTX_SYN && (c->flags & CF_PASSIVE))) {
		/* Nothing is sent again meanwhile; only the application's patience runs out. */
		c->flags |= CF_RTO_HELD;
		if (limited)
			c->rtx_at = c->una_moved + c->user_timeout;
		else
			timer_rtx_stop(c);
		return true;
	}
	/* The application's patience stands in for the configured retries, as long as there is one. */
	if (c->retries >= retry_limit(s, c) && (!limited || (c->flags & CF_ORPHAN))) {
		give_up(s, c);
		return false;
	}
	c->retries += c->retries < UINT8_MAX;
	if (c->retries == s->cfg.warn_retries)
		conn_warn(s, c);
	if (c->backoff < 30)
		c->backoff++;
	if (kind == RTX_SYN) {
		c->flags |= CF_SYN_DUE;
	} else if (kind == RTX_PERSIST) {
		c->flags |= CF_PROBE_DUE;
	} else {
		recovery_timeout(s, c);
	}
	timer_rtx(s, c, (enum conn_rtx)kind);
	conn_ready(s, c);
	return true;
}

static void aux_fired(struct tcp_stack *s, struct conn *c)
{
	uint8_t kind = c->aux_kind;

	COYO_ASSERT(kind == AUX_TLP || kind == AUX_REO);
	c->aux_kind = AUX_NONE;
	c->aux_at = INT64_MAX;
	if (s->peers[c->peer].held)
		return;
	if (kind == AUX_REO) {
		recovery_reorder_timer(s, c);
	} else if (c->ca < CA_RECOVERY && c->rec.len) {
		c->flags |= CF_TLP_DUE;
		if (c->rtx_kind == RTX_RTO && c->rtx_at <= s->now)
			timer_rto_restart(s, c);
	}
	conn_ready(s, c);
}

static bool keepalive_fired(struct tcp_stack *s, struct conn *c)
{
	int64_t idle = s->now - c->last_rx;

	if (!c->keep_idle) {
		timer_life(s, c, LIFE_NONE, 0);
		return true;
	}
	if (idle < c->keep_idle || c->snd_nxt != c->snd_una) {
		c->keep_sent = 0;
		timer_life(s, c, LIFE_KEEPALIVE,
		           idle < c->keep_idle ? c->keep_idle - idle : c->keep_idle);
		return true;
	}
	if (s->peers[c->peer].held) {
		/* Probes cannot leave; the peer that would not answer them was not asked. */
		c->keep_sent = 0;
		timer_life(s, c, LIFE_KEEPALIVE, c->keep_idle);
		return true;
	}
	if (c->keep_sent >= c->keep_probes) {
		give_up(s, c);
		return false;
	}
	c->keep_sent++;
	c->flags |= CF_KEEP_DUE;
	conn_ready(s, c);
	timer_life(s, c, LIFE_KEEPALIVE, c->keep_intvl);
	return true;
}

static bool life_fired(struct tcp_stack *s, struct conn *c)
{
	uint8_t kind = c->life_kind;

	COYO_ASSERT(kind != LIFE_NONE && c->state != TCP_CLOSED);
	c->life_at = INT64_MAX;
	c->life_kind = LIFE_NONE;
	switch (kind) {
	case LIFE_CONNECT:
		give_up(s, c);
		return false;
	case LIFE_KEEPALIVE:
		return keepalive_fired(s, c);
	case LIFE_LINGER:
		/* RFC 9293 leaves it open; the application said how long its data may take. */
		give_up(s, c);
		return false;
	case LIFE_FIN_WAIT_2:
	case LIFE_TIME_WAIT:
		conn_end(s, c, 0, 0);
		return false;
	default:
		return true;
	}
}

/* All deadlines of c that have come, then the next one is set. c may be gone afterwards. */
static void fire_due(struct tcp_stack *s, struct conn *c)
{
	if (c->delack_at <= s->now) {
		c->delack_at = INT64_MAX;
		if (c->flags & CF_ACK_LATER)
			conn_ack_now(s, c);
	}
	if (c->pace_wait <= s->now) {
		c->pace_wait = INT64_MAX;
		conn_ready(s, c);
	}
	if (c->aux_at <= s->now)
		aux_fired(s, c);
	if (c->rtx_at <= s->now && !rtx_fired(s, c))
		return;
	if (c->life_at <= s->now && !life_fired(s, c))
		return;
	COYO_ASSERT(timer_next(c) >= s->now);
	timer_set(s, c, timer_next(c));
}

void tcp_advance(struct tcp_stack *s, struct instant now)
{
	uint32_t i;

	stack_time(s, now);
	while ((i = tcp_wheel_pop(&s->wheel, s->now)) != WHEEL_NONE)
		fire_due(s, &s->conns[i]);
}
