/* SPDX-License-Identifier: BSD-3-Clause */
/* The label switch proper: parse and fetch, sort out exceptions, rewrite, group by output. */
#include "core/handover.h"
#include "fwd/priv.h"
#include "wire/lse.h"
#include "wire/routed.h"
#include "wire/tunnel.h"

/* What a tunnel brings before its other end has proven itself: a third message and a keepalive twelve times each, and some data. */
#define UNPROVEN_PACKETS 64

/* Reserved labels that mark packets for control. They are never granted, so the lookup finds no entry and slow() sees them. */
static bool is_control(uint32_t label)
{
	return label == LABEL_GAL || label == LABEL_ROUTER_ALERT;
}

/* True when this neighbour may send control another packet. Liveness has a rate of its own, so that no flood of set-ups starves it. */
static bool control_allowed(struct worker *w, struct link *l, uint32_t lse)
{
	if (lse_label(lse) == LABEL_GAL && lse_tc(lse) == TC_LIVENESS &&
	    bucket_take(&l->liveness, w->now))
		return true;
	return bucket_take(&l->punt, w->now);
}

/* True for a tunnel set-up or its reply, false for what else the control plane sends. */
static bool is_setup(const struct rte_mbuf *m)
{
	struct rd r = rd_init(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	const uint8_t *header, *ext;
	uint32_t label;
	uint8_t ttl, next;

	if (!control_stack_read(&r, &label, &ttl) || ach_read(&r) != ACH_ROUTED)
		return false;
	header = rd_take(&r, ROUTED_HEADER_BYTES);
	if (!header)
		return false;
	next = header[ROUTED_NEXT_AT];
	ext = rd_take(&r, 1);
	if (next == NEXT_ROUTE && ext)
		next = *ext;
	return next == NEXT_SETUP || next == NEXT_REPLY;
}

static void control(struct worker *w, struct link *l, uint32_t lse, struct rte_mbuf *m)
{
	/* Before the link is open only link-local control (GAL) may cross it. */
	if (!l->open && lse_label(lse) != LABEL_GAL) {
		drop_packet(w, DROP_LINK_CLOSED, m);
		return;
	}
	if (!control_allowed(w, l, lse)) {
		drop_packet(w, DROP_PUNT_RATE, m);
		return;
	}
	packet_of(m)->label = LABEL_NONE;
	if (punt(w, PUNT_CONTROL, true, m) && is_setup(m))
		count_add(&w->count.punted_setup_packets, 1);
	rte_pktmbuf_free(m);
}

static void unknown(struct worker *w, struct link *l, uint32_t label, struct rte_mbuf *m)
{
	packet_of(m)->label = label;
	if (l->open && label > LABEL_RESERVED_MAX && bucket_take(&l->unknown, w->now))
		punt(w, PUNT_UNKNOWN_LABEL, true, m);
	drop_packet(w, DROP_UNKNOWN_LABEL, m);
}

static void expired(struct worker *w, struct link *l, uint32_t label, struct rte_mbuf *m)
{
	packet_of(m)->label = label;
	if (bucket_take(&l->ttl, w->now))
		punt(w, PUNT_TTL, true, m);
	drop_packet(w, DROP_TTL, m);
}

static void to_session(struct worker *w, struct burst *b, const struct ilm_entry *e, uint32_t lse,
                       struct rte_mbuf *m)
{
	struct packet *p = packet_of(m);
	uint32_t session = e->out;
	unsigned owner = cp_index_worker(lse_label(lse), w->workers);

	if (unlikely_(!lse_bottom(lse))) {
		drop_packet(w, DROP_BAD_STACK, m);
		return;
	}
	if (session == CP_SESSION_NONE && e->packets > UNPROVEN_PACKETS) {
		drop_packet(w, DROP_UNPROVEN, m);
		return;
	}
	rte_pktmbuf_adj(m, LSE_BYTES);
	p->label = lse_label(lse);
	p->session = session;
	p->tc = (uint8_t)lse_tc(lse);
	if (owner == w->number) {
		b->local[b->nlocal++] = m;
		return;
	}
	p->kind = PACKET_SESSION;
	handover(w, owner, m);
}

/* The far end of a tunnel without a session: OAM in the clear goes to control, anything else is dropped. */
static void sink(struct worker *w, struct link *l, uint32_t lse, struct rte_mbuf *m)
{
	struct tunnel_header h;
	size_t total;
	uint8_t *p;

	if (!lse_bottom(lse)) {
		drop_packet(w, DROP_BAD_STACK, m);
		return;
	}
	p = (uint8_t *)rte_pktmbuf_adj(m, LSE_BYTES);
	if (!tunnel_header_get(p, m->data_len, &h, &total) || h.type != TUNNEL_OAM_CLEAR) {
		drop_packet(w, DROP_SINK, m);
		return;
	}
	if (!bucket_take(&l->punt, w->now)) {
		drop_packet(w, DROP_PUNT_RATE, m);
		return;
	}
	rte_pktmbuf_trim(m, (uint16_t)(m->data_len - total));
	rte_pktmbuf_adj(m, TUNNEL_HEADER_BYTES);
	packet_of(m)->label = lse_label(lse);
	punt(w, PUNT_OAM, false, m);
	rte_pktmbuf_free(m);
}

/* A swap that leaves the straight way: its TTL has run out, its link does not exist, is closed or too narrow, or its new label is reserved. */
static void swap(struct fwd *f, struct link *l, const struct ilm_entry *e, uint32_t lse,
                 struct rte_mbuf *m)
{
	struct worker *w = f->w;
	struct link *out = link_at(w, e->out_link);

	if (lse_ttl(lse) <= 1) {
		expired(w, l, lse_label(lse), m);
		return;
	}
	if (!out) {
		drop_packet(w, DROP_NO_LINK, m);
		return;
	}
	be32_store(rte_pktmbuf_mtod(m, void *), e->out << 12 | ((lse & 0xfff) - 1));
	count_add(&w->count.switched_packets, 1);
	count_add(&w->count.switched_bytes, m->data_len);
	fwd_out(f, out, m);
}

/* Handles whatever does not go the straight way: control packets, unknown labels, ends of tunnels, swaps with an exception. */
static __attribute__((noinline)) void slow(struct fwd *f, struct burst *b, struct link *l,
                                           struct ilm_entry *e, uint32_t lse, struct rte_mbuf *m)
{
	struct worker *w = f->w;
	uint32_t label = lse_label(lse);

	if (is_control(label)) {
		control(w, l, lse, m);
		return;
	}
	if (!l->open) {
		drop_packet(w, DROP_LINK_CLOSED, m);
		return;
	}
	count_add(&l->count->rx_data_packets, 1);
	if (!e) {
		unknown(w, l, label, m);
		return;
	}
	ilm_count(e, m->data_len, w->now);
	switch (e->op) {
	case ILM_SESSION:
		to_session(w, b, e, lse, m);
		break;
	case ILM_SINK:
		sink(w, l, lse, m);
		break;
	default:
		swap(f, l, e, lse, m);
		break;
	}
}

/* Packets of one burst and what is known of each. The stages below pass over the arrays one after another. */
struct stages {
	unsigned n;
	struct rte_mbuf *m[BURST];
	struct link *in[BURST];
	struct ilm_entry *at[BURST]; /* as ilm_prefetch() found it */
	uint32_t lse[BURST];
	/* Bytes of Ethernet header in front of the label stack (see core/burst.h); 0: the packet starts there, and its struct packet is written. */
	uint8_t room[BURST];
};

/* First: takes the burst's packets, reads their top entries, fetches their records. */
static void parse(struct worker *w, struct burst *b, struct stages *s)
{
	unsigned n = b->nlabelled, k = 0;

	b->nlabelled = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = b->labelled[i];
		struct link *in = b->in[i];
		uint8_t room = b->framing[i];

		b->in[i] = NULL;
		if (!in) {
			in = link_at(w, packet_of(m)->link);
			room = 0;
			if (unlikely_(!in || m->data_len < LSE_BYTES || m->nb_segs != 1)) {
				drop_packet(w, in ? DROP_BAD_STACK : DROP_NO_LINK, m);
				continue;
			}
		}
		s->lse[k] = be32_load(rte_pktmbuf_mtod(m, const uint8_t *) + room);
		s->at[k] = ilm_prefetch(&in->ilm, lse_label(s->lse[k]));
		s->in[k] = in;
		s->room[k] = room;
		s->m[k++] = m;
	}
	s->n = k;
}

