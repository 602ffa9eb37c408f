/* SPDX-License-Identifier: BSD-3-Clause */
/* Finding that a recovery was needless, by timestamps (Eifel, RFC 3522, 4015) or by what follows a time-out (F-RTO, RFC 5682). */
#include "tcp/record.h"
#include "tcp/recovery.h"

static void undo(struct tcp_stack *s, struct conn *c)
{
	COYO_ASSERT((c->flags & CF_UNDO) && c->ca >= CA_RECOVERY);
	rec_all_found(s, c);
	/* RFC 8985 step 3 sees reordering only in segments that were sent once. */
	if (c->ca == CA_RECOVERY)
		c->flags |= CF_REORDER;
	/* Perhaps a retransmission's, taken to have arrived by what acknowledged the original. */
	c->rack_tx = 0;
	if (c->cc.cwnd < c->prior_cwnd)
		c->cc.cwnd = c->prior_cwnd;
	c->cc.ssthresh = c->prior_ssthresh;
	c->cc.ops->undo(&c->cc);
	c->ca = CA_OPEN;
	c->frto = FRTO_NONE;
	/* Nothing is said of a reduction that is none. */
	c->flags &= ~(uint32_t)(CF_UNDO | CF_CWR);
	c->sack_mark = c->snd_una;
	c->n_spurious++;
	s->n.spurious++;
}

/* The ACK that covers the first retransmission echoes a timestamp older than it: the original had arrived. What RACK sends again
 * first need not be SND.UNA: an ACK up to there, or from below it to above, echoes another segment's and tells nothing. */
static bool eifel(const struct tcp_stack *s, struct conn *c, const struct seg *g, uint32_t acked)
{
	if (!s->cfg.eifel || !(c->modes & CM_EIFEL) || !(c->flags & CF_TS) || !g->o.ts ||
	    !c->retrans_ts || seq_leq(c->snd_una, c->retrans_seq))
		return false;
	c->modes &= ~(uint32_t)CM_EIFEL;
	if (seq_lt(c->snd_una - acked, c->retrans_seq))
		return false;
	/* After several timeouts it was an outage: one old copy that arrived says nothing of the rest. */
	return c->retries <= 1 && (int32_t)(g->o.ts_ecr - c->retrans_ts) < 0;
}

/* RFC 5682 2.1 step 2b needs something that was never sent. */
static bool new_data_waits(const struct conn *c)
{
	return seq_lt(c->snd_nxt, conn_data_end(c)) && c->snd_nxt == c->snd_max &&
	       c->snd_wnd > conn_outstanding(c);
}

/* RFC 5682 2.1 and 3.1, steps 2 and 3. True: the time-out was spurious. */
static bool frto_ack(struct conn *c, const struct ack_news *a)
{
	uint8_t was = c->frto;

	c->frto = FRTO_NONE;
	if (was == FRTO_SECOND) {
		/* 3b: something arrived that was sent once, before the time-out. */
		if (a->originals)
			return true;
		/* 3a: a duplicate, so the loss was real. The two new ones are on their way. */
		if (!a->acked)
			c->cc.cwnd = 3 * (uint64_t)c->mss;
		return false;
	}
	/* 2a: a duplicate, or all is acknowledged: the ordinary way. */
	if (!a->acked || seq_geq(c->snd_una, c->recover) || !new_data_waits(c))
		return false;
	/* 2b: two new segments in place of retransmissions. */
	c->frto = FRTO_SECOND;
	c->frto_left = 2;
	return false;
}

void undo_timeout(struct tcp_stack *s, struct conn *c)
{
	/* Step 1: not where a recovery is going on already. */
	c->frto = s->cfg.frto && c->ca < CA_RECOVERY ? FRTO_FIRST : FRTO_NONE;
}

bool undo_ack(struct tcp_stack *s, struct conn *c, const struct seg *g, const struct ack_news *a)
{
	bool news = a->acked || a->delivered || (!g->len && !a->window_moved);
	bool needless = a->acked && eifel(s, c, g, a->acked);

	/* RFC 4015 3.2: what was reduced answers a mark too. */
	if (a->ece)
		c->flags &= ~(uint32_t)CF_UNDO;
	if (c->ca == CA_LOSS && c->frto != FRTO_NONE && news)
		needless |= frto_ack(c, a);
	if (!needless || !(c->flags & CF_UNDO))
		return false;
	undo(s, c);
	return true;
}
