/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions: whose answer counts, what a forged or late one changes, when a question ends without, and what a node tells others. */
#include "asker.h"

#include "anchor/anchor.h"
#include "table/tunnel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Asks the neighbour; returns the question's nonce. */
static const uint8_t *ask(struct asker *b)
{
	struct contact_info to = asker_info(b, &b->next_door.id, 1, 0);
	static struct asker_sent s;

	assert_int_equal(kad_ask(b->n, KAD_EXQ, &to, NULL, 0), 0);
	assert_true(asker_sent(b, &s));
	assert_int_equal(s.next, NEXT_KAD);
	assert_int_equal(s.m.op, KAD_EXQ);
	assert_true(id_eq(&s.to, &to.id));
	assert_int_equal(b->n->kad->rpcs, 1);
	return s.m.nonce;
}

/* Only the node asked, with the question's nonce, the answer to that kind of question and the MAC of the two is listened to, and once. */
static void test_whose_answer(void **state)
{
	struct asker b;
	struct identity stranger;
	struct kad_msg m;
	struct node_id named;
	const uint8_t *nonce;

	asker_open(&b, 1);
	assert_int_equal(identity_generate(&stranger, &b.g.rng), 0);
	named = ground_near(&b.g, &b.g.identity.id, 3);
	nonce = ask(&b);
	for (unsigned what = 0; what < 4; what++) {
		const struct identity *who = what == 0 ? &stranger : &b.next_door;

		m = asker_message(&b, who, what == 1 ? KAD_FOUND : KAD_EXR, nonce, 2);
		m.nonce[15] ^= what == 2;
		m.c[m.count++] = asker_info(&b, &named, 1, 9);
		asker_mac(&b, who, &m);
		m.mac[0] ^= what == 3;
		asker_hears(&b, &who->id, &m);
		assert_int_equal(b.n->kad->rpcs, 1);
		assert_null(contact_find(b.n->contacts, &named));
	}
	assert_int_equal(b.n->counters[CTR_KAD_BAD_MAC], 1);
	asker_pass(&b, 30 * NS_PER_MS);
	m = asker_message(&b, &b.next_door, KAD_EXR, nonce, 2);
	m.c[m.count++] = asker_info(&b, &named, 1, 9);
	asker_says(&b, &b.next_door, &m);
	assert_int_equal(b.n->kad->rpcs, 0);
	assert_non_null(contact_find(b.n->contacts, &named));
	assert_false(contact_find(b.n->contacts, &named)->verified);
	assert_int_equal(contact_find(b.n->contacts, &b.next_door.id)->rtt_ns, 30 * NS_PER_MS);
	contact_drop(b.n->contacts, b.n->now, contact_find(b.n->contacts, &named), false);
	asker_hears(&b, &b.next_door.id, &m);
	assert_null(contact_find(b.n->contacts, &named));
	asker_close(&b);
}

/* Any bit of an answer that is not as its sender made it, and any missing byte, makes the answer worth nothing. */
static void test_forged(void **state)
{
	struct asker b;
	struct kad_msg m;
	uint8_t buf[CONTROL_PACKET_MAX];
	struct routed_header h = {.hop_limit = 254};
	size_t len;

	asker_open(&b, 2);
	m = asker_message(&b, &b.next_door, KAD_EXR, ask(&b), 2);
	m.flags |= KAD_FLAG_TOKEN;
	m.c[m.count++] = asker_info(&b, &b.g.identity.id, 1, 9);
	m.self.sig[0] ^= 1; /* or it would be good for an update */
	asker_mac(&b, &b.next_door, &m);
	len = asker_write(&m, buf);
	h.src = b.next_door.id;
	h.dst = b.g.identity.id;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		struct rd r = rd_init(buf, len);

		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
		kad_rx(b.n, b.p, &h, &r);
		buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (size_t cut = 0; cut < len; cut++) {
		struct rd r = rd_init(buf, cut);

		kad_rx(b.n, b.p, &h, &r);
	}
	assert_in_range(b.n->counters[CTR_KAD_BAD_MAC], len, 8 * len);
	assert_int_equal(b.n->counters[CTR_KAD_DH], 1);
	assert_int_equal(b.n->kad->rpcs, 1);
	assert_int_equal(b.n->contacts->count, 1);
	assert_int_equal(contact_find(b.n->contacts, &b.next_door.id)->seq, 1);
	asker_close(&b);
}

/* A record once received is not replaced by an older one of the same sender, although the message that brings it is an answer. One that its
 * sender did not sign, in a message without MAC, changes nothing. */
