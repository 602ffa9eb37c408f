/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet framing: MPLS frames on plain links, sealed frames under their own EtherType, VLAN tags. */
#include "base/be.h"
#include "io/priv.h"
#include "wire/link.h"
#include "core/state.h"

#include <string.h>

#define ETHER_BYTES    14
#define VLAN_BYTES     4
#define ETHERTYPE_VLAN 0x8100

/* The link that a frame came by, and the length of its Ethernet header. NULL: dropped and counted. */
static inline struct link *unframe(struct worker *w, const struct io_port *port, struct rte_mbuf *m,
                                   unsigned *head)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned vlan = 0, type;
	struct link *l;

	*head = ETHER_BYTES;
	if (unlikely_(m->nb_segs != 1 || m->data_len < ETHER_BYTES + LSE_BYTES)) {
		drop_packet(w, m->nb_segs == 1 ? DROP_RUNT : DROP_TOO_BIG, m);
		return NULL;
	}
	type = be16_load(p + 12);
	if (type == ETHERTYPE_VLAN) {
		if (unlikely_(m->data_len < ETHER_BYTES + VLAN_BYTES + LSE_BYTES)) {
			drop_packet(w, DROP_RUNT, m);
			return NULL;
		}
		vlan = be16_load(p + 14) & 0xfff;
		type = be16_load(p + 16);
		*head += VLAN_BYTES;
	}
	l = link_at(w, port->vlan[vlan]);
	if (unlikely_(!l)) {
		drop_packet(w, DROP_VLAN, m);
		return NULL;
	}
	if (unlikely_(l->cfg.check_mac && l->mac_known && memcmp(p + 6, l->mac, 6) != 0)) {
		drop_packet(w, DROP_MAC, m);
		return NULL;
	}
	if (unlikely_(type != (l->cfg.sealed ? ETHERTYPE_SEALED : ETHERTYPE_MPLS))) {
		drop_packet(w,
		            l->cfg.sealed && type == ETHERTYPE_MPLS ? DROP_PLAIN_ON_SEALED
		                                                    : DROP_ETHERTYPE,
		            m);
		return NULL;
	}
	return l;
}

void ether_record(const struct link *l, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);

	*packet_of(m) = (struct packet){.link = l->number, .label = LABEL_NONE};
	memcpy(packet_of(m)->mac, frame + 6, 6);
}

/* Plain packets of one burst that came by one link after another: they are counted together. */
struct run {
	struct link *l;
	unsigned packets;
	uint64_t bytes;
};

static inline void run_end(const struct run *r)
{
	if (r->l) {
		count_add(&r->l->count->rx_packets, r->packets);
		count_add(&r->l->count->rx_bytes, r->bytes);
	}
}

static void look(struct worker *w, struct io_port *port, uint16_t id)
{
	uint64_t missed = port_look(id);

	if (missed > port->missed)
		drop_count(w, DROP_PORT_MISSED, (unsigned)(missed - port->missed));
	port->missed = missed;
	port->look = instant_add(w->now, NS_PER_S);
}

unsigned ether_rx(struct io *io, uint16_t id, struct burst *b)
{
	struct worker *w = io->w;
	struct io_port *port = &io->port[id];
	struct rte_mbuf *m[PORT_BURST];
	unsigned n = port_receive(id, port->queue, m, PORT_BURST);
	struct run run = {0};
	uint64_t bytes = 0;

	if (unlikely_(instant_reached(port->look, w->now)))
		look(w, port, id);
	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (unsigned i = 0; i < n; i++) {
		unsigned head;
		struct link *l;

		bytes += m[i]->data_len;
		l = unframe(w, port, m[i], &head);
		if (unlikely_(!l))
			continue;
		if (l->cfg.sealed || unlikely_(!l->mac_known))
			ether_record(l, m[i]);
		if (l->cfg.sealed) {
			rte_pktmbuf_adj(m[i], (uint16_t)head);
			b->sealed[b->nsealed++] = m[i];
			continue;
		}
		if (unlikely_(!l->mac_known))
			learn_source(w, l, packet_of(m[i]));
		if (unlikely_(run.l != l)) {
			run_end(&run);
			run = (struct run){.l = l};
		}
		run.packets++;
		run.bytes += m[i]->data_len - head;
		b->in[b->nlabelled] = l;
		b->framing[b->nlabelled] = (uint8_t)head;
		b->labelled[b->nlabelled++] = m[i];
	}
	run_end(&run);
	count_add(&w->count.rx_packets, n);
	count_add(&w->count.rx_bytes, bytes);
	return n;
}

