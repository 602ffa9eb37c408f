/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of outstanding segments: kept in a chunk ring so that a sequence number is found by halving. */
#include "tcp/record.h"

#include <string.h>

/* The record at pos is one of c's. */
static bool held(const struct conn *c, uint32_t pos)
{
	return pos - c->rec.head < c->rec.len && (pos - c->rec.head) % REC_BYTES == 0;
}

static void time_add(struct tcp_stack *s, struct conn *c, uint32_t pos)
{
	struct rec *r = rec_at(s, c, pos);

	r->tprev = c->time_tail;
	r->tnext = CONN_NONE;
	if (c->time_tail != CONN_NONE)
		rec_at(s, c, c->time_tail)->tnext = pos;
	else
		c->time_head = pos;
	c->time_tail = pos;
	r->flags |= REC_TIMED;
}

/* In front: sent before all that is on the list. */
static void time_put(struct tcp_stack *s, struct conn *c, uint32_t pos)
{
	struct rec *r = rec_at(s, c, pos);

	r->tprev = CONN_NONE;
	r->tnext = c->time_head;
	if (c->time_head != CONN_NONE)
		rec_at(s, c, c->time_head)->tprev = pos;
	else
		c->time_tail = pos;
	c->time_head = pos;
	r->flags |= REC_TIMED;
}

static void time_del(struct tcp_stack *s, struct conn *c, struct rec *r)
{
	if (!(r->flags & REC_TIMED))
		return;
	if (r->tprev != CONN_NONE)
		rec_at(s, c, r->tprev)->tnext = r->tnext;
	else
		c->time_head = r->tnext;
	if (r->tnext != CONN_NONE)
		rec_at(s, c, r->tnext)->tprev = r->tprev;
	else
		c->time_tail = r->tprev;
	r->flags &= (uint8_t)~REC_TIMED;
}

struct rec *rec_push(struct tcp_stack *s, struct conn *c, uint32_t seq, uint32_t len, uint8_t flags)
{
	uint32_t pos = rec_end(c);
	struct rec *r;

	if (tcp_buf_ensure(&s->pool, &c->rec, pos))
		return NULL;
	COYO_ASSERT(len);
	COYO_ASSERT(!c->rec.len ||
	            rec_at(s, c, pos - REC_BYTES)->seq + rec_at(s, c, pos - REC_BYTES)->len == seq);
	if (!c->rec.len)
		c->rec_lost = pos;
	c->rec.len += REC_BYTES;
	r = rec_at(s, c, pos);
	*r = (struct rec){.seq = seq, .len = len, .tx = s->now, .flags = flags};
	time_add(s, c, pos);
	return r;
}

