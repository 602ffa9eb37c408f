/* SPDX-License-Identifier: BSD-3-Clause */
/* Neighbours: one peer per link, its handshake, keys, liveness, label space. */
#pragma once
#include "base/fair.h"
#include "core/ctx.h"
#include "crypto/cookie.h"
#include "crypto/identity.h"
#include "peer/addresses.h"
#include "peer/announced.h"
#include "peer/generation.h"
#include "peer/halfopen.h"
#include "peer/handshake.h"
#include "peer/labels.h"
#include "peer/liveness.h"
#include "peer/mtu.h"
#include "peer/probe.h"
#include "peer/refusal.h"
#include "peer/sampling.h"

#include <bsd/sys/tree.h>

#define PEER_HS_RATE  200 /* handshakes/s before cookies are asked for */
#define PEER_REFUSALS 100 /* refusals/s that are told to whoever is refused */
#define PEER_HS_TRIES 8   /* first messages of ours whose late answers are recognized, per link */

enum peer_timer {
	TIMER_PEER_HANDSHAKE = TIMERS_OF(PART_PEER),
	TIMER_PEER_LIVENESS,
	TIMER_PEER_REKEY,
	TIMER_PEER_OLD_KEY,
	TIMER_PEER_LINGER,    /* a listener's link that is down is deleted */
	TIMER_PEER_HALF_OPEN, /* no owner: the table of half-open handshakes */
	TIMER_PEER_PROBE,
	TIMER_PEER_ADDRESS,
	TIMER_PEER_LEAVE,
	TIMER_PEER_SAMPLE,
};

enum peer_state {
	PEER_IDLE = 0,  /* waits for the other side, or for its carrier */
	PEER_HANDSHAKE, /* handshake messages are under way */
	PEER_UP,        /* authenticated and alive */
	PEER_GONE,      /* deleted; waits for the workers to forget it */
};

struct peer {
	TAILQ_ENTRY(peer) next;
	RB_ENTRY(peer) of_id; /* while it is up */
	RB_ENTRY(peer) of_name;
	/* Of a listener's link: NULL for others, and once the link is being deleted. */
	struct listener *listener;
	RB_ENTRY(peer) of_listener;
	struct listen_share *share; /* a stranger's place; NULL: its id is allowed */
	bool allowed;
	struct instant added_at;
	struct timer linger_timer;
	uint32_t number;          /* in the order in which links were added */
	struct node_link_cfg cfg; /* cfg.io.remote_addr as learnt */
	uint16_t link;
	uint8_t state;
	bool carrier;
	bool leaving; /* the link is about to be removed, by either side: it takes no new tunnels */
	uint8_t leave_told; /* how often we have told the neighbour so; 0: it is not us who remove it */
	struct timer leave_timer;
	bool restart_seen;

	/* identity of the neighbour, once authenticated (kept over link downs) */
	bool known;
	struct node_id id;
	uint8_t key[32]; /* Ed25519 */
	uint8_t x_key[32];
	struct generations generations; /* generation.c */
	RB_ENTRY(peer) of_key;
	uint8_t remote_lanes;
	uint16_t remote_caps;
	uint32_t local_epoch, remote_epoch;
	uint16_t mtu;        /* labelled packets may be so large: path.now while the link is up */
	uint16_t remote_mtu; /* what the neighbour allows at most */
	struct mtu path;
	struct timer probe_timer;
	uint8_t mtu_tells; /* how often tunnels are still to be told of a lower mtu */
	bool narrow;       /* it did not carry MTU_BASE when it was up last */

	struct sampling sampling; /* outlasts the link's going down */
	struct addresses at;
	struct timer address_timer;

