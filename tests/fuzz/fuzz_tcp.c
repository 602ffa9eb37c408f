/* SPDX-License-Identifier: BSD-3-Clause */
/* Fuzzes two small TCP stacks with segments near the truth, raw bytes, application calls, time and bad paths; the simulator's
 * invariants are checked after every step: a violation aborts. */
#include "base/be.h"
#include "base/cur.h"
#include "tcp/csum.h"
#include "tcp/stack.h"
#include "tcpnet.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HANDLES 8

struct fuzz {
	struct tcpnet n;
	struct rd r;
	uint32_t handle[2][HANDLES];
};

/* A listening or connected handle of the side, chosen by the input; often a stale one. */
static uint32_t *pick(struct fuzz *f, unsigned side)
{
	return &f->handle[side][rd_u8(&f->r) % HANDLES];
}

static uint32_t near(struct fuzz *f, uint32_t base)
{
	uint8_t how = rd_u8(&f->r);

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
		return base + rd_be16(&f->r);
	case 6:
		return base - rd_be16(&f->r);
	default:
		return rd_be32(&f->r);
	}
}

static struct conn *some_conn(struct fuzz *f, unsigned side)
{
	struct tcp_stack *s = f->n.stack[side];
	uint8_t k = rd_u8(&f->r);

	for (uint32_t i = 0; i < s->fresh; i++) {
		struct conn *c = &s->conns[(i + k) % s->fresh];

		if (c->index != CONN_NONE && c->state != TCP_LISTEN)
			return c;
	}
	return NULL;
}

/* A segment that a peer, or an attacker who knows much, could send. */
static void inject(struct fuzz *f, unsigned side)
{
	struct conn *c = some_conn(f, side);
	struct tcp_stack *s = f->n.stack[side];
	const struct tcp_peer *p = &s->peers[TCPNET_PEER];
	struct tcp_opts o = {.wscale = -1};
	uint8_t b[1600], bits = rd_u8(&f->r);
	struct tcp_in in = {.seg = b, .peer = TCPNET_PEER, .ecn = bits >> 6};
	uint32_t n, len;

	memset(b, 0, sizeof(b));
	b[13] = rd_u8(&f->r);
	if (bits & 1) {
		o.mss = rd_be16(&f->r);
		o.wscale = (int8_t)(rd_u8(&f->r) % 15);
		o.sack_ok = true;
	}
	if (bits & 2) {
		o.ts = true;
		o.ts_val = near(f, c ? c->ts_recent : 0);
		o.ts_ecr = near(f, c ? conn_ts_now(s, c) : 0);
	}
	if ((bits & 4) && !(bits & 1)) {
		o.nsack = 1 + (bits >> 3) % 4;
		for (unsigned i = 0; i < o.nsack; i++) {
			o.sack[i].start = near(f, c ? c->snd_una : 0);
			o.sack[i].end = near(f, c ? c->snd_nxt : 0);
		}
	}
	n = TCP_HDR_BYTES + tcp_opts_write(b + TCP_HDR_BYTES, &o);
	be16_store(b, c ? c->rport : (uint16_t)(1 + rd_u8(&f->r) % 4));
	be16_store(b + 2, c && !(bits & 32) ? c->lport : (uint16_t)(1 + rd_u8(&f->r) % 4));
	be32_store(b + 4, near(f, c ? c->rcv_nxt : 0));
	be32_store(b + 8, near(f, c ? c->snd_una : 0));
	b[12] = (uint8_t)(n / 4 << 4);
	be16_store(b + 14, rd_be16(&f->r));
	len = rd_be16(&f->r) % 1400;
	in.len = n + len;
	be16_store(b + 16,
	           (uint16_t)~tcp_csum_fold(tcp_csum_pseudo(p->remote_sum, p->local_sum, in.len) +
	                                    tcp_csum_sum(b, in.len)));
	tcp_input(s, &in, (struct instant){f->n.now});
}

static void raw(struct fuzz *f, unsigned side)
{
	uint8_t n = rd_u8(&f->r);
	const uint8_t *p = rd_take(&f->r, n < rd_left(&f->r) ? n : rd_left(&f->r));
	struct tcp_in in = {.seg = p, .len = n, .peer = rd_u8(&f->r), .csum_ok = true};

	if (p && in.len <= (uint32_t)(f->r.end - p))
		tcp_input(f->n.stack[side], &in, (struct instant){f->n.now});
}

static void keep(struct fuzz *f, unsigned side, int rc, uint32_t h)
{
	if (rc == 0)
		*pick(f, side) = h;
}

