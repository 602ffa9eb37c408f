/* SPDX-License-Identifier: BSD-3-Clause */
/* A round of the gateway's thread: what applications and workers have to say, bytes moved, what is owed, sleep. */
#include "app/gw_accept.h"
#include "app/gw_attach.h"
#include "app/gw_door.h"
#include "app/gw_forward.h"
#include "app/gw_quota.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 128

static void handle(struct gateway *g, unsigned worker, const struct bridge_msg *m)
{
	struct gw_stream *s = m->stream ? m->stream->owner : NULL;
	struct gw_listener *l;
	struct gw_app *a;

	switch (m->type) {
	case BRIDGE_CONNECTED:
		if (s->tcp)
			gw_forward_connected(g, s);
		else
			gw_connected(g, s, m->port);
		break;
	case BRIDGE_FAILED:
		gw_failed(g, s, m->err);
		break;
	case BRIDGE_LISTENING:
		l = gw_listening(g, worker, m->token, m->err);
		if (l && l->client->forward)
			gw_forward_listening(g, l->client->forward, l->err);
		else if (l)
			gw_client_listening(g, l->client, l, l->err, l->port);
		break;
	case BRIDGE_UNLISTENED:
		gw_unlistened(g, worker, m->token);
		break;
	case BRIDGE_KICK:
		atomic_exchange(&s->side.shared->app_kicked, 0);
		gw_stream_ready(g, s);
		break;
	case BRIDGE_GONE:
		s->attached = false;
		gw_stream_kill(g, s);
		break;
	case BRIDGE_APP_ATTACHED:
		a = m->app->seg->owner;
		if (gw_attached(g, worker, a))
			gw_client_not_busy(g, a->client);
		break;
	case BRIDGE_APP_GONE:
		gw_app_gone(g, worker, m->app->seg->owner);
		break;
	default:
		break;
	}
}

/* Takes a connection that a worker offers. False: there is neither memory for a stream nor room in the ring to refuse the connection, so the
 * offer stays where it is. */
static bool take_accept(struct gateway *g, unsigned worker, const struct bridge_msg *m)
{
	struct bridge *b = g->bridges[worker];
	struct bridge_msg refusal = {.type = BRIDGE_REFUSE, .conn = m->conn};
	struct gw_listener *l = gw_listener_of(g, m->token);
	bool forward = l && l->client->forward;

	if (forward ? gw_forward_accepted(g, worker, l, m) : gw_accepted(g, worker, m))
		return true;
	if (!bridge_put(&b->to_worker_tx, &refusal))
		return false;
	b->to_worker_new = true;
	return true;
}

/* Handles the messages of one worker. */
static void drain(struct gateway *g, unsigned worker)
{
	struct bridge *b = g->bridges[worker];
	const struct bridge_msg *m;

	for (unsigned i = 0; i < BRIDGE_MSGS; i++) {
		m = bridge_peek(&b->to_gateway_rx);
		if (!m)
			break;
		if (m->type != BRIDGE_ACCEPT)
			handle(g, worker, m);
		else if (!take_accept(g, worker, m))
			break;
		bridge_done(&b->to_gateway_rx);
	}
}

static void pump_ready(struct gateway *g)
{
	struct gw_streams round = TAILQ_HEAD_INITIALIZER(round);
	struct gw_stream *s;

	TAILQ_CONCAT(&round, &g->ready, ready_link);
	while ((s = TAILQ_FIRST(&round))) {
		TAILQ_REMOVE(&round, s, ready_link);
		s->ready = false;
		gw_stream_pump(g, s);
	}
}

void gw_bury(struct gateway *g)
{
	struct gw_stream *s;
	struct gw_client *c;

	while ((s = TAILQ_FIRST(&g->dead_streams))) {
		TAILQ_REMOVE(&g->dead_streams, s, all);
		gw_stream_free(s);
	}
	while ((c = TAILQ_FIRST(&g->dead_clients))) {
		TAILQ_REMOVE(&g->dead_clients, c, all);
		free(c);
	}
	gw_forwards_bury(g);
}

