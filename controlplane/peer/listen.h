/* SPDX-License-Identifier: BSD-3-Clause */
/* Listeners: one socket for any number of neighbours, each of which becomes a link of its own once its handshake is complete.
 *
 * The listener has a link number of its own in the workers, by which frames that name no link come and answers to strangers go; it is
 * never opened. Links that it makes have numbers from the top of the number space downwards, and end with their neighbour. */
#pragma once
#include "peer/idset.h"
#include "peer/peer.h"

/* A link that is down goes after so long; one whose id is allowed is tried meanwhile. */
#define LISTEN_QUIET         (10 * NS_PER_S)
#define LISTEN_QUIET_ALLOWED (60 * NS_PER_S)
/* A link older than this that has carried neither data nor a tunnel is the first to give way. */
#define LISTEN_PROVE (60 * NS_PER_S)
/* Ids that `coyoctl allow` and `deny` may name on one listener. */
#define LISTEN_IDS_MAX 65536
/* Links that listeners make: numbers from LISTEN_LINKS_FROM on. */
#define LISTEN_LINKS_FROM (CPDP_LINKS_MAX / 2)

/* Strangers' links of one source prefix. */
struct listen_share {
	RB_ENTRY(listen_share) of;
	uint8_t prefix[SOURCE_PREFIX_BYTES];
	uint32_t links;
};
RB_HEAD(listen_shares, listen_share);
RB_HEAD(listen_links, peer);
RB_PROTOTYPE(listen_links, peer, of_listener, )

struct listener {
	TAILQ_ENTRY(listener) next;
	struct cp_link io;
	char name[32];
	uint16_t max;
	bool open;    /* strangers are accepted */
	bool leaving; /* takes nobody any more, and goes with the last of its links */
	bool gone;    /* waits for the workers to forget it */
	/* Ids that the configuration or the operator names, and those that the operator has turned away. */
	struct idset allowed, denied;
	/* By id: all of them, whether up or not, but for those being deleted. */
	struct listen_links links;
	struct listen_shares shares;
	uint32_t nlinks, nallowed;       /* links; of those: with an allowed id */
	uint64_t refused[LINK_REFUSALS]; /* handshakes, by enum link_refusal */
	struct ticket gone_ticket;
};

/* The listener of this link number, NULL: none. */
struct listener *listener_by_link(struct node *n, uint16_t link);
/* Adds a listener, or changes what an existing one with this link number accepts and how many; links that it would not take any more go.
 * What the operator has allowed or denied by name is forgotten. -EINVAL, -EEXIST: the number is another link's; -ENOMEM. */
int listener_set(struct node *n, const struct node_listen_cfg *cfg) COYO_NODISCARD;
/* Takes a listener and all its links away. out_link_gone() reports it after all of them. */
void listener_del(struct node *n, uint16_t link);
/* Removes a listener in good order: nobody is taken any more, its links leave as peer_leave() has it, and it goes with the last of them. */
void listener_leave(struct node *n, uint16_t link);
/* A listener without links ends: out_link_gone() reports it when every worker has forgotten it. */
void listener_end(struct node *n, struct listener *l);
/* One of its links is being deleted, and the listener does not know it any more: ends a listener that leaves with its last link. */
void listener_link_deleted(struct node *n, struct listener *l);
/* Takes every listener out of memory, after all peers. */
void listeners_free(struct node *n);

/* The listener's link of this id, or NULL. */
struct peer *listener_link(const struct listener *l, const struct node_id *id);
/* A neighbour has proven this id, which has no link here, from this address. 0: *p is its new link, for which another may have had to give
 * way; else why not (enum link_refusal). */
unsigned listener_admit(struct node *n, struct listener *l, const struct node_id *id,
                        const struct hs_source *from, uint32_t epoch, struct peer **p);
/* A frame that is not data, by a listener, from a worker. What is not authentic is counted and dropped. */
void listener_handshake_rx(struct node *n, struct listener *l, const struct dp_packet *pk);
/* Lets an id in, also where strangers are not. -ENOSPC, -ENOMEM. */
int listener_allow(struct node *n, struct listener *l, const struct node_id *id) COYO_NODISCARD;
/* Turns an id away from now on, and takes its link down. -ENOSPC, -ENOMEM. */
int listener_deny(struct node *n, struct listener *l, const struct node_id *id) COYO_NODISCARD;

/* One of a listener's links went down, and is given up after a while. */
void listener_link_down(struct node *n, struct peer *p);
/* One of a listener's links is being deleted: the listener does not know it any more. */
void listener_link_leaves(struct node *n, struct peer *p);
/* The share of a prefix, or NULL. */
struct listen_share *listen_share_of(struct listener *l, const uint8_t prefix[SOURCE_PREFIX_BYTES]);
/* The share of a prefix, in which one more link counts. NULL: no memory. */
struct listen_share *listen_share_get(struct node *n, struct listener *l,
                                      const uint8_t prefix[SOURCE_PREFIX_BYTES]);
/* One link fewer counts in it; an empty one is freed. */
void listen_share_put(struct node *n, struct listener *l, struct listen_share *s);
