/* SPDX-License-Identifier: BSD-3-Clause */
/* Departure: packets are gathered by link, sealed under this worker's lane in bursts, transmitted. */
#include "core/burst.h"
#include "core/event.h"
#include "fwd/priv.h"
#include "seal/seal.h"
#include "wire/link.h"
#include "wire/lse.h"

#include <string.h>

/* Only link-local control (GAL) may leave on a link that is not open. */
static bool may_leave(const struct link *l, const struct rte_mbuf *m)
{
	return l->open || (m->data_len >= LSE_BYTES &&
	                   lse_label(be32_load(rte_pktmbuf_mtod(m, void *))) == LABEL_GAL);
}

/* True for data: packets that the next router's workers handle by their label, as opposed to packets for its control plane. */
static bool is_data(const struct rte_mbuf *m)
{
	return be32_load(rte_pktmbuf_mtod(m, void *)) >> 12 > LABEL_RESERVED_MAX;
}

/* Control tries whether a link carries larger packets than its MTU: that is link-local, and no data. */
static bool is_probe(const struct rte_mbuf *m)
{
	return m->pkt_len <= CPDP_PACKET_MAX && m->data_len >= LSE_BYTES &&
	       lse_label(be32_load(rte_pktmbuf_mtod(m, void *))) == LABEL_GAL;
}

static void ask_rekey(struct worker *w, struct link *l)
{
	struct dp_event *ev = event_begin(w);

	if (!ev)
		return;
	ev->type = EVT_REKEY;
	ev->u.key =
	        (struct cp_lane_key){.link = l->number, .lane = l->tx->lane, .index = l->tx->index};
	event_end(w);
	l->tx->rekey_asked = true;
}

/* Puts header and tag around each packet. Returns how many are sealed; the others are dropped. */
static unsigned seal(struct worker *w, struct link *l, struct rte_mbuf **m, unsigned n)
{
	struct aead_op op[LINK_BURST];
	struct tx_lane *t = l->tx;
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		uint16_t inner = m[i]->data_len;
		uint8_t *h;

		if (unlikely_(!t || t->counter >= SEAL_REFUSE_AT)) {
			drop_packet(w, t ? DROP_KEY_SPENT : DROP_NO_KEY, m[i]);
			continue;
		}
		if (unlikely_(rte_pktmbuf_headroom(m[i]) < LINK_HEADER_BYTES ||
		              rte_pktmbuf_tailroom(m[i]) < AEAD_TAG_BYTES)) {
			drop_packet(w, DROP_TOO_BIG, m[i]);
			continue;
		}
		h = (uint8_t *)rte_pktmbuf_prepend(m[i], LINK_HEADER_BYTES);
		rte_pktmbuf_append(m[i], AEAD_TAG_BYTES);
		link_header_put(h,
		                &(struct link_header){.type = LINK_DATA,
		                                      .length = (uint16_t)(inner + AEAD_TAG_BYTES),
		                                      .receiver = t->index,
		                                      .counter = t->counter});
		op[k] = (struct aead_op){.in = h + LINK_HEADER_BYTES,
		                         .out = h + LINK_HEADER_BYTES,
		                         .aad = h,
		                         .counter = t->counter++,
		                         .len = inner,
		                         .aad_len = LINK_HEADER_BYTES};
		m[k++] = m[i];
	}
	if (k)
		seal_burst(&t->key, op, k);
	if (unlikely_(t && t->counter >= SEAL_REKEY_AT && !t->rekey_asked))
		ask_rekey(w, l);
	return k;
}

bool fwd_seal(struct fwd *f, struct link *l, struct rte_mbuf *m)
{
	return !l->cfg.sealed || seal(f->w, l, &m, 1);
}

/* On a link that is not open: drops what may not leave on it. Returns how many are left; data becomes how many of them are data. */
static __attribute__((noinline, cold)) unsigned keep_control(struct worker *w, struct link *l,
                                                             unsigned n, unsigned *data)
{
	unsigned k = 0;

	*data = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = l->out[i];

		if (!may_leave(l, m)) {
			drop_packet(w, DROP_LINK_CLOSED, m);
			continue;
		}
		*data += is_data(m);
		l->out[k++] = m;
	}
	return k;
}

void fwd_tx_raw(struct fwd *f, struct link *l, struct rte_mbuf *m)
{
	struct io_frames frames = io_frames_of(&m, 1);

	io_tx(f->io, l, &frames, PACKET_TX_RAW);
}