static void test_old_record(void **state)
{
	struct asker b;
	struct kad_msg m;
	struct contact *c;

	asker_open(&b, 3);
	m = asker_message(&b, &b.next_door, KAD_UPDATE, NULL, 5);
	asker_hears(&b, &b.next_door.id, &m);
	c = contact_find(b.n->contacts, &b.next_door.id);
	assert_int_equal(c->signed_seq, 5);
	m = asker_message(&b, &b.next_door, KAD_EXR, ask(&b), 4);
	asker_says(&b, &b.next_door, &m);
	assert_int_equal(b.n->kad->rpcs, 0);
	assert_int_equal(c->seq, 5);
	m = asker_message(&b, &b.next_door, KAD_UPDATE, NULL, 6);
	m.self.place[0].root ^= 1;
	asker_hears(&b, &b.next_door.id, &m);
	assert_int_equal(b.n->counters[CTR_KAD_BAD_SIG], 1);
	assert_int_equal(c->seq, 5);
	asker_close(&b);
}

/* Updates said while this node's place changes every three seconds. */
static unsigned updates(struct asker *b, unsigned changes)
{
	struct asker_sent s;
	unsigned said = 0;

	for (unsigned i = 0; i < changes; i++) {
		b->n->anchor->record_at = b->n->now;
		kad_coords_changed(b->n);
		asker_pass(b, 3 * NS_PER_S);
		while (asker_sent(b, &s))
			said += s.next == NEXT_KAD && s.m.op == KAD_UPDATE;
	}
	return said;
}

/* A root that comes and goes moves this node again and again: the first times its contacts are told within a second, then more and more seldom. After a
 * calm time it is as before. */
static void test_updates_are_damped(void **state)
{
	struct asker b;
	struct asker_sent s;

	asker_open(&b, 3);
	assert_int_equal(updates(&b, 4), 4);
	assert_in_range(updates(&b, 100), 5, 20);
	asker_pass(&b, 100 * NS_PER_S);
	while (asker_sent(&b, &s))
		;
	assert_int_equal(updates(&b, 4), 4);
	asker_close(&b);
}

/* A router on the path answers every question itself, with the record that the target once signed and MACs of its own: nobody is admitted, and
 * the questions end as unanswered. */
static void test_replayed_record(void **state)
{
	struct asker b;
	struct identity router, target;
	struct asker_sent s;

	asker_open(&b, 10);
	assert_int_equal(identity_generate(&router, &b.g.rng), 0);
	for (unsigned i = 0; i < 40; i++) {
		struct contact_info to;
		struct kad_msg m;

		assert_int_equal(identity_generate(&target, &b.g.rng), 0);
		to = asker_info(&b, &target.id, 1, 3);
		contact_learn(b.n->contacts, b.n->now, &to, 0);
		assert_int_equal(kad_ask(b.n, i % 2 ? KAD_FIND : KAD_EXQ, &to, &target.id, 0), 0);
		assert_true(asker_sent(&b, &s));
		m = asker_message(&b, &target, i % 2 ? KAD_FOUND : KAD_EXR, s.m.nonce, 2);
		asker_hears(&b, &target.id, &m); /* no MAC at all */
		asker_mac(&b, i % 4 < 2 ? &router : &b.next_door, &m);
		asker_hears(&b, &target.id, &m);
		/* Its record in a question, and in an update, as often as it likes. */
		m = asker_message(&b, &target, i % 2 ? KAD_UPDATE : KAD_FIND, NULL, 2);
		asker_hears(&b, &target.id, &m);
		asker_mac(&b, &router, &m);
		asker_hears(&b, &target.id, &m);
		(void)ground_drain(b.n, 0);
	}
	assert_int_equal(b.n->contacts->verified, 1);
	for (struct contact *c = contact_after(b.n->contacts, NULL); c;
	     c = contact_after(b.n->contacts, c))
		assert_true(c->verified ? c->neighbour : !c->hops);
	assert_true(b.n->kad->rpcs >= 40);
	assert_in_range(b.n->counters[CTR_KAD_BAD_MAC], 40, 80);
	asker_pass(&b, 10 * NS_PER_S);
	assert_int_equal(b.n->contacts->verified, 1);
	asker_close(&b);
}

/* Asks this node, as who; returns its answer. */
static struct asker_sent asked_by(struct asker *b, const struct identity *who, uint8_t op,
                                  const uint8_t *token, bool mac)
{
	struct kad_msg m = asker_message(b, who, op, (const uint8_t *)"sixteen bytes...", 2);
	struct asker_sent s = {.next = 0};

	m.target = b->g.identity.id;
	if (op == KAD_EXQ)
		kad_have_begin(&m, 60);
	if (token) {
		m.flags |= KAD_FLAG_TOKEN;
		memcpy(m.token, token, sizeof(m.token));
	}
	if (mac)
		asker_says(b, who, &m);
	else
		asker_hears(b, &who->id, &m);
	if (op != KAD_UPDATE)
		assert_true(asker_sent(b, &s));
	return s;
}

