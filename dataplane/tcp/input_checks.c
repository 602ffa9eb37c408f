/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival in synchronized states, before the ACK is looked at: timestamps, window, RST, SYN (RFC 9293 3.10.7.4, 7323, 5961). */
#include "tcp/input.h"

#include <errno.h>

bool input_may_answer(struct tcp_stack *s, struct conn *c, const struct seg *g, unsigned freely)
{
	/* A keepalive probe is rightly repeated. What acknowledges the future only looks like one: two such ends would answer each
	 * other for ever. */
	bool probe = g->seq + 1 == c->rcv_nxt && !seq_gt(g->ack, c->snd_max);
	unsigned more = probe || c->oow_count < freely ? 0 : c->oow_count - freely;

	if (g->len || (g->flags & (TCP_SYN | TCP_FIN)))
		return true;
	if (c->oow_count >= freely && s->now - c->oow_ack_at < s->cfg.oow_ack_ns << more) {
		s->n.drop_challenge++;
		return false;
	}
	c->oow_ack_at = s->now;
	if (!probe && more < s->cfg.oow_doublings)
		c->oow_count++;
	return true;
}

static void out_of_place(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	if (!(g->flags & TCP_RST) && input_may_answer(s, c, g, 0))
		conn_ack_now(s, c);
}

static bool paws_old(const struct tcp_stack *s, const struct conn *c, const struct seg *g)
{
	if (!(c->flags & CF_TS) || !g->o.ts || (g->flags & TCP_RST))
		return false;
	if ((int32_t)(g->o.ts_val - c->ts_recent) >= 0 ||
	    s->now - c->ts_recent_at >= s->cfg.paws_idle_ns)
		return false;
	return !(c->modes & CM_TS_LATE) || seq_geq(c->rcv_nxt, c->late_end) || !seg_seq_len(g) ||
	       (int32_t)(g->o.ts_val - c->late_ts) < 0;
}

/* What fills a gap was mostly sent again just now, and brings a timestamp younger than those of segments that are still under way on
 * a path that reorders: RFC 7323 5.3 would drop them, each a new loss. All of them lie below the right edge told, and
 * none is older than what counted a window ago: far from the 2^32 bytes that PAWS is there for. */
static void paws_gap_filled(struct conn *c)
{
	if (!(c->modes & CM_TS_LATE)) {
		c->modes |= CM_TS_LATE;
		c->late_ts = c->late_next = c->ts_recent;
		c->late_mid = c->rcv_adv;
	} else if (seq_geq(c->rcv_nxt, c->late_mid)) {
		c->late_ts = c->late_next;
		c->late_next = c->ts_recent;
		c->late_mid = c->rcv_adv;
	}
	c->late_end = c->rcv_adv;
}

/* RFC 7323 4.3 (3): the timestamp of a segment that reaches back to what we acknowledged. */
static void take_timestamp(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	if ((c->modes & CM_TS_LATE) && seq_geq(c->rcv_nxt, c->late_end))
		c->modes &= ~(uint32_t)CM_TS_LATE;
	if (seq_gt(g->seq, c->rcv_acked) ||
	    ((c->modes & CM_TS_LATE) && (int32_t)(g->o.ts_val - c->ts_recent) < 0))
		return;
	if (c->n_ooo && g->len && s->cfg.paws_late)
		paws_gap_filled(c);
	c->ts_recent = g->o.ts_val;
	c->ts_recent_at = s->now;
}

void input_accepted(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	c->last_rx = s->now;
	c->keep_sent = 0;
	if (c->modes & CM_UNREACHABLE)
		conn_heard(c);
	if ((c->flags & CF_TS) && g->o.ts)
		take_timestamp(s, c, g);
}

/* RFC 9293 table 6, against the right edge ever offered. */
static bool acceptable(const struct conn *c, const struct seg *g)
{
	uint32_t len = seg_seq_len(g), end = g->seq + len;
	uint32_t edge = seq_max(c->rcv_adv, c->rcv_nxt);

	if (!len)
		return edge == c->rcv_nxt ? g->seq == c->rcv_nxt
		                          : seq_geq(g->seq, c->rcv_nxt) && seq_lt(g->seq, edge);
	/* With a closed window the segment at the edge still brings its ACK; its data is cut off later. */
	if (edge == c->rcv_nxt)
		return g->seq == c->rcv_nxt;
	return seq_lt(g->seq, edge) && seq_gt(end, c->rcv_nxt) && (int32_t)(end - g->seq) >= 0;
}

/* The last byte again, or nothing in its place: a peer that does not know yet that the byte of its window probe was taken. Its ACK
 * counts: two ends that each took the other's probe would otherwise refuse each other's ACKs for ever. */
static bool below_edge(const struct conn *c, const struct seg *g)
{
	return g->seq + 1 == c->rcv_nxt && g->len <= 1 && !(g->flags & TCP_FIN) &&
	       c->state != TCP_TIME_WAIT && seq_geq(g->ack, c->snd_una) && input_ack_in_range(c, g);
}

/* Outside the window. What was sent a second time is answered, by those who know what was sent to them: an ACK in range. */
static void outside(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	bool again = input_ack_in_range(c, g);

	s->n.drop_window++;
	if (g->len && seq_leq(g->seq + g->len, c->rcv_nxt)) {
		s->n.dup_in++;
		if (again && (c->flags & CF_SACK))
			c->dsack = (struct tcp_sack_range){g->seq, g->seq + g->len};
	}
	if (again && c->state == TCP_TIME_WAIT && (g->flags & TCP_FIN) &&
	    seq_lt(g->seq, c->rcv_nxt))
		conn_time_wait(s, c); /* our last ACK was lost: 2 MSL again */
	out_of_place(s, c, g);
}

