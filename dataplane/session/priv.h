/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of a worker's sessions: remotes (ids that connections name), tunnel ends (keys and labels), streams of applications. */
#pragma once
#include "base/bucket.h"
#include "core/event.h"
#include "core/mbuf.h"
#include "core/state.h"
#include "crypto/aead.h"
#include "crypto/replay.h"
#include "fwd/fwd.h"
#include "session/bridge.h"
#include "session/session.h"
#include "tcp/tcp.h"
#include "wire/tunnel.h"

#define SESS_BURST    32
#define SESS_PHASES   4
#define SESS_WAIT_MAX 16  /* packets one session may have waiting for a key */
#define SESS_WAIT_ALL 512 /* ... all sessions of this worker together */
#define SESS_UNPROVEN_MAX \
	64 /* packets that wait under labels without a session; half of them of one link */
#define SESS_WAIT_NS  (5 * NS_PER_S)
#define DUMP_RETRY_NS (250 * NS_PER_US)
#define SESS_TICK_NS \
	NS_PER_S /* how often wants are repeated and unused remotes looked for, while there are any */
#define SESS_NONE UINT32_MAX
/* TCP's user word is a stream's address, or a listener's with this bit set. */
#define LISTENER_BIT   UINT64_C(1)
#define SESS_SEG_MAX   1910 /* largest transport segment: fits a worker_mbuf() with headers and tag */
#define SESS_ECHO_RATE 100 /* echo requests answered per second and session */
#define SESS_PUNT_RATE 100 /* packets per second and session that control sees */
#define SESS_NOBODY_RATE \
	100 /* datagrams per second and session that are answered by "port unreachable" */

/* The far end of a session: an id that connections exist to, or that a session exists with. Its index is TCP's peer handle. */
struct remote {
	struct node_id id;
	uint32_t session; /* the one to send on, SESS_NONE: control has been asked for one */
	uint32_t ends;    /* sessions with it, the one to send on among them */
	uint32_t next;    /* in its hash chain, or in the free list */
	uint32_t streams; /* applications' streams */
	uint32_t directs; /* of them that have asked for a path of one link */
	bool used, held;
	bool self;        /* this node: its segments go back into TCP, without a session */
	bool wanted;      /* connections are held: control is asked again and again */
	bool in_use;      /* some connection uses it, or did at the last look */
	bool told_in_use; /* what control was last told by EVT_SESSION_IDLE */
	uint8_t ip_ticks; /* for so many ticks more it is in use by packets of the TUN, or datagrams */
	uint8_t held_ip;  /* packets of the TUN that wait for a session */
	uint8_t held_udp; /* applications' datagrams that do */
	/* The far end's, as the keys in use came with it; 0: not known. Another one: it has started anew. */
	uint32_t incarnation;
};

struct rx_key {
	struct aead_key aead;
	struct replay window;
	bool used;            /* EVT_SESSION_USED has gone out */
	uint32_t incarnation; /* of the far end, from the handshake; 0: not known */
};

struct tx_key {
	struct aead_key aead;
	uint64_t counter; /* of the next packet */
	uint8_t phase;
	bool rekey_told;
};

/* A session's keys and labels on this worker. */
struct tunnel_end {
	uint32_t index;  /* of the session, as control names it */
	uint32_t remote; /* index of the far end */
	uint32_t out_label;
	uint16_t out_link;
	uint16_t path_mtu;
	uint8_t hops;          /* links that the tunnel crosses; 0: none now */
	uint16_t ip_split;     /* number of the last packet of the TUN that was split */
	uint8_t ip_halves;     /* halves of such packets that wait here for their other half */
	struct tx_key *tx;     /* NULL: none yet */
	struct tx_key *staged; /* takes its place with the first packet opened under its phase */
	struct rx_key *rx[SESS_PHASES];
	struct bucket punts, echoes, nobodies;
	struct instant wait_since;
	uint8_t nwait;
	struct rte_mbuf *wait[SESS_WAIT_MAX];
	bool echo_due; /* a responder hears the first request before it may send: the answer leaves when it may */
	uint8_t echo[OAM_BYTES];
};

/* A packet taken in, to be opened with others of the same key. */
struct rx_item {
	struct rte_mbuf *m;
	struct tunnel_end *end;
	struct tunnel_header h;
	uint32_t len; /* from the control word on, tag included */
};

struct tx_item {
	struct rte_mbuf *m;
	struct tunnel_end *end;
};

