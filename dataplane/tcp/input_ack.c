/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival, the ACK field: what was delivered, the send window, round-trip samples, ends of our half (RFC 9293 3.10.7.4). */
#include "tcp/input.h"
#include "tcp/record.h"
#include "tcp/recovery.h"
#include "tcp/rto.h"

#include <errno.h>

static void take_window(struct conn *c, const struct seg *g, struct ack_news *a)
{
	uint32_t wnd = seg_window(c, g);

	if (!(seq_lt(c->snd_wl1, g->seq) || (c->snd_wl1 == g->seq && seq_leq(c->snd_wl2, g->ack))))
		return;
	a->window_moved = wnd != c->snd_wnd;
	c->snd_wnd = wnd;
	if (wnd > c->max_wnd)
		c->max_wnd = wnd;
	c->snd_wl1 = g->seq;
	c->snd_wl2 = g->ack;
	/* The window opened: what persisted goes out as ordinary data. A writer that waits for memory has nothing queued, its timer runs on. */
	if (c->rtx_kind == RTX_PERSIST && wnd && (c->snd.len || (c->flags & CF_FIN_QUEUED))) {
		timer_rtx_stop(c);
		c->backoff = 0;
		c->flags &= ~(uint32_t)CF_PROBE_DUE;
	}
}

/* Drops acknowledged bytes from the send buffer and lets it grow with the window. */
static void free_acked(struct tcp_stack *s, struct conn *c)
{
	uint32_t upto = seq_min(c->snd_una, conn_data_end(c)), n;
	uint64_t want;

	if (seq_gt(upto, c->snd_data)) {
		n = upto - c->snd_data;
		c->snd_data = upto;
		tcp_buf_drop(&s->pool, &c->snd, n, false);
		c->bytes_out += n;
	}
	want = 2 * c->cc.cwnd;
	if (want > c->snd_limit && stack_may_grow(s))
		c->snd_limit = want < c->snd_limit_max ? (uint32_t)want : c->snd_limit_max;
	/* Waits until a third is free: a writer is not woken for every segment. */
	if ((c->flags & CF_WANT_WRITE) && c->snd.len <= c->snd_limit - c->snd_limit / 3) {
		c->flags &= ~(uint32_t)CF_WANT_WRITE;
		conn_event(s, c, TCP_EV_WRITABLE);
	}
}

/* A round trip in ticks of the timestamp clock may be one more or less: where the estimate lies between, it stands. */
static int64_t by_ticks(const struct tcp_stack *s, const struct conn *c, uint32_t ticks)
{
	int64_t clock = (int64_t)s->cfg.ts_clock_ns, rtt = (int64_t)ticks * clock;

	return c->srtt > rtt - clock && c->srtt < rtt + clock ? c->srtt : rtt;
}

static void sample(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	uint32_t ticks;

	rto_least(&s->cfg, c, a->rtt, s->now);
	/* An answer to a duplicate echoes an old timestamp. */
	if (a->rtt < 0 && a->acked && !a->dsack && (c->flags & CF_TS) && g->o.ts && g->o.ts_ecr) {
		ticks = conn_ts_now(s, c) - g->o.ts_ecr;
		if ((int32_t)ticks >= 0 && ticks < INT32_MAX / 4)
			a->rtt = by_ticks(s, c, ticks);
	}
	rto_sample(&s->cfg, c, a->rtt, a->prior_flight);
}

static void timers(struct tcp_stack *s, struct conn *c, const struct ack_news *a)
{
	if (a->acked) {
		c->retries = 0;
		/* A doubled RTO stays until there is a new sample (RFC 6298 5). */
		if (a->rtt >= 0)
			c->backoff = 0;
		c->una_moved = s->now;
		if (c->snd_una == c->snd_nxt) {
			if (c->rtx_kind == RTX_RTO)
				timer_rtx_stop(c);
		} else {
			timer_rto_restart(s, c);
		}
	}
	/* A peer that answers with a closed window is alive, however long it stays closed (RFC 9293 3.8.6.1); but where the
	 * application is gone, nobody would ever end it. */
	if (!c->snd_wnd && !(c->flags & CF_ORPHAN))
		c->retries = 0;
	/* What brings no news does not put it off: a peer that sends repeats its acknowledgement all the time. */
	if (a->acked || a->delivered)
		timer_tlp(s, c);
}

