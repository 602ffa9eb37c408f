/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookups find every id that is there, end when it is not, and cannot be kept alive by those who answer. */
#include "rig.h"

#include "kad/kad.h"
#include "wire/ip6.h"

#include <errno.h>
#include <string.h>

struct ears {
	unsigned exact, missed;
};

static void answer(void *arg, uint32_t node, const struct node_answer *a)
{
	struct ears *e = arg;

	e->exact += a->type == ANS_LOOKUP && a->exact;
	e->missed += a->type == ANS_LOOKUP && !a->exact;
}

static void test_everybody_is_found(void **state)
{
	struct ears ears = {0};
	struct net net;

	rig_open(&net, TOPO_BA, 60, 5, true, 20);
	net.hooks = (struct net_hooks){.answer = answer, .arg = &ears};
	for (unsigned i = 0; i < 300; i++) {
		uint32_t a = (uint32_t)rng_below(&net.rng, net.n);
		struct node_request r = {.type = REQ_LOOKUP, .cookie = i + 1};

		r.id = net.node[rng_below(&net.rng, net.n)].identity.id;
		net_request(&net, a, &r);
		rig_run(&net, 50);
	}
	rig_run(&net, 5000);
	assert_int_equal(ears.exact, 300);
	/* Ids that nobody has. */
	for (unsigned i = 0; i < 50; i++) {
		struct node_request r = {.type = REQ_LOOKUP, .cookie = i + 1};

		rng_fill(&net.rng, r.id.b, ID_BYTES);
		net_request(&net, (uint32_t)rng_below(&net.rng, net.n), &r);
		rig_run(&net, 50);
	}
	rig_run(&net, 30000);
	assert_int_equal(ears.exact, 300);
	assert_int_equal(ears.missed, 50);
	for (uint32_t i = 0; i < net.n; i++)
		for (unsigned k = 0; k < LOOKUPS_MAX; k++) {
			const struct lookup *l = &net.node[i].node->kad->lookup[k];

			assert_true(!l->active || l->purpose == LOOKUP_REFRESH);
		}
	rig_close(&net);
}

struct tun_ears {
	unsigned found, none, wrong;
};

static void told(void *arg, uint32_t node, const struct cp_cmd *c)
{
	struct tun_ears *e = arg;

	if (c->type != CMD_RESOLVED)
		return;
	if (!c->u.resolved.found)
		e->none++;
	else if (memcmp(c->u.resolved.target.b, c->u.resolved.id.b, IP6_ID_BYTES) == 0)
		e->found++;
	else
		e->wrong++;
}

/* The leading 120 bits of an id, as an address has them, are enough to find the id from anywhere. */
static void test_addresses_are_found(void **state)
{
	struct tun_ears ears = {0};
	struct dp_event ev = {.type = EVT_RESOLVE};
	struct net net;

	rig_open(&net, TOPO_BA, 60, 6, true, 20);
	net.hooks = (struct net_hooks){.told = told, .arg = &ears};
	for (unsigned i = 0; i < 300; i++) {
		uint32_t a = (uint32_t)rng_below(&net.rng, net.n), b = a;

		while (b == a)
			b = (uint32_t)rng_below(&net.rng, net.n);
		memset(&ev.u.want.remote, 0, ID_BYTES);
		memcpy(ev.u.want.remote.b, net.node[b].identity.id.b, IP6_ID_BYTES);
		net_hear(&net, a, &ev);
		rig_run(&net, 50);
	}
	rig_run(&net, 5000);
	assert_int_equal(ears.wrong, 0);
	assert_int_equal(ears.none, 0);
	assert_int_equal(ears.found, 300);
	/* Addresses that nobody has. */
	for (unsigned i = 0; i < 30; i++) {
		memset(&ev.u.want.remote, 0, ID_BYTES);
		rng_fill(&net.rng, ev.u.want.remote.b, IP6_ID_BYTES);
		net_hear(&net, (uint32_t)rng_below(&net.rng, net.n), &ev);
		rig_run(&net, 50);
	}
	rig_run(&net, 30000);
	assert_int_equal(ears.found, 300);
	assert_int_equal(ears.none, 30);
	rig_close(&net);
}

