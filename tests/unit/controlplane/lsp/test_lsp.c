/* SPDX-License-Identifier: BSD-3-Clause */
/* A tunnel's life in its hard cases: a set-up that comes by again, short-cuts, lost tear-downs, lost set-ups. */
#include "rig.h"

#include "kad/kad.h"
#include "lsp/lsp.h"

#include <string.h>

/* Tunnels of this name, all nodes. */
static unsigned traces(const struct net *net, uint64_t nonce)
{
	unsigned k = 0;

	for (uint32_t i = 0; i < net->n; i++)
		for (struct lsp *l = lsp_after(net->node[i].node, NULL); l;
		     l = lsp_after(net->node[i].node, l))
			k += l->nonce == nonce;
	return k;
}

/* An event that lets what a direct call queued leave the node. */
static void kick(struct net *net, uint32_t i)
{
	struct node_request r = {.type = REQ_LOOKUP, .cookie = 77};

	r.id = net->node[i].identity.id;
	net_request(net, i, &r);
}

static struct lsp *build(struct net *net, uint32_t a, uint32_t b)
{
	struct lsp_request q = {.dst = net->node[b].identity.id,
	                        .flags = SETUP_FLAG_FINGER,
	                        .session = UINT32_MAX,
	                        .worker = -1};
	struct lsp *l = NULL;

	assert_int_equal(lsp_build(net->node[a].node, &q, &l), 0);
	net->node[a].node->kad->fingers_pending++; /* as if kad had asked for it */
	kick(net, a);
	return l;
}

static void test_up_and_released(void **state)
{
	struct net net;
	struct lsp *l;
	uint64_t nonce;

	rig_open(&net, TOPO_LINE, 6, 1, true, 15);
	l = build(&net, 0, 5);
	nonce = l->nonce;
	rig_run(&net, 300);
	assert_int_equal(l->state, LSP_UP);
	assert_int_equal(l->hops, 5);
	assert_int_equal(traces(&net, nonce), 6);
	lsp_release(net.node[0].node, l, TEAR_REPLACED);
	kick(&net, 0);
	rig_run(&net, 1000);
	assert_int_equal(traces(&net, nonce), 0);
	rig_close(&net);
}

/* Every tear-down is lost for a while: it is said again until it is heard. */
static void test_tear_lost(void **state)
{
	struct net net;
	struct lsp *l;
	uint64_t nonce;

	rig_open(&net, TOPO_LINE, 5, 2, true, 15);
	l = build(&net, 0, 4);
	nonce = l->nonce;
	rig_run(&net, 300);
	assert_int_equal(traces(&net, nonce), 5);
	net.cfg.loss = 1;
	lsp_release(net.node[0].node, l, TEAR_REPLACED);
	kick(&net, 0);
	rig_run(&net, 250);
	assert_true(traces(&net, nonce) >= 4);
	net.cfg.loss = 0;
	rig_run(&net, 2000);
	assert_int_equal(traces(&net, nonce), 0);
	rig_close(&net);
}

/* A link in the middle of a tunnel is lost: each worker is told once to forget what it has, and nothing that it has not. */
static void test_link_lost(void **state)
{
	struct net net;

	for (unsigned ms = 0; ms < 12; ms++) {
		uint64_t nonce;

		rig_open(&net, TOPO_LINE, 5, 2, true, 15);
		nonce = build(&net, 0, 4)->nonce;
		rig_run(&net, ms); /* while it is set up, and when it stands */
		rig_carrier(&net, 2, false);
		rig_run(&net,
		        7000); /* a set-up whose message was on a tunnel that has gone ends by its own timer */
		assert_int_equal(traces(&net, nonce), 0);
		for (uint32_t i = 0; i < net.n; i++)
			assert_int_equal(net.node[i].mw->bad_removals, 0);
		rig_close(&net);
	}
}

/* Nothing of a set-up gets through beyond some hop, nor any word of it: each node's own timer frees what it holds. */
static void test_timeout_frees_all(void **state)
{
	struct net net;
	uint64_t nonce;

	rig_open(&net, TOPO_LINE, 8, 3, true, 15);
	nonce = build(&net, 0, 7)->nonce;
	rig_run(&net, 8); /* two or three hops far */
	assert_true(traces(&net, nonce) >= 2);
	for (uint32_t i = 0; i < net.n; i++)
		net.node[i].node->cfg.hello_misses = 255; /* only the tunnel is under test */
	net.cfg.loss = 1;
	rig_run(&net, 20000);
	assert_int_equal(traces(&net, nonce), 0);
	net.cfg.loss = 0;
	rig_close(&net);
}

/* The reply is lost on its last hop: the side that thinks that all is well is told when the other gives up. */
static void test_reply_lost(void **state)
{
	struct net net;
	struct lsp *l;
	uint64_t nonce;

	rig_open(&net, TOPO_LINE, 3, 4, true, 15);
	l = build(&net, 0, 2);
	nonce = l->nonce;
	for (unsigned i = 0; i < 500; i++) {
		struct lsp *mid = lsp_find(net.node[1].node, nonce, &net.node[0].identity.id);

		if (mid && mid->state == LSP_UP)
			break;
		/* Whatever the middle sends back to the source is lost. */
		net.up[0] = !(mid && mid->state == LSP_PROGRAM);
		net_run(&net, net.now.ns + 20 * NS_PER_US);
	}
	rig_run(&net, 20);
	net.up[0] = true;
	assert_int_equal(l->state, LSP_PENDING);
	assert_int_equal(traces(&net, nonce), 3);
	rig_run(&net, 8000);
	assert_int_equal(traces(&net, nonce), 0);
	rig_close(&net);
}

