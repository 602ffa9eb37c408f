/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival while a connection is being opened: LISTEN, SYN-SENT, SYN-RECEIVED (RFC 9293 3.10.7.2, 3.10.7.3). */
#include "tcp/input.h"
#include "tcp/reass.h"
#include "tcp/rto.h"

#include <errno.h>

/* The handshake's round trip; where the SYN was sent again only its timestamp can tell (RFC 6298 section 3). */
static void first_sample(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	uint32_t ticks = conn_ts_now(s, c) - g->o.ts_ecr;

	if (c->syn_tx >= 0) {
		rto_least(&s->cfg, c, s->now - c->syn_tx, s->now);
		rto_sample(&s->cfg, c, s->now - c->syn_tx, 0);
	} else if ((c->flags & CF_TS) && g->o.ts && !(c->modes & CM_COOKIE) &&
	           ticks < INT32_MAX / 4) {
		rto_sample(&s->cfg, c, (int64_t)(ticks * s->cfg.ts_clock_ns), 0);
	} else if (c->n_retransmits && c->rto < s->cfg.rto_syn_lost_ns) {
		c->rto = s->cfg.rto_syn_lost_ns; /* section 5.7 */
	}
	/* RFC 6928 section 2: one loss may be chance. */
	if (c->n_retransmits > 1)
		c->cc.cwnd = c->mss;
}

static void established(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	conn_become(c, TCP_ESTABLISHED);
	c->flags &= ~(uint32_t)CF_SYN_DUE; /* once more was meant */
	c->backoff = c->retries = 0;
	c->una_moved = s->now;
	timer_rtx_stop(c);
	first_sample(s, c, g);
	if (c->life_kind == LIFE_LINGER)
		; /* closed already: that time runs on */
	else if (c->keep_idle)
		timer_life(s, c, LIFE_KEEPALIVE, c->keep_idle);
	else
		timer_life(s, c, LIFE_NONE, 0);
	if (c->flags & CF_WANT_WRITE) {
		c->flags &= ~(uint32_t)CF_WANT_WRITE;
		conn_event(s, c, TCP_EV_WRITABLE);
	}
	if (c->flags & CF_FIN_QUEUED)
		conn_become(c, TCP_FIN_WAIT_1);
	conn_ready(s, c);
}

/* No state can or shall be kept for this SYN. False: it is answered with nothing. */
static bool by_cookie(const struct tcp_stack *s, const struct conn *l)
{
	/* Nobody could pay for what comes back. */
	if (l->charge && tcp_charge_full(l->charge))
		return false;
	/* A full accept queue means that the application is behind: more connections would not help it. */
	return s->cfg.syn_cookies != TCP_COOKIES_NEVER && l->acc_used < l->backlog;
}

static void half_open(struct tcp_stack *s, struct conn *c, struct conn *l, const struct seg *g)
{
	l->backlog_used++;
	c->parent = l->index;
	conn_become(c, TCP_SYN_RCVD);
	conn_inherit(c, l);
	conn_setup(s, c);
	conn_take_syn(s, c, g);
	if (s->cfg.ecn != TCP_ECN_OFF && (g->flags & TCP_ECE) && (g->flags & TCP_CWR))
		c->flags |= CF_ECN;
	/* Text and FIN that came with the SYN are not kept: who asks has shown nothing yet, and buffers are for those that have. As under Linux
	 * without Fast Open only the SYN is acknowledged, and the rest comes again (RFC 9293 3.10.7.2 would queue it). */
	c->flags |= CF_PASSIVE | CF_SYN_DUE;
	conn_ready(s, c);
}

void input_reopen(struct tcp_stack *s, struct conn *old, const struct seg *g)
{
	struct conn *c, *l = table_find(s, TABLE_LISTEN, g->lport, 0);
	uint32_t last = seq_max(old->snd_max, old->snd_nxt);

	conn_end(s, old, 0, 0);
	c = conn_come(s, l, g);
	if (!c)
		return;
	half_open(s, c, l, g);
	/* RFC 9293 3.6.1: above all that the connection before it used. */
	if (seq_leq(c->iss, last))
		conn_set_iss(c, last + 65536);
}

/* An ACK that no connection knows: a cookie that comes back, or nobody's. */
static struct conn *listen_ack(struct tcp_stack *s, struct conn *l, const struct seg *g)
{
	struct conn *c = NULL;

	if (cookie_back(s, l, g, &c) == COOKIE_NONE) {
		s->n.drop_no_conn++;
		reply_reset(s, g);
	}
	return c;
}

static void listen_syn(struct tcp_stack *s, struct conn *l, const struct seg *g)
{
	struct conn *c;

	if (l->backlog_used >= l->backlog && !by_cookie(s, l)) {
		s->n.drop_backlog++;
		return;
	}
	if (l->backlog_used >= l->backlog || s->cfg.syn_cookies == TCP_COOKIES_ALWAYS) {
		cookie_send(s, l, g);
		return;
	}
	c = conn_come(s, l, g);
	if (!c) {
		if (by_cookie(s, l))
			cookie_send(s, l, g);
		return;
	}
	half_open(s, c, l, g);
}

