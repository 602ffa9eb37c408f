/* SPDX-License-Identifier: BSD-3-Clause */
/* The configuration of a node and of each of its links, given when they are made and constant from then on. */
#pragma once
#include "base/rng.h"
#include "core/mem.h"
#include "ipc/cpdp.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity; /* crypto/identity.h */

/* Public-key operations, which the simulator replaces by cheap ones so that it can run 10^5 nodes. */
struct node_crypto_ops {
	/* Signs msg under context with me's Ed25519 key. */
	void (*sign)(const struct identity *me, const char *context, const void *msg, size_t len,
	             uint8_t sig[64]);
	/* 0: sig is the signature of msg under context by this Ed25519 key; else not 0. */
	int (*verify)(const uint8_t key[32], const char *context, const void *msg, size_t len,
	              const uint8_t sig[64]);
	/* As pair_key() and pair_mac() of crypto/pair.h. */
	int (*pair_key)(const struct identity *me, const uint8_t ed[32], uint8_t key[32]);
	void (*pair_mac)(const uint8_t key[32], const struct node_id *from,
	                 const struct node_id *to, const void *msg, size_t len, uint8_t mac[16]);
};

/* Copied by node_new(). Times in ns; the values named are those of node_cfg_default(). */
struct node_cfg {
	const struct identity *identity; /* outlives the node */
	struct rng rng;
	struct node_alloc alloc;
	/* Secret, drawn anew at each start. The workers have it too: what one of them hands out, all accept. */
	uint8_t cookie_key[32];
	const struct node_crypto_ops *ops; /* outlives the node; NULL: the real ones */
	uint32_t network_id;               /* nodes of other networks fail the handshake */
	uint8_t workers;                   /* 1..CPDP_WORKERS_MAX */
	uint8_t trees;                     /* anchor trees, 1..2 */
	bool transit;                      /* relay for strangers */
	bool aes_gcm;                      /* this machine has AES instructions */
	uint32_t transit_rate;             /* set-ups/s accepted from one neighbour, 0: unlimited */
	uint16_t kad_k;                    /* bucket size, 16 */
	uint8_t kad_alpha;                 /* questions of one lookup open at once, 3 */
	uint32_t labels_per_link_max;      /* labels granted to one neighbour at once */
	uint32_t sessions_max;
	/* set-ups/s that this node takes part in, all neighbours together, 20000; 0: unlimited */
	uint32_t setups_max;
	/* that others build by way of this node or to it, 65536 */
	uint32_t tunnels_max;
	int64_t hello_active_ns;        /* 250 ms: links with traffic or a tunnel in use */
	int64_t hello_idle_ns;          /* 3 s: other links */
	uint8_t hello_misses;           /* 3 hellos without an answer: then the link is down */
	int64_t rekey_ns;               /* 120 s: keys of this age are renewed */
	int64_t key_reject_ns;          /* 180 s: keys of this age are not used any more */
	int64_t key_overlap_ns;         /* 10 s: packets under the old key are still accepted */
	int64_t tunnel_idle_end_ns;     /* 45 s: the ends stop using an idle tunnel */
	int64_t tunnel_idle_transit_ns; /* 60 s: transit nodes drop an idle tunnel */
	int64_t connect_timeout_ns;     /* 5 s: then EHOSTUNREACH */
	int64_t label_quarantine_ns;    /* 10 s: a freed label is not granted again before */
};

/* Fills every field of *cfg but identity, rng, alloc and cookie_key (zeros), which the caller sets, with the values above. */
void node_cfg_default(struct node_cfg *cfg);

/* An address over IP. family: 4 or 6, 0: none; port and addr as in cp_link. */
struct node_addr {
	uint8_t family;
	uint16_t port;
	uint8_t addr[16];
};

#define LINK_ENDS_MAX 8 /* addresses that are configured for one link's neighbour */

/* Where a neighbour may be, in the order in which its addresses are tried. */
struct node_ends {
	uint8_t n;
	struct node_addr v[LINK_ENDS_MAX];
};

/* How a listener is set up. The ids are copied. */
struct node_listen_cfg {
	/* As of a link, but without remote address and MAC. io.link < CPDP_LINKS_MAX / 2. */
	struct cp_link io;
	char name[32];
	uint16_t max;                 /* neighbours at once, 1..4 096 */
	bool open;                    /* any id is accepted, not only those in `accept` */
	const struct node_id *accept; /* ids that are accepted in any case */
	uint32_t naccept;
};

/* How a link is set up, from configuration or `coyoctl link add`. */
struct node_link_cfg {
	/* Copied into CMD_LINK_SET; io.link is the link's number, which the caller chooses and no other link has. */
	struct cp_link io;
	char name[32];
	bool expect_id; /* refuse any other neighbour */
	bool initiate; /* send the first handshake message (udp without a remote address only answers) */
	struct node_id id;
	/* udp-socket: io takes the first one. None: the address in io is the only one, if it has one. */
	struct node_ends ends;
};
