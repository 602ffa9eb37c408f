/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications that share a segment with the workers (ipc/applane.h): what the gateway allocates for one, and what each worker keeps of it. The
 * segment itself may be written by the application at any time; nothing of it is believed, and lane.c alone reads its messages. */
#pragma once
#include "base/bucket.h"
#include "base/time.h"
#include "ipc/applane.h"
#include "session/account.h"
#include "session/bridge.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define APP_TOKEN_CHAINS 64u

/* One application. The gateway makes it before the first worker hears of it, and frees it when no worker holds a port or a listener of it. */
struct app_segment {
	struct appseg_layout layout;
	uint8_t *at; /* the mapping: appseg_bytes() of it, shared with the application */
	struct app_stream *slots; /* one for each slot: its holder's alone */
	/* By slot: the number + 1 of the worker that holds it, 0: nobody. Workers change it, and each only between 0 and its own. */
	_Atomic uint8_t *holder;
	struct app_account *account; /* NULL: it has no limits */
	int app_fd;                  /* a socket: 8 bytes sent there wake the application */
	void *owner;                 /* the gateway's */
	uint32_t pid, uid;           /* of the process that attached */
};

/* One worker's part of an application: the worker's alone from APP_ATTACH until it answers APP_LEAVE with APP_GONE, except where something
 * else is said. */
struct app_port {
	struct app_segment *seg /* set by the gateway, as are lane and both views */
	        COYO_ALIGNED(COYO_CACHELINE);
	struct applane *lane;
	struct bytering rx, tx; /* messages of the application; to it */
	struct app_port *next;  /* among the worker's */
	/* Streams of which an APPLANE_READY is due; and those whose slots become free, which waits for no room in the ring. */
	struct app_streams news, gone;
	/* Its listeners, by their tokens' lowest bits. */
	struct app_listener *tokens[APP_TOKEN_CHAINS];
	struct bucket ids;   /* connects to ids that this worker has not heard of */
	uint32_t held;       /* slots */
	uint32_t cursor;     /* leaving: the slots before it have been let go of */
	uint32_t look_at;    /* the next slot to look at for a KICK that found no room */
	uint32_t look_left;  /* how many are to be looked at */
	struct instant last; /* when a message last came */
	bool asleep;         /* worker_asleep was set, and not taken back yet */
	bool full;        /* its ring had no room for what is due: not tried before ports_retry */
	int64_t retry_ns; /* how long that was put off for; 0: it had room */
	bool sent;        /* a message since the application was last looked at */
	bool at_limit; /* it may have no more streams: those that come in wait until ports_retry */
	bool leaving;  /* the application is gone */
	bool attached_due; /* APP_ATTACHED is owed */
	bool broken;       /* its messages cannot be read any more, which was counted */
};

struct worker_sessions;

/* ports.c: the gateway's APP_ATTACH and APP_LEAVE. */
void lane_message(struct worker_sessions *s, const struct bridge_msg *m);
/* Takes what applications say, a bounded number of messages of each. Returns messages. */
unsigned lanes_run(struct worker_sessions *s, struct instant now);
/* Rings that were full are tried again when it is time. */
void lanes_retry(struct worker_sessions *s, struct instant now);
/* Tells applications and the gateway what they are owed, as far as their rings have room. Returns messages. */
unsigned lanes_flush(struct worker_sessions *s);
/* True: a full ring keeps messages to the gateway back, or slots of an application that has left are still to be looked at. */
bool lanes_owe(const struct worker_sessions *s);
/* The last look before sleep. False: some application has spoken a moment ago, or now. */
bool lanes_sleep_ok(struct worker_sessions *s);

/* lane.c: takes what one application says, a bounded number of messages. Returns messages. */
unsigned lane_take(struct worker_sessions *s, struct app_port *p, struct instant now);
/* True: the application has said that a KICK found no room; its slots are looked at in the turns to come. */
bool lane_missed(struct app_port *p);
/* Its application is gone: what it still holds is let go of, some slots at a time. Returns how many were looked at. */
unsigned lane_sweep(struct worker_sessions *s, struct app_port *p, struct instant now);
/* A listener of an application begins; m is its LISTEN. */
void lane_listen(struct app_listener *l, const struct bridge_msg *m);
/* What its application has said is heard, as the listener's end comes by another way: datagrams that were sent before it still go. */
void lane_hear(struct worker_sessions *s, struct app_listener *l);
/* It accepts no more: the slots that wait are given back, and its end is owed to the application. */
void lane_unlisten(struct worker_sessions *s, struct app_listener *l);
/* Connections that wait go into slots that wait. */
void lane_accept(struct worker_sessions *s, struct app_listener *l, struct instant now);
/* False: the application's ring has no room for LISTENER_GONE, which is owed. Else the listener is forgotten. */
bool lane_listener_gone(struct worker_sessions *s, struct app_listener *l);
/* There is something to tell about the listener, and room where that goes. */
bool lane_has_news(const struct app_listener *l);

/* info.c: answers INFO: what there is to tell of the slot's connection. */
void info_tell(struct worker_sessions *s, struct app_stream *st, const struct applane_msg *m);
/* Writes the settings of a connection that has made none into the application's lane. */
void info_defaults(const struct worker_sessions *s, struct app_port *p);
