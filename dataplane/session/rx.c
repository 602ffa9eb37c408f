/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions, inward: headers checked, keys found by phase, packets opened in bursts, contents delivered. */
#include "seal/seal.h"
#include "session/datagram.h"
#include "session/ip.h"
#include "session/tx.h"
#include "session/wait.h"
#include "wire/lse.h"

static void drop(struct worker_sessions *s, struct rte_mbuf *m, enum drop_reason why)
{
	drop_count(s->w, why, 1);
	rte_pktmbuf_free(m);
}

/* Copies len bytes of the packet to control, at a bounded rate for each session; of tunnels without a session, for each link. */
static void punt(struct worker_sessions *s, const struct rx_item *it, uint8_t reason,
                 const uint8_t *data, uint32_t len, struct instant now)
{
	struct link *l = it->end ? NULL : link_at(s->w, packet_of(it->m)->link);
	struct bucket *rate = it->end ? &it->end->punts : l ? &l->unproven : NULL;
	struct dp_event ev = {.type = EVT_PACKET};

	if (len > CPDP_PACKET_MAX) {
		drop_count(s->w, DROP_TOO_BIG, 1);
		return;
	}
	if (!rate || !bucket_take(rate, now)) {
		drop_count(s->w, DROP_PUNT_RATE, 1);
		return;
	}
	ev.u.packet.link = packet_of(it->m)->link;
	ev.u.packet.reason = reason;
	ev.u.packet.authenticated = it->h.type == TUNNEL_OAM;
	ev.u.packet.in_label = packet_of(it->m)->label;
	ev.u.packet.session = it->end ? it->end->index : CP_SESSION_NONE;
	ev.u.packet.number = it->h.type == TUNNEL_HANDSHAKE ? (uint8_t)it->h.counter : 0;
	ev.u.packet.len = (uint16_t)len;
	memcpy(ev.u.packet.data, data, len);
	if (worker_event(s->w, &ev))
		count_add(&s->w->count.punted_packets, 1);
}

/* An opened OAM body. Echo requests are answered here, so that a round trip measures the path and not the control plane. */
static void deliver_oam(struct worker_sessions *s, const struct rx_item *it, uint8_t *body,
                        uint32_t len, struct instant now)
{
	if (len < OAM_BYTES) {
		drop_count(s->w, DROP_SESSION_OAM, 1);
		return;
	}
	switch (body[0]) {
	case OAM_KEEPALIVE:
		return;
	case OAM_ECHO_REQUEST:
		if (len > SESS_SEG_MAX || !bucket_take(&it->end->echoes, now)) {
			drop_count(s->w, DROP_SESSION_OAM, 1);
			return;
		}
		body[0] = OAM_ECHO_REPLY;
		if (unlikely_(!sess_may_send(it->end)) && len == OAM_BYTES) {
			memcpy(it->end->echo, body, len);
			it->end->echo_due = true;
			return;
		}
		tx_oam(s, it->end, body, len, 0);
		return;
	case OAM_PORT_UNREACHABLE:
		datagram_nobody(s, it->end, body, len);
		return;
	default:
		punt(s, it, PUNT_OAM, body, len, now);
	}
}

/* A router on the way marks congestion in the label's TC; what counts for an ECN-capable inner packet is the worse of both
 * (RFC 6040, RFC 5129). */
static uint8_t ecn_of(uint8_t inner, uint8_t tc)
{
	bool marked = tc == TC_BE_CE || tc == TC_INT_CE;

	return marked && inner != TCP_NOT_ECT ? TCP_CE : inner & 3;
}

/* An opened packet that is not TCP. */
static void deliver_other(struct worker_sessions *s, const struct rx_item *it, const uint8_t *p,
                          uint32_t len, struct instant now)
{
	uint8_t next = len >= TUNNEL_INNER_BYTES ? p[0] : 0;

	if (next == TRANSPORT_IPV6) {
		uint8_t ecn = ecn_of(p[1] & 3, packet_of(it->m)->tc);

		ip_rx(s, it->end, it->m, (uint8_t)((p[1] & 0xfc) | ecn), p + TUNNEL_INNER_BYTES,
		      len - TUNNEL_INNER_BYTES, now);
		return;
	}
	if (next == TRANSPORT_UDP)
		datagram_rx(s, it->end, p + TUNNEL_INNER_BYTES, len - TUNNEL_INNER_BYTES, now);
	else
		drop_count(s->w, DROP_TRANSPORT, 1);
}

