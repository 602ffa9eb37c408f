/* SPDX-License-Identifier: BSD-3-Clause */
/* One node's whole control plane as a pure machine: event in, outputs out, next deadline out.
 *
 * No sockets, no clock, no threads, no globals. The daemon and the simulator drive the same code. Nothing here is
 * called back: the caller drains the outputs after each call. Memory comes from the allocator in the config.
 */
#pragma once
#include "base/rng.h"
#include "base/time.h"
#include "ipc/cpdp.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>

struct node;
struct identity; /* crypto/identity.h */

/* Allocation as the daemon (malloc) or the simulator (counting, failing) wants it. free(arg, p) of NULL is nothing. */
struct node_alloc {
	void *(*alloc)(void *arg, size_t n); /* zeroed, or NULL */
	void (*free)(void *arg, void *p);
	void *arg;
};

/* Public-key operations, so that 10^5 simulated nodes can do without them. NULL members of node_cfg.ops: the real ones. */
struct node_crypto_ops {
	void (*sign)(const struct identity *me, const char *context, const void *msg, size_t len,
	             uint8_t sig[64]);
	int (*verify)(const uint8_t key[32], const char *context, const void *msg, size_t len,
	              const uint8_t sig[64]);
};

/* Constant after node_new(). Times in ns. node_cfg_default() fills every field but identity, rng, alloc. */
struct node_cfg {
	const struct identity *identity; /* outlives the node */
	struct rng rng;
	struct node_alloc alloc;
	const struct node_crypto_ops *ops; /* NULL: real */
	uint32_t network_id;               /* nodes of other networks fail the handshake */
	uint8_t workers;                   /* 1..CPDP_WORKERS_MAX */
	uint8_t trees;                     /* anchor trees, 1..2 */
	bool transit;                      /* relay for strangers */
	bool aes_gcm;                      /* this machine has AES instructions */
	uint32_t transit_rate;             /* set-ups/s accepted from one neighbour, 0: unlimited */
	uint16_t kad_k;                    /* bucket size, 16 */
	uint8_t kad_alpha;                 /* 3 */
	uint8_t fingers;                   /* label paths per bucket, 1..2 */
	uint32_t labels_per_link_max;      /* quota granted to one neighbour */
	uint32_t sessions_max;
	int64_t hello_active_ns;        /* 250 ms: links with traffic or a tunnel in use */
	int64_t hello_idle_ns;          /* 3 s */
	uint8_t hello_misses;           /* 3: then the link is down */
	int64_t rekey_ns;               /* 120 s */
	int64_t key_reject_ns;          /* 180 s */
	int64_t key_overlap_ns;         /* 10 s: old and new key both accepted */
	int64_t tunnel_idle_end_ns;     /* 45 s: the ends stop using an idle tunnel */
	int64_t tunnel_idle_transit_ns; /* 60 s: transits forget it */
	int64_t connect_timeout_ns;     /* 5 s: then EHOSTUNREACH */
	int64_t label_quarantine_ns;    /* a freed label is not granted again before */
};

void node_cfg_default(struct node_cfg *cfg);

/* How a link is set up, from configuration or `coyoctl link add`. */
struct node_link_cfg {
	/* Copied into CMD_LINK_SET; io.link is the index, chosen by the caller, unused so far. */
	struct cp_link io;
	char name[32];
	bool expect_id; /* refuse any other neighbour */
	bool initiate; /* send the first handshake message (udp without a remote address only answers) */
	struct node_id id;
};

enum node_event_type {
	NODE_LINK_ADD = 1,
	NODE_LINK_DEL,
	NODE_LINK_CARRIER, /* a DPDK port's or socket's up/down */
	NODE_LINK_RX, /* authenticated packets have arrived on this link since the last such event: counts as a hello */
	NODE_LINK_TX,      /* data was sent on this link since: the link is in use */
	NODE_WORKER_EVENT, /* anything from a worker's ring */
	NODE_WORKER_ACK,   /* a worker's published sequence number moved */
	NODE_REQUEST,      /* operator or local application */
	NODE_RESTORE,      /* a snapshot's bytes, before the first link */
};

