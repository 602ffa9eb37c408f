/* SPDX-License-Identifier: BSD-3-Clause */
/* Writing one segment. Everything that leaves the stack passes here, so here the ACK state is settled. */
#include "tcp/segment.h"
#include "base/be.h"
#include "tcp/csum.h"
#include "tcp/reass.h"

#include <string.h>

struct head {
	uint16_t sport, dport, wnd, up;
	uint32_t seq, ack, opt_len;
	uint8_t flags;
};

/* In whole words: they are summed right away, and a load is served from a store under way only where it lies inside it. */
static void head_write(uint8_t *p, const struct head *h)
{
	uint32_t words = (TCP_HDR_BYTES + h->opt_len) / 4;

	be32_store(p, (uint32_t)h->sport << 16 | h->dport);
	be32_store(p + 4, h->seq);
	be32_store(p + 8, (h->flags & TCP_ACK) ? h->ack : 0);
	be32_store(p + 12, words << 28 | (uint32_t)h->flags << 16 | h->wnd);
	be32_store(p + 16, h->up); /* the sum comes later */
}

/* The sum of pseudo-header, header and options, for a segment with len bytes of payload: before the payload is written, whose cache
 * lines may be far away and would be waited for. */
static uint32_t head_sum(const struct tcp_peer *peer, const uint8_t *p, uint32_t head, uint32_t len)
{
	return tcp_csum_pseudo(peer->local_sum, peer->remote_sum, head + len) +
	       tcp_csum_sum(p, head);
}

static void checksum(uint8_t *p, uint32_t sum)
{
	be16_store(p + 16, (uint16_t)~tcp_csum_fold(sum));
}

/* Copies len bytes of the send buffer from seq on and returns their sum: one pass, and what was written need not be read. */
static uint32_t payload_write(const struct tcp_stack *s, const struct conn *c, uint32_t seq,
                              uint32_t len, uint8_t *to)
{
	uint32_t pos = c->snd.head + (seq - c->snd_data), sum = 0, room;

	for (uint32_t done = 0; done < len; done += room) {
		const uint8_t *from = tcp_buf_at(&s->pool, &c->snd, pos + done, &room);
		uint16_t part;

		if (room > len - done)
			room = len - done;
		part = tcp_csum_copy(to + done, from, room);
		/* A piece that starts at an odd place has its bytes in the other halves of the words. */
		sum += done & 1 ? __builtin_bswap16(part) : part;
	}
	return sum;
}

/* Silly-window avoidance on the receiving side (RFC 9293 3.8.6.2.2): the edge moves by a worthwhile step or not at all, unless the
 * window is wide anyway, when small steps make no small segments. */
static uint32_t window_offer(const struct tcp_stack *s, struct conn *c)
{
	uint32_t wnd = conn_rcv_window(c), told = c->rcv_adv - c->rcv_nxt;
	uint32_t step = c->mss < c->rcv_limit / 2 ? c->mss : c->rcv_limit / 2;

	if (seq_lt(c->rcv_adv, c->rcv_nxt))
		told = 0;
	if (wnd < told || (wnd - told < step && told < 2 * c->mss))
		wnd = told;
	return wnd;
}

static uint16_t window_field(const struct tcp_stack *s, struct conn *c)
{
	uint32_t wnd = window_offer(s, c), field;

	/* Rounded up, so that scaling does not take back what was offered; but not beyond the room there is, or each acknowledgement of a
	 * small segment would move the edge and the window never close. Then it seems to shrink (RFC 7323 2.4); what was offered counts on. */
	field = (uint32_t)(((uint64_t)wnd + (1u << c->rcv_ws) - 1) >> c->rcv_ws);
	if ((uint64_t)field << c->rcv_ws > conn_rcv_window(c))
		field = wnd >> c->rcv_ws;
	if (field > 65535)
		field = 65535;
	c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + (field << c->rcv_ws));
	COYO_ASSERT(seq_geq(c->rcv_adv, c->rcv_nxt));
	return (uint16_t)field;
}