/* Somebody who only names ids that begin as the address does is not believed: the owner's answer counts, and whoever does not answer is passed
 * by. */
static void test_made_up_ids_of_an_address(void **state)
{
	struct lone o;
	struct kad_msg m = {.count = KAD_CONTACTS_MAX};
	struct contact_info at = {.ntrees = 1, .seq = 3};
	struct lookup *l;
	struct node_id target = {{9, 8, 7}}, liar;
	unsigned made_up = 0;

	lone_open(&o, 29);
	l = &o.n->kad->lookup[0];
	rng_fill(&o.rng, at.id.b, ID_BYTES);
	liar = target;
	liar.b[40] = 1;
	assert_int_equal(lookup_start(o.n, LOOKUP_ADDRESS, 0, &target, &at, 0), 0);
	assert_true(lookup_runs(o.n, LOOKUP_ADDRESS, &target));
	assert_false(lookup_runs(o.n, LOOKUP_ADDRESS, &liar));
	l->slow = 4; /* others are still out, so that it does not end meanwhile */
	/* Of many made-up ids in one answer one is believed, so that they do not take all the places. */
	for (unsigned i = 0; i < m.count; i++) {
		m.c[i] = (struct contact_info){.id = liar, .ntrees = 1, .seq = 8};
		m.c[i].id.b[63] = (uint8_t)i;
	}
	lookup_answer(o.n, l, &at.id, false, &m);
	assert_true(l->active && !l->exact);
	assert_true(id_eq(&l->cand[0].info.id, &liar)); /* it is asked first */
	for (unsigned i = 0; i < l->n; i++)
		made_up += memcmp(l->cand[i].info.id.b, target.b, 15) == 0;
	assert_int_equal(made_up, 1);
	lookup_failed(o.n, l, &liar, false);
	assert_true(l->active && !l->exact);
	m.count = 0;
	lookup_answer(o.n, l, &liar, true, &m);
	assert_false(l->active); /* its own answer ends the lookup */
	lone_close(&o);
}

/* Whoever answers names ever closer ids that do not exist. */
static void test_endless_answers(void **state)
{
	struct lone o;
	struct kad_msg m;
	struct contact_info at = {.ntrees = 1};
	struct lookup *l;
	struct node_id target;
	unsigned rounds = 0;

	lone_open(&o, 21);
	l = &o.n->kad->lookup[0];
	rng_fill(&o.rng, target.b, ID_BYTES);
	rng_fill(&o.rng, at.id.b, ID_BYTES);
	assert_int_equal(lookup_start(o.n, LOOKUP_SESSION, UINT32_MAX, &target, &at, 0), 0);
	while (l->active && rounds++ < 10000) {
		struct node_id asked;
		struct rpc *r = NULL;

		for (unsigned i = 0; i < RPC_MAX; i++)
			if (o.n->kad->rpc[i].active && o.n->kad->rpc[i].lookup == 1)
				r = &o.n->kad->rpc[i];
		if (!r)
			break;
		asked = r->to;
		memset(&m, 0, sizeof(m));
		m.count = KAD_CONTACTS_MAX;
		for (unsigned i = 0; i < m.count; i++) {
			m.c[i].id = target;
			m.c[i].ntrees = 1;
			rng_fill(&o.rng, m.c[i].id.b + rounds % 60, ID_BYTES - rounds % 60);
		}
		disarm(o.n, &r->timer);
		r->active = false;
		lookup_answer(o.n, l, &asked, r->slow, &m);
		assert_true(l->n <= LOOKUP_WIDTH);
		o.n->now.ns += 10 * NS_PER_MS;
		lone_drain(&o);
	}
	assert_false(l->active);
	assert_true(rounds <= LOOKUP_ASKS);
	lone_close(&o);
}

