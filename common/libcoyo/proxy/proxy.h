/* SPDX-License-Identifier: BSD-3-Clause */
/* coyo proxy: one thread, one epoll, any number of clients; each is a socket here and a stream of the daemon. */
#pragma once
#include "libcoyo/coyo.h"
#include "libcoyo/proxy/lookup.h"
#include "libcoyo/proxy/request.h"

#include <stdbool.h>
#include <sys/queue.h>

#define PROXY_LISTENERS_MAX 16

struct proxy_cfg {
	const char *socket; /* of the daemon; NULL: the usual one */
	struct sockaddr_storage at[PROXY_LISTENERS_MAX];
	unsigned listeners;
	bool direct;                     /* what is not of this network goes to the ordinary one */
	const struct proxy_login *login; /* NULL: none is asked for */
	unsigned idle_s;                 /* so long an association may carry nothing */
};

/* Serves until SIGTERM or SIGINT: 0. Else -errno and a sentence in why. One line on standard error names each address when all are served. */
int proxy_run(const struct proxy_cfg *cfg, char why[COYO_WHY_MAX]);

/* What epoll points at. */
enum proxy_kind { PROXY_LISTENER = 1, PROXY_SIGNALS, PROXY_FOUND, PROXY_NEAR, PROXY_FAR };

struct associations;

struct proxy_watch {
	enum proxy_kind kind;
	int fd; /* -1: none */
};

/* One of a client's two descriptors, which do not block; what came in over the other and waits to go out here is in `held`. */
struct proxy_end {
	struct proxy_watch watch;
	bool stream; /* of the daemon, else a TCP socket */
	bool can_read, can_write;
	bool hup;  /* nothing more will come than lies in its queue */
	bool kept; /* stream: the first byte of its queue was passed on already */
	bool eof;  /* all that it had to say was read */
	bool shut; /* it was told that no more comes */
	bool deaf; /* it takes nothing any more */
	uint8_t *held;
	size_t held_at, held_n;
};

enum proxy_state {
	PROXY_ASKING,  /* has not said yet what it wants */
	PROXY_OPENING, /* a name is looked up, or far.watch.fd is being connected */
	PROXY_AGAIN,   /* the daemon has too many callers: asked again in a moment */
	PROXY_ENDING,  /* a last reply is on its way */
	PROXY_STATES_TIMED,
	PROXY_RELAYING = PROXY_STATES_TIMED,
	PROXY_DEAD, /* freed at the end of the round, as events of it may still name it */
};

/* Until a client relays. */
struct proxy_asking {
	struct proxy_request request;
	struct proxy_lookup *lookup; /* NULL: nothing is looked up */
	struct sockaddr_coyo to;
	struct sockaddr_storage direct[PROXY_DIRECT_MAX]; /* addresses of the ordinary network */
	unsigned ndirect, tried;
	unsigned again; /* so many times the daemon had too many callers */
	size_t n, cap;
	uint8_t *bytes; /* received and not used */
};

struct proxy_client {
	enum proxy_state state;
	bool ready;     /* in that list */
	uint64_t since; /* ms: when it got into its state */
	struct proxy_end near, far;
	struct proxy_asking *asking; /* NULL: it relays */
	TAILQ_ENTRY(proxy_client) link, ready_link;
};
TAILQ_HEAD(proxy_clients, proxy_client);

struct proxy {
	const struct proxy_cfg *cfg;
	int epoll;
	struct proxy_watch listeners[PROXY_LISTENERS_MAX], signals, found;
	struct proxy_finder *finder;
	struct associations *associations;
	unsigned nclients, nclients_max;
	bool paused, stopping;
	uint64_t paused_at; /* ms */
	uint64_t now;       /* ms */
	/* By state, those that came last at the end; and those that can go on without waiting. */
	struct proxy_clients in[PROXY_DEAD + 1], ready;
	uint8_t *scratch; /* PROXY_CHUNK */
};

#define PROXY_CHUNK (64 * 1024)

/* proxy.c: small writes of a TCP socket go out at once, and a peer that has vanished is noticed. */
void proxy_tcp_options(int fd);
/* Watches fd by edges for this end of a client; -1: epoll refuses it. */
int proxy_watch_end(struct proxy *x, struct proxy_end *e, int fd);
/* The client gets into a state, whose time begins. */
void proxy_enter(struct proxy *x, struct proxy_client *c, enum proxy_state state);
/* It is worked on in this round or the next. */
void proxy_ready(struct proxy *x, struct proxy_client *c);
/* Closes all that the client has; reset: its ends are told that the stream broke. */
void proxy_drop(struct proxy *x, struct proxy_client *c, bool reset);

/* proxy_client.c: from a client's first byte until it relays. Goes on as far as it can. */
void proxy_client_go(struct proxy *x, struct proxy_client *c);
/* What epoll tells about its far end, which is being connected. */
void proxy_client_far(struct proxy *x, struct proxy_client *c);
/* A name was looked up. */
void proxy_client_found(struct proxy *x, struct proxy_client *c, struct proxy_lookup *l);
/* Its time in its state is over. */
void proxy_client_late(struct proxy *x, struct proxy_client *c);

/* proxy_relay.c: moves bytes both ways as far as they go, and ends of stream and resets with them. */
void proxy_relay(struct proxy *x, struct proxy_client *c);
/* Sends p as far as the end takes it, and holds the rest. The end must hold nothing. False: out of memory, or the end is broken. */
bool proxy_end_send(struct proxy_end *e, const void *p, size_t n);
/* Sends what is held. */
void proxy_end_flush(struct proxy_end *e);
/* Closes it, if it is open. */
void proxy_end_close(struct proxy_end *e, bool reset);