/* All sessions of one worker; its thread alone uses this. The bridge says itself what the gateway thread may touch. */
struct worker_sessions {
	struct worker *w;
	struct fwd *fwd;
	struct node_id id;
	/* tunnel ends by session index */
	struct tunnel_end **table;
	uint32_t table_size;
	uint32_t waiting; /* packets in all waiting queues */
	/* Packets under labels without a session, oldest first, and when the newest came. */
	struct rte_mbuf *unproven[SESS_UNPROVEN_MAX];
	uint32_t nunproven;
	struct instant unproven_at;
	/* remotes */
	struct remote *remotes;
	uint32_t nremotes, fresh, free_remote;
	uint32_t *chains;
	uint32_t chain_mask;
	uint64_t hash_key[2];
	uint32_t nwanted; /* remotes with wanted */
	bool look; /* some remote in use has no stream: look at its connections at the next tick */
	struct instant tick;
	/* TCP */
	struct tcp_stack *tcp;
	void *tcp_memory;
	size_t tcp_bytes;
	/* bursts under way */
	struct rx_item rx[SESS_BURST];
	unsigned nrx;
	struct tx_item tx[SESS_BURST];
	unsigned ntx;
	struct rte_mbuf *spare[SESS_BURST]; /* buffers for segments to come */
	unsigned nspare;
	uint32_t tx_len;      /* of the last segment: what the next will likely have */
	struct worker_ip *ip; /* ip.h; NULL: no TUN */
	struct worker_datagrams *datagrams; /* datagram.h */
	/* applications */
	struct bridge bridge;
	struct app_streams announce; /* the gateway's streams of which something is to be told */
	/* Their applications are gone, and bytes of them are still to go; when to look at them again. */
	struct app_streams watched;
	uint32_t nwatched;
	struct instant watch;
	/* Those whose readers are not woken yet, the longest without bytes first. */
	struct app_streams held;
	struct app_streams lowat;   /* those with bytes that TCP is not to have yet */
	struct app_streams direct;  /* those that have asked for a path of one link */
	bool direct_look;           /* the path of some of them may have changed */
	struct app_port *ports;     /* applications that share a segment */
	struct instant ports_at;    /* the last look at them */
	struct instant ports_retry; /* some ring of theirs was full: tried again then */
	struct app_listener *listeners;
	bool listeners_ready; /* some listener has something to tell */
	bool draining, maybe_asleep, wake_pending;
	/* a slice of the dump under way */
	struct {
		bool on, have;
		uint32_t cookie, cursor;
		uint32_t left; /* rows that the slice may still have */
		/* Of those that share the port of the last row, who is next; 0: none. */
		uint32_t member;
		struct instant retry; /* the event ring was full: not before */
		struct dp_event row;
	} dump;
};

/* True when it has a sending key and a tunnel to send through. */
static inline bool sess_may_send(const struct tunnel_end *e)
{
	return e->tx && e->out_label != LABEL_NONE;
}

/* The tunnel end of a session, or NULL. index may be anything. */
static inline struct tunnel_end *end_of(const struct worker_sessions *s, uint32_t index)
{
	return index < s->table_size ? s->table[index] : NULL;
}

/* The tick comes within SESS_TICK_NS. */
static inline void sess_tick_soon(struct worker_sessions *s, struct instant now)
{
	if (instant_is_never(s->tick))
		s->tick = instant_add(now, SESS_TICK_NS);
}

/* remote.c. 0 or -ENOMEM; remotes_free() is due either way. n: as many ids at a time. */
int remotes_init(struct worker_sessions *s, uint32_t n, const uint8_t seed[32]);
void remotes_free(struct worker_sessions *s);
/* Index of an id, or SESS_NONE. */
uint32_t remote_find(const struct worker_sessions *s, const struct node_id *id);
/* The same; makes it where there is none. SESS_NONE: the table is full. */
uint32_t remote_get(struct worker_sessions *s, const struct node_id *id);
/* Frees it where neither a session nor a stream nor a connection needs it. */
void remote_release(struct worker_sessions *s, uint32_t remote);
/* After a change of its session's keys or labels, or of its use: TCP holds its segments or sends them, and control is asked for a session. */
void remote_update(struct worker_sessions *s, uint32_t remote, struct instant now);
/* A packet has been opened under a key that came with this incarnation of the far end, 0: not known. If it is another than before, the
 * far end has started anew and connections from before end. */
void remote_incarnation(struct worker_sessions *s, uint32_t remote, uint32_t incarnation);
/* Some connection uses it; control is told once. */
void remote_in_use(struct worker_sessions *s, uint32_t remote);
/* Repeats what control was asked for, lets go of remotes that no connection uses any more. */
void remotes_tick(struct worker_sessions *s);

/* tunnel_end.c: commands. 0, or -errno: it makes no sense or memory is short, and what it sets is not set. end_rx_key() returns 1 when the key is a new one. */
int end_set(struct worker_sessions *s, const struct cp_session *c, struct instant now);
int end_tx_key(struct worker_sessions *s, const struct cp_lane_key *c, struct instant now);
int end_rx_key(struct worker_sessions *s, const struct cp_lane_key *c);
/* Wipes the receiving key of a phase, if there is one. */
void end_drop_rx_key(struct tunnel_end *e, unsigned phase);
/* Wipes its keys, drops its waiting packets; its connections are held and control is asked for another session. */
void end_free(struct worker_sessions *s, struct tunnel_end *e, struct instant now);
/* A packet was opened under this phase: a sending key that waited for that is used from now on. */
void end_phase_used(struct worker_sessions *s, struct tunnel_end *e, unsigned phase,
                    struct instant now);

/* rx.c: opens and delivers the packets taken in so far. */
void rx_flush(struct worker_sessions *s, struct instant now);
/* Takes in the packets that waited for a key, and opens them. */
void rx_rerun(struct worker_sessions *s, struct tunnel_end *e, struct instant now);

/* dump.c: begins to send a slice of the connections, an event for each; one under way ends there. 0 or -EINVAL. */
int dump_start(struct worker_sessions *s, uint32_t cookie, const struct cp_dump *c,
               struct instant now);
/* As many events as the ring takes now; the rest at the next calls, when the ring is full a little later. Returns events. */
unsigned dump_run(struct worker_sessions *s, struct instant now);
