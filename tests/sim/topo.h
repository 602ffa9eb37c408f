/* SPDX-License-Identifier: BSD-3-Clause */
/* Graphs to simulate on, and shortest paths over what is alive of them: the judge's ground truth. */
#pragma once
#include "base/rng.h"

#include <stdbool.h>
#include <stdint.h>

enum topo_kind {
	TOPO_FULL,
	TOPO_LINE,
	TOPO_RING,
	TOPO_GRID,
	TOPO_TREE,
	TOPO_BA,
	TOPO_WS,
	TOPO_GEOMETRIC,
	TOPO_AS,
	TOPO_ISLANDS,
	TOPO_FIVE,
	TOPO_KINDS
};

#define TOPO_NO_EDGE UINT32_MAX
#define TOPO_FAR     UINT32_MAX

struct graph {
	uint32_t n, m, cap;
	uint32_t (*edge)[2];
	uint32_t bridge; /* islands: the edge that joins them, TOPO_NO_EDGE elsewhere */
	/* compressed adjacency: neighbours of u are to[first[u]] .. to[first[u + 1]), by edge via[] */
	uint32_t *first, *to, *via;
	uint32_t *queue; /* scratch of graph_bfs() */
};

/* The kind's name as on the command line, or NULL past the last. */
const char *topo_name(unsigned kind);
/* The kind, or -1. */
int topo_kind(const char *name);

/* A connected graph (islands: connected by the bridge). n is rounded for grid (to a full rectangle) and five (5). */
void graph_make(struct graph *g, enum topo_kind kind, uint32_t n, const struct rng *rng);
void graph_free(struct graph *g);

/* Hops from src over live nodes and edges that are up; NULL: all are. TOPO_FAR where there is no way. */
void graph_bfs(struct graph *g, uint32_t src, const bool *alive, const bool *up, uint32_t *dist);