/* The link that a packet leaves on the straight way, or NULL. */
static inline struct link *straight(const struct worker *w, const struct link *in,
                                    const struct ilm_entry *e, uint32_t lse,
                                    const struct rte_mbuf *m, unsigned room)
{
	struct link *out;

	if (unlikely_(!e || e->op != ILM_SWAP || lse_ttl(lse) <= 1 || !in->open ||
	              e->out <= LABEL_RESERVED_MAX))
		return NULL;
	out = link_at(w, e->out_link);
	return likely_(out && out->open && m->pkt_len - room <= out->cfg.mtu) ? out : NULL;
}

/* Packets that go the straight way one after another from one link to one: counted and queued together. */
struct run {
	struct link *in, *out;
	unsigned from, room;
	uint64_t bytes; /* of label stacks and what is behind them */
};

static void run_end(struct fwd *f, const struct run *r, struct stages *s, unsigned to)
{
	struct io_frames frames = {
	        .m = s->m + r->from, .n = to - r->from, .room = r->room, .bytes = r->bytes};

	if (frames.n == 0)
		return;
	count_add(&r->in->count->rx_data_packets, frames.n);
	count_add(&f->w->count.switched_packets, frames.n);
	count_add(&f->w->count.switched_bytes, frames.bytes);
	fwd_out_data(f, r->out, &frames);
}

