/* SPDX-License-Identifier: BSD-3-Clause */
/* Attempts: slots, what is left out, how long each is waited for, and the wish that opens them. */
#include "bed.h"

#include "anchor/anchor.h"
#include "endpoint/build.h"
#include "table/contact.h"

#include <errno.h>

static struct lsp *attempt(struct bed *b, struct session *s, unsigned slot, int64_t born)
{
	struct lsp *l = lsp_new(b->n, slot + 1, &b->g.identity.id, &s->remote, LSP_INGRESS);

	assert_non_null(l);
	l->born.ns = born;
	session_own(s, l);
	s->build[slot].lsp = l;
	return l;
}

/* All slots are taken: the oldest attempt is given up for a new one, and no other. */
static void test_slots(void **state)
{
	static const int64_t born[SESSION_BUILDS] = {40, 30, 10, 20};
	struct lsp *l[SESSION_BUILDS];
	struct session *s;
	struct bed b;

	bed_open(&b, 1);
	s = bed_session(&b, true, SESSION_CONNECTING);
	assert_false(build_any(s));
	for (unsigned i = 0; i < SESSION_BUILDS; i++)
		l[i] = attempt(&b, s, i, born[i]);
	/* Nobody is known to whom a set-up could go. */
	assert_int_equal(build_start(b.n, s), -EHOSTUNREACH);
	assert_null(s->build[2].lsp);
	assert_null(lsp_find(b.n, 3, &b.g.identity.id));
	for (unsigned i = 0; i < SESSION_BUILDS; i++)
		if (i != 2)
			assert_ptr_equal(s->build[i].lsp, l[i]);
	/* Now there is room. */
	assert_int_equal(build_start(b.n, s), -EHOSTUNREACH);
	assert_ptr_equal(s->build[3].lsp, l[3]);
	build_drop(b.n, s, l[1]);
	assert_false(build_any(s));
	assert_ptr_equal(lsp_find(b.n, 2, &b.g.identity.id), l[1]);
	assert_null(lsp_find(b.n, 1, &b.g.identity.id));
	bed_close(&b);
}

/* IK with s is possible: its key is known, here as this node's own, and a generation is kept. */
static void known(struct bed *b, struct session *s)
{
	s->known = true;
	memcpy(s->x_key, b->g.identity.x_public, 32);
	generation_add_secret(&s->generations, s->x_key, s->x_key);
}

/* One handshake serves all attempts, until the third, which is XX in case the other side's key has changed. */
static void test_one_handshake(void **state)
{
	struct session *s;
	uint8_t first[32];
	struct bed b;

	bed_open(&b, 2);
	s = bed_session(&b, true, SESSION_CONNECTING);
	known(&b, s);
	assert_int_equal(build_start(b.n, s), -EHOSTUNREACH);
	assert_int_equal(s->own.state, HS_OPEN);
	assert_true(s->own.ik);
	memcpy(first, s->own.msg, sizeof(first));
	s->attempts = 1;
	(void)build_start(b.n, s);
	assert_memory_equal(s->own.msg, first, sizeof(first));
	s->attempts = 2;
	(void)build_start(b.n, s);
	assert_false(s->own.ik);
	assert_memory_not_equal(s->own.msg, first, sizeof(first));
	bed_close(&b);
}

/* The hops that failed are left out of the next attempts; nothing named, or too many: everything is tried again. */
static void test_left_out(void **state)
{
	struct session *s;
	struct bed b;

	bed_open(&b, 3);
	s = bed_session(&b, false, SESSION_CONNECTING);
	for (unsigned i = 0; i < SETUP_NOTVIA_MAX; i++) {
		build_failed(b.n, s, attempt(&b, s, i % SESSION_BUILDS, 1 + i), 1, 7, 8 + i);
		lsp_destroy(b.n, lsp_find(b.n, i % SESSION_BUILDS + 1, &b.g.identity.id));
		assert_int_equal(s->nnotvia, i + 1);
		assert_int_equal(s->notvia[i][0], 7);
		assert_int_equal(s->notvia[i][1], 8 + i);
	}
	/* A hop that is known already takes no second place. */
	build_failed(b.n, s, attempt(&b, s, 0, 1), 1, 7, 8);
	lsp_destroy(b.n, lsp_find(b.n, 1, &b.g.identity.id));
	assert_int_equal(s->nnotvia, SETUP_NOTVIA_MAX);
	build_failed(b.n, s, attempt(&b, s, 0, 1), 1, 7, 99);
	assert_int_equal(s->nnotvia, 0);
	lsp_destroy(b.n, lsp_find(b.n, 1, &b.g.identity.id));
	build_failed(b.n, s, attempt(&b, s, 0, 1), 1, 7, 8);
	lsp_destroy(b.n, lsp_find(b.n, 1, &b.g.identity.id));
	build_failed(b.n, s, attempt(&b, s, 0, 1), 1, 0, 0);
	assert_int_equal(s->nnotvia, 0);
	bed_close(&b);
}

