/* SPDX-License-Identifier: BSD-3-Clause */
/* Segments a peer, or an attacker who knows much, could send; and bytes of any kind. */
#include "tcp_play.h"
#include "base/be.h"
#include "tcp/csum.h"

#include <string.h>

/* A number near base, or any. */
static uint32_t near(struct play *p, uint32_t base)
{
	uint8_t how = rd_u8(&p->r);

	switch (how & 7) {
	case 0:
	case 1:
		return base;
	case 2:
		return base + (how >> 3);
	case 3:
		return base - (how >> 3);
	case 4:
		return base + (uint32_t)(how >> 3) * 100;
	case 5:
		return base + rd_be16(&p->r);
	case 6:
		return base - rd_be16(&p->r);
	default:
		return rd_be32(&p->r);
	}
}

static struct conn *some_conn(struct play *p, unsigned side)
{
	struct tcp_stack *s = p->n.stack[side];
	uint8_t k = rd_u8(&p->r);

	for (uint32_t i = 0; i < s->fresh; i++) {
		struct conn *c = &s->conns[(i + k) % s->fresh];

		if (c->index != CONN_NONE && c->peer != TABLE_LISTEN)
			return c;
	}
	return NULL;
}

static void options(struct play *p, const struct conn *c, uint8_t bits, struct tcp_opts *o)
{
	if (bits & 1) {
		o->mss = rd_be16(&p->r);
		o->wscale = (int8_t)(rd_u8(&p->r) % 16 - 1);
		o->sack_ok = !(bits & 8);
	}
	if (bits & 2) {
		o->ts = true;
		o->ts_val = near(p, c ? c->ts_recent : 0);
		o->ts_ecr = near(p, c ? conn_ts_now(p->n.stack[0], c) : 0);
	}
	if ((bits & 4) && !(bits & 1)) {
		o->nsack = 1 + (bits >> 3) % (o->ts ? 3 : 4);
		for (unsigned i = 0; i < o->nsack; i++) {
			o->sack[i].start = near(p, c ? c->snd_una : 0);
			o->sack[i].end = near(p, c ? c->snd_nxt : 0);
		}
	}
}

/* Flags in the proportion in which they are interesting. */
static uint8_t flags(struct play *p)
{
	static const uint8_t often[] = {TCP_ACK,           TCP_ACK,
	                                TCP_ACK,           TCP_ACK | TCP_PSH,
	                                TCP_ACK | TCP_FIN, TCP_SYN,
	                                TCP_SYN | TCP_ACK, TCP_RST,
	                                TCP_RST | TCP_ACK, TCP_SYN | TCP_ECE | TCP_CWR,
	                                TCP_ACK | TCP_ECE, TCP_ACK | TCP_CWR,
	                                TCP_FIN,           0,
	                                TCP_SYN | TCP_FIN};
	uint8_t v = rd_u8(&p->r);

	return (v & 15) < sizeof(often) ? often[v & 15] : rd_u8(&p->r);
}

void play_segment(struct play *p, unsigned side)
{
	struct conn *c = some_conn(p, side);
	struct tcp_stack *s = p->n.stack[side];
	const struct tcp_peer *peer = &s->peers[TCPNET_PEER];
	struct tcp_opts o = {.wscale = -1};
	uint8_t b[TCP_HDR_BYTES + 44 + 1500], bits = rd_u8(&p->r);
	struct tcp_in in = {.seg = b, .peer = TCPNET_PEER, .ecn = bits >> 6};
	uint32_t n, len, seq;

	memset(b, 0, TCP_HDR_BYTES + 44);
	b[13] = flags(p);
	options(p, c, bits, &o);
	n = TCP_HDR_BYTES + tcp_opts_write(b + TCP_HDR_BYTES, &o);
	be16_store(b, c ? c->rport : (uint16_t)(1 + rd_u8(&p->r) % 4));
	be16_store(b + 2, c && !(bits & 32) ? c->lport : (uint16_t)(1 + rd_u8(&p->r) % 4));
	seq = near(p, c ? c->rcv_nxt : 0);
	be32_store(b + 4, seq);
	be32_store(b + 8, near(p, c ? c->snd_una : 0));
	b[12] = (uint8_t)(n / 4 << 4);
	be16_store(b + 14, rd_be16(&p->r));
	len = rd_u8(&p->r);
	len = len < 64 ? 0 : len < 128 ? len - 63 : len < 255 ? (len - 127) * 10 : 1500;
	in.len = n + len;
	play_fill(b + n, seq + ((b[13] & TCP_SYN) != 0), len);
	be16_store(b + 16, (uint16_t)~tcp_csum_fold(
	                           tcp_csum_pseudo(peer->remote_sum, peer->local_sum, in.len) +
	                           tcp_csum_sum(b, in.len)));
	p->forged = true;
	p->n.forged++;
	tcp_input(s, &in, (struct instant){p->n.now});
}

void play_raw(struct play *p, unsigned side)
{
	uint8_t b[256], n = rd_u8(&p->r);
	size_t len = n < rd_left(&p->r) ? n : rd_left(&p->r);
	const uint8_t *from = rd_take(&p->r, len);
	struct tcp_in in = {.seg = b, .peer = rd_u8(&p->r) % 8, .csum_ok = n & 1};
	uint32_t head;

	if (!from)
		return;
	memcpy(b, from, len);
	in.len = (uint32_t)len;
	/* What might be taken as payload is what its place asks for. */
	if (len >= TCP_HDR_BYTES) {
		head = (uint32_t)(b[12] >> 4) * 4;
		if (head >= TCP_HDR_BYTES && head < len)
			play_fill(b + head, be32_load(b + 4) + ((b[13] & TCP_SYN) != 0),
			          (uint32_t)len - head);
	}
	p->forged = true;
	p->n.forged++;
	tcp_input(p->n.stack[side], &in, (struct instant){p->n.now});
}