static void urgent(struct conn *c, uint32_t seq, struct head *h)
{
	uint32_t ahead = c->snd_up - seq;

	if (seq_geq(c->snd_una, c->snd_up))
		c->modes &= ~(uint32_t)CM_SND_URGENT;
	if ((int32_t)ahead <= 0)
		return;
	h->flags |= TCP_URG;
	h->up = (uint16_t)(ahead < 65535 ? ahead : 65535);
}

static void ack_settled(struct conn *c, bool sacks_fitted)
{
	c->rcv_acked = c->rcv_nxt;
	c->rcv_segs = 0;
	if (c->dupacks_due)
		c->dupacks_due--;
	if (sacks_fitted && !c->dupacks_due)
		c->flags &= ~(uint32_t)CF_ACK_NOW;
	c->flags &= ~(uint32_t)CF_ACK_LATER;
	c->delack_at = INT64_MAX;
	if (sacks_fitted)
		c->dsack.start = c->dsack.end = 0;
}

static void out_fill(const struct tcp_stack *s, struct conn *c, const struct seg_plan *p,
                     uint32_t total, struct tcp_out *out)
{
	*out = (struct tcp_out){.peer = c->peer,
	                        .len = total,
	                        .conn = conn_handle(c),
	                        .payload = (uint16_t)p->len,
	                        .retransmit = p->retransmit,
	                        .departure = {.ns = s->now}};
	/* RFC 3168 6.1.4 to 6.1.6: only new data is ECN-capable, no window probe. */
	if ((c->flags & CF_ECN) && p->len && !p->retransmit && !p->probe)
		out->ecn = TCP_ECT0;
}

uint32_t segment_write(struct tcp_stack *s, struct conn *c, const struct seg_plan *p, uint8_t *buf,
                       size_t cap, struct tcp_out *out)
{
	struct tcp_opts o = {.wscale = -1};
	struct head h = {.sport = c->lport, .dport = c->rport, .seq = p->seq, .ack = c->rcv_nxt};
	uint32_t total, room, sum;
	bool fitted = true;

	if (cap < SEGMENT_HEAD_MAX + p->len)
		return 0;
	if (c->flags & CF_TS) {
		o.ts = true;
		o.ts_val = conn_ts_now(s, c);
		o.ts_ecr = c->ts_recent;
	}
	if ((c->flags & CF_SACK) && (c->n_ooo || c->dsack.start != c->dsack.end)) {
		room = p->len ? (c->mss > p->len + 4 ? (c->mss - p->len - 4) / 8 : 0) : 4;
		if (room > (o.ts ? 3u : 4u))
			room = o.ts ? 3u : 4u;
		o.nsack = (uint8_t)reass_sack(s, c, o.sack, room);
		fitted = room > 0;
	}
	h.opt_len = tcp_opts_write(buf + TCP_HDR_BYTES, &o);
	COYO_ASSERT(h.opt_len <= SEGMENT_HEAD_MAX - TCP_HDR_BYTES && h.opt_len % 4 == 0);
	COYO_ASSERT(!p->len || p->seq - c->snd_data + p->len <= c->snd.len);
	h.flags = p->flags | TCP_ACK;
	if (c->flags & CF_ECE)
		h.flags |= TCP_ECE;
	if ((c->flags & CF_CWR) && p->len && !p->retransmit && !p->probe) {
		h.flags |= TCP_CWR;
		c->flags &= ~(uint32_t)CF_CWR;
	}
	if (c->modes & CM_SND_URGENT)
		urgent(c, p->seq, &h);
	h.wnd = window_field(s, c);
	head_write(buf, &h);
	total = TCP_HDR_BYTES + h.opt_len;
	sum = head_sum(&s->peers[c->peer], buf, total, p->len);
	if (p->len)
		sum += payload_write(s, c, p->seq, p->len, buf + total);
	checksum(buf, sum);
	total += p->len;
	ack_settled(c, fitted);
	out_fill(s, c, p, total, out);
	s->n.segs_out++;
	s->n.bytes_out += p->len;
	c->segs_out++;
	return total;
}

