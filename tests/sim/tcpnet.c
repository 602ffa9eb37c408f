/* SPDX-License-Identifier: BSD-3-Clause */
/* The simulator: a heap of packets under way, two stacks, one clock. */
#include "tcpnet.h"
#include "base/be.h"
#include "tcp/record.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUIRE(cond)                                                              \
	do {                                                                       \
		if (!(cond)) {                                                     \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
			abort();                                                   \
		}                                                                  \
	} while (0)

void tcpnet_cfg(struct tcp_cfg *cfg)
{
	tcp_cfg_default(cfg);
	cfg->max_conns = 64;
	cfg->max_peers = 8;
	cfg->chunks = 4096;
	memset(cfg->secret, 7, sizeof(cfg->secret));
}

void tcpnet_init(struct tcpnet *n, uint64_t seed, const struct tcp_cfg *a, const struct tcp_cfg *b)
{
	const struct tcp_cfg *cfg[2] = {a, b};
	uint8_t id[2][64];
	uint16_t sum[2];

	memset(n, 0, sizeof(*n));
	n->now = NS_PER_S;
	rng_seeded_init(&n->seed, seed);
	n->rng = rng_from_seeded(&n->seed);
	for (unsigned i = 0; i < 2; i++) {
		rng_fill(&n->rng, id[i], 64);
		sum[i] = tcp_id_sum(id[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		struct tcp_cfg c = *cfg[i];
		size_t size = tcp_stack_size(&c);

		REQUIRE(size);
		rng_fill(&n->rng, c.secret, sizeof(c.secret));
		n->mem[i] = aligned_alloc(64, (size + 63) & ~(size_t)63);
		REQUIRE(n->mem[i]);
		n->stack[i] = tcp_stack_init(n->mem[i], size, &c, (struct instant){n->now});
		REQUIRE(n->stack[i]);
		REQUIRE(tcp_peer_set(n->stack[i], TCPNET_PEER, sum[i], sum[1 - i], 0) == 0);
		n->rcv_nxt[i] = calloc(c.max_conns, sizeof(uint32_t));
		n->handle[i] = calloc(c.max_conns, sizeof(uint32_t));
		REQUIRE(n->rcv_nxt[i] && n->handle[i]);
	}
}

void tcpnet_free(struct tcpnet *n)
{
	for (unsigned i = 0; i < n->nheap; i++)
		free(n->heap[i].bytes);
	free(n->heap);
	for (unsigned i = 0; i < 2; i++) {
		free(n->mem[i]);
		free(n->rcv_nxt[i]);
		free(n->handle[i]);
	}
}

void tcpnet_both(struct tcpnet *n, const struct tcpnet_path *p)
{
	n->path[0] = n->path[1] = *p;
}

/* ---- packets under way --------------------------------------------------------------------------------------------- */

static bool earlier(const struct tcpnet_packet *a, const struct tcpnet_packet *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void heap_push(struct tcpnet *n, struct tcpnet_packet p)
{
	unsigned i;

	if (n->nheap == n->capheap) {
		n->capheap = n->capheap ? 2 * n->capheap : 256;
		n->heap = realloc(n->heap, n->capheap * sizeof(*n->heap));
		REQUIRE(n->heap);
	}
	for (i = n->nheap++; i && earlier(&p, &n->heap[(i - 1) / 2]); i = (i - 1) / 2)
		n->heap[i] = n->heap[(i - 1) / 2];
	n->heap[i] = p;
}

static struct tcpnet_packet heap_pop(struct tcpnet *n)
{
	struct tcpnet_packet top = n->heap[0], last = n->heap[--n->nheap];
	unsigned i = 0, kid;

	while ((kid = 2 * i + 1) < n->nheap) {
		if (kid + 1 < n->nheap && earlier(&n->heap[kid + 1], &n->heap[kid]))
			kid++;
		if (!earlier(&n->heap[kid], &last))
			break;
		n->heap[i] = n->heap[kid];
		i = kid;
	}
	if (n->nheap)
		n->heap[i] = last;
	return top;
}

static bool chance(struct tcpnet *n, double p)
{
	return p > 0 && (double)(rng_u64(&n->rng) >> 11) / 9007199254740992.0 < p;
}

static void trace(const struct tcpnet *n, unsigned from, const uint8_t *b, uint32_t len,
                  const char *fate)
{
	if (n->trace)
		fprintf(stderr, "%12.6f %c> %s%s%s%s seq %u ack %u len %u wnd %u %s\n",
		        (double)n->now / 1e9, from ? 'B' : 'A', b[13] & TCP_SYN ? "S" : "",
		        b[13] & TCP_FIN ? "F" : "", b[13] & TCP_RST ? "R" : "",
		        b[13] & TCP_ACK ? "." : "", be32_load(b + 4), be32_load(b + 8),
		        len - (uint32_t)(b[12] >> 4) * 4, be16_load(b + 14), fate);
}

static void fly(struct tcpnet *n, unsigned from, const uint8_t *seg, uint32_t len, uint8_t ecn,
                int64_t at)
{
	struct tcpnet_packet p = {
	        .at = at, .order = n->order++, .to = 1 - from, .len = len, .ecn = ecn};

	p.bytes = malloc(len);
	REQUIRE(p.bytes);
	memcpy(p.bytes, seg, len);
	if (chance(n, n->path[from].corrupt))
		p.bytes[rng_below(&n->rng, len)] ^= (uint8_t)(1 + rng_below(&n->rng, 255));
	heap_push(n, p);
}

static void send_one(struct tcpnet *n, unsigned from, const struct tcp_out *out, const uint8_t *seg)
{
	const struct tcpnet_path *p = &n->path[from];
	int64_t start = n->now > n->free_at[from] ? n->now : n->free_at[from], at, tx = 0;
	double backlog;

	uint64_t nth = n->sent[from]++;

	n->bytes[from] += out->len;
	n->retransmits[from] += out->retransmit;
	if ((n->filter && n->filter(n->filter_arg, from, nth, out, seg)) || p->down ||
	    (p->mtu && out->len > p->mtu) || chance(n, p->loss)) {
		n->lost[from]++;
		trace(n, from, seg, out->len, "LOST");
		return;
	}
	if (p->bit_s > 0) {
		backlog = (double)(start - n->now) * p->bit_s / 8e9;
		if (p->queue_bytes && backlog + out->len > p->queue_bytes) {
			n->lost[from]++;
			trace(n, from, seg, out->len, "OVERFLOW");
			return;
		}
		tx = (int64_t)((double)out->len * 8e9 / p->bit_s);
	}
	n->free_at[from] = start + tx;
	at = start + tx + p->delay_ns;
	if (chance(n, p->reorder) && p->reorder_ns)
		at += (int64_t)rng_below(&n->rng, (uint64_t)p->reorder_ns);
	trace(n, from, seg, out->len, "");
	fly(n, from, seg, out->len, out->ecn, at);
	if (chance(n, p->duplicate))
		fly(n, from, seg, out->len, out->ecn, at + p->delay_ns / 8);
}

/* ---- running -------------------------------------------------------------------------------------------------------- */

static void check_conn(struct tcpnet *n, unsigned side, const struct tcp_info *i)
{
	struct tcp_stack *s = n->stack[side];
	const struct conn *c = conn_of(s, i->conn);
	uint32_t sacked = 0, lost = 0, slot = c->index, timed = 0, on_list = 0;

	REQUIRE(seq_leq(c->snd_una, c->snd_nxt) && seq_leq(c->snd_nxt, c->snd_max));
	if (i->listener || c->state == TCP_CLOSED)
		return;
	for (uint32_t pos = c->rec.head, at = c->snd_una; pos != rec_end(c); pos += REC_BYTES) {
		const struct rec *r = rec_at(s, c, pos);

		REQUIRE(r->seq == at && r->len);
		at += r->len;
		sacked += r->flags & REC_SACKED ? r->len : 0;
		lost += r->flags & REC_LOST ? r->len : 0;
		timed += (r->flags & REC_TIMED) != 0;
		REQUIRE(((r->flags & REC_TIMED) != 0) == !(r->flags & (REC_LOST | REC_SACKED)));
		REQUIRE(pos + REC_BYTES != rec_end(c) || at == c->snd_nxt);
	}
	for (uint32_t pos = c->time_head; pos != CONN_NONE; pos = rec_at(s, c, pos)->tnext)
		REQUIRE(++on_list <= timed);
	REQUIRE(on_list == timed && lost == c->lost_bytes);
	REQUIRE(!(c->flags & CF_SACK) || sacked == c->sacked_bytes);
	/* What is not acknowledged has a running timer; so has what waits with nothing outstanding. */
	if (!i->held && (c->rec.len || c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD))
		REQUIRE(c->rtx_at != INT64_MAX || (c->flags & CF_SYN_DUE));
	if (!i->held && conn_synchronized(c) && c->state != TCP_TIME_WAIT && c->snd.len)
		REQUIRE(c->rtx_at != INT64_MAX || (c->flags & CF_READY));
	if (c->rtx_at != INT64_MAX || c->life_at != INT64_MAX)
		REQUIRE(c->timer.where);
	REQUIRE(c->rcv.len <= c->rcv_limit_max + 65536);
	if (n->handle[side][slot] == i->conn && conn_synchronized(c))
		REQUIRE(seq_geq(c->rcv_nxt, n->rcv_nxt[side][slot]));
	n->handle[side][slot] = conn_synchronized(c) ? i->conn : 0;
	n->rcv_nxt[side][slot] = c->rcv_nxt;
}

void tcpnet_check(struct tcpnet *n)
{
	for (unsigned side = 0; side < 2; side++) {
		struct tcp_info i;
		struct tcp_counters k;
		uint32_t cursor = 0, seen = 0;

		while (tcp_iterate(n->stack[side], &cursor, &i)) {
			check_conn(n, side, &i);
			seen++;
		}
		tcp_stack_counters(n->stack[side], &k);
		REQUIRE(seen == k.conns && k.chunks_used <= k.chunks_max);
	}
}

static bool flush(struct tcpnet *n)
{
	uint8_t buf[65536];
	struct tcp_out out;
	bool any = false;

	for (unsigned side = 0; side < 2; side++) {
		unsigned guard = 0;

		while (tcp_output(n->stack[side], (struct instant){n->now}, buf, sizeof(buf),
		                  &out)) {
			REQUIRE(out.peer == TCPNET_PEER && ++guard < 1000000);
			send_one(n, side, &out, buf);
			any = true;
		}
	}
	return any;
}

bool tcpnet_step(struct tcpnet *n, int64_t until)
{
	int64_t next = INT64_MAX;

	flush(n);
	tcpnet_check(n);
	if (n->nheap)
		next = n->heap[0].at;
	for (unsigned side = 0; side < 2; side++)
		next = instant_min((struct instant){next}, tcp_next_deadline(n->stack[side])).ns;
	if (next > until) {
		n->now = until > n->now ? until : n->now;
		return false;
	}
	if (next > n->now)
		n->now = next;
	for (unsigned side = 0; side < 2; side++)
		tcp_advance(n->stack[side], (struct instant){n->now});
	while (n->nheap && n->heap[0].at <= n->now) {
		struct tcpnet_packet p = heap_pop(n);
		struct tcp_in in = {.seg = p.bytes,
		                    .len = p.len,
		                    .peer = TCPNET_PEER,
		                    .ecn = p.ecn,
		                    .csum_ok = false};

		tcp_input(n->stack[p.to], &in, (struct instant){n->now});
		free(p.bytes);
		/* Answers go out between arrivals, as they would. */
		flush(n);
	}
	tcpnet_check(n);
	return true;
}

void tcpnet_run(struct tcpnet *n, int64_t d)
{
	int64_t until = n->now + d;

	while (tcpnet_step(n, until))
		;
}

void tcpnet_pair(struct tcpnet *n, uint16_t port, uint32_t *client, uint32_t *server)
{
	uint32_t listener;

	REQUIRE(tcp_listen(n->stack[1], port, 16, &listener) == 0);
	REQUIRE(tcp_connect(n->stack[0], TCPNET_PEER, port, client) == 0);
	for (int64_t until = n->now + 60 * NS_PER_S; n->now < until;) {
		tcpnet_step(n, until);
		if (tcp_accept(n->stack[1], listener, server) == 0) {
			REQUIRE(tcp_close(n->stack[1], listener) == 0);
			return;
		}
	}
	REQUIRE(!"connected");
}

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)((at * UINT64_C(0x9E3779B97F4A7C15)) >> 56);
}

int64_t tcpnet_bulk(struct tcpnet *n, unsigned from, uint32_t sender, uint32_t receiver,
                    uint64_t total, int64_t limit_ns)
{
	struct tcp_stack *tx = n->stack[from], *rx = n->stack[1 - from];
	int64_t start = n->now;
	uint64_t sent = 0, got = 0;

	while (got < total && n->now < start + limit_ns) {
		const void *piece;
		void *room;
		int64_t k;

		while (sent < total && (k = tcp_send_reserve(tx, sender, &room)) > 0) {
			if ((uint64_t)k > total - sent)
				k = (int64_t)(total - sent);
			for (int64_t i = 0; i < k; i++)
				((uint8_t *)room)[i] = pattern(sent + (uint64_t)i);
			REQUIRE(tcp_send_commit(tx, sender, (size_t)k) == 0);
			sent += (uint64_t)k;
		}
		while ((k = tcp_recv_peek(rx, receiver, &piece)) > 0) {
			for (int64_t i = 0; i < k; i++)
				REQUIRE(((const uint8_t *)piece)[i] == pattern(got + (uint64_t)i));
			got += (uint64_t)k;
			REQUIRE(got <= sent);
			REQUIRE(tcp_recv_consume(rx, receiver, (size_t)k) == 0);
		}
		if (k != -EAGAIN)
			return -1;
		tcpnet_step(n, start + limit_ns);
	}
	return got == total ? n->now - start : -1;
}
