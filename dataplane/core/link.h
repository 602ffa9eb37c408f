/* SPDX-License-Identifier: BSD-3-Clause */
/* A link as one worker sees it: configuration, its keys, its label map, its share of the output. */
#pragma once
#include "base/bucket.h"
#include "crypto/aead.h"
#include "crypto/replay.h"
#include "dataplane.h"
#include "core/packet.h"
#include "ipc/cpdp.h"
#include "seal/door.h"
#include "table/ilm.h"

#define LINK_BURST 64 /* packets gathered before a link is flushed */

/* The sending lane of this worker, which no other worker uses. Commands make and replace it, fwd/output.c uses it. */
struct tx_lane {
	struct aead_key key;
	uint64_t counter; /* of the next packet */
	uint32_t index;   /* receiver index, which goes into each header */
	uint8_t lane;
	bool rekey_asked; /* EVT_REKEY has gone out */
};

/* A lane of the neighbour whose packets this worker opens. Its receiver index names this worker, so that no other one does. */
struct rx_lane {
	struct aead_key key;
	struct replay replay;
	uint32_t index;
	uint16_t link;
	uint8_t lane;
	bool told;            /* EVT_SESSION_USED has gone out */
	struct rx_lane *next; /* of the same link */
};

enum run_step {
	RUN_WAITED = 0, /* the next run begins the sample */
	RUN_OPEN,       /* what leaves is noted */
	RUN_NONE,       /* the sample is over; control says when the next one may begin */
};

/* udp-socket: how datagrams leave, and a sample of them: what control asks the neighbour about. The socket's worker alone uses it. */
struct run_sample {
	uint8_t mode; /* enum link_runs */
	uint8_t step; /* enum run_step */
	struct dp_link_sample s;
};

/* Each worker has a struct of its own for every link. Other threads read nothing of it but `count`. */
struct link {
	struct cp_link cfg; /* as commanded; family, address and port may also be learnt */
	uint16_t number;
	bool open; /* the neighbour is authenticated and alive: more than link-local control may pass */
	bool queued; /* in the label switch's list of links with packets queued */
	struct ilm ilm;
	struct tx_lane *tx;               /* NULL: there is no key */
	struct rx_lane *rx;               /* a list, by rx_lane.next */
	struct dp_link_counters *count;   /* written by this worker, read by control */
	uint8_t mac[6];                   /* ethernet: where frames go; all-one until learnt */
	bool mac_known;                   /* configured or learnt */
	struct packet learnt;             /* udp: source last reported to control */
	struct bucket punt;               /* everything control-bound ... */
	struct bucket liveness;           /* ... but link-local packets of TC 7 have their own */
	struct door_link door;            /* unauthenticated frames */
	struct bucket unproven;           /* handshakes along labels without a session */
	struct bucket unknown;            /* samples of unknown labels */
	struct bucket ttl;                /* expired TTL */
	struct bucket too_big;            /* reports of packets that are longer than it carries */
	struct rte_mbuf *out[LINK_BURST]; /* queued in this turn */
	unsigned nout, out_data;          /* so many, and how many of them are data */
	uint64_t out_bytes;               /* of what is queued, without out_room */
	unsigned out_room; /* bytes of the Ethernet header they came with in front of each */
	struct run_sample runs;
};