/* Whoever brings the token back at once, with a MAC, is a contact; late, without MAC or from another place it is not. */
static void test_proof(void **state)
{
	for (unsigned how = 0; how < 5; how++) {
		struct asker b;
		struct identity who, other;
		struct asker_sent s;
		const struct contact *c;

		asker_open(&b, 11);
		assert_int_equal(identity_generate(&who, &b.g.rng), 0);
		assert_int_equal(identity_generate(&other, &b.g.rng), 0);
		b.hops = 4;
		s = asked_by(&b, &who, KAD_EXQ, NULL, false);
		assert_int_equal(s.m.op, KAD_EXR);
		assert_true(s.m.flags & KAD_FLAG_PROVE && s.m.flags & KAD_FLAG_TOKEN);
		asker_pass(&b, how == 1 ? 11 * NS_PER_S : 2 * NS_PER_S);
		(void)asked_by(&b, how == 3 ? &other : &who, KAD_UPDATE, s.m.token, how != 2);
		c = contact_find(b.n->contacts, how == 3 ? &other.id : &who.id);
		assert_int_equal(c && c->verified, how == 0 || how == 4);
		if (c && c->verified) {
			assert_int_equal(contact_distance(c), 4);
			s = asked_by(&b, &who, KAD_EXQ, s.m.token, true);
			assert_false(s.m.flags & KAD_FLAG_PROVE);
		}
		asker_close(&b);
	}
}

/* No answer is longer than the question, with its route, until a token has come back from the place that answers go to; then it is whole. */
static void test_short_until_token(void **state)
{
	struct asker b;
	struct identity who;
	struct asker_sent s;
	uint8_t token[KAD_TOKEN_BYTES];
	struct kad_msg m;
	uint8_t buf[CONTROL_PACKET_MAX];
	unsigned all;

	asker_open(&b, 12);
	assert_int_equal(identity_generate(&who, &b.g.rng), 0);
	for (unsigned i = 0; i < 12; i++)
		asker_contact(&b, 5 + i, true);
	for (uint8_t op = KAD_EXQ; op <= KAD_FIND; op += KAD_FIND - KAD_EXQ) {
		m = asker_message(&b, &who, op, NULL, 2);
		if (op == KAD_EXQ)
			kad_have_begin(&m, 60);
		s = asked_by(&b, &who, op, NULL, false);
		assert_true(s.m.op == op + 1 || s.m.op == KAD_RETRY);
		assert_true(s.len <= asker_write(&m, buf));
		assert_true(s.m.op == KAD_RETRY || s.m.flags & KAD_FLAG_MORE);
		memcpy(token, s.m.token, sizeof(token));
		s = asked_by(&b, &who, op, token, false);
		assert_int_equal(s.m.op, op + 1);
		assert_false(s.m.flags & KAD_FLAG_MORE);
		all = s.m.count;
		assert_true(all >= 8 - 1u);
		b.room = 4; /* a way too short for anything but a token */
		s = asked_by(&b, &who, op, NULL, false);
		assert_true(s.len <= asker_write(&m, buf));
		b.room = 16;
		/* From where it moved to, the token is no good; nor four minutes later. */
		m = asker_message(&b, &who, op, NULL, 3);
		m.flags |= KAD_FLAG_TOKEN;
		memcpy(m.token, token, sizeof(token));
		assert_true(coords_push(&m.self.place[0].coords, 9));
		assert_int_equal(token_age(b.n, &who.id, &m), -1);
		m = asker_message(&b, &who, op, NULL, 3);
		m.flags |= KAD_FLAG_TOKEN;
		memcpy(m.token, token, sizeof(token));
		assert_int_equal(token_age(b.n, &who.id, &m), 0);
		b.n->now.ns += 240 * NS_PER_S;
		assert_int_equal(token_age(b.n, &who.id, &m), -1);
	}
	assert_true(b.n->counters[CTR_KAD_SHORT] + b.n->counters[CTR_KAD_RETRY] >= 2);
	asker_close(&b);
}

/* Strangers' questions cost this node so many keys a second and no more: the rest is answered with a token alone. Those that come by way of
 * another neighbour have their share all the same, and who is known costs nothing. */
