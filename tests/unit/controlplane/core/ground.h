/* SPDX-License-Identifier: BSD-3-Clause */
/* What the test of one part stands on when no other part is linked: memory that is counted, seeded numbers, a bare context. */
#pragma once
#include "core/ctx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct ground {
	struct identity identity;
	struct rng_seeded seed;
	struct rng rng;
	struct mem mem; /* for what needs no context */
	uint64_t refused;
	long live; /* allocations outstanding */
};

void ground_open(struct ground *g, uint64_t seed);
/* Fails the test when anything is left allocated. */
void ground_close(struct ground *g);
/* A context of three workers without any part; ctx_destroy() frees it. */
struct node *ground_node(struct ground *g, const struct news *news);
/* Throws away what n wants to be done; returns how many commands of a type were among it. */
unsigned ground_drain(struct node *n, uint32_t command);
/* Every worker of n has executed what it was told. */
void ground_acknowledge(struct node *n);
/* So much time passes, and the timers of one part (enum of core/ctx.h) fire when they are due, each through fire(); no other part's. */
void ground_pass(struct node *n, int64_t ns, unsigned part,
                 void (*fire)(struct node *n, struct timer *t));
/* An id that shares exactly `bits` leading bits with `id`, else random. */
struct node_id ground_near(struct ground *g, const struct node_id *id, unsigned bits);
