/* SPDX-License-Identifier: BSD-3-Clause */
/* Arrival of bytes: whatever is malformed is dropped and counted. */
#include "tcptest.h"

static void receiver(struct tt *t, bool sack, bool ts)
{
	struct tcp_cfg cfg;

	tt_cfg(&cfg);
	cfg.sack = sack;
	cfg.timestamps = ts;
	tt_init(t, &cfg);
	t->sack_ok = sack;
	t->ts_val = ts ? 1000 : 0;
	tt_establish_passive(t);
}

static void test_malformed(void **state)
{
	uint8_t b[64] = {0};
	struct tcp_in in = {.seg = b, .peer = TT_PEER};
	struct tt t;

	(void)state;
	receiver(&t, false, false);
	for (uint32_t n = 0; n < 20; n++) {
		in.len = n;
		tcp_input(t.s, &in, (struct instant){t.now});
	}
	assert_int_equal(tt_counters(&t).drop_malformed, 20);
	in.len = 40;
	b[12] = 4 << 4; /* header shorter than itself */
	tcp_input(t.s, &in, (struct instant){t.now});
	b[12] = 15 << 4; /* longer than the segment */
	tcp_input(t.s, &in, (struct instant){t.now});
	b[12] = 10 << 4;
	b[20] = 8; /* an option that runs out */
	b[21] = 30;
	tcp_input(t.s, &in, (struct instant){t.now});
	b[21] = 0;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(tt_counters(&t).drop_malformed, 24);
	b[20] = 1;
	b[21] = 0;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(tt_counters(&t).drop_checksum, 1);
	in.peer = 99;
	tcp_input(t.s, &in, (struct instant){t.now});
	assert_int_equal(tt_counters(&t).drop_peer, 1);
	tt_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_malformed),
	};

	return cmocka_run_group_tests_name("tcp input", tests, NULL, NULL);
}
