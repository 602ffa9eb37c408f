/* SPDX-License-Identifier: BSD-3-Clause */
/* Sessions that both ends begin at once, that rekey, and that outlive the tunnel under them. */
#include "rig.h"

#include "endpoint/end.h"
#include "endpoint/input.h"
#include "endpoint/path.h"
#include "endpoint/tell.h"

struct ears {
	unsigned connected, failed, arrived, lost;
};

static void on_answer(void *arg, uint32_t node, const struct node_answer *a)
{
	struct ears *e = arg;

	e->connected += a->type == ANS_CONNECTED;
	e->failed += a->type == ANS_FAILED;
}

static void on_probe(void *arg, uint32_t probe, uint32_t node, const struct node_id *remote,
                     bool at_end, enum mw_drop why)
{
	struct ears *e = arg;

	e->arrived += remote != NULL;
	e->lost += remote == NULL;
}

static void listen_to(struct net *net, struct ears *e)
{
	*e = (struct ears){0};
	net->hooks = (struct net_hooks){.answer = on_answer, .probe_end = on_probe, .arg = e};
}

static void ask(struct net *net, uint32_t a, uint32_t b)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 1 + a};

	r.id = net->node[b].identity.id;
	net_request(net, a, &r);
}

static struct session *between(struct net *net, uint32_t a, uint32_t b)
{
	return session_find(net->node[a].node, &net->node[b].identity.id);
}

static void check_agree(struct net *net, uint32_t a, uint32_t b)
{
	const struct session *x = between(net, a, b), *y = between(net, b, a);

	assert_non_null(x);
	assert_non_null(y);
	assert_true(session_ready(x) && session_ready(y));
	assert_int_equal(x->phase, y->phase);
	assert_int_equal(x->path->nonce, y->path->nonce);
	assert_int_not_equal(x->initiator, y->initiator);
}

static void send_both(struct net *net, struct ears *e, uint32_t a, uint32_t b)
{
	unsigned before = e->arrived;

	assert_true(net_inject(net, a, &net->node[b].identity.id, 1));
	assert_true(net_inject(net, b, &net->node[a].identity.id, 2));
	rig_run(net, 200);
	assert_int_equal(e->arrived, before + 2);
}

