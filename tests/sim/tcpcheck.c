/* SPDX-License-Identifier: BSD-3-Clause */
/* The invariants of one stack: sequence numbers, records against counters, a running timer for whatever waits, every chunk owned once. */
#include "tcpcheck.h"
#include "tcp/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tcpcheck_show(const struct conn *c)
{
	fprintf(stderr,
	        "connection %u %s peer %u ports %u %u flags %x modes %x ca %u err %d\n"
	        " una %u nxt %u max %u data %u queued %u records %u lost %u sacked %u\n"
	        " cwnd %llu ssthresh %llu mss %u snd_wnd %u rto %lld backoff %u retries %u\n"
	        " rcv_nxt %u adv %u readable %u ooo %u\n"
	        " rtx %u at %lld aux %u at %lld delack at %lld life %u at %lld\n",
	        c->index, tcp_state_name(c->state), c->peer, c->lport, c->rport, c->flags, c->modes,
	        c->ca, c->err, c->snd_una, c->snd_nxt, c->snd_max, c->snd_data, c->snd.len,
	        c->rec.len / REC_BYTES, c->lost_bytes, c->sacked_bytes,
	        (unsigned long long)c->cc.cwnd, (unsigned long long)c->cc.ssthresh, c->mss,
	        c->snd_wnd, (long long)c->rto, c->backoff, c->retries, c->rcv_nxt, c->rcv_adv,
	        c->rcv.len, c->n_ooo, c->rtx_kind, (long long)c->rtx_at, c->aux_kind,
	        (long long)c->aux_at, (long long)c->delack_at, c->life_kind, (long long)c->life_at);
}

static void fail(const struct tcpcheck *k, int line, const char *what)
{
	if (k->fail)
		k->fail(k->arg, what);
	fprintf(stderr, "%s:%d: %s\n", __FILE__, line, what);
	abort();
}

