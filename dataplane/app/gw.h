/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway's inside: clients, listeners and streams of its one thread; internal to dataplane/app. */
#pragma once
#include "app/gateway.h"
#include "ipc/appabi.h"

#include <pthread.h>
#include <sys/queue.h>
#include <sys/stat.h>

enum gw_kind { GW_SERVER = 1, GW_WAKE, GW_CLIENT, GW_STREAM };

/* What epoll points at. Freed at the end of the round in which it died, as events of that round may still name it. */
struct gw_node {
	enum gw_kind kind;
	bool dead;
};

/* Messages that a stream still owes its worker. */
#define OWE_CONNECT 1u
#define OWE_KICK    2u
#define OWE_LET_GO  4u

struct gw_stream {
	struct gw_node node;
	struct app_stream *shared;
	unsigned worker;
	int fd;                   /* the gateway's end; -1: not made yet, or closed */
	int app_fd;               /* the application's end until it has been passed on, else -1 */
	struct gw_client *client; /* who waits for it */
	uint32_t owe;
	uint16_t port;     /* remote port (connect), remote port (accept) */
	struct node_id id; /* the other side */
	bool attached;     /* the worker holds `shared` */
	bool can_read, can_write;
	bool rdhup, hup;    /* the application will write no more; will not read either */
	bool deaf;          /* it has shut its reading side: what comes is thrown away */
	bool unread;        /* it has left bytes unread: its close is a reset */
	bool app_eof;       /* its end of stream was passed on */
	bool net_eof;       /* the peer's end of stream was passed on */
	bool let_go, abort; /* LET_GO is owed or sent, as a reset */
	bool ready, owing;  /* in these lists */
	TAILQ_ENTRY(gw_stream) all, ready_link, owe_link, wait_link;
};
TAILQ_HEAD(gw_streams, gw_stream);

struct gw_listener {
	uint32_t token; /* generation << 16 | index */
	uint16_t port;
	uint32_t backlog;
	struct gw_client *client; /* NULL: being withdrawn */
	uint32_t tell;            /* workers to send LISTEN to */
	uint32_t untell;          /* ... UNLISTEN to */
	uint32_t waiting;         /* workers whose LISTENING has not come */
	int err;
	bool owing;
	TAILQ_ENTRY(gw_listener) owe_link;
};
TAILQ_HEAD(gw_listeners, gw_listener);

struct gw_client {
	struct gw_node node;
	int fd;
	bool busy; /* a request is being worked on: further lines wait */
	bool want_write;
	size_t have;
	struct gw_stream *connecting;
	struct gw_listener *listener;
	struct gw_streams accepted; /* streams whose accept line does not fit the socket yet */
	uint32_t naccepted;
	TAILQ_ENTRY(gw_client) all;
	char line[APP_LINE_MAX];
};
TAILQ_HEAD(gw_clients, gw_client);

#define GW_LISTENERS_MAX 65536u

/* The gateway thread's alone while it runs, except where something else is said; before and after, of whoever starts and stops it. */
struct gateway {
	struct node_id id;
	char path[108];
	struct stat made; /* the socket as made here: only that one is removed at the end */
	struct bridge *const *bridges;
	unsigned nbridges;
	int epoll, server, wake;
	struct gw_node server_node, wake_node;
	bool server_paused; /* out of descriptors: clients wait */
	bool fd_closed;     /* in this round: they may be accepted again */
	unsigned fds;       /* held for clients and streams */
	/* Of them: the rest of the process's limit is left to links and operators. */
	unsigned fds_max;
	unsigned nclients;  /* at most half of fds_max: mute clients leave room for streams */
	uint32_t here_port; /* last port given to a stream within this node */
	_Atomic uint32_t
	        asleep; /* set by the gateway, taken back by it or by the worker that wakes it */
	_Atomic uint32_t stop; /* set by control */
	pthread_t thread;
	bool running;
	struct gw_clients clients, dead_clients;
	struct gw_streams streams, dead_streams, ready, owe[32];
	struct gw_listeners owe_listeners;
	struct gw_listener **listeners; /* by index; NULL: free */
	uint32_t nlisteners, listener_generation;
	uint32_t *port_token; /* by port, 0: nobody listens */
};

/* gw_fd.c: a descriptor of a client or a stream is no longer held; *fd becomes -1. Nothing where it is -1 already. */
void gw_close(struct gateway *g, int *fd);
/* A socketpair with large buffers, both ends counted as held. 0 or -errno; -EMFILE: streams have all that they may. */
int gw_pair(struct gateway *g, int fd[2]);

/* gw_stream.c: a stream without descriptors, or NULL. */
struct gw_stream *gw_stream_new(struct gateway *g, unsigned worker);
/* Makes fd and app_fd. 0 or -errno. */
int gw_stream_pair(struct gateway *g, struct gw_stream *s);
/* What epoll tells about the gateway's end. */
void gw_stream_event(struct gateway *g, struct gw_stream *s, uint32_t events);
/* Moves bytes both ways as far as rings and socket go, and passes ends of stream on. */
void gw_stream_pump(struct gateway *g, struct gw_stream *s);
/* It is pumped in this round. */
void gw_stream_ready(struct gateway *g, struct gw_stream *s);
/* Its worker is told OWE_..., when the ring has room. */
void gw_stream_owe(struct gateway *g, struct gw_stream *s, uint32_t what);
/* Closes its descriptors; the worker is told to let go, with a reset where abort is set. Once. */
void gw_stream_let_go(struct gateway *g, struct gw_stream *s, bool abort);
/* The worker has let go, or never held it: it is freed at the end of the round. */
void gw_stream_kill(struct gateway *g, struct gw_stream *s);
/* Sends what streams owe a worker as far as its ring has room. */
void gw_streams_flush(struct gateway *g, unsigned worker);
void gw_stream_free(struct gw_stream *s);

/* gw_listener.c: client c listens on a port; 0 or -errno. Every worker is told, and gw_listening() collects the answers. */
int gw_listen(struct gateway *g, struct gw_client *c, uint16_t port, uint32_t backlog);
/* The listener's client lets go of it; every worker is told. */
void gw_unlisten(struct gateway *g, struct gw_listener *l);
/* The listener of a token, or NULL: it is gone or on its way. */
struct gw_listener *gw_listener_of(struct gateway *g, uint32_t token);
/* A worker's answer. Returns the listener when it was the last one that was missing (its err tells), else NULL. */
struct gw_listener *gw_listening(struct gateway *g, unsigned worker, uint32_t token, int err);
/* Sends what workers have not been told as far as their rings have room. */
void gw_listeners_flush(struct gateway *g);

/* gw_client.c: new clients wait at the server's socket, or may be accepted again. */
void gw_serve(struct gateway *g);
/* What epoll tells about a client's connection. */
void gw_client_event(struct gateway *g, struct gw_client *c, uint32_t events);
/* The client's listener is ready (err 0) or cannot be: it is answered. */
void gw_client_listening(struct gateway *g, struct gw_client *c, int err, uint16_t port);
/* The stream that a client asked for is connected, or cannot be: it is answered. err: positive errno. */
void gw_connected(struct gateway *g, struct gw_stream *s, uint16_t local_port);
void gw_failed(struct gateway *g, struct gw_stream *s, int err);
/* A connection has come for a listener: its stream, or NULL: nobody takes it. */
struct app_stream *gw_accepted(struct gateway *g, unsigned worker, const struct bridge_msg *m);
