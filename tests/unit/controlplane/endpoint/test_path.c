/* SPDX-License-Identifier: BSD-3-Clause */
/* The tunnel in use: commits of both sides, loss, and which of two tunnels stays. */
#include "bed.h"

#include "endpoint/path.h"

static void commit_from_there(struct bed *b, struct session *s, uint16_t sequence, uint32_t nonce)
{
	struct oam m = {.type = OAM_PATH_COMMIT, .sequence = sequence, .id = nonce};

	path_commit_rx(b->n, s, &m);
}

/* A commit names a tunnel of its own session: another session's of the same nonce is not touched. */
static void test_commit_names_own_tunnel(void **state)
{
	struct session *x, *y;
	struct lsp *of_x, *of_y;
	struct bed b;

	bed_open(&b, 1);
	x = bed_session(&b, true, SESSION_PATHLESS);
	y = bed_session(&b, true, SESSION_PATHLESS);
	of_x = bed_tunnel(&b, x, 7, LSP_EGRESS);
	(void)bed_tunnel(&b, x, 8, LSP_EGRESS);
	of_y = bed_tunnel(&b, y, 7, LSP_EGRESS);
	commit_from_there(&b, y, 1, 7);
	assert_ptr_equal(y->path, of_y);
	assert_int_equal(y->state, SESSION_UP);
	assert_null(x->path);
	commit_from_there(&b, x, 1, 7);
	assert_ptr_equal(x->path, of_x);
	assert_int_equal(bed_heard.ready, 2);
	/* Of a nonce that nothing here has. */
	(void)ground_drain(b.n, 0);
	commit_from_there(&b, x, 2, 9);
	assert_ptr_equal(x->path, of_x);
	assert_int_equal(ground_drain(b.n, CMD_SEND_SESSION), 0);
	bed_close(&b);
}

/* Both sides commit at once, each to the tunnel that it has built: both end with the lower id's. */
static void crossing(bool we_are_lower)
{
	struct session *s;
	struct lsp *ours, *theirs;
	struct bed b;

	bed_open(&b, 2);
	s = bed_session(&b, we_are_lower, SESSION_PATHLESS);
	ours = bed_tunnel(&b, s, 1, LSP_INGRESS);
	theirs = bed_tunnel(&b, s, 2, LSP_EGRESS);
	path_use(b.n, s, ours);
	path_commit(b.n, s);
	assert_int_equal(s->commit_seq, 1);
	(void)ground_drain(b.n, 0);
	commit_from_there(&b, s, 1, 2);
	assert_ptr_equal(s->path, we_are_lower ? ours : theirs);
	assert_int_equal(ours->retiring, !we_are_lower);
	assert_false(theirs->retiring);
	/* Only what is used is said to have been seen. */
	assert_int_equal(ground_drain(b.n, CMD_SEND_SESSION), we_are_lower ? 0 : 1);
	assert_true(we_are_lower ? s->commit == ours : !s->commit);
	bed_close(&b);
}

static void test_commits_cross(void **state)
{
	crossing(true);
	crossing(false);
}

/* An older commit that arrives late changes nothing; numbers may wrap. */
static void test_commit_order(void **state)
{
	struct session *s;
	struct lsp *a, *c;
	struct bed b;

	bed_open(&b, 3);
	s = bed_session(&b, false, SESSION_PATHLESS);
	a = bed_tunnel(&b, s, 1, LSP_EGRESS);
	c = bed_tunnel(&b, s, 2, LSP_EGRESS);
	s->commit_seq = UINT16_MAX - 1;
	commit_from_there(&b, s, UINT16_MAX, 1);
	assert_ptr_equal(s->path, a);
	commit_from_there(&b, s, 0, 2);
	assert_ptr_equal(s->path, c);
	commit_from_there(&b, s, UINT16_MAX, 1);
	assert_ptr_equal(s->path, c);
	assert_int_equal(s->commit_seq, 0);
	bed_close(&b);
}

