/* SPDX-License-Identifier: BSD-3-Clause */
/* A link as one worker sees it: configuration, its keys, its label map, its share of the output. */
#pragma once
#include "base/bucket.h"
#include "crypto/aead.h"
#include "crypto/replay.h"
#include "dataplane.h"
#include "core/packet.h"
#include "ipc/cpdp.h"
#include "table/ilm.h"

#define LINK_BURST 64 /* packets gathered before a link is flushed */

/* This worker's sending lane. Made and replaced by commands, used by fwd/output.c; on no other worker. */
struct tx_lane {
	struct aead_key key;
	uint64_t counter; /* of the next packet */
	uint32_t index;   /* receiver index */
	uint8_t lane;
	bool rekey_asked;
};

/* A neighbour's lane that this worker opens; by its receiver index no other worker does. */
struct rx_lane {
	struct aead_key key;
	struct replay replay;
	uint32_t index;
	uint16_t link;
	uint8_t lane;
	bool told;            /* EVT_SESSION_USED has gone out */
	struct rx_lane *next; /* of the same link */
};

/* Each worker has its own of every link; only `count` is read by another thread. */
struct link {
	struct cp_link cfg; /* as commanded; family, address and port also as learnt */
	uint16_t number;
	bool open; /* the neighbour is authenticated and alive: more than link-local control may pass */
	bool queued; /* in the label switch's list of links with packets queued */
	struct ilm ilm;
	struct tx_lane *tx;               /* NULL: no key */
	struct rx_lane *rx;               /* list */
	struct dp_link_counters *count;   /* written by this worker, read by control */
	uint8_t mac[6];                   /* ethernet: where frames go; all-one until learnt */
	bool mac_known;                   /* configured or learnt */
	struct packet learnt;             /* udp: source last reported to control */
	struct bucket punt;               /* everything control-bound ... */
	struct bucket liveness;           /* ... but link-local packets of TC 7 have their own */
	struct bucket handshake;          /* unauthenticated frames */
	struct bucket unknown;            /* samples of unknown labels */
	struct bucket ttl;                /* expired TTL */
	struct rte_mbuf *out[LINK_BURST]; /* queued in this turn */
	unsigned nout;
};
