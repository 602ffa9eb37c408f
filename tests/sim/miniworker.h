/* SPDX-License-Identifier: BSD-3-Clause */
/* A worker in miniature: executes the control plane's commands and switches frames as a data plane would, keys compared instead of computed. */
#pragma once
#include "base/time.h"
#include "ipc/cpdp.h"

#include "frame.h"

#include <stdbool.h>
#include <stdint.h>

#define MW_HELD_MAX 16 /* frames that wait in one session, each way, and without a session */

enum mw_drop {
	MW_DROP_NO_LINK,
	MW_DROP_NO_REMOTE,
	MW_DROP_NO_TX_KEY,
	MW_DROP_BAD_INDEX,
	MW_DROP_BAD_KEY,
	MW_DROP_PLAIN_ON_SEALED,
	MW_DROP_MALFORMED,
	MW_DROP_CLOSED,
	MW_DROP_UNKNOWN_LABEL,
	MW_DROP_TTL,
	MW_DROP_NO_SESSION,
	MW_DROP_SESSION_KEY,
	MW_DROP_HELD,
	MW_DROP_SINK,
	MW_DROP_MTU,
	MW_DROPS
};
const char *mw_drop_name(enum mw_drop d);

struct mw_ilm {
	uint32_t label; /* LABEL_NONE: free slot */
	uint8_t op;     /* enum ilm_op */
	uint16_t out_link, twin_link;
	uint32_t out_label, twin_label, session;
	uint32_t mark; /* the audit's */
	int64_t used;  /* virtual time of the last packet, < 0 never */
	uint64_t packets, bytes;
};

/* A receiver index this node accepts on one link. */
struct mw_rx {
	uint32_t index;
	bool used; /* a packet was opened under it: control has been told */
	uint8_t key[32];
};

struct mw_link {
	bool set, open, has_tx, data_seen, told;
	struct cp_link cfg;
	struct cp_lane_key tx;
	uint64_t counter;
	uint32_t rx_data, tx_data; /* since they were last taken */
	struct mw_rx *rx;          /* receiver indices in force: a few */
	uint32_t nrx, rxcap;
	struct mw_ilm *ilm; /* open addressing, linear probing */
	uint32_t nilm, cap; /* cap: 0 or a power of two */
};

struct mw_session {
	struct cp_session cfg;
	bool has_tx, in_use;
	int64_t wanted_at;
	struct cp_lane_key tx;
	struct cp_lane_key rx[4];
	bool has_rx[4], used_rx[4];
	uint64_t counter;
	struct frame *in[MW_HELD_MAX], *out[MW_HELD_MAX];
	uint32_t in_label[MW_HELD_MAX];
	uint16_t in_link[MW_HELD_MAX];
	uint8_t nin, nout;
};

/* What a worker does to the world. Frames are handed over. */
struct mw_ops {
	void (*transmit)(void *arg, uint16_t link, struct frame *f);
	void (*event)(void *arg, const struct dp_event *ev);
	/* A probe ended here: accepted in a session with `remote`, or stopped (remote NULL, why). The frame stays the
	 * worker's. at_end: the label terminated here. */
	void (*probe)(void *arg, const struct frame *f, const struct node_id *remote, bool at_end,
	              enum mw_drop why);
	/* A link has carried data since mw_take_counts(). */
	void (*counted)(void *arg);
	void *arg;
};

/* A frame under a label without a session. */
struct mw_unproven {
	struct frame *f;
	uint32_t label;
	uint16_t link;
};

struct miniworker {
	struct mw_ops ops;
	struct mw_unproven unproven[MW_HELD_MAX];
	unsigned nunproven;
	struct mw_link *link;
	uint32_t nlinks;
	struct mw_session **session;
	uint32_t nsessions;
	uint16_t *counted;
	uint32_t ncounted, countedcap;
	int64_t now;
	int64_t unknown_at; /* when the last unknown label was punted */
	uint64_t drops[MW_DROPS];
	uint64_t switched, punted;
	uint64_t bad_removals; /* of labels that are not there: a worker's bad_command */
	uint32_t addr;         /* this node's simulated IPv4 address, host order */
	struct dp_event ev;
};

struct miniworker *mw_new(const struct mw_ops *ops, uint32_t addr);
void mw_free(struct miniworker *w);

void mw_exec(struct miniworker *w, const struct cp_cmd *c, struct instant now);

/* A frame arrives on a link; taken. */
void mw_receive(struct miniworker *w, uint16_t link, struct frame *f, struct instant now);

/* Local data for `remote`: len bytes of a sealed packet carrying the judge's probe. False: no session. */
bool mw_inject(struct miniworker *w, const struct node_id *remote, uint32_t probe,
               struct instant now);

/* Next link with data since the last call: false when there is none. */
bool mw_take_counts(struct miniworker *w, uint16_t *link, uint32_t *rx, uint32_t *tx);

struct mw_ilm *mw_ilm_find(struct miniworker *w, uint16_t link, uint32_t label);
const struct mw_session *mw_session_of(struct miniworker *w, const struct node_id *remote);
/* Local use of the session is over: control is told that it is idle. */
void mw_release(struct miniworker *w, const struct node_id *remote, struct instant now);

/* miniworker_tables.c */
struct mw_link *mw_link_at(struct miniworker *w, uint16_t link);
struct mw_link *mw_link_make(struct miniworker *w, uint16_t link);
void mw_link_clear(struct mw_link *l);
void mw_ilm_set(struct mw_link *l, const struct cp_ilm *e);
bool mw_ilm_del(struct mw_link *l, uint32_t label);
struct mw_session *mw_session_at(struct miniworker *w, uint32_t index);
struct mw_session *mw_session_make(struct miniworker *w, uint32_t index);
void mw_session_del(struct miniworker *w, uint32_t index);
struct mw_rx *mw_rx_find(const struct mw_link *l, uint32_t index);
void mw_rx_set(struct mw_link *l, const struct cp_lane_key *k);
void mw_rx_del(struct mw_link *l, uint32_t index);