static void test_keys_have_a_rate(void **state)
{
	struct asker b;
	struct identity who, old;
	struct peer *flooded;
	struct peer *other = calloc(1, sizeof(*other));
	struct asker_sent s;
	uint64_t before;

	asker_open(&b, 13);
	assert_non_null(other);
	assert_int_equal(identity_generate(&old, &b.g.rng), 0);
	(void)asked_by(&b, &old, KAD_EXQ, NULL, false);
	for (unsigned i = 0; i < 700; i++) {
		assert_int_equal(identity_generate(&who, &b.g.rng), 0);
		s = asked_by(&b, &who, KAD_FIND, NULL, false);
		if (i % 20 == 0)
			(void)asked_by(&b, &b.next_door, KAD_FIND, NULL, false);
	}
	assert_int_equal(s.m.op, KAD_RETRY);
	assert_in_range(b.n->counters[CTR_KAD_DH], 450, 510);
	assert_true(b.n->counters[CTR_KAD_DH_RATE] >= 190);
	flooded = b.p;
	b.p = other;
	before = b.n->counters[CTR_KAD_DH];
	for (unsigned i = 0; i < 5; i++) {
		b.n->now.ns += 10 * NS_PER_MS;
		assert_int_equal(identity_generate(&who, &b.g.rng), 0);
		s = asked_by(&b, &who, KAD_EXQ, NULL, false);
	}
	assert_int_equal(b.n->counters[CTR_KAD_DH], before + 5);
	b.p = flooded;
	s = asked_by(&b, &b.next_door, KAD_EXQ, NULL, false);
	assert_int_equal(s.m.op, KAD_EXR);
	free(other);
	asker_close(&b);
}

/* What others claim moves no contact that has proved itself, whatever number the claim has; one that fails may be tried elsewhere. */
static void test_claims_move_nobody(void **state)
{
	struct asker b;
	struct contact *c;
	struct contact_info i;

	asker_open(&b, 14);
	c = asker_contact(&b, 5, true);
	i = asker_info(&b, &c->id, UINT64_MAX, 77);
	contact_learn(b.n->contacts, b.n->now, &i, 0);
	assert_int_equal(c->seq, 1);
	assert_false(coords_eq(&c->place[0].coords, &i.place[0].coords));
	c->fails = 1;
	contact_learn(b.n->contacts, b.n->now, &i, 0);
	assert_true(coords_eq(&c->place[0].coords, &i.place[0].coords));
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
			e.ref = kad_ref(s.m.nonce);
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
			m = asker_message(&b, &b.next_door, KAD_FOUND, s.m.nonce, 2);
			asker_says(&b, &b.next_door, &m);
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
	m = asker_message(&b, &b.next_door, KAD_EXQ, NULL, 2);
	m.nonce[3] = 55;
	m.flags = KAD_FLAG_TOKEN;
	token_make(b.n, &b.next_door.id, &m.self, m.token);
	kad_have_begin(&m, 1);
	kad_have_add(&m, &known->id, known->seq);
	asker_hears(&b, &b.next_door.id, &m);
	assert_true(asker_sent(&b, &s));
	assert_true(id_eq(&s.to, &b.next_door.id));
	assert_int_equal(s.m.op, KAD_EXR);
	assert_int_equal(kad_ref(s.m.nonce), 55);
	assert_true(names(&s.m, good) && names(&s.m, target));
	assert_false(names(&s.m, known) || names(&s.m, failing) || names(&s.m, hearsay));
	assert_int_equal(s.m.count, 2);
	m = asker_message(&b, &b.next_door, KAD_FIND, NULL, 2);
	m.nonce[3] = 56;
	m.flags = KAD_FLAG_TOKEN;
	token_make(b.n, &b.next_door.id, &m.self, m.token);
	m.target = target->id;
	asker_hears(&b, &b.next_door.id, &m);
	assert_true(asker_sent(&b, &s));
	assert_int_equal(s.m.op, KAD_FOUND);
	assert_int_equal(kad_ref(s.m.nonce), 56);
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
	m = asker_message(&b, &b.next_door, KAD_EXQ, NULL, 2);
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
	        cmocka_unit_test(test_whose_answer),
	        cmocka_unit_test(test_forged),
	        cmocka_unit_test(test_old_record),
	        cmocka_unit_test(test_no_answer),
	        cmocka_unit_test(test_no_way),
	        cmocka_unit_test(test_slots),
	        cmocka_unit_test(test_late),
	        cmocka_unit_test(test_told),
	        cmocka_unit_test(test_own_record),
	        cmocka_unit_test(test_updates_are_damped),
	        cmocka_unit_test(test_replayed_record),
	        cmocka_unit_test(test_proof),
	        cmocka_unit_test(test_short_until_token),
	        cmocka_unit_test(test_keys_have_a_rate),
	        cmocka_unit_test(test_claims_move_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
