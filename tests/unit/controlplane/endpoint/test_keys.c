/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys in the worker over a rekey: phases, the overlap, what is removed and what must not be. */
#include "bed.h"

#include "endpoint/handshake.h"
#include "endpoint/keys.h"

/* A finished handshake of this phase. */
static struct session_hs *finished(struct session *s, uint8_t phase)
{
	s->own.state = HS_DONE;
	s->own.phase = phase;
	s->own.alg = 1;
	return &s->own;
}

/* Handshakes of the two sides never share a phase, and a new one never has the phase in use. */
static void test_phases(void **state)
{
	for (unsigned lower = 0; lower < 2; lower++) {
		struct session *s;
		struct bed b;

		bed_open(&b, 1);
		s = bed_session(&b, lower, SESSION_PATHLESS);
		for (uint8_t phase = 0; phase < 4; phase++) {
			uint8_t next;

			s->phase = phase;
			next = handshake_phase_next(b.n, &s->remote, s);
			assert_true(next < 4);
			assert_int_not_equal(next, phase);
			/* What we answer with is for a handshake that the other side has begun. */
			assert_false(handshake_phase_fits(b.n, s, next));
			assert_int_equal(handshake_phase_fits(b.n, s, phase),
			                 (phase % 2 == 0) == lower);
		}
		bed_close(&b);
	}
}

/* The first keys need no overlap; the next ones keep the receiving key before them for a while. */
static void test_adopt(void **state)
{
	struct session *s;
	struct cp_cmd c;
	struct bed b;

	bed_open(&b, 2);
	s = bed_session(&b, true, SESSION_CONNECTING);
	keys_adopt(b.n, s, finished(s, 0));
	assert_int_equal(s->state, SESSION_REPAIRING);
	assert_int_equal(s->old_phase, SESSION_NO_PHASE);
	assert_int_equal(s->rekeys, 0);
	assert_true(bed_command(&b, CMD_SESSION_TX_KEY, &c));
	assert_int_equal(c.u.key.index, 0);
	keys_adopt(b.n, s, finished(s, 2));
	assert_int_equal(s->phase, 2);
	assert_int_equal(s->old_phase, 0);
	assert_int_equal(s->rekeys, 1);
	assert_int_equal(instant_sub(s->old_timer.at, b.n->now), b.n->cfg.key_overlap_ns);
	keys_retire_in(b.n, s, NS_PER_S);
	assert_int_equal(instant_sub(s->old_timer.at, b.n->now), NS_PER_S);
	keys_retired(b.n, s);
	assert_true(bed_command(&b, CMD_SESSION_RX_DEL, &c));
	assert_int_equal(c.u.key.index, 0);
	assert_false(timer_armed(&s->old_timer));
	/* There is none any more. */
	keys_retired(b.n, s);
	keys_retire_in(b.n, s, NS_PER_S);
	assert_false(timer_armed(&s->old_timer));
	assert_int_equal(ground_drain(b.n, CMD_SESSION_RX_DEL), 0);
	bed_close(&b);
}

/* At most one old key stays: an older one goes at once. */
static void test_one_old_key(void **state)
{
	struct session *s;
	struct cp_cmd c;
	struct bed b;

	bed_open(&b, 3);
	s = bed_session(&b, true, SESSION_PATHLESS);
	keys_retire(b.n, s, 1);
	keys_retire(b.n, s, 1);
	assert_int_equal(ground_drain(b.n, CMD_SESSION_RX_DEL), 0);
	keys_retire(b.n, s, 3);
	assert_true(bed_command(&b, CMD_SESSION_RX_DEL, &c));
	assert_int_equal(c.u.key.index, 1);
	assert_int_equal(s->old_phase, 3);
	bed_close(&b);
}

static void then_count(struct node *n, void *session)
{
	struct session *s = session;

	s->rebuilds++;
}

/* The receiving key first, and nothing goes on before the worker has it. A key programmed under the phase of the old one takes its
 * place: the end of the overlap must not remove it. */
static void test_program(void **state)
{
	struct session *s;
	struct cp_cmd c;
	struct bed b;

	bed_open(&b, 4);
	s = bed_session(&b, true, SESSION_PATHLESS);
	assert_int_equal(handshake_init(b.n, s, &s->own, true, false), 0);
	s->own.noise.message = 3; /* as if all of XX had been said */
	s->own.phase = 2;
	s->own.alg = 1;
	keys_retire(b.n, s, 2);
	keys_program_rx(b.n, s, &s->own, true, &s->own_ticket, then_count);
	assert_int_equal(s->old_phase, SESSION_NO_PHASE);
	assert_false(timer_armed(&s->old_timer));
	assert_int_equal(s->own.state, HS_DONE);
	assert_true(bed_command(&b, CMD_SESSION_SET, &c));
	assert_true(bed_command(&b, CMD_SESSION_TX_KEY, &c));
	assert_int_equal(c.u.key.link, CP_KEY_WHEN_USED);
	assert_true(bed_command(&b, CMD_SESSION_RX_KEY, &c));
	assert_int_equal(c.u.key.index, 2);
	assert_int_equal(s->rebuilds, 0);
	ground_acknowledge(b.n);
	assert_int_equal(s->rebuilds, 1);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_phases),
	        cmocka_unit_test(test_adopt),
	        cmocka_unit_test(test_one_old_key),
	        cmocka_unit_test(test_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
