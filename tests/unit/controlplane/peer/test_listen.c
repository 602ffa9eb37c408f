/* SPDX-License-Identifier: BSD-3-Clause */
/* A listener among callers with real handshakes: who becomes a link, under which number and name, who gives way, what ends it. */
#include "ground.h"

#include "peer/listen.h"
#include "peer/numbers.h"
#include "wire/lse.h"
#include "wire/routed.h"

#include <errno.h>
#include <string.h>

#define LISTEN 2 /* the listener's link number */

static unsigned ups, downs;

static void came_up(struct node *n, struct peer *p)
{
	ups++;
}

static void went_down(struct node *n, struct peer *p, const char *why)
{
	downs++;
}

static void leaves(struct node *n, struct peer *p)
{
	assert_true(p->leaving);
}

static const struct news recorder = {
        .peer_up = came_up, .peer_down = went_down, .peer_leaves = leaves};

/* The listening node, and what it has reported. */
struct world {
	struct ground g;
	struct node *n;
	struct listener *l;
	unsigned made, gone;
	uint16_t last_made, last_gone;
	char last_name[32];
	bool spoke_before; /* a command named a link that had not been reported */
	bool known[CPDP_LINKS_MAX];
	uint64_t seed;
};

struct caller {
	struct ground g;
	struct node *n;
	struct peer *p;
	struct hs_source from;
};

static void acknowledge(struct node *n)
{
	for (unsigned w = 0; w < n->cfg.workers; w++)
		tickets_ack(n, (uint8_t)w, n->tickets.sent[w]);
}

static struct hs_source at(unsigned a, unsigned b, unsigned c, uint16_t port)
{
	return (struct hs_source){
	        .family = 4, .addr = {10, (uint8_t)a, (uint8_t)b, (uint8_t)c}, .addr_port = port};
}

static void world_open(struct world *w, const struct node_listen_cfg *set)
{
	struct node_listen_cfg cfg = *set;

	*w = (struct world){.seed = 1000};
	ground_open(&w->g, 1);
	w->n = ground_node(&w->g, &recorder);
	assert_int_equal(peers_new(w->n), 0);
	cfg.io = (struct cp_link){
	        .link = LISTEN, .type = LINK_UDP_SOCKET, .sealed = true, .mtu = 1280};
	strcpy(cfg.name, "door");
	assert_int_equal(listener_set(w->n, &cfg), 0);
	w->l = listener_by_link(w->n, LISTEN);
	assert_non_null(w->l);
	w->known[LISTEN] = true;
	ups = downs = 0;
}

static void world_close(struct world *w)
{
	assert_false(w->spoke_before);
	peers_free(w->n);
	ctx_destroy(w->n);
	ground_close(&w->g);
}

static void caller_open(struct world *w, struct caller *c, struct hs_source from)
{
	struct node_link_cfg cfg = {
	        .io = {.mtu = 1280, .sealed = true}, .name = "n", .initiate = true};

	ground_open(&c->g, w->seed++);
	c->n = ground_node(&c->g, &recorder);
	c->n->cfg.workers = 1;
	assert_int_equal(peers_new(c->n), 0);
	assert_int_equal(peer_add(c->n, &cfg), 0);
	c->p = peer_by_link(c->n, 0);
	c->from = from;
	c->n->now = w->n->now;
}

static void caller_close(struct caller *c)
{
	peers_free(c->n);
	ctx_destroy(c->n);
	ground_close(&c->g);
}

/* What the listening node wants: reports are kept, handshake frames for c's address go to c, a labelled packet confirms its link. */
static void from_listener(struct world *w, struct caller *c)
{
	struct node_output o;

	while (node_output(w->n, &o)) {
		const struct cp_cmd *cmd = &o.u.command.cmd;
		struct dp_packet pk = {.link = 0};
		const struct peer *p;

		if (o.type == OUT_LINK_NEW) {
			assert_int_equal(o.u.made.listener, LISTEN);
			assert_false(w->known[o.u.made.io.link]);
			w->known[o.u.made.io.link] = true;
			w->last_made = o.u.made.io.link;
			memcpy(w->last_name, o.u.made.name, sizeof(w->last_name));
			w->made++;
		} else if (o.type == OUT_LINK_GONE) {
			w->known[o.u.link.link] = false;
			w->last_gone = o.u.link.link;
			w->gone++;
		} else if (o.type == OUT_COMMAND) {
			w->spoke_before |= !w->known[cmd->u.link.link];
		}
		if (!c || o.type != OUT_COMMAND || cmd->type != CMD_SEND)
			continue;
		if (!cmd->u.send.raw) {
			p = peer_by_link(w->n, cmd->u.send.link);
			if (p && id_eq(&p->id, &c->g.identity.id))
				peer_confirmed(c->n, c->p);
			continue;
		}
		if (cmd->u.send.has_addr && (cmd->u.send.addr_port != c->from.addr_port ||
		                             memcmp(cmd->u.send.addr, c->from.addr, 4) != 0))
			continue;
		pk.len = cmd->u.send.len;
		memcpy(pk.data, cmd->u.send.data, pk.len);
		peer_handshake_rx(c->n, c->p, &pk);
	}
}

