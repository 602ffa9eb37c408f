/* SPDX-License-Identifier: BSD-3-Clause */
/* The next-hop decision over tables made by hand: no node, nothing that could be sent. */
#include "ground.h"

#include "route/route.h"
#include "table/tunnel.h"
#include "wire/lspmsg.h"

/* A node in the middle of one tree, with two neighbours: 0 is its parent, 1 its child. */
struct bench {
	struct ground g;
	struct peers peers;
	struct peer p[2];
	struct linkmsg_ann ann[2];
	struct anchor anchor;
	struct contacts contacts;
	struct lsp_ends ends;
	struct route_tables t;
	struct node_id dst;
	struct route_ext e;
	struct route_query q;
	struct route_step step;
};

static struct coords coords_of(unsigned hops)
{
	struct coords c = {0};

	for (unsigned i = 0; i < hops; i++)
		assert_true(coords_push(&c, 1));
	return c;
}

static void open_bench(struct bench *b, uint64_t seed)
{
	memset(b, 0, sizeof(*b));
	ground_open(&b->g, seed);
	TAILQ_INIT(&b->peers.list);
	RB_INIT(&b->peers.by_id);
	b->anchor.trees = 1;
	b->anchor.tree[0].root.b[0] = 9;
	b->anchor.tree[0].coords = coords_of(2);
	for (unsigned i = 0; i < 2; i++) {
		struct peer *p = &b->p[i];

		p->state = PEER_UP;
		p->link = (uint16_t)(i + 1);
		rng_fill(&b->g.rng, p->id.b, ID_BYTES);
		p->ann_valid = true;
		p->ann = &b->ann[i];
		p->ann->ntrees = 1;
		p->ann->tree[0].root = b->anchor.tree[0].root;
		p->ann->tree[0].coords = coords_of(i ? 3 : 1);
		TAILQ_INSERT_TAIL(&b->peers.list, p, next);
		peers_index(&b->peers, p, true);
	}
	contacts_init(&b->contacts, &b->g.identity.id, 16, &b->anchor, &b->g.mem);
	ends_init(&b->ends, &b->g.mem);
	b->t = (struct route_tables){&b->g.identity.id, &b->peers, &b->anchor,
	                             &b->contacts,      &b->ends,  b->t.now};
	b->dst = ground_near(&b->g, &b->g.identity.id, 0);
	b->q = (struct route_query){.dst = &b->dst, .ext = &b->e, .hops = 100};
	route_ext_begin(&b->t, &b->e, NEXT_KAD, NULL, 0);
}

static void close_bench(struct bench *b)
{
	contacts_clear(&b->contacts);
	ground_close(&b->g);
}

/* A contact that stands so many hops below the root. */
static struct contact *contact(struct bench *b, const struct node_id *id, unsigned hops)
{
	struct contact_info i = {.id = *id, .seq = 1, .ntrees = 1};
	struct contact *c;

	i.place[0].root = root_tag(&b->anchor.tree[0].root);
	i.place[0].coords = coords_of(hops);
	c = contact_learn(&b->contacts, (struct instant){NS_PER_S}, &i, true);
	assert_non_null(c);
	return c;
}

static void test_here_and_next_door(void **state)
{
	struct bench b;
	struct node_id self;
	uint32_t hop[1][2];

	open_bench(&b, 1);
	self = b.g.identity.id;
	hop[0][0] = id_tag(&b.p[1].id);
	hop[0][1] = id_tag(&self);
	b.q.dst = &self;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_HERE);
	b.q.dst = &b.p[1].id;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, &b.p[1]);
	assert_int_equal(b.step.tunnel_label, LABEL_NONE);
	peers_index(&b.peers, &b.p[1], false);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	peers_index(&b.peers, &b.p[1], true);
	b.q.notvia = hop;
	b.q.nnotvia = 1;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	close_bench(&b);
}

/* A set-up of this node's own that knows no way goes to the neighbour closest to its destination, though that is farther than this node, and no
 * commitment may be farther from there on. An excluded hop is not taken, nor one to a neighbour that leaves. */
