/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments that belong to no connection, or to one that ends with them: resets and the SYN-ACKs of cookies, queued for output. */
#include "tcp/stack.h"

void reply_push(struct tcp_stack *s, const struct tcp_reply *r)
{
	const struct tcp_peer *p = &s->peers[r->peer];

	if (s->cfg.alloc_fails && s->cfg.alloc_fails(s->cfg.alloc_arg, TCP_ALLOC_REPLY)) {
		s->n.drop_reply++;
		return;
	}
	if (!p->set || p->held || s->reply_tail - s->reply_head == s->cfg.reply_queue) {
		s->n.drop_reply++;
		return;
	}
	s->replies[s->reply_tail++ & (s->cfg.reply_queue - 1)] = *r;
}

const struct tcp_reply *reply_next(struct tcp_stack *s)
{
	while (s->reply_head != s->reply_tail) {
		const struct tcp_reply *r = &s->replies[s->reply_head++ & (s->cfg.reply_queue - 1)];

		if (s->peers[r->peer].set && !s->peers[r->peer].held)
			return r;
		s->n.drop_reply++;
	}
	return NULL;
}

void reply_reset(struct tcp_stack *s, const struct seg *g)
{
	struct tcp_reply r = {.peer = g->peer, .lport = g->lport, .rport = g->rport, .wscale = -1};

	if (g->flags & TCP_RST)
		return;
	if (g->flags & TCP_ACK) {
		r.seq = g->ack;
		r.flags = TCP_RST;
	} else {
		r.ack = g->seq + seg_seq_len(g);
		r.flags = TCP_RST | TCP_ACK;
	}
	reply_push(s, &r);
}

static void reset_at(struct tcp_stack *s, const struct conn *c, uint32_t seq)
{
	struct tcp_reply r = {.peer = c->peer,
	                      .lport = c->lport,
	                      .rport = c->rport,
	                      .seq = seq,
	                      .ack = c->rcv_nxt,
	                      .wscale = -1,
	                      .flags = TCP_RST | TCP_ACK};

	if (c->flags & CF_TS) { /* RFC 7323 3.2 */
		r.ts = true;
		r.ts_val = conn_ts_now(s, c);
		r.ts_ecr = c->ts_recent;
	}
	reply_push(s, &r);
}

/* Nothing tells that something was lost: no timer had to repeat it, nothing beyond it was reported, by SACKs or by duplicates. */
static bool nothing_lost(const struct conn *c)
{
	return !c->retries && !c->sacked_bytes && c->ca < CA_RECOVERY;
}

void reply_reset_conn(struct tcp_stack *s, const struct conn *c, bool answered)
{
	uint32_t first = c->snd_una, last = c->snd_max;

	if (c->state == TCP_SYN_RCVD) {
		first = last; /* an opening peer looks at the acknowledgement */
	} else if (answered && nothing_lost(c)) {
		/* What was just sent arrives before the reset, up to what the peer has room for; a window probe has found none. */
		last = conn_bare_seq(c);
		first = seq_min(last, first + c->snd_wnd);
	}
	if (first != last)
		reset_at(s, c, first);
	reset_at(s, c, last);
}
