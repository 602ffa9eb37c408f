/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers' sessions back to back: a stand-in for label switch and event ring on each side, a lossy wire of labelled packets in
 * virtual time between them, commands as control would give them. */
#pragma once
#include "session/bridge.h"
#include "base/rng.h"
#include "core/state.h"
#include "session/session.h"

#define SESSNET_EVENTS 4096
#define SESSNET_QUEUE  8192
#define SESSNET_LINK   3

struct sent {
	struct rte_mbuf *m;
	struct instant at;
};

/* The label switch that sessions are given: it sends on the wire. */
struct fwd {
	struct side *side;
};

struct side {
	struct worker w;
	struct fwd fwd;
	struct side *other;
	struct worker_sessions *sess;
	struct dp_event *events; /* SESSNET_EVENTS of them, as a ring */
	uint32_t nevents;        /* ever */
	bool events_full;        /* refuse them */
	struct sent *inbox;      /* SESSNET_QUEUE of them, as a ring */
	uint32_t head, tail;
	uint32_t in_session, in_label; /* what the other side's label means here */
	struct sessnet *net;
	struct rte_mbuf *last; /* copy of the last packet that arrived, for replays */
};

struct sessnet {
	struct side side[2];
	struct instant now;
	int64_t delay_ns;
	uint32_t loss_ppm;
	bool cut;
	struct rng_seeded rng;
	struct dp_cfg cfg[2];
};

/* While it is set, calloc() and aligned_alloc() have no memory to give. sessnet_stop() takes it back. */
extern bool sessnet_no_memory;

/* What [tun] says on each side of a sessnet that starts; NULL: there is none. */
extern const struct dp_tun_cfg *sessnet_tun[2];

/* Once per process. */
void sessnet_global(void);

void sessnet_start(struct sessnet *n, uint64_t seed);
void sessnet_stop(struct sessnet *n);

/* Session index here, keys of phase both ways; label LABEL_NONE: no tunnel. */
void sessnet_session(struct sessnet *n, unsigned side, uint32_t index, uint32_t label);
void sessnet_tx_key(struct sessnet *n, unsigned side, uint32_t index, unsigned phase);
void sessnet_rx_key(struct sessnet *n, unsigned side, uint32_t index, unsigned phase);
/* The same, from a handshake in which the other side named its incarnation. */
void sessnet_rx_key_of(struct sessnet *n, unsigned side, uint32_t index, unsigned phase,
                       uint32_t incarnation);
/* Both sides, both keys, tunnel in place: session 1 on side 0, 2 on side 1. */
void sessnet_up(struct sessnet *n);
void sessnet_command(struct sessnet *n, unsigned side, const struct cp_cmd *c);

/* One step of virtual time: deliver, poll both sides, move the clock to what comes next (at most max_ns on). */
void sessnet_step(struct sessnet *n, int64_t max_ns);
/* Steps until t more ns have passed. */
void sessnet_run(struct sessnet *n, int64_t t);
/* Hands a copy of the packet to one side now. */
void sessnet_inject(struct sessnet *n, unsigned side, const void *p, size_t len);

/* Events of a type seen so far on a side; the last one of them in *last when there is any. */
unsigned sessnet_events(const struct side *s, uint32_t type, struct dp_event *last);
