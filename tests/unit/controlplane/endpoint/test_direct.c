/* SPDX-License-Identifier: BSD-3-Clause */
/* Who wants the link to a neighbour and no other path: strangers are refused at once, a longer path is told from the link, and replaced. */
#include "bed.h"

#include "endpoint/direct.h"
#include "endpoint/path.h"
#include "peer/peer.h"

#include <errno.h>

static void neighbour(struct bed *b, const struct node_id *id, bool up)
{
	struct peer *p = peer_by_link(b->n, 1);

	if (up) {
		p->id = *id;
		p->state = PEER_UP;
	}
	peers_index(b->n->peers, p, up);
	if (!up)
		p->state = PEER_IDLE;
}

/* Nothing is looked for, and no session made. */
static void test_stranger(void **state)
{
	struct node_id id = {{0x80, 1}};
	struct cp_cmd c;
	struct bed b;

	bed_open(&b, 1);
	session_want_direct(b.n, &id);
	assert_null(session_find(b.n, &id));
	assert_true(bed_command(&b, CMD_UNREACHABLE, &c));
	assert_true(c.u.unreachable.direct && id_eq(&c.u.unreachable.remote, &id));
	assert_int_equal(c.u.unreachable.err, EHOSTUNREACH);
	bed_close(&b);
}

static void test_neighbour(void **state)
{
	struct session *s;
	struct node_id id = {{0x80, 1}};
	struct bed b;

	bed_open(&b, 2);
	neighbour(&b, &id, true);
	session_want_direct(b.n, &id);
	s = session_find(b.n, &id);
	assert_non_null(s);
	assert_int_equal(s->state, SESSION_CONNECTING);
	assert_int_equal(ground_drain(b.n, CMD_UNREACHABLE), 0);
	neighbour(&b, &id, false);
	bed_close(&b);
}

/* The worker is told of the link by its other end, whatever the set-up's way was; and of a path over others. */
static void links(enum lsp_role role)
{
	struct session *s;
	struct cp_cmd c;
	struct bed b;

	bed_open(&b, 3);
	s = bed_session(&b, true, SESSION_PATHLESS);
	path_use(b.n, s, bed_tunnel(&b, s, 7, role));
	assert_false(path_direct(s));
	assert_true(bed_command(&b, CMD_SESSION_SET, &c));
	assert_int_equal(c.u.session.hops, 4);
	s->path->hops = 1;
	session_want_direct(b.n, &s->remote);
	(void)ground_drain(b.n, 0);
	neighbour(&b, &s->remote, true);
	s->path->hops = 4;
	session_want_direct(b.n, &s->remote);
	assert_true(path_direct(s));
	assert_true(bed_command(&b, CMD_SESSION_SET, &c));
	assert_int_equal(c.u.session.hops, 1);
	neighbour(&b, &s->remote, false);
	bed_close(&b);
}

static void test_hops(void **state)
{
	links(LSP_INGRESS);
	links(LSP_EGRESS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_stranger),
	        cmocka_unit_test(test_neighbour),
	        cmocka_unit_test(test_hops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
