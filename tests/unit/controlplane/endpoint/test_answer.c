/* SPDX-License-Identifier: BSD-3-Clause */
/* The side that answers: nothing before its time, nobody in another's name, no message twice, and one winner of two that cross. */
#include "pair.h"

#include "endpoint/answer.h"
#include "endpoint/input.h"

#include <string.h>

/* XX: the set-up is answered at once, and nothing is kept but the tunnel; there are no keys until the third message has shown that the other
 * side holds them and the worker has ours. */
static void test_three_messages(void **state)
{
	struct pair_envelope first;
	struct session *s;
	struct cp_cmd c, tx;
	struct pair p;
	struct lsp *l;

	pair_open(&p, 1, true);
	pair_first(&p, false, &first);
	l = pair_offer(&p, 7, &p.asks.g.identity.id, 0, &first);
	assert_non_null(l);
	assert_null(pair_answering(&p));
	assert_int_equal(l->state, LSP_PROGRAM);
	assert_true(bed_command(&p.answers, CMD_ILM_SET, &c));
	assert_int_equal(c.u.ilm.op, ILM_SESSION);
	assert_int_equal(c.u.ilm.session, CP_SESSION_NONE);
	ground_acknowledge(p.answers.n);
	assert_int_equal(l->state, LSP_UP);
	assert_int_equal(ground_drain(p.answers.n, CMD_SESSION_SET), 0);

	(void)pair_reply(&p, 7, NULL);
	pair_third(&p, l->fwd_in, p.own->own.msg, p.own->own.msg_len);
	s = pair_answering(&p);
	assert_non_null(s);
	assert_ptr_equal(session_owner(p.answers.n, l), s);
	assert_null(l->unproven);
	assert_int_equal(s->answer.state, HS_DONE);
	assert_int_equal(s->state, SESSION_CLOSED);
	/* The label leads to the session, the session is told of the label, and then comes the key. */
	assert_true(bed_command(&p.answers, CMD_ILM_SET, &c));
	assert_int_equal(c.u.ilm.session, s->index);
	assert_int_equal(c.u.ilm.in_label, l->fwd_in);
	assert_true(bed_command(&p.answers, CMD_SESSION_SET, &c));
	assert_int_equal(c.u.session.in_label, l->fwd_in);
	assert_int_equal(c.u.session.in_link, l->up->link);
	assert_true(bed_command(&p.answers, CMD_SESSION_RX_KEY, &c));
	ground_acknowledge(p.answers.n);
	assert_int_equal(s->state, SESSION_UP);
	assert_true(s->confirmed);
	assert_false(s->initiator);
	assert_ptr_equal(s->path, l);
	assert_int_equal(bed_heard.ready, 1);
	assert_int_equal(s->answer.state, HS_NONE);
	assert_int_equal(p.answers.n->sessions->provisional, 0);

	/* Both sides have the same key for this direction, under the same phase. */
	(void)ground_drain(p.asks.n, 0);
	ground_acknowledge(p.asks.n);
	assert_true(bed_command(&p.asks, CMD_SESSION_TX_KEY, &tx));
	assert_memory_equal(tx.u.key.key, c.u.key.key, sizeof(c.u.key.key));
	assert_int_equal(tx.u.key.index, c.u.key.index);
	assert_int_equal(p.own->state, SESSION_UP);

	/* The third message once more, as the asker repeats it and as anybody on the way may. */
	(void)ground_drain(p.answers.n, 0);
	pair_third(&p, l->fwd_in, p.own->own.msg, p.own->own.msg_len);
	assert_int_equal(p.answers.n->counters[CTR_SESSION_HS_STALE], 1);
	ground_acknowledge(p.answers.n);
	assert_ptr_equal(s->path, l);
	assert_int_equal(s->rekeys, 0);
	assert_int_equal(ground_drain(p.answers.n, CMD_SESSION_RX_KEY), 0);
	pair_close(&p);
}