/* A commit is said again until the other side has seen it, or it has been said often enough. */
static void test_commit_again(void **state)
{
	struct oam seen = {.type = OAM_PATH_COMMIT, .flags = OAM_FLAG_SEEN, .id = 1};
	struct session *s;
	unsigned said = 0;
	struct bed b;

	bed_open(&b, 4);
	s = bed_session(&b, true, SESSION_PATHLESS);
	path_use(b.n, s, bed_tunnel(&b, s, 1, LSP_INGRESS));
	path_commit(b.n, s);
	for (unsigned i = 0; i < 20; i++) {
		said += ground_drain(b.n, CMD_SEND_SESSION);
		path_commit_again(b.n, s);
	}
	assert_int_equal(said, 9);
	assert_null(s->commit);
	path_commit(b.n, s);
	assert_int_equal(ground_drain(b.n, CMD_SEND_SESSION), 1);
	seen.id = 2;
	path_commit_rx(b.n, s, &seen);
	assert_non_null(s->commit);
	seen.id = 1;
	path_commit_rx(b.n, s, &seen);
	path_commit_again(b.n, s);
	assert_int_equal(ground_drain(b.n, CMD_SEND_SESSION), 0);
	bed_close(&b);
}

/* A repair's tunnel is used; a second one only when it is shorter. */
static void test_up(void **state)
{
	struct session *s;
	struct lsp *l[3];
	struct bed b;

	bed_open(&b, 5);
	s = bed_session(&b, true, SESSION_REPAIRING);
	for (unsigned i = 0; i < 3; i++)
		l[i] = bed_tunnel(&b, s, 1 + i, LSP_INGRESS);
	l[2]->hops = 3;
	path_up(b.n, s, l[0]);
	assert_ptr_equal(s->path, l[0]);
	assert_int_equal(s->rebuilds, 1);
	assert_true(s->initiator);
	path_up(b.n, s, l[1]);
	assert_ptr_equal(s->path, l[0]);
	assert_null(lsp_find(b.n, 2, &b.g.identity.id));
	path_up(b.n, s, l[2]);
	assert_ptr_equal(s->path, l[2]);
	assert_true(l[0]->retiring);
	assert_int_equal(s->rebuilds, 1);
	bed_close(&b);
}

/* The initiator repairs at once, the other side gives it time; the worker holds what is to be sent. */
static void test_lost(void **state)
{
	for (unsigned initiator = 0; initiator < 2; initiator++) {
		struct session *s;
		struct cp_cmd c;
		struct bed b;

		bed_open(&b, 6);
		s = bed_session(&b, true, SESSION_PATHLESS);
		path_use(b.n, s, bed_tunnel(&b, s, 1, LSP_INGRESS));
		s->initiator = initiator;
		(void)ground_drain(b.n, 0);
		path_lost(b.n, s);
		assert_int_equal(s->state, SESSION_PATHLESS);
		assert_null(s->path);
		assert_int_equal(instant_sub(s->timer.at, b.n->now),
		                 initiator ? NS_PER_MS : 700 * NS_PER_MS);
		assert_true(bed_command(&b, CMD_SESSION_SET, &c));
		assert_int_equal(c.u.session.out_label, LABEL_NONE);
		bed_close(&b);
	}
}

/* The place of this node, or its neighbourhood, changed: what failed before is tried again at once, but not by the side that is to wait. */
static void test_topology_changed(void **state)
{
	static const struct {
		bool initiator, in_use;
		uint8_t attempts;
		int64_t due_ms;
	} c[] = {{true, true, 5, 1},
	         {false, true, 1, 1},
	         {false, true, 0, 700},
	         {true, false, 5, 9}};

	for (unsigned i = 0; i < 4; i++) {
		struct session *s;
		struct bed b;

		bed_open(&b, 7);
		s = bed_session(&b, true, SESSION_PATHLESS);
		s->initiator = c[i].initiator;
		s->in_use = c[i].in_use;
		s->attempts = c[i].attempts;
		arm(b.n, &s->timer, TIMER_SESSION, s, (c[i].initiator ? 9 : 700) * NS_PER_MS);
		path_topology_changed(b.n, s);
		assert_int_equal(instant_sub(s->timer.at, b.n->now), c[i].due_ms * NS_PER_MS);
		bed_close(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_commit_names_own_tunnel),
	        cmocka_unit_test(test_commits_cross),
	        cmocka_unit_test(test_commit_order),
	        cmocka_unit_test(test_commit_again),
	        cmocka_unit_test(test_up),
	        cmocka_unit_test(test_lost),
	        cmocka_unit_test(test_topology_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
