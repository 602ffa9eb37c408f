/* SPDX-License-Identifier: BSD-3-Clause */
/* Plays an input: a configuration, then steps; at the end the network heals and everything must come to its end. */
#include "tcp_play.h"
#include "tcpnet_require.h"

#include <stddef.h>
#include <string.h>

void play_fill(uint8_t *p, uint32_t seq, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		p[i] = play_byte(seq + i);
}

static bool alloc_fails(void *arg, enum tcp_alloc point)
{
	struct play *p = arg;

	if (!p->alloc_left || !(p->alloc_mask >> point & 1))
		return false;
	p->alloc_left--;
	return true;
}

static void configure(struct play *p, struct tcp_cfg *cfg)
{
	uint8_t a = rd_u8(&p->r), b = rd_u8(&p->r), c = rd_u8(&p->r);

	tcpnet_cfg(cfg);
	cfg->max_conns = PLAY_CONNS;
	cfg->max_peers = TCPNET_PEER + 2;
	cfg->chunk_bytes = 1024;
	cfg->chunks = 64;
	cfg->max_ooo = 16;
	cfg->sndbuf = cfg->rcvbuf = b & 1 ? 4096 : 8192;
	cfg->sndbuf_max = cfg->rcvbuf_max = b & 1 ? 4096 : 32768;
	cfg->reply_queue = 4;
	cfg->mss_default = 500;
	cfg->sack = a & 1;
	cfg->timestamps = a & 2;
	cfg->window_scale = a & 4;
	cfg->ecn = a & 8 ? TCP_ECN_ON : TCP_ECN_OFF;
	cfg->cc = a & 16 ? TCP_CC_CUBIC : TCP_CC_NEWRENO;
	cfg->keepalive_idle_ns = a & 32 ? NS_PER_S : 0;
	cfg->delack_ns = a & 64 ? 0 : 40 * NS_PER_MS;
	cfg->user_timeout_ns = a & 128 ? 3 * NS_PER_S : 0;
	cfg->rack = !(b & 2);
	cfg->hystart = b & 4;
	cfg->frto = b & 8;
	cfg->eifel = b & 16;
	cfg->limited_transmit = b & 32;
	cfg->pacing = b & 64;
	cfg->tail_loss_probe = !(b & 128);
	cfg->syn_cookies = (uint8_t)(c % 3);
	cfg->nodelay = c & 4;
	cfg->idle_restart = c & 8;
	cfg->initial_window = c & 16 ? 2 : 10;
	cfg->rcvbuf = c & 32 ? 600 : cfg->rcvbuf;
	cfg->paws_late = !(c & 64);
	cfg->alloc_fails = alloc_fails;
	cfg->alloc_arg = p;
}

static void path(struct play *p)
{
	uint8_t v = rd_u8(&p->r), w = rd_u8(&p->r);
	struct tcpnet_path l = {.bit_s = w & 1 ? 10e6 : 0,
	                        .delay_ns = (int64_t)(v & 15) * (w & 2 ? 50 : 1) * NS_PER_MS,
	                        .queue_bytes = 6000,
	                        .ecn_bytes = w & 4 ? 2000 : 0,
	                        .loss = v & 16 ? 0.2 : 0,
	                        .duplicate = v & 32 ? 0.2 : 0,
	                        .reorder = v & 64 ? 0.3 : 0,
	                        .reorder_ns = 5 * NS_PER_MS,
	                        .corrupt = v & 128 ? 0.1 : 0,
	                        .down = (w & 0xf0) == 0xf0};

	if (w & 8)
		p->n.path[w >> 7] = l;
	else
		tcpnet_both(&p->n, &l);
}

static void no_events(struct play *p)
{
	struct tcp_event ev;

	for (unsigned side = 0; side < 2; side++)
		while (tcp_event_next(p->n.stack[side], &ev))
			REQUIRE(ev.flags && conn_app(p->n.stack[side], ev.conn));
}

static void pass(struct play *p)
{
	uint8_t v = rd_u8(&p->r);
	int64_t until = p->n.now + ((int64_t)1 << (v & 31)) * 1000;

	for (unsigned i = 0; i < 16 && tcpnet_step(&p->n, until); i++)
		;
	if (v & 32)
		no_events(p);
}

static void step(struct play *p)
{
	uint8_t op = rd_u8(&p->r);
	unsigned side = op >> 7;

	if (p->trace) {
		tcpnet_show(&p->n);
		fprintf(stderr, "%12.6f step %u side %u, %zu left\n", (double)p->n.now / 1e9,
		        op & 15, side, rd_left(&p->r));
	}
	switch (op & 15) {
	case 0:
	case 1:
	case 2:
	case 3:
		play_segment(p, side);
		break;
	case 4:
		play_raw(p, side);
		break;
	case 5:
		path(p);
		break;
	case 6:
		p->alloc_mask = rd_u8(&p->r);
		p->alloc_left = rd_u8(&p->r) & 15;
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		pass(p);
		break;
	default:
		play_call(p, side);
		break;
	}
}

