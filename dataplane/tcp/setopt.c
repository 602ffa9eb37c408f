/* SPDX-License-Identifier: BSD-3-Clause */
/* Options of one connection or listener: set_name() and get_name() for each row of TCP_OPTS. */
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

/* What the next segment depends on was changed: it is looked at again. */
static int sends_anew(struct tcp_stack *s, struct conn *c)
{
	if (c->state != TCP_LISTEN)
		conn_ready(s, c);
	return 0;
}

static uint32_t ms_of(int64_t ns)
{
	int64_t ms = ns / NS_PER_MS;

	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

/* Setting it lets go what is queued, corked or not, as Linux does; what is written later is corked again. */
static int set_nodelay(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	if (value)
		set_mode(c, CM_PUSH, c->state != TCP_LISTEN);
	c->flags = value ? c->flags | CF_NODELAY : c->flags & ~(uint32_t)CF_NODELAY;
	return sends_anew(s, c);
}

static uint32_t get_nodelay(const struct conn *c)
{
	return (c->flags & CF_NODELAY) != 0;
}

static int set_keepalive_ms(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	c->keep_idle = (int64_t)value * NS_PER_MS;
	if (conn_synchronized(c) && c->keep_idle &&
	    (c->life_kind == LIFE_NONE || c->life_kind == LIFE_KEEPALIVE))
		timer_life(s, c, LIFE_KEEPALIVE, c->keep_idle);
	return 0;
}

static uint32_t get_keepalive_ms(const struct conn *c)
{
	return ms_of(c->keep_idle);
}

static int set_keepalive_intvl_ms(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	(void)s;
	c->keep_intvl = (int64_t)limited(value, 1, UINT32_MAX) * NS_PER_MS;
	return 0;
}

static uint32_t get_keepalive_intvl_ms(const struct conn *c)
{
	return ms_of(c->keep_intvl);
}

static int set_keepalive_probes(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	(void)s;
	c->keep_probes = (uint8_t)limited(value, 1, 255);
	return 0;
}

static uint32_t get_keepalive_probes(const struct conn *c)
{
	return c->keep_probes;
}

static int set_user_timeout_ms(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	c->user_timeout = (int64_t)value * NS_PER_MS;
	timer_user(s, c);
	return 0;
}

static uint32_t get_user_timeout_ms(const struct conn *c)
{
	return ms_of(c->user_timeout);
}

static int set_linger_ms(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	(void)s;
	set_mode(c, CM_LINGER, value != TCP_LINGER_OFF);
	c->linger_ms = value;
	return 0;
}

static uint32_t get_linger_ms(const struct conn *c)
{
	return c->modes & CM_LINGER ? c->linger_ms : TCP_LINGER_OFF;
}

/* A listener has no buffers: it only notes the sizes for its connections. */
static int set_size(uint32_t *max, uint32_t *now, uint32_t value, uint32_t most)
{
	*max = limited(value, 2048, most);
	if (*now > *max)
		*now = *max;
	return 0;
}

static int set_sndbuf_max(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	return set_size(&c->snd_limit_max, &c->snd_limit, value, s->cfg.sndbuf_max);
}

static uint32_t get_sndbuf_max(const struct conn *c)
{
	return c->snd_limit_max;
}

static int set_rcvbuf_max(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	return set_size(&c->rcv_limit_max, &c->rcv_limit, value, s->cfg.rcvbuf_max);
}

static uint32_t get_rcvbuf_max(const struct conn *c)
{
	return c->rcv_limit_max;
}

static int set_cc(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	if (value > TCP_CC_CUBIC)
		return -EINVAL;
	conn_set_cc(c, (enum tcp_cc)value);
	return sends_anew(s, c);
}

static uint32_t get_cc(const struct conn *c)
{
	return c->cc.ops == &tcp_cc_cubic ? TCP_CC_CUBIC : TCP_CC_NEWRENO;
}

static int set_cork(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	set_mode(c, CM_CORK, value);
	return sends_anew(s, c);
}

static uint32_t get_cork(const struct conn *c)
{
	return (c->modes & CM_CORK) != 0;
}

static int set_quickack(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	set_mode(c, CM_QUICKACK, value);
	if (value && (c->flags & CF_ACK_LATER))
		conn_ack_now(s, c);
	return 0;
}

static uint32_t get_quickack(const struct conn *c)
{
	return (c->modes & CM_QUICKACK) != 0;
}

static int set_pacing(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	conn_set_pacing(s, c, value != 0);
	return sends_anew(s, c);
}

static uint32_t get_pacing(const struct conn *c)
{
	return (c->modes & CM_PACED) != 0;
}

static int set_pacing_kbit(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	c->pace_max = value ? (uint64_t)value * 125 : s->cfg.pacing_max_byte_s;
	/* What the old rate had put off goes by the new one. */
	c->pace_at = c->pace_at < s->now ? c->pace_at : s->now;
	c->pace_wait = INT64_MAX;
	return sends_anew(s, c);
}

static uint32_t get_pacing_kbit(const struct conn *c)
{
	return (uint32_t)(c->pace_max / 125);
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

static uint32_t get_mss(const struct conn *c)
{
	return c->state == TCP_LISTEN ? c->mss_cap : c->mss;
}

static int set_warnings(struct tcp_stack *s, struct conn *c, uint32_t value)
{
	(void)s;
	set_mode(c, CM_QUIET, !value);
	return 0;
}

static uint32_t get_warnings(const struct conn *c)
{
	return !(c->modes & CM_QUIET);
}

/* set: 0 or -errno. */
static const struct {
	int (*set)(struct tcp_stack *s, struct conn *c, uint32_t value);
	uint32_t (*get)(const struct conn *c);
} options[] = {
#define ROW(NAME, name, what) [TCP_OPT_##NAME] = {set_##name, get_##name},
        TCP_OPTS(ROW)
#undef ROW
};

int tcp_set_opt(struct tcp_stack *s, uint32_t conn, enum tcp_opt opt, uint32_t value)
{
	struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if (c->state == TCP_CLOSED)
		return -ENOTCONN;
	return (unsigned)opt < TCP_OPT_COUNT ? options[opt].set(s, c, value) : -EINVAL;
}

int tcp_get_opt(const struct tcp_stack *s, uint32_t conn, enum tcp_opt opt, uint32_t *value)
{
	const struct conn *c = conn_app(s, conn);

	if (!c)
		return -EBADF;
	if ((unsigned)opt >= TCP_OPT_COUNT)
		return -EINVAL;
	*value = options[opt].get(c);
	return 0;
}

uint32_t tcp_default_opt(struct tcp_stack *s, enum tcp_opt opt)
{
	struct conn c = {.state = TCP_LISTEN};

	conn_defaults(s, &c);
	return options[opt].get(&c);
}