/* Our FIN is acknowledged. False: the connection is gone. */
static bool fin_acked(struct tcp_stack *s, struct conn *c)
{
	switch (c->state) {
	case TCP_FIN_WAIT_1:
		conn_become(c, TCP_FIN_WAIT_2);
		conn_event(s, c, TCP_EV_FLUSHED);
		if (c->flags & CF_ORPHAN)
			timer_life(s, c, LIFE_FIN_WAIT_2, s->cfg.fin_wait2_ns);
		return true;
	case TCP_CLOSING:
		conn_event(s, c, TCP_EV_FLUSHED);
		conn_time_wait(s, c);
		return true;
	case TCP_LAST_ACK:
		conn_end(s, c, 0, TCP_EV_CLOSED | TCP_EV_FLUSHED);
		return false;
	default:
		return true;
	}
}

/* The receiver's half of RFC 3168: echo from a CE mark until CWR. */
static void take_ecn(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	if (!(c->flags & CF_ECN))
		return;
	if (g->flags & TCP_CWR)
		c->flags &= ~(uint32_t)CF_ECE;
	if (g->ecn == TCP_CE && g->len) {
		s->n.ecn_ce_in++;
		c->flags |= CF_ECE;
		conn_ack_now(s, c);
	}
}

/* The ACK that would complete an opening: of our SYN, and where a listener waits its accept queue has room. */
static bool completes(struct tcp_stack *s, const struct conn *c, const struct seg *g)
{
	const struct conn *l = c->parent == CONN_NONE ? NULL : &s->conns[c->parent];

	if (seq_leq(g->ack, c->snd_una) || seq_gt(g->ack, c->snd_max)) {
		s->n.drop_ack++;
		reply_reset(s, g);
		return false;
	}
	/* Cookies came back meanwhile. It stays half open, and the peer's next segment asks again. */
	if (l && l->acc_used >= l->backlog) {
		s->n.drop_backlog++;
		return false;
	}
	return true;
}

bool input_ack_acceptable(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	if (!(g->flags & TCP_ACK)) {
		s->n.drop_ack++;
		return false;
	}
	if (c->state == TCP_SYN_RCVD)
		return completes(s, c, g);
	if (input_ack_in_range(c, g))
		return true;
	s->n.drop_ack++; /* RFC 5961 5.2 */
	if (input_may_answer(s, c, g, 4))
		conn_challenge(s, c);
	return false;
}

bool input_ack(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	struct ack_news a = {.rtt = -1, .ece = (c->flags & CF_ECN) && (g->flags & TCP_ECE)};

	COYO_ASSERT(input_ack_in_range(c, g));
	if (c->state == TCP_TIME_WAIT)
		return true;
	take_ecn(s, c, g);
	if (seq_lt(g->ack, c->snd_una))
		return true; /* old: its data may still count */
	if (g->ack == c->snd_una && c->snd_nxt != c->snd_una && !g->len)
		s->n.dup_acks_in++;
	a.prior_flight = conn_in_flight(c);
	take_window(c, g, &a);
	if (seq_gt(g->ack, c->snd_una))
		sack_una(s, c, g, &a);
	if ((c->flags & CF_SACK) && g->o.nsack)
		sack_ranges(s, c, g, &a);
	sample(s, c, g, &a);
	/* Also when only a tail loss probe waits to be judged: its D-SACK comes when nothing is outstanding. */
	if (c->rec.len || a.acked || (c->flags & CF_TLP_OUT))
		recovery_ack(s, c, g, &a);
	if (a.ece && seq_gt(g->ack, c->cwr_end) && recovery_cwr(s, c, a.prior_flight)) {
		c->n_ecn++;
		s->n.ecn_reductions++;
	}
	if (a.acked) {
		c->oow_count = 0;
		free_acked(s, c);
	}
	timers(s, c, &a);
	if (a.acked && conn_fin_acked(c))
		return fin_acked(s, c);
	return true;
}
