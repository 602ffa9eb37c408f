/* SPDX-License-Identifier: BSD-3-Clause */
/* What one hostile peer can make a stack do for others to wait: memory pinned, records walked, segments sent in its name. */
#include "tcptest.h"
#include "tcp/record.h"

#include <errno.h>
#include <string.h>

static char filler[200000];

/* ---- SACK ---- */

#define SEGMENTS 60

static void sack(struct tt *t, uint32_t from, uint32_t to)
{
	t->sack[0] = (struct tcp_sack_range){1 + 1000 * from, 1 + 1000 * to};
	t->nsack = 1;
	tt_in(t, TCP_ACK, 1, 1, NULL, 0);
}

/* Steps of a walk over the records from `from` to the first that is not SACKed. */
static unsigned steps(struct tt *t, uint32_t from)
{
	struct conn *c = conn_of(t->s, t->conn);
	unsigned n = 0;

	for (uint32_t pos = c->rec.head + from * REC_BYTES;
	     pos != rec_end(c) && (rec_at(t->s, c, pos)->flags & REC_SACKED);
	     pos += rec_run(rec_at(t->s, c, pos)) * REC_BYTES)
		n++;
	return n;
}

/* Ranges that take turns, nested in both directions: none costs a walk over what is known. */
static void test_sack_costs_by_what_is_new(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;
	struct tt_seg o;

	(void)state;
	tt_cfg(&cfg);
	cfg.sack = true;
	cfg.initial_window = 100;
	tt_init(&t, &cfg);
	t.sack_ok = true;
	t.wnd = 65535;
	tt_establish_passive(&t);
	assert_int_equal(tcp_send(t.s, t.conn, filler, SEGMENTS * 1000), SEGMENTS * 1000);
	while (tt_out(&t, &o))
		;
	for (uint32_t i = 0; i < 20; i++) {
		sack(&t, 10, 40);
		assert_in_range(steps(&t, 10), 1, 2);
		sack(&t, 12 + i, 38 - i % 3);
		assert_in_range(steps(&t, 12 + i), 1, 2);
		assert_in_range(steps(&t, 10), 1, 2);
	}
	sack(&t, 5, 50);
	assert_in_range(steps(&t, 5), 1, 2);
	for (uint32_t i = 10; i < 50; i++)
		assert_in_range(steps(&t, i), 1, 3);
	while (tt_out(&t, &o))
		;
	tt_free(&t);
}

/* ---- memory ---- */

/* A peer that leaves gaps everywhere: what is in order, of others too, still finds memory. */
static void test_gaps_do_not_take_all_memory(void **state)
{
	struct tcp_cfg cfg;
	struct tt t;
	struct tt_seg o;
	char b[1000];
	uint32_t limit;

	(void)state;
	tt_cfg(&cfg);
	cfg.chunks = 32;
	cfg.chunk_bytes = 1024;
	tt_init(&t, &cfg);
	tt_establish_passive(&t);
	for (uint32_t at = 3000; at < 60000; at += 1024)
		tt_data(&t, TCP_ACK, at, 1, 1);
	limit = cfg.chunks * cfg.buffer_growth_pct / 100;
	assert_in_range(t.s->pool.used, limit, limit + 2);
	assert_true(t.s->n.drop_memory > 0);
	tt_data(&t, TCP_ACK, 1, 1, 1000);
	assert_int_equal(tcp_recv(t.s, t.conn, b, sizeof(b)), 1000);
	assert_int_equal(tcp_send(t.s, t.conn, filler, 1000), 1000);
	while (tt_out(&t, &o))
		;
	tt_free(&t);
}

/* ---- replies ---- */

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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sack_costs_by_what_is_new),
	        cmocka_unit_test(test_gaps_do_not_take_all_memory),
	        cmocka_unit_test(test_no_reply_to_who_is_gone_or_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