/* A place that did not lead to the target is no answer; its newer record is, and so is the target's own word. */
static void test_beyond(void **state)
{
	struct lone o;
	struct kad_msg m = {.count = 1};
	struct contact_info at = {.ntrees = 1, .seq = 3};
	struct lookup *l;
	struct node_id target, third = {{7}};

	lone_open(&o, 23);
	l = &o.n->kad->lookup[0];
	rng_fill(&o.rng, target.b, ID_BYTES);
	rng_fill(&o.rng, at.id.b, ID_BYTES);
	assert_int_equal(lookup_start(o.n, LOOKUP_SESSION, UINT32_MAX, &target, &at, 8), 0);
	l->slow = 4; /* others are still out, so that it does not end meanwhile */
	m.c[0] = (struct contact_info){.id = target, .ntrees = 1, .seq = 8};
	lookup_answer(o.n, l, &at.id, false, &m);
	assert_true(l->active && !l->exact);
	for (unsigned i = 0; i < l->n; i++)
		if (id_eq(&l->cand[i].info.id, &target))
			l->cand[i].state = CAND_FAILED;
	m.c[0].seq = 9;
	l->purpose = LOOKUP_REFRESH; /* so that it stays to be looked at */
	lookup_answer(o.n, l, &third, true, &m);
	assert_true(l->active && l->exact);
	assert_int_equal(l->found.seq, 9);
	for (unsigned i = 0; i < l->n; i++)
		if (id_eq(&l->cand[i].info.id, &target)) {
			assert_int_equal(l->cand[i].info.seq, 9);
			assert_int_not_equal(l->cand[i].state, CAND_FAILED);
		}
	lone_close(&o);
}

/* More lookups than there is room for: housekeeping leaves half to people. */
static void test_room(void **state)
{
	struct lone o;
	struct node_id target;
	struct contact_info at = {.ntrees = 1};
	unsigned refresh = 0, asked = 0;

	lone_open(&o, 22);
	for (unsigned i = 0; i < 40; i++) {
		rng_fill(&o.rng, target.b, ID_BYTES);
		rng_fill(&o.rng, at.id.b, ID_BYTES);
		refresh += lookup_start(o.n, LOOKUP_REFRESH, 0, &target, &at, 0) == 0;
	}
	/* Nor do programs that try many addresses take it. */
	assert_int_equal(lookup_start(o.n, LOOKUP_ADDRESS, 0, &target, &at, 0), -EBUSY);
	for (unsigned i = 0; i < 40; i++) {
		rng_fill(&o.rng, target.b, ID_BYTES);
		asked += lookup_start(o.n, LOOKUP_SESSION, UINT32_MAX, &target, &at, 0) == 0;
	}
	assert_int_equal(refresh, LOOKUPS_MAX / 2);
	assert_int_equal(asked, LOOKUPS_MAX / 2);
	lone_close(&o);
}

/* Programs that try many addresses leave room for one that asks for its first, and for housekeeping. */
static void test_askers_of_addresses_share(void **state)
{
	static const unsigned shares[] = {4, 2, 1, 1};
	struct lone o;
	struct node_id target;
	struct contact_info at = {.ntrees = 1};

	lone_open(&o, 23);
	for (unsigned asker = 0; asker < 4; asker++) {
		unsigned got = 0;

		for (unsigned i = 0; i < 40; i++) {
			rng_fill(&o.rng, target.b, ID_BYTES);
			rng_fill(&o.rng, at.id.b, ID_BYTES);
			got += lookup_start(o.n, LOOKUP_ADDRESS, asker << 8, &target, &at, 0) == 0;
		}
		assert_int_equal(got, shares[asker]);
		if (asker == 2) {
			/* One is left, for whoever comes first. */
			rng_fill(&o.rng, target.b, ID_BYTES);
			assert_int_equal(lookup_start(o.n, LOOKUP_ADDRESS, 0, &target, &at, 0),
			                 -EBUSY);
		}
	}
	lone_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_everybody_is_found),
	        cmocka_unit_test(test_addresses_are_found),
	        cmocka_unit_test(test_made_up_ids_of_an_address),
	        cmocka_unit_test(test_endless_answers),
	        cmocka_unit_test(test_beyond),
	        cmocka_unit_test(test_room),
	        cmocka_unit_test(test_askers_of_addresses_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