/* ---- the end --------------------------------------------------------------------------------------------------- */

/* The other end is of another life: its application had ended the connection, the reset was lost, and the first data sent again brought
 * the cookie back (RFC 4987 3.6: it is good until it is too old), while an ACK of the first life still came. What that one covered, this one
 * never gets; the sender's R2 ends it. */
static bool other_life(struct play *p, unsigned side, const struct conn *c)
{
	const struct tcp_stack *o = p->n.stack[!side];

	for (uint32_t i = 0; i < o->fresh; i++) {
		const struct conn *t = &o->conns[i];

		if (t->index != CONN_NONE && (t->modes & CM_COOKIE) && t->lport == c->rport &&
		    t->rport == c->lport && seq_lt(t->rcv_nxt, c->snd_una))
			return true;
	}
	return false;
}

/* The applications read everything and accept everyone. Returns the bytes that still wait to be acknowledged. */
static uint32_t serve(struct play *p)
{
	uint32_t waiting = 0;

	for (unsigned side = 0; side < 2; side++) {
		struct tcp_stack *s = p->n.stack[side];

		for (uint32_t i = 0; i < s->fresh; i++) {
			struct conn *c = &s->conns[i];
			uint32_t h;

			if (c->index == CONN_NONE || c->state == TCP_CLOSED)
				continue;
			if (c->peer == TABLE_LISTEN) {
				while (tcp_accept(s, conn_handle(c), &h) == 0)
					;
				continue;
			}
			if (c->flags & CF_APP)
				play_read(p, side, conn_handle(c), 65534);
			/* What the application itself holds back. */
			if (c->state != TCP_CLOSED && c->index != CONN_NONE &&
			    !(c->modes & CM_CORK) && !c->pace_max && !other_life(p, side, c))
				waiting += c->snd.len;
		}
	}
	return waiting;
}

/* On a perfect path, with applications that read, whatever was sent arrives or its connection ends: nothing starves. */
static void come_to_an_end(struct play *p)
{
	const struct tcpnet_path perfect = {.delay_ns = NS_PER_MS};
	int64_t until = p->n.now + 400 * NS_PER_S, second = p->n.now;
	unsigned steps = 0;

	p->alloc_left = 0;
	tcpnet_both(&p->n, &perfect);
	for (unsigned side = 0; side < 2; side++)
		tcp_peer_hold(p->n.stack[side], TCPNET_PEER, false);
	while (serve(p) && p->n.now < until) {
		/* None keeps itself busy. */
		if (p->n.now - second >= NS_PER_S) {
			second = p->n.now;
			steps = 0;
		}
		REQUIRE(++steps < 20000);
		tcpnet_step(&p->n, until);
	}
	if (p->trace)
		tcpnet_show(&p->n);
	REQUIRE(!serve(p));
	tcpnet_check(&p->n);
}

/* Closes all that is open; after the longest timers nothing is left. */
static void close_all(struct play *p)
{
	for (unsigned side = 0; side < 2; side++) {
		struct tcp_stack *s = p->n.stack[side];

		for (uint32_t i = 0; i < s->fresh; i++)
			if (s->conns[i].index != CONN_NONE && (s->conns[i].flags & CF_APP))
				REQUIRE(tcp_close(s, conn_handle(&s->conns[i])) == 0);
	}
	for (int64_t until = p->n.now + 3000 * NS_PER_S; tcpnet_step(&p->n, until);)
		;
	for (unsigned side = 0; side < 2; side++)
		REQUIRE(!p->n.stack[side]->nconns && !p->n.stack[side]->pool.used);
}

void play_run(struct play *p, const uint8_t *data, size_t size)
{
	struct tcp_cfg cfg;
	uint8_t v;

	memset(&p->r, 0, sizeof(*p) - offsetof(struct play, r));
	p->r = rd_init(data, size);
	configure(p, &cfg);
	tcpnet_again(&p->n, 1, &cfg, &cfg);
	p->n.check_all = true;
	p->n.trace = p->trace;
	v = rd_u8(&p->r);
	/* Most inputs begin with a connection: what follows is about its life. */
	if (v & 3)
		tcpnet_pair(&p->n, 2, &p->handle[0][0], &p->handle[1][0]);
	/* One stack alone, or two that talk. */
	p->n.path[0].down = p->n.path[1].down = v & 4;
	while (rd_left(&p->r)) {
		step(p);
		tcpnet_check(&p->n);
	}
	if (p->forged) {
		pass(p);
		tcpnet_check(&p->n);
		return;
	}
	come_to_an_end(p);
	if (v & 8)
		close_all(p);
}
