/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions: whose answer counts, what a forged or late one changes, when a question ends without, and what a node tells others. */
#include "asker.h"

#include "anchor/anchor.h"
#include "table/tunnel.h"

#include <errno.h>
#include <string.h>

/* Asks the neighbour; returns the question's number. */
static uint32_t ask(struct asker *b)
{
	struct contact_info to = asker_info(b, &b->next_door.id, 1, 0);
	struct asker_sent s;

	assert_int_equal(kad_ask(b->n, KAD_EXQ, &to, NULL, 0), 0);
	assert_true(asker_sent(b, &s));
	assert_int_equal(s.next, NEXT_KAD);
	assert_int_equal(s.m.op, KAD_EXQ);
	assert_true(id_eq(&s.to, &to.id));
	assert_int_equal(b->n->kad->rpcs, 1);
	return s.m.rpc;
}

/* Only the node asked, with the question's number and the answer to that kind of question, is listened to, and once. */
static void test_whose_answer(void **state)
{
	struct asker b;
	struct identity stranger;
	struct kad_msg m;
	struct node_id named;
	uint32_t rpc;

	asker_open(&b, 1);
	assert_int_equal(identity_generate(&stranger, &b.g.rng), 0);
	named = ground_near(&b.g, &b.g.identity.id, 3);
	rpc = ask(&b);
	for (unsigned what = 0; what < 3; what++) {
		const struct identity *who = what == 0 ? &stranger : &b.next_door;

		m = asker_message(&b, who, what == 1 ? KAD_FOUND : KAD_EXR,
		                  what == 2 ? rpc ^ 1 : rpc, 2);
		m.c[m.count++] = asker_info(&b, &named, 1, 9);
		asker_hears(&b, &who->id, &m);
		assert_int_equal(b.n->kad->rpcs, 1);
		assert_null(contact_find(b.n->contacts, &named));
	}
	asker_pass(&b, 30 * NS_PER_MS);
	m = asker_message(&b, &b.next_door, KAD_EXR, rpc, 2);
	m.c[m.count++] = asker_info(&b, &named, 1, 9);
	asker_hears(&b, &b.next_door.id, &m);
	assert_int_equal(b.n->kad->rpcs, 0);
	assert_non_null(contact_find(b.n->contacts, &named));
	assert_false(contact_find(b.n->contacts, &named)->verified);
	assert_int_equal(contact_find(b.n->contacts, &b.next_door.id)->rtt_ns, 30 * NS_PER_MS);
	contact_drop(b.n->contacts, b.n->now, contact_find(b.n->contacts, &named), false);
	asker_hears(&b, &b.next_door.id, &m);
	assert_null(contact_find(b.n->contacts, &named));
	asker_close(&b);
}

/* A record that its sender did not sign, or that was changed afterwards, makes the message worth nothing; so does any missing byte. */
static void test_forged(void **state)
{
	struct asker b;
	struct identity stranger;
	struct kad_msg m;
	uint8_t buf[CONTROL_PACKET_MAX];
	size_t len;
	uint32_t rpc;

	asker_open(&b, 2);
	assert_int_equal(identity_generate(&stranger, &b.g.rng), 0);
	rpc = ask(&b);
	m = asker_message(&b, &stranger, KAD_EXR, rpc, 2);
	asker_hears(&b, &b.next_door.id, &m);
	m = asker_message(&b, &b.next_door, KAD_EXR, rpc, 2);
	m.self.sig[5] ^= 1;
	asker_hears(&b, &b.next_door.id, &m);
	m = asker_message(&b, &b.next_door, KAD_EXR, rpc, 2);
	m.self.seq = 3;
	asker_hears(&b, &b.next_door.id, &m);
	m = asker_message(&b, &b.next_door, KAD_EXR, rpc, 2);
	m.self.place[0].root ^= 1;
	asker_hears(&b, &b.next_door.id, &m);
	assert_int_equal(b.n->counters[CTR_KAD_BAD_SIG], 4);
	m = asker_message(&b, &b.next_door, KAD_EXR, rpc, 2);
	len = asker_write(&m, buf);
	for (size_t cut = 0; cut < len; cut++) {
		struct rd r = rd_init(buf, cut);

		kad_rx(b.n, &b.next_door.id, &r);
	}
	assert_int_equal(b.n->counters[CTR_MALFORMED], len);
	assert_int_equal(b.n->kad->rpcs, 1);
	assert_int_equal(b.n->contacts->count, 1);
	assert_int_equal(contact_find(b.n->contacts, &b.next_door.id)->seq, 1);
	asker_close(&b);
}

