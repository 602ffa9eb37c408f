/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival, the payload and FIN: copied once into the receive ring, in order or not; when to acknowledge (RFC 9293 3.10.7.4). */
#include "tcp/input.h"
#include "tcp/reass.h"

#include <errno.h>
#include <string.h>

/* RFC 9293 3.8.6.3: at once for every second segment, small ones too (a writer of small pieces waits less), or as many bytes where
 * the caller put segments together; else after a while. */
static void ack_schedule(struct tcp_stack *s, struct conn *c)
{
	if (c->flags & CF_ACK_NOW) {
		conn_ready(s, c);
		return;
	}
	if (!s->cfg.delack_ns || (c->modes & CM_QUICKACK) ||
	    c->rcv_segs >= s->cfg.delack_segments ||
	    c->rcv_nxt - c->rcv_acked >= s->cfg.delack_segments * c->mss) {
		conn_ack_now(s, c);
		return;
	}
	if (c->flags & CF_ACK_LATER)
		return;
	c->flags |= CF_ACK_LATER;
	c->delack_at = s->now + s->cfg.delack_ns;
	/* Mostly an answer will carry it; the timer is set when output finds nothing to send. */
	conn_ready(s, c);
}

static void ack_out_of_order(struct tcp_stack *s, struct conn *c)
{
	/* Without SACK the peer counts duplicates: one for each. */
	if (!(c->flags & CF_SACK) && c->dupacks_due < 255)
		c->dupacks_due++;
	conn_ack_now(s, c);
}

/* Data echoes the clock of the ACK that let it go: to a tick, and the least of a period, for the peer may have waited. Our
 * own estimate is finer, but stands still where we only receive; it is taken within that tick. */
static void measure_rtt_echo(struct tcp_stack *s, struct conn *c, uint32_t ticks)
{
	int64_t clock = (int64_t)s->cfg.ts_clock_ns, least = (int64_t)ticks * clock,
	        rtt = least + clock;

	if (ticks >= INT32_MAX / 4)
		return;
	if (c->srtt && c->srtt < rtt)
		rtt = c->srtt > least ? c->srtt : least;
	if (rtt < c->rcv_rtt || (c->modes & CM_DRS_NEW))
		c->rcv_rtt = rtt;
	c->modes &= ~(uint32_t)CM_DRS_NEW;
}

/* Without timestamps the time one window takes to arrive is an upper bound; our own estimate is better where we send. */
static void measure_rtt(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	if ((c->flags & CF_TS) && g->o.ts && g->o.ts_ecr) {
		measure_rtt_echo(s, c, conn_ts_now(s, c) - g->o.ts_ecr);
		return;
	}
	if (seq_lt(c->rcv_nxt, c->drs_seq))
		return;
	if (c->srtt)
		c->rcv_rtt = c->srtt;
	else if (s->now > c->drs_at)
		c->rcv_rtt = s->now - c->drs_at;
}

/* What comes a second time is told, once (RFC 2883). */
static void tell_duplicate(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	struct tcp_sack_range dup;

	if ((c->flags & CF_SACK) && c->dsack.start == c->dsack.end &&
	    reass_overlap(s, c, g->seq, g->seq + g->len, &dup))
		c->dsack = dup;
}

/* What lies in order up to `end` is readable, the first `posted` bytes of it in the application's memory, and counts. */
static void arrived(struct tcp_stack *s, struct conn *c, uint32_t end, uint32_t posted)
{
	uint32_t n = end - c->rcv_nxt;

	c->rcv.len += n - posted;
	c->rcv_nxt = end;
	c->dupacks_due = 0; /* later they would be duplicates of the new number */
	c->oow_count = 0;
	c->bytes_in += n;
	s->n.bytes_in += n;
	conn_event(s, c, TCP_EV_READABLE);
}

/* Copies payload that is in order to where the application wants it, as much as has room there. Nothing may wait in the buffer: it would come
 * before. Returns bytes. */
static uint32_t store_posted(struct conn *c, const struct seg *g)
{
	uint32_t room = c->posted_room - c->posted_len, n = g->len < room ? g->len : room;

	if (c->rcv.len || c->n_ooo)
		return 0;
	memcpy(c->posted + c->posted_len, g->data, n);
	c->posted_len += n;
	return n;
}

static void store_in_order(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	uint32_t posted = c->modes & CM_POSTED ? store_posted(c, g) : 0;
	uint32_t n = posted, end;

	COYO_ASSERT(g->seq == c->rcv_nxt);
	if (n < g->len)
		n += tcp_buf_write(&s->pool, &c->rcv, c->rcv.head + c->rcv.len, g->data + n,
		                   g->len - n);
	if (n < g->len)
		s->n.drop_memory++;
	if (!n) {
		c->flags |= CF_ACK_NOW;
		return;
	}
	c->rcv_segs++;
	c->modes = g->flags & TCP_PSH ? c->modes & ~(uint32_t)CM_RCV_MORE : c->modes | CM_RCV_MORE;
	end = c->rcv_nxt + n;
	if (c->n_ooo) {
		tell_duplicate(s, c, g);
		end = reass_pull(s, c, end);
		c->flags |= CF_ACK_NOW; /* a gap was filled (RFC 5681 4.2) */
	}
	arrived(s, c, end, posted);
	measure_rtt(s, c, g);
}

