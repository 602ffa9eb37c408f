/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions, outward: segments pulled from TCP, sealed in bursts, labelled and sent. */
#include "seal/seal.h"
#include "session/priv.h"
#include "session/tx.h"
#include "wire/lse.h"

/* [label 4][control word and counter 12][next header, ECN, segment][tag 16]; the counter's header is authenticated too. */
#define AT_HEADER LSE_BYTES
#define AT_INNER  (AT_HEADER + TUNNEL_HEADER_BYTES)
#define AT_SEG    (AT_INNER + TUNNEL_INNER_BYTES)

#define AHEAD 2 /* a buffer is prefetched so many segments before it is written */

_Static_assert(AT_SEG + SESS_SEG_MAX + TUNNEL_TAG_BYTES <= WORKER_ROOM, "a segment fits a buffer");

static void ask_rekey(struct worker_sessions *s, struct tunnel_end *e)
{
	struct dp_event ev = {.type = EVT_REKEY};

	ev.u.key.session = e->index;
	ev.u.key.index = e->tx->phase;
	e->tx->rekey_told = worker_event(s->w, &ev);
}

/* False: the sending key has sealed as many packets as it may. Control is asked for another key long before that. */
static bool counter_left(struct worker_sessions *s, struct tunnel_end *e)
{
	if (likely_(e->tx->counter < SEAL_REKEY_AT))
		return true;
	if (!e->tx->rekey_told)
		ask_rekey(s, e);
	return e->tx->counter < SEAL_REFUSE_AT;
}

/* Fills label and control word, and the operation that seals `len` plaintext bytes behind them. */
static void frame(struct tunnel_end *e, struct rte_mbuf *m, struct aead_op *op, uint8_t type,
                  uint32_t len, unsigned tc, unsigned ttl)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	struct tunnel_header h = {.type = type, .phase = e->tx->phase};

	h.counter = e->tx->counter++;
	be32_store(p, lse_make(e->out_label, tc, true, ttl));
	tunnel_header_put(p + AT_HEADER, &h, TUNNEL_HEADER_BYTES + len + TUNNEL_TAG_BYTES);
	m->data_len = (uint16_t)(AT_INNER + len + TUNNEL_TAG_BYTES);
	m->pkt_len = m->data_len;
	*op = (struct aead_op){.in = p + AT_INNER,
	                       .out = p + AT_INNER,
	                       .aad = p + AT_HEADER,
	                       .counter = h.counter,
	                       .len = len,
	                       .aad_len = TUNNEL_HEADER_BYTES};
}

/* Seals and sends what was gathered; TCP hands out runs of one remote, so a run of one key is what is usual. */
static void seal_and_send(struct worker_sessions *s, struct aead_op *ops)
{
	unsigned from = 0;

	while (from < s->ntx) {
		struct tunnel_end *e = s->tx[from].end;
		unsigned to = from + 1;

		while (to < s->ntx && s->tx[to].end == e)
			to++;
		COYO_ASSERT(to <= SESS_BURST && e->tx);
		seal_burst(&e->tx->aead, ops + from, to - from);
		for (unsigned i = from; i < to; i++)
			fwd_send(s->fwd, e->out_link, s->tx[i].m);
		count_add(&s->w->count.session_out, to - from);
		from = to;
	}
	s->ntx = 0;
}

/* TC 1 names an ECN-capable transport, so that a congested router may mark instead of drop (RFC 5129). */
static unsigned tc_of(uint8_t ecn)
{
	return ecn == TCP_NOT_ECT ? TC_BE_NOT_ECT : TC_BE_ECT;
}

/* The buffer for the next segment, or NULL: the pool is empty. Prefetches a buffer that comes later, whose bytes may still be in another
 * core's cache. */
static struct rte_mbuf *next_buffer(struct worker_sessions *s)
{
	struct rte_mbuf *m;

	if (s->nspare == 0) {
		if (!worker_mbufs(s->w, s->spare, SESS_BURST))
			return NULL;
		s->nspare = SESS_BURST;
	}
	m = s->spare[s->nspare - 1];
	if (s->nspare > AHEAD) {
		struct rte_mbuf *later = s->spare[s->nspare - 1 - AHEAD];
		uint8_t *p = (uint8_t *)later + sizeof(*later) + later->priv_size + WORKER_HEADROOM;

		for (uint32_t at = 0; at < s->tx_len + AT_SEG; at += COYO_CACHELINE)
			prefetch_write(p + at);
	}
	worker_mbuf_ready(m);
	return m;
}

/* Puts label and headers in front of len bytes that stand in m, and prepares their sealing. False: the key is spent, and m is free for another. */
static inline bool add(struct worker_sessions *s, struct tunnel_end *e, struct rte_mbuf *m,
                       struct aead_op *op, uint32_t len, unsigned tc, struct instant now)
{
	if (unlikely_(!counter_left(s, e))) {
		drop_count(s->w, DROP_SESSION_SPENT, 1);
		remote_update(s, e->remote, now);
		return false;
	}
	frame(e, m, op, TUNNEL_DATA, len, tc, TTL_START);
	s->tx[s->ntx++] = (struct tx_item){.m = m, .end = e};
	return true;
}