static void take_rst(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	uint32_t edge = seq_max(c->rcv_adv, c->rcv_nxt);

	/* The window as it is, or could be; while half open what the SYN-ACK offered. */
	if (!(c->state == TCP_SYN_RCVD && (c->flags & CF_PASSIVE)))
		edge = seq_max(edge, c->rcv_nxt + conn_rcv_window(c));

	if (g->seq != c->rcv_nxt) {
		/* RFC 5961 3.2: inside the window but not at its edge. */
		if (seq_gt(g->seq, c->rcv_nxt) && seq_lt(g->seq, edge))
			conn_challenge(s, c);
		else
			s->n.drop_window++;
		return;
	}
	s->n.rst_in++;
	if (c->state == TCP_SYN_RCVD)
		conn_end(s, c, ECONNREFUSED, TCP_EV_RESET);
	else if (c->state == TCP_TIME_WAIT)
		conn_end(s, c, 0, TCP_EV_RESET); /* both sides had everything */
	else
		conn_end(s, c, ECONNRESET, TCP_EV_RESET);
}

/* A SYN for a pair of ports in TIME-WAIT opens it anew when it is surely newer (RFC 9293 3.6.1, RFC 6191) and a listener has room. */
static bool reopens(const struct tcp_stack *s, const struct conn *c, const struct seg *g)
{
	const struct conn *l;
	bool newer = seq_gt(g->seq, c->rcv_nxt);

	if ((c->flags & CF_TS) && g->o.ts)
		newer = (int32_t)(g->o.ts_val - c->ts_recent) > 0 ||
		        (g->o.ts_val == c->ts_recent && newer);
	if (!newer || (g->flags & (TCP_ACK | TCP_RST)) || input_syn_fin(s, g))
		return false;
	l = table_find(s, TABLE_LISTEN, g->lport, 0);
	return l && l->backlog_used < l->backlog && s->cfg.syn_cookies != TCP_COOKIES_ALWAYS;
}

void input_cut(struct tcp_stack *s, struct conn *c, struct seg *g)
{
	uint32_t edge = seq_max(c->rcv_adv, c->rcv_nxt), n;

	if (seq_lt(g->seq, c->rcv_nxt)) {
		n = c->rcv_nxt - g->seq;
		/* A SYN in front of the data takes one number. */
		if (n > g->len)
			n = g->len;
		g->data += n;
		g->len -= n;
		g->seq += n;
		if (n && c->flags & CF_SACK) /* RFC 2883: tell what came twice */
			c->dsack = (struct tcp_sack_range){g->seq - n, g->seq};
		if (n)
			conn_ack_now(s, c);
	}
	if (seq_gt(g->seq + g->len, edge)) {
		n = g->seq + g->len - edge;
		if (n > g->len)
			n = g->len;
		g->len -= n;
		g->flags &= (uint8_t)~TCP_FIN;
		conn_ack_now(s, c);
	}
	COYO_ASSERT(!g->len || (seq_geq(g->seq, c->rcv_nxt) && seq_leq(g->seq + g->len, edge)));
}

enum input_verdict input_checks(struct tcp_stack *s, struct conn *c, struct seg *g)
{
	if (c->state == TCP_TIME_WAIT && (g->flags & TCP_SYN) && reopens(s, c, g))
		return INPUT_REOPENS;
	if (g->flags & TCP_RST) {
		take_rst(s, c, g);
		return INPUT_DONE;
	}
	/* RFC 7323 3.2. */
	if ((c->flags & CF_TS) && !g->o.ts && s->cfg.ts_required && !(g->flags & TCP_SYN)) {
		s->n.drop_paws++;
		return INPUT_DONE;
	}
	if (paws_old(s, c, g)) {
		s->n.drop_paws++;
		out_of_place(s, c, g);
		return INPUT_DONE;
	}
	/* In TIME-WAIT only the peer's FIN again is of use: what is not even an ACK gets no answer. */
	if (c->state == TCP_TIME_WAIT && !(g->flags & (TCP_ACK | TCP_SYN))) {
		s->n.drop_ack++;
		return INPUT_DONE;
	}
	/* The peer's SYN or SYN-ACK again: ours was lost. */
	if ((g->flags & TCP_SYN) && c->state == TCP_SYN_RCVD && g->seq == c->irs &&
	    !input_syn_fin(s, g)) {
		if (!(g->flags & TCP_ACK)) {
			c->flags |= CF_SYN_DUE;
			conn_ready(s, c);
			return INPUT_DONE;
		}
		g->flags &= (uint8_t)~TCP_SYN; /* simultaneous open: its ACK counts */
		g->syn = true;
		g->seq++;
	}
	if (g->flags & TCP_SYN) { /* RFC 5961 4.2, whatever the sequence number */
		conn_challenge(s, c);
		return INPUT_DONE;
	}
	if (!acceptable(c, g) || (c->state == TCP_TIME_WAIT && g->seq != c->rcv_nxt)) {
		outside(s, c, g);
		return below_edge(c, g) ? INPUT_GOES_ON : INPUT_DONE;
	}
	return INPUT_GOES_ON;
}
