/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners: a port here is a port on every worker, because the remote id decides which worker a connection lands on. */
#include "app/gw_accept.h"
#include "app/gw_attach.h"

#include <errno.h>
#include <stdlib.h>

/* Of which one is chosen where an application does not care. */
#define FREE_FIRST 32768u
#define FREE_LAST  60999u

/* An index that is free, or GW_LISTENERS_MAX. */
static uint32_t free_index(struct gateway *g)
{
	for (uint32_t i = 0; i < g->nlisteners; i++)
		if (!g->listeners[i])
			return i;
	return g->nlisteners < GW_LISTENERS_MAX ? g->nlisteners++ : GW_LISTENERS_MAX;
}

void gw_listener_owe(struct gateway *g, struct gw_listener *l)
{
	if (l->owing)
		return;
	l->owing = true;
	TAILQ_INSERT_TAIL(&g->owe_listeners, l, owe_link);
}

/* Who has the port, 0: nobody. */
static uint32_t *token_at(struct gateway *g, uint16_t port, bool datagrams)
{
	return &g->port_token[(datagrams ? GW_PORTS / 2 : 0) + port];
}

/* A port that nobody has, 0: there is none. */
static uint16_t free_port(struct gateway *g, bool datagrams)
{
	for (unsigned i = 0; i < FREE_LAST - FREE_FIRST + 1; i++) {
		g->free_port = g->free_port < FREE_FIRST || g->free_port >= FREE_LAST
		                       ? FREE_FIRST
		                       : g->free_port + 1;
		if (!*token_at(g, (uint16_t)g->free_port, datagrams))
			return (uint16_t)g->free_port;
	}
	return 0;
}

/* Its connections become descriptors of the client, or go into slots that the application gives. */
static int belongs_to(struct gateway *g, struct gw_listener *l, struct gw_client *c,
                      uint32_t backlog)
{
	if (!c->app)
		return gw_divide_backlog(g, l, backlog);
	if (c->app->nlisteners >= GW_LISTENERS_APP_MAX)
		return -ENOBUFS;
	l->backlog = backlog + 1;
	return 0;
}

/* A port as a client asks for it. */
struct asked {
	uint16_t port; /* 0: any that is free */
	uint32_t backlog, uid;
	bool datagrams, shared; /* with others of this uid */
};

static uint32_t sharers(const struct gw_listener *l)
{
	uint32_t n = 1;

	for (const struct gw_listener *o = l->beside; o != l; o = o->beside)
		n++;
	return n;
}

/* The listener that has the port, which the client may share; NULL: none. -EADDRINUSE: it may not; -ENOBUFS: as many share it as may. */
static int look_beside(struct gateway *g, const struct gw_client *c, struct asked *a,
                       struct gw_listener **beside)
{
	uint32_t token = *token_at(g, a->port, a->datagrams);

	*beside = NULL;
	if (a->shared && !gw_peer_uid(c, &a->uid))
		return -EIO;
	if (!token)
		return 0;
	*beside = gw_listener_of(g, token);
	if (!*beside || !a->shared || !(*beside)->shared || (*beside)->uid != a->uid)
		return -EADDRINUSE;
	return sharers(*beside) < GW_SHARE_MAX ? 0 : -ENOBUFS;
}

/* It is one of those that have its port, or the only one. */
static void take_port(struct gateway *g, struct gw_listener *l, struct gw_listener *beside)
{
	l->beside = l;
	if (!beside) {
		*token_at(g, l->port, l->datagrams) = l->token;
		return;
	}
	l->beside = beside->beside;
	beside->beside = l;
}

static void leave_port(struct gateway *g, struct gw_listener *l)
{
	struct gw_listener *before = l->beside;
	uint32_t *token = token_at(g, l->port, l->datagrams);

	while (before->beside != l)
		before = before->beside;
	before->beside = l->beside;
	if (*token == l->token)
		*token = before != l ? before->token : 0;
	g->port_freed |= before == l;
	l->beside = l;
}

static int listen_on(struct gateway *g, struct gw_client *c, struct asked *a)
{
	struct gw_listener *l, *beside;
	uint32_t i;
	int r;

	if (a->port == 0)
		a->port = free_port(g, a->datagrams);
	if (a->port == 0)
		return -EADDRINUSE;
	r = look_beside(g, c, a, &beside);
	if (r < 0)
		return r;
	i = free_index(g);
	if (i == GW_LISTENERS_MAX)
		return -ENOBUFS;
	l = calloc(1, sizeof(*l) + g->nbridges * sizeof(l->at[0]));
	r = l ? belongs_to(g, l, c, a->backlog) : -ENOMEM;
	if (r < 0) {
		free(l);
		return r;
	}
	g->listener_generation = g->listener_generation % 0xffff + 1;
	l->token = g->listener_generation << 16 | i;
	l->port = a->port;
	l->datagrams = a->datagrams;
	l->shared = a->shared;
	l->uid = a->uid;
	l->client = c;
	l->app = c->app;
	l->user = gw_user_hold(c->user, 0);
	for (unsigned w = 0; w < g->nbridges; w++)
		l->at[w].shared.payer = l->user ? &l->user->account.streams : NULL;
	TAILQ_INIT(&l->here);
	l->tell = l->waiting = (uint32_t)((UINT64_C(1) << g->nbridges) - 1);
	g->listeners[i] = l;
	take_port(g, l, beside);
	if (l->app) {
		TAILQ_INSERT_TAIL(&l->app->listeners, l, app_link);
		l->app->nlisteners++;
	} else {
		c->listener = l;
	}
	gw_listener_owe(g, l);
	return 0;
}