static void to_listener(struct world *w, struct caller *c)
{
	struct node_output o;

	while (node_output(c->n, &o)) {
		const struct cp_cmd *cmd = &o.u.command.cmd;
		struct dp_packet pk = {.link = LISTEN, .family = 4};

		if (o.type != OUT_COMMAND || cmd->type != CMD_SEND || !cmd->u.send.raw)
			continue;
		pk.len = cmd->u.send.len;
		pk.addr_port = c->from.addr_port;
		memcpy(pk.addr, c->from.addr, 16);
		memcpy(pk.data, cmd->u.send.data, pk.len);
		listener_handshake_rx(w->n, w->l, &pk);
	}
}

/* Everything that either says, until nothing more is said. */
static void talk(struct world *w, struct caller *c)
{
	for (unsigned i = 0; i < 5; i++) {
		acknowledge(c->n);
		to_listener(w, c);
		acknowledge(w->n);
		from_listener(w, c);
	}
}

static struct peer *link_of(struct world *w, const struct caller *c)
{
	return listener_link(w->l, &c->g.identity.id);
}

/* A stranger calls, and is never heard of again. Whether it got a link. */
static bool stranger(struct world *w, struct hs_source from)
{
	struct caller c;
	bool in;

	caller_open(w, &c, from);
	talk(w, &c);
	in = link_of(w, &c) != NULL;
	caller_close(&c);
	return in;
}

static const struct node_listen_cfg anybody = {.max = 1024, .open = true};

/* A first message makes no link; the third does. Its number is the highest, its name the id's short form. */
static void test_a_link_when_complete_and_never_before(void **state)
{
	struct world w;
	struct caller c;
	struct peer *p;
	char s[ID_SHORT_LEN + 1];

	world_open(&w, &anybody);
	caller_open(&w, &c, at(0, 0, 1, 7000));
	to_listener(&w, &c);
	from_listener(&w, &c);
	assert_int_equal(w.n->peers->half_open.count, 1);
	assert_int_equal(w.made, 0);
	assert_int_equal(w.l->nlinks, 0);
	talk(&w, &c);
	assert_int_equal(w.made, 1);
	p = link_of(&w, &c);
	assert_non_null(p);
	assert_true(peer_up(p) && peer_up(c.p));
	assert_int_equal(p->link, CPDP_LINKS_MAX - 1);
	assert_int_equal(p->local_epoch, c.p->remote_epoch);
	assert_int_equal(p->cfg.io.remote_port, 7000);
	id_to_short(&c.g.identity.id, s);
	assert_string_equal(w.last_name, s);
	assert_int_equal(w.n->peers->half_open.count, 0);
	caller_close(&c);
	world_close(&w);
}

/* Both sides renew keys, though answers to the listener's own first messages come by its socket's one link number. */
static void test_rekey_both_ways(void **state)
{
	struct world w;
	struct caller c[2];
	struct peer *p;

	world_open(&w, &anybody);
	for (unsigned i = 0; i < 2; i++) {
		caller_open(&w, &c[i], at(0, 0, 1, (uint16_t)(7000 + i)));
		talk(&w, &c[i]);
	}
	for (unsigned i = 0; i < 2; i++) {
		p = link_of(&w, &c[i]);
		peer_handshake_start(w.n, p);
		assert_true(p->own.active && p->own.ik);
		assert_int_equal(p->own.mine % CPDP_LINKS_MAX, p->link);
		talk(&w, &c[i]);
		assert_int_equal(p->rekeys, 1);
		peer_handshake_start(c[i].n, c[i].p);
		assert_true(c[i].p->own.active && c[i].p->own.ik);
		talk(&w, &c[i]);
		assert_int_equal(c[i].p->rekeys, 1);
	}
	assert_int_equal(w.made, 2);
	assert_int_equal(downs, 0);
	for (unsigned i = 0; i < 2; i++)
		caller_close(&c[i]);
	world_close(&w);
}

