/* SPDX-License-Identifier: BSD-3-Clause */
/* SYN cookies (RFC 4987 3.6): what a half-open connection would remember travels in the SYN-ACK and comes back with the ACK. */
#include "tcp/input.h"

/* The sequence number: 2 bits of period, 3 bits of MSS, the options in 6 bits where there are no timestamps, the rest hash.
 * With timestamps the options lie in the low 6 bits of ours, which the peer echoes. */
#define MSS_SHIFT  27
#define OPTS_SHIFT 21
#define OPTS_BITS  6u

enum {
	OPT_WSCALE = 15, /* the peer's shift; 15: no window scaling */
	OPT_SACK = 16,
	OPT_ECN = 32
};

/* Rounded down to: what paths have, and the smallest a sane peer names. */
static const uint16_t mss_table[8] = {64, 536, 900, 1100, 1200, 1360, 1440, 8900};

static uint64_t period_now(const struct tcp_stack *s)
{
	return (uint64_t)s->now / (uint64_t)s->cfg.cookie_ns;
}

struct cookie {
	uint64_t period;
	uint32_t mss, opts; /* index, bits */
	bool ts;
};

/* g: the SYN, or the ACK with irs taken from it. */
static uint32_t cookie_make(const struct tcp_stack *s, const struct seg *g, uint32_t irs,
                            const struct cookie *k)
{
	uint64_t about = k->period << 16 | k->mss << 8 | k->opts | (k->ts ? 128u : 0);
	uint64_t hash = tcp_keyed(&s->key_cookie, tcp_keyed(&s->key_cookie, g->peer, about),
	                          (uint64_t)irs << 32 | (uint32_t)g->lport << 16 | g->rport);
	uint32_t fixed = (uint32_t)(k->period & 3) << 30 | k->mss << MSS_SHIFT;
	uint32_t bits = MSS_SHIFT;

	if (!k->ts) {
		fixed |= k->opts << OPTS_SHIFT;
		bits = OPTS_SHIFT;
	}
	return fixed | (uint32_t)(hash & ((1u << bits) - 1));
}

static uint32_t mss_index(uint32_t mss)
{
	uint32_t i = 7;

	while (i && mss_table[i] > mss)
		i--;
	return i;
}

/* Our timestamp with the options in its low bits; never ahead of the clock, so that real ones can follow. */
static uint32_t cookie_ts(const struct tcp_stack *s, const struct seg *g, uint32_t opts)
{
	uint32_t now = (uint32_t)s->ts_now + isn_ts_offset(s, g->peer, g->lport, g->rport);
	uint32_t ts = (now & ~((1u << OPTS_BITS) - 1)) | opts;

	return (int32_t)(ts - now) > 0 ? ts - (1u << OPTS_BITS) : ts;
}

void cookie_send(struct tcp_stack *s, const struct conn *l, const struct seg *g)
{
	const struct tcp_cfg *cfg = &s->cfg;
	uint32_t rcvbuf = cfg->rcvbuf < l->rcv_limit_max ? cfg->rcvbuf : l->rcv_limit_max;
	struct cookie k = {.period = period_now(s),
	                   .mss = mss_index(g->o.mss ? g->o.mss : 536),
	                   .opts = OPT_WSCALE,
	                   .ts = cfg->timestamps && g->o.ts};
	struct tcp_reply r = {.peer = g->peer,
	                      .lport = g->lport,
	                      .rport = g->rport,
	                      .ack = g->seq + 1,
	                      .wnd = (uint16_t)(rcvbuf < 65535 ? rcvbuf : 65535),
	                      .mss = conn_path_mss(s, g->peer, l),
	                      .flags = TCP_SYN | TCP_ACK,
	                      .wscale = -1};

	if (cfg->window_scale && g->o.wscale >= 0) {
		k.opts = (uint32_t)g->o.wscale;
		r.wscale = (int8_t)conn_wscale(cfg, l->rcv_limit_max);
	}
	if (cfg->sack && g->o.sack_ok) {
		k.opts |= OPT_SACK;
		r.sack_ok = true;
	}
	if (cfg->ecn != TCP_ECN_OFF && (g->flags & TCP_ECE) && (g->flags & TCP_CWR)) {
		k.opts |= OPT_ECN;
		r.flags |= TCP_ECE;
	}
	if (k.ts) {
		r.ts = true;
		r.ts_val = cookie_ts(s, g, k.opts);
		r.ts_ecr = g->o.ts_val;
	}
	r.seq = cookie_make(s, g, g->seq, &k);
	s->cookie_at = s->now;
	s->n.cookies_out++;
	reply_push(s, &r);
}

/* The cookie in an ACK, if it is one of ours and young enough. */
static bool cookie_read(const struct tcp_stack *s, const struct seg *g, struct cookie *k)
{
	uint32_t isn = g->ack - 1;
	uint64_t now = period_now(s);

	k->ts = s->cfg.timestamps && g->o.ts;
	k->mss = isn >> MSS_SHIFT & 7;
	k->opts = (k->ts ? g->o.ts_ecr : isn >> OPTS_SHIFT) & ((1u << OPTS_BITS) - 1);
	k->period = (now & 3) == isn >> 30 ? now : now - 1;
	return isn == cookie_make(s, g, g->seq - 1, k);
}

/* The connection as the SYN would have made it. */
static void cookie_conn(struct tcp_stack *s, struct conn *c, const struct conn *l,
                        const struct seg *g, const struct cookie *k)
{
	uint32_t ws = k->opts & OPT_WSCALE;
	struct seg syn = {.peer = g->peer,
	                  .seq = g->seq - 1,
	                  .wnd = g->wnd,
	                  .o = {.mss = mss_table[k->mss],
	                        .wscale = ws == OPT_WSCALE ? -1 : (int8_t)ws,
	                        .sack_ok = (k->opts & OPT_SACK) != 0,
	                        .ts = k->ts,
	                        .ts_val = g->o.ts_val}};

	conn_inherit(c, l);
	conn_setup(s, c);
	conn_set_iss(c, g->ack - 1);
	conn_take_syn(s, c, &syn);
	conn_become(c, TCP_SYN_RCVD);
	c->snd_nxt = c->snd_max = c->iss + 1;
	c->rcv_adv = c->rcv_nxt + (c->rcv_limit < 65535 ? c->rcv_limit : 65535);
	c->syn_tx = -1; /* the round trip is not known */
	c->flags |= CF_PASSIVE | (k->opts & OPT_ECN ? CF_ECN : 0);
	c->modes |= CM_COOKIE;
}

enum cookie_verdict cookie_back(struct tcp_stack *s, struct conn *l, const struct seg *g,
                                struct conn **conn)
{
	struct cookie k;
	struct conn *c;

	/* Guessing is possible only while cookies are about. */
	if (s->now - s->cookie_at > 2 * s->cfg.cookie_ns || (g->flags & (TCP_SYN | TCP_RST)))
		return COOKIE_NONE;
	if (!cookie_read(s, g, &k)) {
		s->n.cookies_bad++;
		return COOKIE_NONE;
	}
	if (l->acc_used >= l->backlog) {
		s->n.drop_backlog++;
		return COOKIE_DONE; /* the peer asks again with its data */
	}
	c = conn_come(s, l, g);
	if (!c)
		return COOKIE_DONE;
	l->backlog_used++;
	c->parent = l->index;
	cookie_conn(s, c, l, g, &k);
	s->n.cookies_in++;
	*conn = c;
	return COOKIE_CONN;
}
