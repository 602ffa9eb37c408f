/* SPDX-License-Identifier: BSD-3-Clause */
/* The only data-plane header the daemon may include: start and stop workers, their rings, their counters. */
#pragma once
#include "ipc/cpdp.h"

#include <stdbool.h>
#include <stddef.h>

struct dataplane;
struct names; /* names/names.h */

enum dp_idle { DP_IDLE_ADAPTIVE = 0, DP_IDLE_BUSY = 1 };

enum dp_log_level { DP_LOG_ERROR = 0, DP_LOG_WARN, DP_LOG_INFO };

#define DP_PORTS_MAX 32

/* One [port NAME]: a PCI address or a vdev string ("net_memif0,role=server,..."). */
struct dp_port_cfg {
	char name[32];
	char device[192];
};

/* Who may send to this node without having been asked. */
struct dp_tun_allow {
	uint8_t protocol;     /* IPv6 next header; 0: any */
	uint16_t first, last; /* ports here; 0 .. 65535: any, also of protocols without ports */
	bool any;             /* from whomever, else: */
	struct node_id from;
};

/* [tun]: the interface by which IPv6 of any program enters sessions. */
struct dp_tun_cfg {
	char name[16];
	uint8_t prefix;  /* first byte of the addresses that ids are seen as */
	uint16_t mtu;    /* bytes; at least 1280 */
	unsigned queues; /* of the interface; 1..16 */
	bool offload;    /* runs of segments are exchanged with the kernel as one packet */
	bool route; /* all of the prefix goes to the interface, else this node's address alone is made */
	const struct dp_tun_allow *allow;
	unsigned nallow;
};

/* One [forward NAME]: TCP connections to an address of this machine become streams to a port of another node, or, reverse, streams that come
 * to a port of this node become TCP connections to an address. */
struct dp_forward {
	char name[32];
	bool reverse;
	uint8_t family;    /* 4, 6: of addr */
	uint8_t addr[16];  /* of TCP, network byte order, the first 4 of IPv4 */
	uint16_t tcp_port; /* there */
	uint16_t port;     /* of the other node, or of this one */
	struct node_id id; /* the other node */
	bool any;          /* reverse: whoever comes; else those of allow */
	const struct node_id *allow;
	uint32_t nallow;
};

/* What applications that share memory with the workers may have. 0: no limit. */
struct dp_app_limits {
	uint32_t streams;  /* at the same time */
	uint32_t connects; /* a second, on each worker */
	/* Of segments that are memory: what was ever written to and not given back. */
	uint64_t bytes;
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
	uint8_t cookie_key[32];          /* cookies of handshakes; the control plane has it too */
	/* The process is somebody else's: DPDK makes no files and stays initialised after dp_stop(), for the next stack of the process; ports only with the first.
	 * Workers' threads sleep until then, and the limit of open files stays as it is. */
	bool embedded;
	/* Path of the application socket served by the gateway thread, NULL: none. */
	const char *app_socket;
	/* A SOCK_SEQPACKET socket through which applications' connections come as descriptors, beside that path or instead of it; the caller's until after
	 * dp_stop(). 0: none. */
	int app_door;
	/* What applications may ask for until dp_set_names(), copied before the first of them is heard; NULL: none. */
	const struct names *names;
	uint32_t app_socket_mode; /* 0600 ... */
	uint32_t app_slots;       /* most streams of an application that shares a segment */
	uint32_t app_max;         /* most applications of one user that share one */
	/* Of an application that shares one; of all of a user's together. */
	struct dp_app_limits app_each, app_user;
	bool app_privileged; /* whoever may use the socket may listen below 1024, too */
	/* Stays the caller's and outlives the dataplane; NULL: no TUN. */
	const struct dp_tun_cfg *tun;
	/* Takes what DPDK logs, one line without its newline, from any thread; must not wait. NULL: DPDK logs to stderr by itself. */
	void (*log)(void *arg, enum dp_log_level level, const char *line);
	void *log_arg;
};

/* Whether dp_start() has the memory that cfg needs, without starting anything: for cfg as it is, both say the same. 0, or -errno with
 * one sentence that has the numbers. */
int dp_check(const struct dp_cfg *cfg, char *err, size_t errcap);

/* Starts EAL, ports, pools, worker threads and the gateway thread. On failure writes one sentence with cause and remedy into err,
 * leaves nothing behind and returns -errno. Must be called from the thread that will be control (EAL's main lcore). */
int dp_start(const struct dp_cfg *cfg, struct dataplane **out, char *err, size_t errcap);

/* Gives what dp_start() made in the file system to a user, so that dp_stop() can remove it once the process is that user's. */
void dp_give(const struct dataplane *dp, uint32_t uid, uint32_t gid);
/* Whether tables can only grow as root: with huge pages in a file system that this user may not write to. */
bool dp_needs_root(const struct dataplane *dp, uint32_t uid, uint32_t gid);

/* Gives applications the names that the daemon's configuration has, in place of those they had: names, made by names_clone(), is taken
 * over. Control only, at any time between dp_start() and dp_stop(). */
void dp_set_names(struct dataplane *dp, struct names *names);

/* Stops threads, closes ports, frees everything. Connections are aborted: drain first. */
void dp_stop(struct dataplane *dp);

/* Port index of [port NAME], or -ENOENT. */
int dp_port_index(const struct dataplane *dp, const char *name);
/* Link state and MTU of a port. */
int dp_port_info(const struct dataplane *dp, uint16_t port, bool *up, uint16_t *mtu,
                 uint8_t mac[6]);

