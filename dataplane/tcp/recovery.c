/* SPDX-License-Identifier: BSD-3-Clause */
/* The sender's states open, CWR, recovery, loss: what moves it between them and how much it may send in each (PRR). */
#include "tcp/record.h"
#include "tcp/recovery.h"

/* One congestion event: the window's new target. What it was before is kept for an undo. */
static void reduce(struct conn *c, uint32_t flight)
{
	/* RFC 5681 3.2: without what limited transmit sent. */
	uint64_t base = flight < c->cc.cwnd ? flight : c->cc.cwnd;

	c->prior_cwnd = c->cc.cwnd;
	c->prior_ssthresh = c->cc.ssthresh;
	c->cc.ssthresh = c->cc.ops->congestion(&c->cc, base);
	COYO_ASSERT(c->cc.ssthresh >= 2 * (uint64_t)c->mss); /* RFC 5681 (4) */
	c->flags |= CF_UNDO;
	c->cwr_end = c->snd_nxt;
	if (c->flags & CF_ECN) /* RFC 3168 6.1.2: for whatever reason the window was reduced */
		c->flags |= CF_CWR;
}

static void recovery_enter(struct tcp_stack *s, struct conn *c, const struct ack_news *a)
{
	COYO_ASSERT(c->ca < CA_RECOVERY && c->lost_bytes);
	if (c->ca == CA_OPEN)
		reduce(c, conn_outstanding(c));
	c->ca = CA_RECOVERY;
	/* What a tail loss probe has still to tell is part of this event. */
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX);
	c->recover = c->snd_max;
	c->modes = (c->modes | CM_EIFEL) & ~(uint32_t)CM_RESCUED;
	/* RFC 9937 6.2: RecoverFS is what was in the network before this acknowledgement. */
	c->prr_flight = conn_outstanding(c) - c->sacked_bytes + a->delivered;
	if (!c->prr_flight)
		c->prr_flight = 1;
	c->prr_delivered = c->prr_out = 0;
	c->retrans_ts = 0;
	c->n_fast++;
	s->n.fast_recoveries++;
}

/* RFC 9937 6.2: proportional while above ssthresh, then bounded by what was delivered. */
static void prr(struct conn *c, const struct ack_news *a)
{
	uint64_t pipe = conn_in_flight(c), ss = c->cc.ssthresh, sndcnt;

	COYO_ASSERT(c->ca == CA_RECOVERY && c->prr_flight);
	c->prr_delivered += a->delivered;
	if (pipe > ss) {
		uint64_t due =
		        ((uint64_t)c->prr_delivered * ss + c->prr_flight - 1) / c->prr_flight;

		sndcnt = due > c->prr_out ? due - c->prr_out : 0;
	} else {
		uint64_t limit = c->prr_delivered > c->prr_out ? c->prr_delivered - c->prr_out : 0;

		if (limit < a->delivered)
			limit = a->delivered;
		if (a->acked && !a->lost) /* SafeACK */
			limit += c->mss;
		sndcnt = ss - pipe < limit ? ss - pipe : limit;
	}
	if (!c->prr_out && sndcnt < c->mss)
		sndcnt = c->mss;
	c->cc.cwnd = pipe + sndcnt;
}

/* RFC 8985 7.4: whether the probe repaired a loss that nothing else reported. */
static void tlp_end(struct tcp_stack *s, struct conn *c, const struct ack_news *a)
{
	if (!(c->flags & CF_TLP_OUT) || seq_lt(c->snd_una, c->tlp_end))
		return;
	if ((c->flags & CF_TLP_RTX) && !a->dsack) {
		if (c->snd_una == c->tlp_end && a->acked)
			return;
		if (seq_gt(c->snd_una, c->tlp_end))
			recovery_cwr(s, c, c->prr_flight);
	}
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX);
}

/* The window grows only where it was what limited the sender (RFC 9438 5.8, RFC 7661 4.1). */
static void grow(struct tcp_stack *s, struct conn *c, const struct ack_news *a, uint32_t bytes)
{
	bool start = c->cc.cwnd < c->cc.ssthresh;
	bool limited = (c->flags & CF_SND_LIMITED) ||
	               (start ? 2 * (uint64_t)c->use_flight >= c->cc.cwnd
	                      : c->use_flight + 3 * (uint64_t)c->mss >= c->cc.cwnd);

	if (!a->acked || a->ece) /* RFC 3168 6.1.2: no growth for an echo */
		return;
	if (limited) {
		c->cc.ops->acked(&c->cc, bytes, c->srtt, s->now);
		if (start && s->cfg.hystart)
			tcp_hystart_ack(&s->cfg, &c->cc, c->snd_una, c->snd_nxt, a->rtt);
	} else if (c->cc.ops->paused) {
		c->cc.ops->paused(&c->cc);
	}
}