/* Delivers the opened packets of one run; the segments go to TCP as one burst. */
static void deliver(struct worker_sessions *s, const struct rx_item *items,
                    const struct aead_op *ops, unsigned n, struct instant now)
{
	struct tcp_in in[SESS_BURST];
	unsigned nin = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct rx_item *it = &items[i];
		uint32_t len = ops[i].len - TUNNEL_TAG_BYTES;
		uint8_t *p = ops[i].out;

		if (!ops[i].ok)
			continue;
		if (it->h.type == TUNNEL_OAM) {
			deliver_oam(s, it, p, len, now);
			continue;
		}
		if (len < TUNNEL_INNER_BYTES || p[0] != TRANSPORT_TCP) {
			deliver_other(s, it, p, len, now);
			continue;
		}
		in[nin++] = (struct tcp_in){.seg = p + TUNNEL_INNER_BYTES,
		                            .len = len - TUNNEL_INNER_BYTES,
		                            .peer = it->end->remote,
		                            .ecn = ecn_of(p[1], packet_of(it->m)->tc),
		                            .csum_ok = true};
	}
	if (nin == 0)
		return;
	if (!s->remotes[items[0].end->remote].in_use) {
		remote_in_use(s, items[0].end->remote);
		remote_update(s, items[0].end->remote, now);
	}
	tcp_input_burst(s->tcp, in, nin, now);
}

/* Opens one run: packets of one session and phase. Marks in ops[].ok what may be delivered. */
static void open_run(struct worker_sessions *s, const struct rx_item *items, struct aead_op *ops,
                     unsigned n, struct instant now)
{
	struct tunnel_end *e = items[0].end;
	struct rx_key *k = e->rx[items[0].h.phase];
	unsigned good = 0;

	for (unsigned i = 0; i < n; i++) {
		uint8_t *p = rte_pktmbuf_mtod(items[i].m, uint8_t *);

		ops[i] = (struct aead_op){.in = p + TUNNEL_HEADER_BYTES,
		                          .out = p + TUNNEL_HEADER_BYTES,
		                          .aad = p,
		                          .counter = items[i].h.counter,
		                          .len = items[i].len - TUNNEL_HEADER_BYTES,
		                          .aad_len = TUNNEL_HEADER_BYTES};
	}
	open_burst(&k->aead, ops, n);
	for (unsigned i = 0; i < n; i++) {
		if (!ops[i].ok) {
			drop_count(s->w, DROP_SESSION_AUTH, 1);
		} else if (!replay_check(&k->window, items[i].h.counter)) {
			/* The same counter stood twice in this burst. */
			drop_count(s->w, DROP_SESSION_REPLAY, 1);
			ops[i].ok = false;
		} else {
			replay_commit(&k->window, items[i].h.counter);
			good++;
		}
	}
	count_add(&s->w->count.session_in, good);
	if (good && !k->used) {
		struct dp_event ev = {.type = EVT_SESSION_USED};

		ev.u.key.session = e->index;
		ev.u.key.index = items[0].h.phase;
		remote_incarnation(s, e->remote, k->incarnation);
		end_phase_used(s, e, items[0].h.phase, now);
		k->used = worker_event(s->w, &ev);
	}
	if (good)
		deliver(s, items, ops, n, now);
}

void rx_flush(struct worker_sessions *s, struct instant now)
{
	struct aead_op ops[SESS_BURST];
	unsigned from = 0, n = s->nrx;

	COYO_ASSERT(n <= SESS_BURST);
	while (from < n) {
		unsigned to = from + 1;

		while (to < n && s->rx[to].end == s->rx[from].end &&
		       s->rx[to].h.phase == s->rx[from].h.phase)
			to++;
		open_run(s, s->rx + from, ops + from, to - from, now);
		from = to;
	}
	s->nrx = 0;
	for (unsigned i = 0; i < n; i++)
		rte_pktmbuf_free(s->rx[i].m);
}

