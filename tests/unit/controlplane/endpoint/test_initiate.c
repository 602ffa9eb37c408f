/* SPDX-License-Identifier: BSD-3-Clause */
/* The side that asks: replies that cannot be used, a third message that is lost, keys that are too old. */
#include "pair.h"

#include "endpoint/answer.h"
#include "endpoint/initiate.h"
#include "endpoint/step.h"

#include <string.h>

#define TRIES 12

/* Both sides up to the moment in which the asker's worker is to learn the key; the answerer's session (XX: NULL). */
static struct session *replied(struct pair *p, uint64_t seed, bool ik, struct lsp **own_end)
{
	struct pair_envelope first;
	struct session *s;

	pair_open(p, seed, true);
	pair_first(p, ik, &first);
	assert_non_null(pair_offer(p, 7, &p->asks.g.identity.id, ik ? SETUP_FLAG_IK : 0, &first));
	s = pair_answering(p);
	ground_acknowledge(p->answers.n);
	(void)ground_drain(p->asks.n, 0);
	*own_end = pair_reply(p, 7, s);
	return s;
}

/* Whether the next packet that the asker's worker is told to send is a handshake message of this number. */
static bool says(struct pair *p, uint8_t number)
{
	struct cp_cmd c;

	return bed_command(&p->asks, CMD_SEND_SESSION, &c) &&
	       c.u.send_session.tunnel_type == TUNNEL_HANDSHAKE &&
	       c.u.send_session.number == number;
}

/* Nothing goes out under new keys before the worker can open what comes back. */
static void test_reply(void **state)
{
	for (unsigned ik = 0; ik < 2; ik++) {
		struct pair p;
		struct lsp *l;
		struct session *s = replied(&p, 1, ik, &l);
		struct cp_cmd c;

		assert_int_equal(p.own->state, SESSION_CONNECTING);
		assert_int_equal(ground_drain(p.asks.n, CMD_SEND_SESSION), 0);
		assert_true(p.own->known);
		assert_memory_equal(p.own->x_key, p.answers.g.identity.x_public, 32);
		ground_acknowledge(p.asks.n);
		assert_int_equal(p.own->state, SESSION_UP);
		assert_ptr_equal(p.own->path, l);
		assert_true(p.own->initiator);
		assert_false(p.own->confirmed);
		if (!ik)
			assert_true(says(&p, 3));
		assert_true(bed_command(&p.asks, CMD_SEND_SESSION, &c));
		assert_int_equal(c.u.send_session.tunnel_type, TUNNEL_OAM);
		answer_key_used(p.asks.n, p.own, p.own->phase);
		assert_true(p.own->confirmed);
		assert_int_equal(p.own->own.state, HS_NONE);
		assert_true(!s || s->state == SESSION_CLOSED);
		pair_close(&p);
	}
}

/* The same reply by a second tunnel, as all attempts carry one handshake: that tunnel goes, the first stays, also before it is in use. */
static void test_reply_again(void **state)
{
	for (unsigned later = 0; later < 2; later++) {
		struct pair p;
		struct lsp *l;
		struct session *s = replied(&p, 2, false, &l);

		if (later)
			ground_acknowledge(p.asks.n);
		(void)pair_reply(&p, 8, s);
		assert_null(lsp_find(p.asks.n, 8, &p.asks.g.identity.id));
		assert_int_equal(p.asks.n->counters[CTR_SESSION_HS_STALE], 1);
		assert_int_equal(p.own->own.state, HS_DONE);
		ground_acknowledge(p.asks.n);
		assert_ptr_equal(p.own->path, l);
		assert_int_equal(p.own->state, SESSION_UP);
		assert_int_equal(p.own->rekeys, 0);
		pair_close(&p);
	}
}

enum wrong { WRONG_BYTE, WRONG_PATTERN, WRONG_EMPTY, WRONG_PHASE, WRONG_ID, WRONGS };

/* The answerer's answer to the asker's first message, under a phase. */
static void answer(struct pair *p, struct session *s, uint8_t phase)
{
	struct hs_payload payload;

	assert_int_equal(handshake_init(p->answers.n, s, &s->answer, false, false), 0);
	assert_int_equal(handshake_read(p->answers.n, s, &s->answer, p->own->own.msg,
	                                p->own->own.msg_len, false, &payload),
	                 0);
	s->answer.phase = phase;
	assert_int_equal(handshake_write(p->answers.n, &s->answer, false), 0);
}

/* A reply that cannot be used: its tunnel goes and no key is made. If the other side cannot have written it, the handshake goes on: the true
 * reply by another tunnel completes it. */
