/* SPDX-License-Identifier: BSD-3-Clause */
/* One node with Kademlia and nothing above it, and one neighbour: the test is all other nodes, and who hears of lookups and fingers. */
#pragma once
#include "tests/unit/controlplane/core/ground.h"

#include "kad/kad.h"
#include "peer/peer.h"

struct asker {
	struct ground g;
	struct node *n;
	struct identity next_door; /* the neighbour's, which is a verified contact */
	struct peer *p;
	/* Hops that messages to the node take: 1. */
	uint8_t hops;
	/* Bytes after the routed header of a message to it besides the Kademlia message itself: 16. */
	uint16_t room;
};

/* What was reported since asker_open(). */
struct asker_heard {
	unsigned changed, done, exact, dropped, built;
	uint32_t ref; /* of the last lookup that ended */
};

extern struct asker_heard asker_heard;

/* A Kademlia message or an error that the node has sent. */
struct asker_sent {
	struct node_id to;
	uint8_t next; /* NEXT_KAD, NEXT_ERROR */
	uint32_t tunnel_label;
	struct kad_msg m;
	size_t len; /* of the message */
	struct error_msg error;
};

/* The tick of housekeeping is off until a test arms it. */
void asker_open(struct asker *b, uint64_t seed);
/* Fails the test when anything is left allocated. */
void asker_close(struct asker *b);
/* The next message of the node; what else it wants to be done is thrown away. False: there is none. */
bool asker_sent(struct asker *b, struct asker_sent *s);
/* So much time passes, and Kademlia's timers fire when they are due; no other part's. */
void asker_pass(struct asker *b, int64_t ns);

/* What others say of a node at the given place below the neighbour: messages to it leave through the neighbour. */
struct contact_info asker_info(struct asker *b, const struct node_id *id, uint64_t seq,
                               uint16_t port);
/* A contact of that kind with an id that shares `bits` leading bits with the node's own. */
struct contact *asker_contact(struct asker *b, unsigned bits, bool verified);
/* A message that starts with the record, of that number, of who; it names nobody yet. nonce: NULL: all zero. */
struct kad_msg asker_message(struct asker *b, const struct identity *who, uint8_t op,
                             const uint8_t *nonce, uint64_t seq);
/* Gives m, as it is, the MAC that who, or anybody with its secret, makes for the node. */
void asker_mac(struct asker *b, const struct identity *who, struct kad_msg *m);
/* m as bytes; returns how many. */
size_t asker_write(const struct kad_msg *m, uint8_t buf[CONTROL_PACKET_MAX]);
/* m arrives, sent by src, with the MAC that it has. */
void asker_hears(struct asker *b, const struct node_id *src, const struct kad_msg *m);
/* m arrives, sent by who, with its MAC. */
void asker_says(struct asker *b, const struct identity *who, struct kad_msg *m);
