/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival of a segment: taken apart, verified, matched to a connection and handed through the steps of RFC 9293 3.10.7. */
#include "base/be.h"
#include "base/cur.h"
#include "tcp/csum.h"
#include "tcp/stack.h"

#include <errno.h>

static bool checksum_right(const struct tcp_stack *s, const struct tcp_in *in)
{
	const struct tcp_peer *p = &s->peers[in->peer];
	uint32_t sum = tcp_csum_pseudo(p->remote_sum, p->local_sum, in->len);

	return tcp_csum_fold(sum + tcp_csum_sum(in->seg, in->len)) == 0xffff;
}

/* False: malformed. */
static bool parse(const struct tcp_in *in, struct seg *g)
{
	struct rd r = rd_init(in->seg, in->len);
	const uint8_t *h = rd_take(&r, TCP_HDR_BYTES), *opts;
	uint32_t hdr;

	if (!h)
		return false;
	hdr = (uint32_t)(h[12] >> 4) * 4;
	if (hdr < TCP_HDR_BYTES)
		return false;
	opts = rd_take(&r, hdr - TCP_HDR_BYTES);
	if (!opts)
		return false;
	g->peer = in->peer;
	g->rport = be16_load(h);
	g->lport = be16_load(h + 2);
	g->seq = be32_load(h + 4);
	g->ack = be32_load(h + 8);
	g->flags = h[13];
	g->wnd = be16_load(h + 14);
	g->up = g->seq + be16_load(h + 18);
	g->ecn = in->ecn;
	g->data = r.p;
	g->len = (uint32_t)rd_left(&r);
	return tcp_opts_parse(opts, hdr - TCP_HDR_BYTES, &g->o) == 0;
}

void input_send_reset(struct tcp_stack *s, const struct seg *g)
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

void conn_ack_now(struct tcp_stack *s, struct conn *c)
{
	c->flags |= CF_ACK_NOW;
	conn_ready(s, c);
}

void conn_challenge(struct tcp_stack *s, struct conn *c)
{
	if (s->now - s->challenge_from >= NS_PER_S) {
		/* The limit varies, so that an attacker cannot count by it what others provoked (CVE-2016-5696). */
		s->challenge_from = s->now;
		s->challenge_left = s->cfg.challenge_per_s / 2 + 1 +
		                    (uint32_t)(tcp_keyed(&s->key_port, 3, (uint64_t)s->now) %
		                               (s->cfg.challenge_per_s / 2 + 1));
	}
	if (!s->challenge_left) {
		s->n.drop_challenge++;
		return;
	}
	s->challenge_left--;
	s->n.challenge_acks++;
	conn_ack_now(s, c);
}

void input_connection(struct tcp_stack *s, struct conn *c, struct seg *g)
{
	c->segs_in++;
	if (c->state == TCP_SYN_SENT) {
		input_syn_sent(s, c, g);
		return;
	}
	if (!input_checks(s, c, g))
		return;
	if (!(g->flags & TCP_ACK)) {
		s->n.drop_ack++;
		return;
	}
	c->last_rx = s->now;
	c->keep_sent = 0;
	if (c->state == TCP_SYN_RCVD && !input_syn_rcvd(s, c, g))
		return;
	if (!input_ack(s, c, g))
		return;
	if ((g->len || (g->flags & (TCP_FIN | TCP_URG))) && !input_data(s, c, g))
		return;
	/* Something may be sendable now: repair, new data in a moved window, or an ACK. */
	if (c->snd.len || (c->flags & (CF_ACK_NOW | CF_FIN_QUEUED)) || c->lost_bytes)
		conn_ready(s, c);
}

void tcp_input(struct tcp_stack *s, const struct tcp_in *in, struct instant now)
{
	struct seg g;
	struct conn *c;

	stack_time(s, now);
	s->n.segs_in++;
	if (in->peer >= s->cfg.max_peers || !s->peers[in->peer].set) {
		s->n.drop_peer++;
		return;
	}
	if (!parse(in, &g)) {
		s->n.drop_malformed++;
		return;
	}
	if ((!in->csum_ok || s->cfg.checksum_always) && !checksum_right(s, in)) {
		s->n.drop_checksum++;
		return;
	}
	c = table_find(s, g.peer, g.lport, g.rport);
	if (c) {
		input_connection(s, c, &g);
		return;
	}
	c = table_find(s, TABLE_LISTEN, g.lport, 0);
	if (c) {
		input_listen(s, c, &g);
		return;
	}
	s->n.drop_no_conn++;
	input_send_reset(s, &g);
}

void tcp_input_burst(struct tcp_stack *s, const struct tcp_in *in, unsigned n, struct instant now)
{
	for (unsigned i = 0; i < n; i++) {
		/* The next segments' headers are fetched while this one is worked on. */
		if (i + 2 < n)
			__builtin_prefetch(in[i + 2].seg);
		tcp_input(s, &in[i], now);
	}
}