int gw_listen(struct gateway *g, struct gw_client *c, uint16_t port, uint32_t backlog, bool shared)
{
	return listen_on(g, c, &(struct asked){.port = port, .backlog = backlog, .shared = shared});
}

int gw_datagrams(struct gateway *g, struct gw_client *c, uint16_t port)
{
	return listen_on(g, c, &(struct asked){.port = port, .backlog = 1, .datagrams = true});
}

void gw_unlisten(struct gateway *g, struct gw_listener *l)
{
	struct gw_client *c = l->client;

	l->client = NULL;
	if (l->app) {
		TAILQ_REMOVE(&l->app->listeners, l, app_link);
	} else {
		c->listener = NULL;
		if (!c->node.dead && !c->forward)
			gw_client_watch(g, c);
	}
	leave_port(g, l);
	l->untell = (uint32_t)((UINT64_C(1) << g->nbridges) - 1);
	gw_listener_owe(g, l);
	gw_refuse_waiting(g, l, c);
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

/* Nobody holds or wants it any more. */
static void end(struct gateway *g, struct gw_listener *l)
{
	struct gw_app *a = l->app;

	if (l->client || l->owing || l->held)
		return;
	g->listeners[l->token & 0xffff] = NULL;
	gw_user_put(&g->limits, l->user, 0, gw_clock_ns());
	free(l->order);
	free(l);
	if (a) {
		a->nlisteners--;
		gw_app_end(g, a);
	}
}

void gw_unlistened(struct gateway *g, unsigned worker, uint32_t token)
{
	struct gw_listener *l = g->listeners[token & 0xffff];

	l->held &= ~(1u << worker);
	end(g, l);
}

/* The next message that worker w is owed about l. False: none. */
static bool next_message(const struct gw_listener *l, unsigned w, struct bridge_msg *m)
{
	uint8_t type = l->tell & 1u << w     ? (l->datagrams ? BRIDGE_DATAGRAMS : BRIDGE_LISTEN)
	               : l->untell & 1u << w ? BRIDGE_UNLISTEN
	               : l->at[w].taken      ? BRIDGE_TAKEN
	                                     : 0;

	*m = (struct bridge_msg){.type = type,
	                         .token = l->token,
	                         .port = l->port,
	                         .backlog = l->backlog,
	                         .shared = l->shared,
	                         .pid = l->client ? (uint32_t)l->client->peer.pid : 0,
	                         .uid = l->client && l->client->known ? l->client->peer.uid
	                                                              : UINT32_MAX,
	                         .credit = type == BRIDGE_TAKEN ? l->at[w].taken : l->ahead};
	return type != 0;
}

static void sent(struct gw_listener *l, unsigned w, uint8_t type)
{
	uint32_t bit = 1u << w;

	if (type == BRIDGE_LISTEN || type == BRIDGE_DATAGRAMS) {
		l->tell &= ~bit;
		l->held |= bit;
	} else if (type == BRIDGE_UNLISTEN) {
		l->untell &= ~bit;
		l->at[w].taken = 0;
	} else {
		l->at[w].taken = 0;
	}
}

/* Tells workers what they have not been told yet about l. Those in *full have no room in their rings: nothing overtakes what they were
 * owed before. True when l owes nothing more. */
static bool flush_one(struct gateway *g, struct gw_listener *l, uint32_t *full)
{
	bool all = true;

	for (unsigned w = 0; w < g->nbridges; w++) {
		struct bridge *b = g->bridges[w];
		struct bridge_msg m;

		while (next_message(l, w, &m)) {
			m.listener = &l->at[w].shared;
			m.app = l->app ? &l->app->ports[w] : NULL;
			if ((*full & 1u << w) || !bridge_put(&b->to_worker_tx, &m)) {
				*full |= 1u << w;
				all = false;
				break;
			}
			b->to_worker_new = true;
			sent(l, w, m.type);
		}
	}
	return all;
}

void gw_listeners_flush(struct gateway *g)
{
	struct gw_listener *l, *next;
	uint32_t full = 0;

	for (l = TAILQ_FIRST(&g->owe_listeners); l; l = next) {
		next = TAILQ_NEXT(l, owe_link);
		if (!flush_one(g, l, &full))
			continue;
		TAILQ_REMOVE(&g->owe_listeners, l, owe_link);
		l->owing = false;
		end(g, l);
	}
}
