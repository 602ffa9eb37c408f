/* SPDX-License-Identifier: BSD-3-Clause */
/* How a session ends: what stays for those who wait, what the worker is told, and that nothing of it is left armed. */
#include "bed.h"

#include "endpoint/build.h"
#include "endpoint/end.h"

#include <errno.h>

/* A session that is up, renews its keys and keeps an old one. */
static struct session *up(struct bed *b, uint64_t seed)
{
	struct session *s;

	bed_open(b, seed);
	s = bed_session(b, true, SESSION_PATHLESS);
	s->path = s->commit = bed_tunnel(b, s, 7, LSP_INGRESS);
	session_enter(s, SESSION_UP);
	s->in_worker = s->confirmed = true;
	s->own.state = HS_OPEN;
	s->old_phase = 1;
	arm(b->n, &s->rekey_timer, TIMER_SESSION_REKEY, s, NS_PER_S);
	arm(b->n, &s->old_timer, TIMER_SESSION_OLD_KEY, s, NS_PER_S);
	return s;
}

/* Keys, tunnel, handshake and timers of keys go together, and the worker hears of it. */
static void test_keys(void **state)
{
	for (unsigned wanted = 0; wanted < 2; wanted++) {
		struct session *s;
		struct cp_cmd c;
		struct bed b;

		s = up(&b, 1);
		s->in_use = true;
		if (wanted) {
			s->path = s->commit = NULL;
			session_enter(s, SESSION_PATHLESS);
			session_enter(s, SESSION_REPAIRING);
		}
		end_keys(b.n, s);
		assert_int_equal(s->state, wanted ? SESSION_CONNECTING : SESSION_CLOSED);
		assert_null(s->path);
		assert_null(s->commit);
		assert_false(s->confirmed || s->in_use || s->in_worker);
		assert_int_equal(s->own.state, HS_NONE);
		assert_int_equal(s->old_phase, SESSION_NO_PHASE);
		assert_false(timer_armed(&s->rekey_timer) || timer_armed(&s->old_timer));
		/* It is looked at again, so that it is freed or goes on. */
		assert_true(timer_armed(&s->timer));
		assert_int_equal(lsp_find(b.n, 7, &b.g.identity.id) != NULL, wanted);
		assert_true(bed_command(&b, CMD_SESSION_DEL, &c));
		assert_int_equal(c.u.session.session, s->index);
		assert_int_equal(ground_drain(b.n, CMD_SESSION_DEL), 0);
		bed_close(&b);
	}
}

/* The other side never used the keys: with connections here the worker keeps the session, without a path, and keys are made anew. */
static void test_begin_anew(void **state)
{
	for (unsigned used = 0; used < 2; used++) {
		struct session *s;
		struct cp_cmd c;
		struct bed b;

		s = up(&b, 2);
		s->in_use = used;
		b.n->now.ns += 100 * NS_PER_S;
		end_begin_anew(b.n, s);
		assert_int_equal(s->state, used ? SESSION_CONNECTING : SESSION_CLOSED);
		assert_int_equal(s->in_worker, used);
		assert_null(s->path);
		assert_null(s->commit);
		assert_null(lsp_find(b.n, 7, &b.g.identity.id));
		assert_int_equal(s->own.state, HS_NONE);
		assert_false(timer_armed(&s->rekey_timer));
		assert_true(bed_command(&b, used ? CMD_SESSION_SET : CMD_SESSION_DEL, &c));
		if (used) {
			assert_int_equal(c.u.session.out_label, LABEL_NONE);
			assert_int_equal(s->want_since.ns, b.n->now.ns);
		}
		/* Nobody is told that it failed: whoever waits goes on waiting. */
		assert_int_equal(bed_heard.failed, 0);
		bed_close(&b);
	}
}

/* The time is over: whoever waits is told why, here and at the worker; attempts under way end; keys do not outlive it. */
static void test_give_up(void **state)
{
	static const enum session_state from[] = {SESSION_CONNECTING, SESSION_REPAIRING,
	                                          SESSION_PATHLESS};

	for (unsigned i = 0; i < ARRAY_LEN(from); i++) {
		struct session *s;
		struct cp_cmd c;
		struct bed b;

		bed_open(&b, 3);
		s = bed_session(&b, false, from[i]);
		s->build[1].lsp = bed_tunnel(&b, s, 7, LSP_INGRESS);
		s->attempts = 5;
		s->nnotvia = 3;
		s->has_place = s->in_worker = true;
		end_give_up(b.n, s, ETIMEDOUT);
		assert_int_equal(s->state, SESSION_CLOSED);
		assert_false(build_any(s) || s->has_place);
		assert_int_equal(s->attempts + s->nnotvia, 0);
		assert_null(lsp_find(b.n, 7, &b.g.identity.id));
		assert_int_equal(bed_heard.failed, 1);
		assert_int_equal(bed_heard.err, ETIMEDOUT);
		assert_true(bed_command(&b, CMD_UNREACHABLE, &c));
		assert_int_equal(c.u.unreachable.err, ETIMEDOUT);
		assert_true(id_eq(&c.u.unreachable.remote, &s->remote));
		assert_int_equal(ground_drain(b.n, CMD_SESSION_DEL), from[i] != SESSION_CONNECTING);
		assert_true(timer_armed(&s->timer));
		bed_close(&b);
	}
}

/* Ended altogether: out of the table, out of the worker, and its tunnels, also one that the other side has built and not committed to yet, are withdrawn.
 */
static void test_session(void **state)
{
	struct node_id remote;
	struct session *s;
	uint32_t index;
	struct bed b;

	s = up(&b, 4);
	(void)bed_tunnel(&b, s, 8, LSP_EGRESS);
	assert_non_null(lsp_find(b.n, 8, &s->remote));
	remote = s->remote;
	index = s->index;
	end_session(b.n, s);
	assert_null(lsp_find(b.n, 7, &b.g.identity.id));
	assert_null(lsp_find(b.n, 8, &remote));
	assert_null(session_find(b.n, &remote));
	assert_null(session_at(b.n, index));
	assert_int_equal(bed_heard.failed, 1);
	assert_int_equal(ground_drain(b.n, CMD_SESSION_DEL), 1);
	/* One that the worker never heard of needs no word to it. */
	end_session(b.n, bed_session(&b, true, SESSION_CLOSED));
	assert_int_equal(ground_drain(b.n, CMD_SESSION_DEL), 0);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_keys),
	        cmocka_unit_test(test_begin_anew),
	        cmocka_unit_test(test_give_up),
	        cmocka_unit_test(test_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
