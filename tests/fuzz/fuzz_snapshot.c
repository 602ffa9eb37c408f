/* SPDX-License-Identifier: BSD-3-Clause */
/* A snapshot's bytes, as a damaged or strange file has them: the node starts with it, holds no more than its bounds and no trust in it, and
 * what it took is written and read to the same. */
#include "core/ctx.h"
#include "node/node.h"
#include "table/contact.h"
#include "tests/sim/hashsig.h"

#include <stdlib.h>
#include <string.h>

#define HEAD       16
#define COUNT_AT   6
#define WRITTEN    (1u << 20)
#define STATE_MOST (1u << 20) /* bytes of a node without links */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct node_crypto_ops ops = {hashsig_sign, hashsig_verify, hashsig_pair_key,
                                           hashsig_pair_mac};
static const struct instant start = {NS_PER_S};
static long live;

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void *take(void *arg, size_t n)
{
	live++;
	return calloc(1, n);
}

static void give(void *arg, void *p)
{
	live -= p != NULL;
	free(p);
}

static struct node *node(struct rng_seeded *seed)
{
	static struct identity me;
	static bool made;
	struct node_cfg cfg;

	rng_seeded_init(seed, 7);
	node_cfg_default(&cfg);
	cfg.rng = rng_from_seeded(seed);
	cfg.identity = &me;
	cfg.alloc = (struct node_alloc){take, give, NULL};
	cfg.ops = &ops;
	if (!made)
		require(identity_generate(&me, &cfg.rng) == 0);
	made = true;
	return node_new(&cfg, start);
}

static void restore(struct node *n, const void *data, size_t len)
{
	struct node_event e = {.type = NODE_RESTORE};

	e.u.restore.data = data;
	e.u.restore.len = len;
	node_input(n, &e, start);
}

static void check(struct node *n)
{
	const struct contacts *t = n->contacts;
	unsigned fill[ID_BITS] = {0};

	require(t->count <= HEARSAY_MAX && t->verified == 0);
	require(n->mem.bytes < STATE_MOST);
	for (uint32_t i = 0; i < t->count; i++) {
		const struct contact *c = t->v[i];

		require(c->at == i && !c->verified && !c->neighbour && !c->finger);
		require(i == 0 || memcmp(t->v[i - 1]->id.b, c->id.b, ID_BYTES) < 0);
		require(!id_eq(&c->id, &n->cfg.identity->id));
		require(id_common_prefix(&c->id, &n->cfg.identity->id) == c->bucket);
		require(++fill[c->bucket] <= n->cfg.kad_k);
		require(c->ntrees <= n->cfg.trees);
	}
}

/* Had every contact answered, they would be written, and another start would read the same. */
static void again(struct node *n, uint8_t *out)
{
	struct rng_seeded seed;
	struct node *m = node(&seed);
	long len;

	for (uint32_t i = 0; i < n->contacts->count; i++)
		n->contacts->v[i]->verified = true;
	len = node_snapshot(n, out, WRITTEN);
	require(len >= HEAD && be16_load(out + COUNT_AT) == n->contacts->count);
	restore(m, out, (size_t)len);
	require(m->contacts->count == n->contacts->count);
	for (uint32_t i = 0; i < n->contacts->count; i++) {
		const struct contact *a = n->contacts->v[i], *b = m->contacts->v[i];

		require(id_eq(&a->id, &b->id) && a->seq == b->seq && a->ntrees == b->ntrees);
		require(memcmp(a->place, b->place, a->ntrees * sizeof(a->place[0])) == 0);
	}
	for (uint32_t i = 0; i < n->contacts->count; i++)
		n->contacts->v[i]->verified = false;
	node_free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct node_output out;
	static uint8_t written[WRITTEN];
	struct rng_seeded seed;
	struct node *n = node(&seed);

	restore(n, data, size);
	check(n);
	require(node_snapshot(n, written, WRITTEN) == HEAD);
	again(n, written);
	/* It lives with them for a while. */
	for (unsigned i = 0; i < 40 && !instant_is_never(node_deadline(n)); i++) {
		node_tick(n, node_deadline(n));
		while (node_output(n, &out))
			;
	}
	require(n->contacts->verified == 0 && n->contacts->count <= HEARSAY_MAX);
	node_free(n);
	require(live == 0);
	return 0;
}
