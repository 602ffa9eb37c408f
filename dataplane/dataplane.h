/* SPDX-License-Identifier: BSD-3-Clause */
/* The only data-plane header the daemon may include: start and stop workers, their rings, their counters. */
#pragma once
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <stddef.h>

struct dataplane;

enum dp_idle { DP_IDLE_ADAPTIVE = 0, DP_IDLE_BUSY = 1 };

#define DP_PORTS_MAX 32

/* One [port NAME]: a PCI address or a vdev string ("net_memif0,role=server,..."). */
struct dp_port_cfg {
	char name[32];
	char device[192];
};

/* Constant after dp_start(). Strings and arguments stay the caller's and must outlive the dataplane; ports are copied. */
struct dp_cfg {
	const char *name; /* file prefix of EAL, thread names */
	unsigned workers; /* 1..CPDP_WORKERS_MAX */
	enum dp_idle idle;
	const struct dp_port_cfg *ports;
	unsigned nports;
	char *const *eal_args; /* what stood after `--`, passed through last */
	int neal_args;
	bool no_huge;       /* set when the machine has no hugepages to give */
	unsigned mbufs;     /* 0: computed from ports and workers */
	unsigned memory_mb; /* 0: computed; printed at start */
	uint32_t sessions_max;
	uint32_t connections_max;        /* per worker */
	uint32_t tcp_sndbuf, tcp_rcvbuf; /* bytes, limits of auto-tuning */
	uint32_t punt_rate;              /* packets/s one neighbour may send to control */
	struct node_id id;               /* this node's, for TCP pseudo-headers */
	uint8_t seed[32];                /* ISNs and hash keys */
	const char *
	        app_socket; /* path of the application socket served by the gateway thread, NULL: none */
	uint32_t app_socket_mode; /* 0600 ... */
};

/* Starts EAL, ports, pools, worker threads and the gateway thread. On failure writes one sentence with cause and remedy into err,
 * leaves nothing behind and returns -errno. Must be called from the thread that will be control (EAL's main lcore). */
int dp_start(const struct dp_cfg *cfg, struct dataplane **out, char *err, size_t errcap);

/* Stops threads, closes ports, frees everything. Connections are aborted: drain first. */
void dp_stop(struct dataplane *dp);

/* Port index of [port NAME], or -ENOENT. */
int dp_port_index(const struct dataplane *dp, const char *name);
/* Link state and MTU of a port. */
int dp_port_info(const struct dataplane *dp, uint16_t port, bool *up, uint16_t *mtu,
                 uint8_t mac[6]);

/* Queues one command (copied). -EAGAIN when the ring is full: keep it and try again after the next wake-up. Control only.
 * cmd->seq must be the next number of this worker. Wakes a sleeping worker. */
int dp_command(struct dataplane *dp, unsigned worker, const struct cp_cmd *cmd);

/* The worker's published sequence number (acquire). */
uint64_t dp_acked(const struct dataplane *dp, unsigned worker);

/* Takes up to max events of one worker, calling fn with each in place (valid only during the call). Returns how many. */
unsigned dp_events(struct dataplane *dp, unsigned worker, unsigned max,
                   void (*fn)(void *arg, const struct dp_event *ev), void *arg);

/* Readable (eventfd) when events or acknowledgements may be waiting. dp_wake_clear() before draining. */
int dp_wake_fd(const struct dataplane *dp);
void dp_wake_clear(struct dataplane *dp);

/* Counters of one worker, read without stopping it (each word written by that worker alone). */
struct dp_worker_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	uint64_t switched_packets, switched_bytes; /* label-switched transit */
	uint64_t punted_packets;                   /* handed to control */
	uint64_t punted_setup_packets;    /* of those: set-ups and replies (the slow way) */
	uint64_t session_in, session_out; /* packets opened / sealed end to end */
	uint64_t loops, busy_loops, sleeps;
	uint64_t commands;
	uint64_t busy_ns;
};
void dp_worker_counters(const struct dataplane *dp, unsigned worker, struct dp_worker_counters *c);

/* Drop table: one row per reason, summed over workers. false past the last index. */
bool dp_drop(const struct dataplane *dp, uint32_t index, const char **name, const char **text,
             uint64_t *count);

/* Per link, summed over workers: packets that were authenticated (or plain) and accepted; packets sent. False: no such link. */
struct dp_link_counters {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes, rx_data_packets,
	        tx_data_packets; /* data: labelled, not control */
};
bool dp_link_counters(const struct dataplane *dp, uint16_t link, struct dp_link_counters *c);

/* Memory taken, for the start message: bytes by what. One line, static until the next call. */
const char *dp_memory_text(const struct dataplane *dp);
