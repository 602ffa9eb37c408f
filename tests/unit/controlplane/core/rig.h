/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control plane's unit tests stand on: one node alone, or the simulator's network of several. */
#pragma once
#include "core/ctx.h"
#include "tests/sim/net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* One node without links. */
struct lone {
	struct node *n;
	struct identity identity;
	struct rng_seeded seed;
	struct rng rng; /* the test's own draws */
	long live;      /* allocations outstanding */
};

void lone_open(struct lone *l, uint64_t seed);
/* Fails the test when anything is left allocated. */
void lone_close(struct lone *l);
/* Throws away what the node wants to be done. */
void lone_drain(struct lone *l);

/* A network of the simulator with hashed signatures, run for warm_s virtual seconds. */
void rig_open(struct net *net, enum topo_kind kind, uint32_t n, uint64_t seed, bool plain,
              int64_t warm_s);
void rig_run(struct net *net, int64_t ms);
/* Fails the test when a node leaves anything allocated. */
void rig_close(struct net *net);
/* An event from outside to one node of the network; what it wants to be done is done. */
void rig_input(struct net *net, uint32_t node, const struct node_event *ev);
/* What direct calls into a node have queued is carried out. */
void rig_kick(struct net *net, uint32_t node);
/* Both ends see the carrier of an edge go or come. */
void rig_carrier(struct net *net, uint32_t edge, bool up);
/* Ends of an edge: the peer as `side` sees it. */
struct peer *rig_peer(struct net *net, uint32_t edge, unsigned side);
/* Labels granted, all nodes. */
uint32_t rig_labels(const struct net *net);