static void test_astray(void **state)
{
	struct bench b;
	uint32_t hop[1][2];
	struct peer *near, *far;

	open_bench(&b, 1);
	b.dst = ground_near(&b.g, &b.g.identity.id, 300);
	near = id_cmp_dist(&b.dst, &b.p[0].id, &b.p[1].id) < 0 ? &b.p[0] : &b.p[1];
	far = near == &b.p[0] ? &b.p[1] : &b.p[0];
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	assert_int_equal(route_astray(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, near);
	assert_int_equal(b.step.tunnel_label, LABEL_NONE);
	assert_int_equal(b.e.mode, ROUTE_GREEDY);
	assert_true(b.e.flags & ROUTE_FLAG_COMMITTED);
	assert_true(id_eq(&b.e.committed, &near->id));
	hop[0][0] = id_tag(&b.g.identity.id);
	hop[0][1] = id_tag(&near->id);
	b.q.notvia = hop;
	b.q.nnotvia = 1;
	assert_int_equal(route_astray(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, far);
	far->leaving = true;
	assert_int_equal(route_astray(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	close_bench(&b);
}

/* With nobody closer known there is no way; a closer contact is committed to, and led to by its coords. */
static void test_contact_by_coords(void **state)
{
	struct bench b;
	struct contact *c;

	open_bench(&b, 2);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	assert_false(b.e.flags & ROUTE_FLAG_COMMITTED);
	c = contact(&b, &b.dst, 5);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, &b.p[1]); /* below */
	assert_true(b.e.flags & ROUTE_FLAG_COMMITTED);
	assert_true(id_eq(&b.e.committed, &c->id));
	assert_int_equal(b.e.distance, 2);
	/* Where it goes on, the distance must fall: from here it cannot. */
	b.e.distance = 2;
	b.anchor.tree[0].coords = coords_of(3);
	b.p[1].state = PEER_IDLE;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	close_bench(&b);
}

/* A tunnel to the contact is preferred to coords, unless its first hop is to be left out or its far end has not committed. */
static void test_along_finger(void **state)
{
	struct bench b;
	struct lsp l = {.role = LSP_INGRESS, .state = LSP_UP, .fwd_out = 77, .rev_out = LABEL_NONE};
	struct contact *c;

	open_bench(&b, 3);
	c = contact(&b, &b.dst, 5);
	l.down = &b.p[0];
	c->finger = &l;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, &b.p[0]);
	assert_int_equal(b.step.tunnel_label, 77);
	l = (struct lsp){.role = LSP_EGRESS, .state = LSP_UP, .up = &b.p[0], .rev_out = 78};
	assert_int_equal(route_first(&b.t, &b.dst, NULL, 0, NEXT_KAD, &b.e, &b.step), ROUTE_STEP);
	assert_int_equal(b.step.tunnel_label, LABEL_NONE);
	l.committed = true;
	assert_int_equal(route_first(&b.t, &b.dst, NULL, 0, NEXT_KAD, &b.e, &b.step), ROUTE_STEP);
	assert_int_equal(b.step.tunnel_label, 78);
	close_bench(&b);
}

/* The end of a tunnel that only passes here is as good as a contact, when it is closer than all contacts. */
static void test_passing_tunnel(void **state)
{
	struct bench b;
	struct lsp l = {.role = LSP_TRANSIT, .state = LSP_UP, .fwd_out = 55};
	struct node_id closer;

	open_bench(&b, 4);
	closer = ground_near(&b.g, &b.dst, 100);
	contact(&b, &closer, 5);
	l.dst = ground_near(&b.g, &b.dst, 200);
	l.down = &b.p[1];
	l.ahead = (struct lsp_end){.lsp = &l, .id = &l.dst, .forward = true};
	ends_add(&b.ends, &l.ahead);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_int_equal(b.step.tunnel_label, 55);
	assert_true(id_eq(&b.e.committed, &l.dst));
	/* What was committed to before is not given up for anything farther. */
	ends_remove(&b.ends, &l.ahead);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	close_bench(&b);
}

/* Coords that came along lead the datagram; where they lead no further, it goes on by id once. */
static void test_falls_back(void **state)
{
	struct bench b;
	struct place at = {0};

	open_bench(&b, 5);
	at.root = root_tag(&b.anchor.tree[0].root);
	at.coords = coords_of(6);
	route_ext_begin(&b.t, &b.e, NEXT_KAD, &at, 1);
	assert_int_equal(b.e.mode, ROUTE_COORDS);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, &b.p[1]);
	assert_int_equal(b.e.distance, 3);
	contact(&b, &b.dst, 0);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, &b.p[0]);
	assert_int_equal(b.e.mode, ROUTE_GREEDY);
	assert_true(b.e.flags & ROUTE_FLAG_FELL_BACK);
	close_bench(&b);
}

/* The root has died, and this node and its neighbours stand under others already. A set-up still finds the way by the places of before, but
 * goes to nobody a second time; what keeps no record of nodes passed might go in a circle, and ends. */
static void test_former_places(void **state)
{
	struct bench b;
	struct former former = {.until = {2 * NS_PER_S}};
	uint32_t record[2];

	open_bench(&b, 6);
	contact(&b, &b.dst, 5);
	former.place.root = root_tag(&b.anchor.tree[0].root);
	former.place.coords = coords_of(3);
	b.t.now.ns = NS_PER_S;
	b.p[1].announced.former = &former;
	b.anchor.tree[0].root.b[0] = 10;
	b.ann[0].tree[0].root.b[0] = 11;
	b.ann[1].tree[0].root.b[0] = 12;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	record[0] = id_tag(&b.g.identity.id);
	b.q.passed = record;
	b.q.npassed = 1;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, &b.p[1]);
	assert_int_equal(b.e.distance, 2);
	record[1] = id_tag(&b.p[1].id);
	b.q.npassed = 2;
	route_ext_begin(&b.t, &b.e, NEXT_SETUP, NULL, 0);
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	/* Not nearer than what the set-up has come to already. */
	b.q.npassed = 1;
	b.e.mode = ROUTE_COORDS;
	b.e.flags = ROUTE_FLAG_WAYPOINT | ROUTE_FLAG_FELL_BACK;
	b.e.root = former.place.root;
	b.e.coords = coords_of(5);
	b.e.distance = 2;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	b.e.distance = 3;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	b.t.now.ns = 2 * NS_PER_S;
	b.e.distance = 3;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_DEAD_END);
	close_bench(&b);
}

/* This node has lost its root, a neighbour still stands under the one that the destination's record names. */
static void test_known_next_door(void **state)
{
	struct bench b;

	open_bench(&b, 7);
	contact(&b, &b.dst, 5);
	b.anchor.tree[0].root.b[0] = 10;
	assert_int_equal(route_next(&b.t, &b.q, &b.step), ROUTE_STEP);
	assert_ptr_equal(b.step.peer, &b.p[1]);
	assert_int_equal(b.e.distance, 2);
	close_bench(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_here_and_next_door), cmocka_unit_test(test_astray),
	        cmocka_unit_test(test_contact_by_coords),  cmocka_unit_test(test_along_finger),
	        cmocka_unit_test(test_passing_tunnel),     cmocka_unit_test(test_falls_back),
	        cmocka_unit_test(test_former_places),      cmocka_unit_test(test_known_next_door),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