/* IK of a node that the listener has no link for, as after its restart: told to use XX, and in at once. */
static void test_unknown_key_is_told_to_use_xx(void **state)
{
	struct world w, v;
	struct caller c;

	world_open(&w, &anybody);
	caller_open(&w, &c, at(0, 0, 1, 7000));
	talk(&w, &c);
	world_close(&w);
	world_open(&v, &anybody);
	peer_handshake_start(c.n, c.p);
	assert_true(c.p->own.ik && peer_up(c.p));
	talk(&v, &c);
	assert_int_equal(v.l->refused[REFUSED_USE_XX], 1);
	assert_non_null(link_of(&v, &c));
	caller_close(&c);
	world_close(&v);
}

/* The same id from another port, as after a restart there: the same link, its new address, and labels of before are void. */
static void test_the_same_id_from_elsewhere(void **state)
{
	struct world w;
	struct caller c;
	struct peer *p;
	uint32_t epoch;

	world_open(&w, &anybody);
	caller_open(&w, &c, at(0, 0, 1, 7000));
	talk(&w, &c);
	p = link_of(&w, &c);
	epoch = p->local_epoch;
	peer_down(c.n, c.p, "test");
	c.p->known = false;
	c.from = at(0, 9, 1, 9000);
	ground_drain(c.n, 0);
	peer_handshake_start(c.n, c.p);
	talk(&w, &c);
	assert_ptr_equal(link_of(&w, &c), p);
	assert_int_equal(w.made, 1);
	assert_true(peer_up(p) && peer_up(c.p));
	assert_int_equal(p->flaps, 1);
	assert_int_not_equal(p->local_epoch, epoch);
	assert_int_equal(p->local_epoch, c.p->remote_epoch);
	assert_int_equal(p->cfg.io.remote_port, 9000);
	assert_int_equal(p->cfg.io.remote_addr[2], 9);
	caller_close(&c);
	world_close(&w);
}

static void test_accept(void **state)
{
	struct node_listen_cfg cfg = {.max = 10};
	struct world w;
	struct caller c[2];

	world_open(&w, &cfg);
	for (unsigned i = 0; i < 2; i++)
		caller_open(&w, &c[i], at(0, 0, 1, (uint16_t)(7000 + i)));
	talk(&w, &c[0]);
	assert_null(link_of(&w, &c[0]));
	assert_int_equal(c[0].p->refusal.reason, REFUSED_NOT_ACCEPTED);
	assert_int_equal(w.l->refused[REFUSED_NOT_ACCEPTED], 1);
	assert_int_equal(listener_allow(w.n, w.l, &c[0].g.identity.id), 0);
	peer_handshake_start(c[0].n, c[0].p);
	talk(&w, &c[0]);
	assert_true(peer_up(link_of(&w, &c[0])));
	assert_int_equal(w.l->nallowed, 1);
	/* The operator turns it away: its link goes, and it stays out even where strangers are let in. */
	assert_int_equal(listener_deny(w.n, w.l, &c[0].g.identity.id), 0);
	acknowledge(w.n);
	from_listener(&w, NULL);
	assert_int_equal(w.gone, 1);
	assert_int_equal(w.l->nlinks + w.l->nallowed, 0);
	w.l->open = true;
	c[0].p->use_xx = true;
	peer_down(c[0].n, c[0].p, "test");
	talk(&w, &c[0]);
	assert_null(link_of(&w, &c[0]));
	talk(&w, &c[1]);
	assert_true(peer_up(link_of(&w, &c[1])));
	/* A change of the configuration: strangers are not let in any more. */
	cfg.io = w.l->io;
	strcpy(cfg.name, "door");
	assert_int_equal(listener_set(w.n, &cfg), 0);
	assert_null(link_of(&w, &c[1]));
	assert_int_equal(downs, 3);
	for (unsigned i = 0; i < 2; i++)
		caller_close(&c[i]);
	world_close(&w);
}

/* Twenty honest neighbours, some of which carry data, are in; then 1 024 strangers from one prefix come one after the other, and the places
 * are full. Nobody honest has lost its link, and twenty more honest ones from other prefixes still get in. */