/* A record once received is not replaced by an older one of the same sender, although the message that brings it is an answer. */
static void test_old_record(void **state)
{
	struct asker b;
	struct kad_msg m;
	struct contact *c;

	asker_open(&b, 3);
	m = asker_message(&b, &b.next_door, KAD_UPDATE, 0, 5);
	asker_hears(&b, &b.next_door.id, &m);
	c = contact_find(b.n->contacts, &b.next_door.id);
	assert_int_equal(c->signed_seq, 5);
	m = asker_message(&b, &b.next_door, KAD_EXR, ask(&b), 4);
	asker_hears(&b, &b.next_door.id, &m);
	assert_int_equal(b.n->kad->rpcs, 0);
	assert_int_equal(c->seq, 5);
	/* What was verified once need not be signed again, but not one bit of it may differ. */
	m = asker_message(&b, &b.next_door, KAD_UPDATE, 0, 5);
	m.self.place[0].coords.b[0] ^= 4;
	asker_hears(&b, &b.next_door.id, &m);
	m = asker_message(&b, &b.next_door, KAD_UPDATE, 0, 5);
	m.self.place[0].root ^= 1;
	asker_hears(&b, &b.next_door.id, &m);
	assert_int_equal(b.n->counters[CTR_KAD_BAD_SIG], 2);
	asker_close(&b);
}

/* A contact that twice in a row does not answer is dropped with its finger, and reports of others do not bring it back; a neighbour is
 * never dropped. One answer in between counts from the start again. */
static void test_no_answer(void **state)
{
	struct asker b;
	struct contact *c;
	struct contact_info i;
	struct lsp finger = {.role = LSP_INGRESS, .state = LSP_UP, .fwd_out = 77};
	struct asker_sent s;

	asker_open(&b, 4);
	for (unsigned k = 0; k < 4; k++) {
		ask(&b);
		asker_pass(&b, 3 * NS_PER_S - 1);
		assert_int_equal(b.n->kad->rpcs, 1);
		asker_pass(&b, 60 * NS_PER_MS + 1);
		assert_int_equal(b.n->kad->rpcs, 0);
	}
	assert_int_equal(b.n->counters[CTR_KAD_TIMEOUT], 4);
	assert_non_null(contact_find(b.n->contacts, &b.next_door.id));
	c = asker_contact(&b, 5, true);
	contact_to_info(c, &i);
	finger.dst = c->id;
	finger.down = b.p;
	c->finger = &finger;
	for (unsigned k = 0; k < 2; k++) {
		assert_non_null(contact_find(b.n->contacts, &i.id));
		assert_int_equal(kad_ask(b.n, KAD_EXQ, &i, NULL, 0), 0);
		assert_true(asker_sent(&b, &s));
		assert_int_equal(s.tunnel_label, 77);
		asker_pass(&b, 4 * NS_PER_S);
	}
	assert_int_equal(asker_heard.dropped, 1);
	assert_null(contact_find(b.n->contacts, &i.id));
	assert_null(contact_learn(b.n->contacts, b.n->now, &i, false));
	asker_close(&b);
}

/* Without a way to the node asked the question fails soon, but never within the call, whose caller may be in the midst of the table. */
static void test_no_way(void **state)
{
	struct asker b;
	struct contact_info to = {.seq = 1};
	struct asker_sent s;

	asker_open(&b, 5);
	to.id = ground_near(&b.g, &b.g.identity.id, 4);
	assert_non_null(contact_learn(b.n->contacts, b.n->now, &to, false));
	for (unsigned k = 1; k <= 2; k++) {
		assert_int_equal(kad_ask(b.n, KAD_EXQ, &to, NULL, 0), 0);
		assert_false(asker_sent(&b, &s));
		assert_int_equal(b.n->kad->rpcs, 1);
		assert_non_null(contact_find(b.n->contacts, &to.id));
		asker_pass(&b, NS_PER_MS);
		assert_int_equal(b.n->kad->rpcs, 0);
	}
	assert_null(contact_find(b.n->contacts, &to.id));
	asker_close(&b);
}

/* No more questions are open than there are slots, and each slot comes back. */
static void test_slots(void **state)
{
	struct asker b;
	struct contact_info to;
	struct error_msg e = {.code = ROUTED_DEAD_END, .next = NEXT_KAD};
	struct asker_sent s;

	asker_open(&b, 6);
	to = asker_info(&b, &b.next_door.id, 1, 0);
	for (unsigned round = 0; round < 2; round++) {
		for (unsigned i = 0; i < RPC_MAX; i++)
			assert_int_equal(kad_ask(b.n, KAD_EXQ, &to, NULL, 0), 0);
		assert_int_equal(kad_ask(b.n, KAD_EXQ, &to, NULL, 0), -EBUSY);
		assert_int_equal(b.n->kad->rpcs, RPC_MAX);
		for (unsigned open = RPC_MAX; asker_sent(&b, &s) && round == 1; open--) {
			/* A dead end counts only from where that question was heading. */
			e.ref = s.m.rpc;
			e.about = b.g.identity.id;
			kad_error(b.n, &e);
			assert_int_equal(b.n->kad->rpcs, open);
			e.about = to.id;
			kad_error(b.n, &e);
		}
		if (round == 0)
			asker_pass(&b, 4 * NS_PER_S);
		assert_int_equal(b.n->kad->rpcs, 0);
		(void)ground_drain(b.n, 0);
	}
	assert_int_equal(b.n->counters[CTR_KAD_TIMEOUT], RPC_MAX);
	asker_close(&b);
}

