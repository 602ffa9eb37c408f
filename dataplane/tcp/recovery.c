/* SPDX-License-Identifier: BSD-3-Clause */
/* Loss detection and repair: who was lost (RACK over SACK, or duplicate ACKs), and how much may be sent meanwhile (PRR). */
#include "tcp/recovery.h"
#include "tcp/record.h"
#include "tcp/rto.h"

#define REO_PERSIST 16 /* recoveries without a duplicate after which the window is narrow again */

static uint32_t outstanding(const struct conn *c)
{
	return c->snd_nxt - c->snd_una;
}

/* ---- reading acknowledgements ------------------------------------------------------------------------------------- */

/* The copy acknowledged may be an earlier one than that last sent: RFC 8985 section 6.2 step 2. What a SACK names was not in
 * order, so its timestamp is not echoed and only the round trip can tell. */
static bool ambiguous(const struct tcp_stack *s, const struct conn *c, const struct rec *r,
                      const struct seg *g, bool sacked)
{
	uint32_t sent = c->ts_off + (uint32_t)((uint64_t)r->tx / s->cfg.ts_clock_ns);

	if (!(r->flags & REC_RETX))
		return false;
	if (!sacked && (c->flags & CF_TS) && g->o.ts && (int32_t)(g->o.ts_ecr - sent) < 0)
		return true;
	return s->now - r->tx < c->min_rtt;
}

/* r, not SACKed so far, is known to have arrived. */
static void delivered(struct tcp_stack *s, struct conn *c, const struct rec *r, const struct seg *g,
                      bool sacked, struct ack_news *a)
{
	uint32_t end = r->seq + r->len;

	a->delivered += r->len;
	if (!(r->flags & REC_RETX)) {
		if (a->rtt < 0)
			a->rtt = s->now - r->tx;
		if (seq_lt(end, c->rack_fack))
			c->flags |= CF_REORDER;
		else
			c->rack_fack = end;
	}
	if (ambiguous(s, c, r, g, sacked))
		return;
	if (r->tx > c->rack_tx || (r->tx == c->rack_tx && seq_gt(end, c->rack_end))) {
		c->rack_tx = r->tx;
		c->rack_end = end;
		c->rack_rtt = s->now - r->tx;
	}
}

void recovery_una(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	uint32_t ack = g->ack;

	while (c->rec.len) {
		struct rec *r = rec_at(s, c, c->rec.head);
		uint32_t n;

		if (seq_gt(r->seq + r->len, ack)) {
			if (seq_geq(r->seq, ack))
				break;
			n = ack - r->seq;
			if (r->flags & REC_SACKED)
				c->sacked_bytes -= n;
			if (r->flags & REC_LOST)
				c->lost_bytes -= n;
			r->seq += n;
			r->len -= n;
			a->delivered += n;
			break;
		}
		if (!(r->flags & REC_SACKED))
			delivered(s, c, r, g, false, a);
		rec_pop(s, c);
	}
	a->acked = ack - c->snd_una;
	c->snd_una = ack;
	if (seq_lt(c->snd_nxt, ack))
		c->snd_nxt = ack;
}

/* Marks the records wholly inside [start, end), looking only from `from` on. */
static void sack_range(struct tcp_stack *s, struct conn *c, uint32_t start, uint32_t from,
                       uint32_t end, const struct seg *g, struct ack_news *a)
{
	for (uint32_t pos = rec_find(s, c, from); pos != rec_end(c); pos += REC_BYTES) {
		struct rec *r = rec_at(s, c, pos);

		if (seq_gt(r->seq + r->len, end))
			break;
		if (seq_lt(r->seq, start) || (r->flags & REC_SACKED))
			continue;
		delivered(s, c, r, g, true, a);
		rec_mark_sacked(s, c, pos);
	}
}

static bool is_dsack(const struct conn *c, const struct seg *g)
{
	const struct tcp_sack_range *k = g->o.sack;

	if (!g->o.nsack || !seq_lt(k[0].start, k[0].end))
		return false;
	if (seq_leq(k[0].end, g->ack))
		return true;
	return g->o.nsack > 1 && seq_geq(k[0].start, k[1].start) && seq_leq(k[0].end, k[1].end) &&
	       seq_leq(k[0].end, c->snd_max);
}