static void sealed(struct worker_sessions *s, const struct rx_item *it, struct instant now)
{
	const struct rx_key *k = it->end->rx[it->h.phase];

	if (it->len < TUNNEL_HEADER_BYTES + TUNNEL_TAG_BYTES) {
		drop(s, it->m, DROP_SESSION_HEADER);
		return;
	}
	if (!k) {
		wait_add(s, it->end, it->m, now);
		return;
	}
	if (!replay_check(&k->window, it->h.counter)) {
		drop(s, it->m, DROP_SESSION_REPLAY);
		return;
	}
	s->rx[s->nrx++] = *it;
	if (s->nrx == SESS_BURST)
		rx_flush(s, now);
}

/* A packet along a tunnel whose other end has proven nothing yet. */
static void take_unproven(struct worker_sessions *s, struct rx_item *it, const uint8_t *p,
                          struct instant now)
{
	if (it->h.type == TUNNEL_DATA || it->h.type == TUNNEL_OAM) {
		wait_unproven(s, it->m, now);
		return;
	}
	if (it->h.type == TUNNEL_HANDSHAKE)
		punt(s, it, PUNT_SESSION_HS, p, it->len, now);
	else
		drop_count(s->w, DROP_NO_SESSION, 1);
	rte_pktmbuf_free(it->m);
}

/* The end that p is for; NULL: none yet. False: there is none, and none is to come. The label was looked up when p was read, maybe by another
 * worker: a session may have become the label's since then, and the label may be a session's that this worker is told of by its next command. So what
 * this worker's map says now counts. */
static bool find_end(const struct worker_sessions *s, struct packet *p, struct tunnel_end **end)
{
	const struct link *l;
	const struct ilm_entry *e;

	*end = end_of(s, p->session);
	if (likely_(*end))
		return true;
	l = link_at(s->w, p->link);
	e = l ? ilm_get(&l->ilm, p->label) : NULL;
	if (!e || e->op != ILM_SESSION)
		return p->session == CP_SESSION_NONE;
	p->session = e->out;
	*end = end_of(s, p->session);
	return true;
}

static void take(struct worker_sessions *s, struct rte_mbuf *m, struct instant now)
{
	struct rx_item it = {.m = m};
	uint8_t *p;
	size_t total;

	if (!find_end(s, packet_of(m), &it.end)) {
		drop(s, m, DROP_NO_SESSION);
		return;
	}
	if (m->nb_segs > 1 && rte_pktmbuf_linearize(m) != 0) {
		drop(s, m, DROP_TOO_BIG);
		return;
	}
	p = rte_pktmbuf_mtod(m, uint8_t *);
	if (!tunnel_header_get(p, m->data_len, &it.h, &total)) {
		drop(s, m, DROP_SESSION_HEADER);
		return;
	}
	it.len = (uint32_t)total;
	if (!it.end) {
		take_unproven(s, &it, p, now);
		return;
	}
	switch (it.h.type) {
	case TUNNEL_DATA:
	case TUNNEL_OAM:
		sealed(s, &it, now);
		return;
	case TUNNEL_HANDSHAKE:
		punt(s, &it, PUNT_SESSION_HS, p, it.len, now);
		break;
	default:
		punt(s, &it, PUNT_OAM, p + TUNNEL_HEADER_BYTES, it.len - TUNNEL_HEADER_BYTES, now);
	}
	rte_pktmbuf_free(m);
}

void sess_rx(struct worker_sessions *s, struct rte_mbuf *const *m, unsigned n, struct instant now)
{
	for (unsigned i = 0; i < n; i++)
		take(s, m[i], now);
}

void rx_rerun(struct worker_sessions *s, struct tunnel_end *e, struct instant now)
{
	struct rte_mbuf *again[SESS_WAIT_MAX];
	unsigned n = wait_take(s, e, again);

	sess_rx(s, again, n, now);
	rx_flush(s, now);
}