static void test_reply_unusable(void **state)
{
	for (enum wrong wrong = 0; wrong < WRONGS; wrong++) {
		struct pair_envelope first, e;
		struct reply_msg m = {.envelope = e.data};
		const struct identity *true_one;
		struct identity other;
		struct session *s;
		struct lsp *l;
		struct pair p;

		pair_open(&p, 3, true);
		pair_first(&p, false, &first);
		s = session_get(p.answers.n, &p.asks.g.identity.id);
		true_one = p.answers.n->cfg.identity;
		if (wrong == WRONG_ID) {
			/* Whoever answers has the id, but not its key. */
			assert_int_equal(identity_generate(&other, &p.answers.g.rng), 0);
			other.id = p.answers.g.identity.id;
			p.answers.n->cfg.identity = &other;
		}
		answer(&p, s, wrong == WRONG_PHASE ? 1 : 0);
		e.len = handshake_envelope(&s->remote, &s->answer, false, e.data);
		m.envelope_len = wrong == WRONG_EMPTY ? 0 : (uint16_t)e.len;
		if (wrong == WRONG_BYTE)
			e.data[60] ^= 1;
		if (wrong == WRONG_PATTERN)
			m.flags = SETUP_FLAG_IK;
		l = bed_tunnel(&p.asks, p.own, 7, LSP_INGRESS);
		(void)ground_drain(p.asks.n, 0);
		initiate_reply(p.asks.n, p.own, l, &m);
		assert_null(lsp_find(p.asks.n, 7, &p.asks.g.identity.id));
		assert_int_equal(p.own->own.state, wrong == WRONG_PHASE ? HS_NONE : HS_OPEN);
		ground_acknowledge(p.asks.n);
		assert_int_equal(p.own->state, SESSION_CONNECTING);
		assert_int_equal(p.own->known, wrong == WRONG_PHASE);
		assert_int_equal(ground_drain(p.asks.n, CMD_SESSION_RX_KEY), 0);
		if (wrong != WRONG_PHASE) {
			/* Nothing else is under way: the next attempt does not wait. */
			assert_true(instant_sub(p.own->timer.at, p.asks.n->now) <= NS_PER_MS);
			p.answers.n->cfg.identity = true_one;
			answer(&p, s, 0);
			(void)pair_reply(&p, 8, s);
			ground_acknowledge(p.asks.n);
			assert_int_equal(p.own->state, SESSION_UP);
		}
		pair_close(&p);
	}
}

/* The third message is lost: it is said again every time, until the other side is seen to use the keys or the last try is over. */
static void test_third_lost(void **state)
{
	for (unsigned used = 0; used < 2; used++) {
		struct pair p;
		struct lsp *l;
		unsigned said = 0;

		(void)replied(&p, 4, false, &l);
		ground_acknowledge(p.asks.n);
		p.own->in_use = used;
		assert_true(says(&p, 3));
		while (session_ready(p.own)) {
			assert_true(timer_armed(&p.own->timer));
			assert_int_equal(instant_sub(p.own->timer.at, p.asks.n->now) <=
			                         250 * NS_PER_MS,
			                 true);
			p.asks.n->now.ns += 250 * NS_PER_MS;
			(void)ground_drain(p.asks.n, 0);
			step(p.asks.n, p.own);
			said += says(&p, 3);
			assert_true(said <= TRIES);
		}
		assert_int_equal(said, TRIES);
		/* Where connections wait, keys are made anew; else the session is over. */
		assert_int_equal(p.own->state, used ? SESSION_CONNECTING : SESSION_CLOSED);
		assert_int_equal(p.own->own.state, HS_NONE);
		assert_null(p.own->path);
		pair_close(&p);
	}
}

/* A session that is up with keys of this age. */
static struct session *standing(struct pair *p, uint64_t seed, int64_t age)
{
	struct session *s;

	pair_open(p, seed, true);
	s = p->own;
	pair_known(p);
	session_enter(s, SESSION_REPAIRING);
	s->path = bed_tunnel(&p->asks, s, 7, LSP_INGRESS);
	session_enter(s, SESSION_UP);
	s->in_worker = true;
	p->asks.n->now.ns = 1000 * NS_PER_S;
	s->key_at.ns = p->asks.n->now.ns - age;
	return s;
}