static void test_trickling_strangers_cannot_fill_it(void **state)
{
	struct node_listen_cfg cfg = {.max = 1024, .open = true};
	struct world w;
	struct caller c[40];
	unsigned in = 0;

	world_open(&w, &cfg);
	for (unsigned i = 0; i < 40; i++)
		caller_open(&w, &c[i], at(1, i, 1, 7000));
	for (unsigned i = 0; i < 20; i++) {
		talk(&w, &c[i]);
		if (i % 2)
			link_of(&w, &c[i])->used = w.n->now;
	}
	for (unsigned i = 0; i < 1024; i++) {
		w.n->now.ns += NS_PER_S;
		in += stranger(&w, at(2, 0, i & 0xff, (uint16_t)(1000 + i)));
	}
	assert_int_equal(w.l->nlinks, 1024);
	assert_true(in >= 1004);
	for (unsigned i = 20; i < 40; i++) {
		c[i].n->now = w.n->now;
		peer_handshake_start(c[i].n, c[i].p);
		talk(&w, &c[i]);
	}
	for (unsigned i = 0; i < 40; i++) {
		assert_non_null(link_of(&w, &c[i]));
		caller_close(&c[i]);
	}
	assert_int_equal(w.l->nlinks, 1024);
	world_close(&w);
}

/* One place per prefix, all used: another prefix gets in only where a link has proven no use. */
static void test_equal_shares_are_stable(void **state)
{
	struct node_listen_cfg cfg = {.max = 8, .open = true};
	struct world w;
	struct peer *p;

	world_open(&w, &cfg);
	for (unsigned i = 0; i < 8; i++)
		assert_true(stranger(&w, at(0, i, 1, 1)));
	assert_false(stranger(&w, at(0, 8, 1, 1)));
	assert_int_equal(w.l->refused[REFUSED_FULL], 1);
	assert_int_equal(w.n->counters[CTR_LISTEN_GAVE_WAY], 0);
	TAILQ_FOREACH (p, &w.n->peers->list, next)
		p->used = w.n->now;
	w.n->now.ns += LISTEN_PROVE;
	assert_false(stranger(&w, at(0, 8, 1, 1)));
	p = RB_ROOT(&w.l->links);
	p->used.ns = 0;
	p->tunnels = 1; /* in use all the same */
	assert_false(stranger(&w, at(0, 8, 1, 1)));
	p->tunnels = 0;
	assert_true(stranger(&w, at(0, 8, 1, 1)));
	world_close(&w);
}

/* A tenth is kept for ids that are allowed, as far as there are any; an allowed one always finds a place before strangers. */
static void test_places_for_the_allowed(void **state)
{
	struct node_listen_cfg cfg = {.max = 20, .open = true};
	struct world w;
	struct caller c[3];
	unsigned in = 0;

	world_open(&w, &cfg);
	for (unsigned i = 0; i < 3; i++) {
		caller_open(&w, &c[i], at(9, i, 1, 7000));
		assert_int_equal(listener_allow(w.n, w.l, &c[i].g.identity.id), 0);
	}
	for (unsigned i = 0; i < 30; i++)
		in += stranger(&w, at(0, i, 1, 1));
	assert_int_equal(in, 18);
	for (unsigned i = 0; i < 3; i++) {
		talk(&w, &c[i]);
		assert_true(peer_up(link_of(&w, &c[i])));
	}
	assert_int_equal(w.l->nlinks, 20);
	assert_int_equal(w.l->nallowed, 3);
	for (unsigned i = 0; i < 3; i++)
		caller_close(&c[i]);
	world_close(&w);
}

static void fire_next(struct world *w)
{
	struct timer *t;

	w->n->now = timers_next(&w->n->timers);
	t = timers_pop(&w->n->timers, w->n->now);
	assert_non_null(t);
	peer_timer(w->n, t);
	acknowledge(w->n);
}

/* A link that is down is not called back, and goes after 10 s; one that is allowed is tried for 60 s. */
static void test_down_is_over(void **state)
{
	for (unsigned allowed = 0; allowed < 2; allowed++) {
		struct world w;
		struct caller c;
		struct instant down_at;
		struct peer *p;
		unsigned tries = 0;

		world_open(&w, &anybody);
		caller_open(&w, &c, at(0, 0, 1, 7000));
		if (allowed)
			assert_int_equal(listener_allow(w.n, w.l, &c.g.identity.id), 0);
		talk(&w, &c);
		p = link_of(&w, &c);
		from_listener(&w, NULL);
		peer_down(w.n, p, "test");
		down_at = w.n->now;
		while (w.gone == 0) {
			struct node_output o;

			fire_next(&w);
			while (node_output(w.n, &o)) {
				tries += o.type == OUT_COMMAND && o.u.command.cmd.type == CMD_SEND;
				w.gone += o.type == OUT_LINK_GONE;
			}
		}
		assert_int_equal(instant_sub(w.n->now, down_at),
		                 allowed ? LISTEN_QUIET_ALLOWED : LISTEN_QUIET);
		assert_int_equal(tries > 20, allowed);
		assert_int_equal(w.l->nlinks, 0);
		caller_close(&c);
		world_close(&w);
	}
}