/* What is wrong with the device of a port, so that it must be made again by dp_port_renew(): static text; NULL: nothing, or nothing that helps. */
const char *dp_port_fault(const struct dataplane *dp, uint16_t port);
/* Removes a port's device and makes it again, once every worker has acknowledged CMD_PORT with on 0. -EAGAIN: what it stands on is not there yet, -ENOTCONN: nor is a memif client's server; another
 * -errno with one sentence in err. Either way it may be tried again. */
int dp_port_renew(struct dataplane *dp, uint16_t port, char *err, size_t errcap);

/* A forward begins; or, socket_stays, that of this name changes all but where it listens. Control only; what *f names is copied. Streams that
 * stand go on. -errno: one sentence is in err; -ENOTCONN: there is no application socket, whose thread serves forwards. */
int dp_forward_set(struct dataplane *dp, const struct dp_forward *f, bool socket_stays, char *err,
                   size_t errcap);
/* The forward of this name ends; streams that stand go on. -ENOMEM: one sentence is in err. */
int dp_forward_remove(struct dataplane *dp, const char *name, char *err, size_t errcap);

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

/* Counters, a row each: X(field, name in answers, unit, text for the operator). A new one is a row here and a count_add() where it
 * happens. The name says the unit; times are kept in ns and shown in s. */
enum dp_unit { DP_COUNT = 0, DP_NS };

#define DP_WORKER_COUNTERS(X)                                                                      \
	X(rx_packets, "rx_packets", DP_COUNT, "packets taken from ports and sockets")              \
	X(rx_bytes, "rx_bytes", DP_COUNT, "their bytes")                                           \
	X(tx_packets, "tx_packets", DP_COUNT, "packets given to ports and sockets")                \
	X(tx_bytes, "tx_bytes", DP_COUNT, "their bytes")                                           \
	X(switched_packets, "switched_packets", DP_COUNT, "packets passed on by their label")      \
	X(switched_bytes, "switched_bytes", DP_COUNT, "their bytes")                               \
	X(punted_packets, "punted_packets", DP_COUNT, "packets handed to the control plane")       \
	X(punted_setup_packets, "punted_setup_packets", DP_COUNT, "of those: set-ups and replies") \
	X(cookies, "cookies_sent", DP_COUNT, "cookies given to strangers under load")              \
	X(session_in, "session_in_packets", DP_COUNT, "packets opened end to end")                 \
	X(session_out, "session_out_packets", DP_COUNT, "packets sealed end to end")               \
	X(datagrams_in, "datagrams_in", DP_COUNT, "datagrams given to applications")               \
	X(datagrams_out, "datagrams_out", DP_COUNT, "datagrams of applications sent")              \
	X(app_futex_wakes, "app_futex_wakes", DP_COUNT, "waiting calls of applications woken")     \
	X(app_idle_wakes, "app_idle_wakes", DP_COUNT, "of those: nobody slept there any more")     \
	X(app_wakes, "app_wakes", DP_COUNT, "applications woken by their descriptors")             \
	X(app_nonsense, "app_nonsense", DP_COUNT, "what applications said and cannot be")          \
	X(app_no_streams, "app_no_streams", DP_COUNT, "connects refused: user-streams of [api]")   \
	X(app_no_connects, "app_no_connects", DP_COUNT, "connects refused: too many a second")     \
	X(app_no_memory, "app_no_memory", DP_COUNT, "connects refused: too much memory in use")    \
	X(loops, "loops", DP_COUNT, "turns of the worker's loop")                                  \
	X(busy_loops, "busy_loops", DP_COUNT, "of those: with something to do")                    \
	X(sleeps, "sleeps", DP_COUNT, "times that the worker went to sleep")                       \
	X(commands, "commands", DP_COUNT, "commands of the control plane carried out")             \
	X(busy_ns, "busy_s", DP_NS, "time in turns with something to do")

#define DP_LINK_COUNTERS(X)                                                                   \
	X(rx_packets, "rx_packets", DP_COUNT, "packets accepted: authenticated, or plain")    \
	X(rx_bytes, "rx_bytes", DP_COUNT, "their bytes")                                      \
	X(tx_packets, "tx_packets", DP_COUNT, "packets sent")                                 \
	X(tx_bytes, "tx_bytes", DP_COUNT, "their bytes")                                      \
	X(rx_data_packets, "rx_data_packets", DP_COUNT, "accepted with a label, not control") \
	X(tx_data_packets, "tx_data_packets", DP_COUNT, "sent with a label, not control")

#define DP_FIELD(field, name, unit, text) uint64_t field;
struct dp_worker_counters {
	DP_WORKER_COUNTERS(DP_FIELD)
};
struct dp_link_counters {
	DP_LINK_COUNTERS(DP_FIELD)
};
#undef DP_FIELD

/* Counters of one worker, read without stopping it (each word is written by that worker alone). */
void dp_worker_counters(const struct dataplane *dp, unsigned worker, struct dp_worker_counters *c);

/* Drop table: one row per reason, summed over workers. false past the last index. */
bool dp_drop(const struct dataplane *dp, uint32_t index, const char **name, const char **text,
             uint64_t *count);

/* Counters of one link, summed over workers. False: no such link. */
bool dp_link_counters(const struct dataplane *dp, uint16_t link, struct dp_link_counters *c);

/* Memory taken, for the start message: bytes by what. One line, static until the next call. */
const char *dp_memory_text(const struct dataplane *dp);
