/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a neighbour over IP is: the address that is configured, and the one that it was last seen at and has answered from. */
#pragma once
#include "base/time.h"
#include "wire/linkmsg.h"

#include <stdbool.h>
#include <stdint.h>

struct dp_packet;
struct hs_source; /* peer/handshake.h */
struct node;
struct peer; /* peer/peer.h */

/* family 0: none. addr and port as in cp_link. */
struct address {
	uint8_t family;
	uint16_t port;
	uint8_t addr[16];
};

/* One peer's. The address in use is that of peer.cfg.io. */
struct addresses {
	struct address configured, learnt;
	struct address asked; /* is being asked whether the neighbour is there; family 0: none is */
	uint64_t nonce;
	uint8_t tries;
};

/* The link is new: its configuration's address is kept. */
void peer_addresses_init(struct peer *p);
/* Authentic packets come from this address, as anybody on the way could make them do: the neighbour is asked there, and packets go there
 * once it has answered from there. Where no address is known yet, it is taken at once. */
void peer_learnt(struct node *n, struct peer *p, uint8_t family, const uint8_t addr[16],
                 uint16_t port);
/* The neighbour has answered from this address: packets go there from now on, and leave from the own address that it answered to, where the
 * source names one. */
void peer_address_use(struct node *n, struct peer *p, const struct hs_source *from);
/* The link is down and another try is due: turns between the configured address and the learnt one. After some tries the kernel chooses the
 * own address again: this machine may not have the one any more that the neighbour asked. */
void peer_address_next(struct node *n, struct peer *p);
/* A question whether this node is at an address, or the answer to ours. pk: the packet that it came in. */
void peer_challenge_rx(struct node *n, struct peer *p, const struct linkmsg_challenge *m,
                       const struct dp_packet *pk);
/* TIMER_PEER_ADDRESS: the question was not answered. */
void peer_address_tick(struct node *n, struct peer *p);
