/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of one connection or listener: set and read. */
#include "tcp/stack.h"

#include <errno.h>

static uint32_t limited(uint32_t value, uint32_t lo, uint32_t hi)
{
	return value < lo ? lo : value > hi ? hi : value;
}

static void set_mode(struct conn *c, uint32_t mode, bool on)
{
	c->modes = on ? c->modes | mode : c->modes & ~mode;
}

static void set_keepalive(struct tcp_stack *s, struct conn *c, uint32_t ms)
{
	c->keep_idle = (int64_t)ms * NS_PER_MS;
	if (conn_synchronized(c) && c->keep_idle &&
	    (c->life_kind == LIFE_NONE || c->life_kind == LIFE_KEEPALIVE))
		timer_life(s, c, LIFE_KEEPALIVE, c->keep_idle);
}

static int set_mss(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	if (value > 65535 || (value && value < s->cfg.mss_min))
		return -EINVAL;
	/* The SYN has said it already. */
	if (c->state != TCP_LISTEN && (c->state != TCP_SYN_SENT || c->snd_nxt != c->iss))
		return -EISCONN;
	c->mss_cap = (uint16_t)value;
	if (c->state == TCP_SYN_SENT)
		conn_update_mss(s, c);
	return 0;
}

/* Sizes. A listener only notes them for its connections. */
static int set_size(struct tcp_stack *s, struct conn *c, enum tcp_opt opt, uint32_t value)
{
	bool snd = opt == TCP_OPT_SNDBUF_MAX;
	uint32_t *max = snd ? &c->snd_limit_max : &c->rcv_limit_max;
	uint32_t *now = snd ? &c->snd_limit : &c->rcv_limit;

	*max = limited(value, 2048, snd ? s->cfg.sndbuf_max : s->cfg.rcvbuf_max);
	if (*now > *max)
		*now = *max;
	return 0;
}

/* What the next segment depends on: it is looked at again. */
static int set_sending(struct tcp_stack *s, struct conn *c, enum tcp_opt opt, uint32_t value)
{
	switch (opt) {
	case TCP_OPT_NODELAY:
		c->flags = value ? c->flags | CF_NODELAY : c->flags & ~(uint32_t)CF_NODELAY;
		break;
	case TCP_OPT_CORK:
		set_mode(c, CM_CORK, value);
		break;
	case TCP_OPT_PACING:
		conn_set_pacing(s, c, value != 0);
		break;
	case TCP_OPT_PACING_KBIT:
		c->pace_max = value ? (uint64_t)value * 125 : s->cfg.pacing_max_byte_s;
		/* What the old rate had put off goes by the new one. */
		c->pace_at = c->pace_at < s->now ? c->pace_at : s->now;
		c->pace_wait = INT64_MAX;
		break;
	case TCP_OPT_CC:
		if (value > TCP_CC_CUBIC)
			return -EINVAL;
		conn_set_cc(c, (enum tcp_cc)value);
		break;
	default:
		return -EINVAL;
	}
	if (c->state != TCP_LISTEN)
		conn_ready(s, c);
	return 0;
}

int tcp_set_opt(struct tcp_stack *s, uint32_t conn, enum tcp_opt opt, uint32_t value)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_CLOSED)
		return -ENOTCONN;
	switch (opt) {
	case TCP_OPT_KEEPALIVE_MS:
		set_keepalive(s, c, value);
		return 0;
	case TCP_OPT_KEEPALIVE_INTVL_MS:
		c->keep_intvl = (int64_t)limited(value, 1, UINT32_MAX) * NS_PER_MS;
		return 0;
	case TCP_OPT_KEEPALIVE_PROBES:
		c->keep_probes = (uint8_t)limited(value, 1, 255);
		return 0;
	case TCP_OPT_USER_TIMEOUT_MS:
		c->user_timeout = (int64_t)value * NS_PER_MS;
		timer_user(s, c);
		return 0;
	case TCP_OPT_LINGER_MS:
		set_mode(c, CM_LINGER, value != TCP_LINGER_OFF);
		c->linger_ms = value;
		return 0;
	case TCP_OPT_QUICKACK:
		set_mode(c, CM_QUICKACK, value);
		if (value && (c->flags & CF_ACK_LATER))
			conn_ack_now(s, c);
		return 0;
	case TCP_OPT_WARNINGS:
		set_mode(c, CM_QUIET, !value);
		return 0;
	case TCP_OPT_SNDBUF_MAX:
	case TCP_OPT_RCVBUF_MAX:
		return set_size(s, c, opt, value);
	case TCP_OPT_MSS:
		return set_mss(s, c, value);
	default:
		return set_sending(s, c, opt, value);
	}
}

static uint32_t ms_of(int64_t ns)
{
	int64_t ms = ns / NS_PER_MS;

	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

int tcp_get_opt(const struct tcp_stack *s, uint32_t conn, enum tcp_opt opt, uint32_t *value)
{
	const struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	switch (opt) {
	case TCP_OPT_NODELAY:
		*value = (c->flags & CF_NODELAY) != 0;
		return 0;
	case TCP_OPT_KEEPALIVE_MS:
		*value = ms_of(c->keep_idle);
		return 0;
	case TCP_OPT_KEEPALIVE_INTVL_MS:
		*value = ms_of(c->keep_intvl);
		return 0;
	case TCP_OPT_KEEPALIVE_PROBES:
		*value = c->keep_probes;
		return 0;
	case TCP_OPT_USER_TIMEOUT_MS:
		*value = ms_of(c->user_timeout);
		return 0;
	case TCP_OPT_LINGER_MS:
		*value = c->modes & CM_LINGER ? c->linger_ms : TCP_LINGER_OFF;
		return 0;
	case TCP_OPT_SNDBUF_MAX:
		*value = c->snd_limit_max;
		return 0;
	case TCP_OPT_RCVBUF_MAX:
		*value = c->rcv_limit_max;
		return 0;
	case TCP_OPT_MSS:
		*value = c->state == TCP_LISTEN ? c->mss_cap : c->mss;
		return 0;
	case TCP_OPT_CC:
		*value = c->cc.ops == &tcp_cc_cubic ? TCP_CC_CUBIC : TCP_CC_NEWRENO;
		return 0;
	case TCP_OPT_PACING_KBIT:
		*value = (uint32_t)(c->pace_max / 125);
		return 0;
	case TCP_OPT_CORK:
		*value = (c->modes & CM_CORK) != 0;
		return 0;
	case TCP_OPT_QUICKACK:
		*value = (c->modes & CM_QUICKACK) != 0;
		return 0;
	case TCP_OPT_PACING:
		*value = (c->modes & CM_PACED) != 0;
		return 0;
	case TCP_OPT_WARNINGS:
		*value = !(c->modes & CM_QUIET);
		return 0;
	default:
		return -EINVAL;
	}
}
