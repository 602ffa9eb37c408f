/* SPDX-License-Identifier: BSD-3-Clause */
/* What is sent next: the ready list, and one connection's choice between repair, new data, probes and a bare ACK. */
#include "tcp/recovery.h"
#include "tcp/record.h"
#include "tcp/segment.h"

static bool may_send_data(const struct conn *c)
{
	return c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT ||
	       c->state == TCP_FIN_WAIT_1 || c->state == TCP_CLOSING || c->state == TCP_LAST_ACK;
}

static uint32_t send_syn(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                         struct tcp_out *out)
{
	uint32_t n = segment_syn(s, c, buf, cap, out);

	if (!n)
		return 0;
	c->flags &= ~(uint32_t)(CF_SYN_DUE | CF_ACK_NOW);
	if (c->snd_nxt != c->iss) {
		c->n_retransmits++;
		s->n.retransmits++;
		c->syn_tx = -1; /* Karn: no sample */
	} else {
		c->syn_tx = s->now;
	}
	c->snd_nxt = c->snd_max = c->iss + 1;
	/* A repeated SYN of the peer's brings ours again, but no new time: it could keep half-open for ever what never opens. */
	if (c->rtx_kind != RTX_SYN)
		timer_rtx(s, c, RTX_SYN);
	return n;
}

/* Sends the record at pos again. */
static uint32_t resend(struct tcp_stack *s, struct conn *c, uint32_t pos, uint8_t *buf, size_t cap,
                       struct tcp_out *out)
{
	struct rec *r = rec_at(s, c, pos);
	struct seg_plan p = {.seq = r->seq, .len = r->len, .retransmit = true};
	uint32_t n;

	COYO_ASSERT(pos - c->rec.head < c->rec.len);
	if (r->flags & REC_FIN) {
		p.flags |= TCP_FIN;
		p.len--;
	}
	if (p.len && p.seq + p.len == conn_data_end(c))
		p.flags |= TCP_PSH;
	n = segment_write(s, c, &p, buf, cap, out);
	if (!n)
		return 0;
	out->departure.ns = pace_sent(s, c, n);
	rec_mark_resent(s, c, pos);
	if (!c->retrans_ts) {
		c->retrans_ts = conn_ts_now(s, c);
		c->retrans_ts += c->retrans_ts == 0;
		c->retrans_seq = r->seq;
	}
	if (c->ca == CA_RECOVERY)
		c->prr_out += r->len;
	c->n_retransmits++;
	s->n.retransmits++;
	c->last_tx = s->now;
	timer_rto_restart(s, c);
	return n;
}

/* How far the congestion window is used, over a window's worth of data: at any one moment acknowledgements that came in a burst
 * may have emptied it (RFC 7661's pipeACK, in short). */
static void window_used(struct conn *c, bool limited)
{
	uint32_t flight = conn_in_flight(c);

	if (!limited && seq_lt(c->snd_una, c->use_seq) &&
	    ((c->flags & CF_SND_LIMITED) || flight <= c->use_flight))
		return;
	c->flags = limited ? c->flags | CF_SND_LIMITED : c->flags & ~(uint32_t)CF_SND_LIMITED;
	c->use_flight = flight;
	c->use_seq = c->snd_nxt;
}