/* syscalls: read */
static void dispatch(struct gateway *g, const struct epoll_event *e)
{
	struct gw_node *node = e->data.ptr;
	uint64_t count;

	if (node->dead)
		return;
	switch (node->kind) {
	case GW_SERVER:
		gw_serve(g);
		break;
	case GW_DOOR:
		gw_door_serve(g);
		break;
	case GW_WAKE:
		(void)!read(g->wake, &count, sizeof(count));
		break;
	case GW_CLIENT:
		gw_client_event(g, (struct gw_client *)node, e->events);
		break;
	case GW_FORWARD:
		gw_forward_event(g, (struct gw_forward *)node);
		break;
	case GW_STREAM:
		gw_stream_event(g, (struct gw_stream *)node, e->events);
		break;
	}
}

/* Announces sleep, then looks once more: a message put before the announcement is seen here, one put after it wakes. */
static bool may_sleep(struct gateway *g)
{
	if (!TAILQ_EMPTY(&g->ready))
		return false;
	atomic_exchange(&g->asleep, 1);
	for (unsigned i = 0; i < g->nbridges; i++)
		if (bridge_peek(&g->bridges[i]->to_gateway_rx))
			return false;
	return !atomic_load(&g->stop) && !atomic_load(&g->posted);
}

/* True when a full ring keeps messages back. Workers do not announce that they have made room: the thread looks again after 1 ms. */
static bool owes(const struct gateway *g)
{
	if (!TAILQ_EMPTY(&g->owe_listeners) || !TAILQ_EMPTY(&g->owe_apps))
		return true;
	for (unsigned i = 0; i < g->nbridges; i++)
		if (!TAILQ_EMPTY(&g->owe[i]))
			return true;
	return false;
}

void gw_lists_init(struct gateway *g)
{
	TAILQ_INIT(&g->clients);
	TAILQ_INIT(&g->dead_clients);
	TAILQ_INIT(&g->mute);
	TAILQ_INIT(&g->streams);
	TAILQ_INIT(&g->dead_streams);
	TAILQ_INIT(&g->ready);
	TAILQ_INIT(&g->owe_listeners);
	TAILQ_INIT(&g->apps);
	TAILQ_INIT(&g->owe_apps);
	TAILQ_INIT(&g->limits.users);
	TAILQ_INIT(&g->limits.idle);
	TAILQ_INIT(&g->forwards);
	TAILQ_INIT(&g->dead_forwards);
	for (unsigned i = 0; i < ARRAY_LEN(g->owe); i++)
		TAILQ_INIT(&g->owe[i]);
}

/* syscalls: epoll_wait */
void gw_round(struct gateway *g, bool wait)
{
	struct epoll_event ev[EVENTS_PER_ROUND];
	int timeout = !may_sleep(g) || !wait ? 0 : owes(g) ? 1 : gw_quota_due(g);
	int n = epoll_wait(g->epoll, ev, EVENTS_PER_ROUND, timeout);

	atomic_exchange(&g->asleep, 0);
	for (int i = 0; i < n; i++)
		dispatch(g, &ev[i]);
	for (unsigned i = 0; i < g->nbridges; i++)
		drain(g, i);
	gw_forwards_round(g);
	pump_ready(g);
	gw_listeners_flush(g);
	gw_apps_flush(g);
	gw_quota_round(g);
	for (unsigned i = 0; i < g->nbridges; i++) {
		struct bridge *b = g->bridges[i];

		gw_streams_flush(g, i);
		if (b->to_worker_new) {
			b->to_worker_new = false;
			bridge_wake(&b->worker_asleep, b->worker_fd);
		}
	}
	if (g->server_paused && g->fd_closed)
		gw_serve(g);
	if (g->fd_closed)
		gw_forwards_resume(g);
	g->fd_closed = false;
	gw_bury(g);
}