static void store_out_of_order(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	uint32_t at = c->rcv.head + c->rcv.len + (g->seq - c->rcv_nxt), n;

	s->n.ooo_in++;
	ack_out_of_order(s, c);
	tell_duplicate(s, c, g);
	if (reass_has(s, c, g->seq, g->seq + g->len)) {
		s->n.dup_in++;
		return;
	}
	/* Anyone can make these wait for ever; memory that is scarce is for what is in order (SHLD-31 is none to starve others by). */
	if (!stack_may_grow(s)) {
		s->n.drop_memory++;
		return;
	}
	if (c->n_ooo && !reass_room(s, c, g->seq, g->seq + g->len)) {
		s->n.drop_ooo++;
		return;
	}
	n = tcp_buf_write(&s->pool, &c->rcv, at, g->data, g->len);
	if (n < g->len)
		s->n.drop_memory++;
	if (n && reass_add(s, c, g->seq, g->seq + n))
		s->n.drop_ooo++;
}

/* False: the connection is gone. */
static bool take_fin(struct tcp_stack *s, struct conn *c)
{
	COYO_ASSERT(!(c->flags & CF_FIN_RCVD));
	c->flags |= CF_FIN_RCVD | CF_ACK_NOW;
	c->rcv_nxt++;
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt);
	conn_event(s, c, TCP_EV_HANGUP);
	conn_ready(s, c);
	switch (c->state) {
	case TCP_ESTABLISHED:
		conn_become(c, TCP_CLOSE_WAIT);
		break;
	case TCP_FIN_WAIT_1: /* our FIN is not acknowledged, or the ACK step had moved on */
		conn_become(c, TCP_CLOSING);
		/* The peer that missed it need not wait for the time-out. */
		if (s->cfg.fin_again && c->rec.len && c->snd_una == conn_data_end(c))
			c->flags |= CF_RTX_HEAD;
		break;
	case TCP_FIN_WAIT_2:
		conn_time_wait(s, c);
		break;
	default:
		break;
	}
	return true;
}

void input_queued(struct tcp_stack *s, struct conn *c)
{
	uint32_t end = reass_pull(s, c, c->rcv_nxt);

	if (end != c->rcv_nxt) {
		arrived(s, c, end, 0);
		conn_ack_now(s, c);
	}
	if ((c->flags & CF_FIN_SEEN) && c->rcv_nxt == c->fin_seq)
		take_fin(s, c);
}

/* RFC 9293 3.8.5: the pointer names the octet after what is urgent; whatever it says, the octets stay in the stream. */
static void take_urgent(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	uint32_t read = conn_read_seq(c);

	if (!seq_gt(g->up, read) || ((c->modes & CM_RCV_URGENT) && !seq_gt(g->up, c->rcv_up)))
		return;
	c->rcv_up = g->up;
	c->modes |= CM_RCV_URGENT;
	conn_event(s, c, TCP_EV_URGENT);
}

bool input_data(struct tcp_stack *s, struct conn *c, struct seg *g)
{
	bool fin = (g->flags & TCP_FIN) != 0;

	if (c->state == TCP_TIME_WAIT && fin)
		conn_time_wait(s, c);
	if (c->state != TCP_ESTABLISHED && c->state != TCP_FIN_WAIT_1 &&
	    c->state != TCP_FIN_WAIT_2) {
		/* The peer's half is over: nothing can follow its FIN. */
		c->flags |= CF_ACK_NOW;
		return true;
	}
	if (g->flags & TCP_URG)
		take_urgent(s, c, g);
	if ((c->flags & CF_ORPHAN) && g->len) {
		/* RFC 2525 2.17: nobody will read this. */
		conn_reset(s, c, ECONNRESET);
		return false;
	}
	if (fin && !(c->flags & CF_FIN_SEEN)) {
		c->flags |= CF_FIN_SEEN;
		c->fin_seq = g->seq + g->len;
	}
	/* Nothing counts beyond the place of a FIN already seen. */
	if ((c->flags & CF_FIN_SEEN) && seq_gt(g->seq + g->len, c->fin_seq)) {
		g->len = seq_gt(c->fin_seq, g->seq) ? c->fin_seq - g->seq : 0;
		c->flags |= CF_ACK_NOW;
	}
	if (g->len && g->seq == c->rcv_nxt)
		store_in_order(s, c, g);
	else if (g->len && seq_gt(g->seq, c->rcv_nxt))
		store_out_of_order(s, c, g);
	else if (fin && g->seq != c->rcv_nxt)
		ack_out_of_order(s, c);
	if ((c->flags & CF_FIN_SEEN) && c->rcv_nxt == c->fin_seq)
		return take_fin(s, c);
	/* Urgency alone takes no place: its ACK would answer an ACK. */
	if (g->len || (g->flags & TCP_FIN) || (c->flags & CF_ACK_NOW))
		ack_schedule(s, c);
	return true;
}