	/* handshake */
	struct handshake own; /* that this node began; those it answers are in peers.half_open */
	struct timer hs_timer;
	uint16_t hs_tries; /* handshakes begun since the link went down */
	bool gave_way;     /* to one that crossed it, since then */
	/* When the last XX that this node began was complete here, its third message being under way. 0: none was. */
	struct instant own_done_at;
	/* Our newest first message, for as long as it may be refused. */
	struct {
		uint32_t index;
		uint8_t mac1[COOKIE_MAC_BYTES];
		bool ik, refused;
	} newest;
	bool use_xx; /* the neighbour does not know our key */
	struct peer_refusal refusal;
	/* Our newest first messages. An answer to one that a later try has replaced is of no use any more, but tells how long answers
	 * take: hs_rtt_ns, 0 where none came late since the link went down. */
	struct hs_try {
		uint32_t index;
		struct instant sent;
	} hs_try[PEER_HS_TRIES];
	int64_t hs_rtt_ns;
	bool has_cookie;
	uint8_t cookie[COOKIE_BYTES];
	struct instant cookie_at;
	struct rx_keys rx, rx_old[2]; /* newest first: rekeys of both ends may cross */
	struct peer_grant grant[PEER_GRANTS];
	bool rx_used; /* the neighbour has sent under rx: rx_old is not needed any more */
	bool confirming; /* XX initiator: keys are programmed, the other side's first packet is awaited */
	uint8_t unproven[NOISE_PSK]; /* while confirming: the generation that it will be */
	struct instant keyed_at;
	struct timer rekey_timer, old_key_timer;
	struct ticket gone_ticket;

	/* liveness */
	/* heard: when something authentic last came. asked: when the first hello of the current silence went out. used: last data. */
	struct instant heard, asked, up_at, used;
	struct timer live_timer;
	struct ticket live_ticket; /* waiting: the workers have not sent our hello yet */
	uint8_t missed;            /* hellos sent in this silence, none answered */
	bool urgent;               /* somebody waits for the neighbour in this silence */
	uint8_t late; /* ticks in this silence at which this thread itself ran too late */
	uint64_t hello_heard_us; /* last `sent` of the neighbour, to be echoed */
	uint64_t echoed_us;      /* newest `sent` of ours that it has echoed */
	struct instant hello_heard_at;
	/* Round trip and its variation, smoothed as in RFC 6298; rtt_ns -1: never measured. Both outlast the link's going down: its way
	 * is most likely still as long when it comes back. */
	int64_t rtt_ns, rttvar_ns;
	bool rtt_by_hello; /* since the link came up: a handshake's, with its computing, is rough */
	uint32_t flaps, rekeys; /* rekeys: new keys for a link that was up */
	uint32_t tunnels;       /* live tunnels that are not fingers: the link is in use */
	struct labels labels;
	uint16_t port;                /* this link's number in coords, 1.. */
	struct bucket setup_rate;     /* the operator's limit for each neighbour */
	struct fair_part setup_share; /* of what this node can do for all; lsp/setup.c */
	/* Likewise, of the keys of Kademlia's strangers (kad/trust.c), of session handshakes, and of those without a puzzle (endpoint/). */
	struct fair_part key_share, hs_share, free_share;

	/* owned by anchor/: what the neighbour announced */
	struct linkmsg_ann *ann; /* NULL: none so far */
	bool ann_valid;
	struct node_id told_root
	        [RECORD_TREES_MAX]; /* whose sequence message it was last given; zeros: none */
	struct fair_part seq_share; /* of the signatures verified for all; anchor/sequence.c */
	uint64_t ann_hash[RECORD_TREES_MAX]; /* rank of the announced roots */
	struct announced announced;
	uint32_t flap_n;
	struct instant parent_not_before;
	struct linkmsg_sample *sample; /* NULL: none so far */
};

TAILQ_HEAD(peer_list, peer);
RB_HEAD(peer_ids, peer);
RB_HEAD(peer_keys, peer);
RB_HEAD(peer_names, peer);
TAILQ_HEAD(listeners, listener);
struct peers {
	struct listeners listeners;
	struct peer_list list;
	struct peer_ids by_id;   /* those that are up, by id and then number */
	struct peer_keys by_key; /* those with generations, by their static key and then number */
	uint32_t added;          /* links, ever */
	struct peer_names by_name;
	/* By link number, NULL where there is none; they grow to the highest number seen. */
	struct peer **by_link;
	struct listener **listener_by_link;
	uint64_t *taken, *ports; /* bits: link numbers of links and listeners; numbers in coords */
	uint32_t links;          /* room in each of the four; none where 0 */
	struct bucket hs_rate, refusals;
	struct cookie_jar jar;
	struct hsindex index;
	uint32_t answers; /* handshakes that others began, ever */
	struct halfopens half_open;
	struct instant twin_at, twin_told_at; /* see peers_twin_seen() */
	int64_t slowest_ns; /* longest round trip of the links that were up at slowest_at */
	struct instant slowest_at;
};

