/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of what is outstanding: a walk over them costs by what is new, whatever a peer repeats. */
#include "tcp/record.h"
#include "tcptest.h"

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
	assert_int_equal(tcp_send(t.s, t.conn, tt_filler, SEGMENTS * 1000), SEGMENTS * 1000);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sack_costs_by_what_is_new),
	};

	return cmocka_run_group_tests_name("tcp record", tests, NULL, NULL);
}
