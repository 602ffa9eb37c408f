/* SPDX-License-Identifier: BSD-3-Clause */
/* What belongs to the application alone of its streams: views of the rings, the table of sockets, lists of slots. It lies in anonymous shared
 * memory, so that processes that fork share it as they share the segment; the daemon does not reach it. */
#pragma once
#include "ipc/applane.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NONE  UINT32_MAX /* no slot, no socket */
#define SEATS 256u       /* processes that share the sockets of one application */
#define CHANGES \
	16384u /* of sockets in epoll sets, that are kept for processes to read; a power of two */

/* ---- slots of the segment ---- */

enum slot_state {
	SLOT_FREE,
	SLOT_HELD,    /* by a socket: its stream, or what its listener waits on */
	SLOT_POSTED,  /* the worker puts the next connection of `sock` into it */
	SLOT_QUEUED,  /* it holds a connection that `sock` has not accepted yet */
	SLOT_CLOSING, /* nobody's any more; the worker has not told APPSEG_FREE */
};

/* One slot; all of it under the region's lock. */
struct slot {
	uint8_t state;  /* enum slot_state */
	uint8_t worker; /* in whose lane its messages go */
	bool posted; /* closing: it was given to a listener, and the worker may not have used it */
	bool close_due; /* closing: CLOSE is not sent yet */
	bool abort;     /* closing: with a reset */
	bool filled;    /* its rings may have pages of streams before */
	bool grown;     /* its out ring may become as large as the segment has room for */
	bool listens; /* a listener's own: it is free when no posted slot names it any more, and no worker tells APPSEG_FREE */
	uint16_t port;     /* queued: the peer's */
	uint32_t sock;     /* held: the socket; posted, queued: the listening one; else NONE */
	uint32_t listener; /* posted to: that listener's own slot; NONE: to none */
	uint32_t children; /* listens: slots whose `listener` is this one */
	uint32_t next;     /* in the list that it is in */
	struct node_id peer;
};

/* ---- sockets ---- */

enum sock_state {
	SOCK_UNUSED,
	SOCK_NEW,        /* neither connected nor listening; also after a connect that failed */
	SOCK_CONNECTING, /* CONNECT is sent */
	SOCK_UP,         /* connected, until it is closed */
	SOCK_LISTENING,
	SOCK_BOUND, /* for datagrams, with a port */
};

/* Bits of sock.flags. */
#define SOCK_F_NONBLOCK    1u
#define SOCK_F_SHUT_RD     2u
#define SOCK_F_SHUT_WR     4u
#define SOCK_F_ERROR_TAKEN 8u   /* the stream's error was returned once */
#define SOCK_F_CONNECTED   16u  /* a connect() has returned 0 */
#define SOCK_F_FAILED      32u  /* the last connect failed */
#define SOCK_F_BROKEN      64u  /* the other side's words were impossible: EPROTO */
#define SOCK_F_GONE        128u /* a listener, or a port for datagrams, that the daemon has ended */
#define SOCK_F_DATAGRAM    256u /* of type SOCK_DGRAM; connected: it has a peer */
#define SOCK_F_WATCHED     (1u << 16) /* some process has or had it in an epoll set */

#define SOCK_OPTIONS 16 /* settings of TCP kept for a socket that is not connected yet */

struct sock {
	/* Each direction: its view of the ring, and whose turn it is. send is also taken to change state and slot. Where both: recv first. */
	pthread_mutex_t recv, send;
	_Atomic uint32_t state; /* enum sock_state */
	_Atomic uint32_t flags;
	_Atomic uint32_t use;    /* another one each time that the entry is used anew */
	_Atomic int32_t failure; /* positive errno of a connect that failed, until it is told */
	_Atomic uint64_t
	        holders[SEATS / 64]; /* processes that hold it; changed under the region's lock */
	/* The process that is to free the entry, as the last that held it: its seat + 1, 0: none. Under the region's lock. */
	uint32_t releaser;
	uint32_t next; /* unused: the next such entry */
	uint32_t slot; /* NONE: none */
	uint32_t worker;
	struct bytering out, in;
	uint32_t borrowed,
	        reserved; /* bytes at the read and the write position that the caller has in its hands */
	struct node_id peer;
	uint16_t peer_port, bound_port;
	bool bound;
	/* listening */
	uint32_t token, backlog;
	uint16_t posted
	        [APPLANE_WORKERS_MAX]; /* slots with each worker, or queued; under the region's lock */
	uint32_t queue_first, queue_last, queued; /* under the region's lock */
	/* options */
	_Atomic int64_t recv_timeout, send_timeout; /* ns, 0: none */
	int32_t linger_s;                           /* -1: off */
	int32_t keepidle_s;
	bool keepalive, reuseaddr, reuseport;
	bool direct;           /* COYO_PATH is COYO_PATH_DIRECT */
	int32_t rcvlowat;      /* bytes, at least 1 */
	int32_t notsent_lowat; /* as set; bytes, unsigned, 0: no limit */
	uint32_t option_set;   /* bit: option[i] was set */
	int64_t option[SOCK_OPTIONS];
};