enum node_request_type {
	REQ_LOOKUP = 1, /* which contact is closest to this id; is it the id itself */
	REQ_PING,       /* round trip through the tunnel (builds it when missing) */
	REQ_TRACE,      /* one answer per hop, then done */
	REQ_CONNECT,    /* build tunnel and session; the answer says when it stands */
	REQ_DRAIN,      /* stop granting labels, withdraw, answer when quiet */
};

struct node_request {
	uint32_t type;
	uint32_t cookie; /* comes back in every answer */
	struct node_id id;
	uint32_t count;       /* ping: how many */
	uint32_t interval_ms; /* ping */
};

struct node_event {
	uint32_t type; /* enum node_event_type */
	union {
		const struct node_link_cfg *link_add;
		struct {
			uint16_t link;
			bool up;              /* NODE_LINK_CARRIER */
			uint32_t count;       /* NODE_LINK_RX, NODE_LINK_TX: packets */
			struct instant since; /* NODE_LINK_RX: they came after this */
		} link;
		const struct dp_event *worker;
		struct {
			uint8_t worker;
			uint64_t seq;
		} ack;
		const struct node_request *request;
		struct {
			const void *data;
			size_t len;
		} restore;
	} u;
};

enum node_output_type {
	OUT_COMMAND = 1, /* program, send: goes into a worker's ring in this order */
	OUT_ANSWER,      /* to a request */
	OUT_LINK_STATE,  /* a neighbour came up or went down (for logs and sd_notify) */
	OUT_LOG,         /* one line worth an operator's eye, already rate-limited */
	OUT_LINK_GONE,   /* every worker has forgotten the link: the daemon may close its socket */
	OUT_SNAPSHOT, /* the contact table changed enough to be worth saving: call node_snapshot() */
};

enum node_answer_type {
	ANS_LOOKUP = 1,
	ANS_PING,
	ANS_TRACE_HOP,
	ANS_CONNECTED,
	ANS_FAILED, /* err says why */
	ANS_DONE,   /* nothing follows for this cookie */
};

struct node_answer {
	uint32_t type;
	uint32_t cookie;
	int32_t err;       /* ANS_FAILED: positive errno */
	bool exact;        /* ANS_LOOKUP: the id itself answered */
	struct node_id id; /* lookup: closest; trace: the node at this hop */
	uint32_t seq;      /* ping, trace hop number from 1 */
	int64_t rtt_ns;
	/* ANS_CONNECTED: the set-up's physical hops; lookup: hops of the path in use. */
	uint32_t hops;
	int64_t setup_ns;  /* ANS_CONNECTED: request to tunnel */
	uint32_t in_label; /* trace: label the probe carried into that node */
	uint32_t out_label;
	char text[96]; /* ANS_FAILED: cause and remedy in one sentence */
};

struct node_output {
	uint32_t type; /* enum node_output_type */
	union {
		struct {
			uint8_t worker; /* or CPDP_ALL_WORKERS */
			struct cp_cmd cmd;
		} command;
		struct node_answer answer;
		struct {
			uint16_t link;
			bool up;
			struct node_id id;
			char why[64];
		} link;
		struct {
			uint8_t level; /* base/log.h */
			char line[240];
		} log;
	} u;
};

/* Owner frees with node_free(). NULL when the allocator refuses. */
struct node *node_new(const struct node_cfg *cfg, struct instant now);
void node_free(struct node *n);

/* One event. Outputs are queued inside and drained by node_output(). Time never goes back. */
void node_input(struct node *n, const struct node_event *ev, struct instant now);

/* Fires what is due. Call when node_deadline() is reached; calling early is harmless. */
void node_tick(struct node *n, struct instant now);
struct instant node_deadline(const struct node *n);

/* Copies the oldest queued output; false when there is none. For OUT_COMMAND with CPDP_ALL_WORKERS the caller sends the
 * command to every worker and reports acknowledgements per worker by the numbers of node_command_seq(). */
bool node_output(struct node *n, struct node_output *out);

/* The node numbers its commands itself: cmd.seq is set, per worker, 1, 2, 3 ... in the order of output (a command to all
 * workers takes the next number of EACH worker, given in seq[] order by this call for the last output drained). */
