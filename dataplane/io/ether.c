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

/* Takes the Ethernet header off. NULL: dropped and counted. */
static struct link *unframe(struct worker *w, const struct io_port *port, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned head = ETHER_BYTES, vlan = 0, type;
	struct link *l;

	if (unlikely_(m->nb_segs != 1 || m->data_len < ETHER_BYTES + LSE_BYTES)) {
		drop_packet(w, m->nb_segs == 1 ? DROP_RUNT : DROP_TOO_BIG, m);
		return NULL;
	}
	type = be16_load(p + 12);
	if (type == ETHERTYPE_VLAN) {
		if (m->data_len < ETHER_BYTES + VLAN_BYTES + LSE_BYTES) {
			drop_packet(w, DROP_RUNT, m);
			return NULL;
		}
		vlan = be16_load(p + 14) & 0xfff;
		type = be16_load(p + 16);
		head += VLAN_BYTES;
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
	*packet_of(m) = (struct packet){.link = l->number, .label = LABEL_NONE};
	memcpy(packet_of(m)->mac, p + 6, 6);
	rte_pktmbuf_adj(m, (uint16_t)head);
	return l;
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
	uint64_t bytes = 0;

	if (unlikely_(instant_reached(port->look, w->now)))
		look(w, port, id);
	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
	for (unsigned i = 0; i < n; i++) {
		unsigned frame = m[i]->data_len;
		struct link *l;

		bytes += frame;
		l = unframe(w, port, m[i]);
		if (unlikely_(!l))
			continue;
		if (l->cfg.sealed) {
			b->sealed[b->nsealed++] = m[i];
			continue;
		}
		count_add(&l->count->rx_packets, 1);
		count_add(&l->count->rx_bytes, m[i]->data_len);
		if (unlikely_(!l->mac_known))
			learn_source(w, l, packet_of(m[i]));
		b->labelled[b->nlabelled++] = m[i];
	}
	count_add(&w->count.rx_packets, n);
	count_add(&w->count.rx_bytes, bytes);
	return n;
}

/* False: no room in front of the packet. */
static bool frame(const struct link *l, const struct io_port *port, struct rte_mbuf *m,
                  enum packet_kind kind)
{
	static const uint8_t none[6];
	unsigned head = ETHER_BYTES + (l->cfg.vlan ? VLAN_BYTES : 0);
	const uint8_t *to = l->mac, *asked = packet_of(m)->mac;
	uint8_t peer[6];
	uint8_t *p;

	if (kind == PACKET_TX_RAW && memcmp(asked, none, 6) != 0) {
		memcpy(peer, asked, 6);
		to = peer;
	}
	p = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)head);
	if (unlikely_(!p))
		return false;
	memcpy(p, to, 6);
	memcpy(p + 6, port->mac, 6);
	p += 12;
	if (l->cfg.vlan) {
		be16_store(p, ETHERTYPE_VLAN);
		be16_store(p + 2, l->cfg.vlan);
		p += VLAN_BYTES;
	}
	be16_store(p, l->cfg.sealed || kind == PACKET_TX_RAW ? ETHERTYPE_SEALED : ETHERTYPE_MPLS);
	return true;
}

void ether_tx(struct io *io, struct link *l, struct rte_mbuf **m, unsigned n, enum packet_kind kind)
{
	struct worker *w = io->w;
	const struct io_port *port = &io->port[l->cfg.port];
	unsigned k = 0, sent;

	if (unlikely_(port->held)) {
		drop_count(w, DROP_PORT_GONE, n);
		rte_pktmbuf_free_bulk(m, n);
		return;
	}
	for (unsigned i = 0; i < n; i++) {
		if (likely_(frame(l, port, m[i], kind)))
			m[k++] = m[i];
		else
			drop_packet(w, DROP_TOO_BIG, m[i]);
	}
	sent = port_transmit(l->cfg.port, port->queue, m, k);
	if (unlikely_(sent < k)) {
		drop_count(w, DROP_TX_FULL, k - sent);
		rte_pktmbuf_free_bulk(m + sent, k - sent);
	}
}
