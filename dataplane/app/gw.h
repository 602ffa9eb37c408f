/* SPDX-License-Identifier: BSD-3-Clause */
/* The gateway's inside: clients, listeners and streams of its one thread; internal to dataplane/app. */
#pragma once
#include "app/gw_user.h"
#include "app/gateway.h"
#include "ipc/appabi.h"

#include <pthread.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum gw_kind { GW_SERVER = 1, GW_DOOR, GW_WAKE, GW_CLIENT, GW_STREAM, GW_FORWARD };

/* What epoll points at. Freed at the end of the round in which it died, as events of that round may still name it. */
struct gw_node {
	enum gw_kind kind;
	bool dead;
};

/* Messages that a stream still owes its worker. */
#define OWE_CONNECT 1u
#define OWE_KICK    2u
#define OWE_LET_GO  4u
#define OWE_ATTACH  8u

struct gw_stream {
	struct gw_node node;
	struct app_stream *stream; /* the worker's: freed here, of which the owner is read here */
	struct appseg_side side;   /* the gateway's view */
	unsigned worker;
	int fd;                   /* the gateway's end; -1: not made yet, or closed */
	int app_fd;               /* the application's end until it has been passed on, else -1 */
	struct gw_client *client; /* who waits for it */
	struct gw_user *user;     /* who pays for it; NULL: nobody who is known */
	uint32_t owe;
	uint32_t conn;     /* the worker's handle of a connection that was accepted */
	uint16_t port;     /* remote port (connect), remote port (accept) */
	struct node_id id; /* the other side */
	bool attached;     /* the worker holds `shared` */
	bool early;        /* passed on already and not connected yet; app_fd is held, too */
	uint16_t filler;   /* bytes that keep it from being written to while it is early */
	bool tcp;          /* of a forward: fd is a TCP socket, not the end of a socketpair */
	bool can_read, can_write, dialling; /* dialling: it is being connected */
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

struct gw_client;
TAILQ_HEAD(gw_clients, gw_client);

#define GW_HERE 255 /* in place of a worker: a stream within this node */

struct gw_at_worker {
	struct app_listener shared;
	uint32_t taken; /* credit that the worker is owed */
};

struct gw_listener {
	uint32_t token; /* generation << 16 | index */
	uint16_t port;
	bool datagrams, shared; /* a port for them; others of the same user may listen there */
	uint32_t uid, backlog;  /* shared: the user; of TCP, on each worker */
	uint32_t ahead;    /* streams of each worker that may lie in the client's socket untaken */
	uint32_t here_max; /* ... of this node */
	struct gw_client *client; /* NULL: being withdrawn */
	struct gw_user *user;     /* kept until no worker holds it; NULL: nobody who is known */
	/* Whose slots its connections go into; NULL: they are passed to the client as descriptors. */
	struct gw_app *app;
	uint32_t tell, untell;  /* workers to send LISTEN to; UNLISTEN to */
	uint32_t waiting, held; /* workers whose LISTENING has not come; whose UNLISTENED has not */
	int err;
	bool owing;
	TAILQ_ENTRY(gw_listener) owe_link, app_link;
	/* Whose streams lie in the client's socket untaken, the oldest first; how many of them are of this node. */
	uint8_t *order;
	uint32_t order_cap, order_first, order_n, here_n;
	/* The next of those that share the port; itself where none does. */
	struct gw_listener *beside;
	struct gw_clients here; /* clients of this node that wait until one is taken */
	struct gw_at_worker at[];
};
TAILQ_HEAD(gw_listeners, gw_listener);

TAILQ_HEAD(gw_apps, gw_app);
TAILQ_HEAD(gw_forwards, gw_forward);

struct gw_client {
	struct gw_node node;
	int fd;
	struct ucred peer;    /* who connected, if that is known */
	bool known, busy;     /* peer is; a request is being worked on: further lines wait */
	struct gw_user *user; /* NULL: nobody who is known, or the process that the stack runs in */
	bool mute;            /* it has asked for nothing so far; since came_at, ns */
	int64_t came_at;
	size_t have;
	struct gw_stream *connecting;
	struct gw_listener *listener;
	struct gw_app *app;         /* this connection is that application */
	struct gw_streams accepted; /* streams whose accept line cannot be sent yet */
	struct gw_listener *here;   /* of this node, at which it waits for room */
	/* It is no application: what it accepts goes there. It has no descriptor, and is in no list. */
	struct gw_forward *forward;
	TAILQ_ENTRY(gw_client) all, here_link, mute_link;
	char line[APP_LINE_MAX];
};
#define GW_LISTENERS_MAX 65536u
#define GW_PORTS         (2 * 65536u)

/* The gateway thread's alone while it runs, except where something else is said; before and after, of whoever starts and stops it. */
struct gateway {
	struct node_id id;
	char path[108];
	struct stat made; /* the socket as made here: only that one is removed at the end */
	struct bridge *const *bridges;
	unsigned nbridges;
	int epoll, server, wake;
	int door; /* dp_cfg.app_door; 0: none */
	struct gw_node server_node, door_node, wake_node;
	bool server_paused,
	        fd_closed; /* out of descriptors, so that clients wait; in this round one has been closed */
	unsigned fds; /* held for clients and streams */
	/* Of them: the rest of the process's limit is left to links and operators. */
	unsigned fds_max;
	unsigned nclients;  /* at most half of fds_max: mute clients leave room for streams */
	uint32_t free_port; /* last port given to a listener that asked for any */
	uint32_t here_port; /* last port given to a stream within this node */
	uint32_t line_cost; /* what the kernel counts for one accept line that lies in a socket */
	_Atomic uint32_t
	        asleep; /* set by the gateway, taken back by it or by the worker that wakes it */
	_Atomic uint32_t stop; /* set by control */
	pthread_t thread;
	bool running;
	struct gw_clients clients, dead_clients, mute; /* mute: in the order of their coming */
	struct gw_forwards forwards, dead_forwards;
	_Atomic(struct gw_forward *) posted;
	/* A forward could not have its port of this node; since then a listener has gone. */
	bool forwards_wait, port_freed;
	struct gw_streams streams, dead_streams, ready, owe[32];
	struct gw_listeners owe_listeners;
	struct gw_apps apps, owe_apps;
	struct gw_limits limits;
	uint32_t slots_max, apps_max;   /* of one application; of one user */
	bool privileged;                /* any client may listen below 1024 */
	struct gw_listener **listeners; /* by index; NULL: free */
	uint32_t nlisteners, listener_generation;
	uint32_t *port_token; /* by port, of streams and then of datagrams; 0: free */
	struct names *names;  /* NULL: none */
	_Atomic(struct names *)
	        names_to_come; /* put by control, taken by the gateway; NULL: none */
};

/* gw_round.c: no client, stream or listener, and nothing is owed. */
void gw_lists_init(struct gateway *g);
/* Handles once what has come from applications and workers; wait: sleeps until something comes, if nothing is to be done. */
void gw_round(struct gateway *g, bool wait);
/* Frees the streams and clients that died in this round. */
void gw_bury(struct gateway *g);

/* gw_names.c: the answer to a question for a name, or for the name of an id. */
void gw_resolve(struct gateway *g, const struct app_request *req, struct app_answer *ans);
/* Frees the names; at the gateway's end. */
void gw_names_end(struct gateway *g);

/* gw_fd.c: a descriptor of a client or a stream is no longer held; *fd becomes -1. Nothing where it is -1 already. */
void gw_close(struct gateway *g, int *fd);
/* A socketpair with large buffers, both ends counted as held. 0 or -errno; -EMFILE: streams have all that they may. */
int gw_pair(struct gateway *g, int fd[2]);
/* Gives a socket the large buffer that the two of gw_pair() have. */
void gw_enlarge(int fd);

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

/* gw_listener.c: client c listens on a port, alone or not; 0 or -errno. Every worker is told, and gw_listening() collects the answers. */
int gw_listen(struct gateway *g, struct gw_client *c, uint16_t port, uint32_t backlog, bool shared);
/* The listener's client lets go of it; every worker is told. */
void gw_unlisten(struct gateway *g, struct gw_listener *l);
/* The listener of a token, or NULL: it is gone or on its way. */
struct gw_listener *gw_listener_of(struct gateway *g, uint32_t token);
/* A worker's answer. Returns the listener when it was the last one that was missing (its err tells), else NULL. */
struct gw_listener *gw_listening(struct gateway *g, unsigned worker, uint32_t token, int err);
/* A worker holds the listener no more. */
void gw_unlistened(struct gateway *g, unsigned worker, uint32_t token);
/* Sends what workers have not been told as far as their rings have room. */
void gw_listeners_flush(struct gateway *g);
/* Some worker is to be told something about it. */
void gw_listener_owe(struct gateway *g, struct gw_listener *l);

/* gw_client.c: new clients wait at the server's socket, or may be accepted again. */
void gw_serve(struct gateway *g);
/* What epoll tells about a client's connection. */
void gw_client_event(struct gateway *g, struct gw_client *c, uint32_t events);
/* Closes the connection and lets go of what it holds; freed at the end of the round. */
void gw_client_free(struct gateway *g, struct gw_client *c);
/* The client's listener is ready (err 0) or cannot be: it is answered. l NULL: there is none, and err says why. */
void gw_client_listening(struct gateway *g, struct gw_client *c, struct gw_listener *l, int err,
                         uint16_t port);
/* The stream that a client asked for is connected, or cannot be: it is answered. err: positive errno. */
void gw_connected(struct gateway *g, struct gw_stream *s, uint16_t local_port);
void gw_failed(struct gateway *g, struct gw_stream *s, int err);
/* Sends one line, with a descriptor if fd >= 0. 0, -EAGAIN (nothing was sent), or another -errno. */
int gw_send_line(struct gw_client *c, const struct app_answer *ans, int fd);
/* The same with n descriptors, at most what `segment` comes with. */
int gw_send_fds(struct gw_client *c, const struct app_answer *ans, const int *fd, unsigned n);
/* Answers that a connect has failed. err: positive errno. */
void gw_fail_connect(struct gateway *g, struct gw_client *c, int err, const struct node_id *id,
                     uint16_t port);
/* The client's request has been answered: its next one is worked on. */
void gw_client_not_busy(struct gateway *g, struct gw_client *c);
/* After a change of what the client waits for. */
void gw_client_watch(struct gateway *g, struct gw_client *c);