/* Somebody on the way sends something else as the third message, or a part of it: the true one is read all the same. */
static void test_third_forged(void **state)
{
	struct pair_envelope first;
	uint8_t forged[NOISE_MESSAGE_MAX] = {0};
	struct lsp *l;
	size_t len;
	struct pair p;

	pair_open(&p, 9, false);
	pair_first(&p, false, &first);
	l = pair_offer(&p, 7, &p.asks.g.identity.id, 0, &first);
	ground_acknowledge(p.answers.n);
	(void)pair_reply(&p, 7, NULL);
	len = p.own->own.msg_len;
	for (size_t cut = 0; cut < len; cut++)
		pair_third(&p, l->fwd_in, p.own->own.msg, cut);
	for (size_t at = 0; at < len; at++) {
		memcpy(forged, p.own->own.msg, len);
		forged[at] ^= 1;
		pair_third(&p, l->fwd_in, forged, len);
	}
	ground_acknowledge(p.answers.n);
	assert_null(pair_answering(&p));
	pair_third(&p, l->fwd_in, p.own->own.msg, len);
	ground_acknowledge(p.answers.n);
	assert_int_equal(pair_answering(&p)->state, SESSION_UP);
	assert_ptr_equal(pair_answering(&p)->path, l);
	pair_close(&p);
}

/* The same first message by two tunnels: each has an answer of its own, and the tunnel that the third one comes by is the one in use. A
 * third message belongs to its tunnel and to no other, and to no later one in which all else is the same. */
static void test_two_tunnels(void **state)
{
	for (unsigned way = 0; way < 3; way++) {
		struct pair_envelope first, said;
		struct lsp *l[2], *again;
		struct session *s;
		struct pair p;

		pair_open(&p, 2, false);
		pair_first(&p, false, &first);
		l[0] = pair_offer(&p, 7, &p.asks.g.identity.id, 0, &first);
		said = p.said;
		l[1] = pair_offer(&p, 8, &p.asks.g.identity.id, 0, &first);
		assert_non_null(l[1]);
		assert_memory_not_equal(said.data, p.said.data, said.len);
		ground_acknowledge(p.answers.n);
		assert_int_equal(l[1]->state, LSP_UP);
		(void)pair_reply(&p, 8, NULL);
		if (way == 0) {
			pair_third(&p, l[0]->fwd_in, p.own->own.msg, p.own->own.msg_len);
			assert_null(pair_answering(&p));
		}
		if (way == 2) {
			lsp_destroy(p.answers.n, l[1]);
			again = pair_offer(&p, 8, &p.asks.g.identity.id, 0, &first);
			ground_acknowledge(p.answers.n);
			pair_third(&p, again->fwd_in, p.own->own.msg, p.own->own.msg_len);
			ground_acknowledge(p.answers.n);
			assert_null(pair_answering(&p));
			pair_close(&p);
			continue;
		}
		pair_third(&p, l[1]->fwd_in, p.own->own.msg, p.own->own.msg_len);
		ground_acknowledge(p.answers.n);
		s = pair_answering(&p);
		assert_ptr_equal(s->path, l[1]);
		pair_close(&p);
	}
}

/* Hundreds of set-ups in the name of somebody who has a session here: it is as it was, and none of them is a session. */
static void test_claims_change_nothing(void **state)
{
	struct pair_envelope first;
	struct session before;
	struct session *s;
	struct pair p;

	pair_open(&p, 11, true);
	s = session_get(p.answers.n, &p.asks.g.identity.id);
	session_enter(s, SESSION_PATHLESS);
	before = *s;
	for (uint64_t i = 0; i < 250; i++) {
		struct node_id any;

		pair_first(&p, false, &first);
		assert_non_null(pair_offer(&p, 1 + i, &p.asks.g.identity.id, 0, &first));
		rng_fill(&p.answers.g.rng, any.b, ID_BYTES);
		assert_non_null(pair_offer(&p, 1 + i, &any, 0, &first));
		ground_acknowledge(p.answers.n);
		(void)ground_drain(p.answers.n, 0);
		p.answers.n->now.ns += 10 * NS_PER_MS;
	}
	before.timer = s->timer; /* its place in the heap */
	assert_memory_equal(&before, s, sizeof(before));
	assert_int_equal(p.answers.n->sessions->count, 1);
	assert_int_equal(p.answers.n->sessions->unproven.count, 500);
	assert_true(SESSION_HALF_OPEN > 3 * NS_PER_S);
	ground_pass(p.answers.n, SESSION_HALF_OPEN, PART_SESSION, session_timer);
	assert_int_equal(p.answers.n->sessions->unproven.count, 0);
	pair_close(&p);
}

/* IK: the other side could send as soon as it is answered, so that the answer waits for the worker; the keys count from its first packet
 * on, not from the answer. */