void recovery_sack(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	struct tcp_sack_range fresh[4] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};

	a->dsack = is_dsack(c, g);
	/* RFC 8985 step 4: wider once a round trip that saw a duplicate. */
	if (a->dsack && seq_geq(c->snd_una, c->dsack_round)) {
		c->dsack_round = c->snd_nxt;
		c->reo_persist = REO_PERSIST;
		if (c->reo_mult < 255)
			c->reo_mult++;
	}
	for (unsigned i = 0; i < g->o.nsack; i++) {
		struct tcp_sack_range k = g->o.sack[i];
		uint32_t mid_start = k.end, mid_end = k.end;

		if (!seq_lt(k.start, k.end) || seq_lt(k.start, c->snd_una) ||
		    seq_gt(k.end, c->snd_nxt))
			continue;
		/* What an earlier option told already need not be walked again. */
		for (unsigned j = 0; j < 4; j++) {
			struct tcp_sack_range o = c->sack_seen[j];

			if (o.start != o.end && seq_geq(o.start, k.start) &&
			    seq_leq(o.end, k.end) && o.end - o.start > mid_end - mid_start) {
				mid_start = o.start;
				mid_end = o.end;
			}
		}
		if (mid_start != k.start)
			sack_range(s, c, k.start, k.start, mid_start, g, a);
		if (mid_end != k.end)
			sack_range(s, c, k.start, mid_end, k.end, g, a);
		fresh[i] = k;
	}
	for (unsigned i = 0; i < 4; i++)
		c->sack_seen[i] = fresh[i];
}

/* ---- RACK ------------------------------------------------------------------------------------------------------- */

static int64_t reorder_window(const struct tcp_stack *s, const struct conn *c)
{
	int64_t w;

	if (!(c->flags & CF_REORDER) &&
	    (c->ca >= CA_RECOVERY || c->sacked_bytes >= s->cfg.dup_threshold * c->mss))
		return 0;
	if (c->min_rtt == INT64_MAX)
		return 0;
	w = c->min_rtt / 4 * c->reo_mult;
	return w < c->srtt ? w : c->srtt;
}

uint32_t recovery_rack(struct tcp_stack *s, struct conn *c)
{
	uint32_t before = c->lost_bytes;
	int64_t reo = reorder_window(s, c);

	if (c->aux_kind == AUX_REO) {
		c->aux_kind = AUX_NONE;
		c->aux_at = INT64_MAX;
	}
	if (!c->rack_tx)
		return 0;
	while (c->time_head != CONN_NONE) {
		struct rec *r = rec_at(s, c, c->time_head);
		int64_t left;

		if (r->tx > c->rack_tx || (r->tx == c->rack_tx && seq_geq(r->seq, c->rack_end)))
			break;
		left = r->tx + c->rack_rtt + reo - s->now;
		if (left > 0) {
			c->aux_kind = AUX_REO;
			c->aux_at = s->now + left;
			conn_arm(s, c, c->aux_at);
			break;
		}
		rec_mark_lost(s, c, c->time_head);
	}
	return c->lost_bytes - before;
}

/* ---- states ------------------------------------------------------------------------------------------------------ */

static void reduce(struct conn *c)
{
	uint64_t flight = outstanding(c) < c->cc.cwnd ? outstanding(c) : c->cc.cwnd;

	c->prior_cwnd = c->cc.cwnd;
	c->prior_ssthresh = c->cc.ssthresh;
	c->cc.ssthresh = c->cc.ops->congestion(&c->cc, flight);
	c->flags |= CF_UNDO;
}

static void recovery_enter(struct tcp_stack *s, struct conn *c)
{
	if (c->ca == CA_OPEN)
		reduce(c);
	c->ca = CA_RECOVERY;
	c->recover = c->snd_max;
	c->prr_flight = outstanding(c) - c->sacked_bytes;
	if (!c->prr_flight)
		c->prr_flight = 1;
	c->prr_delivered = c->prr_out = 0;
	c->retrans_ts = 0;
	c->n_fast++;
	s->n.fast_recoveries++;
}