struct conn *input_listen(struct tcp_stack *s, struct conn *l, const struct seg *g)
{
	if (g->flags & TCP_RST) {
		s->n.drop_state++;
		return NULL;
	}
	if (g->flags & TCP_ACK)
		return listen_ack(s, l, g);
	if (!(g->flags & TCP_SYN) || input_syn_fin(s, g))
		s->n.drop_state++;
	else
		listen_syn(s, l, g);
	return NULL;
}

/* RFC 9293 3.10.7.3: text and FIN that come with a SYN wait for ESTABLISHED, input_queued(), and are not acknowledged before. As much of
 * them counts as our own SYN offered; what there is no room for comes again. */
static void queue_text(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	uint32_t room = conn_rcv_window(c), want = g->len, n = 0;

	room = room < 65535 ? room : 65535;
	want = want < room ? want : room;
	if (want && stack_may_grow(s))
		n = tcp_buf_write(&s->pool, &c->rcv, c->rcv.head, g->data, want);
	if (n && reass_add(s, c, c->rcv_nxt, c->rcv_nxt + n))
		n = 0;
	s->n.drop_memory += n < want;
	if (n == g->len && (g->flags & TCP_FIN)) {
		c->flags |= CF_FIN_SEEN;
		c->fin_seq = c->rcv_nxt + n;
	}
}

static void simultaneous_open(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	conn_take_syn(s, c, g);
	conn_become(c, TCP_SYN_RCVD);
	queue_text(s, c, g);
	c->flags |= CF_SYN_DUE;
	if (s->cfg.ecn != TCP_ECN_OFF && (g->flags & TCP_ECE) && (g->flags & TCP_CWR))
		c->flags |= CF_ECN;
	conn_ready(s, c);
}

void input_syn_sent(struct tcp_stack *s, struct conn *c, struct seg *g)
{
	bool ack = (g->flags & TCP_ACK) != 0;

	if (ack && (seq_leq(g->ack, c->iss) || seq_gt(g->ack, c->snd_max))) {
		s->n.drop_ack++;
		reply_reset(s, g);
		return;
	}
	if (g->flags & TCP_RST) {
		if (!ack) {
			s->n.drop_state++;
			return;
		}
		s->n.rst_in++;
		conn_end(s, c, ECONNREFUSED, TCP_EV_RESET);
		return;
	}
	if (!(g->flags & TCP_SYN) || input_syn_fin(s, g)) {
		s->n.drop_state++;
		return;
	}
	c->last_rx = s->now;
	conn_heard(c);
	if (!ack) {
		simultaneous_open(s, c, g);
		return;
	}
	conn_take_syn(s, c, g);
	c->rcv_adv = c->rcv_nxt + (c->rcv_limit < 65535 ? c->rcv_limit : 65535); /* our SYN's */
	c->snd_una = g->ack;
	if (s->cfg.ecn == TCP_ECN_ON && (g->flags & TCP_ECE) && !(g->flags & TCP_CWR))
		c->flags |= CF_ECN;
	s->n.opened_active++;
	established(s, c, g);
	c->flags |= CF_ACK_NOW;
	conn_event(s, c, TCP_EV_CONNECTED);
	if (g->len || (g->flags & TCP_FIN)) { /* RFC 9293 3.10.7.3: goes on at the sixth step */
		g->seq++;
		g->flags &= (uint8_t)~TCP_SYN;
		input_cut(s, c, g);
		input_data(s, c, g);
	}
}

void input_syn_rcvd(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	struct conn *l;

	c->snd_una = g->ack;
	c->snd_wnd = seg_window(c, g);
	if (c->snd_wnd > c->max_wnd)
		c->max_wnd = c->snd_wnd;
	c->snd_wl1 = g->seq;
	c->snd_wl2 = g->ack;
	established(s, c, g);
	if (!(c->flags & CF_PASSIVE)) {
		s->n.opened_active++;
		conn_event(s, c, TCP_EV_CONNECTED);
		input_queued(s, c);
		return;
	}
	s->n.opened_passive++;
	COYO_ASSERT(c->parent != CONN_NONE && !(c->flags & CF_QUEUED));
	l = &s->conns[c->parent];
	{
		struct conn_list q = {l->acc_head, l->acc_tail};

		LIST_ADD(s, &q, c, queue);
		l->acc_head = q.head;
		l->acc_tail = q.tail;
	}
	c->flags |= CF_QUEUED;
	l->acc_used++;
	COYO_ASSERT(l->acc_used <= l->backlog_used);
	conn_event(s, l, TCP_EV_ACCEPTABLE);
}