static void test_two_messages(void **state)
{
	struct pair_envelope first;
	struct session *s;
	struct lsp *l;
	struct pair p;

	pair_open(&p, 3, true);
	pair_first(&p, true, &first);
	l = pair_offer(&p, 7, &p.asks.g.identity.id, SETUP_FLAG_IK, &first);
	s = pair_answering(&p);
	assert_non_null(l);
	assert_int_equal(l->state, LSP_PENDING);
	/* Meanwhile the same by another tunnel: not now. */
	assert_null(pair_offer(&p, 8, &p.asks.g.identity.id, SETUP_FLAG_IK, &first));
	assert_int_equal(ground_drain(p.answers.n, CMD_SESSION_RX_KEY), 1);
	/* Somebody else in the asker's name, whose message cannot be read. */
	p.own->own.msg[0] ^= 1;
	first.len = handshake_envelope(&p.own->remote, &p.own->own, true, first.data);
	assert_null(pair_offer(&p, 9, &p.asks.g.identity.id, SETUP_FLAG_IK, &first));
	assert_int_equal(p.answers.n->counters[CTR_SESSION_HS_FAILED], 1);
	ground_acknowledge(p.answers.n);
	assert_int_equal(l->state, LSP_PROGRAM);
	ground_acknowledge(p.answers.n);
	assert_int_equal(l->state, LSP_UP);
	assert_int_equal(s->state, SESSION_CLOSED);
	/* A packet under another phase shows nothing. */
	answer_key_used(p.answers.n, s, s->answer.phase ^ 2);
	assert_int_equal(s->state, SESSION_CLOSED);
	answer_key_used(p.answers.n, s, s->answer.phase);
	assert_int_equal(s->state, SESSION_UP);
	assert_true(s->confirmed);
	assert_ptr_equal(s->path, l);
	/* Reported again, as each worker may: nothing more. */
	answer_key_used(p.answers.n, s, s->phase);
	assert_int_equal(s->rekeys, 0);
	assert_int_equal(bed_heard.ready, 1);
	pair_close(&p);
}

/* What cannot be believed is refused, leaves no key and, where it does not even name this node, no session. */
static void test_refused(void **state)
{
	struct pair_envelope first, bad;
	const struct node_id *asker;
	struct node_id stranger;
	struct node *n;
	struct pair p;

	pair_open(&p, 4, true);
	n = p.answers.n;
	asker = &p.asks.g.identity.id;
	pair_first(&p, true, &first);
	bad = first;
	bad.data[bad.len - HS_MACS_BYTES] ^= 1;
	assert_null(pair_offer(&p, 1, asker, SETUP_FLAG_IK, &bad));
	bad = first;
	bad.data[bad.len - HS_MACS_BYTES - 1] ^= 1; /* the padding is under the mac, too */
	assert_null(pair_offer(&p, 2, asker, SETUP_FLAG_IK, &bad));
	for (bad.len = 0; bad.len < first.len; bad.len++)
		assert_null(pair_offer(&p, 3, asker, SETUP_FLAG_IK, &bad));
	assert_int_equal(n->counters[CTR_SESSION_HS_FAILED], 2 + first.len);
	assert_int_equal(pair_answering(&p)->answer.state, HS_NONE);

	/* A message shorter than an ephemeral key, with a mac that is right. */
	p.own->own.msg_len = 31;
	bad.len = handshake_envelope(&p.own->remote, &p.own->own, true, bad.data);
	assert_null(pair_offer(&p, 4, asker, SETUP_FLAG_IK, &bad));
	/* A repair without keys. */
	bad.len = 0;
	assert_null(pair_offer(&p, 5, asker, SETUP_FLAG_REPAIR, &bad));
	/* The message of one id in the name of another. */
	rng_fill(&p.answers.g.rng, stranger.b, ID_BYTES);
	assert_null(pair_offer(&p, 6, &stranger, SETUP_FLAG_IK, &first));
	assert_null(session_find(n, &stranger));
	/* IK's message as XX's is answered, but never leads to keys; XX's as IK's is refused. */
	pair_first(&p, false, &first);
	assert_null(pair_offer(&p, 7, asker, SETUP_FLAG_IK, &first));
	/* More than may be answered. */
	while (fair_take(&n->sessions->hs_rate, &peer_by_link(n, 1)->hs_share, n->now))
		;
	assert_null(pair_offer(&p, 8, asker, 0, &first));
	assert_int_equal(n->counters[CTR_SESSION_HS_RATE], 1);
	assert_int_equal(ground_drain(n, CMD_SESSION_RX_KEY), 0);
	n->now.ns += NS_PER_S;
	assert_non_null(pair_offer(&p, 9, asker, 0, &first));
	pair_close(&p);
}