/* ---- a set-up that comes by again, told from outside ---- */
struct again {
	struct net net;
	struct node *n; /* in the middle of the star 0, 2, 3 */
	struct setup_msg m;
	struct routed_header h;
	struct lsp *l;
	uint32_t me, source;
};

static struct peer *towards(struct again *x, uint32_t node)
{
	struct peer *p;

	TAILQ_FOREACH (p, &x->n->peers->list, next)
		if (id_eq(&p->id, &x->net.node[node].identity.id))
			return p;
	return NULL;
}

static void arrive(struct again *x, uint32_t from, uint32_t label)
{
	uint8_t buf[CONTROL_PACKET_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct route_ext e;
	struct route_query q = {.dst = &x->h.dst, .ext = &e, .from = towards(x, from), .hops = 200};
	const struct route_tables tables = route_tables(x->n);
	struct rd r;

	assert_non_null(q.from);
	x->m.reverse_label = label;
	setup_write(&w, &x->m);
	r = rd_init(buf, wr_len(&w));
	route_ext_begin(&tables, &e, NEXT_SETUP, NULL, 0);
	lsp_setup_rx(x->n, &q, &x->h, &r);
	x->l = lsp_find(x->n, x->m.nonce, &x->h.src);
}

/* Node 1 of `five` has the neighbours 0, 2 and 3; the set-up is for node 4, beyond 3. */
static void again_open(struct again *x)
{
	memset(x, 0, sizeof(*x));
	rig_open(&x->net, TOPO_FIVE, 5, 6, true, 15);
	x->n = x->net.node[1].node;
	x->me = id_tag(&x->net.node[1].identity.id);
	x->source = id_tag(&x->net.node[0].identity.id);
	x->h = (struct routed_header){.next = NEXT_SETUP,
	                              .hop_limit = 200,
	                              .src = x->net.node[0].identity.id,
	                              .dst = x->net.node[4].identity.id};
	x->m = (struct setup_msg){.flags = SETUP_FLAG_FINGER,
	                          .mtu = 1400,
	                          .nonce = 0x1234,
	                          .hops = 1,
	                          .nrecord = 1,
	                          .record = {x->source}};
	arrive(x, 0, 1000);
	assert_non_null(x->l);
	assert_int_equal(x->l->state, LSP_PENDING);
	assert_ptr_equal(x->l->up, towards(x, 0));
	assert_int_equal(x->l->rev_out, 1000);
}

static void test_loop_behind_is_left_out(void **state)
{
	struct again x;

	again_open(&x);
	x.m.record[1] = x.me;
	x.m.record[2] = id_tag(&x.net.node[2].identity.id);
	x.m.nrecord = 3;
	x.m.hops = 3;
	arrive(&x, 2, 2000);
	assert_ptr_equal(x.l->up, towards(&x, 0));
	assert_int_equal(x.l->rev_out, 1000);
	assert_int_equal(x.l->rev_in != LABEL_NONE, 1);
	rig_close(&x.net);
}

static void test_first_visit_was_left_out(void **state)
{
	struct again x;

	again_open(&x);
	x.m.record[1] = id_tag(&x.net.node[2].identity.id);
	x.m.nrecord = 2;
	x.m.hops = 4;
	arrive(&x, 2, 2000);
	assert_ptr_equal(x.l->up, towards(&x, 2));
	assert_int_equal(x.l->rev_out, 2000);
	assert_int_equal(x.l->nrecord, 2);
	/* The same neighbour again, with a new label. */
	arrive(&x, 2, 3000);
	assert_int_equal(x.l->rev_out, 3000);
	rig_close(&x.net);
}

static void test_record_was_cut(void **state)
{
	struct again x;

	again_open(&x);
	x.m.nrecord = 0;
	x.m.flags |= SETUP_FLAG_OVERFLOW;
	arrive(&x, 2, 2000);
	assert_ptr_equal(x.l->up, towards(&x, 0));
	assert_int_equal(x.l->rev_out, 1000);
	rig_close(&x.net);
}

/* The walk 0 1 2 3 4 of `five` passes 1, which has a link to 3: the tunnel takes it. */
static void test_shortcut(void **state)
{
	struct net net;
	struct lsp *l;
	struct lsp_request q = {.flags = SETUP_FLAG_FINGER, .session = UINT32_MAX, .worker = -1};
	uint64_t nonce;

	rig_open(&net, TOPO_FIVE, 5, 7, true, 15);
	q.dst = net.node[4].identity.id;
	/* Not over the link 1 - 3: the first packet has to go around, the reply may not care. */
	q.notvia[0][0] = id_tag(&net.node[1].identity.id);
	q.notvia[0][1] = id_tag(&net.node[3].identity.id);
	q.nnotvia = 1;
	assert_int_equal(lsp_build(net.node[0].node, &q, &l), 0);
	net.node[0].node->kad->fingers_pending++; /* as if kad had asked for it */
	kick(&net, 0);
	nonce = l->nonce;
	rig_run(&net, 2000);
	l = lsp_find(net.node[0].node, nonce, &net.node[0].identity.id);
	assert_non_null(l);
	assert_int_equal(l->state, LSP_UP);
	assert_int_equal(l->hops_first, 4);
	assert_int_equal(l->hops, 3);
	rig_run(&net, 15000);
	assert_int_equal(traces(&net, l->nonce), 4); /* what the short-cut left out is gone */
	rig_close(&net);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_up_and_released),
	        cmocka_unit_test(test_tear_lost),
	        cmocka_unit_test(test_link_lost),
	        cmocka_unit_test(test_timeout_frees_all),
	        cmocka_unit_test(test_reply_lost),
	        cmocka_unit_test(test_loop_behind_is_left_out),
	        cmocka_unit_test(test_first_visit_was_left_out),
	        cmocka_unit_test(test_record_was_cut),
	        cmocka_unit_test(test_shortcut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