static void prr(struct conn *c, const struct ack_news *a)
{
	uint64_t pipe = conn_in_flight(c), ss = c->cc.ssthresh, sndcnt;

	c->prr_delivered += a->delivered;
	if (pipe > ss) {
		uint64_t due =
		        ((uint64_t)c->prr_delivered * ss + c->prr_flight - 1) / c->prr_flight;

		sndcnt = due > c->prr_out ? due - c->prr_out : 0;
	} else {
		uint64_t limit = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;

		if (limit < a->delivered)
			limit = a->delivered;
		if (a->acked && !a->lost)
			limit += c->mss;
		sndcnt = ss - pipe < limit ? ss - pipe : limit;
	}
	if (!c->prr_out && sndcnt < c->mss)
		sndcnt = c->mss;
	c->cc.cwnd = pipe + sndcnt;
}

/* Eifel: the first ACK after a retransmission echoes a timestamp older than it, so the original had arrived. */
static bool try_undo(struct tcp_stack *s, struct conn *c, const struct seg *g)
{
	if (!s->cfg.eifel || !(c->flags & CF_UNDO) || !(c->flags & CF_TS) || !g->o.ts ||
	    !c->retrans_ts)
		return false;
	c->flags &= ~(uint32_t)CF_UNDO;
	/* After several timeouts it was an outage: one old copy that arrived says nothing of the rest. */
	if (c->retries > 1)
		return false;
	if ((int32_t)(g->o.ts_ecr - c->retrans_ts) >= 0)
		return false;
	rec_all_found(s, c);
	if (c->cc.cwnd < c->prior_cwnd)
		c->cc.cwnd = c->prior_cwnd;
	c->cc.ssthresh = c->prior_ssthresh;
	c->cc.ops->undo(&c->cc);
	c->ca = CA_OPEN;
	c->n_spurious++;
	s->n.spurious++;
	return true;
}

static void newreno_dupacks(struct tcp_stack *s, struct conn *c, const struct seg *g,
                            struct ack_news *a)
{
	uint32_t most;

	if (a->acked) {
		uint32_t n = a->acked / c->mss, told = c->dupacks * c->mss;

		/* What duplicates counted already is not delivered twice. */
		if (c->ca == CA_RECOVERY)
			a->delivered = a->delivered > told ? a->delivered - told : 0;

		c->dupacks = c->ca == CA_RECOVERY && c->dupacks > n ? c->dupacks - n : 0;
		/* A partial acknowledgement: the next segment is missing too. */
		if (c->ca == CA_RECOVERY && seq_lt(c->snd_una, c->recover) && c->rec.len)
			rec_mark_lost(s, c, c->rec.head);
	} else if (c->ca != CA_LOSS && outstanding(c) && !g->len && !a->window_moved &&
	           !(g->flags & (TCP_SYN | TCP_FIN))) {
		/* After a time-out all that was out counts as lost: its duplicates free nothing. */
		c->dupacks++;
		a->delivered += c->mss;
	}
	most = outstanding(c) - c->lost_bytes;
	if (c->ca < CA_RECOVERY && c->dupacks >= s->cfg.dup_threshold && c->rec.len &&
	    seq_gt(c->snd_una, c->recover)) {
		rec_mark_lost(s, c, c->rec.head);
		a->lost = c->lost_bytes;
		most = outstanding(c) - c->lost_bytes;
	}
	c->sacked_bytes = (uint64_t)c->dupacks * c->mss < most ? c->dupacks * c->mss : most;
}

static void tlp_end(struct tcp_stack *s, struct conn *c, const struct ack_news *a)
{
	if (!(c->flags & CF_TLP_OUT) || seq_lt(c->snd_una, c->tlp_end))
		return;
	if ((c->flags & CF_TLP_RTX) && !a->dsack) {
		if (c->snd_una == c->tlp_end && a->acked)
			return;
		/* The probe repaired a loss that nothing else reported. */
		if (seq_gt(c->snd_una, c->tlp_end) && c->ca == CA_OPEN)
			recovery_ecn(s, c);
	}
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX);
}