/* The listener's own number is reported as gone after those of all its links, so that the socket can be closed then. */
static void test_removed(void **state)
{
	struct world w;
	struct caller c[4];

	world_open(&w, &anybody);
	for (unsigned i = 0; i < 4; i++) {
		caller_open(&w, &c[i], at(0, 0, 1, (uint16_t)(7000 + i)));
		if (i < 3)
			talk(&w, &c[i]);
	}
	to_listener(&w, &c[3]); /* one handshake is half-open */
	listener_del(w.n, LISTEN);
	assert_int_equal(w.n->peers->half_open.count, 0);
	assert_int_equal(w.gone, 0);
	acknowledge(w.n);
	from_listener(&w, NULL);
	assert_int_equal(w.gone, 4);
	assert_int_equal(w.last_gone, LISTEN);
	assert_null(listener_by_link(w.n, LISTEN));
	assert_int_equal(downs, 3);
	world_close(&w);
	for (unsigned i = 0; i < 4; i++)
		caller_close(&c[i]);
}

/* Drains what the listening node wants. How many of its hellos to this link have the flag. */
static unsigned hellos_with(struct world *w, uint16_t link, uint8_t flag)
{
	struct node_output o;
	unsigned found = 0;

	while (node_output(w->n, &o)) {
		const struct cp_send *c = &o.u.command.cmd.u.send;
		struct linkmsg_head h;
		struct linkmsg_hello m;
		struct rd r, body;

		w->gone += o.type == OUT_LINK_GONE;
		if (o.type != OUT_COMMAND || o.u.command.cmd.type != CMD_SEND || c->raw ||
		    c->link != link)
			continue;
		r = rd_init(c->data + LSE_BYTES + ACH_BYTES, c->len - LSE_BYTES - ACH_BYTES);
		while (linkmsg_next(&r, &h, &body))
			found += h.type == LINKMSG_HELLO && linkmsg_hello_read(&body, &m) &&
			         (m.flags & flag);
	}
	return found;
}

/* A listener that is removed while its links are in use: nobody is taken any more, neighbours are told, each link goes when its tunnels have or
 * after 2 s, and the listener goes with the last one. */
static void test_removed_in_good_order(void **state)
{
	struct world w;
	struct caller c[4];
	struct peer *p[3];

	world_open(&w, &anybody);
	for (unsigned i = 0; i < 4; i++) {
		caller_open(&w, &c[i], at(0, 0, 1, (uint16_t)(7000 + i)));
		if (i == 3)
			break;
		talk(&w, &c[i]);
		p[i] = link_of(&w, &c[i]);
	}
	peer_tunnels(w.n, p[0], 1);
	peer_tunnels(w.n, p[1], 1);
	(void)hellos_with(&w, p[0]->link, 0);
	listener_leave(w.n, LISTEN);
	assert_int_equal(hellos_with(&w, p[0]->link, HELLO_FLAG_LEAVING), 1);
	assert_int_equal(w.l->nlinks, 2); /* one was not in use */
	assert_int_equal(downs, 1);
	to_listener(&w, &c[3]);
	assert_int_equal(w.n->peers->half_open.count, 0);
	/* The tunnel of the first has moved; that of the second cannot. */
	peer_tunnels(w.n, p[0], -1);
	while (w.l->nlinks == 2)
		fire_next(&w);
	assert_null(link_of(&w, &c[0]));
	assert_false(w.l->gone);
	while (listener_by_link(w.n, LISTEN) && !w.l->gone)
		fire_next(&w);
	acknowledge(w.n);
	(void)hellos_with(&w, LISTEN, 0);
	assert_int_equal(w.gone, 4);
	assert_null(listener_by_link(w.n, LISTEN));
	assert_int_equal(downs, 3);
	world_close(&w);
	for (unsigned i = 0; i < 4; i++)
		caller_close(&c[i]);
}