static void test_crossing(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct ears ears;
		struct net net;

		rig_open(&net, TOPO_GRID, 16, seed, seed % 2, 12);
		listen_to(&net, &ears);
		ask(&net, 0, 15);
		/* From the same instant to a whole round trip later. */
		rig_run(&net, (int64_t)seed * 4 - 4);
		ask(&net, 15, 0);
		rig_run(&net, 3000);
		assert_int_equal(ears.connected, 2);
		assert_int_equal(ears.failed, 0);
		send_both(&net, &ears, 0, 15);
		rig_run(&net, 2000);
		check_agree(&net, 0, 15);
		assert_int_equal(ears.lost, 0);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

/* The same while frames are lost: what was lost is said again soon, whatever else comes in. */
static void test_crossing_with_losses(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct ears ears;
		struct net net;

		rig_open(&net, TOPO_GRID, 16, seed, true, 12);
		listen_to(&net, &ears);
		net.cfg.loss = 0.05;
		ask(&net, 0, 15);
		ask(&net, 15, 0);
		rig_run(&net, 300);
		net.cfg.loss = 0;
		rig_run(&net, 2700);
		assert_int_equal(ears.connected, 2);
		send_both(&net, &ears, 0, 15);
		check_agree(&net, 0, 15);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

/* Use goes on over several rekeys and nothing is lost. */
static void test_rekey(void **state)
{
	struct ears ears;
	struct net net;

	rig_open(&net, TOPO_FIVE, 5, 4, true, 10);
	listen_to(&net, &ears);
	ask(&net, 0, 4);
	rig_run(&net, 1000);
	assert_int_equal(ears.connected, 1);
	for (unsigned i = 0; i < 250; i++) {
		send_both(&net, &ears, 0, 4);
		rig_run(&net, 1800);
	}
	assert_int_equal(ears.lost, 0);
	assert_true(between(&net, 0, 4)->rekeys >= 3);
	check_agree(&net, 0, 4);
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

/* An overlap shorter than the way there and back: the old key stays until the other side is seen to use the new one. */
static void test_rekey_short_overlap(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct ears ears;
		struct net net;
		uint32_t ends[2] = {0, 15};
		struct session *s;

		rig_open(&net, TOPO_GRID, 16, 4, false, 12);
		listen_to(&net, &ears);
		ask(&net, 0, 15);
		rig_run(&net, 3000);
		for (uint32_t e = 0; e < net.graph.m; e++)
			net.edge[e].delay_ns = 20 * NS_PER_MS;
		for (unsigned i = 0; i < 2; i++)
			net.node[ends[i]].node->cfg.key_overlap_ns = NS_PER_MS;
		s = between(&net, ends[side], ends[!side]);
		for (unsigned ms = 0; ms < 2000; ms++) {
			if (ms % 500 == 0) {
				session_rekey_wanted(net.node[ends[side]].node, s->index);
				rig_kick(&net, ends[side]);
			}
			assert_true(net_inject(&net, 0, &net.node[15].identity.id, 1));
			assert_true(net_inject(&net, 15, &net.node[0].identity.id, 2));
			rig_run(&net, 1);
		}
		rig_run(&net, 1000);
		assert_int_equal(s->rekeys, 4);
		assert_int_equal(ears.lost, 0);
		assert_int_equal(ears.arrived, 2 * 2000);
		assert_int_equal(s->old_phase, SESSION_NO_PHASE);
		check_agree(&net, 0, 15);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

/* A link in use is removed by either of its ends: the same session goes on over the other way a few round trips later, long before the
 * silence of the link would be noticed. */
static void test_link_removed(void **state)
{
	for (unsigned side = 0; side < 2; side++) {
		struct node_event ev = {.type = NODE_LINK_LEAVE};
		struct ears ears;
		struct net net;
		struct session *s;
		uint32_t edge;

		rig_open(&net, TOPO_RING, 6, 5, false, 12);
		listen_to(&net, &ears);
		ask(&net, 0, 2);
		rig_run(&net, 1000);
		send_both(&net, &ears, 0, 2);
		s = between(&net, 0, 2);
		edge = net.node[0].edge[s->path->role == LSP_INGRESS ? s->path->down->link
		                                                     : s->path->up->link] /
		       2;
		ev.u.link.link = net.edge[edge].link[side];
		rig_input(&net, net.edge[edge].node[side], &ev);
		rig_run(&net, 200);
		assert_ptr_equal(between(&net, 0, 2), s);
		send_both(&net, &ears, 0, 2);
		assert_int_equal(s->rekeys, 0);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

/* The edge in use dies: the same session goes on over the other way. */
static void test_repair(void **state)
{
	struct ears ears;
	struct net net;
	struct session *s;
	uint32_t edge;

	rig_open(&net, TOPO_RING, 6, 5, true, 12);
	listen_to(&net, &ears);
	ask(&net, 0, 2);
	rig_run(&net, 1000);
	send_both(&net, &ears, 0, 2);
	s = between(&net, 0, 2);
	assert_non_null(s);
	edge = net.node[0].edge[s->path->role == LSP_INGRESS ? s->path->down->link
	                                                     : s->path->up->link] /
	       2;
	net_edge(&net, edge, false);
	rig_run(&net, 5000);
	assert_ptr_equal(between(&net, 0, 2), s);
	send_both(&net, &ears, 0, 2);
	assert_int_equal(s->rekeys, 0);
	assert_true(s->rebuilds + between(&net, 2, 0)->rebuilds >= 1);
	check_agree(&net, 0, 2);
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

/* What a restart leaves of the session that `at` had with `with`: nothing, and another incarnation. */
static void forget(struct net *net, uint32_t at, uint32_t with)
{
	struct node *n = net->node[at].node;
	struct session *s = between(net, at, with);
	struct lsp *l = s->path;

	n->sessions->incarnation ^= 2;
	end_session(n, s);
	lsp_release(n, l, TEAR_ADMIN);
	rig_kick(net, at);
}

/* Until s has heard that its tunnel is gone. */
static void run_until_lost(struct net *net, const struct session *s)
{
	for (unsigned i = 0; i < 200 && session_ready(s); i++)
		rig_run(net, 1);
	assert_false(session_ready(s));
}

/* The far end has restarted and refuses repairs of a session that it does not know: the next connect makes new keys beside the old ones and
 * does not fail. */
static void test_far_end_restarted(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct ears ears;
		struct net net;
		struct session *s;

		rig_open(&net, TOPO_FIVE, 5, seed, true, 10);
		listen_to(&net, &ears);
		ask(&net, 0, 4);
		rig_run(&net, 1000);
		s = between(&net, 0, 4);
		assert_true(session_ready(s));
		forget(&net, 4, 0);
		run_until_lost(&net, s);
		ask(&net, 0, 4);
		rig_run(&net, 200);
		assert_int_equal(ears.connected, 2);
		assert_int_equal(ears.failed, 0);
		assert_ptr_equal(between(&net, 0, 4), s);
		send_both(&net, &ears, 0, 4);
		check_agree(&net, 0, 4);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

/* Somebody on the way says in the far end's name that it refuses: the handshake that follows meets a session with keys, and both agree. */
static void test_refused_in_its_name(void **state)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct ears ears;
		struct net net;
		struct session *s, *far;
		struct lsp *l;

		rig_open(&net, TOPO_FIVE, 5, seed, true, 10);
		listen_to(&net, &ears);
		ask(&net, 0, 4);
		rig_run(&net, 1000);
		s = between(&net, 0, 4);
		far = between(&net, 4, 0);
		l = far->path;
		path_lost(net.node[4].node, far);
		lsp_release(net.node[4].node, l, TEAR_ADMIN);
		rig_kick(&net, 4);
		run_until_lost(&net, s);
		s->anew = true;
		s->refused = (uint8_t)(1 + seed % 2);
		ask(&net, 0, 4);
		rig_run(&net, 1000);
		assert_int_equal(ears.connected, 2);
		send_both(&net, &ears, 0, 4);
		rig_run(&net, 2000);
		check_agree(&net, 0, 4);
		assert_int_equal(ears.lost, 0);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

/* Nobody has the id: it is said in time, and nothing stays. */
static void test_nobody(void **state)
{
	struct node_request r = {.type = REQ_CONNECT, .cookie = 9};
	struct ears ears;
	struct net net;

	rig_open(&net, TOPO_FIVE, 5, 6, true, 10);
	listen_to(&net, &ears);
	rng_fill(&net.rng, r.id.b, ID_BYTES);
	net_request(&net, 0, &r);
	rig_run(&net, 6000);
	assert_int_equal(ears.failed, 1);
	rig_run(&net, 30000);
	assert_null(session_after(net.node[0].node, NULL));
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

/* Wanted before anybody is known: the lookup that has nobody to ask is over at once, and another follows. */
static void test_too_early(void **state)
{
	struct ears ears;
	struct net net;

	rig_open(&net, TOPO_LINE, 8, 3, true, 0);
	while (!net.node[0].node)
		rig_run(&net, 1);
	listen_to(&net, &ears);
	ask(&net, 0, 7);
	rig_run(&net, 1);
	assert_non_null(between(&net, 0, 7));
	assert_false(between(&net, 0, 7)->looking);
	assert_int_not_equal(between(&net, 0, 7)->lookup_at.ns, 0);
	rig_run(&net, 4400);
	assert_int_equal(ears.connected, 1);
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

/* What is to be left out is the only way there is. */
static void test_only_way_left_out(void **state)
{
	struct ears ears;
	struct session *s;
	struct net net;

	rig_open(&net, TOPO_LINE, 4, 3, true, 10);
	listen_to(&net, &ears);
	s = session_get(net.node[0].node, &net.node[3].identity.id);
	assert_non_null(s);
	s->notvia[0][0] = id_tag(&net.node[0].identity.id);
	s->notvia[0][1] = id_tag(&net.node[1].identity.id);
	s->nnotvia = 1;
	ask(&net, 0, 3);
	rig_run(&net, 1000);
	assert_int_equal(ears.connected, 1);
	net.hooks = (struct net_hooks){0};
	rig_close(&net);
}

/* b's answer waits for its worker to hold the key. */
static bool answer_waits(struct net *net, uint32_t a, uint32_t b)
{
	const struct session *s = between(net, b, a);

	return s && s->answer.state != HS_NONE && s->answer.ik && s->answer.lsp &&
	       s->answer_ticket.waiting;
}

/* The set-up's tunnel is torn down from outside in the moment between its arrival and its answer. */
static void test_torn_before_answered(void **state)
{
	unsigned seen = 0;

	for (uint32_t b = 1; b < 6; b++) {
		struct ears ears;
		struct net net;

		rig_open(&net, TOPO_RING, 6, 5, true, 12);
		listen_to(&net, &ears);
		ask(&net, 0, b);
		rig_run(&net, 1000);
		/* The next set-up is IK's. */
		end_keys(net.node[0].node, between(&net, 0, b));
		rig_kick(&net, 0);
		ask(&net, 0, b);
		for (unsigned step = 0; step < 20000 && !answer_waits(&net, 0, b); step++)
			net_run(&net, net.now.ns + 5 * NS_PER_US);
		if (answer_waits(&net, 0, b)) {
			struct session *s = between(&net, b, 0);
			struct lsp *l = s->answer.lsp;
			struct linkmsg_tear m = {.nonce = l->nonce,
			                         .yours = LABEL_NONE,
			                         .mine = l->rev_out,
			                         .reason = TEAR_ADMIN};

			seen++;
			lsp_tear_rx(net.node[b].node, l->up, &m);
			rig_kick(&net, b);
			assert_null(s->answer.lsp);
		}
		rig_run(&net, 8000);
		assert_int_equal(ears.connected, 2);
		send_both(&net, &ears, 0, b);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
	assert_true(seen > 2);
}

/* Nodes that do not relay are walked around, wherever the trees lead. */
static void test_around_those_who_do_not_relay(void **state)
{
	static const uint32_t stubborn[] = {5, 10};

	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct ears ears;
		struct net net;
		unsigned asked = 0;

		rig_open(&net, TOPO_GRID, 16, seed, true, 12);
		listen_to(&net, &ears);
		for (unsigned i = 0; i < 2; i++)
			net.node[stubborn[i]].node->cfg.transit = false;
		for (uint32_t a = 0; a < 16; a++)
			for (uint32_t b = 0; b < 16; b++) {
				if (a == b)
					continue;
				ask(&net, a, b);
				asked++;
				rig_run(&net, 20);
			}
		rig_run(&net, 6000);
		assert_int_equal(ears.failed, 0);
		assert_int_equal(ears.connected, asked);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

/* ---- wires that are cut again and again, while keys are renewed every few seconds ---- */

/* Time without a packet from node 0 that arrived at node 4, now and at the most. */
struct silence {
	int64_t ms, most_ms;
};

/* Data for node 4 every 20 ms; as a worker does, control is asked for a session once a second where there is none. */
static void talk(struct net *net, struct ears *ears, int64_t ms, struct silence *s)
{
	struct dp_event want = {.type = EVT_WANT};
	struct node_event ev = {.type = NODE_WORKER_EVENT, .u.worker = &want};

	want.u.want.remote = net->node[4].identity.id;
	for (int64_t t = 0; t < ms; t += 20) {
		unsigned before = ears->arrived;

		if (!net_inject(net, 0, &net->node[4].identity.id, 1) && s->ms % 1000 == 0)
			rig_input(net, 0, &ev);
		rig_run(net, 20);
		s->ms = ears->arrived != before ? 0 : s->ms + 20;
		s->most_ms = s->ms > s->most_ms ? s->ms : s->most_ms;
	}
}

static void renew_often(struct net *net)
{
	for (unsigned i = 0; i < net->n; i++) {
		struct node_cfg *cfg = &net->node[i].node->cfg;

		cfg->rekey_ns = 5 * NS_PER_S;
		cfg->key_reject_ns = 9 * NS_PER_S;
		cfg->key_overlap_ns = 2 * NS_PER_S;
	}
}

/* A wire that is back carries data again before the worker would be told to end connections that wait, however rekeys and cuts fall together:
 * here keys also expire while nothing can be renewed. */
static void test_wires_cut_while_keys_are_renewed(void **state)
{
	for (uint64_t seed = 1; seed <= 8; seed++) {
		struct silence s = {0};
		struct ears ears;
		struct net net;

		rig_open(&net, TOPO_FIVE, 5, seed, false, 12);
		listen_to(&net, &ears);
		renew_often(&net);
		ask(&net, 0, 4);
		rig_run(&net, 1000);
		assert_int_equal(ears.connected, 1);
		for (unsigned i = 0; i < 40; i++) {
			uint32_t edge = (uint32_t)rng_below(&net.rng, net.graph.m);
			int64_t cut = 300 + (int64_t)rng_below(&net.rng, 2700);

			net_edge(&net, edge, false);
			talk(&net, &ears, cut, &s);
			net_edge(&net, edge, true);
			do
				talk(&net, &ears, 20, &s);
			while (s.ms > 0 && s.ms * NS_PER_MS < TELL_WAITING_NS);
			assert_true(s.most_ms * NS_PER_MS < TELL_WAITING_NS);
			talk(&net, &ears, (int64_t)rng_below(&net.rng, 4000), &s);
		}
		assert_true(between(&net, 0, 4)->rekeys >= 3);
		net.hooks = (struct net_hooks){0};
		rig_close(&net);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_crossing),
	        cmocka_unit_test(test_crossing_with_losses),
	        cmocka_unit_test(test_rekey),
	        cmocka_unit_test(test_rekey_short_overlap),
	        cmocka_unit_test(test_link_removed),
	        cmocka_unit_test(test_repair),
	        cmocka_unit_test(test_far_end_restarted),
	        cmocka_unit_test(test_refused_in_its_name),
	        cmocka_unit_test(test_nobody),
	        cmocka_unit_test(test_too_early),
	        cmocka_unit_test(test_only_way_left_out),
	        cmocka_unit_test(test_torn_before_answered),
	        cmocka_unit_test(test_around_those_who_do_not_relay),
	        cmocka_unit_test(test_wires_cut_while_keys_are_renewed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