/* An attempt led by a place that did not lead there: the place is dropped, and its record is named to the next lookup. */
static void test_stale_place(void **state)
{
	struct contact_info c = {.ntrees = 1, .seq = 5};
	struct session *s;
	struct bed b;

	bed_open(&b, 4);
	s = bed_session(&b, false, SESSION_CONNECTING);
	s->looking = true;
	assert_false(build_lookup_done(s, false, &c));
	assert_false(s->looking);
	assert_false(build_lookup_done(s, true, NULL));
	assert_true(build_lookup_done(s, true, &c));
	assert_true(s->has_place);
	build_failed(b.n, s, attempt(&b, s, 0, 1), 1, 0, 0);
	assert_true(s->has_place);
	assert_int_equal(s->stale_seq, 0);
	lsp_destroy(b.n, lsp_find(b.n, 1, &b.g.identity.id));
	(void)attempt(&b, s, 0, 1);
	s->build[0].by_place = true;
	build_failed(b.n, s, s->build[0].lsp, 1, 0, 0);
	assert_false(s->has_place);
	assert_int_equal(s->stale_seq, 5);
	bed_close(&b);
}

/* A repair is refused: the next attempt carries a handshake, the one after that is a repair again, and the session has its whole time. */
static void test_refused_repair(void **state)
{
	struct session *s;
	struct lsp *l;
	struct bed b;

	bed_open(&b, 5);
	b.n->now.ns = 100 * NS_PER_S;
	s = bed_session(&b, false, SESSION_REPAIRING);
	known(&b, s);
	s->want_since = b.n->now;
	for (unsigned i = 0; i < 3; i++) {
		l = attempt(&b, s, 0, 1);
		l->setup_flags = SETUP_FLAG_REPAIR;
		build_failed(b.n, s, l, SETUP_REFUSED, 0, 0);
		lsp_destroy(b.n, l);
		assert_true(s->anew);
		(void)build_start(b.n, s);
		assert_false(s->anew);
		assert_int_equal(s->own.state, HS_OPEN);
		/* The first by IK. The far end may not know this node any more: then by XX. */
		assert_int_equal(s->own.ik, i == 0);
		/* Refused as well: then it is a repair's turn. */
		l = attempt(&b, s, 0, 1);
		build_failed(b.n, s, l, SETUP_REFUSED, 0, 0);
		lsp_destroy(b.n, l);
		assert_false(s->anew);
	}
	assert_ptr_equal(session_find(b.n, &s->remote), s);
	assert_true(instant_sub(b.n->now, s->want_since) < build_time_limit(b.n, s));
	bed_close(&b);
}

/* The other side holds no keys with this node, or somebody on the way says so in its name: the next attempt is by XX, at once, and no other
 * thing is changed. */