/* Makes n->peers, without any. -ENOMEM. */
int peers_new(struct node *n);
/* Frees every peer; nothing is sent or reported. The last part to be freed. */
void peers_free(struct node *n);
/* The peer of a link, also while the link is being deleted; NULL: no such link. */
struct peer *peer_by_link(struct node *n, uint16_t link);
/* An up neighbour by id, over the link that was added first; NULL: none. */
struct peer *peers_find(const struct peers *ps, const struct node_id *id);
/* The same among the neighbours of n. */
struct peer *peer_by_id(struct node *n, const struct node_id *id);
/* The same neighbour over the next link that is up, or NULL. */
struct peer *peer_same(struct peer *p);
/* Puts p into the index that peers_find() searches (up) or takes it out. Its id must not change while it is in. */
void peers_index(struct peers *ps, struct peer *p, bool up);

/* Authenticated and alive. */
static inline bool peer_up(const struct peer *p)
{
	return p->state == PEER_UP;
}

/* A neighbour that is up is never displaced: somebody else than `id` is up on this link. */
static inline bool peer_taken(const struct peer *p, const struct node_id *id)
{
	return peer_up(p) && !id_eq(&p->id, id);
}

/* Adds a link: the workers are told and the first handshake begins. -EINVAL: link number too high; -EEXIST: link number taken;
 * -ENOMEM. */
int peer_add(struct node *n, const struct node_link_cfg *cfg);
/* Makes a link's peer, of which nothing is said to anybody yet: for a listener's link peer_announce() is to follow. As peer_add(). */
int peer_make(struct node *n, const struct node_link_cfg *cfg, struct peer **p) COYO_NODISCARD;
/* Tells the workers of a link just made. */
void peer_announce(struct node *n, struct peer *p);
/* Deletes a link: a neighbour that is up is told once, the link is down, and freed when every worker has forgotten it: out_link_gone(). */
void peer_del(struct node *n, uint16_t link);
/* The port or socket under the link came or went. */
void peer_carrier(struct node *n, uint16_t link, bool up);
/* Takes the link down: its keys and labels become void, news.peer_down() is called if it was up, and a new handshake begins. why: static
 * text for the operator. */
void peer_down(struct node *n, struct peer *p, const char *why);
/* A frame that is not data (types 1-4, 6), from a worker. What is not authentic is counted and dropped. */
void peer_handshake_rx(struct node *n, struct peer *p, const struct dp_packet *pk);
/* Takes receiving keys out of the workers; k is empty afterwards. */
void peer_rx_del(struct node *n, struct peer *p, struct rx_keys *k);
/* First packet opened under a receiver index. */
void peer_key_used(struct node *n, struct peer *p, uint32_t index);
/* An authentic packet came while the link was not up, which proves that the other side holds the keys: the link comes up if only that
 * was missing. */
void peer_confirmed(struct node *n, struct peer *p);
/* From handshake.c and answer.c: the handshake is complete and the workers hold its receiving keys. They are taken back where another
 * neighbour has come up meanwhile. */
void peer_established(struct node *n, struct peer *p, struct handshake *hs);

/* A plain link's neighbour has a new epoch or id: the labels of both sides are void, and the link goes down; the same hello then brings it
 * up again. */
void peer_restarted(struct node *n, struct peer *p);
/* A link that was too narrow carries MTU_BASE now: it is up. */
void peer_wide(struct node *n, struct peer *p);
/* A plain link's neighbour answered: the link is up. */
void peer_plain_up(struct node *n, struct peer *p);
/* A timer of PART_PEER; its owner is the peer. */
void peer_timer(struct node *n, struct timer *t);
/* emit_local() on the link of p. */
void peer_send_local(struct node *n, struct peer *p, const void *body, size_t len);
