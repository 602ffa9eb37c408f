/* SPDX-License-Identifier: BSD-3-Clause */
/* What acknowledgements say, written into the records: cumulative (una), selective (SACK), duplicate (D-SACK). */
#include "tcp/record.h"
#include "tcp/recovery.h"

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

/* The newest of what a SACK tells, as its ACK answers one segment and those before may have been lost; and nothing when the ACK
 * moved una: it answered that. */
static void sample_rtt(int64_t rtt, bool sacked, struct ack_news *a)
{
	if (a->rtt < 0 ? !(sacked && a->acked) : sacked && !a->acked && rtt < a->rtt)
		a->rtt = rtt;
}

/* r, not SACKed so far, is known to have arrived. */
static void delivered(struct tcp_stack *s, struct conn *c, const struct rec *r, const struct seg *g,
                      bool sacked, struct ack_news *a)
{
	uint32_t end = r->seq + r->len;

	COYO_ASSERT(!(r->flags & REC_SACKED));
	a->delivered += r->len;
	if (!(r->flags & REC_RETX)) {
		if (seq_leq(end, c->recover))
			a->originals += r->len;
		sample_rtt(s->now - r->tx, sacked, a);
	}
	/* RFC 8985 step 3: below what was delivered already, and not for being sent twice. */
	if (seq_gt(end, c->rack_fack))
		c->rack_fack = end;
	else if (!(r->flags & REC_RETX) && seq_lt(end, c->rack_fack))
		c->flags |= CF_REORDER;
	if (ambiguous(s, c, r, g, sacked))
		return;
	if (r->tx > c->rack_tx || (r->tx == c->rack_tx && seq_gt(end, c->rack_end))) {
		c->rack_tx = r->tx;
		c->rack_end = end;
		c->rack_rtt = s->now - r->tx;
	}
}

/* Marks that una has passed move with it: left behind, they would lie ahead again after 2 GiB. Those that una must exceed stay one
 * below. */
static void marks_follow(struct conn *c)
{
	c->cwr_end = seq_max(c->cwr_end, c->snd_una - 1);
	c->recover = seq_max(c->recover, c->snd_una - 1);
	c->dsack_round = seq_max(c->dsack_round, c->snd_una);
	c->snd_small = seq_max(c->snd_small, c->snd_una);
	c->sack_mark = seq_max(c->sack_mark, c->snd_una);
	c->cc.hs.round_end = seq_max(c->cc.hs.round_end, c->snd_una);
	for (unsigned i = 0; i < 4; i++)
		if (seq_leq(c->sack_seen[i].end, c->snd_una))
			c->sack_seen[i].start = c->sack_seen[i].end = c->snd_una;
}

void sack_una(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	uint32_t ack = g->ack;
	bool again = false;

	COYO_ASSERT(seq_gt(ack, c->snd_una) && seq_leq(ack, c->snd_max));
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
		if (!(r->flags & REC_SACKED)) {
			again |= (r->flags & REC_RETX) != 0;
			delivered(s, c, r, g, false, a);
		}
		rec_pop(s, c);
	}
	/* What had waited behind a gap until it was filled tells nothing of the round trip; a timestamp still may. */
	if (again)
		a->rtt = -1;
	a->acked = ack - c->snd_una;
	c->snd_una = ack;
	marks_follow(c);
	if (seq_lt(c->snd_nxt, ack))
		c->snd_nxt = ack;
	COYO_ASSERT(!c->rec.len || rec_at(s, c, c->rec.head)->seq == c->snd_una);
}

/* Marks the records wholly inside [start, end), looking only at those that begin before `upto` and end behind `from`. */
static void sack_range(struct tcp_stack *s, struct conn *c, uint32_t start, uint32_t from,
                       uint32_t upto, uint32_t end, const struct seg *g, struct ack_news *a)
{
	uint32_t first = rec_find(s, c, from), pos = first;

	if (pos != rec_end(c) && seq_lt(rec_at(s, c, pos)->seq, start))
		first = pos += REC_BYTES;
	while (pos != rec_end(c)) {
		struct rec *r = rec_at(s, c, pos);

		if (seq_geq(r->seq, upto) || seq_gt(r->seq + r->len, end))
			break;
		if (!(r->flags & REC_SACKED)) {
			delivered(s, c, r, g, true, a);
			rec_mark_sacked(s, c, pos);
		}
		pos += rec_run(r) * REC_BYTES;
	}
	rec_join(s, c, first, pos);
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

void sack_ranges(struct tcp_stack *s, struct conn *c, const struct seg *g, struct ack_news *a)
{
	struct tcp_sack_range fresh[4] = {{0, 0}, {0, 0}, {0, 0}, {0, 0}};

	a->dsack = is_dsack(c, g);
	/* RFC 8985 step 4: wider once a round trip that saw a duplicate. */
	if (a->dsack && seq_geq(c->snd_una, c->dsack_round)) {
		c->dsack_round = c->snd_nxt;
		c->reo_persist = (uint8_t)s->cfg.reo_persist;
		if (c->reo_mult < 255)
			c->reo_mult++;
	}
	for (unsigned i = 0; i < g->o.nsack; i++) {
		struct tcp_sack_range k = g->o.sack[i];
		uint32_t mid_start = k.end, mid_end = k.end;

		/* By distances from una: comparisons alone would let a range through that begins 1.5 GiB ahead and goes round. */
		if (k.start - c->snd_una >= k.end - c->snd_una ||
		    k.end - c->snd_una > c->snd_nxt - c->snd_una)
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
			sack_range(s, c, k.start, k.start, mid_start, k.end, g, a);
		if (mid_end != k.end)
			sack_range(s, c, k.start, mid_end, k.end, k.end, g, a);
		fresh[i] = k;
	}
	for (unsigned i = 0; i < 4; i++)
		c->sack_seen[i] = fresh[i];
	COYO_ASSERT(conn_sound(c));
}
