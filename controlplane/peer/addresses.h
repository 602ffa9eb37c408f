/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a neighbour over IP is: the addresses that are configured, and the one that it was last seen at and has answered from. */
#pragma once
#include "base/time.h"
#include "core/cfg.h"
#include "wire/linkmsg.h"

#include <stdbool.h>
#include <stdint.h>

struct dp_packet;
struct hs_source; /* peer/handshake.h */
struct node;
struct peer; /* peer/peer.h */

/* One peer's, beside peer.cfg.ends, which are configured. The address in use is that of peer.cfg.io. */
struct addresses {
	struct node_addr learnt;
	/* Own address that the neighbour asked from there; zeros: the kernel chooses. Its interface, 0: not known, as of a datagram that came before
	 * the socket was asked to tell. */
	uint8_t local_addr[16];
	uint32_t local_if;
	bool local_used; /* peer.cfg.io has it: else what stands there is configured */
	/* Is being asked whether the neighbour is there; family 0: none is. */
	struct node_addr asked;
	uint64_t nonce;
	uint8_t tries;
	uint8_t turns; /* to the learnt one */
};

/* The link is new: the first address that is configured is used. */
void peer_addresses_init(struct peer *p);
/* A listener's link is new: the neighbour is where it called from, and reaches this node at the own address that the source names. */
void peer_address_first(struct peer *p, const struct hs_source *from);
/* Other addresses are configured from now on. A link that is up goes on as it is, until the address in use gives no answer; one that is down
 * tries the first new one at once. */
void peer_addresses_set(struct node *n, struct peer *p, const struct node_ends *ends);
/* How many addresses are tried in turn: the configured ones, and the learnt one where it is none of them. */
unsigned peer_addresses_count(const struct peer *p);
/* Authentic packets come from this address, as anybody on the way could make them do: the neighbour is asked there, and packets go there
 * once it has answered from there. Where no address is known yet, it is taken at once. */
void peer_learnt(struct node *n, struct peer *p, uint8_t family, const uint8_t addr[16],
                 uint16_t port);
/* The neighbour has answered from this address: packets go there from now on, and leave from the own address that it answered to, where the
 * source names one. */
void peer_address_use(struct node *n, struct peer *p, const struct hs_source *from);
/* The neighbour has answered a message of a handshake that went there: peer_address_use(), where that changes anything. */
void peer_address_answered(struct node *n, struct peer *p, const struct hs_source *from);
/* The address in use gives no answer, and another try is due: turns to the next of them all. Tries of the learnt one leave by turns from the own
 * address that the neighbour asked and from the kernel's choice, since this machine may not have that address any more. */
void peer_address_next(struct node *n, struct peer *p);
/* A question whether this node is at an address, or the answer to ours. pk: the packet that it came in. */
void peer_challenge_rx(struct node *n, struct peer *p, const struct linkmsg_challenge *m,
                       const struct dp_packet *pk);
/* TIMER_PEER_ADDRESS: the question was not answered. */
void peer_address_tick(struct node *n, struct peer *p);