/* Writes the header that all frames to a link have. Returns its length. */
static unsigned header(const struct link *l, const struct io_port *port, enum packet_kind kind,
                       uint8_t head[ETHER_BYTES + VLAN_BYTES])
{
	uint8_t *p = head + 12;

	memcpy(head, l->mac, 6);
	memcpy(head + 6, port->mac, 6);
	if (l->cfg.vlan) {
		be16_store(p, ETHERTYPE_VLAN);
		be16_store(p + 2, l->cfg.vlan);
		p += VLAN_BYTES;
	}
	be16_store(p, l->cfg.sealed || kind == PACKET_TX_RAW ? ETHERTYPE_SEALED : ETHERTYPE_MPLS);
	return (unsigned)(p + 2 - head);
}

/* Puts a header in front of every packet; those without room for it are dropped. Returns how many are left. Inlined where the length is known, so
 * that copying it is a few instructions. */
static inline __attribute__((always_inline)) unsigned
frame(struct worker *w, struct rte_mbuf **m, unsigned n, const uint8_t *head, const uint16_t len)
{
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		char *p = rte_pktmbuf_prepend(m[i], len);

		if (unlikely_(!p)) {
			drop_packet(w, DROP_TOO_BIG, m[i]);
			continue;
		}
		memcpy(p, head, len);
		m[k++] = m[i];
	}
	return k;
}

/* Writes the header in the place of one as long, with which every packet begins. Inlined for the same reason. */
static inline __attribute__((always_inline)) void
frame_in_place(struct rte_mbuf **m, unsigned n, const uint8_t *head, const uint16_t len)
{
	for (unsigned i = 0; i < n; i++)
		memcpy(rte_pktmbuf_mtod(m[i], void *), head, len);
}

/* The same whatever the packets begin with. Returns how many are left. */
static unsigned put_header(struct worker *w, struct rte_mbuf **m, unsigned n, unsigned room,
                           const uint8_t *head, unsigned len)
{
	if (likely_(room == ETHER_BYTES && len == ETHER_BYTES)) {
		frame_in_place(m, n, head, ETHER_BYTES);
		return n;
	}
	if (room == len) {
		frame_in_place(m, n, head, ETHER_BYTES + VLAN_BYTES);
		return n;
	}
	burst_strip(m, n, room);
	return len == ETHER_BYTES ? frame(w, m, n, head, ETHER_BYTES)
	                          : frame(w, m, n, head, ETHER_BYTES + VLAN_BYTES);
}

/* Frames of control go to the address that each of them names, where it names one. */
static void readdress(struct rte_mbuf **m, unsigned n)
{
	static const uint8_t none[6];

	for (unsigned i = 0; i < n; i++)
		if (memcmp(packet_of(m[i])->mac, none, 6) != 0)
			memcpy(rte_pktmbuf_mtod(m[i], void *), packet_of(m[i])->mac, 6);
}

void ether_tx(struct io *io, struct link *l, struct rte_mbuf **m, unsigned n, unsigned room,
              enum packet_kind kind)
{
	struct worker *w = io->w;
	const struct io_port *port = &io->port[l->cfg.port];
	uint8_t head[ETHER_BYTES + VLAN_BYTES];
	unsigned k, sent;

	if (unlikely_(port->held)) {
		drop_count(w, DROP_PORT_GONE, n);
		rte_pktmbuf_free_bulk(m, n);
		return;
	}
	k = put_header(w, m, n, room, head, header(l, port, kind, head));
	if (unlikely_(kind == PACKET_TX_RAW))
		readdress(m, k);
	sent = port_transmit(l->cfg.port, port->queue, m, k);
	if (unlikely_(sent < k)) {
		drop_count(w, DROP_TX_FULL, k - sent);
		rte_pktmbuf_free_bulk(m + sent, k - sent);
	}
}