/* Length of the next new segment; 0: none may go now. *blocked: data waits that only a timer or the peer can free. */
static uint32_t new_data_len(const struct tcp_stack *s, struct conn *c, bool override,
                             bool *blocked)
{
	uint32_t avail = conn_data_end(c) - c->snd_nxt, out = c->snd_nxt - c->snd_una;
	uint32_t usable = c->snd_wnd > out ? c->snd_wnd - out : 0, len = c->mss;
	uint32_t flight;

	*blocked = false;
	if (seq_geq(c->snd_nxt, conn_data_end(c)))
		return 0;
	if (len > avail)
		len = avail;
	if (len > usable)
		len = usable;
	*blocked = !len;
	if (!len || override)
		return len;
	flight = conn_in_flight(c);
	/* Limited transmit (RFC 3042) lets a segment go for each that duplicates say has left; without, they do not count yet. */
	if (!s->cfg.limited_transmit && c->ca < CA_RECOVERY)
		flight += c->sacked_bytes;
	if (flight && flight + len > c->cc.cwnd) {
		window_used(c, true);
		return 0;
	}
	/* RFC 9293 3.8.6.2.1: a full segment; or the last of the data and Nagle agrees (only
	 * a small segment outstanding holds back another: section 3.7.4's note on delayed ACKs); or half of the largest window. */
	if (len >= c->mss || seq_lt(c->snd_nxt, c->snd_max))
		return len;
	if ((c->modes & (CM_CORK | CM_PUSH)) == CM_CORK && !(c->flags & CF_FIN_QUEUED)) {
		*blocked = true;
		return 0;
	}
	if (len == avail &&
	    (seq_leq(c->snd_small, c->snd_una) || (c->flags & (CF_NODELAY | CF_FIN_QUEUED))))
		return len;
	if (len >= c->max_wnd / 2 && len < avail)
		return len;
	*blocked = true;
	return 0;
}

static bool fin_due(const struct conn *c)
{
	return (c->flags & CF_FIN_QUEUED) && c->snd_nxt == conn_data_end(c);
}

/* RFC 5681 4.1: after an idle time the old window proves nothing. */
static void restart_after_idle(struct tcp_stack *s, struct conn *c)
{
	uint64_t iw = conn_initial_window(s, c);

	if (s->cfg.idle_restart && c->snd_nxt == c->snd_una && s->now - c->last_tx > c->rto &&
	    c->cc.cwnd > iw) {
		c->cc.cwnd = iw;
		if (c->cc.ops->restart)
			c->cc.ops->restart(&c->cc);
	}
}

/* Nothing was outstanding. RFC 9438 5.8: what was longer than a round trip was not the path's time. */
static void after_silence(const struct tcp_stack *s, struct conn *c)
{
	c->una_moved = s->now;
	if (s->now - c->last_tx > c->srtt + 4 * c->rttvar && c->cc.ops->paused)
		c->cc.ops->paused(&c->cc);
}

static uint32_t send_new(struct tcp_stack *s, struct conn *c, uint32_t len, uint8_t *buf,
                         size_t cap, struct tcp_out *out)
{
	struct seg_plan p = {.seq = c->snd_nxt, .len = len};
	uint8_t rflags = 0;
	uint32_t n, seq_len = len;

	COYO_ASSERT(len <= c->mss && seq_leq(c->snd_nxt + len, conn_data_end(c)));
	p.retransmit = seq_lt(c->snd_nxt, c->snd_max);
	if (p.retransmit)
		rflags |= REC_RETX;
	if (c->snd_nxt + len == conn_data_end(c)) {
		p.flags |= len && !(c->modes & CM_SND_MORE) ? TCP_PSH : 0;
		if (c->flags & CF_FIN_QUEUED) {
			p.flags |= TCP_FIN;
			rflags |= REC_FIN;
			seq_len++;
		}
	}
	if (cap < SEGMENT_HEAD_MAX + len)
		return 0;
	if (!rec_push(s, c, c->snd_nxt, seq_len, rflags))
		return 0;
	n = segment_write(s, c, &p, buf, cap, out);
	out->departure.ns = pace_sent(s, c, n);
	if (p.retransmit) {
		c->n_retransmits++;
		s->n.retransmits++;
	}
	if (c->snd_nxt == c->snd_una)
		after_silence(s, c);
	c->snd_nxt += seq_len;
	if (len < c->mss)
		c->snd_small = c->snd_nxt;
	c->snd_max = seq_max(c->snd_max, c->snd_nxt);
	COYO_ASSERT(conn_sound(c));
	c->last_tx = s->now;
	window_used(c, false);
	if (c->ca == CA_RECOVERY)
		c->prr_out += seq_len;
	if (c->rtx_kind != RTX_RTO)
		timer_rto_restart(s, c);
	timer_tlp(s, c);
	return n;
}

