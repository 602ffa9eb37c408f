/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications that share a segment: attached and let go of as the gateway says. */
#include "session/lane.h"
#include "session/priv.h"

void lane_message(struct worker_sessions *s, const struct bridge_msg *m)
{
	struct app_port *p = m->app;

	if (m->type == BRIDGE_APP_LEAVE) {
		p->leaving = true;
		return;
	}
	p->attached_due = true;
	p->next = s->ports;
	s->ports = p;
}

/* Puts one message about an application. False: the ring is full. */
static bool tell(struct worker_sessions *s, struct app_port *p, uint8_t type)
{
	struct bridge_msg m = {.type = type, .app = p};

	if (!bridge_put(&s->bridge.to_gateway_tx, &m))
		return false;
	s->bridge.to_gateway_new = true;
	return true;
}

unsigned lanes_flush(struct worker_sessions *s)
{
	struct app_port **link = &s->ports, *p;
	unsigned done = 0;

	while ((p = *link)) {
		if (p->attached_due) {
			if (!tell(s, p, BRIDGE_APP_ATTACHED))
				break;
			p->attached_due = false;
			done++;
		}
		if (!p->leaving || p->held) {
			link = &p->next;
			continue;
		}
		*link = p->next;
		/* After this the gateway may free it. */
		if (!tell(s, p, BRIDGE_APP_GONE)) {
			*link = p;
			break;
		}
		done++;
	}
	return done;
}
