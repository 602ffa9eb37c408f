/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the gateway thread and one worker: two rings of small messages, and per stream what ipc/appseg.h says. The
 * gateway allocates and frees; the worker holds a stream from CONNECT or ATTACH until it answers LET_GO with GONE, a listener likewise. Neither side ever waits
 * for the other: a message that finds its ring full is sent later, and a stream has at most one KICK under way each way. */
#pragma once
#include "base/time.h"
#include "ipc/appopts.h"
#include "ipc/appseg.h"
#include "ipc/bytering.h"
#include "wire/id.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#define BRIDGE_MSGS         1024         /* slots of each message ring */
#define BRIDGE_STREAM_BYTES (256 * 1024) /* each direction of one stream */

enum bridge_msg_type {
	/* gateway -> worker */
	BRIDGE_CONNECT = 1, /* stream, id, port */
	BRIDGE_LISTEN, /* listener, token, port, backlog, credit; app: its connections go into slots that the application gives */
	BRIDGE_DATAGRAMS, /* listener, token, port, app: a port for datagrams; else all is as with a listener of that application */
	BRIDGE_TAKEN,     /* listener, credit: that many more may be offered */
	BRIDGE_UNLISTEN,  /* listener */
	BRIDGE_ATTACH,    /* conn (of an ACCEPT), stream */
	BRIDGE_REFUSE,    /* conn (of an ACCEPT): nobody takes it */
	BRIDGE_LET_GO, /* stream, abort: the last message about it; after what was written comes FIN, or RST */
	BRIDGE_APP_ATTACH, /* app: from now on its lane is looked at */
	BRIDGE_APP_LEAVE, /* app: the application is gone; what it has written is delivered, all else ends */
	/* both ways: look at the stream's rings and flags */
	BRIDGE_KICK,
	/* worker -> gateway */
	BRIDGE_CONNECTED,    /* stream, port: the local one */
	BRIDGE_FAILED,       /* stream, err: not connected; LET_GO is due */
	BRIDGE_LISTENING,    /* token, err */
	BRIDGE_UNLISTENED,   /* token: the worker will not touch the listener again */
	BRIDGE_ACCEPT,       /* token, conn, id, port: the remote one; takes one credit */
	BRIDGE_GONE,         /* stream: the worker will not touch it again */
	BRIDGE_APP_ATTACHED, /* app */
	BRIDGE_APP_GONE,     /* app: the worker will not touch it again, nor any of its slots */
};

struct app_port;
struct app_stream;
struct tcp_charge;
TAILQ_HEAD(app_streams, app_stream);

struct bridge_msg {
	uint8_t type; /* enum bridge_msg_type */
	bool abort;   /* LET_GO: reset */
	uint16_t port;
	int32_t err;   /* positive errno, 0: none */
	uint32_t conn; /* the worker's TCP handle */
	uint32_t backlog;
	uint32_t token; /* a listener, named by the gateway */
	uint32_t credit;
	struct app_stream *stream;
	struct app_listener *listener;
	struct app_port *app; /* of an application that has a segment (session/lane.h) */
	struct node_id id;
	/* LISTEN: whose it is, uid UINT32_MAX: nobody's who is known; others may have the port as well */
	uint32_t pid, uid;
	bool shared;
	uint8_t pad[7];
};
_Static_assert(sizeof(struct bridge_msg) == 128, "a power of two, so that slots never wrap");

/* A stream on the worker's side: its thread's alone while the worker holds the stream, except `owner`. */
struct app_stream {
	struct appseg_side side;
	void *owner; /* the gateway's: written before the worker hears of the stream, and read by the gateway alone */
	uint32_t pid,
	        uid; /* whose it is; written likewise. uid UINT32_MAX: nobody's who is known */
	/* The gateway's stream: its user's; written likewise. NULL: nobody pays. */
	struct tcp_charge *payer;
	/* Of the application that has it in a slot (session/lane.h); NULL: it is the gateway's. */
	struct app_port *port;
	struct app_listener *posted; /* at which it waits for a connection; NULL: it does not */
	TAILQ_ENTRY(app_stream) news_link; /* in the list of streams with something to announce */
	uint32_t announce;                 /* bits 1 << enum bridge_msg_type not sent yet */
	uint32_t conn, remote;
	uint16_t local_port;
	int32_t err; /* positive errno of a connection that failed or broke */
	bool listed, connecting;
	bool charged; /* to the account of its application */
	bool shut;    /* TCP was told to send FIN */
	bool hangup;  /* the peer's FIN has come */
	bool broken; /* the connection has ended with err; what was received before still moves on */
	bool err_taken; /* by a write: TCP tells it once, so reading no longer tells it from the peer's FIN */
	bool ended;   /* and that was told: no byte moves any more */
	bool closing; /* LET_GO has come */
	bool gone;    /* and the worker has let go; its user is still to be told */
	bool abort;   /* closing: a reset follows the last byte */
	bool watched; /* in the list of streams whose bytes must make progress */
	/* Watched: bytes that the peer had acknowledged at the last look; the connection is reset when no more have been until expiry. */
	uint64_t acked;
	struct instant expiry;
	TAILQ_ENTRY(app_stream)
	watch_link;       /* watched, or posted, or an application's that is gone */
	uint32_t notsent; /* TCP_NOTSENT_LOWAT (session/lowat.h), 0: none */
	bool in_lowat;    /* in the list of those that are looked at when something was sent */
	TAILQ_ENTRY(app_stream) lowat_link;
	bool direct; /* asked for: its bytes cross the link to its peer and no other (session/direct.h) */
	bool in_direct; /* in the list of those */
	/* It has no connection yet, and waits for such a path to the peer's port, until expiry; settings of TCP that were made meanwhile, by a bit. */
	bool awaits_direct;
	uint16_t peer_port;
	uint32_t early_set, early[APP_OPTIONS];
	TAILQ_ENTRY(app_stream) direct_link;
	/* Closing: bytes ever written to the out ring; what comes behind is nobody's. */
	uint64_t last;
	/* Who waits for bytes is not woken yet (session/hold.h): since when, and when the last of them came. in_limit: what its in ring may become by
	 * SO_RCVBUF; grown: that its ring may be large is charged to its application. */
	bool held, grown;
	struct instant held_since, held_at;
	TAILQ_ENTRY(app_stream) held_link;
	uint32_t in_limit;
};

