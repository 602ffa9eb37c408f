/* SPDX-License-Identifier: BSD-3-Clause */
/* One node with three neighbours and nothing above tunnels: the test is the neighbours, the workers and who hears of tunnels. */
#pragma once
#include "tests/unit/controlplane/core/ground.h"

#include "lsp/lsp.h"

#define HOP_PEERS   3
#define HOP_WORKERS 3 /* as ground_node() has it: a command to all of them counts so often */
/* The largest packet on each of the links, chosen so that the one in the middle is the narrowest. */
#define HOP_MTU(i) ((uint16_t)((i) == 1 ? 1300 : 1400))

struct hop {
	struct ground g;
	struct node *n;
	struct peer *p[HOP_PEERS];
	/* Entries that the workers were told to hold and to forget, and the last told of each direction in which a packet may come. */
	unsigned set, del;
	struct cp_ilm entry[HOP_PEERS];
};

/* What was reported of tunnels since hop_open(). */
struct hop_heard {
	unsigned offers, up, failed, gone, over, unreached;
	struct lsp *offered;
	uint8_t code, reason;
	uint32_t tag_from, tag_to;
	struct node_id dead_end;
	uint8_t envelope[LSP_ENVELOPE_MAX];
	uint16_t envelope_len;
};

extern struct hop_heard hop_heard;

/* A packet of the node that is about a tunnel. */
struct hop_sent {
	unsigned to;   /* index of the neighbour */
	uint8_t local; /* enum linkmsg_type; 0: a routed datagram, of which `next` tells the kind */
	uint8_t next;
	uint32_t tunnel_label;
	struct routed_header h;
	struct setup_msg setup;
	struct reply_msg reply;
	struct linkmsg_tear tear;
	struct linkmsg_grant grant;
	struct linkmsg_error error;
	struct linkmsg_mtu mtu;
};

void hop_open(struct hop *b, uint64_t seed);
/* Fails the test when a label is still granted, or anything is left allocated. */
void hop_close(struct hop *b);
/* The next packet that the node has sent about a tunnel. False: there is none. */
bool hop_sent(struct hop *b, struct hop_sent *s);
/* The next packet, which must be this message to this neighbour. */
void hop_expect(struct hop *b, unsigned to, uint8_t local, struct hop_sent *s);
/* The next packet, which must be this routed datagram. */
void hop_expect_routed(struct hop *b, unsigned to, uint8_t next, struct hop_sent *s);
/* Fails the test when a packet about a tunnel was sent. */
void hop_expect_nothing(struct hop *b);
/* Every worker has done all that it was told. */
void hop_workers_done(struct hop *b);
/* So much time passes, and tunnels' timers fire when they are due; no other part's. */
void hop_pass(struct hop *b, int64_t ns);

/* A set-up from neighbour `from` with body m. */
void hop_setup(struct hop *b, unsigned from, const struct routed_header *h,
               const struct setup_msg *m);
/* A tunnel that waits for its reply: from beyond neighbour 0, which granted label 1000, to neighbour 1. What it sent is thrown away. */
struct lsp *hop_pending(struct hop *b, uint64_t nonce);
/* The same tunnel, up: neighbour 1 granted label 2000. */
struct lsp *hop_up(struct hop *b, uint64_t nonce);
/* A tunnel that this node begins, to neighbour 1. */
struct lsp *hop_begin(struct hop *b, uint8_t flags);
/* The reply to l's set-up, from neighbour `from`. */
void hop_reply(struct hop *b, unsigned from, const struct lsp *l, uint32_t label);
/* The id of a source beyond neighbour 0, from which hop_pending() has its set-ups. */
struct node_id hop_source(void);