uint64_t node_command_seq(const struct node *n, uint8_t worker);

/* Writes a snapshot (node records and contacts worth trying after a restart). Returns bytes, or -ENOSPC. */
long node_snapshot(const struct node *n, void *buf, size_t cap);

/* ---- Views for `coyoctl show` and the simulator's judge: iterate with *it = 0, true while a row was written ---- */
struct node_link_view {
	uint16_t link;
	char name[32];
	uint8_t type;
	bool sealed;
	bool up;
	const char *state; /* static text: "down", "handshake", "up", ... */
	struct node_id id;
	int64_t rtt_ns; /* -1 unknown */
	int64_t up_ns;  /* since up, or -1 */
	uint32_t labels_granted, labels_held;
	uint16_t mtu;
	uint32_t flaps, rekeys;
};
bool node_view_link(const struct node *n, uint32_t *it, struct instant now,
                    struct node_link_view *v);

struct node_contact_view {
	struct node_id id;
	unsigned bucket;
	bool neighbour;
	bool verified;
	/* Path by which it is reached, LABEL_NONE label when by anchor only. */
	uint16_t finger_link;
	uint32_t finger_label;
	uint16_t tree_distance;
	int64_t rtt_ns;
	int64_t seen_ns; /* age of last answer, -1 never */
	uint8_t fails;
};
bool node_view_contact(const struct node *n, uint32_t *it, struct instant now,
                       struct node_contact_view *v);

struct node_tunnel_view {
	struct node_id a, b; /* set-up's source and destination */
	uint64_t nonce;
	const char *role;  /* "ingress", "egress", "transit", "finger", ... static text */
	const char *state; /* "pending", "up", "closing" ... */
	uint16_t fwd_in_link, fwd_out_link; /* towards b; link numbers, 0xffff none */
	uint32_t fwd_in_label, fwd_out_label;
	uint16_t rev_in_link, rev_out_link; /* towards a */
	uint32_t rev_in_label, rev_out_label;
	uint8_t first_hops; /* at the ends: hops the first packet took */
	uint8_t hops;       /* at the ends: hops of the tunnel */
	int64_t setup_ns;   /* ingress: request to tunnel */
	uint64_t punted;    /* packets about it or on it that went the slow way here */
	int64_t idle_ns, age_ns;
	uint16_t mtu;
};
bool node_view_tunnel(const struct node *n, uint32_t *it, struct instant now,
                      struct node_tunnel_view *v);

struct node_session_view {
	struct node_id remote;
	uint32_t session;
	const char *state;
	uint8_t phase;
	uint8_t worker;
	uint8_t alg;
	uint16_t path_mtu;
	uint64_t nonce; /* tunnel in use; 0: none */
	int64_t key_age_ns;
	uint32_t rekeys;
	uint32_t rebuilds;
};
bool node_view_session(const struct node *n, uint32_t *it, struct instant now,
                       struct node_session_view *v);

struct node_label_view {
	uint16_t link;
	uint32_t label;
	const char *state; /* "granted", "programmed", "withdrawn", "quarantine" */
	const char *op;
	uint16_t out_link;
	uint32_t out_label;
};
bool node_view_label(const struct node *n, uint32_t *it, struct instant now,
                     struct node_label_view *v);

/* Named counters (drops by reason, messages by type): name is static text; false past the last. */
bool node_view_counter(const struct node *n, uint32_t index, const char **name, uint64_t *value);

/* Sums for the simulator: bytes of state, labels allocated and not freed, queries outstanding, anchor roots. */
struct node_stats {
	size_t state_bytes;
	uint32_t labels_out;  /* granted or in quarantine */
	uint32_t labels_live; /* granted */
	uint32_t pending_setups;
	uint32_t pending_queries;
	uint32_t contacts, contacts_stale;
	uint32_t fingers;
	struct node_id root[2];
	uint16_t depth[2];
};
void node_stats(const struct node *n, struct node_stats *s);
/* Of those only what is still waiting for somebody, at next to no cost. */
void node_pending(const struct node *n, uint32_t *setups, uint32_t *queries);
