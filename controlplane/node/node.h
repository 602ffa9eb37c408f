/* SPDX-License-Identifier: BSD-3-Clause */
/* One node's whole control plane as a pure machine: event in, outputs out, next deadline out.
 *
 * No sockets, no clock, no threads, no globals. The daemon and the simulator drive the same code. Nothing here is
 * called back: the caller drains the outputs (core/out.h) after each call. Memory comes from the allocator in the config.
 */
#pragma once
#include "base/time.h"
#include "core/cfg.h"
#include "core/out.h"
#include "core/request.h"
#include "ipc/cpdp.h"
#include "wire/id.h"
#include "wire/link.h"

#include <stdbool.h>
#include <stddef.h>

struct node;

enum node_event_type {
	NODE_LINK_ADD = 1,
	NODE_LINK_LEAVE, /* a link is to be removed: its neighbour is told and its tunnels are withdrawn first, for at most 2 s; likewise a listener, with all its links */
	NODE_LINK_DEL,   /* now */
	NODE_LINK_CARRIER, /* a DPDK port or socket went up or down */
	NODE_LINK_RX, /* authenticated packets came on this link since the last such event; this counts as a hello */
	NODE_LINK_TX, /* data was sent on this link since the last such event: the link is in use */
	NODE_WORKER_EVENT, /* anything from a worker's ring */
	NODE_WORKER_ACK,   /* a worker's published sequence number moved */
	NODE_REQUEST,      /* operator or local application */
	NODE_RESTORE,      /* a snapshot's bytes, before the first link */
	NODE_LISTEN_ID,    /* a listener lets an id in, or turns it away and takes its link down */
	NODE_STOPS, /* the last event: neighbours are told, so that they need not find out by silence */
	NODE_LINK_ENDS,  /* the configured addresses of a link's neighbour are others from now on */
	NODE_LISTEN_SET, /* a listener is added, or accepts other neighbours than before; NODE_LINK_DEL of its number ends it */
};

struct node_event {
	uint32_t type; /* enum node_event_type */
	union {
		const struct node_link_cfg *link_add;
		const struct node_listen_cfg *listen_set;
		struct {
			uint16_t link;
			bool allow;
			const struct node_id *id;
		} listen_id;
		struct {
			uint16_t link;
			bool up;              /* NODE_LINK_CARRIER */
			uint32_t count;       /* NODE_LINK_RX, NODE_LINK_TX: packets */
			struct instant since; /* NODE_LINK_RX: they came after this */
		} link;
		struct {
			uint16_t link;
			const struct node_ends *ends;
		} ends;
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

/* Makes a node without links; the caller frees it with node_free(). NULL: no memory, or a value of *cfg out of its range. */
struct node *node_new(const struct node_cfg *cfg, struct instant now);
/* Frees n and all it holds. Neither neighbours nor workers are told; outputs still queued are lost. NULL is allowed. */
void node_free(struct node *n);

/* Handles one event. Outputs are queued inside and drained by node_output(). now is never before that of an earlier call. */
void node_input(struct node *n, const struct node_event *ev, struct instant now);

/* Fires the timers that are due. Call when node_deadline() is reached; calling early is harmless. */
void node_tick(struct node *n, struct instant now);
/* When the next timer is due. */
struct instant node_deadline(const struct node *n);

/* Writes a snapshot (node records and contacts worth trying after a restart). Returns bytes, or -ENOSPC. */
long node_snapshot(const struct node *n, void *buf, size_t cap);

/* ---- Views for `coyoctl show` and the simulator's judge: copies, row by row ----
 * A cursor names the row it wrote last by its key and holds no pointer: rows may come and go between two calls, and a row that
 * stands all the while is written exactly once. Zeroed, it stands before the first row. True: *v is the next row. False: there
 * is none. A call costs about the same whichever row it writes, so a whole view costs what its rows cost. */
struct node_cursor {
	bool begun;
	uint16_t link;     /* links, labels: of the last row */
	uint64_t number;   /* tunnels: nonce; sessions: index; labels: label */
	struct node_id id; /* contacts: of the contact; tunnels: of the source */
};

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
	uint32_t labels_granted;
	/* that others build and that came by this link: its share of tunnels_max */
	uint32_t tunnels;
	uint16_t mtu;
	uint32_t flaps, rekeys;
	uint16_t listener; /* that made it, or LINK_NONE */
	/* Datagrams in runs, static text: "on", "trial", "off", "retry"; NULL: no sealed link on a kernel socket. */
	const char *runs;
	bool allowed; /* a listener's link: its id is named there */
	char reason
	        [96]; /* why it is not up, as far as one side has told the other; empty: nothing known */
	/* udp*: own address; where packets go now; where the neighbour was seen and has answered, if it ever was elsewhere than
	 * configured or asked; where the configuration says it is. */
	struct node_addr local, remote, learnt;
	struct node_ends configured;
};
bool node_view_link(const struct node *n, struct node_cursor *at, struct instant now,
                    struct node_link_view *v);

struct node_listener_view {
	uint16_t link;
	char name[32];
	struct node_addr local;
	uint16_t max;
	bool open; /* any id is accepted */
	uint32_t links, links_allowed, half_open;
	uint32_t allowed, denied;        /* ids named */
	uint64_t refused[LINK_REFUSALS]; /* handshakes, by enum link_refusal */
};
/* The next listener. */
bool node_view_listener(const struct node *n, struct node_cursor *at, struct node_listener_view *v);

struct node_contact_view {
	struct node_id id;
	unsigned bucket;
	bool neighbour;
	bool verified;
	/* First link and label of the finger to it, LINK_NONE and LABEL_NONE where there is none. */
	uint16_t finger_link;
	uint32_t finger_label;
	uint16_t tree_distance;
	int64_t rtt_ns;
	int64_t seen_ns; /* age of last answer, -1 never */
	uint8_t fails;
};
bool node_view_contact(const struct node *n, struct node_cursor *at, struct instant now,
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
	uint64_t punted; /* packets about it or on it that workers passed to this control plane */
	int64_t idle_ns, age_ns;
	uint16_t mtu;
};
bool node_view_tunnel(const struct node *n, struct node_cursor *at, struct instant now,
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
bool node_view_session(const struct node *n, struct node_cursor *at, struct instant now,
                       struct node_session_view *v);

struct node_label_view {
	uint16_t link;
	uint32_t label;
	const char *state; /* "granted", "programmed", "withdrawn", "quarantine" */
	const char *op;
	uint16_t out_link;
	uint32_t out_label;
};
bool node_view_label(const struct node *n, struct node_cursor *at, struct instant now,
                     struct node_label_view *v);

/* The control plane's counters, drops and ordinary messages alike: the row `index` of core/counters.def. name, unique, and text,
 * for the operator, are static. False past the last. */
bool node_view_counter(const struct node *n, uint32_t index, const char **name, const char **text,
                       uint64_t *value);

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
	struct instant twin_at; /* another machine last used this node\'s key; 0: never */
};
void node_stats(const struct node *n, struct node_stats *s);
/* Tunnels that only pass through this node, also those that are being withdrawn: none is left when a drain is through. */
uint32_t node_transit_tunnels(const struct node *n);
/* Only pending_setups and pending_queries of those, read without walking any table. */
void node_pending(const struct node *n, uint32_t *setups, uint32_t *queries);
