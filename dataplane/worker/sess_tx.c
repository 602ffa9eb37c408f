/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions, outward: segments pulled from TCP, sealed in bursts, labelled and sent. */
#include "seal/seal.h"
#include "worker/sess_int.h"
#include "wire/lse.h"

/* [label 4][control word and counter 12][next header, ECN, segment][tag 16]; the counter's header is authenticated too. */
#define AT_HEADER LSE_BYTES
#define AT_INNER  (AT_HEADER + TUNNEL_HEADER_BYTES)
#define AT_SEG    (AT_INNER + TUNNEL_INNER_BYTES)

_Static_assert(AT_SEG + SESS_SEG_MAX + TUNNEL_TAG_BYTES <= WORKER_ROOM, "a segment fits a buffer");

/* Key exhaustion: asked for a new one in time, refused at the limit. */
static bool counter_left(struct sessions *s, struct session *x)
{
	struct tx_key *k = x->tx;
	struct dp_event ev = {.type = EVT_REKEY};

	if (likely_(k->counter < SESS_REKEY_AT))
		return true;
	if (!k->rekey_told) {
		ev.u.key.session = x->index;
		ev.u.key.index = k->phase;
		k->rekey_told = worker_event(s->w, &ev);
	}
	return k->counter < SESS_REFUSE_AT;
}

/* Fills label and control word, and the operation that seals `len` plaintext bytes behind them. */
static void frame(struct session *x, struct rte_mbuf *m, struct aead_op *op, uint8_t type,
                  uint32_t len, unsigned tc, unsigned ttl)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	struct tunnel_header h = {.type = type, .phase = x->tx->phase};

	h.counter = x->tx->counter++;
	be32_store(p, lse_make(x->out_label, tc, true, ttl));
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

/* Seals and sends what was gathered; TCP hands out runs of one peer, so a run of one key is what is usual. */
static void seal_and_send(struct sessions *s, struct aead_op *ops)
{
	unsigned from = 0;

	while (from < s->ntx) {
		struct session *x = s->tx[from].session;
		unsigned to = from + 1;

		while (to < s->ntx && s->tx[to].session == x)
			to++;
		seal_burst(&x->tx->aead, ops + from, to - from);
		for (unsigned i = from; i < to; i++)
			worker_send(s->w, x->out_link, s->tx[i].m);
		sess_count(&s->counters->session_out, to - from);
		from = to;
	}
	s->ntx = 0;
}

/* TC 1 names an ECN-capable transport, so that a congested router may mark instead of drop (RFC 5129). */
static unsigned tc_of(uint8_t ecn)
{
	return ecn == TCP_NOT_ECT ? TC_BE_NOT_ECT : TC_BE_ECT;
}

unsigned tx_run(struct sessions *s, struct instant now)
{
	struct aead_op ops[SESS_BURST];
	struct rte_mbuf *m = NULL;
	unsigned done = 0;

	/* Bounded: arrivals and timers get their turn. */
	while (done < 4 * SESS_BURST && tcp_output_pending(s->tcp)) {
		struct session *x = NULL;
		struct tcp_out out;
		uint8_t *p;

		if (!m)
			m = worker_mbuf(s->w);
		if (!m)
			break;
		p = rte_pktmbuf_mtod(m, uint8_t *);
		if (tcp_output(s->tcp, now, p + AT_SEG, SESS_SEG_MAX, &out) == 0)
			break;
		done++;
		if (out.peer < s->npeers && s->peers[out.peer].session != SESS_NONE)
			x = s->table[s->peers[out.peer].session];
		if (!x || !sess_may_send(x))
			continue; /* a held peer's: TCP sends it again */
		if (unlikely_(!counter_left(s, x))) {
			worker_drop(s->w, DROP_SESSION_SPENT);
			peer_update(s, x->peer, now);
			continue;
		}
		p[AT_INNER] = TRANSPORT_TCP;
		p[AT_INNER + 1] = out.ecn;
		frame(x, m, &ops[s->ntx], TUNNEL_DATA, TUNNEL_INNER_BYTES + out.len, tc_of(out.ecn),
		      TTL_START);
		s->tx[s->ntx++] = (struct tx_item){.m = m, .session = x};
		m = NULL;
		if (s->ntx == SESS_BURST)
			seal_and_send(s, ops);
	}
	if (m)
		rte_pktmbuf_free(m);
	seal_and_send(s, ops);
	return done;
}

void tx_oam(struct sessions *s, struct session *x, const uint8_t *body, uint32_t len, uint8_t ttl)
{
	struct aead_op op;
	struct rte_mbuf *m;

	if (!sess_may_send(x)) {
		worker_drop(s->w, DROP_SESSION_NO_KEY);
		return;
	}
	if (!counter_left(s, x)) {
		worker_drop(s->w, DROP_SESSION_SPENT);
		return;
	}
	m = worker_mbuf(s->w);
	if (!m)
		return;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *) + AT_INNER, body, len);
	frame(x, m, &op, TUNNEL_OAM, len, TC_CONTROL, ttl ? ttl : TTL_START);
	seal_burst(&x->tx->aead, &op, 1);
	sess_count(&s->counters->session_out, 1);
	worker_send(s->w, x->out_link, m);
}

void tx_clear(struct sessions *s, struct session *x, const struct cp_send_session *c)
{
	struct tunnel_header h = {.type = c->tunnel_type & 3};
	struct rte_mbuf *m;
	uint8_t *p;

	if (x->out_label == LABEL_NONE) {
		worker_drop(s->w, DROP_SESSION_NO_KEY);
		return;
	}
	m = worker_mbuf(s->w);
	if (!m)
		return;
	if (h.type == TUNNEL_HANDSHAKE)
		h.counter = c->number;
	p = rte_pktmbuf_mtod(m, uint8_t *);
	be32_store(p, lse_make(x->out_label, TC_CONTROL, true, c->ttl ? c->ttl : TTL_START));
	tunnel_header_put(p + AT_HEADER, &h, TUNNEL_HEADER_BYTES + c->len);
	memcpy(p + AT_INNER, c->data, c->len);
	m->data_len = (uint16_t)(AT_INNER + c->len);
	m->pkt_len = m->data_len;
	worker_send(s->w, x->out_link, m);
}
