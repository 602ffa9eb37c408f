/* SPDX-License-Identifier: BSD-3-Clause */
/* The session's timer: what ends by timeout and when, to the nanosecond, and what does not. */
#include "bed.h"

#include "endpoint/build.h"
#include "endpoint/step.h"

#include <errno.h>

/* Nobody waits and there are no keys: the session goes, unless a handshake of the other side is being answered. */
static void test_closed(void **state)
{
	struct node_id remote;
	struct session *s;
	struct bed b;

	bed_open(&b, 1);
	s = bed_session(&b, true, SESSION_CLOSED);
	remote = s->remote;
	s->answer.state = HS_OPEN;
	s->answer.born = b.n->now;
	b.n->now.ns += SESSION_HALF_OPEN;
	step(b.n, s);
	assert_ptr_equal(session_find(b.n, &remote), s);
	assert_int_equal(s->answer.state, HS_OPEN);
	assert_true(timer_armed(&s->timer));
	b.n->now.ns++;
	step(b.n, s);
	assert_null(session_find(b.n, &remote));
	bed_close(&b);
}

/* An answer that was begun and not finished is forgotten with its secrets; the keys that stand are not touched. */
static void test_half_open(void **state)
{
	struct session *s;
	struct bed b;

	bed_open(&b, 2);
	s = bed_session(&b, true, SESSION_PATHLESS);
	s->path = bed_tunnel(&b, s, 7, LSP_EGRESS);
	session_enter(s, SESSION_UP);
	s->confirmed = true;
	s->answer.state = HS_DONE;
	s->answer.born = b.n->now;
	s->answer.tx_secret[5] = 1;
	b.n->now.ns += SESSION_HALF_OPEN + 1;
	step(b.n, s);
	assert_int_equal(s->answer.state, HS_NONE);
	assert_int_equal(s->answer.tx_secret[5], 0);
	assert_int_equal(s->state, SESSION_UP);
	assert_true(s->confirmed);
	bed_close(&b);
}

/* Keys without a tunnel that nobody wants are kept for 300 s. */
static void test_unused(void **state)
{
	struct node_id remote;
	struct session *s;
	struct bed b;

	bed_open(&b, 3);
	s = bed_session(&b, true, SESSION_PATHLESS);
	remote = s->remote;
	s->want_since = b.n->now;
	b.n->now.ns += 300 * NS_PER_S - 1;
	step(b.n, s);
	assert_ptr_equal(session_find(b.n, &remote), s);
	assert_true(timer_armed(&s->timer));
	b.n->now.ns++;
	step(b.n, s);
	assert_null(session_find(b.n, &remote));
	bed_close(&b);
}

/* A session is given up when its time is over and not before: never reached, or reached once and not again. */
static void test_time_limit(void **state)
{
	static const struct {
		enum session_state from;
		bool in_use;
		int err;
		bool too_far, beyond;
	} each[] = {
	        {SESSION_CONNECTING, false, EHOSTUNREACH, false, false},
	        {SESSION_REPAIRING, false, ETIMEDOUT, false, false},
	        {SESSION_PATHLESS, true, ETIMEDOUT, false, false},
	        /* A set-up ran out of hops; nobody within reach knows the id, and the network goes on beyond. */
	        {SESSION_CONNECTING, false, EMULTIHOP, true, false},
	        {SESSION_CONNECTING, false, EMULTIHOP, false, true},
	        {SESSION_REPAIRING, false, ETIMEDOUT, true, true}};

	for (unsigned i = 0; i < ARRAY_LEN(each); i++) {
		struct session *s;
		struct bed b;

		bed_open(&b, 4);
		s = bed_session(&b, false, each[i].from);
		s->in_use = each[i].in_use;
		s->too_far = each[i].too_far;
		b.n->anchor->beyond_at.ns = each[i].beyond ? b.n->now.ns : 0;
		s->want_since = b.n->now;
		b.n->now.ns += build_time_limit(b.n, s) - 1;
		step(b.n, s);
		assert_int_equal(s->state, each[i].from);
		assert_int_equal(bed_heard.failed, 0);
		/* It is looked at again in time. */
		assert_int_equal(instant_sub(s->timer.at, b.n->now), 1);
		b.n->now.ns++;
		step(b.n, s);
		assert_int_equal(s->state, SESSION_CLOSED);
		assert_int_equal(bed_heard.failed, 1);
		assert_int_equal(bed_heard.err, each[i].err);
		bed_close(&b);
	}
}

/* The other side has built a tunnel in the last moment: its commit is waited for as long as that stands. */
static void test_offered_at_the_end(void **state)
{
	struct session *s;
	struct lsp *l;
	struct bed b;

	bed_open(&b, 6);
	s = bed_session(&b, false, SESSION_PATHLESS);
	s->in_use = true;
	s->want_since = b.n->now;
	l = bed_tunnel(&b, s, 7, LSP_EGRESS);
	b.n->now.ns += build_time_limit(b.n, s);
	step(b.n, s);
	assert_int_equal(s->state, SESSION_PATHLESS);
	assert_int_equal(bed_heard.failed, 0);
	assert_int_equal(instant_sub(s->timer.at, b.n->now), NS_PER_S);
	lsp_release(b.n, l, TEAR_ADMIN);
	step(b.n, s);
	assert_int_equal(s->state, SESSION_CLOSED);
	assert_int_equal(bed_heard.err, ETIMEDOUT);
	bed_close(&b);
}

/* A young attempt is waited for; an old one is not, and where there is no way at all the destination is looked up. */
static void test_attempt(void **state)
{
	struct session *s;
	struct bed b;

	bed_open(&b, 5);
	b.n->now.ns = 100 * NS_PER_S;
	s = bed_session(&b, false, SESSION_CONNECTING);
	s->want_since = s->last_build = b.n->now;
	s->build[0].lsp = bed_tunnel(&b, s, 7, LSP_INGRESS);
	b.n->now.ns += build_attempt_timeout(b.n, s) - 1;
	step(b.n, s);
	assert_int_equal(s->own.state, HS_NONE);
	assert_int_equal(s->lookups_made, 0);
	b.n->now.ns++;
	step(b.n, s);
	assert_int_equal(s->own.state, HS_OPEN);
	assert_int_equal(s->lookups_made, 1);
	/* No set-up could be sent: it counts as no attempt, and the next comes sooner than an attempt's timeout. */
	assert_int_equal(s->attempts, 0);
	assert_int_equal(instant_sub(s->timer.at, b.n->now), build_retry_lookup(s));
	assert_true(build_retry_lookup(s) < build_attempt_timeout(b.n, s));
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_closed),
	        cmocka_unit_test(test_half_open),
	        cmocka_unit_test(test_unused),
	        cmocka_unit_test(test_time_limit),
	        cmocka_unit_test(test_offered_at_the_end),
	        cmocka_unit_test(test_attempt),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
