/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 packets of the TUN in a worker's sessions: out of its ring into sealed packets, out of sealed packets into its ring. */
#pragma once
#include "session/priv.h"
#include "session/gro.h"
#include "session/tun_flow.h"
#include "session/tunring.h"

#define IP_HELD_MAX    128 /* packets that wait for a session, on this worker */
#define IP_HELD_REMOTE 16  /* ... of one remote */
#define IP_HELD_NS     (8 * NS_PER_S)
#define IP_HALF_MAX    128 /* halves that wait for the other, on this worker */
#define IP_HALF_END    4   /* ... of one session */
#define IP_HALF_NS     NS_PER_S
#define IP_IDLE_TICKS  10  /* a remote is in use for so many ticks after its last packet */
#define IP_ANSWER_RATE 100 /* ICMPv6 messages per second to others */

/* A packet without a session to go by. */
struct ip_held {
	struct rte_mbuf *m; /* the bare packet */
	uint32_t remote;
	struct instant since;
};

/* Half a packet. */
struct ip_half {
	struct rte_mbuf *m;
	const uint8_t *payload; /* in m */
	uint32_t len;
	uint32_t session;
	struct ip6_elided h;
	struct instant since;
};

/* All of one worker; its thread alone uses this. The ring says itself what the TUN's thread may touch. */
struct worker_ip {
	struct tunring *ring[TUN_QUEUES_MAX]; /* one for each queue of the interface */
	unsigned nrings;
	uint8_t prefix;
	struct tun_flows flows; /* of the remotes whose sessions are here */
	struct bucket answers;
	/* What came last, which may still grow: not committed before the next, or the turn's end. */
	struct gro gro;
	uint32_t gro_remote;
	unsigned gro_queue;
	bool released; /* some remote is held no more: its packets leave in this turn */
	unsigned nheld, nhalves;
	struct ip_held held[IP_HELD_MAX]; /* the oldest first */
	struct ip_half half[IP_HALF_MAX]; /* the oldest first */
};

/* A slot of a queue's ring to the TUN for `most` bytes of packet, which s->ip->gro is to have at once, or nobody; NULL: the ring is full. */
struct tun_slot *ip_slot(struct worker_sessions *s, unsigned queue, uint32_t most);
/* Commits what s->ip->gro has. */
void ip_end_run(struct worker_sessions *s);
/* A packet of this node's own, an ICMPv6 message of len bytes, leaves by e if that may send. */
void ip_send_own(struct worker_sessions *s, struct tunnel_end *e, const uint8_t *packet,
                 uint32_t len, struct instant now);

/* Makes s->ip. 0 or -ENOMEM; nothing where the configuration has no TUN. */
int ip_start(struct worker_sessions *s);
/* The sessions' packets are gone. */
void ip_free(struct worker_sessions *s);

/* Sends what the TUN has put into the ring, and what was held until now; wakes the TUN's thread. Returns packets. */
unsigned ip_run(struct worker_sessions *s, struct instant now);
/* An opened packet of next header 41 from e: p is what stands behind the traffic class, in m, which stays the caller's. The TUN has it at the end of
 * ip_run() at the latest. */
void ip_rx(struct worker_sessions *s, const struct tunnel_end *e, struct rte_mbuf *m,
           uint8_t traffic_class, const uint8_t *p, uint32_t len, struct instant now);
/* There is no way to the remote: what has waited for age_ns goes back to the TUN. */
void ip_unreachable(struct worker_sessions *s, uint32_t remote, int64_t age_ns, struct instant now);
/* Control's answer to the TUN. 0, or -EINVAL: there is none. */
int ip_resolved(struct worker_sessions *s, const struct cp_resolved *c);
/* The remote is in use, as by a connection: control keeps its session, or makes one. */
void ip_use(struct worker_sessions *s, uint32_t remote, struct instant now);
/* The session is gone: so are its halves. */
void ip_end_gone(struct worker_sessions *s, uint32_t session);
/* Lets go of halves whose other half does not come. */
void ip_halves_tick(struct worker_sessions *s, struct instant now);
/* Lets go of what has waited for too long. */
void ip_tick(struct worker_sessions *s, struct instant now);
/* False: the TUN has put something into a ring. */
bool ip_sleep_ok(const struct worker_sessions *s);
/* True: something waits, so that ip_tick() must come. */
bool ip_waits(const struct worker_sessions *s);