/* One worker's part of a listener. The gateway allocates and frees it; the worker alone uses it from LISTEN until it has answered UNLISTEN
 * with UNLISTENED. It offers no more connections than it has been given credit for, or slots: those that nobody takes wait in TCP, whose
 * backlog bounds them. */
struct app_listener {
	uint32_t token, conn;
	uint32_t credit;
	int32_t err;
	bool ready;         /* a connection may wait */
	bool listening_due; /* LISTENING is owed */
	bool unlistened;    /* UNLISTENED is owed */
	struct app_listener *next;
	/* Of an application that shares a segment, else NULL; and its slots that wait, the oldest first. */
	struct app_port *port;
	struct app_streams posted;
	uint32_t slot;                      /* the listener's own, as the application said */
	bool gone_due;                      /* LISTENER_GONE is owed to the application */
	struct app_listener *next_of_token; /* in the chain of its port */
	/* A port for datagrams (session/datagram.h): no connection is ever made, and the one slot that is posted stays. */
	bool datagrams;
	bool sending; /* in the list of those that may have some to send */
	uint16_t own_port;
	uint16_t peer_port; /* 0: it hears everybody, else only this port of peer */
	struct node_id peer;
	uint32_t in_most; /* bytes that may wait in the slot's in ring */
	struct app_listener *next_of_own_port, *next_sending;
	/* Of the port with this number: the next that shares it, itself where none does; which of them tells for all of them whose turn it is to take a
	 * connection, and what all backlogs are together (session/share.h). */
	uint16_t number;
	bool shared;
	uint32_t pid, uid; /* whose it is; uid UINT32_MAX: nobody's who is known */
	uint32_t backlog, backlog_sum;
	/* Its user's, for connections that wait; NULL: nobody pays. The gateway writes it before LISTEN, and keeps the user until UNLISTENED. */
	struct tcp_charge *payer;
	struct app_listener *beside, *first, *turn;
};

/* One for each worker. Both threads use it; each ring's ends say whose they are. */
struct bridge {
	/* gateway -> worker */
	struct bytering_shared to_worker_shared;
	_Atomic uint32_t worker_asleep; /* set by the worker, taken back by whoever comes first */
	int worker_fd;                  /* eventfd */
	int worker_epoll; /* in which the worker sleeps: the gateway adds what applications write; -1: none */
	struct bytering to_worker_tx /* gateway's */ COYO_ALIGNED(COYO_CACHELINE);
	struct bytering to_worker_rx /* worker's */ COYO_ALIGNED(COYO_CACHELINE);
	/* worker -> gateway */
	struct bytering_shared to_gateway_shared;
	_Atomic uint32_t *gateway_asleep; /* set by the gateway before its first message */
	int gateway_fd;
	struct bytering to_gateway_tx /* worker's */ COYO_ALIGNED(COYO_CACHELINE);
	struct bytering to_gateway_rx /* gateway's */ COYO_ALIGNED(COYO_CACHELINE);
	/* Something was put since the other side was last woken: the gateway's, the worker's. */
	bool to_worker_new COYO_ALIGNED(COYO_CACHELINE);
	bool to_gateway_new COYO_ALIGNED(COYO_CACHELINE);
	uint8_t *memory;
};

/* Empty rings and the worker's eventfd. 0 or -errno, and nothing is held. */
int bridge_init(struct bridge *b);
void bridge_free(struct bridge *b);

/* A stream with empty rings, or NULL. *app becomes the application's view of it. */
struct app_stream *stream_new(struct appseg_side *app);
/* The worker has said GONE, or never heard of it. */
void stream_free(struct app_stream *st);

/* Waking writes the eventfd only where the flag says that the other side sleeps. Both sides change the flag by atomic exchange:
 * whoever comes second sees what the other did before. */
void bridge_wake(_Atomic uint32_t *asleep, int fd);

/* A free slot of the ring (fill it, then commit), or NULL: full. */
static inline struct bridge_msg *bridge_slot(struct bytering *r)
{
	void *piece;

	return bytering_reserve(r, &piece) >= sizeof(struct bridge_msg) ? piece : NULL;
}

/* Copies one message in. False: full. */
static inline bool bridge_put(struct bytering *r, const struct bridge_msg *m)
{
	struct bridge_msg *slot = bridge_slot(r);

	if (!slot)
		return false;
	*slot = *m;
	bytering_commit(r, sizeof(*m));
	return true;
}

/* The oldest message in place (bridge_done() after use), or NULL. */
static inline const struct bridge_msg *bridge_peek(struct bytering *r)
{
	const void *piece;

	return bytering_peek(r, &piece) >= sizeof(struct bridge_msg) ? piece : NULL;
}

/* The message that bridge_peek() returned gives its slot back. */
static inline void bridge_done(struct bytering *r)
{
	bytering_consume(r, sizeof(struct bridge_msg));
}
