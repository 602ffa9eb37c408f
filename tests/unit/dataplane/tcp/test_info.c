/* SPDX-License-Identifier: BSD-3-Clause */
/* Looking from outside: names, a connection's figures, a walk over all of them. */
#include "tcptest.h"

#include <errno.h>
#include <string.h>

static void test_names(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TCP_STATES; i++)
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(tcp_state_name((enum tcp_state)i),
			                        tcp_state_name((enum tcp_state)k));
	assert_string_equal(tcp_state_name(TCP_TIME_WAIT), "TIME-WAIT");
	assert_string_equal(tcp_state_name(TCP_STATES), "?");
}

static void test_figures(void **state)
{
	struct tcp_info i;
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	tt_send_full(&t, 3000, 3);
	tt_data(&t, TCP_ACK, 1001, 1001, 500); /* behind a gap */
	i = tt_info(&t);
	assert_int_equal(i.conn, t.conn);
	assert_int_equal(i.peer, TT_PEER);
	assert_true(i.local_port == TT_PORT && i.remote_port == TT_RPORT);
	assert_string_equal(i.state_name, "ESTABLISHED");
	assert_true(i.sack && !i.timestamps && !i.listener && !i.orphan && !i.held);
	assert_int_equal(i.in_flight, 2000);
	assert_int_equal(i.snd_nxt - i.snd_una, 2000);
	assert_int_equal(i.snd_queued, 2000);
	assert_int_equal(i.snd_space, i.snd_limit - 2000);
	assert_int_equal(i.bytes_out, 1000);
	assert_int_equal(i.rcv_ooo, 500);
	assert_int_equal(i.rcv_queued, 0);
	assert_true(i.timer_rtx && i.next_timer_ns != INT64_MAX);
	tcp_peer_hold(t.s, TT_PEER, true);
	assert_true(tt_info(&t).held);
	assert_int_equal(tcp_info(t.s, TCP_NO_CONN, &i), -EBADF);
	tt_free(&t);
}

/* Listeners and orphans are there, slots given back are not. */
static void test_walk(void **state)
{
	unsigned listeners = 0, orphans = 0, n = 0;
	uint32_t cursor = 0;
	struct tcp_info i;
	struct tt t;

	(void)state;
	tt_start(&t, false);
	tt_establish_passive(&t);
	assert_int_equal(tcp_abort(t.s, t.conn), 0); /* its slot is free again */
	tt_expect(&t, TCP_RST | TCP_ACK, 1, 1, 0);
	t.rport++;
	tt_establish_passive(&t);
	t.rport++;
	tt_establish_passive(&t);
	assert_int_equal(tcp_close(t.s, t.conn), 0);
	tt_expect(&t, TCP_FIN | TCP_ACK, 1, 1, 0);
	while (tcp_iterate(t.s, &cursor, &i)) {
		n++;
		listeners += i.listener;
		orphans += i.orphan;
		if (i.listener)
			assert_true(i.local_port == TT_PORT && i.mss == 0 && !*i.cc_name);
	}
	assert_int_equal(n, t.s->nconns);
	assert_int_equal(n, 3);
	assert_int_equal(listeners, 1);
	assert_int_equal(orphans, 1);
	assert_false(tcp_iterate(t.s, &cursor, &i));
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_names),
	        cmocka_unit_test(test_figures),
	        cmocka_unit_test(test_walk),
	};

	return cmocka_run_group_tests_name("tcp info", tests, NULL, NULL);
}