/* Somebody leads a whole XX handshake in the name of an id whose key it does not have: it fails where it must prove it. */
static void test_impostor(void **state)
{
	struct pair_envelope first;
	struct identity liar;
	struct lsp *l;
	struct pair p;

	pair_open(&p, 5, true);
	assert_int_equal(identity_generate(&liar, &p.asks.g.rng), 0);
	liar.id = p.asks.g.identity.id;
	p.asks.n->cfg.identity = &liar;
	pair_first(&p, false, &first);
	l = pair_offer(&p, 7, &liar.id, 0, &first);
	assert_non_null(l);
	ground_acknowledge(p.answers.n);
	(void)pair_reply(&p, 7, NULL);
	assert_int_equal(p.own->own.state, HS_DONE);
	pair_third(&p, l->fwd_in, p.own->own.msg, p.own->own.msg_len);
	assert_int_equal(p.answers.n->counters[CTR_SESSION_HS_FAILED], 1);
	ground_acknowledge(p.answers.n);
	assert_null(pair_answering(&p));
	assert_int_equal(ground_drain(p.answers.n, CMD_SESSION_RX_KEY), 0);
	pair_close(&p);
}

/* A finished handshake of the other side, of the phase that such a one has. */
static void answered(struct node *n, struct session *s)
{
	s->answer.phase = handshake_phase_next(n, &s->remote, s);
	s->answer.state = HS_DONE;
	s->answer.ik = true;
	s->answer.alg = 1;
}

/* Two handshakes cross and both are finished: the lower id's keys are the session's on both sides, and what the other side has sent under
 * its own can still be opened for a while. */
static void test_crossing(void **state)
{
	for (unsigned lower = 0; lower < 2; lower++) {
		uint8_t ours, theirs;
		struct session *s;
		struct lsp *l;
		struct bed b;

		bed_open(&b, 6);
		s = bed_session(&b, lower, SESSION_PATHLESS);
		l = bed_tunnel(&b, s, 3, LSP_INGRESS);
		s->path = l;
		session_enter(s, SESSION_UP);
		ours = s->phase = lower ? 0 : 1;
		s->own.state = HS_DONE;
		s->own.ik = true;
		s->own.phase = ours;
		answered(b.n, s);
		theirs = s->answer.phase;
		assert_int_not_equal(theirs & 1, ours & 1);
		answer_key_used(b.n, s, theirs);
		assert_int_equal(s->answer.state, HS_NONE);
		assert_int_equal(s->phase, lower ? ours : theirs);
		assert_int_equal(s->old_phase, lower ? theirs : ours);
		assert_int_equal(s->confirmed, !lower);
		assert_int_equal(s->own.state, lower ? HS_DONE : HS_NONE);
		assert_ptr_equal(s->path, l);
		if (lower) {
			/* Now the other side uses ours. */
			answer_key_used(b.n, s, ours);
			assert_true(s->confirmed);
			assert_int_equal(s->own.state, HS_NONE);
		}
		bed_close(&b);
	}
}

/* Ours is confirmed while the other side's is still open: the lower id's counts, so that the other's, if it is finished later, does not. */
static void test_confirmed_first(void **state)
{
	struct session *s;
	struct bed b;

	bed_open(&b, 7);
	s = bed_session(&b, true, SESSION_PATHLESS);
	s->own.state = HS_DONE;
	s->own.ik = true;
	answered(b.n, s);
	answer_key_used(b.n, s, s->phase);
	assert_true(s->confirmed);
	assert_true(s->answer.obsolete);
	answer_key_used(b.n, s, s->answer.phase);
	assert_int_equal(s->phase, 0);
	assert_int_equal(s->answer.state, HS_NONE);
	bed_close(&b);
}

