/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications that share a segment with this worker: attached and let go of as the gateway says, looked at once a turn, slept on. */
#include "session/lane.h"
#include "session/news.h"

/* An application that has said nothing for so long is slept on. What it costs to wake a worker is less than what a longer look would take from
 * others, where processors are fewer than those who are busy. */
#define QUIET_NS (20 * NS_PER_US)

unsigned lanes_run(struct worker_sessions *s, struct instant now)
{
	unsigned done = 0;

	s->ports_at = now;
	for (struct app_port *p = s->ports; p; p = p->next) {
		if (p->asleep) {
			p->asleep = false;
			atomic_exchange(&p->lane->worker_asleep, 0);
		}
		done += p->leaving ? lane_sweep(s, p, now) : lane_take(s, p, now);
	}
	return done;
}

bool lanes_sleep_ok(struct worker_sessions *s)
{
	bool quiet = true;

	for (struct app_port *p = s->ports; p; p = p->next)
		if (instant_sub(s->ports_at, p->last) < QUIET_NS)
			return false;
	for (struct app_port *p = s->ports; p; p = p->next) {
		p->asleep = true;
		atomic_exchange(&p->lane->worker_asleep, 1);
	}
	atomic_thread_fence(memory_order_seq_cst);
	for (struct app_port *p = s->ports; p; p = p->next)
		quiet &= p->leaving ||
		         (bytering_used(&p->rx) < sizeof(struct applane_msg) && !lane_missed(p));
	return quiet;
}

void lanes_retry(struct worker_sessions *s, struct instant now)
{
	if (likely_(!instant_reached(s->ports_retry, now)))
		return;
	s->ports_retry = INSTANT_NEVER;
	for (struct app_port *p = s->ports; p; p = p->next)
		p->full = p->at_limit = false;
	s->listeners_ready = true;
}

/* ---- to and from the gateway ---- */

void lane_message(struct worker_sessions *s, const struct bridge_msg *m)
{
	struct app_port *p = m->app;

	if (m->type == BRIDGE_APP_LEAVE) {
		p->leaving = true;
		s->listeners_ready = true;
		return;
	}
	TAILQ_INIT(&p->news);
	TAILQ_INIT(&p->gone);
	p->attached_due = true;
	/* Remotes stand for some seconds: no application alone takes most of them. */
	bucket_init(&p->ids, s->nremotes / 16 + 1, s->nremotes / 4 + 1);
	info_defaults(s, p);
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

/* Nothing of a port that leaves is held any more. */
static bool left(const struct app_port *p)
{
	return p->leaving && p->cursor == p->seg->layout.slots && p->held == 0;
}

unsigned lanes_flush(struct worker_sessions *s)
{
	struct app_port **link = &s->ports, *p;
	unsigned done = 0;

	while ((p = *link)) {
		done += news_flush_port(s, p);
		news_wake_app(s, p);
		if (p->attached_due && tell(s, p, BRIDGE_APP_ATTACHED)) {
			p->attached_due = false;
			done++;
		}
		if (!left(p) || p->attached_due) {
			link = &p->next;
			continue;
		}
		*link = p->next;
		/* After this the gateway may free it. */
		if (!tell(s, p, BRIDGE_APP_GONE)) {
			*link = p;
			link = &p->next;
			continue;
		}
		done++;
	}
	return done;
}

bool lanes_owe(const struct worker_sessions *s)
{
	for (const struct app_port *p = s->ports; p; p = p->next)
		if (p->attached_due || left(p) || (!p->leaving && p->look_left) ||
		    (p->leaving && p->cursor < p->seg->layout.slots))
			return true;
	return false;
}