uint32_t rec_find(const struct tcp_stack *s, const struct conn *c, uint32_t seq)
{
	uint32_t lo = 0, hi = c->rec.len / REC_BYTES;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;
		const struct rec *r = rec_at(s, c, c->rec.head + mid * REC_BYTES);

		if (seq_leq(r->seq + r->len, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return c->rec.head + lo * REC_BYTES;
}

static void uncount(struct conn *c, const struct rec *r)
{
	if (r->flags & REC_SACKED) {
		COYO_ASSERT(c->sacked_bytes >= r->len && c->sacked_segs);
		c->sacked_bytes -= r->len;
		c->sacked_segs--;
	}
	COYO_ASSERT(!(r->flags & REC_LOST) || c->lost_bytes >= r->len);
	if (r->flags & REC_LOST)
		c->lost_bytes -= r->len;
}

void rec_pop(struct tcp_stack *s, struct conn *c)
{
	struct rec *r = rec_at(s, c, c->rec.head);

	COYO_ASSERT(held(c, c->rec.head));
	uncount(c, r);
	time_del(s, c, r);
	if (c->rec_lost == c->rec.head)
		c->rec_lost += REC_BYTES;
	tcp_buf_drop(&s->pool, &c->rec, REC_BYTES, false);
}

void rec_join(struct tcp_stack *s, struct conn *c, uint32_t first, uint32_t end)
{
	for (uint32_t pos = first, next; pos != end; pos = next) {
		struct rec *r = rec_at(s, c, pos);

		COYO_ASSERT(held(c, pos) && (r->flags & REC_SACKED));
		next = pos + rec_run(r) * REC_BYTES;
		r->run = (end - pos) / REC_BYTES;
	}
}

void rec_mark_lost(struct tcp_stack *s, struct conn *c, uint32_t pos)
{
	struct rec *r = rec_at(s, c, pos);

	COYO_ASSERT(held(c, pos));
	if (r->flags & (REC_LOST | REC_SACKED))
		return;
	time_del(s, c, r);
	r->flags |= REC_LOST;
	c->lost_bytes += r->len;
	if ((int32_t)(pos - c->rec_lost) < 0)
		c->rec_lost = pos;
}

void rec_mark_sacked(struct tcp_stack *s, struct conn *c, uint32_t pos)
{
	struct rec *r = rec_at(s, c, pos);

	COYO_ASSERT(held(c, pos));
	uncount(c, r);
	time_del(s, c, r);
	r->flags = (uint8_t)((r->flags & ~REC_LOST) | REC_SACKED);
	c->sacked_bytes += r->len;
	c->sacked_segs++;
}

void rec_mark_resent(struct tcp_stack *s, struct conn *c, uint32_t pos)
{
	struct rec *r = rec_at(s, c, pos);

	if (r->flags & REC_SACKED)
		return;
	if (r->flags & REC_LOST)
		c->lost_bytes -= r->len;
	time_del(s, c, r);
	r->flags = (uint8_t)((r->flags & ~REC_LOST) | REC_RETX);
	r->tx = s->now;
	time_add(s, c, pos);
}

uint32_t rec_next_lost(struct tcp_stack *s, struct conn *c)
{
	uint32_t end = rec_end(c);

	if (!c->lost_bytes)
		return end;
	while (c->rec_lost != end && !(rec_at(s, c, c->rec_lost)->flags & REC_LOST))
		c->rec_lost += REC_BYTES;
	COYO_ASSERT(c->rec_lost != end); /* lost_bytes says that there is one */
	return c->rec_lost;
}

void rec_all_lost(struct tcp_stack *s, struct conn *c, bool forget_sacks)
{
	if (forget_sacks || !(c->flags & CF_SACK)) {
		c->sacked_bytes = c->sacked_segs = 0;
		c->dupacks = 0;
		memset(c->sack_seen, 0, sizeof(c->sack_seen));
	}
	for (uint32_t pos = c->rec.head; pos != rec_end(c); pos += REC_BYTES) {
		struct rec *r = rec_at(s, c, pos);

		if (forget_sacks) {
			r->flags &= (uint8_t)~REC_SACKED;
			r->run = 0;
		}
		rec_mark_lost(s, c, pos);
	}
	COYO_ASSERT(c->lost_bytes + c->sacked_bytes == conn_outstanding(c));
}

void rec_go_back(struct tcp_stack *s, struct conn *c)
{
	tcp_buf_free(&s->pool, &c->rec);
	c->time_head = c->time_tail = CONN_NONE;
	c->rec_lost = c->rec.head;
	c->sacked_bytes = c->sacked_segs = c->lost_bytes = c->dupacks = 0;
	memset(c->sack_seen, 0, sizeof(c->sack_seen));
	c->snd_nxt = c->snd_una;
	c->flags &= ~(uint32_t)(CF_RTX_HEAD | CF_TLP_DUE);
}

void rec_all_found(struct tcp_stack *s, struct conn *c)
{
	/* What is on the list was sent after these were deemed lost. */
	for (uint32_t pos = rec_end(c); pos != c->rec.head && c->lost_bytes;) {
		struct rec *r = rec_at(s, c, pos -= REC_BYTES);

		if (!(r->flags & REC_LOST))
			continue;
		r->flags &= (uint8_t)~REC_LOST;
		c->lost_bytes -= r->len;
		time_put(s, c, pos);
	}
	COYO_ASSERT(!c->lost_bytes);
}
