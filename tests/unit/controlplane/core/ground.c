/* SPDX-License-Identifier: BSD-3-Clause */
/* What the test of one part stands on when no other part is linked. */
#include "ground.h"

#include <stdlib.h>

static void *take(void *arg, size_t n)
{
	struct ground *g = arg;

	g->live++;
	return calloc(1, n);
}

static void give(void *arg, void *p)
{
	struct ground *g = arg;

	g->live -= p != NULL;
	free(p);
}

void ground_open(struct ground *g, uint64_t seed)
{
	*g = (struct ground){.live = 0};
	rng_seeded_init(&g->seed, seed);
	g->rng = rng_from_seeded(&g->seed);
	assert_int_equal(identity_generate(&g->identity, &g->rng), 0);
	g->mem = (struct mem){.from = {take, give, g}, .refused = &g->refused};
}

void ground_close(struct ground *g)
{
	assert_int_equal(g->mem.bytes, 0);
	assert_int_equal(g->live, 0);
}

struct node *ground_node(struct ground *g, const struct news *news)
{
	struct node_cfg cfg;
	struct node *n;

	node_cfg_default(&cfg);
	cfg.identity = &g->identity;
	cfg.rng = g->rng;
	cfg.alloc = g->mem.from;
	cfg.workers = 3;
	n = ctx_new(&cfg, news, (struct instant){NS_PER_S});
	assert_non_null(n);
	return n;
}

unsigned ground_drain(struct node *n, uint32_t command)
{
	static struct node_output out;
	unsigned k = 0;

	while (node_output(n, &out))
		k += out.type == OUT_COMMAND && out.u.command.cmd.type == command;
	return k;
}

void ground_acknowledge(struct node *n)
{
	for (unsigned w = 0; w < n->cfg.workers; w++)
		tickets_ack(n, (uint8_t)w, n->tickets.sent[w]);
}

void ground_pass(struct node *n, int64_t ns, unsigned part,
                 void (*fire)(struct node *n, struct timer *t))
{
	struct instant end = instant_add(n->now, ns);
	struct timer *t;

	while (!instant_before(end, timers_next(&n->timers))) {
		if (instant_before(n->now, timers_next(&n->timers)))
			n->now = timers_next(&n->timers);
		t = timers_pop(&n->timers, n->now);
		assert_non_null(t);
		if (timer_part(t) == part)
			fire(n, t);
	}
	n->now = end;
}

struct node_id ground_near(struct ground *g, const struct node_id *id, unsigned bits)
{
	struct node_id near;

	rng_fill(&g->rng, near.b, ID_BYTES);
	for (unsigned b = 0; b <= bits; b++) {
		uint8_t mask = (uint8_t)(0x80 >> b % 8), mine = id->b[b / 8] & mask;

		near.b[b / 8] =
		        (uint8_t)((near.b[b / 8] & ~mask) | (b == bits ? mine ^ mask : mine));
	}
	return near;
}
