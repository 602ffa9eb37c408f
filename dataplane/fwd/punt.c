/* SPDX-License-Identifier: BSD-3-Clause */
/* Copies of packets for control, in slots of the event ring. */
#include "core/event.h"
#include "fwd/priv.h"

bool punt(struct worker *w, enum punt_reason reason, bool authenticated, struct rte_mbuf *m)
{
	const struct packet *p = packet_of(m);
	struct dp_event *ev;
	struct dp_packet *out;

	if (unlikely_(m->data_len > CPDP_PACKET_MAX)) {
		drop_count(w, DROP_TOO_BIG, 1);
		return false;
	}
	ev = event_begin(w);
	if (!ev)
		return false;
	ev->type = EVT_PACKET;
	out = &ev->u.packet;
	out->link = p->link;
	out->reason = (uint8_t)reason;
	out->authenticated = authenticated;
	out->in_label = p->label;
	out->session = UINT32_MAX;
	out->len = m->data_len;
	out->addr_port = p->port;
	out->family = p->family;
	out->number = 0;
	memcpy(out->mac, p->mac, sizeof(out->mac));
	memcpy(out->addr, p->addr, sizeof(out->addr));
	memcpy(out->local_addr, p->local, sizeof(out->local_addr));
	out->local_if = p->local_if;
	memcpy(out->data, rte_pktmbuf_mtod(m, void *), m->data_len);
	event_end(w);
	count_add(&w->count.punted_packets, 1);
	return true;
}
