/* SPDX-License-Identifier: BSD-3-Clause */
/* The network around the victim, made once, and what is required of the victim. */
#include "node_world.h"

#include "kad/kad.h"
#include "peer/peer.h"
#include "table/tunnel.h"
#include "tests/sim/audit.h"

#include <string.h>

#define TUNNELS_MAX 24 /* that others may build at the victim: small, so that the bound is met */
#define LABELS_MAX  96
#define STATE_GROW  (1u << 20)   /* bytes, while it is attacked */
#define STATE_STAY  (128u << 10) /* ... and afterwards: contacts that were heard of */
#define RTT_MOST    (10 * NS_PER_S)
#define CALM_MS     80000

static struct identity sybils[WORLD_SYBILS];

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "the victim: %s\n", what);
	abort();
}

struct node *world_victim(struct world *w)
{
	return w->net.node[VICTIM].node;
}

const struct node_id *world_id(const struct world *w, unsigned who)
{
	return &w->net.node[who].identity.id;
}

const struct identity *world_sybil(unsigned i)
{
	return &sybils[i % WORLD_SYBILS];
}

static struct world *the_world; /* for the taps, whose argument is the simulator's */

static void record(struct world *w, const struct frame *f)
{
	struct world_frame *t = &w->tape[w->taped++ % WORLD_TAPE];

	t->len = (uint16_t)(f->len < WORLD_FRAME ? f->len : WORLD_FRAME);
	t->raw = f->raw;
	memcpy(t->data, f->data, t->len);
}

static void victim_sends(void *arg, uint16_t link, struct frame *f)
{
	struct world *w = the_world;

	w->sent++;
	if (link == w->link[MALLORY]) {
		record(w, f);
		if (w->deaf) {
			free(f);
			return;
		}
	}
	w->transmit(arg, link, f);
}

static void mallory_sends(void *arg, uint16_t link, struct frame *f)
{
	struct world *w = the_world;

	record(w, f);
	if (w->mute)
		free(f);
	else
		w->transmit(arg, link, f);
}

static void probe_ends(void *arg, uint32_t probe, uint32_t node, const struct node_id *remote,
                       bool at_end, enum mw_drop why)
{
	((struct world *)arg)->arrived += remote != NULL && node != MALLORY && node != VICTIM;
}

void world_run(struct world *w, int64_t ms)
{
	net_run(&w->net, w->net.now.ns + ms * NS_PER_MS);
}

void world_talk(struct world *w, unsigned from, unsigned to)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 9, .id = *world_id(w, to)};

	net_request(&w->net, from, &r);
	(void)net_inject(&w->net, from, world_id(w, to), 1);
}

static struct peer *neighbour(struct world *w, unsigned who)
{
	return peer_by_link(world_victim(w), w->link[who]);
}

/* The seeds in turn until the tree is a star around node 0. */
static void plant(struct world *w)
{
	struct net_cfg cfg;

	net_cfg_default(&cfg);
	cfg.hashed_signatures = true;
	for (cfg.seed = 1;; cfg.seed++) {
		net_init(&w->net, &cfg, TOPO_TREE, WORLD_NODES, false);
		if (w->net.node[VICTIM].nlinks == WORLD_NODES - 1)
			break;
		net_free(&w->net);
	}
	for (unsigned e = 0; e < WORLD_NODES - 1; e++) {
		unsigned side = w->net.edge[e].node[0] != VICTIM;

		w->link[w->net.edge[e].node[!side]] = w->net.edge[e].link[side];
	}
}

static struct world *make(void)
{
	struct world *w = calloc(1, sizeof(*w));
	struct rng_seeded seed;
	struct rng rng = rng_from_seeded(&seed);