static void grow(struct tcp_stack *s, struct conn *c, const struct ack_news *a)
{
	bool limited = c->cc.cwnd < c->cc.ssthresh
	                       ? (uint64_t)a->prior_flight * 2 >= c->cc.cwnd
	                       : (uint64_t)a->prior_flight + 3 * c->mss >= c->cc.cwnd;

	if (a->acked && (limited || (c->flags & CF_SND_LIMITED)))
		c->cc.ops->acked(&c->cc, a->acked, c->srtt, s->now);
	if (a->acked)
		c->flags &= ~(uint32_t)CF_SND_LIMITED;
}

static void recovery_leave(struct conn *c)
{
	if (c->ca == CA_RECOVERY)
		c->cc.cwnd = c->cc.ssthresh;
	c->ca = CA_OPEN;
	if (!(c->flags & CF_SACK))
		c->dupacks = 0;
	if (c->reo_persist && --c->reo_persist == 0)
		c->reo_mult = 1;
}

void recovery_ack(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	if (c->ca >= CA_RECOVERY && a->acked && !try_undo(s, c, g) &&
	    seq_geq(c->snd_una, c->recover))
		recovery_leave(c);
	c->delivered += a->delivered;
	if (c->ca == CA_CWR && seq_geq(c->snd_una, c->cwr_end))
		c->ca = CA_OPEN;
	if (c->flags & CF_SACK)
		a->lost = recovery_rack(s, c);
	else
		newreno_dupacks(s, c, g, a);
	if (a->lost && c->ca < CA_RECOVERY)
		recovery_enter(s, c);
	tlp_end(s, c, a);
	if (c->ca == CA_RECOVERY) {
		if (a->delivered)
			prr(c, a);
	} else if (c->ca == CA_LOSS && c->cc.cwnd < c->cc.ssthresh) {
		tcp_cc_slow_start(&c->cc, a->acked);
	} else {
		grow(s, c, a);
	}
}

void recovery_reorder_timer(struct tcp_stack *s, struct conn *c)
{
	struct ack_news a = {.rtt = -1};

	if (!recovery_rack(s, c))
		return;
	if (c->ca < CA_RECOVERY)
		recovery_enter(s, c);
	if (c->ca == CA_RECOVERY)
		prr(c, &a);
}

void recovery_timeout(struct tcp_stack *s, struct conn *c)
{
	bool renege = c->rec.len && (rec_at(s, c, c->rec.head)->flags & REC_SACKED);

	if (c->ca == CA_OPEN)
		reduce(c);
	if (c->ca != CA_LOSS)
		c->cc.ops->timeout(&c->cc);
	if (c->ca != CA_LOSS)
		c->recover = c->snd_max;
	c->ca = CA_LOSS;
	c->retrans_ts = 0;
	c->cc.cwnd = c->mss;
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX | CF_TLP_DUE | CF_RTX_HEAD);
	rec_all_lost(s, c, renege);
	c->n_rtos++;
	s->n.rtos++;
}

void recovery_restart(struct tcp_stack *s, struct conn *c)
{
	uint64_t iw = (uint64_t)s->cfg.initial_window * c->mss;

	c->backoff = c->retries = 0;
	if (!outstanding(c))
		return;
	/* What was learned of the old path's capacity stays as the place where slow start ends (RFC 7661's spirit). */
	if (c->ca == CA_OPEN && c->cc.ssthresh > c->cc.cwnd && c->cc.ssthresh != UINT64_MAX)
		c->cc.ssthresh = c->cc.cwnd;
	if (c->cc.cwnd > iw || c->ca == CA_LOSS)
		c->cc.cwnd = iw;
	c->ca = CA_LOSS;
	c->recover = c->snd_max;
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX | CF_TLP_DUE | CF_UNDO);
	rec_all_lost(s, c, false);
}

void recovery_ecn(struct tcp_stack *s, struct conn *c)
{
	(void)s;
	if (c->ca != CA_OPEN)
		return;
	reduce(c);
	c->flags &= ~(uint32_t)CF_UNDO;
	c->cc.cwnd = c->cc.ssthresh;
	c->ca = CA_CWR;
	c->cwr_end = c->snd_nxt;
	if (c->flags & CF_ECN)
		c->flags |= CF_CWR;
}
