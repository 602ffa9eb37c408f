/* SPDX-License-Identifier: BSD-3-Clause */
/* Applications that share a segment with the workers (ipc/applane.h): what the gateway allocates for one, and what each worker keeps of it. The
 * segment itself may be written by the application at any time; nothing of it is believed, and lane.c alone reads its messages. */
#pragma once
#include "base/time.h"
#include "ipc/applane.h"
#include "session/bridge.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* One application. The gateway makes it before the first worker hears of it, and frees it when no worker holds a port or a listener of it. */
struct app_segment {
	struct appseg_layout layout;
	uint8_t *at; /* the mapping: appseg_bytes() of it, shared with the application */
	struct app_stream *slots; /* one for each slot: its holder's alone */
	/* By slot: the number + 1 of the worker that holds it, 0: nobody. Workers change it, and each only between 0 and its own. */
	_Atomic uint8_t *holder;
	int app_fd;  /* 8 bytes written here wake the application; never waits */
	void *owner; /* the gateway's */
};

/* One worker's part of an application: the worker's alone from APP_ATTACH until it answers APP_LEAVE with APP_GONE, except where something
 * else is said. */
struct app_port {
	struct app_segment *seg /* set by the gateway, as are lane and both views */
	        COYO_ALIGNED(COYO_CACHELINE);
	struct applane *lane;
	struct bytering rx, tx; /* messages of the application; to it */
	struct app_port *next;  /* among the worker's */
	/* Streams of which an APPLANE_READY is due. */
	struct app_stream *news_first, *news_last;
	uint32_t held;       /* slots */
	uint32_t cursor;     /* leaving: the slots before it have been let go of */
	struct instant last; /* when a message last came */
	bool asleep;         /* worker_asleep was set, and not taken back yet */
	bool full;           /* its ring had no room for what is due */
	bool leaving;        /* the application is gone */
	bool attached_due;   /* APP_ATTACHED is owed */
};

struct worker_sessions;

/* The gateway's APP_ATTACH and APP_LEAVE. */
void lane_message(struct worker_sessions *s, const struct bridge_msg *m);
/* Tells the gateway what it is owed about applications, as far as its ring has room. Returns messages. */
unsigned lanes_flush(struct worker_sessions *s);
