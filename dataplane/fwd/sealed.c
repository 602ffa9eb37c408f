/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival on sealed links: header, key, replay window, opening in bursts per key. */
#include "core/event.h"
#include "core/handover.h"
#include "fwd/priv.h"
#include "seal/seal.h"
#include "wire/link.h"

/* Frames of one burst whose headers are good, in order. */
struct opening {
	struct rte_mbuf *m[BURST];
	struct rx_lane *lane[BURST];
	struct aead_op op[BURST];
	unsigned n;
};

/* A receiver index belongs to one link; links that share a socket cannot be told apart before. */
static bool arrived_on(const struct worker *w, const struct link *l, const struct rx_lane *lane)
{
	const struct link *own;

	if (likely_(l->number == lane->link))
		return true;
	own = link_at(w, lane->link);
	return own && own->cfg.type == LINK_UDP_SOCKET && l->cfg.type == LINK_UDP_SOCKET &&
	       own->cfg.fd == l->cfg.fd;
}

/* One frame: punted, dropped, handed over, or put into o. */
static void classify(struct fwd *f, struct opening *o, struct rte_mbuf *m)
{
	struct worker *w = f->w;
	struct link_header h;
	struct link *l = link_at(w, packet_of(m)->link);
	struct rx_lane *lane;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (unlikely_(!l)) {
		drop_packet(w, DROP_NO_LINK, m);
		return;
	}
	if (unlikely_(m->nb_segs != 1 || !link_header_get(p, m->data_len, &h))) {
		drop_packet(w, DROP_BAD_HEADER, m);
		return;
	}
	if (unlikely_(h.type != LINK_DATA)) {
		handshake_frame(f, l, &h, m);
		return;
	}
	lane = u32map_get(&f->rx_index, h.receiver);
	if (unlikely_(!lane)) {
		unsigned owner = cp_index_worker(h.receiver, w->workers);

		/* A frame is handed over once: one that came from another worker has no owner. */
		if (packet_of(m)->kind != PACKET_FRAME && owner != w->number) {
			packet_of(m)->kind = PACKET_FRAME;
			handover(w, owner, m);
			return;
		}
		drop_packet(w, DROP_UNKNOWN_RECEIVER, m);
		return;
	}
	if (unlikely_(!arrived_on(w, l, lane))) {
		drop_packet(w, DROP_UNKNOWN_RECEIVER, m);
		return;
	}
	if (unlikely_(h.length < AEAD_TAG_BYTES)) {
		drop_packet(w, DROP_RUNT, m);
		return;
	}
	if (unlikely_(!replay_check(&lane->replay, h.counter))) {
		drop_packet(w, DROP_REPLAY, m);
		return;
	}
	o->m[o->n] = m;
	o->lane[o->n] = lane;
	o->op[o->n++] = (struct aead_op){
	        .in = p + LINK_HEADER_BYTES,
	        .out = p + LINK_HEADER_BYTES,
	        .aad = p,
	        .counter = h.counter,
	        .len = h.length,
	        .aad_len = LINK_HEADER_BYTES,
	};
}

/* Tells control that the neighbour uses the new keys, so that the old ones can go. Where the event ring is full, the next frame tells it. */
static void first_use(struct worker *w, struct rx_lane *lane)
{
	struct dp_event ev = {.type = EVT_SESSION_USED};

	ev.u.key.session = UINT32_MAX;
	ev.u.key.link = lane->link;
	ev.u.key.lane = lane->lane;
	ev.u.key.index = lane->index;
	lane->told = worker_event(w, &ev);
}

/* An authentic frame becomes a labelled packet. False: dropped. */
static bool accept_frame(struct worker *w, struct rx_lane *lane, const struct aead_op *op,
                         struct rte_mbuf *m)
{
	struct link *l = link_at(w, lane->link);
	struct packet *p = packet_of(m);

	/* The same counter may stand twice in one burst. */
	if (unlikely_(!replay_check(&lane->replay, op->counter))) {
		drop_packet(w, DROP_REPLAY, m);
		return false;
	}
	if (unlikely_(!lane->told))
		first_use(w, lane);
	replay_commit(&lane->replay, op->counter);
	if (unlikely_(!l)) {
		drop_packet(w, DROP_NO_LINK, m);
		return false;
	}
	count_add(&l->count->rx_packets, 1);
	count_add(&l->count->rx_bytes, m->data_len);
	p->link = lane->link;
	learn_source(w, l, p);
	rte_pktmbuf_adj(m, LINK_HEADER_BYTES);
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - (op->len - AEAD_TAG_BYTES)));
	return true;
}

void fwd_sealed(struct fwd *f, struct burst *b)
{
	struct worker *w = f->w;
	struct opening o;

	OWNER_CHECK(&w->thread);
	COYO_ASSERT(b->nsealed + b->nlabelled <= BURST);
	o.n = 0;
	for (unsigned i = 0; i < b->nsealed; i++)
		classify(f, &o, b->sealed[i]);
	b->nsealed = 0;
	for (unsigned i = 0; i < o.n;) {
		unsigned k = i + 1;

		while (k < o.n && o.lane[k] == o.lane[i])
			k++;
		open_burst(&o.lane[i]->key, o.op + i, k - i);
		i = k;
	}
	for (unsigned i = 0; i < o.n; i++) {
		if (unlikely_(!o.op[i].ok))
			drop_packet(w, DROP_AUTH, o.m[i]);
		else if (accept_frame(w, o.lane[i], &o.op[i], o.m[i]))
			b->labelled[b->nlabelled++] = o.m[i];
	}
}