/* RFC 8985 7.3: new data if there is any, else the last segment again; the congestion window does not bind. */
static uint32_t send_tlp(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                         struct tcp_out *out)
{
	bool blocked;
	uint32_t len = new_data_len(s, c, true, &blocked), n;

	c->flags &= ~(uint32_t)CF_TLP_DUE;
	if (!c->rec.len || c->ca >= CA_RECOVERY)
		return 0;
	c->flags &= ~(uint32_t)CF_TLP_RTX;
	c->prr_flight = conn_in_flight(c);
	if (len) {
		n = send_new(s, c, len, buf, cap, out);
	} else {
		n = resend(s, c, rec_end(c) - REC_BYTES, buf, cap, out);
		c->flags |= CF_TLP_RTX;
	}
	if (!n)
		return 0;
	c->flags |= CF_TLP_OUT;
	c->tlp_end = c->snd_nxt;
	c->aux_at = INT64_MAX;
	c->aux_kind = AUX_NONE;
	timer_rto_restart(s, c);
	c->n_probes++;
	s->n.tail_probes++;
	return n;
}

/* RFC 9293 3.8.6.1: at least one octet of new data, though the window is closed. It counts as sent only once acknowledged. */
static uint32_t send_window_probe(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                                  struct tcp_out *out)
{
	struct seg_plan p = {.seq = c->snd_nxt, .len = 1, .probe = true};
	bool blocked;
	uint32_t len = new_data_len(s, c, true, &blocked);

	c->flags &= ~(uint32_t)CF_PROBE_DUE;
	if (c->snd_nxt != c->snd_una || conn_data_end(c) == c->snd_nxt)
		return 0;
	if (len)
		return send_new(s, c, len, buf, cap, out);
	c->snd_max = seq_max(c->snd_max, c->snd_nxt + 1);
	c->n_probes++;
	s->n.window_probes++;
	return segment_write(s, c, &p, buf, cap, out);
}

/* A segment just below the window makes the peer answer with an ACK. */
static uint32_t send_keepalive(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                               struct tcp_out *out)
{
	struct seg_plan p = {.seq = c->snd_una - 1};

	c->flags &= ~(uint32_t)CF_KEEP_DUE;
	s->n.keepalive_probes++;
	return segment_write(s, c, &p, buf, cap, out);
}

/* Nothing outstanding and data kept back: without a timer this could be for ever. */
static void persist(struct tcp_stack *s, struct conn *c)
{
	if (c->rtx_kind != RTX_NONE || c->snd_nxt != c->snd_una)
		return;
	c->una_moved = s->now;
	timer_rtx(s, c, RTX_PERSIST);
}

/* Sends a lost record again where the window allows it. */
static uint32_t send_lost(struct tcp_stack *s, struct conn *c, uint32_t pos, uint8_t *buf,
                          size_t cap, struct tcp_out *out)
{
	uint32_t flight = conn_in_flight(c);

	if (pos == rec_end(c) || (flight && flight + rec_at(s, c, pos)->len > c->cc.cwnd) ||
	    !pace_due(s, c))
		return 0;
	return resend(s, c, pos, buf, cap, out);
}

/* RFC 5682 step 2b: up to two new segments, though the old ones are marked lost; then it waits for what they bring. */
static uint32_t send_frto(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                          struct tcp_out *out)
{
	bool blocked;
	uint32_t len = c->frto_left ? new_data_len(s, c, true, &blocked) : 0, n;

	n = len ? send_new(s, c, len, buf, cap, out) : 0;
	c->frto_left = n ? c->frto_left - 1 : 0;
	return n;
}

