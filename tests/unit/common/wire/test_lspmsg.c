/* SPDX-License-Identifier: BSD-3-Clause */
/* Set-up and reply: fields at their places, the empty envelope, the largest record. */
#include "tests/lib/mutate.h"

#include "wire/lse.h"
#include "wire/lspmsg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void trials(void **state)
{
	assert_true(mutate_table(codecs_lspmsg, 61));
}

static void setup(void **state)
{
	static const uint8_t envelope[3] = {0xe1, 0xe2, 0xe3};
	static const uint8_t want[] = {2,    8,    0x05, 0x00, 1,    2,    3,    4,    5,
	                               6,    7,    8,    9,    1,    2,    0,    0,    0x0a,
	                               0xbc, 0xde, 0,    3,    0,    0,    0x11, 0x12, 0x13,
	                               0x14, 0x21, 0x22, 0x23, 0x24, 0x31, 0x32, 0x33, 0x34,
	                               0x41, 0x42, 0x43, 0x44, 0xe1, 0xe2, 0xe3};
	struct setup_msg m = {.flags = SETUP_FLAG_IK,
	                      .mtu = 1280,
	                      .nonce = 0x0102030405060708,
	                      .hops = 9,
	                      .nnotvia = 1,
	                      .nrecord = 2,
	                      .reverse_label = 0x0abcde,
	                      .notvia = {{0x11121314, 0x21222324}},
	                      .record = {0x31323334, 0x41424344},
	                      .envelope = envelope,
	                      .envelope_len = sizeof(envelope)},
	                 back;
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	setup_write(&w, &m);
	assert_int_equal(wr_len(&w), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	r = rd_init(buf, wr_len(&w));
	assert_true(setup_read(&r, &back));
	assert_true(back.hops == 9 && back.nonce == m.nonce && back.mtu == 1280 &&
	            back.flags == SETUP_FLAG_IK && back.reverse_label == 0x0abcde);
	assert_true(back.notvia[0][1] == 0x21222324 && back.record[1] == 0x41424344);
	assert_memory_equal(back.envelope, envelope, 3);
	buf[0] = 1;
	r = rd_init(buf, wr_len(&w));
	assert_false(setup_read(&r, &back));
	buf[0] = 2;
	buf[13] = SETUP_NOTVIA_MAX + 1;
	r = rd_init(buf, wr_len(&w));
	assert_false(setup_read(&r, &back));
}

static void empty_and_full(void **state)
{
	struct setup_msg m = {.flags = SETUP_FLAG_FINGER, .reverse_label = 16}, back;
	struct reply_msg p = {.hops = 1, .forward_label = LABEL_MAX}, pback;
	uint8_t buf[24 + 4 * SETUP_RECORD_MAX];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	setup_write(&w, &m);
	r = rd_init(buf, wr_len(&w));
	assert_int_equal(wr_len(&w), 24);
	assert_true(setup_read(&r, &back));
	assert_int_equal(back.envelope_len, 0);
	m.nrecord = SETUP_RECORD_MAX;
	w = wr_init(buf, sizeof(buf));
	setup_write(&w, &m);
	assert_true(wr_ok(&w));
	r = rd_init(buf, wr_len(&w));
	assert_true(setup_read(&r, &back));
	assert_int_equal(back.nrecord, SETUP_RECORD_MAX);
	w = wr_init(buf, sizeof(buf));
	reply_write(&w, &p);
	assert_int_equal(wr_len(&w), 20);
	r = rd_init(buf, 20);
	assert_true(reply_read(&r, &pback));
}

static void reply(void **state)
{
	static const uint8_t envelope[1] = {0xe1};
	static const uint8_t want[] = {2, 0, 0x05, 0, 1, 2, 3, 4,    5,    6,   7,
	                               8, 9, 3,    0, 1, 0, 1, 0xff, 0xfe, 0xe1};
	const struct reply_msg m = {.mtu = 1280,
	                            .nonce = 0x0102030405060708,
	                            .hops_first = 9,
	                            .hops = 3,
	                            .forward_label = 0x1fffe,
	                            .envelope = envelope,
	                            .envelope_len = 1};
	struct reply_msg back;
	uint8_t buf[64];
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	reply_write(&w, &m);
	assert_int_equal(wr_len(&w), sizeof(want));
	assert_memory_equal(buf, want, sizeof(want));
	r = rd_init(buf, wr_len(&w));
	assert_true(reply_read(&r, &back));
	assert_true(back.hops_first == 9 && back.hops == 3 && back.forward_label == 0x1fffe &&
	            back.nonce == m.nonce);
	buf[0] = 0;
	r = rd_init(buf, wr_len(&w));
	assert_false(reply_read(&r, &back));
}

static void one_notvia_too_many(void **state)
{
	struct setup_msg m = {.reverse_label = 16, .nnotvia = SETUP_NOTVIA_MAX}, back;
	uint8_t buf[24 + 8 * (SETUP_NOTVIA_MAX + 1)] = {0};
	struct wr w = wr_init(buf, sizeof(buf));
	struct rd r;

	setup_write(&w, &m);
	r = rd_init(buf, wr_len(&w));
	assert_true(setup_read(&r, &back));
	buf[13] = SETUP_NOTVIA_MAX + 1;
	r = rd_init(buf, sizeof(buf));
	assert_false(setup_read(&r, &back));
}

static void labels(void **state)
{
	static const uint32_t bad[] = {0, 3, 15, 0x100000, 0x100064, 0xfffffffe};

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const struct setup_msg m = {.reverse_label = bad[i]};
		const struct reply_msg p = {.forward_label = bad[i]};
		struct setup_msg back;
		struct reply_msg pback;
		uint8_t buf[64];
		struct wr w = wr_init(buf, sizeof(buf));
		struct rd r;

		setup_write(&w, &m);
		r = rd_init(buf, wr_len(&w));
		assert_false(setup_read(&r, &back));
		w = wr_init(buf, sizeof(buf));
		reply_write(&w, &p);
		r = rd_init(buf, wr_len(&w));
		assert_false(reply_read(&r, &pback));
	}
}

static void tag(void **state)
{
	struct node_id id = {{0xf1, 2, 3, 4, 5}};

	assert_int_equal(id_tag(&id), 0xf1020304);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(trials),
	        cmocka_unit_test(setup),
	        cmocka_unit_test(empty_and_full),
	        cmocka_unit_test(reply),
	        cmocka_unit_test(tag),
	        cmocka_unit_test(labels),
	        cmocka_unit_test(one_notvia_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
