/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners on the worker's side: connections are offered to the gateway as it gives credit, or go into slots that an application gives; without
 * either they wait in TCP. */
#include "session/datagram.h"
#include "session/lane.h"
#include "session/share.h"
#include "session/stream.h"

#include <errno.h>

static bool has_news(const struct app_listener *l)
{
	if (l->port)
		return l->listening_due || lane_has_news(l);
	return l->listening_due || l->unlistened || (l->ready && l->credit > 0);
}

static void listen_on(struct worker_sessions *s, const struct bridge_msg *m)
{
	struct app_listener *l = m->listener;
	int r;

	*l = (struct app_listener){.token = m->token,
	                           .conn = TCP_NO_CONN,
	                           .credit = m->credit,
	                           .listening_due = true,
	                           .number = m->port,
	                           .pid = m->pid,
	                           .uid = m->uid,
	                           .shared = m->shared,
	                           .backlog = m->backlog,
	                           .backlog_sum = m->backlog,
	                           .payer = m->app ? account_payer(m->app->seg->account) : l->payer,
	                           .beside = l,
	                           .first = l,
	                           .turn = l,
	                           .next = s->listeners};
	s->listeners = l;
	TAILQ_INIT(&l->posted);
	if (m->app)
		lane_listen(l, m);
	if (m->type == BRIDGE_DATAGRAMS) {
		datagram_open(s, l, m->port);
		return;
	}
	if (l->shared && share_join(s, l))
		return;
	r = s->draining ? -ESHUTDOWN : tcp_listen(s->tcp, m->port, m->backlog, &l->conn);
	if (r < 0) {
		l->conn = TCP_NO_CONN;
		l->err = -r;
		return;
	}
	tcp_set_user(s->tcp, l->conn, (uint64_t)(uintptr_t)l | LISTENER_BIT);
	tcp_set_charge(s->tcp, l->conn, l->payer);
}

static void stop_listening(struct worker_sessions *s, struct app_listener *l)
{
	if (share_leave(s, l))
		return;
	if (l->conn != TCP_NO_CONN)
		tcp_close(s->tcp, l->conn);
	l->conn = TCP_NO_CONN;
	l->ready = false;
}

void listen_message(struct worker_sessions *s, const struct bridge_msg *m)
{
	switch (m->type) {
	case BRIDGE_LISTEN:
	case BRIDGE_DATAGRAMS:
		listen_on(s, m);
		break;
	case BRIDGE_TAKEN:
		m->listener->credit += m->credit;
		break;
	default:
		stop_listening(s, m->listener);
		if (m->listener->port)
			lane_hear(s, m->listener);
		m->listener->unlistened = true;
		if (m->listener->port)
			lane_unlisten(s, m->listener);
		break;
	}
	s->listeners_ready |= has_news(m->listener);
}

void listen_ready(struct worker_sessions *s, struct app_listener *l)
{
	share_ready(l, true);
	s->listeners_ready = true;
}

/* Offers the gateway the connections that wait at a listener. False: the ring is full. */
static bool offer(struct worker_sessions *s, struct app_listener *l)
{
	struct bridge *b = &s->bridge;

	while (l->ready && l->credit > 0 && share_turn(l)) {
		struct bridge_msg *m = bridge_slot(&b->to_gateway_tx);
		struct tcp_info info;
		uint32_t conn;

		if (!m)
			return false;
		if (tcp_accept(s->tcp, l->conn, &conn) < 0) {
			share_ready(l, false);
			break;
		}
		share_taken(l);
		if (tcp_info(s->tcp, conn, &info) < 0 || info.peer >= s->nremotes) {
			tcp_abort(s->tcp, conn);
			continue;
		}
		*m = (struct bridge_msg){.type = BRIDGE_ACCEPT,
		                         .token = l->token,
		                         .conn = conn,
		                         .port = info.remote_port,
		                         .id = s->remotes[info.peer].id};
		bytering_commit(&b->to_gateway_tx, sizeof(*m));
		b->to_gateway_new = true;
		l->credit--;
	}
	return true;
}

/* Tells what is due about one listener. False: the ring is full. */
static bool tell(struct worker_sessions *s, struct app_listener *l, unsigned *done,
                 struct instant now)
{
	struct bridge *b = &s->bridge;
	struct bridge_msg m = {.type = BRIDGE_LISTENING, .token = l->token, .err = l->err};

	if (l->listening_due) {
		if (!bridge_put(&b->to_gateway_tx, &m))
			return false;
		l->listening_due = false;
		b->to_gateway_new = true;
		++*done;
	}
	if (!l->port)
		return offer(s, l);
	lane_accept(s, l, now);
	return true;
}

unsigned listen_flush(struct worker_sessions *s, struct instant now)
{
	struct bridge *b = &s->bridge;
	struct app_listener **link = &s->listeners, *l;
	unsigned done = 0;

	if (!s->listeners_ready)
		return 0;
	while ((l = *link) && tell(s, l, &done, now)) {
		struct bridge_msg m = {.type = BRIDGE_UNLISTENED, .token = l->token};

		if (!l->unlistened || datagram_drains(l) ||
		    (l->port && !lane_listener_gone(s, l))) {
			link = &l->next;
			continue;
		}
		*link = l->next;
		/* After this the gateway may free it. */
		if (!bridge_put(&b->to_gateway_tx, &m)) {
			*link = l;
			break;
		}
		b->to_gateway_new = true;
		done++;
	}
	s->listeners_ready = false;
	for (l = s->listeners; l && !s->listeners_ready; l = l->next)
		s->listeners_ready = has_news(l);
	return done;
}

void listen_drain(struct worker_sessions *s)
{
	for (struct app_listener *l = s->listeners; l; l = l->next)
		stop_listening(s, l);
}
