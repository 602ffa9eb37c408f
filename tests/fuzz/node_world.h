/* SPDX-License-Identifier: BSD-3-Clause */
/* A victim in the middle of three neighbours of the same code, in the simulator's virtual time: two honest ones, and one in whose name a
 * fuzzer speaks over its authenticated link. */
#pragma once
#include "tests/sim/net.h"

enum world_node { VICTIM, ALICE, BOB, MALLORY, WORLD_NODES };

#define WORLD_SYBILS 4 /* identities that the hostile neighbour has besides its own */
#define WORLD_TAPE   32
#define WORLD_FRAME  1536

/* A frame that crossed the hostile link, either way. */
struct world_frame {
	uint16_t len;
	bool raw;
	uint8_t data[WORLD_FRAME];
};

/* Lives in the arena but for the identities. */
struct world {
	struct net net;
	uint16_t link[WORLD_NODES]; /* the victim's link to each neighbour */
	struct world_frame tape[WORLD_TAPE];
	uint32_t taped;
	bool deaf;        /* nothing that the victim sends reaches the hostile node */
	bool mute;        /* nothing that its own control plane says leaves it */
	uint64_t sent;    /* frames that the victim has sent */
	uint32_t arrived; /* probes accepted at an honest end */
	uint32_t flaps[WORLD_NODES];
	size_t state; /* the victim's bytes at the start */
	void (*transmit)(void *arg, uint16_t link, struct frame *f);
};

/* The network as it was when warmed up; the first call makes it. */
struct world *world_fresh(void);
const struct identity *world_sybil(unsigned i);
struct node *world_victim(struct world *w);
const struct node_id *world_id(const struct world *w, unsigned who);
/* A frame from the hostile neighbour; len <= WORLD_FRAME. raw: as handshakes are sent; else under the link's key. */
void world_say(struct world *w, const void *data, size_t len, bool raw);
void world_run(struct world *w, int64_t ms);
/* Node `from` wants to talk to node `to`, and sends it something if there is a session. */
void world_talk(struct world *w, unsigned from, unsigned to);
/* Aborts where the victim breaks a promise that holds at any time. */
void world_check(struct world *w);
/* The hostile node falls silent for ever. Aborts unless, after a calm time, what it held has been given back and the honest ones can talk. */
void world_end(struct world *w);