static uint32_t send_data(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                          struct tcp_out *out)
{
	uint32_t len, n;
	bool blocked;

	if (c->flags & CF_RTX_HEAD) {
		c->flags &= ~(uint32_t)CF_RTX_HEAD;
		if (c->rec.len)
			return resend(s, c, c->rec.head, buf, cap, out);
	}
	if (c->frto == FRTO_SECOND)
		return send_frto(s, c, buf, cap, out);
	if (c->lost_bytes)
		return send_lost(s, c, rec_next_lost(s, c), buf, cap, out);
	if (c->flags & CF_TLP_DUE) {
		n = send_tlp(s, c, buf, cap, out);
		if (n)
			return n;
	}
	if (c->flags & CF_PROBE_DUE) {
		n = send_window_probe(s, c, buf, cap, out);
		if (n)
			return n;
	}
	if (seq_gt(c->snd_nxt, conn_data_end(c)))
		return 0;
	restart_after_idle(s, c);
	len = new_data_len(s, c, false, &blocked);
	if ((len || fin_due(c)) && !pace_due(s, c))
		return 0;
	n = len || fin_due(c) ? send_new(s, c, len, buf, cap, out) : 0;
	if (!n && c->ca == CA_RECOVERY && !s->cfg.rack && (c->flags & CF_SACK))
		n = send_lost(s, c, loss_rescue(s, c), buf, cap, out);
	if (!n && (len || blocked || fin_due(c)))
		persist(s, c);
	return n;
}

static uint32_t next_segment(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                             struct tcp_out *out)
{
	struct seg_plan ack = {.seq = conn_bare_seq(c)};
	uint32_t n;

	if (c->flags & CF_SYN_DUE)
		return send_syn(s, c, buf, cap, out);
	if (may_send_data(c)) {
		n = send_data(s, c, buf, cap, out);
		if (n)
			return n;
	}
	if (c->flags & CF_KEEP_DUE)
		return send_keepalive(s, c, buf, cap, out);
	if (!(c->flags & CF_ACK_NOW) || c->state == TCP_SYN_SENT)
		return 0;
	return segment_write(s, c, &ack, buf, cap, out);
}

static uint32_t send_reply(struct tcp_stack *s, uint8_t *buf, size_t cap, struct tcp_out *out)
{
	const struct tcp_reply *r = s->reply_head != s->reply_tail ? reply_next(s) : NULL;

	return r ? segment_reply(s, r, buf, cap, out) : 0;
}

static void unready(struct tcp_stack *s, struct conn *c)
{
	LIST_DEL(s, &s->ready, c, ready);
	c->flags &= ~(uint32_t)CF_READY;
	s->burst_left = 0;
	if (c->flags & CF_ACK_LATER)
		timer_set(s, c, c->delack_at);
}

uint32_t tcp_output(struct tcp_stack *s, struct instant now, void *buf, size_t cap,
                    struct tcp_out *out)
{
	uint32_t n;

	stack_time(s, now);
	n = send_reply(s, buf, cap, out);
	if (n)
		return n;
	while (s->ready.head != CONN_NONE) {
		struct conn *c = &s->conns[s->ready.head];

		COYO_ASSERT(c->flags & CF_READY);
		/* A held peer's connections come back with its release; the application's patience runs on. */
		if (s->peers[c->peer].held) {
			if (c->user_timeout && c->snd.len && conn_synchronized(c))
				persist(s, c);
			if (c->state == TCP_SYN_RCVD && c->rtx_kind == RTX_NONE)
				timer_rtx(s, c, RTX_SYN);
			unready(s, c);
			continue;
		}
		if (!s->burst_left)
			s->burst_left = s->cfg.output_burst;
		n = next_segment(s, c, buf, cap, out);
		if (!n) {
			unready(s, c);
			continue;
		}
		if (--s->burst_left == 0 && s->ready.head != s->ready.tail) {
			LIST_DEL(s, &s->ready, c, ready);
			LIST_ADD(s, &s->ready, c, ready);
		}
		return n;
	}
	return 0;
}

bool tcp_output_pending(const struct tcp_stack *s)
{
	return s->ready.head != CONN_NONE || s->reply_head != s->reply_tail;
}
