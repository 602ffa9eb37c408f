/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets on their way through the stages of a turn, sorted by the stage that takes them next. */
#pragma once
#include "core/packet.h"

#define BURST 64

struct link;

/* A packet stands in one array at a time, and no more than BURST arrive at once: so no array overflows. A stage takes all of its array
 * and leaves it empty. */
struct burst {
	unsigned nsealed, nlabelled, nlocal, nleaving;
	/* Frames that start at their link header; packet.link is set. For fwd_sealed(). */
	struct rte_mbuf *sealed[BURST];
	/* Packets of authenticated neighbours that start at their label stack (packet.link is set), or at the Ethernet header in front of it (`in`
	 * is set). For fwd_labelled(). */
	struct rte_mbuf *labelled[BURST];
	/* By place in labelled[]: NULL, or the plain Ethernet link that the packet came by. Then it still begins with `framing` bytes of Ethernet
	 * header, and nothing is written in its struct packet: a packet in transit does without either. NULL beyond nlabelled. */
	struct link *in[BURST];
	uint8_t framing[BURST];
	/* Packets that start at their tunnel control word and end in a session of this worker; packet.link, label, session and tc are
	 * set. For sess_rx(). */
	struct rte_mbuf *local[BURST];
	/* Complete link frames that another worker made and this one transmits; packet.link and kind are set. For io_tx_handed(). */
	struct rte_mbuf *leaving[BURST];
};

/* Takes `room` bytes of Ethernet header off the front of n packets. */
static inline void burst_strip(struct rte_mbuf **m, unsigned n, unsigned room)
{
	for (unsigned i = 0; room && i < n; i++)
		rte_pktmbuf_adj(m[i], (uint16_t)room);
}

/* How many more packets there is room for. */
static inline unsigned burst_room(const struct burst *b)
{
	return BURST - b->nsealed - b->nlabelled - b->nlocal - b->nleaving;
}