/* Puts label and headers in front of the segment that TCP has written into m, and prepares its sealing. False: it cannot be sent now, or was
 * for this node itself, and m is free for another. */
static bool take_segment(struct worker_sessions *s, struct rte_mbuf *m, struct aead_op *op,
                         const struct tcp_out *out, struct instant now)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	struct tunnel_end *e = NULL;

	if (unlikely_(out->peer < s->nremotes && s->remotes[out->peer].self)) {
		struct tcp_in in = {.seg = p + AT_SEG,
		                    .len = out->len,
		                    .peer = out->peer,
		                    .ecn = out->ecn,
		                    .csum_ok = true};

		tcp_input_burst(s->tcp, &in, 1, now);
		return false;
	}
	if (out->peer < s->nremotes && s->remotes[out->peer].session != SESS_NONE)
		e = s->table[s->remotes[out->peer].session];
	if (!e || !sess_may_send(e))
		return false; /* the remote is held: TCP sends the segment again later */
	p[AT_INNER] = TRANSPORT_TCP;
	p[AT_INNER + 1] = out->ecn;
	return add(s, e, m, op, TUNNEL_INNER_BYTES + out->len, tc_of(out->ecn), now);
}

unsigned tx_run(struct worker_sessions *s, struct instant now)
{
	struct aead_op ops[SESS_BURST];
	unsigned done = 0;

	/* The number is bounded so that arriving packets and timers get their turn. */
	while (done < 4 * SESS_BURST && tcp_output_pending(s->tcp)) {
		struct rte_mbuf *m = next_buffer(s);
		struct tcp_out out;

		if (!m || tcp_output(s->tcp, now, rte_pktmbuf_mtod(m, uint8_t *) + AT_SEG,
		                     SESS_SEG_MAX, &out) == 0)
			break;
		done++;
		s->tx_len = out.len;
		if (take_segment(s, m, &ops[s->ntx], &out, now))
			s->nspare--;
		if (s->ntx == SESS_BURST)
			seal_and_send(s, ops);
	}
	seal_and_send(s, ops);
	return done;
}

uint8_t *tx_inner(struct worker_sessions *s)
{
	struct rte_mbuf *m = next_buffer(s);

	return m ? rte_pktmbuf_mtod(m, uint8_t *) + AT_INNER : NULL;
}

void tx_add(struct worker_sessions *s, struct tunnel_end *e, struct aead_op *ops, uint32_t len,
            unsigned tc, struct instant now)
{
	COYO_ASSERT(s->nspare > 0 && len <= TUNNEL_INNER_BYTES + SESS_SEG_MAX);
	s->tx_len = len;
	if (add(s, e, s->spare[s->nspare - 1], &ops[s->ntx], len, tc, now))
		s->nspare--;
	if (s->ntx == SESS_BURST)
		seal_and_send(s, ops);
}

void tx_seal(struct worker_sessions *s, struct aead_op *ops)
{
	seal_and_send(s, ops);
}

void tx_free(struct worker_sessions *s)
{
	for (unsigned i = 0; i < s->nspare; i++)
		worker_mbuf_ready(s->spare[i]);
	rte_pktmbuf_free_bulk(s->spare, s->nspare);
	s->nspare = 0;
}

void tx_oam(struct worker_sessions *s, struct tunnel_end *e, const uint8_t *body, uint32_t len,
            uint8_t ttl)
{
	struct aead_op op;
	struct rte_mbuf *m;

	if (!sess_may_send(e)) {
		drop_count(s->w, DROP_SESSION_NO_KEY, 1);
		return;
	}
	if (!counter_left(s, e)) {
		drop_count(s->w, DROP_SESSION_SPENT, 1);
		return;
	}
	m = worker_mbuf(s->w);
	if (!m)
		return;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *) + AT_INNER, body, len);
	frame(e, m, &op, TUNNEL_OAM, len, TC_CONTROL, ttl ? ttl : TTL_START);
	seal_burst(&e->tx->aead, &op, 1);
	count_add(&s->w->count.session_out, 1);
	fwd_send(s->fwd, e->out_link, m);
}

void tx_clear(struct worker_sessions *s, struct tunnel_end *e, const struct cp_send_session *c)
{
	struct tunnel_header h = {.type = c->tunnel_type & 3};
	struct rte_mbuf *m;
	uint8_t *p;

	if (e->out_label == LABEL_NONE) {
		drop_count(s->w, DROP_SESSION_NO_KEY, 1);
		return;
	}
	m = worker_mbuf(s->w);
	if (!m)
		return;
	if (h.type == TUNNEL_HANDSHAKE)
		h.counter = c->number;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	be32_store(p, lse_make(e->out_label, TC_CONTROL, true, c->ttl ? c->ttl : TTL_START));
	tunnel_header_put(p + AT_HEADER, &h, TUNNEL_HEADER_BYTES + c->len);
	memcpy(p + AT_INNER, c->data, c->len);
	m->data_len = (uint16_t)(AT_INNER + c->len);
	m->pkt_len = m->data_len;
	fwd_send(s->fwd, e->out_link, m);
}