	the_world = w;
	rng_seeded_init(&seed, 99);
	for (unsigned i = 0; i < WORLD_SYBILS; i++)
		require(identity_generate(&sybils[i], &rng) == 0, "an identity could not be made");
	plant(w);
	w->net.hooks = (struct net_hooks){.probe_end = probe_ends, .arg = w};
	world_run(w, 2000);
	for (unsigned i = 0; i < WORLD_NODES; i++) /* a calm time costs what hellos cost */
		w->net.node[i].node->cfg.hello_active_ns = 2 * NS_PER_S;
	world_victim(w)->cfg.tunnels_max = TUNNELS_MAX;
	world_victim(w)->cfg.labels_per_link_max = LABELS_MAX;
	w->transmit = w->net.node[VICTIM].mw->ops.transmit;
	w->net.node[VICTIM].mw->ops.transmit = victim_sends;
	w->net.node[MALLORY].mw->ops.transmit = mallory_sends;
	world_run(w, 10000);
	for (unsigned k = 0; k < 2; k++) { /* the second time there is a session to send in */
		world_talk(w, ALICE, BOB);
		world_talk(w, MALLORY, ALICE);
		world_talk(w, MALLORY, VICTIM);
		world_run(w, 2000);
	}
	require(w->arrived >= 1, "no probe arrives in peace");
	for (unsigned i = ALICE; i < WORLD_NODES; i++) {
		require(peer_up(neighbour(w, i)), "a link is not up in peace");
		w->flaps[i] = neighbour(w, i)->flaps;
	}
	w->state = world_victim(w)->mem.bytes;
	return w;
}

struct world *world_fresh(void)
{
	static struct world *w;

	if (!w) {
		w = make();
		arena_keep();
	}
	arena_restore();
	return w;
}

void world_say(struct world *w, const void *data, size_t len, bool raw)
{
	const struct sim_node *m = &w->net.node[MALLORY];
	struct mw_link *l = &m->mw->link[0];
	struct frame *f = frame_new((uint32_t)len);

	memcpy(f->data, data, len);
	f->raw = raw;
	f->family = 4;
	f->port = l->cfg.local_port;
	be32_store(f->addr, m->mw->addr);
	if (!raw) {
		f->sealed = 1;
		f->receiver = l->tx.index;
		f->counter = l->counter++;
		memcpy(f->key, l->tx.key, sizeof(f->key));
	}
	mw_receive(w->net.node[VICTIM].mw, w->link[MALLORY], f, w->net.now);
}

void world_check(struct world *w)
{
	struct node *n = world_victim(w);

	for (unsigned i = ALICE; i <= BOB; i++)
		require(peer_up(neighbour(w, i)) && neighbour(w, i)->flaps == w->flaps[i],
		        "an honest link went down");
	require(n->mem.bytes <= w->state + STATE_GROW, "its state grows beyond its bound");
	require(neighbour(w, MALLORY)->rtt_ns <= RTT_MOST,
	        "it believes a round trip that it cannot have measured");
	require(n->lsps->shares.held <= TUNNELS_MAX, "others have more tunnels than it allows");
	require(n->contacts->count - n->contacts->verified <= HEARSAY_MAX,
	        "too many contacts that were only heard of");
}

static void check_tables(struct world *w)
{
	struct audit_sums s;

	audit_sums(&w->net, &s);
	require(s.labels_unreachable == 0, "labels can never be granted again");
	require(s.contradictions == 0, "tables contradict each other");
	require(s.pending_setups == 0, "set-ups stay pending");
}

/* The carrier of the hostile link goes. What the victim then wants done is done when it is next asked something. */
static void unplug(struct world *w)
{
	struct node_event ev = {.type = NODE_LINK_CARRIER};
	struct node_request r = {
	        .type = REQ_LOOKUP, .cookie = UINT32_MAX, .id = *world_id(w, VICTIM)};

	ev.u.link.link = w->link[MALLORY];
	node_input(world_victim(w), &ev, w->net.now);
	net_request(&w->net, VICTIM, &r);
}

void world_end(struct world *w)
{
	struct audit early, late;

	net_kill(&w->net, MALLORY);
	world_run(w, 5000);
	unplug(w); /* whatever round trip it has pretended: silence alone could take as long as it likes */
	world_run(w, CALM_MS);
	audit_take(&early, &w->net);
	world_run(w, 15000);
	audit_take(&late, &w->net);
	if (audit_both(&early, &late))
		audit_print(&early, &late, &w->net);
	require(audit_both(&early, &late) == 0, "labels are not given back");
	audit_free(&early);
	audit_free(&late);
	world_check(w);
	check_tables(w);
	require(world_victim(w)->mem.bytes <= w->state + STATE_STAY, "its state stays large");
	w->arrived = 0;
	for (unsigned k = 0; k < 2; k++) {
		world_talk(w, ALICE, BOB);
		world_run(w, 3000);
	}
	require(w->arrived >= 1, "the honest nodes cannot talk any more");
	require(net_free(&w->net) == 0, "memory is left when it ends");
}
