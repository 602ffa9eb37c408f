/* SPDX-License-Identifier: BSD-3-Clause */
/* A network in virtual time: nodes of the real control plane over miniature workers, edges with delay and loss, one event queue. */
#pragma once
#include "node/node.h"
#include "crypto/identity.h"

#include "evq.h"
#include "miniworker.h"
#include "topo.h"
#include "traffic.h"

#include <stdbool.h>
#include <stdint.h>

struct net;

struct net_cfg {
	uint64_t seed;
	int64_t delay_min_ns, delay_max_ns; /* of an edge, drawn once */
	int64_t boot_ns;                    /* nodes start within this time */
	int64_t exec_min_ns, exec_max_ns;   /* command queued to executed */
	int64_t ack_ns;                     /* executed to seen by control */
	double loss;                        /* of every frame */
	bool plain;                         /* plain Ethernet links instead of sealed UDP */
	bool hashed_signatures;             /* signatures are keyed hashes */
	bool verbose;                       /* the nodes' log lines to stderr */
};

struct sim_edge {
	uint32_t node[2];
	uint16_t link[2]; /* link number at either end */
	int64_t delay_ns;
	uint16_t mtu; /* labelled packets above this are lost; 0: none are */
};

struct sim_node {
	struct node *node; /* NULL: dead */
	struct miniworker *mw;
	struct net *net;
	struct identity identity;
	struct rng_seeded rng;
	uint32_t index, incarnation;
	uint32_t *edge; /* by link number: edge * 2 + own side */
	uint32_t nlinks, linkcap;
	uint8_t *fifo; /* commands, each {u32 bytes} and a cp_cmd cut to its size, 8-byte aligned */
	uint32_t fifo_len, fifo_cap;
	uint64_t executed, acked;
	int64_t tick_at, booted_at, spin_at;
	uint32_t spin;
	bool exec_due, ack_due, count_due;
	uint64_t tx_bytes;
	/* Of these: all but data and what measures links (hellos, MTU probes). */
	uint64_t upkeep_bytes;
	uint8_t *snapshot; /* what a restart is given */
	size_t snapshot_len;
	bool has_news; /* the node has asked for a snapshot to be taken */
};

/* What crossed edges, in frames and wire bytes, as sent (lost ones included). */
struct net_sums {
	uint64_t frames, bytes;
	uint64_t control_frames, control_bytes; /* below a GAL */
	uint64_t hello_frames,
	        hello_bytes; /* of those: link-local packets that start with a hello */
	uint64_t handshake_bytes;
	uint64_t data_frames;
	uint64_t kind_frames[TRAFFIC_KINDS], kind_bytes[TRAFFIC_KINDS];
	uint64_t events;
};

/* The scenario's ears. Called while the net is being changed: push an event rather than call net_request() back. */
struct net_hooks {
	void (*answer)(void *arg, uint32_t node, const struct node_answer *a);
	/* A node hears something from its worker, before it does. */
	void (*heard)(void *arg, uint32_t node, const struct dp_event *ev);
	/* A node tells its worker something. */
	void (*told)(void *arg, uint32_t node, const struct cp_cmd *c);
	void (*probe_hop)(void *arg, uint32_t probe, uint32_t node);
	void (*probe_end)(void *arg, uint32_t probe, uint32_t node, const struct node_id *remote,
	                  bool at_end, enum mw_drop why);
	void *arg;
};

/* Who sits between captured nodes and their links. Shown each frame as its worker sends it (out) or before its worker gets it. Returns the
 * frame that goes on, or NULL: it has been taken, and freed. */
struct net_tap {
	struct frame *(*frame)(void *arg, uint32_t node, uint16_t link, struct frame *f, bool out);
	void *arg;
};

struct net {
	struct net_cfg cfg;
	struct graph graph;
	struct evq q;
	struct instant now;
	struct sim_node *node;
	struct sim_edge *edge;
	bool *alive, *up; /* by node, by edge: the truth */
	uint32_t n;
	uint32_t *by_id; /* open addressing over id prefixes: node + 1 */
	uint32_t by_id_mask;
	struct rng_seeded rng_state;
	struct rng rng; /* topology, delays, loss, scenario: never the nodes' own */
	struct net_sums sums;
	struct net_hooks hooks;
	struct net_tap tap; /* frame NULL: nobody */
	uint64_t trace;     /* hash of every event, frame, command and answer so far */
	uint64_t allocated; /* outstanding allocations of all nodes */
	struct node_output out;
	struct cp_cmd cmd, said;
};

void net_cfg_default(struct net_cfg *cfg);

/* Builds nodes and edges; every node boots by itself once the clock runs. bridge_later: the islands'
 * bridge is left out until net_plug(). */
void net_init(struct net *net, const struct net_cfg *cfg, enum topo_kind kind, uint32_t n,
              bool bridge_later);
/* Frees all. Returns what the nodes left allocated: 0 unless they leak. */
uint64_t net_free(struct net *net);

/* Runs every event up to an instant. */
void net_run(struct net *net, int64_t until_ns);
void net_call(struct net *net, int64_t at_ns, ev_call fn, void *arg, uint32_t a, uint32_t b);

/* Silent death: no farewell, frames to it vanish. */
void net_kill(struct net *net, uint32_t node);
/* Starts a dead node anew: same identity, nothing remembered but its snapshot. */
void net_start(struct net *net, uint32_t node);
/* Takes an edge out of service or puts it back, without telling either end. */
void net_edge(struct net *net, uint32_t edge, bool up);
/* A live node hears this from its worker. */
void net_hear(struct net *net, uint32_t node, const struct dp_event *ev);
/* Configures both ends of an edge that was left out at the start. */
void net_plug(struct net *net, uint32_t edge);

void net_request(struct net *net, uint32_t node, const struct node_request *r);
/* Local data at `node` for `remote`. False: no session there. */
bool net_inject(struct net *net, uint32_t node, const struct node_id *remote, uint32_t probe);

/* A live node's worker sends these bytes, label stack first, on a link, under the link's keys, whatever its control plane thinks of it. */
void net_say(struct net *net, uint32_t node, uint16_t link, const void *data, size_t len);

/* Local use of the session with `remote` is over. */
void net_release(struct net *net, uint32_t node, const struct node_id *remote);

/* The node of an id, or UINT32_MAX. */
uint32_t net_find(const struct net *net, const struct node_id *id);
uint32_t net_alive_count(const struct net *net);
/* Time for so many hops where edges are longer than 100 ms, ns; else 0. */
static inline int64_t net_slow_ns(const struct net *net, int64_t hops)
{
	return net->cfg.delay_max_ns > 100 * NS_PER_MS ? hops * net->cfg.delay_max_ns : 0;
}
