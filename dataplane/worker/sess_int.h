/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of a worker's sessions: peers (ids that connections name), sessions (keys and tunnel), streams of applications. */
#pragma once
#include "app/bridge.h"
#include "base/bucket.h"
#include "crypto/aead.h"
#include "crypto/replay.h"
#include "tcp/tcp.h"
#include "wire/tunnel.h"
#include "worker/sess.h"
#include "fwd/fwd.h"
#include "core/event.h"
#include "core/mbuf.h"
#include "core/state.h"

#define SESS_BURST    32
#define SESS_PHASES   4
#define SESS_WAIT_MAX 16  /* packets one session may have waiting for a key */
#define SESS_WAIT_ALL 512 /* ... all sessions of this worker together */
#define SESS_WAIT_NS  (5 * NS_PER_S)
#define DUMP_RETRY_NS (250 * NS_PER_US)
#define SESS_TICK_NS \
	NS_PER_S /* wants are repeated, idle sessions looked for, this often while there are any */
#define SESS_REKEY_AT   (UINT64_C(1) << 32)
#define SESS_REFUSE_AT  (UINT64_C(1) << 36)
#define SESS_NONE       UINT32_MAX
#define SESS_LISTEN_MAX 65536u
#define SESS_SEG_MAX    1910 /* largest transport segment: fits a worker_mbuf() with headers and tag */
#define SESS_ECHO_RATE  100 /* echo requests answered per second and session */
#define SESS_PUNT_RATE  100 /* packets per second and session that control sees */

/* An id that connections exist to, or that a session exists with. Its index is TCP's peer handle. */
struct peer {
	struct node_id remote;
	uint32_t session; /* the one to send on, SESS_NONE: control has been asked for one */
	uint32_t next;    /* in its hash chain, or in the free list */
	uint32_t streams; /* applications' streams */
	bool used, held;
	bool wanted;      /* connections are held: control is asked again and again */
	bool in_use;      /* some connection uses it, or did at the last look */
	bool told_in_use; /* what control was last told by EVT_SESSION_IDLE */
};

struct rx_key {
	struct aead_key aead;
	struct replay window;
	bool used; /* EVT_SESSION_USED has gone out */
};

struct tx_key {
	struct aead_key aead;
	uint64_t counter; /* of the next packet */
	uint8_t phase;
	bool rekey_told;
};

struct session {
	uint32_t index, peer;
	uint32_t out_label;
	uint16_t out_link;
	uint16_t path_mtu;
	struct tx_key *tx;     /* NULL: none yet */
	struct tx_key *staged; /* takes its place with the first packet opened under its phase */
	struct rx_key *rx[SESS_PHASES];
	struct bucket punts, echoes;
	struct instant wait_since;
	uint8_t nwait;
	struct rte_mbuf *wait[SESS_WAIT_MAX];
	bool echo_due; /* a responder hears the first request before it may send: the answer leaves when it may */
	uint8_t echo[OAM_BYTES];
};

/* A packet taken in, to be opened with others of the same key. */
struct rx_item {
	struct rte_mbuf *m;
	struct session *session;
	struct tunnel_header h;
	uint32_t len; /* from the control word on, tag included */
};

struct tx_item {
	struct rte_mbuf *m;
	struct session *session;
};

struct listener {
	uint32_t token, conn;
	uint16_t port;
	bool ready;        /* a connection may wait */
	uint32_t announce; /* LISTENING is owed */
	int32_t err;
	struct listener *next;
};

struct sessions {
	struct worker *w;
	struct fwd *fwd;
	struct node_id id;
	/* sessions by index */
	struct session **table;
	uint32_t table_size;
	uint32_t waiting; /* packets in all waiting queues */
	/* peers */
	struct peer *peers;
	uint32_t npeers, fresh, free_peer;
	uint32_t *chains;
	uint32_t chain_mask;
	uint64_t hash_key[2];
	uint32_t nwanted; /* peers with wanted */
	bool look; /* some peer in use has no stream: look at its connections at the next tick */
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
	uint32_t tx_len; /* of the last segment: what the next will likely have */
	/* applications */
	struct bridge bridge;
	struct app_stream *announce_first, *announce_last;
	struct listener *listeners;
	bool listeners_ready; /* some listener has something to tell */
	bool draining, maybe_asleep, wake_pending;
	/* a dump under way */
	struct {
		bool on, have;
		uint32_t cookie, cursor;
		struct instant retry; /* the event ring was full: not before */
		struct dp_event row;
	} dump;
};

static inline bool sess_may_send(const struct session *x)
{
	return x->tx && x->out_label != LABEL_NONE;
}

/* sess.c: a packet was opened under this phase */
void sess_phase_used(struct sessions *s, struct session *x, unsigned phase, struct instant now);

/* sess_peer.c */
int sess_peers_init(struct sessions *s, uint32_t n, const uint8_t seed[32]);
void sess_peers_free(struct sessions *s);
uint32_t peer_find(const struct sessions *s, const struct node_id *remote); /* SESS_NONE */
uint32_t peer_get(struct sessions *s,
                  const struct node_id *remote);      /* makes it; SESS_NONE: table full */
void peer_release(struct sessions *s, uint32_t peer); /* frees it where nothing needs it */
void peer_update(struct sessions *s, uint32_t peer,
                 struct instant now); /* hold or release, ask control */
void peer_in_use(struct sessions *s, uint32_t peer);
void peers_tick(struct sessions *s, struct instant now);

/* sess_tx.c */
unsigned tx_run(struct sessions *s, struct instant now);
void tx_free(struct sessions *s);
void tx_clear(struct sessions *s, struct session *x, const struct cp_send_session *c);
void tx_oam(struct sessions *s, struct session *x, const uint8_t *body, uint32_t len, uint8_t ttl);

/* sess_rx.c */
void rx_flush(struct sessions *s, struct instant now);
void rx_rerun(struct sessions *s, struct session *x,
              struct instant now); /* packets that waited for a key */
void rx_drop_waiting(struct sessions *s, struct session *x, enum drop_reason why);

/* sess_app.c */
unsigned app_run(struct sessions *s, struct instant now);
void app_events(struct sessions *s, struct instant now);
unsigned app_flush(struct sessions *s);
bool app_owes(const struct sessions *s);
void app_drain(struct sessions *s);
void app_free(struct sessions *s);
