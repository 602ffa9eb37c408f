/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival of a segment: taken apart, verified, matched to a connection and handed through the steps of RFC 9293 3.10.7. */
#include "base/be.h"
#include "base/cur.h"
#include "tcp/csum.h"
#include "tcp/input.h"
#include "tcp/record.h"

#include <string.h>

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
	g->syn = false;
	g->data = r.p;
	g->len = (uint32_t)rd_left(&r);
	return tcp_opts_parse(opts, hdr - TCP_HDR_BYTES, &g->o) == 0;
}

/* The steps of RFC 9293 3.10.7 for a segment of connection c. */
static void input_connection(struct tcp_stack *s, struct conn *c, struct seg *g)
{
	enum input_verdict verdict;
	bool opens;

	c->segs_in++;
	if (c->state == TCP_SYN_SENT) {
		input_syn_sent(s, c, g);
		return;
	}
	verdict = input_checks(s, c, g);
	if (verdict == INPUT_REOPENS)
		input_reopen(s, c, g);
	/* Up to here the segment may be refused, and then nothing that it says has changed the connection. */
	if (verdict != INPUT_GOES_ON)
		return;
	opens = c->state == TCP_SYN_RCVD;
	if ((opens || !input_ack_in_range(c, g)) && !input_ack_acceptable(s, c, g))
		return;
	input_accepted(s, c, g);
	if (opens)
		input_syn_rcvd(s, c, g);
	if (g->len)
		input_cut(s, c, g);
	if (!input_ack(s, c, g))
		return;
	if ((g->len || (g->flags & (TCP_FIN | TCP_URG))) && !input_data(s, c, g))
		return;
	/* Something may be sendable now: repair, new data in a moved window, or an ACK. */
	if (c->snd.len || (c->flags & (CF_ACK_NOW | CF_FIN_QUEUED)) || c->lost_bytes)
		conn_ready(s, c);
}

/* False: nobody's, or too short for a header. */
static bool plausible(const struct tcp_stack *s, const struct tcp_in *in)
{
	return in->peer < s->cfg.max_peers && s->peers[in->peer].set && in->len >= TCP_HDR_BYTES;
}

static uint32_t hash_of(const struct tcp_stack *s, const struct tcp_in *in)
{
	return table_hash(s, in->peer, be16_load((const uint8_t *)in->seg + 2), be16_load(in->seg));
}

static void refuse(struct tcp_stack *s, const struct tcp_in *in)
{
	if (in->peer < s->cfg.max_peers && s->peers[in->peer].set)
		s->n.drop_malformed++;
	else
		s->n.drop_peer++;
}

/* One plausible segment whose hash is known. */
static void take(struct tcp_stack *s, const struct tcp_in *in, uint32_t hash)
{
	struct seg g;
	struct conn *c;

	if (!parse(in, &g)) {
		s->n.drop_malformed++;
		return;
	}
	if ((!in->csum_ok || s->cfg.checksum_always) && !checksum_right(s, in)) {
		s->n.drop_checksum++;
		return;
	}
	c = table_find_hash(s, hash, g.peer, g.lport, g.rport);
	if (c) {
		input_connection(s, c, &g);
		return;
	}
	c = table_find(s, TABLE_LISTEN, g.lport, 0);
	if (c) {
		c = input_listen(s, c, &g);
		if (c)
			input_connection(s, c, &g);
		return;
	}
	s->n.drop_no_conn++;
	reply_reset(s, &g);
}

void tcp_input(struct tcp_stack *s, const struct tcp_in *in, struct instant now)
{
	stack_time(s, now);
	s->n.segs_in++;
	if (plausible(s, in))
		take(s, in, hash_of(s, in));
	else
		refuse(s, in);
}

/* ---- bursts: a pipeline of four steps, so that the misses of later segments are waited for while earlier ones are worked on ---- */

#define STAGE 32 /* segments in one pipeline */
#define STEP  4  /* segments between two steps */

struct pipe {
	const struct tcp_in *in;
	unsigned n;
	uint32_t hash[STAGE];
	uint32_t conn[STAGE]; /* CONN_NONE: unknown, or the one before */
	bool plausible[STAGE];
};

static bool same_ports(const struct tcp_in *a, const struct tcp_in *b)
{
	return a->peer == b->peer && memcmp(a->seg, b->seg, 4) == 0;
}

/* First: the place in the table. */
static void call_table(const struct tcp_stack *s, struct pipe *p, unsigned i)
{
	const struct tcp_in *in = &p->in[i];

	p->hash[i] = 0;
	p->plausible[i] = plausible(s, in);
	if (!p->plausible[i])
		return;
	if (i && p->plausible[i - 1] && same_ports(in, in - 1)) {
		p->hash[i] = p->hash[i - 1];
		return;
	}
	p->hash[i] = hash_of(s, in);
	table_prefetch(s, p->hash[i]);
}

/* Second: the connection. */
static void call_conn(const struct tcp_stack *s, struct pipe *p, unsigned i)
{
	uint8_t *c;

	p->conn[i] = CONN_NONE;
	if (i && p->hash[i] == p->hash[i - 1])
		return;
	p->conn[i] = table_guess(s, p->hash[i]);
	if (p->conn[i] == CONN_NONE)
		return;
	c = (uint8_t *)&s->conns[p->conn[i]];
	for (unsigned at = 0; at < CONN_HOT; at += COYO_CACHELINE)
		prefetch_write(c + at);
	prefetch_write(tcp_wheel_node(&s->wheel, p->conn[i]));
}

/* Third: the record of what is outstanding, and the chunk that an acknowledgement gives back and that is filled next. */
static void call_chunks(const struct tcp_stack *s, const struct pipe *p, unsigned i)
{
	const struct conn *c = p->conn[i] == CONN_NONE ? NULL : &s->conns[p->conn[i]];

	if (!c || !c->rec.len)
		return;
	__builtin_prefetch(rec_at(s, c, c->rec.head));
	if (c->snd.len)
		prefetch_write(
		        tcp_pool_ptr(&s->pool, *tcp_buf_slot(&s->pool, &c->snd, c->snd.head)));
}

static void input_pipe(struct tcp_stack *s, struct pipe *p)
{
	for (unsigned i = 0; i < p->n + 3 * STEP; i++) {
		unsigned conn = i - STEP, chunks = i - 2 * STEP, now = i - 3 * STEP;

		if (i < p->n)
			call_table(s, p, i);
		if (conn < p->n)
			call_conn(s, p, conn);
		if (chunks < p->n)
			call_chunks(s, p, chunks);
		if (now >= p->n)
			continue;
		if (p->plausible[now])
			take(s, &p->in[now], p->hash[now]);
		else
			refuse(s, &p->in[now]);
	}
}

void tcp_input_burst(struct tcp_stack *s, const struct tcp_in *in, unsigned n, struct instant now)
{
	struct pipe p;

	if (n == 1) {
		tcp_input(s, in, now);
		return;
	}
	stack_time(s, now);
	s->n.segs_in += n;
	for (; n; n -= p.n, in += p.n) {
		p.in = in;
		p.n = n < STAGE ? n : STAGE;
		input_pipe(s, &p);
	}
}
