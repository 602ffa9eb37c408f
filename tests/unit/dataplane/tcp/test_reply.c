/* SPDX-License-Identifier: BSD-3-Clause */
/* Resets that belong to no connection, and who gets none. */
#include "tcptest.h"

#include <errno.h>

/* A segment that belongs to nobody, so that a reset waits for output. */
static void leave_reply(struct tt *t)
{
	t->rport = TT_RPORT + 1;
	t->lport = TT_PORT + 1;
	tt_in(t, TCP_ACK, 1, 1, NULL, 0);
}

static void test_no_reply_to_who_is_gone_or_held(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;

	(void)state;
	tt_cfg(&cfg);
	tt_init(&t, &cfg);
	leave_reply(&t);
	tcp_peer_hold(t.s, TT_PEER, true);
	tt_quiet(&t);
	assert_int_equal(t.s->n.drop_reply, 1);
	tcp_peer_hold(t.s, TT_PEER, false);
	leave_reply(&t);
	tcp_peer_clear(t.s, TT_PEER, ENETUNREACH);
	tt_quiet(&t);
	assert_int_equal(t.s->n.drop_reply, 2);
	tt_free(&t);
}

static void test_rst_for_closed_port(void **state)
{
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_in(&t, TCP_SYN, 0, 0, NULL, 0);
	tt_expect(&t, TCP_RST | TCP_ACK, 0u - t.iss, 1, 0); /* seq 0, absolute */
	tt_in(&t, TCP_ACK, 5, 77, NULL, 0);
	tt_expect(&t, TCP_RST, 77, 0, 0);
	tt_in(&t, TCP_RST, 5, 0, NULL, 0);
	tt_quiet(&t);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_rst_for_closed_port),
	        cmocka_unit_test(test_no_reply_to_who_is_gone_or_held),
	};

	return cmocka_run_group_tests_name("tcp reply", tests, NULL, NULL);
}