/* A lookup's question that is late lets the lookup ask on; its answer still counts, until it is given up. */
static void test_late(void **state)
{
	struct asker b;
	struct asker_sent s;
	struct contact_info to;
	struct kad_msg m;
	struct node_id target;

	asker_open(&b, 7);
	to = asker_info(&b, &b.next_door.id, 1, 0);
	target = ground_near(&b.g, &b.g.identity.id, 1);
	for (unsigned round = 0; round < 2; round++) {
		struct lookup *l = &b.n->kad->lookup[0];

		assert_int_equal(lookup_start(b.n, LOOKUP_REQUEST, 9 + round, &target, &to, 0), 0);
		assert_true(asker_sent(&b, &s));
		assert_int_equal(s.m.op, KAD_FIND);
		assert_true(id_eq(&s.m.target, &target));
		assert_int_equal(l->in_flight, 1);
		asker_pass(&b, 450 * NS_PER_MS);
		assert_int_equal(l->in_flight, 0);
		assert_int_equal(l->slow, 1);
		assert_int_equal(asker_heard.done, round);
		asker_pass(&b, 2 * NS_PER_S);
		if (round == 0) {
			m = asker_message(&b, &b.next_door, KAD_FOUND, s.m.rpc, 2);
			asker_hears(&b, &to.id, &m);
		} else {
			asker_pass(&b, NS_PER_S);
		}
		assert_int_equal(asker_heard.done, round + 1);
		assert_int_equal(asker_heard.ref, 9 + round);
		assert_int_equal(b.n->kad->rpcs, 0);
	}
	assert_int_equal(asker_heard.exact, 0);
	asker_close(&b);
}

static bool names(const struct kad_msg *m, const struct contact *c)
{
	for (unsigned i = 0; i < m->count; i++)
		if (id_eq(&m->c[i].id, &c->id))
			return true;
	return false;
}

/* Others are told only of contacts that have answered themselves and owe nothing, that they have not heard of, and never of themselves. */
static void test_told(void **state)
{
	struct asker b;
	struct asker_sent s;
	struct kad_msg m;
	struct contact *good, *known, *failing, *hearsay, *target;

	asker_open(&b, 8);
	good = asker_contact(&b, 4, true);
	known = asker_contact(&b, 5, true);
	failing = asker_contact(&b, 6, true);
	hearsay = asker_contact(&b, 7, false);
	target = asker_contact(&b, 8, true);
	failing->fails = 1;
	m = asker_message(&b, &b.next_door, KAD_EXQ, 55, 2);
	kad_have_begin(&m, 1);
	kad_have_add(&m, &known->id, known->seq);
	asker_hears(&b, &b.next_door.id, &m);
	assert_true(asker_sent(&b, &s));
	assert_true(id_eq(&s.to, &b.next_door.id));
	assert_int_equal(s.m.op, KAD_EXR);
	assert_int_equal(s.m.rpc, 55);
	assert_true(names(&s.m, good) && names(&s.m, target));
	assert_false(names(&s.m, known) || names(&s.m, failing) || names(&s.m, hearsay));
	assert_int_equal(s.m.count, 2);
	m = asker_message(&b, &b.next_door, KAD_FIND, 56, 2);
	m.target = target->id;
	asker_hears(&b, &b.next_door.id, &m);
	assert_true(asker_sent(&b, &s));
	assert_int_equal(s.m.op, KAD_FOUND);
	assert_int_equal(s.m.rpc, 56);
	assert_int_equal(s.m.count, 3);
	assert_true(id_eq(&s.m.c[0].id, &target->id));
	for (unsigned i = 1; i < s.m.count; i++)
		assert_true(id_cmp_dist(&target->id, &s.m.c[i - 1].id, &s.m.c[i].id) < 0);
	assert_false(asker_sent(&b, &s));
	asker_close(&b);
}

/* Somebody knows a newer record of this node, from before a restart: it takes a higher number. An absurd one is not believed. */
static void test_own_record(void **state)
{
	struct asker b;
	struct kad_msg m;
	uint64_t was;

	asker_open(&b, 9);
	was = b.n->anchor->record_seq;
	m = asker_message(&b, &b.next_door, KAD_EXQ, 1, 2);
	m.count = 1;
	m.c[0] = asker_info(&b, &b.g.identity.id, UINT64_MAX, 1);
	asker_hears(&b, &b.next_door.id, &m);
	assert_int_equal(b.n->anchor->record_seq, was);
	m.c[0].seq = 1000;
	asker_hears(&b, &b.next_door.id, &m);
	assert_int_equal(b.n->anchor->record.seq, 1001);
	assert_int_equal(asker_heard.changed, 1);
	assert_null(contact_find(b.n->contacts, &b.g.identity.id));
	asker_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_whose_answer), cmocka_unit_test(test_forged),
	        cmocka_unit_test(test_old_record),   cmocka_unit_test(test_no_answer),
	        cmocka_unit_test(test_no_way),       cmocka_unit_test(test_slots),
	        cmocka_unit_test(test_late),         cmocka_unit_test(test_told),
	        cmocka_unit_test(test_own_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