/* Rekeys that cross: the one begun by the lower id goes on, and the standing keys stay whatever comes. */
static void test_rekey(void **state)
{
	for (unsigned lower = 0; lower < 2; lower++) {
		uint8_t junk[200] = {1};
		struct session *s;
		struct pair p;

		pair_open(&p, 8, !lower);
		s = session_get(p.answers.n, &p.asks.g.identity.id);
		pair_known(&p);
		s->known = true;
		memcpy(s->x_key, p.asks.g.identity.x_public, 32);
		assert_int_equal(handshake_begin(p.asks.n, p.own, true), 0);
		/* Without keys there is nothing to renew. */
		pair_rekey(&p, s, p.own->own.msg, p.own->own.msg_len);
		assert_int_equal(s->answer.state, HS_NONE);
		session_enter(s, SESSION_PATHLESS);
		pair_rekey(&p, s, junk, sizeof(junk));
		assert_int_equal(s->answer.state, HS_NONE);
		assert_int_equal(handshake_begin(p.answers.n, s, true), 0);
		pair_rekey(&p, s, p.own->own.msg, p.own->own.msg_len);
		assert_int_equal(s->answer.state, lower ? HS_NONE : HS_DONE);
		assert_int_equal(ground_drain(p.answers.n, CMD_SESSION_RX_KEY), !lower);
		ground_acknowledge(p.answers.n);
		assert_int_equal(ground_drain(p.answers.n, CMD_SEND_SESSION), !lower);
		assert_int_equal(s->phase, 0);
		assert_int_equal(s->rekeys, 0);
		pair_close(&p);
	}
}

/* The first message of a rekey comes twice: the asker has perhaps taken the first answer and sends under its key, so that the answer is
 * said again and the key in the worker stays. Another first message is another handshake, since the asker begins anew after a second. */
static void test_rekey_twice(void **state)
{
	uint8_t said[NOISE_MESSAGE_MAX] = {0};
	struct session *s;
	struct pair p;

	pair_open(&p, 10, true);
	s = session_get(p.answers.n, &p.asks.g.identity.id);
	session_enter(s, SESSION_PATHLESS);
	s->in_worker = true;
	pair_known(&p);
	assert_int_equal(handshake_begin(p.asks.n, p.own, true), 0);
	pair_rekey(&p, s, p.own->own.msg, p.own->own.msg_len);
	memcpy(said, s->answer.msg, s->answer.msg_len);
	/* While the worker learns the key, nothing is said. */
	pair_rekey(&p, s, p.own->own.msg, p.own->own.msg_len);
	assert_int_equal(ground_drain(p.answers.n, CMD_SEND_SESSION), 0);
	ground_acknowledge(p.answers.n);
	assert_int_equal(ground_drain(p.answers.n, CMD_SEND_SESSION), 1);
	pair_rekey(&p, s, p.own->own.msg, p.own->own.msg_len);
	assert_memory_equal(s->answer.msg, said, s->answer.msg_len);
	assert_int_equal(ground_drain(p.answers.n, CMD_SEND_SESSION), 1);
	pair_rekey(&p, s, p.own->own.msg, p.own->own.msg_len);
	ground_acknowledge(p.answers.n);
	assert_int_equal(ground_drain(p.answers.n, CMD_SESSION_RX_KEY), 0);
	/* One that cannot be read leaves the answer as it is. */
	pair_rekey(&p, s, said, sizeof(said));
	assert_memory_equal(s->answer.msg, said, s->answer.msg_len);
	assert_int_equal(s->answer.state, HS_DONE);
	assert_int_equal(handshake_begin(p.asks.n, p.own, true), 0);
	pair_rekey(&p, s, p.own->own.msg, p.own->own.msg_len);
	assert_int_equal(ground_drain(p.answers.n, CMD_SESSION_RX_KEY), 1);
	answer_key_used(p.answers.n, s, s->answer.phase);
	assert_int_equal(s->phase, 2);
	pair_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_three_messages),
	        cmocka_unit_test(test_two_tunnels),
	        cmocka_unit_test(test_two_messages),
	        cmocka_unit_test(test_refused),
	        cmocka_unit_test(test_impostor),
	        cmocka_unit_test(test_crossing),
	        cmocka_unit_test(test_confirmed_first),
	        cmocka_unit_test(test_rekey),
	        cmocka_unit_test(test_rekey_twice),
	        cmocka_unit_test(test_third_forged),
	        cmocka_unit_test(test_claims_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