static void call(struct fuzz *f, unsigned side)
{
	static char bytes[8192];
	struct tcp_stack *s = f->n.stack[side];
	uint32_t *h = pick(f, side), got = 0;
	uint8_t what = rd_u8(&f->r);
	uint16_t v = rd_be16(&f->r), port = (uint16_t)(1 + v % 4);
	const void *piece;
	void *room;
	int64_t k;

	switch (what % 18) {
	case 0:
	case 1:
		keep(f, side, tcp_connect(s, TCPNET_PEER, port, &got), got);
		break;
	case 2:
		keep(f, side, tcp_connect_from(s, TCPNET_PEER, 1 + (v >> 8) % 4, port, &got), got);
		break;
	case 3:
	case 4:
		keep(f, side, tcp_listen(s, port, v >> 13, &got), got);
		break;
	case 5:
	case 6:
		keep(f, side, tcp_accept(s, *h, &got), got);
		break;
	case 7:
	case 8:
		tcp_send(s, *h, bytes, v % sizeof(bytes));
		break;
	case 9:
		k = tcp_send_reserve(s, *h, &room);
		if (k > 0)
			tcp_send_commit(s, *h, v % ((uint32_t)k + 2));
		break;
	case 10:
		tcp_recv(s, *h, bytes, v % sizeof(bytes));
		break;
	case 11:
		k = tcp_recv_peek(s, *h, &piece);
		if (k > 0)
			tcp_recv_consume(s, *h, v % ((uint32_t)k + 2));
		break;
	case 12:
		tcp_shutdown(s, *h);
		break;
	case 13:
		tcp_close(s, *h);
		break;
	case 14:
		tcp_abort(s, *h);
		break;
	case 15:
		tcp_set_opt(s, *h, (enum tcp_opt)(v % 6), v >> 3);
		break;
	case 16:
		tcp_kick(s, *h);
		break;
	default:
		if (v & 1)
			tcp_path_up(s, TCPNET_PEER);
		else if (v & 2)
			tcp_peer_hold(s, TCPNET_PEER, v & 4);
		else if (v & 8)
			tcp_peer_mtu(s, TCPNET_PEER, v >> 5);
		else
			tcp_peer_unreachable(s, TCPNET_PEER, 113);
		break;
	}
}

static void path(struct fuzz *f)
{
	uint8_t v = rd_u8(&f->r);
	struct tcpnet_path p = {.delay_ns = (int64_t)(v & 15) * NS_PER_MS,
	                        .loss = v & 16 ? 0.2 : 0,
	                        .duplicate = v & 32 ? 0.2 : 0,
	                        .reorder = v & 64 ? 0.3 : 0,
	                        .reorder_ns = 5 * NS_PER_MS,
	                        .corrupt = v & 128 ? 0.1 : 0};

	tcpnet_both(&f->n, &p);
}

static void pass(struct fuzz *f)
{
	uint8_t v = rd_u8(&f->r);
	int64_t until = f->n.now + ((int64_t)1 << (v & 31)) * 1000;
	struct tcp_event ev;

	for (unsigned i = 0; i < 16 && tcpnet_step(&f->n, until); i++)
		;
	for (unsigned side = 0; side < 2; side++)
		while (tcp_event_next(f->n.stack[side], &ev))
			;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = {.r = rd_init(data, size)};
	struct tcp_cfg cfg;
	uint8_t v;

	tcpnet_cfg(&cfg);
	v = rd_u8(&f.r);
	cfg.max_conns = 6;
	cfg.chunk_bytes = 1024;
	cfg.chunks = 64;
	cfg.max_ooo = 16;
	cfg.sndbuf = cfg.rcvbuf = 8192;
	cfg.sndbuf_max = cfg.rcvbuf_max = 32768;
	cfg.reply_queue = 4;
	cfg.mss_default = 500;
	cfg.sack = v & 1;
	cfg.timestamps = v & 2;
	cfg.window_scale = v & 4;
	cfg.ecn = v & 8;
	cfg.cc = v & 16 ? TCP_CC_CUBIC : TCP_CC_NEWRENO;
	cfg.keepalive_idle_ns = v & 32 ? NS_PER_S : 0;
	cfg.delack_ns = v & 64 ? 0 : 40 * NS_PER_MS;
	cfg.user_timeout_ns = v & 128 ? 3 * NS_PER_S : 0;
	tcpnet_init(&f.n, v, &cfg, &cfg);
	/* Most inputs begin with a connection: what follows is about its life. */
	if (!(rd_u8(&f.r) & 3))
		tcpnet_pair(&f.n, 2, &f.handle[0][0], &f.handle[1][0]);
	while (rd_left(&f.r)) {
		uint8_t op = rd_u8(&f.r);
		unsigned side = op >> 7;

		switch (op % 8) {
		case 0:
		case 1:
			inject(&f, side);
			break;
		case 2:
		case 3:
		case 4:
			call(&f, side);
			break;
		case 5:
			raw(&f, side);
			break;
		case 6:
			path(&f);
			break;
		default:
			pass(&f);
			break;
		}
		tcpnet_check(&f.n);
	}
	pass(&f);
	tcpnet_free(&f.n);
	return 0;
}
