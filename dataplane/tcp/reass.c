/* SPDX-License-Identifier: BSD-3-Clause */
/* Reassembly bookkeeping: binary search in a sorted array of ranges, merged as they touch. */
#include "tcp/reass.h"

#include <errno.h>
#include <string.h>

static struct tcp_sack_range *ranges(const struct tcp_stack *s, const struct conn *c)
{
	return (struct tcp_sack_range *)(void *)tcp_pool_ptr(&s->pool, c->ooo_chunk);
}

/* First range whose end is at or after seq (touching counts). */
static uint32_t first_touching(const struct tcp_stack *s, const struct conn *c, uint32_t seq)
{
	const struct tcp_sack_range *r = ranges(s, c);
	uint32_t lo = 0, hi = c->n_ooo;

	/* Mostly the newest segment extends the last range. */
	if (hi && seq_geq(seq, r[hi - 1].start))
		return seq_leq(seq, r[hi - 1].end) ? hi - 1 : hi;
	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (seq_lt(r[mid].end, seq))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void recent_note(struct conn *c, uint32_t start, uint32_t was)
{
	uint32_t keep[REASS_RECENT];
	unsigned n = 0;

	keep[n++] = start;
	for (unsigned i = 0; i < REASS_RECENT && n < REASS_RECENT; i++)
		if (c->recent[i] != start && c->recent[i] != was)
			keep[n++] = c->recent[i];
	while (n < REASS_RECENT)
		keep[n++] = start;
	memcpy(c->recent, keep, sizeof(keep));
}

bool reass_room(const struct tcp_stack *s, const struct conn *c, uint32_t start, uint32_t end)
{
	uint32_t i;

	if (c->n_ooo < s->cfg.max_ooo)
		return true;
	i = first_touching(s, c, start);
	return i < c->n_ooo && seq_leq(ranges(s, c)[i].start, end);
}

bool reass_has(const struct tcp_stack *s, const struct conn *c, uint32_t start, uint32_t end)
{
	const struct tcp_sack_range *r;
	uint32_t i;

	if (!c->n_ooo)
		return false;
	r = ranges(s, c);
	i = first_touching(s, c, start);
	if (i < c->n_ooo && r[i].end == start)
		i++;
	return i < c->n_ooo && seq_leq(r[i].start, start) && seq_geq(r[i].end, end);
}

bool reass_overlap(const struct tcp_stack *s, const struct conn *c, uint32_t start, uint32_t end,
                   struct tcp_sack_range *dup)
{
	const struct tcp_sack_range *r;
	uint32_t i;

	if (!c->n_ooo)
		return false;
	r = ranges(s, c);
	i = first_touching(s, c, start);
	if (i < c->n_ooo && r[i].end == start)
		i++;
	if (i == c->n_ooo || seq_geq(r[i].start, end))
		return false;
	dup->start = seq_max(start, r[i].start);
	dup->end = seq_min(end, r[i].end);
	return true;
}

int reass_add(struct tcp_stack *s, struct conn *c, uint32_t start, uint32_t end)
{
	struct tcp_sack_range *r;
	uint32_t i, j, was = start;

	/* Nothing is missing only in front of what a SYN brought. */
	COYO_ASSERT(seq_lt(start, end) && (seq_gt(start, c->rcv_nxt) || !conn_synchronized(c)));
	if (!c->n_ooo) {
		c->ooo_chunk = tcp_pool_take(&s->pool, TCP_ALLOC_RANGES);
		if (!c->ooo_chunk)
			return -ENOMEM;
	}
	r = ranges(s, c);
	i = first_touching(s, c, start);
	for (j = i; j < c->n_ooo && seq_leq(r[j].start, end); j++)
		c->ooo_bytes -= r[j].end - r[j].start;
	if (i == j) {
		if (c->n_ooo == s->cfg.max_ooo)
			return -ENOSPC;
		memmove(&r[i + 1], &r[i], (c->n_ooo - i) * sizeof(*r));
		c->n_ooo++;
	} else {
		was = r[j - 1].start;
		start = seq_min(start, r[i].start);
		end = seq_max(end, r[j - 1].end);
		memmove(&r[i + 1], &r[j], (c->n_ooo - j) * sizeof(*r));
		c->n_ooo -= j - i - 1;
	}
	recent_note(c, start, was);
	r[i] = (struct tcp_sack_range){start, end};
	c->ooo_bytes += end - start;
	COYO_ASSERT(c->n_ooo <= s->cfg.max_ooo && (!i || seq_lt(r[i - 1].end, start)));
	COYO_ASSERT(i + 1 == c->n_ooo || seq_lt(end, r[i + 1].start));
	return 0;
}

uint32_t reass_pull(struct tcp_stack *s, struct conn *c, uint32_t rcv_nxt)
{
	struct tcp_sack_range *r;
	uint32_t i;

	if (!c->n_ooo)
		return rcv_nxt;
	r = ranges(s, c);
	for (i = 0; i < c->n_ooo && seq_leq(r[i].start, rcv_nxt); i++) {
		c->ooo_bytes -= r[i].end - r[i].start;
		rcv_nxt = seq_max(rcv_nxt, r[i].end);
	}
	if (i) {
		memmove(r, &r[i], (c->n_ooo - i) * sizeof(*r));
		c->n_ooo -= i;
	}
	COYO_ASSERT((c->n_ooo == 0) == (c->ooo_bytes == 0));
	if (!c->n_ooo)
		reass_free(s, c);
	return rcv_nxt;
}

unsigned reass_sack(const struct tcp_stack *s, const struct conn *c, struct tcp_sack_range *out,
                    unsigned max)
{
	const struct tcp_sack_range *r;
	unsigned n = 0, told;

	if (c->dsack.start != c->dsack.end && n < max)
		out[n++] = c->dsack;
	if (!c->n_ooo || !conn_synchronized(c)) /* what a SYN brought lies behind no gap */
		return n;
	r = ranges(s, c);
	told = n;
	/* RFC 2883 4 (4): what encloses the duplicate comes next, though it be the same. */
	if (n && n < max) {
		uint32_t i = first_touching(s, c, c->dsack.start + 1);

		if (i < c->n_ooo && seq_leq(r[i].start, c->dsack.start) &&
		    seq_geq(r[i].end, c->dsack.end))
			out[n++] = r[i];
	}
	for (unsigned k = 0; k < REASS_RECENT && n < max; k++) {
		uint32_t i = first_touching(s, c, c->recent[k]);
		unsigned m;

		while (i < c->n_ooo && seq_leq(r[i].end, c->recent[k]))
			i++;
		if (i == c->n_ooo || seq_gt(r[i].start, c->recent[k]))
			continue;
		for (m = told; m < n; m++)
			if (out[m].start == r[i].start && out[m].end == r[i].end)
				break;
		if (m == n)
			out[n++] = r[i];
	}
	return n;
}

void reass_free(struct tcp_stack *s, struct conn *c)
{
	if (c->ooo_chunk)
		tcp_pool_give(&s->pool, c->ooo_chunk);
	c->ooo_chunk = 0;
	c->n_ooo = 0;
	c->ooo_bytes = 0;
}
