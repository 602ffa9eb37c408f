/* SPDX-License-Identifier: BSD-3-Clause */
/* The daemon's state: the node, the data plane and what the shell keeps between the two. One thread owns all of it.
 *
 * Calls go down: main, stack, loop, ctl_server, request, then the files it asks (reload, show), links, cross and state, pump, and at
 * the bottom log and notify. Whoever gives the node an event leaves its outputs to the loop, which drains them after every
 * stage of its turn.
 */
#pragma once
#include "conf.h"
#include "base/json.h"
#include "base/time.h"
#include "node/node.h"
#include "crypto/identity.h"
#include "daemon/cross.h"
#include "daemon/ctl_server.h"
#include "daemon/harden.h"
#include "daemon/keylock.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/ports.h"
#include "daemon/pump.h"
#include "daemon/tun.h"
#include "dataplane.h"

#include <stdatomic.h>

#define COYOD_VERSION "0.1.0"

/* One link by number. A slot is free when name is empty. */
struct daemon_link {
	char name[32];
	bool control; /* false: only static cross-connects; the node does not know it */
	bool up;      /* neighbour is there */
	bool leaving; /* NODE_LINK_LEAVE was given; the slot is freed by OUT_LINK_GONE */
	bool carrier;
	bool listener; /* no link, but makes them */
	bool made;     /* by a listener, which has the socket */
	int fd;        /* udp-socket; -1: none, or closed */
	bool v4, v6;   /* udp-socket: what it sends to */
	uint16_t port;
	struct cp_link io;
	uint64_t rx_packets, tx_data; /* counters as last told to the node */
};

enum daemon_stop { RUNNING = 0, STOP_DRAINING, STOP_NOW };

struct daemon {
	struct conf conf;
	struct identity me;
	enum harden_locked locked; /* what is never swapped out */
	struct keylock keylock;
	struct log log;
	struct notify notify;
	struct instant now; /* read once per turn of the loop */
	struct instant started;
	struct node *node;
	struct dataplane *dp;
	unsigned workers;
	struct daemon_link *links; /* by link number */
	uint32_t nlinks;
	struct daemon_port ports[DP_PORTS_MAX];
	struct daemon_tun tun;
	struct pump pump;
	struct cross cross[CPDP_WORKERS_MAX];
	struct ctl_server ctl;
	char *const *eal_args; /* passed on to DPDK as they are; the caller's */
	int neal_args;
	bool takes_signals; /* SIGTERM and SIGINT end it, SIGHUP reads the configuration again */
	/* Set by another thread: the start is to end. NULL: nobody sets it. */
	const atomic_bool *cancelled;
	bool embedded; /* the process is somebody else's */
	int app_door;  /* embedded: dp_cfg.app_door */
	int stop_fd; /* embedded: an eventfd, which says to stop; -1: none. Whoever starts it owns both */
	int epoll_fd, timer_fd, signal_fd;
	struct instant timer_armed; /* what timer_fd is set to */
	struct instant poll_at;     /* next look at the link counters */
	struct instant polled_at;   /* the last one */
	struct instant moved_at;    /* a link last carried data */
	bool draining;              /* by `coyoctl drain` */
	struct instant again_at;    /* what a reload could not add is tried again */
	int64_t again_ns;
	enum daemon_stop stop;
	struct instant stop_at; /* give up draining */
	bool withdrawing;       /* the stop waits for tunnels in transit to end */
	int exit_status;
	bool snapshot_due;
	struct instant snapshot_at; /* not before */
	uint32_t next_cookie;
	/* Of the last list of names that was signed; the next one has a higher one. */
	uint64_t vouched_serial;
};

#define STOP_COOKIE 1 /* the drain of SIGTERM; cookies of requests start above */

#define daemon_log(d, level, ...) log_line(&(d)->log, (d)->now, level, __VA_ARGS__)