static void flush_link(struct fwd *f, struct link *l)
{
	struct worker *w = f->w;
	struct io_frames frames = {
	        .m = l->out, .n = l->nout, .room = l->out_room, .bytes = l->out_bytes};
	unsigned data = l->out_data;

	l->nout = l->out_data = 0;
	l->out_bytes = 0;
	/* Not all of them leave, or not as they are. */
	if (unlikely_(!l->open) || l->cfg.sealed) {
		unsigned n = frames.n;

		burst_strip(l->out, n, frames.room);
		if (!l->open)
			n = keep_control(w, l, n, &data);
		if (l->cfg.sealed)
			n = seal(w, l, l->out, n);
		frames = io_frames_of(l->out, n);
	}
	if (!frames.n)
		return;
	count_add(&l->count->tx_packets, frames.n);
	count_add(&l->count->tx_data_packets, data);
	count_add(&l->count->tx_bytes, frames.bytes);
	io_tx(f->io, l, &frames, PACKET_TX);
}

/* Those that are queued already begin otherwise than others that come: all begin with their label stack afterwards. */
static __attribute__((noinline, cold)) void strip_all(struct link *l, const struct io_frames *more)
{
	burst_strip(l->out, l->nout, l->out_room);
	burst_strip(more->m, more->n, more->room);
	l->out_room = 0;
}

/* Queues packets, all of them data or none. */
static inline void queue(struct fwd *f, struct link *l, const struct io_frames *frames, bool data)
{
	struct rte_mbuf **m = frames->m;
	unsigned n = frames->n;

	if (!l->queued) {
		COYO_ASSERT(f->ndirty < CPDP_LINKS_MAX && l->nout == 0);
		l->queued = true;
		f->dirty[f->ndirty++] = l;
	}
	COYO_ASSERT(n <= LINK_BURST);
	if (n > LINK_BURST - l->nout)
		flush_link(f, l);
	if (l->nout == 0)
		l->out_room = frames->room;
	else if (unlikely_(l->out_room != frames->room))
		strip_all(l, frames);
	memcpy(l->out + l->nout, m, n * sizeof(*m));
	l->nout += n;
	l->out_data += data ? n : 0;
	l->out_bytes += frames->bytes;
	if (l->nout == LINK_BURST)
		flush_link(f, l);
}

/* A tunnel's packet does not fit this link: control is to tell the tunnel's end, which may have missed that the link became narrower. Not
 * inlined: the registers that it needs would be saved for every packet that fits. */
static __attribute__((noinline, cold)) void too_big(struct worker *w, struct link *l,
                                                    struct rte_mbuf *m)
{
	struct dp_event *ev;

	if (m->data_len >= LSE_BYTES && is_data(m) && bucket_take(&l->too_big, w->now) &&
	    (ev = event_begin(w))) {
		ev->type = EVT_TUNNEL_TOO_BIG;
		ev->u.tunnel_too_big.link = l->number;
		ev->u.tunnel_too_big.label = lse_label(be32_load(rte_pktmbuf_mtod(m, void *)));
		event_end(w);
	}
	drop_packet(w, DROP_TOO_BIG, m);
}

void fwd_out(struct fwd *f, struct link *l, struct rte_mbuf *m)
{
	struct io_frames frames;

	if (unlikely_((m->pkt_len > l->cfg.mtu && !is_probe(m)) || m->nb_segs != 1)) {
		too_big(f->w, l, m);
		return;
	}
	frames = io_frames_of(&m, 1);
	queue(f, l, &frames, is_data(m));
}

void fwd_out_data(struct fwd *f, struct link *l, const struct io_frames *frames)
{
	queue(f, l, frames, true);
}

void fwd_send(struct fwd *f, uint16_t link, struct rte_mbuf *m)
{
	struct link *l = link_at(f->w, link);

	if (unlikely_(!l))
		drop_packet(f->w, DROP_NO_LINK, m);
	else if (unlikely_(m->data_len < LSE_BYTES))
		drop_packet(f->w, DROP_BAD_STACK, m);
	else
		fwd_out(f, l, m);
}

void fwd_flush(struct fwd *f)
{
	OWNER_CHECK(&f->w->thread);
	for (unsigned i = 0; i < f->ndirty; i++) {
		f->dirty[i]->queued = false;
		if (f->dirty[i]->nout)
			flush_link(f, f->dirty[i]);
	}
	f->ndirty = 0;
}