/* Of a connection c, which is shown. */
#define HOLDS(c, cond)                            \
	do {                                      \
		if (!(cond)) {                    \
			if (!k->fail)             \
				tcpcheck_show(c); \
			fail(k, __LINE__, #cond); \
		}                                 \
	} while (0)

/* Of the stack. */
#define REQUIRE(cond)                             \
	do {                                      \
		if (!(cond))                      \
			fail(k, __LINE__, #cond); \
	} while (0)

int tcpcheck_init(struct tcpcheck *k, const struct tcp_stack *s)
{
	const uint32_t conns = s->cfg.max_conns, chunks = s->cfg.chunks + 1;

	if (k->conns < conns) {
		free(k->handle);
		k->handle = malloc(3 * conns * sizeof(uint32_t));
		k->conns = k->handle ? conns : 0;
	}
	if (k->chunks < chunks) {
		free(k->owned);
		k->owned = malloc(chunks);
		k->chunks = k->owned ? chunks : 0;
	}
	if (!k->conns || !k->chunks)
		return -1;
	memset(k->handle, 0, 3 * k->conns * sizeof(uint32_t));
	k->rcv_nxt = k->handle + k->conns;
	k->snd_una = k->rcv_nxt + k->conns;
	return 0;
}

void tcpcheck_free(struct tcpcheck *k)
{
	free(k->handle);
	free(k->owned);
	*k = (struct tcpcheck){0};
}

static void check_records(const struct tcpcheck *k, const struct tcp_stack *s, const struct conn *c)
{
	uint32_t sacked = 0, lost = 0, timed = 0, on_list = 0, run = 0;

	for (uint32_t pos = c->rec.head, at = c->snd_una; pos != rec_end(c); pos += REC_BYTES) {
		const struct rec *r = rec_at(s, c, pos);

		HOLDS(c, r->seq == at && r->len);
		at += r->len;
		/* What a walk may step over is SACKed. */
		if (r->flags & REC_SACKED)
			run = rec_run(r) > run ? rec_run(r) : run;
		HOLDS(c, !run || (r->flags & REC_SACKED));
		HOLDS(c, run <= (rec_end(c) - pos) / REC_BYTES);
		run -= run != 0;
		sacked += r->flags & REC_SACKED ? r->len : 0;
		lost += r->flags & REC_LOST ? r->len : 0;
		timed += (r->flags & REC_TIMED) != 0;
		HOLDS(c, ((r->flags & REC_TIMED) != 0) == !(r->flags & (REC_LOST | REC_SACKED)));
		HOLDS(c, !(r->flags & REC_LOST) || (int32_t)(pos - c->rec_lost) >= 0);
		HOLDS(c, pos + REC_BYTES != rec_end(c) || at == c->snd_nxt);
	}
	for (uint32_t pos = c->time_head; pos != CONN_NONE; pos = rec_at(s, c, pos)->tnext)
		HOLDS(c, ++on_list <= timed);
	HOLDS(c, on_list == timed && lost == c->lost_bytes);
	HOLDS(c, !(c->flags & CF_SACK) || sacked == c->sacked_bytes);
}

/* Marks in the sequence space go with una: one left 2 GiB behind would lie ahead. */
static void check_marks(const struct tcpcheck *k, const struct conn *c)
{
	const uint32_t marks[] = {c->cwr_end,   c->recover,   c->dsack_round,
	                          c->snd_small, c->sack_mark, c->cc.hs.round_end};

	if (!conn_synchronized(c))
		return;
	for (unsigned i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
		HOLDS(c, marks[i] - (c->snd_una - 1) <= c->snd_max - (c->snd_una - 1));
	for (unsigned i = 0; i < 4; i++)
		HOLDS(c, c->sack_seen[i].start == c->sack_seen[i].end ||
		                 c->sack_seen[i].end - c->snd_una <= c->snd_max - c->snd_una);
}

/* Its node comes up no later than the earliest of its deadlines, rounded up to a tick. */
static bool on_wheel(const struct tcp_stack *s, const struct conn *c)
{
	const struct wheel_node *w = tcp_wheel_node(&s->wheel, c->index);
	int64_t at = timer_next(c);

	if (at < s->now)
		at = s->now;
	return w->where && w->tick <= w->due && w->due <= ((uint64_t)at >> WHEEL_SHIFT) + 1;
}

/* Whatever waits has something that will end its waiting. */
static void check_timers(const struct tcpcheck *k, const struct tcp_stack *s, const struct conn *c,
                         bool held)
{
	if (!held && (c->rec.len || c->state == TCP_SYN_SENT || c->state == TCP_SYN_RCVD))
		HOLDS(c, c->rtx_at != INT64_MAX || (c->flags & CF_SYN_DUE));
	if (!held && conn_synchronized(c) && c->state != TCP_TIME_WAIT &&
	    (c->snd.len || ((c->flags & CF_FIN_QUEUED) && !conn_fin_acked(c))))
		HOLDS(c,
		      c->rtx_at != INT64_MAX || c->pace_wait != INT64_MAX || (c->flags & CF_READY));
	if (c->state == TCP_TIME_WAIT)
		HOLDS(c, c->life_at != INT64_MAX);
	if (c->state == TCP_FIN_WAIT_2 && (c->flags & CF_ORPHAN))
		HOLDS(c, c->life_at != INT64_MAX);
	if (c->flags & CF_ACK_LATER)
		HOLDS(c, c->delack_at != INT64_MAX || (c->flags & CF_ACK_NOW));
	if ((c->flags & CF_ACK_NOW) && !held && conn_synchronized(c))
		HOLDS(c, c->flags & CF_READY);
	if (timer_next(c) != INT64_MAX && !(c->flags & CF_READY) && !held)
		HOLDS(c, on_wheel(s, c));
}

static void check_conn(struct tcpcheck *k, const struct tcp_stack *s, const struct conn *c,
                       bool records)
{
	uint32_t slot = c->index, handle = conn_handle(c);

	if (c->peer == TABLE_LISTEN || c->state == TCP_CLOSED)
		return;
	HOLDS(c, seq_leq(c->snd_una, c->snd_nxt) && seq_leq(c->snd_nxt, c->snd_max));
	/* PRR may allow less than a segment; with nothing in flight one goes all the same. */
	HOLDS(c, c->cc.cwnd >= c->mss || c->ca == CA_RECOVERY);
	if (records)
		check_records(k, s, c);
	check_timers(k, s, c, s->peers[c->peer].held);
	check_marks(k, c);
	HOLDS(c, c->rcv.len <= c->rcv_limit_max + 65536);
	HOLDS(c, c->snd.len <= c->snd_limit_max || c->snd.len <= s->cfg.sndbuf_max);
	if (k->handle[slot] == handle && conn_synchronized(c)) {
		HOLDS(c, seq_geq(c->rcv_nxt, k->rcv_nxt[slot]));
		HOLDS(c, seq_geq(c->snd_una, k->snd_una[slot]));
	}
	k->handle[slot] = conn_synchronized(c) ? handle : 0;
	k->rcv_nxt[slot] = c->rcv_nxt;
	k->snd_una[slot] = c->snd_una;
}

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static uint32_t own(struct tcpcheck *k, const struct tcp_pool *p, uint32_t chunk)
{
	if (!chunk)
		return 0;
	REQUIRE(chunk <= p->fresh && !k->owned[chunk]);
	k->owned[chunk] = 1;
	return 1;
}

static uint32_t own_ring(struct tcpcheck *k, const struct tcp_pool *p, const struct tcp_buf *b)
{
	uint32_t slots = b->dir ? tcp_pool_chunk_bytes(p) / 4 : BUF_INLINE, taken = 0;

	for (uint32_t i = 0; i < slots && taken < b->nchunks; i++)
		taken += own(k, p, *tcp_buf_slot(p, b, b->head + (i << p->shift)));
	REQUIRE(taken == b->nchunks);
	return taken + own(k, p, b->dir);
}

/* Every chunk taken from the pool is held by exactly one ring of one connection; the rest are free, once. */
void tcpcheck_memory(struct tcpcheck *k, const struct tcp_stack *s)
{
	const struct tcp_pool *p = &s->pool;
	uint32_t used = 0;

	memset(k->owned, 0, p->fresh + 1);
	for (uint32_t i = 0; i < s->fresh; i++) {
		const struct conn *c = &s->conns[i];

		if (c->index == CONN_NONE)
			continue;
		used += own_ring(k, p, &c->snd) + own_ring(k, p, &c->rec) +
		        own_ring(k, p, &c->rcv) + own(k, p, c->ooo_chunk);
	}
	for (uint32_t i = 0; i < p->nfreed; i++)
		own(k, p, p->freed[i]);
	REQUIRE(used == p->used && p->used + p->nfreed == p->fresh && p->fresh <= p->total);
}

/* The cheap part of it: the rings' own counts. */
static void check_counts(const struct tcpcheck *k, const struct tcp_stack *s)
{
	uint32_t used = 0, conns = 0;

	for (uint32_t i = 0; i < s->fresh; i++) {
		const struct conn *c = &s->conns[i];

		if (c->index == CONN_NONE)
			continue;
		conns++;
		used += c->snd.nchunks + (c->snd.dir != 0) + c->rec.nchunks + (c->rec.dir != 0) +
		        c->rcv.nchunks + (c->rcv.dir != 0) + (c->ooo_chunk != 0);
	}
	REQUIRE(used == s->pool.used && s->pool.used <= s->pool.total);
	REQUIRE(conns == s->nconns && s->nconns + s->nfree == s->fresh);
}

/* ---- all -------------------------------------------------------------------------------------------------------------- */

uint32_t tcpcheck_conns(struct tcpcheck *k, const struct tcp_stack *s, bool records)
{
	uint32_t walked = 0, live = 0, told = 0;

	for (uint32_t i = 0; i < s->fresh; i++) {
		const struct conn *c = &s->conns[i];

		if (c->index == CONN_NONE)
			continue;
		check_conn(k, s, c, records);
		live += c->peer != TABLE_LISTEN && c->state != TCP_CLOSED &&
		        c->state != TCP_TIME_WAIT;
		walked += records ? c->rec.len / REC_BYTES : 0;
	}
	for (uint32_t i = 0; i < s->cfg.max_peers; i++)
		told += tcp_peer_live(s, i);
	REQUIRE(told == live);
	check_counts(k, s);
	return walked;
}
