/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control plane's unit tests stand on. */
#include "rig.h"

#include "peer/peer.h"

#include <stdlib.h>

static void *take(void *arg, size_t n)
{
	struct lone *l = arg;

	l->live++;
	return calloc(1, n);
}

static void give(void *arg, void *p)
{
	struct lone *l = arg;

	l->live -= p != NULL;
	free(p);
}

void lone_open(struct lone *l, uint64_t seed)
{
	struct node_cfg cfg;

	l->live = 0;
	rng_seeded_init(&l->seed, seed);
	l->rng = rng_from_seeded(&l->seed);
	assert_int_equal(identity_generate(&l->identity, &l->rng), 0);
	node_cfg_default(&cfg);
	cfg.identity = &l->identity;
	cfg.rng = l->rng;
	cfg.alloc = (struct node_alloc){take, give, l};
	cfg.workers = 3;
	l->n = node_new(&cfg, (struct instant){NS_PER_S});
	assert_non_null(l->n);
}

void lone_drain(struct lone *l)
{
	static struct node_output out;

	while (node_output(l->n, &out))
		;
}

void lone_close(struct lone *l)
{
	node_free(l->n);
	assert_int_equal(l->live, 0);
}

void rig_open(struct net *net, enum topo_kind kind, uint32_t n, uint64_t seed, bool plain,
              int64_t warm_s)
{
	struct net_cfg cfg;

	net_cfg_default(&cfg);
	cfg.seed = seed;
	cfg.plain = plain;
	cfg.hashed_signatures = true;
	net_init(net, &cfg, kind, n, false);
	net_run(net, warm_s * NS_PER_S);
}

void rig_run(struct net *net, int64_t ms)
{
	net_run(net, net->now.ns + ms * NS_PER_MS);
}

void rig_close(struct net *net)
{
	assert_int_equal(net_free(net), 0);
}

void rig_kick(struct net *net, uint32_t node)
{
	struct node_request r = {.type = REQ_LOOKUP, .cookie = UINT32_MAX};

	/* The answer to a question about itself is the least a node can be asked for. */
	r.id = net->node[node].identity.id;
	net_request(net, node, &r);
}

void rig_input(struct net *net, uint32_t node, const struct node_event *ev)
{
	if (!net->node[node].node)
		return;
	node_input(net->node[node].node, ev, net->now);
	rig_kick(net, node);
}

void rig_carrier(struct net *net, uint32_t edge, bool up)
{
	net_edge(net, edge, up);
	for (unsigned side = 0; side < 2; side++) {
		struct node_event ev = {.type = NODE_LINK_CARRIER};

		ev.u.link.link = net->edge[edge].link[side];
		ev.u.link.up = up;
		rig_input(net, net->edge[edge].node[side], &ev);
	}
}

struct peer *rig_peer(struct net *net, uint32_t edge, unsigned side)
{
	return peer_by_link(net->node[net->edge[edge].node[side]].node, net->edge[edge].link[side]);
}

uint32_t rig_labels(const struct net *net)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < net->n; i++) {
		struct node_stats s;

		if (!net->node[i].node)
			continue;
		node_stats(net->node[i].node, &s);
		sum += s.labels_live;
	}
	return sum;
}