static void test_use_xx(void **state)
{
	for (unsigned repair = 0; repair < 2; repair++) {
		struct session *s;
		struct lsp *l;
		struct bed b;

		bed_open(&b, 6);
		b.n->now.ns = 100 * NS_PER_S;
		s = bed_session(&b, false, repair ? SESSION_REPAIRING : SESSION_CONNECTING);
		known(&b, s);
		s->want_since = b.n->now;
		(void)build_start(b.n, s);
		assert_true(repair || s->own.ik);
		l = attempt(&b, s, 0, 1);
		l->setup_flags = repair ? SETUP_FLAG_REPAIR : SETUP_FLAG_IK;
		build_failed(b.n, s, l, SETUP_USE_XX, 0, 0);
		lsp_destroy(b.n, l);
		assert_int_equal(s->state, repair ? SESSION_REPAIRING : SESSION_CONNECTING);
		assert_true(s->known);
		assert_true(generations_with(&s->generations, s->x_key));
		assert_in_range(instant_sub(s->timer.at, b.n->now), 0, NS_PER_MS);
		(void)build_start(b.n, s);
		assert_int_equal(s->own.state, HS_OPEN);
		assert_false(s->own.ik);
		bed_close(&b);
	}
}

/* The next attempt is never due after the moment of giving up, and repairs come ever more seldom. */
static void test_times(void **state)
{
	struct session *s;
	int64_t last = 0;
	struct bed b;

	bed_open(&b, 6);
	b.n->now.ns = 1000 * NS_PER_S;
	s = bed_session(&b, true, SESSION_REPAIRING);
	for (int64_t waited = 0; waited < build_time_limit(b.n, s); waited += NS_PER_S / 4) {
		int64_t next, left = build_time_limit(b.n, s) - waited;

		s->want_since.ns = b.n->now.ns - waited;
		next = build_next(b.n, s);
		assert_true(next > 0 && next <= left);
		assert_true(next >= last || next == left);
		last = next;
	}
	s = bed_session(&b, true, SESSION_CONNECTING);
	s->want_since = b.n->now;
	assert_int_equal(build_next(b.n, s), build_attempt_timeout(b.n, s));
	last = build_attempt_timeout(b.n, s);
	b.n->anchor->tree[0].coords.hops += 10;
	assert_int_equal(build_attempt_timeout(b.n, s), last + 80 * NS_PER_MS);
	b.n->anchor->tree[0].coords.hops = 4000; /* no way has more than 255 hops */
	assert_int_equal(build_attempt_timeout(b.n, s), last + 255 * 8 * NS_PER_MS);
	bed_close(&b);
}

static void test_want(void **state)
{
	struct node_id id;
	struct session *s;
	struct cp_cmd c;
	struct bed b;

	bed_open(&b, 7);
	rng_fill(&b.g.rng, id.b, ID_BYTES);
	assert_int_equal(session_want(b.n, &b.g.identity.id), -EINVAL);
	assert_int_equal(session_want(b.n, &id), 0);
	s = session_find(b.n, &id);
	assert_non_null(s);
	assert_int_equal(s->state, SESSION_CONNECTING);
	/* Wanted once more: its time goes on. */
	b.n->now.ns += NS_PER_S;
	s->attempts = 3;
	assert_int_equal(session_want(b.n, &id), 0);
	assert_int_equal(s->want_since.ns, b.n->now.ns - NS_PER_S);
	assert_int_equal(s->attempts, 3);
	/* Wanted while a repair is not urgent yet: now it is. */
	session_enter(s, SESSION_REPAIRING);
	session_enter(s, SESSION_PATHLESS);
	assert_int_equal(session_want(b.n, &id), 0);
	assert_int_equal(s->state, SESSION_REPAIRING);
	assert_int_equal(s->want_since.ns, b.n->now.ns);
	/* It stands: the worker, which may have asked too early, is told again. */
	(void)ground_drain(b.n, 0);
	s->path = bed_tunnel(&b, s, 9, LSP_EGRESS);
	session_enter(s, SESSION_UP);
	assert_int_equal(session_want(b.n, &id), 0);
	assert_true(bed_command(&b, CMD_SESSION_SET, &c));
	assert_int_equal(c.u.session.session, s->index);
	b.n->draining = true;
	assert_int_equal(session_want(b.n, &id), -ESHUTDOWN);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_slots),          cmocka_unit_test(test_one_handshake),
	        cmocka_unit_test(test_left_out),       cmocka_unit_test(test_stale_place),
	        cmocka_unit_test(test_refused_repair), cmocka_unit_test(test_times),
	        cmocka_unit_test(test_want),           cmocka_unit_test(test_use_xx),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
