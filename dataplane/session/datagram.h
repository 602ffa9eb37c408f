/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams of applications that share a segment: ports, which slots hold, between their rings (ipc/appdgram.h) and sealed packets. A port is a
 * listener whose one slot stays with it. Nothing here waits: what cannot go or be taken is counted and gone. */
#pragma once
#include "ipc/appdgram.h"
#include "session/lane.h"
#include "session/priv.h"
#include "wire/udp.h"

#define DATAGRAM_CHAINS      1024u
#define DATAGRAM_HELD_MAX    128 /* that wait for a session, on this worker */
#define DATAGRAM_HELD_REMOTE 8   /* ... of one remote */
#define DATAGRAM_HELD_NS     (8 * NS_PER_S)

_Static_assert(UDP_HEADER_BYTES + APPDGRAM_MOST <= SESS_SEG_MAX, "a datagram fits a buffer");

/* One without a session to go by. */
struct datagram_held {
	struct rte_mbuf *m; /* from the next header on */
	uint32_t remote;
	struct instant since;
};

/* All of one worker; its thread alone uses this. */
struct worker_datagrams {
	struct app_listener *chain[DATAGRAM_CHAINS]; /* ports, by their lowest bits */
	uint32_t nports;
	struct app_listener *sending_first, *sending_last;
	bool released; /* some remote is held no more: what waited for it leaves in this turn */
	unsigned nheld;
	struct datagram_held held[DATAGRAM_HELD_MAX]; /* the oldest first */
};

/* Makes s->datagrams. 0 or -ENOMEM. */
int datagram_start(struct worker_sessions *s);
/* Forgets ports and what is held: the gateway may have freed the listeners. */
void datagram_stop(struct worker_sessions *s);

/* ---- ports: datagram.c ---- */

/* Who holds the port that the header names, for the remote and the port that it is from; NULL: nobody. */
struct app_listener *datagram_holder(struct worker_sessions *s, uint32_t remote,
                                     const struct udp_header *h);
/* The slot has sent to the remote: how long a datagram there may be is written for it. */
void datagram_noted(struct worker_sessions *s, struct app_stream *st, uint32_t remote);
/* The listener is the port's from now on. */
void datagram_open(struct worker_sessions *s, struct app_listener *l, uint16_t port);
/* The slot is its port's. */
void datagram_bound(struct worker_sessions *s, struct app_stream *st);
/* It hears nothing more, and its slot is let go of. */
void datagram_close(struct worker_sessions *s, struct app_listener *l);
/* Its slot may have something to send. */
void datagram_kick(struct worker_sessions *s, struct app_listener *l);
/* Bytes of the out ring that are still to be sent. */
uint32_t datagram_unsent(struct app_stream *st);
/* The slot is nobody's from now on. */
void datagram_withdraw(struct worker_sessions *s, struct app_stream *st);
/* What stands in the slot's rings cannot be: it is counted, taken from its port, and told EPROTO. */
void datagram_break(struct worker_sessions *s, struct app_stream *st);
/* Its user has done with the slot: what lies in its out ring is still sent, and then it is withdrawn. */
void datagram_let_go(struct worker_sessions *s, struct app_stream *st);
/* True: a port that was closed still sends what its slot holds. */
static inline bool datagram_drains(const struct app_listener *l)
{
	return l->datagrams && (l->sending || !TAILQ_EMPTY(&l->posted));
}
/* The slot hears only this port of this id; port 0: everybody. */
void datagram_peer(struct worker_sessions *s, struct app_stream *st, const struct node_id *id,
                   uint16_t port);
/* APPLANE_OPTION. 0 or -EINVAL. */
int datagram_option(struct app_stream *st, uint32_t option, int64_t value);
/* The present path to a remote has changed: whoever has sent there is told how long a datagram may be. */
void datagram_path(struct worker_sessions *s, uint32_t remote);
/* err (positive errno) has become of a datagram from a port to a port of a remote: told to whoever holds that port for this peer alone. */
void datagram_failed(struct worker_sessions *s, uint32_t remote, uint16_t from, uint16_t to,
                     int err);

/* ---- inward: datagram_rx.c ---- */

/* A datagram from e: p is its header. */
void datagram_rx(struct worker_sessions *s, struct tunnel_end *e, const uint8_t *p, uint32_t len,
                 struct instant now);
/* It goes to whoever holds the port for the remote. False: nobody does. */
bool datagram_deliver(struct worker_sessions *s, uint32_t remote, const struct udp_header *h,
                      const uint8_t *payload, uint32_t len);
/* The other end of e says that a datagram has found nobody: an OAM body of len bytes, OAM_BYTES at least. */
void datagram_nobody(struct worker_sessions *s, const struct tunnel_end *e, const uint8_t *body,
                     uint32_t len);

/* ---- outward: datagram_tx.c ---- */

/* Sends what applications have written, a bounded number, and what was held until now. Returns datagrams. */
unsigned datagram_run(struct worker_sessions *s, struct instant now);
/* True: some port has more to send than one turn took. */
static inline bool datagram_owes(const struct worker_sessions *s)
{
	return s->datagrams->sending_first != NULL || s->datagrams->released;
}
/* There is no way to the remote: what has waited for age_ns is given up, and err told for it. */
void datagram_unreachable(struct worker_sessions *s, uint32_t remote, int err, int64_t age_ns,
                          struct instant now);
/* Gives up what has waited for too long. */
void datagram_tick(struct worker_sessions *s, struct instant now);
