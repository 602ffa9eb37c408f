/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of sessions: indices, the limit, states as they are shown, and which tunnels belong to whom. */
#include "bed.h"

#include <errno.h>
#include <string.h>

static void test_table(void **state)
{
	struct session *s[5];
	struct node_id none;
	struct bed b;

	bed_open(&b, 1);
	b.n->cfg.sessions_max = 4;
	for (unsigned i = 0; i < 4; i++) {
		s[i] = bed_session(&b, i % 2, SESSION_CLOSED);
		assert_ptr_equal(session_find(b.n, &s[i]->remote), s[i]);
		assert_ptr_equal(session_get(b.n, &s[i]->remote), s[i]);
		assert_ptr_equal(session_at(b.n, s[i]->index), s[i]);
	}
	rng_fill(&b.g.rng, none.b, ID_BYTES);
	assert_null(session_get(b.n, &none));
	assert_null(session_find(b.n, &none));
	assert_null(session_at(b.n, 4));
	assert_null(session_at(b.n, SESSION_NONE));
	/* In the order of ids, each once. */
	for (unsigned i = 0; i < 4; i++) {
		s[i] = session_after(b.n, i ? s[i - 1] : NULL);
		assert_non_null(s[i]);
		assert_true(i == 0 || id_cmp(&s[i - 1]->remote, &s[i]->remote) < 0);
	}
	assert_null(session_after(b.n, s[3]));
	session_destroy(b.n, s[2]);
	assert_int_equal(bed_heard.failed, 1);
	assert_int_equal(bed_heard.err, EHOSTUNREACH);
	assert_non_null(session_get(b.n, &none));
	bed_close(&b);
}

static void test_states(void **state)
{
	static const struct {
		enum session_state state;
		bool in_use, answering;
		const char *text;
	} row[] = {
	        {SESSION_CLOSED, false, false, "closed"},
	        {SESSION_CLOSED, false, true, "answering"},
	        {SESSION_CONNECTING, false, false, "connecting"},
	        {SESSION_PATHLESS, false, false, "idle"},
	        {SESSION_PATHLESS, true, false, "repairing"},
	        {SESSION_REPAIRING, false, false, "repairing"},
	        {SESSION_UP, true, false, "up"},
	};
	struct session s;

	memset(&s, 0, sizeof(s));
	for (unsigned i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		s.state = row[i].state;
		s.in_use = row[i].in_use;
		s.answer.state = row[i].answering ? HS_OPEN : HS_NONE;
		assert_string_equal(session_state_text(&s), row[i].text);
		assert_int_equal(session_has_keys(&s), row[i].state >= SESSION_PATHLESS);
		assert_int_equal(session_ready(&s), row[i].state == SESSION_UP);
	}
}

/* A tunnel that closes leaves its session's list; the others outlive the session as nobody's. */
static void test_tunnels_outlive_session(void **state)
{
	struct session *s;
	struct lsp *t[3];
	unsigned left = 0;
	struct bed b;

	bed_open(&b, 2);
	s = bed_session(&b, true, SESSION_PATHLESS);
	for (unsigned i = 0; i < 3; i++)
		t[i] = bed_tunnel(&b, s, i, LSP_EGRESS);
	s->commit = s->answer.lsp = s->own.lsp = s->build[1].lsp = t[1];
	lsp_destroy(b.n, t[1]);
	assert_null(s->commit);
	assert_null(s->answer.lsp);
	assert_null(s->own.lsp);
	assert_null(s->build[1].lsp);
	for (struct lsp *l = LIST_FIRST(&s->tunnels); l; l = LIST_NEXT(l, of_owner), left++)
		assert_ptr_equal(session_owner(b.n, l), s);
	assert_int_equal(left, 2);
	session_destroy(b.n, s);
	assert_null(session_owner(b.n, t[0]));
	assert_null(session_owner(b.n, t[2]));
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_table),
	        cmocka_unit_test(test_states),
	        cmocka_unit_test(test_tunnels_outlive_session),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