uint32_t segment_syn(struct tcp_stack *s, struct conn *c, uint8_t *buf, size_t cap,
                     struct tcp_out *out)
{
	const struct tcp_cfg *cfg = &s->cfg;
	bool answer = c->state == TCP_SYN_RCVD;
	struct seg_plan p = {.retransmit = c->snd_nxt != c->iss};
	struct head h = {.sport = c->lport, .dport = c->rport, .seq = c->iss, .ack = c->rcv_nxt};
	struct tcp_opts o = {.mss = conn_path_mss(s, c->peer, c), .wscale = -1};
	uint32_t wnd = conn_rcv_window(c), total;

	if (cap < SEGMENT_HEAD_MAX)
		return 0;
	/* An answer carries what the question offered; a question offers what is configured. */
	o.sack_ok = answer ? (c->flags & CF_SACK) != 0 : cfg->sack;
	o.ts = answer ? (c->flags & CF_TS) != 0 : cfg->timestamps;
	if (o.ts) {
		o.ts_val = conn_ts_now(s, c);
		o.ts_ecr = answer ? c->ts_recent : 0;
	}
	if (answer ? (c->flags & CF_WSCALE) != 0 : cfg->window_scale)
		o.wscale = (int8_t)c->rcv_ws;
	h.flags = answer ? TCP_SYN | TCP_ACK : TCP_SYN;
	/* RFC 3168 6.1.1; asked once: some paths drop such SYNs. */
	if (answer ? (c->flags & CF_ECN) != 0 : cfg->ecn == TCP_ECN_ON && !p.retransmit)
		h.flags |= answer ? TCP_ECE : TCP_ECE | TCP_CWR;
	h.wnd = (uint16_t)(wnd > 65535 ? 65535 : wnd); /* never scaled in a SYN */
	h.opt_len = tcp_opts_write(buf + TCP_HDR_BYTES, &o);
	head_write(buf, &h);
	total = TCP_HDR_BYTES + h.opt_len;
	checksum(buf, head_sum(&s->peers[c->peer], buf, total, 0));
	if (answer) {
		c->rcv_adv = seq_max(c->rcv_adv, c->rcv_nxt + h.wnd);
		ack_settled(c, true);
	}
	out_fill(s, c, &p, total, out);
	s->n.segs_out++;
	c->segs_out++;
	return total;
}

uint32_t segment_reply(struct tcp_stack *s, const struct tcp_reply *r, uint8_t *buf, size_t cap,
                       struct tcp_out *out)
{
	struct head h = {.sport = r->lport,
	                 .dport = r->rport,
	                 .seq = r->seq,
	                 .ack = r->ack,
	                 .wnd = r->wnd,
	                 .flags = r->flags};
	struct tcp_opts o = {.mss = r->mss,
	                     .wscale = r->wscale,
	                     .sack_ok = r->sack_ok,
	                     .ts = r->ts,
	                     .ts_val = r->ts_val,
	                     .ts_ecr = r->ts_ecr};
	uint32_t total;

	if (cap < SEGMENT_HEAD_MAX)
		return 0;
	h.opt_len = tcp_opts_write(buf + TCP_HDR_BYTES, &o);
	total = TCP_HDR_BYTES + h.opt_len;
	head_write(buf, &h);
	checksum(buf, head_sum(&s->peers[r->peer], buf, total, 0));
	*out = (struct tcp_out){
	        .peer = r->peer, .len = total, .conn = TCP_NO_CONN, .departure = {.ns = s->now}};
	s->n.segs_out++;
	s->n.rst_out += (r->flags & TCP_RST) != 0;
	return total;
}