/* Second: sorts out what does not go the straight way; the rest gets new labels and TTLs, is counted in its records, and queued. */
static void rewrite(struct fwd *f, struct burst *b, struct stages *s)
{
	struct worker *w = f->w;
	struct run run = {0};
	unsigned k = 0;

	for (unsigned i = 0; i < s->n; i++) {
		struct ilm_entry *e = s->at[i];
		struct rte_mbuf *m = s->m[i];
		struct link *in = s->in[i], *out;
		unsigned room = s->room[i], len = m->data_len - room;

		out = straight(w, in, e, s->lse[i], m, room);

		if (unlikely_(!out)) {
			if (room) {
				ether_record(in, m);
				rte_pktmbuf_adj(m, (uint16_t)room);
			}
			slow(f, b, in, ilm_granted(e), s->lse[i], m);
			continue;
		}
		if (unlikely_(in != run.in || out != run.out || room != run.room)) {
			run_end(f, &run, s, k);
			run = (struct run){.in = in, .out = out, .from = k, .room = room};
		}
		be32_store(rte_pktmbuf_mtod(m, uint8_t *) + room,
		           e->out << 12 | ((s->lse[i] & 0xfff) - 1));
		ilm_count(e, len, w->now);
		run.bytes += len;
		s->m[k++] = m;
	}
	run_end(f, &run, s, k);
}

void fwd_labelled(struct fwd *f, struct burst *b)
{
	struct stages s;

	OWNER_CHECK(&f->w->thread);
	COYO_ASSERT(b->nlabelled <= BURST && b->nlocal + b->nlabelled <= BURST);
	if (b->nlabelled == 0)
		return;
	parse(f->w, b, &s);
	rewrite(f, b, &s);
}