/* One of the slots of a socket for datagrams. What is of the whole socket stands in its first slot's. */
struct dgram_end {
	struct bytering out, in;
	uint32_t turn; /* whose worker's ring is read next */
	uint32_t slot[APPLANE_WORKERS_MAX];
};

/* ---- lanes, processes ---- */

struct lane {
	pthread_mutex_t put, take;
	struct bytering requests, events;
};

enum seat_state { SEAT_FREE, SEAT_PROMISED, SEAT_TAKEN };

/* A process. It holds a lock on byte `number` of the segment's file as long as it lives and has not called exec. */
struct seat {
	uint8_t state;       /* enum seat_state */
	int64_t promised_at; /* ns: to a child that fork() is making */
};

struct region {
	struct appseg_layout layout;
	struct node_id local;
	uint32_t socks_max;
	_Atomic uint32_t dead;       /* the daemon is gone */
	_Atomic uint32_t option_seq; /* numbers for OPTION */
	_Atomic uint32_t waits;      /* numbers of announced sleeps: wait_announce() */
	pthread_mutex_t request;     /* a line and its answer on the connection */
	uint32_t owed;         /* answers that were not waited for to their end; under that lock */
	pthread_mutex_t table; /* lists, slots, holders, seats */
	/* Lists and how much of each array was ever used. */
	uint32_t slot_free, slots_used, closing_first, closing_last;
	uint32_t filled; /* of the free ones: how many keep the memory of their rings */
	uint32_t grown;  /* how many are */
	uint32_t sock_free, socks_used, socks_open;
	struct seat seat[SEATS];
	uint32_t seats_used;
	_Atomic int64_t swept_at; /* ns: when seats were last looked at */
	bool orphans;             /* a process has ended, and its sockets are not all looked at */
	/* Threads that sleep until the daemon writes to the descriptor that wakes the application. */
	pthread_mutex_t sleep;
	uint32_t sleepers;
	uint32_t armed; /* how often app_asleep was set since wakes were last read */
	/* Changes of sockets in epoll sets: how many there were, and whether any socket is in one. */
	pthread_mutex_t change;
	_Atomic uint64_t changes;
	_Atomic uint32_t watched;
	struct lane lane[APPLANE_WORKERS_MAX];
	/* struct slot[layout.slots], struct sock[socks_max], struct dgram_end[layout.slots], which streams do not touch, and uint32_t[CHANGES]: the
	 * indices of the sockets that changed. */
};

/* The slots of the region. */
static inline struct slot *region_slots(struct region *r)
{
	return (struct slot *)(r + 1);
}
/* Where its sockets begin. */
static inline size_t region_socks_at(const struct region *r)
{
	return (sizeof(*r) + r->layout.slots * sizeof(struct slot) + COYO_CACHELINE - 1) /
	       COYO_CACHELINE * COYO_CACHELINE;
}
/* Its sockets. */
static inline struct sock *region_socks(struct region *r)
{
	return (struct sock *)((char *)r + region_socks_at(r));
}
/* Where the ends of sockets for datagrams begin. */
static inline size_t region_dgrams_at(const struct region *r)
{
	return (region_socks_at(r) + r->socks_max * sizeof(struct sock) + COYO_CACHELINE - 1) /
	       COYO_CACHELINE * COYO_CACHELINE;
}
/* They, by slot. */
static inline struct dgram_end *region_dgrams(struct region *r)
{
	return (struct dgram_end *)((char *)r + region_dgrams_at(r));
}
/* Where the last changes begin. */
static inline size_t region_changed_at(const struct region *r)
{
	return region_dgrams_at(r) + r->layout.slots * sizeof(struct dgram_end);
}
/* They, each at its number modulo CHANGES. */
static inline uint32_t *region_changed(struct region *r)
{
	return (uint32_t *)((char *)r + region_changed_at(r));
}
/* The whole region. */
static inline size_t region_bytes(const struct region *r)
{
	return region_changed_at(r) + CHANGES * sizeof(uint32_t);
}
