/* SPDX-License-Identifier: BSD-3-Clause */
/* What a node and each of its links are told when they are made: constant from then on. */
#pragma once
#include "base/rng.h"
#include "core/mem.h"
#include "ipc/cpdp.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct identity; /* crypto/identity.h */

/* Public-key operations, so that 10^5 simulated nodes can do without them. NULL members of node_cfg.ops: the real ones. */
struct node_crypto_ops {
	void (*sign)(const struct identity *me, const char *context, const void *msg, size_t len,
	             uint8_t sig[64]);
	int (*verify)(const uint8_t key[32], const char *context, const void *msg, size_t len,
	              const uint8_t sig[64]);
};

/* Constant after node_new(). Times in ns. node_cfg_default() fills every field but identity, rng, alloc. */
struct node_cfg {
	const struct identity *identity; /* outlives the node */
	struct rng rng;
	struct node_alloc alloc;
	const struct node_crypto_ops *ops; /* NULL: real */
	uint32_t network_id;               /* nodes of other networks fail the handshake */
	uint8_t workers;                   /* 1..CPDP_WORKERS_MAX */
	uint8_t trees;                     /* anchor trees, 1..2 */
	bool transit;                      /* relay for strangers */
	bool aes_gcm;                      /* this machine has AES instructions */
	uint32_t transit_rate;             /* set-ups/s accepted from one neighbour, 0: unlimited */
	uint16_t kad_k;                    /* bucket size, 16 */
	uint8_t kad_alpha;                 /* 3 */
	uint8_t fingers;                   /* label paths per bucket, 1..2 */
	uint32_t labels_per_link_max;      /* quota granted to one neighbour */
	uint32_t sessions_max;
	int64_t hello_active_ns;        /* 250 ms: links with traffic or a tunnel in use */
	int64_t hello_idle_ns;          /* 3 s */
	uint8_t hello_misses;           /* 3: then the link is down */
	int64_t rekey_ns;               /* 120 s */
	int64_t key_reject_ns;          /* 180 s */
	int64_t key_overlap_ns;         /* 10 s: old and new key both accepted */
	int64_t tunnel_idle_end_ns;     /* 45 s: the ends stop using an idle tunnel */
	int64_t tunnel_idle_transit_ns; /* 60 s: transits forget it */
	int64_t connect_timeout_ns;     /* 5 s: then EHOSTUNREACH */
	int64_t label_quarantine_ns;    /* a freed label is not granted again before */
};

void node_cfg_default(struct node_cfg *cfg);

/* How a link is set up, from configuration or `coyoctl link add`. */
struct node_link_cfg {
	/* Copied into CMD_LINK_SET; io.link is the index, chosen by the caller, unused so far. */
	struct cp_link io;
	char name[32];
	bool expect_id; /* refuse any other neighbour */
	bool initiate; /* send the first handshake message (udp without a remote address only answers) */
	struct node_id id;
};
