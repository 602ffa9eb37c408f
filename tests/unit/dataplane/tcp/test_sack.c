/* SPDX-License-Identifier: BSD-3-Clause */
/* What SACKs say, written into the records: several losses in a window repaired without a time-out. */
#include "tcptest.h"

static void test_sack_repairs_three_losses_without_rto(void **state)
{
	struct tt_seg o;
	unsigned n = 0;
	bool again[10] = {false};
	struct tt t;

	(void)state;
	tt_start(&t, true);
	tt_establish_passive(&t);
	tt_send_segments(&t, 1, 10);
	t.now += 20 * NS_PER_MS;
	/* 1, 3 and 5 are lost; the others arrive one by one. */
	tt_ack_sack(&t, 1, 1001, 2001);
	tt_ack_sack(&t, 1, 3001, 4001);
	tt_quiet(&t);
	for (unsigned i = 5; i < 10; i++) {
		tt_ack_sack(&t, 1, 5001, 1001 + 1000 * i);
		while (tt_out(&t, &o)) {
			assert_true(o.retransmit);
			assert_false(again[(o.seq - 1) / 1000]);
			again[(o.seq - 1) / 1000] = true;
			n++;
		}
	}
	assert_int_equal(n, 3);
	assert_true(again[0] && again[2] && again[4]);
	tt_in(&t, TCP_ACK, 1, 10001, NULL, 0);
	tt_quiet(&t);
	assert_int_equal(tt_info(&t).rtos, 0);
	assert_int_equal(tt_info(&t).retransmits, 3);
	assert_int_equal(tt_info(&t).fast_recoveries, 1);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_sack_repairs_three_losses_without_rto),
	};

	return cmocka_run_group_tests_name("tcp sack", tests, NULL, NULL);
}
