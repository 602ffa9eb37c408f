/* SPDX-License-Identifier: BSD-3-Clause */
/* Graphs to simulate on, and shortest paths over what is alive of them. */
#include "topo.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[TOPO_KINDS] = {"full", "line",      "ring", "grid",    "tree", "ba",
                                              "ws",   "geometric", "as",   "islands", "five"};

const char *topo_name(unsigned kind)
{
	return kind < TOPO_KINDS ? names[kind] : NULL;
}

int topo_kind(const char *name)
{
	for (int i = 0; i < TOPO_KINDS; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return -1;
}

static uint32_t edge_add(struct graph *g, uint32_t a, uint32_t b)
{
	if (g->m == g->cap) {
		g->cap = g->cap ? g->cap * 2 : 256;
		g->edge = mem_resize(g->edge, g->cap * sizeof(*g->edge));
	}
	g->edge[g->m][0] = a;
	g->edge[g->m][1] = b;
	return g->m++;
}

static bool edge_has(const struct graph *g, uint32_t from, uint32_t a, uint32_t b)
{
	for (uint32_t e = from; e < g->m; e++)
		if ((g->edge[e][0] == a && g->edge[e][1] == b) ||
		    (g->edge[e][0] == b && g->edge[e][1] == a))
			return true;
	return false;
}

/* Preferential attachment on nodes base .. base + n: an end of a random edge is a node drawn by degree. m links per
 * newcomer; `spread` draws 1, 2 or 3 instead. */
static void make_ba(struct graph *g, uint32_t base, uint32_t n, uint32_t m, bool spread,
                    const struct rng *rng)
{
	const uint32_t core = n < m + 1 ? n : m + 1, first = g->m;

	for (uint32_t i = 0; i < core; i++)
		for (uint32_t j = 0; j < i; j++)
			edge_add(g, base + i, base + j);
	for (uint32_t i = core; i < n; i++) {
		uint32_t mine = g->m, want = m;

		if (spread) {
			uint64_t r = rng_below(rng, 10);

			want = r < 6 ? 1 : r < 9 ? 2 : 3;
		}
		for (uint32_t got = 0; got < want;) {
			uint64_t e = first + rng_below(rng, mine - first);
			uint32_t v = g->edge[e][rng_below(rng, 2)];

			if (edge_has(g, mine, base + i, v))
				continue;
			edge_add(g, base + i, v);
			got++;
		}
	}
}

static uint32_t root_of(uint32_t *set, uint32_t x)
{
	while (set[x] != x)
		x = set[x] = set[set[x]];
	return x;
}

static void union_edges(const struct graph *g, uint32_t *set)
{
	for (uint32_t i = 0; i < g->n; i++)
		set[i] = i;
	for (uint32_t e = 0; e < g->m; e++)
		set[root_of(set, g->edge[e][0])] = root_of(set, g->edge[e][1]);
}

static void make_ws(struct graph *g, const struct rng *rng)
{
	const uint32_t n = g->n;
	uint32_t *set = mem_new(n * sizeof(*set));

	for (uint32_t i = 0; i < n; i++)
		for (uint32_t d = 1; d <= 2; d++) {
			uint32_t to = (i + d) % n;

			if (rng_below(rng, 10) == 0)
				to = (uint32_t)rng_below(rng, n);
			if (to != i && !edge_has(g, g->m > 8 * n ? g->m - 8 * n : 0, i, to))
				edge_add(g, i, to);
		}
	union_edges(g, set);
	for (uint32_t i = 1; i < n; i++)
		if (root_of(set, i) != root_of(set, 0)) {
			edge_add(g, i - 1, i);
			union_edges(g, set);
		}
	free(set);
}

/* Points in the unit square, linked below a distance that gives a mean degree of 10; parts are joined by their nearest pair. */
static void make_geometric(struct graph *g, const struct rng *rng)
{
	const uint32_t n = g->n;
	const double reach2 = 10.0 / (M_PI * n);
	double *x = mem_new(2 * n * sizeof(*x)), *y = x + n;
	uint32_t *set = mem_new(n * sizeof(*set));

	for (uint32_t i = 0; i < n; i++) {
		x[i] = (double)(rng_u64(rng) >> 11) * 0x1p-53;
		y[i] = (double)(rng_u64(rng) >> 11) * 0x1p-53;
		for (uint32_t j = 0; j < i; j++)
			if ((x[i] - x[j]) * (x[i] - x[j]) + (y[i] - y[j]) * (y[i] - y[j]) < reach2)
				edge_add(g, i, j);
	}
	for (;;) {
		uint32_t bi = 0, bj = 0;
		double best = 4;

		union_edges(g, set);
		for (uint32_t i = 0; i < n; i++) {
			if (root_of(set, i) == root_of(set, 0))
				continue;
			for (uint32_t j = 0; j < n; j++) {
				double d = (x[i] - x[j]) * (x[i] - x[j]) +
				           (y[i] - y[j]) * (y[i] - y[j]);

				if (d < best && root_of(set, j) == root_of(set, 0)) {
					best = d;
					bi = i;
					bj = j;
				}
			}
		}
		if (bi == bj)
			break;
		edge_add(g, bi, bj);
	}
	free(set);
	free(x);
}

static void make_grid(struct graph *g)
{
	uint32_t w = (uint32_t)ceil(sqrt(g->n)), h = (g->n + w - 1) / w;

	g->n = w * h;
	for (uint32_t i = 0; i < g->n; i++) {
		if (i % w + 1 < w)
			edge_add(g, i, i + 1);
		if (i + w < g->n)
			edge_add(g, i, i + w);
	}
}

static void make_five(struct graph *g)
{
	static const uint32_t e[][2] = {{0, 1}, {1, 2}, {2, 3}, {3, 4}, {1, 3}};

	g->n = 5;
	for (unsigned i = 0; i < 5; i++)
		edge_add(g, e[i][0], e[i][1]);
}

static void make_islands(struct graph *g, const struct rng *rng)
{
	const uint32_t half = g->n / 2;
	uint32_t a, b;

	make_ba(g, 0, half, 2, false, rng);
	make_ba(g, half, g->n - half, 2, false, rng);
	/* Drawn in statements: the order of a call's arguments is the compiler's own. */
	b = half + (uint32_t)rng_below(rng, g->n - half);
	a = (uint32_t)rng_below(rng, half);
	g->bridge = edge_add(g, a, b);
}

static void make_index(struct graph *g)
{
	uint32_t *at = mem_new((g->n + 1) * sizeof(*at));

	g->first = mem_new((g->n + 1) * sizeof(*g->first));
	g->to = mem_new((2 * g->m + 1) * sizeof(*g->to));
	g->via = mem_new((2 * g->m + 1) * sizeof(*g->via));
	g->queue = mem_new(g->n * sizeof(*g->queue));
	for (uint32_t e = 0; e < g->m; e++) {
		g->first[g->edge[e][0] + 1]++;
		g->first[g->edge[e][1] + 1]++;
	}
	for (uint32_t i = 0; i < g->n; i++)
		g->first[i + 1] += g->first[i];
	memcpy(at, g->first, (g->n + 1) * sizeof(*at));
	for (uint32_t e = 0; e < g->m; e++)
		for (int s = 0; s < 2; s++) {
			uint32_t k = at[g->edge[e][s]]++;

			g->to[k] = g->edge[e][!s];
			g->via[k] = e;
		}
	free(at);
}

void graph_make(struct graph *g, enum topo_kind kind, uint32_t n, const struct rng *rng)
{
	*g = (struct graph){.n = n < 2 ? 2 : n, .bridge = TOPO_NO_EDGE};
	n = g->n;
	switch (kind) {
	case TOPO_FULL:
		for (uint32_t i = 0; i < n; i++)
			for (uint32_t j = 0; j < i; j++)
				edge_add(g, i, j);
		break;
	case TOPO_LINE:
	case TOPO_RING:
		for (uint32_t i = 0; i + 1 < n; i++)
			edge_add(g, i, i + 1);
		if (kind == TOPO_RING && n > 2)
			edge_add(g, n - 1, 0);
		break;
	case TOPO_TREE:
		for (uint32_t i = 1; i < n; i++)
			edge_add(g, i, (uint32_t)rng_below(rng, i));
		break;
	case TOPO_GRID:
		make_grid(g);
		break;
	case TOPO_WS:
		make_ws(g, rng);
		break;
	case TOPO_GEOMETRIC:
		make_geometric(g, rng);
		break;
	case TOPO_AS:
		make_ba(g, 0, n, 4, true, rng);
		break;
	case TOPO_ISLANDS:
		make_islands(g, rng);
		break;
	case TOPO_FIVE:
		make_five(g);
		break;
	case TOPO_BA:
	default:
		make_ba(g, 0, n, 2, false, rng);
		break;
	}
	make_index(g);
}

void graph_free(struct graph *g)
{
	free(g->edge);
	free(g->first);
	free(g->to);
	free(g->via);
	free(g->queue);
	*g = (struct graph){0};
}

void graph_bfs(struct graph *g, uint32_t src, const bool *alive, const bool *up, uint32_t *dist)
{
	uint32_t head = 0, tail = 0;

	for (uint32_t i = 0; i < g->n; i++)
		dist[i] = TOPO_FAR;
	if (alive && !alive[src])
		return;
	dist[src] = 0;
	g->queue[tail++] = src;
	while (head < tail) {
		uint32_t u = g->queue[head++];

		for (uint32_t k = g->first[u]; k < g->first[u + 1]; k++) {
			uint32_t v = g->to[k];

			if (dist[v] != TOPO_FAR || (alive && !alive[v]) || (up && !up[g->via[k]]))
				continue;
			dist[v] = dist[u] + 1;
			g->queue[tail++] = v;
		}
	}
}
