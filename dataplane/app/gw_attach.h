/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications that share a segment with the workers, as the gateway sees them; internal to dataplane/app. */
#pragma once
#include "app/gw.h"
#include "session/lane.h"

#define GW_RING_BYTES        (4u << 20) /* what a ring may become: appseg_plain() */
#define GW_SHARE_MAX         256u       /* listeners of one port: a worker walks over them */
#define GW_LISTENERS_APP_MAX 256u       /* listeners of one application that shares a segment */

/* An application that shares a segment with the workers. */
struct gw_app {
	struct app_segment seg;
	struct gw_client *client; /* NULL: it is gone */
	struct gw_user *user;
	struct app_account account;
	uint32_t told[ACCOUNT_LIMITS]; /* refusals that the log has told of */
	unsigned nworkers;
	uint32_t tell;       /* workers to send APP_ATTACH to */
	uint32_t untell;     /* ... APP_LEAVE to */
	uint32_t waiting;    /* workers whose APP_ATTACHED has not come */
	uint32_t held;       /* workers whose APP_GONE has not come */
	uint32_t nlisteners; /* some of them may be withdrawn, and held by workers */
	struct gw_listeners listeners;
	int memfd;
	int their_fd; /* reading end of what wakes it, until it is given */
	bool owing;
	TAILQ_ENTRY(gw_app) all, owe_link;
	struct app_port ports[]; /* for each worker; behind them the eventfd of each */
};

/* The eventfd of each worker that this application writes; -1: not made yet. */
static inline int *gw_app_wake_fds(struct gw_app *a)
{
	return (int *)(a->ports + a->nworkers);
}

/* The client becomes an application with at most so many slots (0: as many as it may have). 0: it is answered when every worker knows of it;
 * or -errno. */
int gw_attach(struct gateway *g, struct gw_client *c, uint32_t slots);
/* A worker's answer. True: it was the last one that was missing, and the client has been given its segment. */
bool gw_attached(struct gateway *g, unsigned worker, struct gw_app *a);
/* The application's connection has ended: its listeners are withdrawn, and every worker is told. */
void gw_app_leave(struct gateway *g, struct gw_app *a);
/* A worker holds nothing of it any more. */
void gw_app_gone(struct gateway *g, unsigned worker, struct gw_app *a);
/* Frees it where nobody holds it any more. */
void gw_app_end(struct gateway *g, struct gw_app *a);
/* Sends what workers have not been told about applications as far as their rings have room. */
void gw_apps_flush(struct gateway *g);
/* Frees all of them; no worker runs any more. */
void gw_apps_free(struct gateway *g);
/* gw_listener.c: as gw_listen(), a port for datagrams. */
int gw_datagrams(struct gateway *g, struct gw_client *c, uint16_t port);
/* Whether an application that shares a segment listens on this port, alone or with others. */
bool gw_app_listens(struct gateway *g, uint16_t port);
/* gw_stream.c: notes that the stream is the client's, whose user pays for it; before its worker hears of it. */
void gw_stream_of(struct gw_stream *s, const struct gw_client *c);
/* gw_client.c: whether the client's user may hold so many descriptors more. */
bool gw_client_may_hold(const struct gateway *g, const struct gw_client *c, uint32_t fds);
/* Notes who is at the other end of a new connection. */
void gw_peer_learn(struct gw_client *c);
/* The user at the other end. False: the kernel does not tell. */
bool gw_peer_uid(const struct gw_client *c, uint32_t *uid);
/* Whether the client's user may listen on this port. */
bool gw_may_listen(const struct gateway *g, const struct gw_client *c, uint16_t port);