static void recovery_leave(struct conn *c)
{
	COYO_ASSERT(c->ca >= CA_RECOVERY);
	recovery_window(c);
	c->ca = CA_OPEN;
	c->frto = FRTO_NONE;
	c->dupacks = 0;
	if (c->reo_persist && --c->reo_persist == 0)
		c->reo_mult = 1;
}

void recovery_ack(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	uint8_t was = c->ca;
	uint32_t bytes = a->acked, most;

	if (c->ca >= CA_RECOVERY && !undo_ack(s, c, g, a) && a->acked &&
	    seq_geq(c->snd_una, c->recover))
		recovery_leave(c);
	c->delivered += a->delivered;
	if (c->ca == CA_CWR && seq_geq(c->snd_una, c->cwr_end))
		c->ca = CA_OPEN;
	loss_detect(s, c, g, a);
	/* What was lost behind the recovery that ends is another event (RFC 5681 4.3). */
	if ((a->lost || (was == CA_RECOVERY && c->lost_bytes)) && c->ca < CA_RECOVERY)
		recovery_enter(s, c, a);
	tlp_end(s, c, a);
	if (was == CA_LOSS && c->cc.cwnd < c->cc.ssthresh) {
		/* What one acknowledgement covers after a time-out was mostly not sent just now: with SACK it is known how much,
		 * without, one segment counts (RFC 3465 2.3). */
		most = c->flags & CF_SACK ? a->delivered : c->mss;
		bytes = bytes < most ? bytes : most;
	}
	if (c->ca == CA_RECOVERY) {
		if (a->delivered || a->lost)
			prr(c, a);
	} else if (c->ca == CA_LOSS && c->cc.cwnd < c->cc.ssthresh) {
		tcp_cc_slow_start(&c->cc, bytes);
	} else {
		grow(s, c, a, bytes);
	}
	COYO_ASSERT(c->cc.cwnd >= c->mss || c->ca == CA_RECOVERY);
}

void recovery_reorder_timer(struct tcp_stack *s, struct conn *c)
{
	struct ack_news a = {.rtt = -1};

	if (!loss_by_time(s, c))
		return;
	if (c->ca < CA_RECOVERY)
		recovery_enter(s, c, &a);
	if (c->ca == CA_RECOVERY)
		prr(c, &a);
}

void recovery_timeout(struct tcp_stack *s, struct conn *c)
{
	bool renege = c->rec.len && (rec_at(s, c, c->rec.head)->flags & REC_SACKED);

	undo_timeout(s, c);
	/* Within a recovery the first retransmission stays the one that Eifel asks about: an undo takes back its reduction. */
	if (c->ca == CA_OPEN) {
		reduce(c, conn_outstanding(c));
		c->modes |= CM_EIFEL;
		c->retrans_ts = 0;
	}
	if (c->ca != CA_LOSS) {
		c->cc.ops->timeout(&c->cc);
		c->recover = c->snd_max;
	}
	c->ca = CA_LOSS;
	c->sack_mark = c->snd_max;
	c->cc.cwnd = c->mss;
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX | CF_TLP_DUE | CF_RTX_HEAD);
	rec_all_lost(s, c, renege);
	c->n_rtos++;
	s->n.rtos++;
}

void recovery_restart(struct tcp_stack *s, struct conn *c)
{
	uint64_t iw = conn_initial_window(s, c);

	c->backoff = c->retries = 0;
	if (!conn_outstanding(c))
		return;
	/* What was learned of the old path's capacity stays as the place where slow start ends (RFC 7661's spirit). */
	if (c->ca == CA_OPEN && c->cc.ssthresh > c->cc.cwnd && c->cc.ssthresh != UINT64_MAX)
		c->cc.ssthresh = c->cc.cwnd;
	recovery_window(c);
	if (c->cc.cwnd > iw || c->ca == CA_LOSS)
		c->cc.cwnd = iw;
	if (c->cc.ops->restart)
		c->cc.ops->restart(&c->cc);
	c->ca = CA_LOSS;
	c->recover = c->snd_max;
	c->frto = FRTO_NONE;
	c->min_rtt = INT64_MAX; /* another path perhaps */
	c->flags &= ~(uint32_t)(CF_TLP_OUT | CF_TLP_RTX | CF_TLP_DUE | CF_UNDO);
	rec_all_lost(s, c, false);
	timer_rto_restart(s, c);
}

bool recovery_cwr(struct tcp_stack *s, struct conn *c, uint32_t flight)
{
	(void)s;
	if (c->ca != CA_OPEN)
		return false;
	reduce(c, flight);
	c->flags &= ~(uint32_t)(CF_UNDO | CF_TLP_OUT | CF_TLP_RTX);
	c->cc.cwnd = c->cc.ssthresh;
	c->ca = CA_CWR;
	return true;
}
