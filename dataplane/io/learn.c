/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a neighbour is: learnt from frames that are authentic (or plain), never from others. */
#include "core/event.h"
#include "core/state.h"
#include "io/io.h"

static bool same_source(uint8_t family, uint16_t port, const uint8_t *addr, const struct packet *p)
{
	return family == p->family && port == p->port &&
	       memcmp(addr, p->addr, family == 4 ? 4 : 16) == 0;
}

static void learn_udp(struct worker *w, struct link *l, const struct packet *p)
{
	struct dp_event *ev;

	if (likely_(same_source(l->cfg.family, l->cfg.remote_port, l->cfg.remote_addr, p)))
		return;
	if (!l->cfg.family) {
		l->cfg.family = p->family;
		l->cfg.remote_port = p->port;
		memcpy(l->cfg.remote_addr, p->addr, sizeof(l->cfg.remote_addr));
	}
	if (same_source(l->learnt.family, l->learnt.port, l->learnt.addr, p))
		return; /* control knows and decides */
	ev = event_begin(w);
	if (!ev)
		return;
	l->learnt = *p;
	ev->type = EVT_LINK_LEARNT;
	ev->u.learnt.link = l->number;
	ev->u.learnt.port = p->port;
	ev->u.learnt.family = p->family;
	memcpy(ev->u.learnt.addr, p->addr, sizeof(ev->u.learnt.addr));
	event_end(w);
}

void learn_source(struct worker *w, struct link *l, const struct packet *p)
{
	if (l->cfg.type != LINK_ETHERNET) {
		if (p->family)
			learn_udp(w, l, p);
		return;
	}
	if (!l->mac_known) {
		memcpy(l->mac, p->mac, sizeof(l->mac));
		l->mac_known = true;
	}
}
