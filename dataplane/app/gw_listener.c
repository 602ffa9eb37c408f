/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners: a port here is a port on every worker, because the remote id decides which worker a connection lands on. */
#include "app/gw.h"

#include <errno.h>
#include <stdlib.h>

/* An index that is free, or GW_LISTENERS_MAX. */
static uint32_t free_index(struct gateway *g)
{
	for (uint32_t i = 0; i < g->nlisteners; i++)
		if (!g->listeners[i])
			return i;
	return g->nlisteners < GW_LISTENERS_MAX ? g->nlisteners++ : GW_LISTENERS_MAX;
}

static void owe(struct gateway *g, struct gw_listener *l)
{
	if (l->owing)
		return;
	l->owing = true;
	TAILQ_INSERT_TAIL(&g->owe_listeners, l, owe_link);
}

int gw_listen(struct gateway *g, struct gw_client *c, uint16_t port, uint32_t backlog)
{
	struct gw_listener *l;
	uint32_t i;

	if (g->port_token[port])
		return -EADDRINUSE;
	i = free_index(g);
	if (i == GW_LISTENERS_MAX)
		return -ENOBUFS;
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	g->listener_generation = g->listener_generation % 0xffff + 1;
	*l = (struct gw_listener){.token = g->listener_generation << 16 | i,
	                          .port = port,
	                          .backlog = backlog,
	                          .client = c};
	l->tell = l->waiting = (uint32_t)((UINT64_C(1) << g->nbridges) - 1);
	g->listeners[i] = l;
	g->port_token[port] = l->token;
	c->listener = l;
	owe(g, l);
	return 0;
}

void gw_unlisten(struct gateway *g, struct gw_listener *l)
{
	l->client->listener = NULL;
	l->client = NULL;
	g->port_token[l->port] = 0;
	l->untell = (uint32_t)((UINT64_C(1) << g->nbridges) - 1);
	owe(g, l);
}

struct gw_listener *gw_listener_of(struct gateway *g, uint32_t token)
{
	struct gw_listener *l =
	        (token & 0xffff) < g->nlisteners ? g->listeners[token & 0xffff] : NULL;

	return l && l->token == token && l->client ? l : NULL;
}

struct gw_listener *gw_listening(struct gateway *g, unsigned worker, uint32_t token, int err)
{
	struct gw_listener *l = gw_listener_of(g, token);

	if (!l || !(l->waiting & 1u << worker))
		return NULL;
	l->waiting &= ~(1u << worker);
	if (err && !l->err)
		l->err = err;
	return l->waiting == 0 ? l : NULL;
}

/* Tells every worker what it has not been told yet about l. False: a ring is full, and the rest is told later. */
static bool flush_one(struct gateway *g, struct gw_listener *l)
{
	for (unsigned w = 0; w < g->nbridges; w++) {
		struct bridge *b = g->bridges[w];
		struct bridge_msg m = {.token = l->token, .port = l->port, .backlog = l->backlog};

		for (;;) {
			bool tell = l->tell & 1u << w;

			if (!tell && !(l->untell & 1u << w))
				break;
			m.type = tell ? BRIDGE_LISTEN : BRIDGE_UNLISTEN;
			if (!bridge_put(&b->to_worker_tx, &m))
				return false;
			b->to_worker_new = true;
			if (tell)
				l->tell &= ~(1u << w);
			else
				l->untell &= ~(1u << w);
		}
	}
	return true;
}

void gw_listeners_flush(struct gateway *g)
{
	struct gw_listener *l;

	while ((l = TAILQ_FIRST(&g->owe_listeners))) {
		if (!flush_one(g, l))
			return;
		TAILQ_REMOVE(&g->owe_listeners, l, owe_link);
		l->owing = false;
		if (l->client)
			continue;
		g->listeners[l->token & 0xffff] = NULL;
		free(l);
	}
}