/* Who is turned away, or gives way to another, hears so, and need not find out by silence. */
static void test_denied_and_evicted_are_told(void **state)
{
	for (unsigned evicted = 0; evicted < 2; evicted++) {
		struct node_listen_cfg none = {.max = 1024, .open = false}, set = anybody;
		struct world w;
		struct caller c;
		uint16_t link;

		world_open(&w, &set);
		caller_open(&w, &c, at(0, 0, 1, 7000));
		talk(&w, &c);
		link = link_of(&w, &c)->link;
		(void)hellos_with(&w, link, 0);
		none.io = w.l->io;
		if (evicted)
			assert_int_equal(listener_set(w.n, &none), 0);
		else
			assert_int_equal(listener_deny(w.n, w.l, &c.g.identity.id), 0);
		assert_int_equal(hellos_with(&w, link, HELLO_FLAG_GONE), 1);
		assert_null(link_of(&w, &c));
		caller_close(&c);
		world_close(&w);
	}
}

/* Numbers, names and places of a whole burst: the highest free number each time, also one in the middle that has become free. */
static void test_numbers_of_a_burst(void **state)
{
	struct node_listen_cfg many = {.max = 400, .open = true};
	struct world w;
	struct peer *p;

	world_open(&w, &many);
	for (unsigned i = 0; i < 300; i++) {
		assert_true(stranger(&w, at(i / 200, i % 200, 1, 1)));
		assert_int_equal(w.last_made, CPDP_LINKS_MAX - 1 - i);
		p = peer_by_link(w.n, w.last_made);
		assert_int_equal(p->port, i + 1);
		assert_true(numbers_name_taken(w.n, p->cfg.name));
	}
	for (unsigned i = 100; i < 110; i += 3) {
		char name[32];

		p = peer_by_link(w.n, (uint16_t)(CPDP_LINKS_MAX - 1 - i));
		memcpy(name, p->cfg.name, sizeof(name));
		peer_del(w.n, p->link);
		acknowledge(w.n);
		from_listener(&w, NULL);
		assert_false(numbers_name_taken(w.n, name));
		assert_int_equal(numbers_highest_free(w.n, LISTEN_LINKS_FROM),
		                 CPDP_LINKS_MAX - 1 - i);
		assert_true(stranger(&w, at(3, i, 1, 1)));
		assert_int_equal(w.last_made, CPDP_LINKS_MAX - 1 - i);
		assert_int_equal(peer_by_link(w.n, w.last_made)->port, i + 1);
	}
	ground_drain(w.n, 0);
	world_close(&w);
}

static void test_refused_settings(void **state)
{
	struct node_listen_cfg cfg = {.max = 4, .open = true, .name = "door"};
	struct node_link_cfg link = {.io = {.link = 3, .mtu = 1280, .sealed = true}, .name = "n"};
	struct world w;

	world_open(&w, &anybody);
	assert_int_equal(peer_add(w.n, &link), 0);
	w.known[3] = true;
	cfg.io = w.l->io;
	cfg.io.link = 3;
	assert_int_equal(listener_set(w.n, &cfg), -EEXIST);
	cfg.io.link = LISTEN_LINKS_FROM;
	assert_int_equal(listener_set(w.n, &cfg), -EINVAL);
	link.io.link = LISTEN;
	assert_int_equal(peer_add(w.n, &link), -EEXIST);
	/* Fewer places: who has no claim to one goes. */
	cfg.io.link = LISTEN;
	for (unsigned i = 0; i < 8; i++)
		assert_true(stranger(&w, at(0, i, 1, 1)));
	assert_int_equal(listener_set(w.n, &cfg), 0);
	assert_int_equal(w.l->nlinks, 4);
	ground_drain(w.n, 0);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_a_link_when_complete_and_never_before),
	        cmocka_unit_test(test_rekey_both_ways),
	        cmocka_unit_test(test_unknown_key_is_told_to_use_xx),
	        cmocka_unit_test(test_the_same_id_from_elsewhere),
	        cmocka_unit_test(test_accept),
	        cmocka_unit_test(test_trickling_strangers_cannot_fill_it),
	        cmocka_unit_test(test_equal_shares_are_stable),
	        cmocka_unit_test(test_places_for_the_allowed),
	        cmocka_unit_test(test_down_is_over),
	        cmocka_unit_test(test_removed),
	        cmocka_unit_test(test_removed_in_good_order),
	        cmocka_unit_test(test_denied_and_evicted_are_told),
	        cmocka_unit_test(test_numbers_of_a_burst),
	        cmocka_unit_test(test_refused_settings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
