/* SPDX-License-Identifier: BSD-3-Clause */
/* Which of the outstanding segments are lost: by time (RACK), by what was SACKed above (RFC 6675), by duplicate ACKs (NewReno). */
#include "tcp/record.h"
#include "tcp/recovery.h"

/* ---- RACK (RFC 8985) ------------------------------------------------------------------------------------------------ */

static int64_t reorder_window(const struct tcp_stack *s, const struct conn *c)
{
	int64_t w;

	if (!(c->flags & CF_REORDER) &&
	    (c->ca >= CA_RECOVERY || c->sacked_segs >= s->cfg.dup_threshold))
		return 0;
	if (c->min_rtt == INT64_MAX)
		return 0;
	w = c->min_rtt / 4 * c->reo_mult;
	return w < c->srtt ? w : c->srtt;
}

uint32_t loss_by_time(struct tcp_stack *s, struct conn *c)
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

		COYO_ASSERT((r->flags & REC_TIMED) && !(r->flags & (REC_LOST | REC_SACKED)));
		if (r->tx > c->rack_tx || (r->tx == c->rack_tx && seq_geq(r->seq, c->rack_end)))
			break;
		left = r->tx + c->rack_rtt + reo - s->now;
		/* What is sent at this very instant cannot be missing yet: on a path without delay it would be sent for ever. */
		if (left <= 0 && r->tx >= s->now)
			left = 1;
		if (left > 0) {
			c->aux_kind = AUX_REO;
			c->aux_at = s->now + left;
			timer_set(s, c, c->aux_at);
			break;
		}
		rec_mark_lost(s, c, c->time_head);
	}
	return c->lost_bytes - before;
}

/* ---- RFC 6675 ------------------------------------------------------------------------------------------------------- */

/* Enough was SACKed above for what lies below to be lost: section 4, IsLost(). */
static bool sacked_enough(const struct tcp_stack *s, const struct conn *c, uint32_t segs,
                          uint32_t bytes)
{
	return segs >= s->cfg.dup_threshold || bytes > (s->cfg.dup_threshold - 1) * c->mss;
}

/* Each segment is deemed lost once: a lost retransmission waits for the time-out. What lies below sack_mark was judged. */
static uint32_t sack_lost(struct tcp_stack *s, struct conn *c)
{
	uint32_t before = c->lost_bytes, pos = rec_end(c), segs = 0, bytes = 0, mark;

	if (!sacked_enough(s, c, c->sacked_segs, c->sacked_bytes))
		return 0;
	while (pos != c->rec.head && !sacked_enough(s, c, segs, bytes)) {
		const struct rec *r = rec_at(s, c, pos -= REC_BYTES);

		segs += (r->flags & REC_SACKED) != 0;
		bytes += r->flags & REC_SACKED ? r->len : 0;
	}
	mark = rec_at(s, c, pos)->seq;
	while (pos != c->rec.head) {
		const struct rec *r = rec_at(s, c, pos -= REC_BYTES);

		if (seq_lt(r->seq, c->sack_mark))
			break;
		if (!(r->flags & (REC_SACKED | REC_LOST | REC_RETX)))
			rec_mark_lost(s, c, pos);
	}
	c->sack_mark = seq_max(c->sack_mark, mark);
	return c->lost_bytes - before;
}

/* Section 5, steps (1) and (2): by IsLost(), or by duplicates that bring news. */
static uint32_t sack_rules(struct tcp_stack *s, struct conn *c, const struct ack_news *a)
{
	uint32_t lost = sack_lost(s, c), before = c->lost_bytes;

	if (a->acked)
		c->dupacks = 0;
	else if (a->delivered)
		c->dupacks++;
	if (!lost && c->ca < CA_RECOVERY && c->rec.len && c->dupacks >= s->cfg.dup_threshold) {
		rec_mark_lost(s, c, c->rec.head);
		lost = c->lost_bytes - before;
	}
	return lost;
}

uint32_t loss_rescue(struct tcp_stack *s, struct conn *c)
{
	uint32_t end = rec_end(c), top = end, seen = 0;

	/* Rule (3): not SACKed, below something SACKed, not sent again so far. */
	for (uint32_t pos = c->rec.head; pos != end && seen < c->sacked_segs; pos += REC_BYTES) {
		const struct rec *r = rec_at(s, c, pos);

		if (r->flags & REC_SACKED)
			seen++;
		else if (!(r->flags & REC_RETX))
			return pos;
	}
	/* Rule (4): the highest, once in a recovery. */
	if (c->modes & CM_RESCUED)
		return end;
	while (top != c->rec.head) {
		top -= REC_BYTES;
		if (!(rec_at(s, c, top)->flags & REC_SACKED)) {
			c->modes |= CM_RESCUED;
			return top;
		}
	}
	return end;
}

/* ---- without SACK (RFC 5681, 6582) ---------------------------------------------------------------------------------- */

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
	} else if (c->ca != CA_LOSS && conn_outstanding(c) && !g->len && !a->window_moved &&
	           !(g->flags & (TCP_SYN | TCP_FIN))) {
		/* After a time-out all that was out counts as lost: its duplicates free nothing. */
		c->dupacks++;
		a->delivered += c->mss;
	}
	if (c->ca < CA_RECOVERY && c->dupacks >= s->cfg.dup_threshold && c->rec.len &&
	    seq_gt(c->snd_una, c->recover)) {
		rec_mark_lost(s, c, c->rec.head);
		a->lost = c->lost_bytes;
	}
	most = conn_outstanding(c) - c->lost_bytes;
	c->sacked_bytes = (uint64_t)c->dupacks * c->mss < most ? c->dupacks * c->mss : most;
	COYO_ASSERT(conn_sound(c));
}

/* ---- whichever applies ---------------------------------------------------------------------------------------------- */

void loss_detect(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	if (!(c->flags & CF_SACK))
		newreno_dupacks(s, c, g, a);
	else if (s->cfg.rack)
		a->lost = loss_by_time(s, c);
	else
		a->lost = sack_rules(s, c, a);
}