/* New keys inside the tunnel: a whole rekey between the two, and nothing of the old keys goes before the new ones are in use. */
static void test_rekey(void **state)
{
	struct session *s, *t;
	uint64_t stale;
	struct pair p;

	s = standing(&p, 5, 120 * NS_PER_S);
	s->confirmed = true;
	t = session_get(p.answers.n, &p.asks.g.identity.id);
	session_enter(t, SESSION_PATHLESS);
	initiate_rekey(p.asks.n, s);
	assert_true(says(&p, 1));
	assert_true(timer_armed(&s->rekey_timer));
	pair_rekey(&p, t, s->own.msg, s->own.msg_len);
	assert_int_equal(t->answer.phase, 2);
	/* Somebody on the way sends something else as the second message, or a part of it: the true one is read all the same. */
	for (size_t cut = 0; cut < t->answer.msg_len; cut++)
		initiate_rx_second(p.asks.n, s, t->answer.msg, cut);
	t->answer.msg[40] ^= 1;
	initiate_rx_second(p.asks.n, s, t->answer.msg, t->answer.msg_len);
	t->answer.msg[40] ^= 1;
	stale = t->answer.msg_len + 1;
	assert_int_equal(p.asks.n->counters[CTR_SESSION_HS_STALE], stale);
	assert_int_equal(s->phase, 0);
	initiate_rx_second(p.asks.n, s, t->answer.msg, t->answer.msg_len);
	assert_int_equal(s->own.state, HS_DONE);
	assert_int_equal(s->phase, 0);
	ground_acknowledge(p.asks.n);
	assert_int_equal(s->phase, 2);
	assert_int_equal(s->rekeys, 1);
	assert_int_equal(s->old_phase, 0);
	/* The old key may be needed until the other side has the new one: as long as it may be used at all. */
	assert_int_equal(instant_sub(s->old_timer.at, p.asks.n->now),
	                 p.asks.n->cfg.key_reject_ns - 120 * NS_PER_S);
	initiate_rx_second(p.asks.n, s, t->answer.msg, t->answer.msg_len);
	assert_int_equal(p.asks.n->counters[CTR_SESSION_HS_STALE], stale + 1);
	answer_key_used(p.asks.n, s, 2);
	assert_int_equal(instant_sub(s->old_timer.at, p.asks.n->now), p.asks.n->cfg.key_overlap_ns);
	answer_key_used(p.answers.n, t, 2);
	assert_int_equal(t->phase, 2);
	pair_close(&p);
}

/* The second message names the phase in use, or one of the other side's: its keys would replace keys that are needed. */
static void test_second_of_wrong_phase(void **state)
{
	for (uint8_t phase = 0; phase < 4; phase++) {
		struct hs_payload payload;
		struct session *s, *t;
		struct session_hs *hs;
		struct pair p;

		s = standing(&p, 6, 120 * NS_PER_S);
		t = session_get(p.answers.n, &p.asks.g.identity.id);
		initiate_rekey(p.asks.n, s);
		hs = &t->answer;
		assert_int_equal(handshake_init(p.answers.n, t, hs, false, true), 0);
		assert_int_equal(handshake_read(p.answers.n, t, hs, s->own.msg, s->own.msg_len,
		                                true, &payload),
		                 0);
		hs->phase = phase;
		assert_int_equal(handshake_write(p.answers.n, hs, false), 0);
		(void)ground_drain(p.asks.n, 0);
		initiate_rx_second(p.asks.n, s, hs->msg, hs->msg_len);
		assert_int_equal(ground_drain(p.asks.n, CMD_SESSION_RX_KEY), phase == 2);
		assert_int_equal(s->own.state, phase == 2 ? HS_DONE : HS_NONE);
		pair_close(&p);
	}
}

/* Nobody confirmed the new keys: the session goes on under them, unlike one that has never had any others. */
static void test_rekey_unconfirmed(void **state)
{
	struct session *s;
	struct pair p;

	s = standing(&p, 7, 120 * NS_PER_S);
	s->own.state = HS_DONE;
	s->own.ik = s->own.renews = true;
	for (unsigned i = 0; i <= TRIES; i++) {
		assert_int_equal(s->own.state, HS_DONE);
		/* While the last one waits to be confirmed, no other begins. */
		initiate_rekey(p.asks.n, s);
		assert_int_equal(s->own.state, HS_DONE);
		initiate_again(p.asks.n, s);
	}
	assert_int_equal(s->own.state, HS_NONE);
	assert_int_equal(s->state, SESSION_UP);
	assert_false(says(&p, 3));
	pair_close(&p);
}

/* Keys that could not be renewed are not used a moment longer than they may be. */
static void test_keys_too_old(void **state)
{
	for (unsigned used = 0; used < 2; used++) {
		struct session *s;
		struct cp_cmd c;
		struct pair p;

		s = standing(&p, 8, 180 * NS_PER_S - 1);
		s->in_use = used;
		initiate_rekey(p.asks.n, s);
		assert_int_equal(s->state, SESSION_UP);
		p.asks.n->now.ns += NS_PER_S;
		initiate_rekey(p.asks.n, s);
		assert_int_equal(s->state, used ? SESSION_CONNECTING : SESSION_CLOSED);
		assert_true(bed_command(&p.asks, CMD_SESSION_DEL, &c));
		assert_int_equal(c.u.session.session, s->index);
		/* The timer of a session without keys does nothing. */
		initiate_rekey(p.asks.n, s);
		assert_false(timer_armed(&s->rekey_timer));
		pair_close(&p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_reply),
	        cmocka_unit_test(test_reply_again),
	        cmocka_unit_test(test_reply_unusable),
	        cmocka_unit_test(test_third_lost),
	        cmocka_unit_test(test_rekey),
	        cmocka_unit_test(test_second_of_wrong_phase),
	        cmocka_unit_test(test_rekey_unconfirmed),
	        cmocka_unit_test(test_keys_too_old),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
